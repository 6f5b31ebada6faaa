// Nodes: the one door through which the graph grows.
#include "compiler/elaborate/tensors/emit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/elaborate/tensors/words.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
bool sizes_fit(TensorContext& ctx, const std::string& op, const std::vector<ir::Value>& results, const At& at);

constexpr int64_t kMostNumbers = int64_t{1} << 40;  // of a parameter
constexpr int64_t kMostInRow = int64_t{1} << 28;    // of one row; a batch has many
}  // namespace

std::vector<ir::Value> emit_all(TensorContext& ctx, const std::string& op, const std::vector<ir::Value>& operands,
                                ir::Attrs attrs, const At& at) {
  for (ir::Value operand : operands) {
    if (!operand.valid()) return {};
  }
  std::tuple key{op, operands, attrs};
  if (auto it = ctx.nodes.memo.find(key); it != ctx.nodes.memo.end()) {
    std::vector<ir::Value> results;
    for (uint32_t i = 0; i < ctx.nodes.graph.nodes[it->second].types.size(); ++i) results.push_back({it->second, i});
    return results;
  }
  ctx.nodes.builder.set_range(at.range);
  auto made = ctx.nodes.builder.make(op, operands, std::move(attrs));
  if (!made) {
    const ir::ShapeError& error = made.error();
    const diag::Kind& kind = error.other_operand < 0 ? diag::WrongOperand : diag::ShapeMismatch;
    diag::Report report = ctx.report(at, kind, op_text(op, at), error.message).help(error.help);
    for (int operand : {error.operand, error.other_operand}) {
      if (operand < 0 || operand >= static_cast<int>(at.operands.size()) || at.frame.library) continue;
      if (!at.operands[operand].valid() || at.operands[operand] == at.range) continue;
      std::move(report).label(at.operands[operand], shape_text(ctx, operands[operand], at.frame));
    }
    for (std::string& note : size_notes(ctx, error.message)) std::move(report).note(std::move(note));
    return {};
  }
  if (!sizes_fit(ctx, op, *made, at)) return {};
  ctx.nodes.memo[std::move(key)] = made->front().node;
  return *made;
}

bool at_least_one(TensorContext& ctx, const Dim& size, const At& at) {
  const int64_t least = ctx.nodes.empty_set ? 0 : 1;  // training says of a set without members that labels are missing
  if (size.constant().value_or(least) >= least) return true;
  ctx.report(at, diag::BadDimension, size.text());
  return false;
}

namespace {
// False after a report: a dimension below 1, or more numbers than can be addressed.
bool sizes_fit(TensorContext& ctx, const std::string& op, const std::vector<ir::Value>& results, const At& at) {
  for (ir::Value result : results) {
    const types::Type& type = ctx.type(result);
    double numbers = 1;  // no product of 64 bits: it is what may be too large
    for (const Dim& size : type.dims) {
      if (!at_least_one(ctx, size, at)) return false;
      numbers *= static_cast<double>(size.constant().value_or(1));
    }
    if (const auto& length = ctx.nodes.graph.spaces[type.space].length) {  // of sequences of one position each
      numbers *= std::max(1.0, static_cast<double>(length->evaluate([](const std::string&) { return 1; })));
    }
    const int64_t most = type.space == types::kUniform ? kMostNumbers : kMostInRow;
    if (numbers <= static_cast<double>(most)) continue;
    const ir::Attrs& attrs = ctx.nodes.graph.node(result).attrs;
    const auto path = attrs.find("path");
    const std::string what = path == attrs.end() ? "the result of " + op_text(op, at)
                                                 : "parameter `" + std::get<std::string>(path->second) + "`";
    ctx.report(at, diag::TooLarge, what, shape_text(ctx, result, at.frame), most);
    return false;
  }
  return true;
}
}  // namespace

ir::Value emit(TensorContext& ctx, const std::string& op, const std::vector<ir::Value>& operands, const At& at,
               ir::Attrs attrs) {
  std::vector<ir::Value> results = emit_all(ctx, op, operands, std::move(attrs), at);
  return results.empty() ? ir::Value{} : results.front();
}

ir::Value with_rank(TensorContext& ctx, ir::Value value, int rank, const At& at) {
  if (!value.valid()) return value;
  std::vector<Dim> dims = ctx.type(value).dims;
  if (static_cast<int>(dims.size()) >= rank) return value;
  dims.insert(dims.begin(), rank - dims.size(), Dim(1));
  return emit(ctx, "reshape", {value}, at, {{"dims", dims}});
}

ir::Value to_space(TensorContext& ctx, ir::Value value, SpaceId space, const At& at) {
  if (!value.valid() || ctx.type(value).space == space) return value;
  return emit(ctx, "to_space", {value}, at, {{"space", ir::SpaceRef{space}}});
}

bool need_numbers(TensorContext& ctx, ir::Value value, const At& at, const std::string& what) {
  if (!value.valid()) return false;
  if (ctx.type(value).dtype == types::DType::f32) return true;
  if (ctx.type(value).dtype == types::DType::i32) {
    ctx.report(at, diag::IdsAreNotNumbers, shape_text(ctx, value, at.frame)).help("`float(x)` makes numbers of ids");
  } else {
    ctx.report(at, diag::TruthIsNoNumber, what, shape_text(ctx, value, at.frame))
        .help("`float(x)` makes 1 and 0 of truth values");
  }
  return false;
}

ir::Value as_numbers(TensorContext& ctx, ir::Value value, const At& at) {
  if (!value.valid() || ctx.type(value).dtype == types::DType::f32) return value;
  return emit(ctx, "to_f32", {value}, at);
}

}  // namespace mtl::elaborate
