// Local rewrites towards one form: neutral elements and no-ops go, transposes move into products, repeated rows stay
// implicit, products of copied rows are made once, arithmetic on constants is done. Each rule looks at one node and at
// what made its operands.
//
// Runs after differentiate: stop_gradient and reverse_gradient have done their work by then and are dropped here.
#include <algorithm>
#include <numeric>
#include <optional>

#include "compiler/ir/rebuild.h"
#include "compiler/ops/attrs.h"
#include "compiler/ops/op.h"
#include "compiler/passes/pipeline.h"

namespace mtl::passes {
namespace {

using ir::Attrs;
using ir::Graph;
using ir::Node;
using ir::NodeId;
using ir::Value;
using ops::attr_bool;
using types::Dim;
using types::Type;
using Operands = std::vector<Value>;

class Canonicalizer {
 public:
  explicit Canonicalizer(const Graph& graph) : rebuild_(graph) {}

  Graph run() {
    const Graph& old = rebuild_.old();
    for (NodeId id = 0; id < old.nodes.size(); ++id) {
      const Node& node = old.nodes[id];
      rebuild_.at(id);
      rebuild_.replace(id, make(node.op->name, rebuild_.map_operands(id), node.attrs));
    }
    return rebuild_.finish();
  }

 private:
  using Rewrite = std::optional<Value>;

  const Node& node(Value value) { return rebuild_.graph().node(value); }
  const Type& type(Value value) { return rebuild_.graph().type(value); }
  bool is(Value value, std::string_view op) { return node(value).op->name == op; }
  std::optional<double> constant(Value value) {
    if (!is(value, "constant")) return std::nullopt;
    return ops::attr_number(node(value).attrs, "value");
  }
  bool is_constant(Value value, double wanted) { return constant(value) == wanted; }

  // The node, or what it is worth after the rules.
  std::vector<Value> make(std::string_view op, Operands operands, Attrs attrs) {
    strip_repetition(op, operands, attrs);
    if (Rewrite value = arithmetic(op, operands)) return {*value};
    if (Rewrite value = no_op(op, operands, attrs)) return {*value};
    if (Rewrite value = shape(op, operands, attrs)) return {*value};
    fold_transposes(op, operands, attrs);
    if (Rewrite value = copies(op, operands, attrs)) return {*value};
    if (Rewrite value = fold(op, operands, attrs)) return {*value};
    auto made = rebuild_.build().make(op, std::move(operands), std::move(attrs));
    MTL_CHECK(made, "canonicalize broke `" + std::string(op) + "`: " + made.error().message);
    return *made;
  }
  Value one(std::string_view op, Operands operands, Attrs attrs = {}) {
    return make(op, std::move(operands), std::move(attrs)).front();
  }

  // What the shape rule says; nullopt if it complains.
  std::optional<ops::Types> infer(std::string_view op, const Operands& operands, const Attrs& attrs) {
    std::vector<Type> operand_types;
    for (const Value operand : operands) operand_types.push_back(type(operand));
    const ops::InferResult inferred =
        ops::find_op(op)->infer.get()({operand_types, attrs, rebuild_.build().graph().spaces});
    if (!inferred) return std::nullopt;
    return *inferred;
  }

  // A reshape that broadcasting would do by itself.
  bool adds_leading_ones(Value value) {
    if (!is(value, "reshape")) return false;
    const std::vector<Dim>&to = type(value).dims, &from = type(node(value).operands[0]).dims;
    if (to.size() < from.size()) return false;
    const auto added = to.begin() + static_cast<int64_t>(to.size() - from.size());
    return std::all_of(to.begin(), added, [](const Dim& dim) { return dim == Dim(1); }) &&
           std::equal(from.begin(), from.end(), added);
  }

