// What an op's `lower` function is given. A row op describes its result as instructions of a loop kernel; a call
// op names a runtime kernel. Neither knows which ops it will be fused with, nor any back end.
#pragma once
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/program/kernel.h"

namespace mtl::program {

// A row value while an op is lowered; refers to an instruction.
struct RowValue {
  InstrId id = 0;
};

class RowBuilder {
 public:
  virtual ~RowBuilder() = default;
  virtual const ir::Node& node() const = 0;
  virtual const types::Spaces& spaces() const = 0;
  virtual types::Type operand_type(size_t i) const = 0;
  virtual const Shape& shape(RowValue value) const = 0;

  // Operand i at the row at hand: its own row, or the row of an ancestor or uniform operand.
  virtual RowValue operand(size_t i) = 0;
  // Operand i at the first or last row of this row's segment in the operand's (child) space.
  virtual RowValue operand_edge(size_t i, bool last) = 0;
  // Row `id` (i32 scalar) of operand i, a uniform table [K, ...]; zeros where id < 0.
  virtual RowValue gather(size_t i, RowValue id) = 0;

  virtual RowValue constant(double number) = 0;
  virtual RowValue index(Shape shape, int axis) = 0;       // i32 coordinate along axis
  virtual RowValue position() = 0;                         // of the row in its segment, i32
  virtual RowValue length(types::SpaceId child) = 0;       // of the row's segment in a child space, i32
  virtual RowValue random(Shape shape, uint64_t key) = 0;  // uniform [0, 1)
  virtual RowValue scalar(const std::string& name) = 0;    // a step scalar
  virtual RowValue apply(Fn fn, std::initializer_list<RowValue> args) = 0;        // broadcasts
  virtual RowValue reduce(Reduce reduce, RowValue x, std::vector<int> axes) = 0;  // axes stay as 1
  virtual RowValue view(RowValue x, Shape shape, std::vector<int64_t> strides, int64_t offset) = 0;
  virtual RowValue reshape(RowValue x, Shape shape) = 0;

  // The op's result i. Its shape must be that of the node's type.
  virtual void result(size_t i, RowValue value) = 0;
  // Result i, piecewise: `value` goes to element_offset + sum(index * strides) of the row (concat, pad).
  virtual void result_part(size_t i, RowValue value, int64_t element_offset, std::vector<int64_t> strides) = 0;
  // The op reduces rows: its result is the sum (...) of `value` over the rows of each segment of the result's
  // (ancestor or uniform) space. Instructions before this one run over the operand's space.
  virtual void result_over_rows(size_t i, Reduce reduce, RowValue value) = 0;

  // shorthands
  RowValue add(RowValue a, RowValue b) { return apply(Fn::add, {a, b}); }
  RowValue sub(RowValue a, RowValue b) { return apply(Fn::sub, {a, b}); }
  RowValue mul(RowValue a, RowValue b) { return apply(Fn::mul, {a, b}); }
  RowValue div(RowValue a, RowValue b) { return apply(Fn::div, {a, b}); }
  RowValue select(RowValue c, RowValue a, RowValue b) { return apply(Fn::select, {c, a, b}); }
};

class CallBuilder {
 public:
  virtual ~CallBuilder() = default;
  virtual const ir::Node& node() const = 0;
  virtual const types::Spaces& spaces() const = 0;
  virtual types::Type operand_type(size_t i) const = 0;
  virtual types::Type result_type(size_t i) const = 0;
  virtual uint32_t operand(size_t i) = 0;  // its buffer
  virtual uint32_t result(size_t i) = 0;   // its buffer
  virtual void call(std::string kernel, std::vector<uint32_t> operands, std::vector<int64_t> ints,
                    std::vector<float> floats, std::vector<types::SpaceId> spaces) = 0;
};

}  // namespace mtl::program
