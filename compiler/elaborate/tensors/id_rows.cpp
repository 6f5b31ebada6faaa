// Which numbers of which parameters belong to single ids: rows that ids look up, and rows or columns that `one_hot`,
// and what is made of it, is multiplied with. Those of `<unk>` start at zero (runtime/training/initialise.cpp).
#include "compiler/elaborate/tensors/id_rows.h"

#include <algorithm>

#include "compiler/ops/op.h"

namespace mtl::elaborate {

namespace {

bool flag(const ir::Node& node, const char* name) {
  const auto found = node.attrs.find(name);
  return found != node.attrs.end() && std::get<bool>(found->second);
}

std::optional<int64_t> number(const ir::Node& node, const char* name) {
  const auto found = node.attrs.find(name);
  if (found == node.attrs.end()) return std::nullopt;
  return std::get<int64_t>(found->second);
}

bool is_one_of(std::string_view op, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), op) != names.end();
}

// An axis of the result of a transpose, as one of its operand.
int axis_before(const ir::Node& node, int axis, int rank) {
  const auto found = node.attrs.find("perm");
  if (found != node.attrs.end())
    return static_cast<int>(std::get<std::vector<Dim>>(found->second)[static_cast<size_t>(axis)].value());
  return axis + 2 < rank ? axis : axis == rank - 1 ? rank - 2 : rank - 1;
}

// The axis that is as the `axis` of the other shape, where they differ in ones alone; -1: there is none.
int axis_without_ones(const std::vector<Dim>& from, const std::vector<Dim>& to, int axis) {
  const auto rest = [](const std::vector<Dim>& dims) {
    std::vector<int> axes;
    for (int i = 0; i < std::ssize(dims); ++i)
      if (dims[static_cast<size_t>(i)] != Dim(1)) axes.push_back(i);
    return axes;
  };
  const std::vector<int> a = rest(from), b = rest(to);
  const auto found = std::find(a.begin(), a.end(), axis);
  if (a.size() != b.size() || found == a.end()) return -1;
  for (size_t i = 0; i < a.size(); ++i)
    if (from[static_cast<size_t>(a[i])] != to[static_cast<size_t>(b[i])]) return -1;
  return b[static_cast<size_t>(found - a.begin())];
}

// Whether the last two of `from` are one dimension of `to`, and all else is as it was: [out, in, 3] as [out, in * 3].
bool joins_last_two(const std::vector<Dim>& from, const std::vector<Dim>& to) {
  return from.size() == to.size() + 1 && !to.empty() && std::equal(to.begin(), to.end() - 1, from.begin()) &&
         from.back().constant();
}

// Ranges along the last two dimensions as one, as ranges along the first of them, which has `inner` numbers each; empty
// if an id has a part of one.
std::vector<IdRange> outer_ranges(const std::vector<IdRange>& ranges, int64_t inner) {
  std::vector<IdRange> outer;
  for (const IdRange& range : ranges) {
    if (inner == 0 || range.each % inner != 0 || range.begin % inner != 0) return {};
    outer.push_back({range.set, range.begin / inner, range.each / inner});
  }
  return outer;
}

}  // namespace

// The numbers along `axis` of what `value` is computed from, as far as each of them goes into one of these alone.
void note_ids(TensorContext& ctx, ir::Value value, int axis, const std::vector<IdRange>& ranges) {
  const ir::Node& node = ctx.nodes.graph.node(value);
  const std::string_view op = node.op->name;
  const int rank = ctx.type(value).rank();
  const auto go = [&](size_t operand, int at) {
    const int last = ctx.type(node.operands[operand]).rank();
    if (at >= 0 && at < last) note_ids(ctx, node.operands[operand], at, ranges);
  };
  if (op == "param") {
    const auto made = ctx.parameters.records.find(std::get<std::string>(node.attrs.at("path")));
    if (made == ctx.parameters.records.end()) return;
    std::vector<IdAxis>& known = made->second.info.ids;
    for (const IdRange& range : ranges) {
      const IdAxis mine{range.set, axis, range.begin, range.each};
      if (!range.set.empty() && std::find(known.begin(), known.end(), mine) == known.end()) known.push_back(mine);
    }
  } else if (op == "transpose") {
    go(0, axis_before(node, axis, rank));
  } else if (op == "reshape" && axis == rank - 1 &&
             joins_last_two(ctx.type(node.operands[0]).dims, ctx.type(value).dims)) {
    note_ids(ctx, node.operands[0], axis, outer_ranges(ranges, ctx.type(node.operands[0]).dims.back().value()));
  } else if (op == "reshape" || op == "broadcast") {
    go(0, axis_without_ones(ctx.type(value).dims, ctx.type(node.operands[0]).dims, axis));
  } else if (is_one_of(op, {"to_space", "copy_rows", "repeat_pairs", "stop_gradient", "reverse_gradient", "neg",
                            "dropout"})) {
    go(0, axis);
  } else if (is_one_of(op, {"add", "sub", "mul", "div"})) {
    for (const size_t i : {size_t{0}, size_t{1}}) go(i, axis - rank + ctx.type(node.operands[i]).rank());
  } else if (op == "gather") {
    go(0, axis - ctx.type(node.operands[1]).rank() + 1);
  } else if (op == "linear" && axis == rank - 1) {
    go(1, flag(node, "transposed") ? 1 : 0);
  } else if (op == "matmul" && axis >= rank - 2) {
    const bool left = axis == rank - 2, turned = flag(node, left ? "transpose_a" : "transpose_b");
    const int of = ctx.type(node.operands[left ? 0 : 1]).rank();
    go(left ? 0 : 1, left == turned ? of - 1 : of - 2);
  }
}