  // Row ops of several operands repeat them by themselves: f(x, to_space(y)) is f(x, y) where that has the same type.
  void strip_repetition(std::string_view op, Operands& operands, const Attrs& attrs) {
    if (operands.size() < 2 || ops::find_op(op)->lower.get().kind != ops::Lowering::Kind::row) return;
    const bool looks_up = op == "gather" || op == "pick";  // what is looked up in has all of its numbers
    const std::optional<ops::Types> before = infer(op, operands, attrs);
    for (Value& operand : operands) {
      while (is(operand, "to_space") || (!looks_up && (is(operand, "broadcast") || adds_leading_ones(operand)))) {
        const Value kept = operand;
        operand = node(operand).operands[0];
        if (infer(op, operands, attrs) == before) continue;
        operand = kept;
        break;
      }
    }
  }

  // Neutral elements, and differences written as sums. The result has to keep its type.
  Rewrite arithmetic(std::string_view op, const Operands& operands) {
    if (operands.size() == 1 && op == "neg" && is(operands[0], "neg")) return node(operands[0]).operands[0];
    if (operands.size() != 2) return std::nullopt;
    if (op != "add" && op != "sub" && op != "mul" && op != "div" && op != "pow") return std::nullopt;
    const Value a = operands[0], b = operands[1];
    const auto result = infer(op, operands, {});
    const auto keeps = [&](Value value) { return result && result->front() == type(value); };
    if (op == "add") {
      if (is_constant(b, 0) && keeps(a)) return a;
      if (is_constant(a, 0) && keeps(b)) return b;
      if (is(b, "neg")) return one("sub", {a, node(b).operands[0]});
      if (is(a, "neg")) return one("sub", {b, node(a).operands[0]});
      if (Rewrite joined = joined_pads(a, b)) return joined;
      if (Rewrite joined = joined_pads(b, a)) return joined;
    } else if (op == "sub") {
      if (is_constant(b, 0) && keeps(a)) return a;
      if (is(b, "neg")) return one("add", {a, node(b).operands[0]});
    } else if (op == "mul") {
      if (is_constant(b, 1) && keeps(a)) return a;
      if (is_constant(a, 1) && keeps(b)) return b;
    } else if (is_constant(b, 1) && keeps(a)) {  // div, pow
      return a;
    }
    return std::nullopt;
  }

  // The sum of two values that are zero where the other is not, neighbours along an axis: what the gradients of slices
  // add up to.
  Rewrite joined_pads(Value low, Value high) {
    if (!is(low, "pad") || !is(high, "pad") || type(low) != type(high)) return std::nullopt;
    const int rank = type(low).rank();
    const auto axis_of_pad = [&](Value pad) {
      const int64_t axis = ops::attr_int(node(pad).attrs, "axis", -1);
      return axis < 0 ? axis + rank : axis;
    };
    const int64_t axis = axis_of_pad(low);
    if (axis != axis_of_pad(high)) return std::nullopt;
    const Value parts[2] = {node(low).operands[0], node(high).operands[0]};
    if (type(parts[0]).space != type(parts[1]).space || type(parts[0]).dtype != type(parts[1]).dtype)
      return std::nullopt;
    const Dim before = ops::attr_dim(node(low).attrs, "before", Dim(0));
    const Dim after = ops::attr_dim(node(high).attrs, "after", Dim(0));
    if (before + type(parts[0]).dims[axis] != ops::attr_dim(node(high).attrs, "before", Dim(0))) return std::nullopt;
    Operands pieces;
    for (const Value part : parts) {
      const bool same_axis = is(part, "concat") && (ops::attr_int(node(part).attrs, "axis", -1) + rank) % rank == axis;
      const Operands inner = same_axis ? node(part).operands : Operands{part};
      pieces.insert(pieces.end(), inner.begin(), inner.end());
    }
    const Value joined = one("concat", pieces, {{"axis", axis}});
    if (type(joined) == type(low)) return joined;
    return one("pad", {joined},
               {{"axis", axis}, {"before", std::vector<Dim>{before}}, {"after", std::vector<Dim>{after}}});
  }

