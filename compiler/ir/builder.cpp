// Making nodes: the op's shape rule runs, then the node is appended. See builder.h.
#include "compiler/ir/builder.h"

#include "compiler/ops/op.h"
#include "support/base/check.h"

namespace mtl::ir {

Value Graph::output(const std::string& name) const {
  for (const Output& output : outputs) {
    if (output.name == name) return output.value;
  }
  MTL_CHECK(false, "the graph has no output `" + name + "`");
}

Result<std::vector<Value>, ShapeError> Builder::make(std::string_view op, std::vector<Value> operands, Attrs attrs) {
  const ops::OpDef* definition = ops::find_op(op);
  MTL_CHECK(definition, "there is no op `" + std::string(op) + "`");
  MTL_CHECK(definition->operands < 0 || static_cast<size_t>(definition->operands) == operands.size(),
            "wrong number of operands for op `" + std::string(op) + "`");
  std::vector<Type> types;
  for (const Value operand : operands) {
    MTL_CHECK(operand.node < graph_.nodes.size(), "an operand of `" + std::string(op) + "` does not exist");
    types.push_back(graph_.type(operand));
  }
  ops::InferResult inferred = definition->infer.get()({types, attrs, graph_.spaces});
  if (!inferred) return inferred.error();

  Node node;
  node.op = definition;
  node.operands = std::move(operands);
  node.attrs = std::move(attrs);
  node.types = std::move(*inferred);
  node.range = range_;
  std::vector<Value> results;
  const NodeId id = static_cast<NodeId>(graph_.nodes.size());
  for (uint32_t i = 0; i < node.types.size(); ++i) results.push_back({id, i});
  graph_.nodes.push_back(std::move(node));
  return results;
}

Value Builder::must(std::string_view op, std::vector<Value> operands, Attrs attrs) {
  Result<std::vector<Value>, ShapeError> made = make(op, std::move(operands), std::move(attrs));
  MTL_CHECK(made, "shapes of op `" + std::string(op) + "`: " + made.error().message);
  return made->front();
}

Value Builder::constant(double value) {
  return must("constant", {}, {{"value", value}});
}
Value Builder::constant_i32(int64_t value) {
  return must("constant_i32", {}, {{"value", value}});
}

Value Builder::input(const std::string& name, const Type& type) {
  return must("input", {},
              {{"name", name},
               {"dtype", std::string(types::dtype_name(type.dtype))},
               {"space", SpaceRef{type.space}},
               {"dims", type.dims}});
}

Value Builder::param(const std::string& path, std::vector<Dim> dims) {
  return must("param", {}, {{"path", path}, {"dims", std::move(dims)}});
}

Value Builder::state(const std::string& path, std::vector<Dim> dims) {
  return must("state", {}, {{"path", path}, {"dims", std::move(dims)}});
}

Value Builder::scalar(const std::string& name) {
  return must("scalar", {}, {{"name", name}});
}

Value Builder::reshape(Value x, std::vector<Dim> dims) {
  if (type(x).dims == dims) return x;
  return must("reshape", {x}, {{"dims", std::move(dims)}});
}

Value Builder::sum(Value x, std::vector<Dim> axes, bool keep) {
  return must("sum", {x}, {{"axes", std::move(axes)}, {"keep", keep}});
}

Value Builder::sum_to(Value x, const Type& wanted) {
  // A copy: making nodes moves the graph's types.
  const Type from = type(x);
  MTL_CHECK(from.rank() >= wanted.rank(), "sum_to a type of higher rank");
  const int extra = from.rank() - wanted.rank();
  std::vector<Dim> axes;
  for (int i = 0; i < from.rank(); ++i) {
    const bool is_missing = i < extra;
    if (is_missing || (wanted.dims[i - extra] == Dim(1) && from.dims[i] != Dim(1))) axes.push_back(i);
  }
  if (!axes.empty()) x = reshape(sum(x, axes, true), wanted.dims);
  if (from.space != wanted.space) x = must("segment_sum", {x}, {{"to", SpaceRef{wanted.space}}});
  return x;
}

Value Builder::expand_to(Value x, const Type& wanted) {
  if (type(x).space != wanted.space) x = must("to_space", {x}, {{"space", SpaceRef{wanted.space}}});
  if (type(x).dims != wanted.dims) x = must("broadcast", {x}, {{"dims", wanted.dims}});
  return x;
}

}  // namespace mtl::ir