namespace {
// What the last dimension of an operand's one-hot ranges is in the result, for ops that keep what each number means.
std::vector<IdRange> hot_ranges(const TensorContext& ctx, const ir::Node& node, const HotRanges& known) {
  const std::string_view op = node.op->name;
  const auto of = [&](size_t i) {
    const auto found = known.find(node.operands[i]);
    return found == known.end() ? std::vector<IdRange>() : found->second;
  };
  if (node.operands.empty()) return {};
  const types::Type& before = ctx.type(node.operands[0]);
  const std::vector<Dim>& after = node.types[0].dims;
  if (is_one_of(op, {"to_f32", "to_space", "copy_rows", "repeat_pairs", "move_rows", "dropout", "stop_gradient",
                     "reverse_gradient", "neg", "broadcast", "segment_sum", "segment_max", "segment_min",
                     "segment_prod", "first", "last"}))
    return of(0);
  if (op == "map_in" || op == "map_out") return !after.empty() && before.rank() > 0 ? of(0) : std::vector<IdRange>();
  if (is_one_of(op, {"sum", "mean", "max", "min", "prod"}) && node.operands.size() == 1) {
    const auto found = node.attrs.find("axes");
    if (found == node.attrs.end()) return {};
    const auto& axes = std::get<std::vector<Dim>>(found->second);
    const bool reduced = std::find(axes.begin(), axes.end(), Dim(before.rank() - 1)) != axes.end();
    return reduced ? std::vector<IdRange>() : of(0);
  }
  if (is_one_of(op, {"add", "sub", "mul", "div", "max", "min"})) {
    std::vector<IdRange> all = of(0);
    const std::vector<IdRange> more = of(1);
    const bool sum = is_one_of(op, {"add", "sub", "max", "min"});
    if (sum && (all.empty() || more.empty())) return {};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  if (op == "concat" || op == "concat_rows" || op == "stack") {
    const int axis = static_cast<int>(number(node, "axis").value_or(op == "concat" ? before.rank() - 1 : 0));
    const bool along = op == "concat" && axis == before.rank() - 1;
    std::vector<IdRange> all;
    int64_t begin = 0;
    for (size_t i = 0; i < node.operands.size(); ++i) {
      for (IdRange range : of(i)) {
        range.begin += along ? begin : 0;
        all.push_back(std::move(range));
      }
      const Dim& size = ctx.type(node.operands[i]).dims.empty() ? Dim(1) : ctx.type(node.operands[i]).dims.back();
      if (along && !size.constant()) return all;
      begin += along ? size.value() : 0;
    }
    return all;
  }
  const ir::Node& from = ctx.nodes.graph.node(node.operands[0]);
  if (op == "reshape" && std::string_view(from.op->name) == "windows" && joins_last_two(before.dims, after)) {
    const auto found = known.find(from.operands[0]);
    if (found == known.end()) return {};
    const int64_t size = before.dims.back().value();  // a number of each position of the window
    std::vector<IdRange> all;
    for (const IdRange& range : found->second) all.push_back({range.set, range.begin * size, range.each * size});
    return all;
  }
  if (op == "reshape" && !after.empty() && before.rank() > 0 && after.back().constant() &&
      before.dims.back().constant()) {
    const int64_t wide = after.back().value(), block = before.dims.back().value();
    if (block == 0 || wide % block != 0) return {};
    std::vector<IdRange> all;
    for (int64_t begin = 0; begin < wide; begin += block)
      for (const IdRange& range : of(0)) all.push_back({range.set, range.begin + begin, range.each});
    return all;
  }
  if (op == "transpose" && axis_before(node, before.rank() - 1, before.rank()) == before.rank() - 1) return of(0);
  return {};
}
}  // namespace

// Weights that one-hot rows are multiplied with.
void note_hot_weights(TensorContext& ctx) {
  HotRanges known = ctx.nodes.hot;
  if (known.empty()) return;
  const auto multiply = [&](const ir::Node& node, size_t hot, size_t weight, int axis) {
    const auto found = known.find(node.operands[hot]);
    if (found != known.end() && axis >= 0) note_ids(ctx, node.operands[weight], axis, found->second);
  };
  for (ir::NodeId i = 0; i < ctx.nodes.graph.nodes.size(); ++i) {
    const ir::Node& node = ctx.nodes.graph.nodes[i];
    const std::string_view op = node.op->name;
    const auto rank = [&](size_t operand) { return ctx.type(node.operands[operand]).rank(); };
    if (op == "linear") {
      multiply(node, 0, 1, flag(node, "transposed") ? 0 : 1);
    } else if (op == "matmul") {
      if (!flag(node, "transpose_a")) multiply(node, 0, 1, rank(1) - (flag(node, "transpose_b") ? 1 : 2));
      if (flag(node, "transpose_b")) multiply(node, 1, 0, rank(0) - (flag(node, "transpose_a") ? 2 : 1));
    } else if (op == "mul") {
      multiply(node, 0, 1, rank(1) - 1);
      multiply(node, 1, 0, rank(0) - 1);
    }
    std::vector<IdRange> mine = hot_ranges(ctx, node, known);
    if (!mine.empty()) known[{i, 0}] = std::move(mine);
  }
}

}  // namespace mtl::elaborate