  // Ops that give back their operand.
  Rewrite no_op(std::string_view op, const Operands& operands, const Attrs& attrs) {
    if (operands.size() != 1) return std::nullopt;
    const Value x = operands[0];
    if (op == "stop_gradient" || op == "reverse_gradient" || op == "version") return x;
    if (op == "dropout" && ops::attr_number(attrs, "rate") == 0) return x;
    if ((op == "map_in" || op == "map_out") && ops::attr_int(attrs, "count", 1) == 0) return x;
    const bool may_be_identity = op == "to_space" || op == "broadcast" || op == "reshape" || op == "slice" ||
                                 op == "pad" || op == "concat" || op == "to_f32" || op == "to_i32";
    if (may_be_identity) {
      const auto result = infer(op, operands, attrs);
      if (result && result->front() == type(x)) return x;
    }
    return std::nullopt;
  }

  std::vector<Dim> permutation(const Attrs& attrs, int rank) {
    if (const auto* perm = ops::find_attr<std::vector<Dim>>(attrs, "perm")) return *perm;
    std::vector<Dim> perm;
    for (int i = 0; i < rank; ++i) perm.push_back(i);
    if (rank >= 2) std::swap(perm[rank - 1], perm[rank - 2]);
    return perm;
  }

  // Pairs that undo each other or merge, and transposes that move no data.
  Rewrite shape(std::string_view op, const Operands& operands, const Attrs& attrs) {
    if (operands.size() != 1) return std::nullopt;
    const Value x = operands[0];
    const Node& inner = node(x);
    if (op == "reshape" && is(x, "reshape")) return one("reshape", {inner.operands[0]}, attrs);
    if (op == "segment_sum" && is(x, "segment_sum")) return one("segment_sum", {inner.operands[0]}, attrs);
    const bool is_back = (op == "map_in" && is(x, "map_out")) || (op == "map_out" && is(x, "map_in"));
    if (is_back && ops::attr_int(attrs, "count", 1) == ops::attr_int(inner.attrs, "count", 1)) return inner.operands[0];
    if (op != "transpose") return std::nullopt;
    const std::vector<Dim> perm = permutation(attrs, type(x).rank());
    if (is(x, "transpose")) {
      const std::vector<Dim> first = permutation(inner.attrs, type(x).rank());
      std::vector<Dim> both;
      for (const Dim& axis : perm) both.push_back(first[axis.value()]);
      return one("transpose", {inner.operands[0]}, {{"perm", both}});
    }
    // Only the order of dims that are not 1 matters.
    std::vector<int64_t> moved;
    for (const Dim& axis : perm) {
      if (type(x).dims[axis.value()] != Dim(1)) moved.push_back(axis.value());
    }
    if (!std::is_sorted(moved.begin(), moved.end())) return std::nullopt;
    return one("reshape", {x}, {{"dims", infer(op, operands, attrs)->front().dims}});
  }

  // Whether a value is its operand with the last two dims swapped.
  bool swaps_last_two(Value value) {
    if (!is(value, "transpose") || type(value).rank() < 2) return false;
    const int rank = type(value).rank();
    return permutation(node(value).attrs, rank) == permutation({}, rank);
  }
  void toggle(Attrs& attrs, const char* flag) { attrs[flag] = !attr_bool(attrs, flag); }

  // Products read their operands either way round.
  void fold_transposes(std::string_view op, Operands& operands, Attrs& attrs) {
    if (op == "linear" && swaps_last_two(operands[1])) {
      operands[1] = node(operands[1]).operands[0];
      toggle(attrs, "transposed");
    }
    if (op != "matmul") return;
    const auto before = infer(op, operands, attrs);
    for (int i = 0; i < 2; ++i) {
      if (!swaps_last_two(operands[i])) continue;
      const Operands kept_operands = operands;
      const Attrs kept_attrs = attrs;
      operands[i] = node(operands[i]).operands[0];
      toggle(attrs, i == 0 ? "transpose_a" : "transpose_b");
      // A single matrix on the right is not possible with a transposed left side.
      if (infer(op, operands, attrs) == before) continue;
      operands = kept_operands;
      attrs = kept_attrs;
    }
  }

