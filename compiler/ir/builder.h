// The only way to make nodes: looks the op up, runs its shape rule, appends.
//
// make() reports a shape error to its caller (elaborate words it with source ranges); the short forms below it
// (add, mul, ...) are for code that knows its shapes, such as gradients: a failure there is a bug of ours.
#pragma once
#include <initializer_list>
#include <span>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"
#include "support/base/result.h"

namespace mtl::ir {

// Which operand is wrong (or -1: an attribute or the whole) and why, in the field's words, without places.
struct ShapeError {
  int operand = -1;
  int other_operand = -1;  // the one that it disagrees with, if any
  std::string message;
  std::string help;  // what to write instead; may be empty
};

class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}
  Graph& graph() { return graph_; }
  const Type& type(Value value) const { return graph_.type(value); }

  // New nodes carry this range until it is set again.
  void set_range(SourceRange range) { range_ = range; }

  // All results of the new node.
  Result<std::vector<Value>, ShapeError> make(std::string_view op, std::vector<Value> operands, Attrs attrs = {});
  // The first result; MTL_CHECKs that the shapes fit.
  Value must(std::string_view op, std::vector<Value> operands, Attrs attrs = {});

  Value constant(double value);       // uniform f32 scalar; broadcasts everywhere
  Value constant_i32(int64_t value);  // uniform i32 scalar
  Value input(const std::string& name, const Type& type);
  Value param(const std::string& path, std::vector<Dim> dims);
  Value state(const std::string& path, std::vector<Dim> dims);
  Value scalar(const std::string& name);
  Value add(Value a, Value b) { return must("add", {a, b}); }
  Value sub(Value a, Value b) { return must("sub", {a, b}); }
  Value mul(Value a, Value b) { return must("mul", {a, b}); }
  Value div(Value a, Value b) { return must("div", {a, b}); }
  Value neg(Value a) { return must("neg", {a}); }
  Value where(Value condition, Value a, Value b) { return must("where", {condition, a, b}); }
  // `x` seen with other static dims (reshape; no node if they are the same).
  Value reshape(Value x, std::vector<Dim> dims);
  // Sums over static axes; `keep` leaves them as 1.
  Value sum(Value x, std::vector<Dim> axes, bool keep = false);
  // Sums `x` down to `type`: over rows to an ancestor space, over dimensions that `type` lacks or has as 1. The
  // inverse of broadcasting, used by every gradient of a broadcasting op.
  Value sum_to(Value x, const Type& type);
  // Repeats `x` up to the rows and dims of `type`: explicit broadcasting, for ops that do none.
  Value expand_to(Value x, const Type& type);

 private:
  Graph& graph_;
  SourceRange range_;
};

}  // namespace mtl::ir
