// One op, one room: everything the compiler knows about an op is in one OpDef, in one block of one file of this
// folder. What is forgotten does not compile: Required<F> has no default. Tests of gradients, of the round trip
// and of lowered code against evaluate() come from `samples` for every entry of ops.def.
#pragma once
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/ir/builder.h"
#include "compiler/ir/graph.h"
#include "support/base/result.h"

namespace mtl::program {
class RowBuilder;
class CallBuilder;
}  // namespace mtl::program

namespace mtl::ops {

using ir::Attrs;
using ir::ShapeError;
using ir::Value;
using types::Dim;
using types::DType;
using types::SpaceId;
using types::Spaces;
using types::Type;

template <class F>
class Required {
 public:
  Required(F function) : function_(function) {}
  operator const F&() const { return function_; }
  const F& get() const { return function_; }

 private:
  F function_;
};

// ---- shape rule ----
struct InferContext {
  std::span<const Type> operands;
  const Attrs& attrs;
  Spaces& spaces;  // map_in adds the fixed space of its result; nothing else does
};
using Types = std::vector<Type>;
using InferResult = Result<Types, ShapeError>;
using InferFn = InferResult (*)(const InferContext&);

// ---- gradient ----
// Builds the backward nodes of one node. adjoint(i) is invalid where nothing flows into result i.
class GradientContext {
 public:
  virtual ~GradientContext() = default;
  virtual ir::Builder& build() = 0;
  virtual const ir::Node& node() const = 0;
  virtual Value operand(size_t i) const = 0;
  virtual Value result(size_t i = 0) const = 0;
  virtual Value adjoint(size_t i = 0) const = 0;
  // Whether operand i wants a gradient at all (it leads to a parameter).
  virtual bool wants(size_t i) const = 0;
  // Adds `value` to the adjoint of operand i; broadcasting is undone with Builder::sum_to.
  virtual void accumulate(size_t i, Value value) = 0;
};
using GradientFn = void (*)(GradientContext&);
// For ops through which nothing flows: the reason, shown by `mtlc emit ir --gradients` and in the docs.
struct Gradient {
  GradientFn function = nullptr;
  const char* none_because = nullptr;
};
inline Gradient gradient(GradientFn function) {
  return {function, nullptr};
}
inline Gradient no_gradient(const char* because) {
  return {nullptr, because};
}

// ---- reference evaluation, in double ----
struct HostSpace {
  int64_t rows = 1;
  std::vector<int32_t> offsets;    // parent rows + 1; empty for the uniform space
  std::vector<int32_t> parent;     // the parent row of each row
  std::vector<int32_t> position;   // the place in its parent of each row
  std::vector<uint64_t> identity;  // who each row is (runtime/core/random.h)
};
struct HostTensor {
  Type type;                   // dims are constants
  std::vector<double> values;  // rows x elements, row-major; ids and booleans too
};
struct EvaluateContext {
  std::span<const HostTensor* const> operands;
  std::span<HostTensor* const> results;  // typed and sized
  const Attrs& attrs;
  const Spaces& spaces;
  std::span<const HostSpace> host_spaces;  // by SpaceId
  uint64_t seed = 0;                       // for random ops
  uint64_t step = 0;
  const std::map<std::string, double>& scalars;
};
using EvaluateFn = void (*)(EvaluateContext&);

// ---- lowering ----
// Exactly one of three kinds:
//   row   the op computes each row of its space from the same row of its operands (or of an ancestor's row, or of
//         uniform operands): it becomes instructions of a loop kernel, and is fused with its neighbours
//   call  the op is a call of a runtime kernel (runtime/core/kernels.h)
//   leaf  input, param, constant: no work
//   alias the result is operand 0 under another shape (reshape)
struct Lowering {
  enum class Kind : uint8_t { row, call, leaf, alias } kind;
  void (*row)(program::RowBuilder&) = nullptr;
  void (*call)(program::CallBuilder&) = nullptr;
};
inline Lowering lower_row(void (*f)(program::RowBuilder&)) {
  return {Lowering::Kind::row, f, nullptr};
}
inline Lowering lower_call(void (*f)(program::CallBuilder&)) {
  return {Lowering::Kind::call, nullptr, f};
}
inline Lowering lower_leaf() {
  return {Lowering::Kind::leaf, nullptr, nullptr};
}
inline Lowering lower_alias() {
  return {Lowering::Kind::alias, nullptr, nullptr};
}

// ---- samples ----
// An instance to test the op on. Spaces are those of sample_spaces() (ops/sample.h): uniform, "s" (examples),
// "s.T", "s.T.C". Values are drawn per operand from its domain.
struct Domain {
  enum class Kind : uint8_t { normal, positive, unit, ids, boolean, distinct } kind = Kind::normal;
  int64_t below = 0;      // ids: 0 <= id < below
  bool constant = false;  // no finite differences for this operand
};
struct Sample {
  std::vector<Type> operands;
  Attrs attrs;
  std::vector<Domain> domains;  // empty: all normal
};
using SamplesFn = std::vector<Sample> (*)(const Spaces&);

// ---- cost ----
// Floating-point operations of products, two for each multiplication with its addition, as other counters take them;
// work by element (activations, sums, softmax) is not counted. A polynomial over sizes that are not known yet.
struct FlopsContext {
  std::span<const Type> operands;
  std::span<const Type> results;
  const Attrs& attrs;
  const Spaces& spaces;
  Dim rows(SpaceId space) const;  // for one example: "T" of atis.T
  Dim elements(const Type& type) const { return rows(type.space) * type.elements(); }
};
using FlopsFn = Dim (*)(const FlopsContext&);

struct OpDef {
  const char* name;  // its spelling in the graph's text form
  const char* doc;   // first sentence says what it computes; then the formula
  int operands;      // how many; -1: any number
  int results;       // how many; -1: the shape rule decides
  Required<InferFn> infer;
  Required<Gradient> gradient;
  Required<EvaluateFn> evaluate;
  Required<Lowering> lower;
  Required<SamplesFn> samples;
  FlopsFn flops = nullptr;  // null: it multiplies nothing with each other
};

const OpDef* find_op(std::string_view name);
const std::vector<const OpDef*>& all_ops();

}  // namespace mtl::ops