  bool is_uniform(Value value) { return type(value).space == types::kUniform; }
  // The copies of a row that are added up, in the rows of `to`.
  Value summed(Value copies, Value to) { return one("sum_copies", {copies}, {{"to", ir::SpaceRef{type(to).space}}}); }

  // A product with a weight, and a lookup, of rows that are copied (rows of pairs): done for each row once, and
  // likewise their gradients, f(sum of copies) for the sum of f(copy).
  Rewrite copies(std::string_view op, const Operands& operands, const Attrs& attrs) {
    if (op == "linear" && is(operands[0], "copy_rows") && is_uniform(operands[1])) {
      const Node copy = node(operands[0]);
      return one("copy_rows", {one(op, {copy.operands[0], operands[1]}, attrs)}, copy.attrs);
    }
    if (op == "gather" && is(operands[1], "copy_rows") && is_uniform(operands[0])) {
      const Node copy = node(operands[1]);
      return one("copy_rows", {one(op, {operands[0], copy.operands[0]}, attrs)}, copy.attrs);
    }
    if (op == "gather_rows" && is(operands[0], "copy_rows"))  // whichever of the copies, it is the same row
      return one(op, {node(operands[0]).operands[0], operands[1]});
    if (op == "sum_copies" && is(operands[0], "scatter_add_rows"))
      return one("scatter_add_rows", node(operands[0]).operands, attrs);
    if (op == "sum_copies" && is(operands[0], "linear") && is_uniform(node(operands[0]).operands[1])) {
      const Node product = node(operands[0]);
      return one("linear", {one(op, {product.operands[0]}, attrs), product.operands[1]}, product.attrs);
    }
    if (op == "outer_sum" && is(operands[0], "copy_rows")) {
      const Value x = node(operands[0]).operands[0];
      return one(op, {x, summed(operands[1], x)}, attrs);
    }
    if (op == "outer_sum" && is(operands[1], "copy_rows")) {
      const Value x = node(operands[1]).operands[0];
      return one(op, {summed(operands[0], x), x}, attrs);
    }
    if (op == "scatter_rows" && is(operands[0], "copy_rows")) {
      const Value ids = node(operands[0]).operands[0];
      return one(op, {ids, summed(operands[1], ids)}, attrs);
    }
    return std::nullopt;
  }

  // Arithmetic on scalar constants, in double. Random ops carry a key and are no arithmetic.
  Rewrite fold(std::string_view op, const Operands& operands, const Attrs& attrs) {
    const ops::OpDef* definition = ops::find_op(op);
    if (operands.empty() || definition->lower.get().kind != ops::Lowering::Kind::row || attrs.count("key"))
      return std::nullopt;
    for (const Value operand : operands) {
      if (!constant(operand)) return std::nullopt;
    }
    const auto result = infer(op, operands, attrs);
    if (!result || result->size() != 1 || result->front() != Type{}) return std::nullopt;
    std::vector<ops::HostTensor> tensors;
    for (const Value operand : operands) tensors.push_back({Type{}, {*constant(operand)}});
    std::vector<const ops::HostTensor*> pointers;
    for (const ops::HostTensor& tensor : tensors) pointers.push_back(&tensor);
    ops::HostTensor folded{Type{}, {0.0}};
    ops::HostTensor* out = &folded;
    const std::vector<ops::HostSpace> rows(1);
    const types::Spaces spaces;
    const std::map<std::string, double> scalars;
    ops::EvaluateContext context{pointers, {&out, 1}, attrs, spaces, rows, 0, 0, scalars};
    definition->evaluate.get()(context);
    return rebuild_.build().constant(folded.values[0]);
  }

  ir::Rebuilder rebuild_;
};

}  // namespace

ir::Graph canonicalize(const ir::Graph& graph) {
  return Canonicalizer(graph).run();
}

}  // namespace mtl::passes
