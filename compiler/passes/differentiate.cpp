// Reverse-mode differentiation: the forward graph is copied, then every node between the parameters and the objective
// is visited backwards and its op appends its gradient (OpDef::gradient). An adjoint has the type of its value.
//
// Griewank & Walther, "Evaluating Derivatives" (2008), chapter 3.
#include <algorithm>

#include "compiler/ir/rebuild.h"
#include "compiler/ops/attrs.h"
#include "compiler/ops/op.h"
#include "compiler/passes/pipeline.h"
#include "support/base/check.h"

namespace mtl::passes {
namespace {

using ir::Builder;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;
using types::Dim;
using types::DType;
using types::Type;

// Repeats or sums `value` until it has the type that the adjoint of a value of type `wanted` has.
Value fit(Builder& build, Value value, const Type& wanted) {
  Type from = build.type(value);
  if (from.rank() < wanted.rank()) {
    from.dims.insert(from.dims.begin(), wanted.rank() - from.rank(), 1);
    value = build.reshape(value, from.dims);
  }
  const int extra = from.rank() - wanted.rank();
  Type summed = wanted;
  for (int i = 0; i < wanted.rank(); ++i) {
    if (wanted.dims[i] != Dim(1)) summed.dims[i] = from.dims[i + extra];
  }
  if (build.graph().spaces.is_ancestor(from.space, wanted.space)) summed.space = from.space;
  return build.expand_to(build.sum_to(value, summed), wanted);
}

class Differentiator {
 public:
  Differentiator(const Graph& graph, const std::vector<std::string>& params)
      : params_(params), rebuild_(graph), adjoints_(graph.nodes.size()) {}

  Graph run() {
    const Graph& old = rebuild_.old();
    for (NodeId id = 0; id < old.nodes.size(); ++id) {
      rebuild_.copy(id);
      adjoints_[id].resize(old.nodes[id].types.size());
      leads_to_param_.push_back(is_param(id) || passes_gradient(id));
    }
    const Value objective = old.output("objective");
    const Type& type = old.type(objective);
    MTL_CHECK(type == Type{}, "the objective is not a number");
    if (leads_to_param_[objective.node]) {
      adjoints_[objective.node][objective.result] = rebuild_.build().constant(1);
      for (NodeId id = objective.node + 1; id-- > 0;) visit(id);
    }
    std::vector<ir::Output> gradients;
    for (const std::string& path : params_) {
      if (const Value sum = gradient_of(path); sum.valid()) gradients.push_back({"grad " + path, sum});
    }
    Graph graph = rebuild_.finish();
    for (ir::Output& gradient : gradients) graph.outputs.push_back(std::move(gradient));
    return graph;
  }

 private:
  class Context;

  const std::string* param_path(NodeId id) const {
    const Node& node = rebuild_.old().nodes[id];
    return std::string_view(node.op->name) == "param" ? &ops::attr_text(node.attrs, "path") : nullptr;
  }
  bool is_param(NodeId id) const {
    const std::string* path = param_path(id);
    return path && std::find(params_.begin(), params_.end(), *path) != params_.end();
  }
  bool wants(Value value) const {
    return leads_to_param_[value.node] && rebuild_.old().type(value).dtype == DType::f32;
  }
  bool passes_gradient(NodeId id) const {
    const Node& node = rebuild_.old().nodes[id];
    if (!node.op->gradient.get().function) return false;
    return std::any_of(node.operands.begin(), node.operands.end(), [&](Value operand) { return wants(operand); });
  }

  void visit(NodeId id);

  // A parameter may have several nodes; their adjoints add up.
  Value gradient_of(const std::string& path) {
    Value sum;
    for (NodeId id = 0; id < rebuild_.old().nodes.size(); ++id) {
      const std::string* name = param_path(id);
      if (!name || *name != path || !adjoints_[id][0].valid()) continue;
      sum = sum.valid() ? rebuild_.build().add(sum, adjoints_[id][0]) : adjoints_[id][0];
    }
    return sum;
  }

  const std::vector<std::string>& params_;
  ir::Rebuilder rebuild_;
  std::vector<bool> leads_to_param_;
  std::vector<std::vector<Value>> adjoints_;  // of old values, in the new graph
};

class Differentiator::Context final : public ops::GradientContext {
 public:
  Context(Differentiator& owner, NodeId id) : owner_(owner), id_(id) {}
  Builder& build() override { return owner_.rebuild_.build(); }
  const Node& node() const override { return owner_.rebuild_.old().nodes[id_]; }
  Value operand(size_t i) const override { return owner_.rebuild_.map(node().operands[i]); }
  Value result(size_t i) const override { return owner_.rebuild_.map({id_, static_cast<uint32_t>(i)}); }
  Value adjoint(size_t i) const override { return owner_.adjoints_[id_][i]; }
  bool wants(size_t i) const override { return owner_.wants(node().operands[i]); }
  void accumulate(size_t i, Value value) override {
    if (!wants(i)) return;
    const Value operand = node().operands[i];
    const Type wanted = owner_.rebuild_.old().type(operand);
    value = fit(build(), value, wanted);
    Value& adjoint = owner_.adjoints_[operand.node][operand.result];
    adjoint = adjoint.valid() ? build().add(adjoint, value) : value;
  }

 private:
  Differentiator& owner_;
  NodeId id_;
};

void Differentiator::visit(NodeId id) {
  const Node& node = rebuild_.old().nodes[id];
  const std::vector<Value>& adjoints = adjoints_[id];
  if (!leads_to_param_[id] || node.operands.empty()) return;
  if (std::none_of(adjoints.begin(), adjoints.end(), [](Value value) { return value.valid(); })) return;
  MTL_CHECK(adjoints[0].valid(), std::string("a gradient flows into a side result of `") + node.op->name + "` alone");
  rebuild_.at(id);
  Context context(*this, id);
  node.op->gradient.get().function(context);
}

}  // namespace

Graph differentiate(const Graph& graph, const std::vector<std::string>& params) {
  return Differentiator(graph, params).run();
}

}  // namespace mtl::passes
