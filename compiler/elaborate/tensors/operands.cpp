// Values as operands: numbers and lists become tensors of the graph, what has to be an int or a list is one.
#include "compiler/elaborate/tensors/operands.h"

#include <cmath>
#include <limits>

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/joins.h"
#include "compiler/elaborate/tensors/lengths.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/primitives.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

namespace {
// Of a criterion as a value; else empty.
std::string criterion_name(const Value& value) {
  const sema::Found* found = nullptr;
  if (value.layer()) found = (*value.layer())->module;
  if (value.callable()) found = value.callable()->decl;
  if (!found || found->kind != sema::DeclKind::criterion) return "";
  return value.layer() ? (*value.layer())->name() : value.callable()->name();
}
}  // namespace

ir::Value constant(TensorContext& ctx, double value, const At& at) {
  if (std::abs(value) > std::numeric_limits<float>::max()) {
    ctx.report(at, diag::NumberBeyond32, StaticValue{value}.text());
    return {};
  }
  return emit(ctx, "constant", {}, at, {{"value", value}});
}

namespace {
ir::Value truth(TensorContext& ctx, bool value, const At& at) {
  return emit(ctx, "ne", {constant(ctx, value ? 1 : 0, at), constant(ctx, 0, at)}, at);
}
}  // namespace

// As to_tensor, where a truth value belongs: one that waits for the data is one too.
ir::Value to_truth(TensorContext& ctx, const Value& value, const At& at) {
  const StaticValue* known = value.as_static();
  return known && known->is_open() ? truth(ctx, true, at) : to_tensor(ctx, value, at);
}

ir::Value to_tensor(TensorContext& ctx, const Value& value, const At& at) {
  if (value.poisoned()) return {};
  if (const Tensor* tensor = value.tensor()) return tensor->node;
  if (const auto* dim = std::get_if<RaggedDim>(&value.v)) {
    return length_value(ctx, dim->space, at);
  }
  if (const auto* path = std::get_if<PathRef>(&value.v)) return parameter_at(ctx, *path, at).node;
  if (const StaticValue* known = value.as_static()) {
    if (known->is_bool()) return truth(ctx, std::get<bool>(known->value), at);
    if (auto number = known->as_number()) return constant(ctx, *number, at);
    // A size that waits for the data: `mtlc check` runs nothing, so any number will do.
    if (known->as_dim() || known->is_open()) return constant(ctx, 1, at);
  }
  if (auto list = value.as_static() && value.as_static()->is_list() ? items(ctx, value, at)
                  : std::holds_alternative<ListPtr>(value.v)        ? items(ctx, value, at)
                                                                    : std::nullopt) {
    std::vector<ir::Value> parts;
    for (const Value& item : *list) parts.push_back(to_tensor(ctx, item, at));
    return parts.empty() ? ir::Value{} : stack(ctx, parts, at);
  }
  if (std::holds_alternative<Stack>(value.v)) {
    ctx.report(at, diag::NotSupportedYet, "this use of " + value_text(ctx, value, at.frame))
        .help("`x[0]` is its first part; `mix`, `sum`, `mean`, `max` with `over = 0` put the parts together");
    return {};
  }
  if (std::holds_alternative<Transposed>(value.v)) {
    ctx.report(at, diag::NotSupportedYet, "this use of " + value_text(ctx, value, at.frame))
        .help("a transposed sequence is a side of `@`; scale or map the sequence itself");
    return {};
  }
  if (value.layer() && (*value.layer())->kind == Layer::Kind::partial) {
    ctx.report(at, diag::MissingArgument, (*value.layer())->name(), missing_argument(**value.layer()));
    return {};
  }
  if (const std::string criterion = criterion_name(value); !criterion.empty()) {
    ctx.report(at, diag::NotATensor, "a criterion")
        .help("it is applied to a head and a target: `" + criterion + "()(head, target)`");
    return {};
  }
  const bool text = value.as_static() && value.as_static()->is_text();
  const sema::Found* named = text ? ctx.file.find(at.frame.unit, value.as_static()->string()) : nullptr;
  ctx.report(at, diag::NotATensor, value.kind())
      .help(value.layer() || value.callable()
                ? "a layer is applied with `x |> layer` or `layer(x)`; layers are joined with `a >> b`"
            : named ? "without quotes it is a name: `" + value.as_static()->string() + "()`"
                    : "");
  return {};
}

std::optional<int64_t> integer(TensorContext& ctx, const Value& value, const At& at, std::string_view what) {
  if (value.poisoned()) return std::nullopt;
  const StaticValue* known = value.as_static();
  if (known && known->from_data) {
    ctx.reports.failed = true;
    ctx.statics.require_now(*known, at.range, what);
    return std::nullopt;
  }
  if (known && known->as_int()) return known->as_int();
  ctx.report(at, diag::NotAnInt, std::string(what), known ? known->text() : value.kind());
  return std::nullopt;
}

std::optional<std::vector<Value>> items(TensorContext& ctx, const Value& value, const At& at) {
  if (value.poisoned()) return std::nullopt;
  std::vector<Value> out;
  if (const auto* list = std::get_if<ListPtr>(&value.v)) return **list;
  if (const StaticValue* known = value.as_static(); known && known->is_list()) {
    for (const StaticValue& item : known->items()) {
      out.push_back({item, value.range});
      out.back().literal = true;  // nothing else is known of it
    }
    return out;
  }
  if (const LayerPtr* layer = value.layer(); layer && (*layer)->kind == Layer::Kind::array) {
    for (const LayerPtr& part : (*layer)->parts) out.push_back({with_stream(part, (*layer)->stream), value.range});
    return out;
  }
  const auto* record = std::get_if<RecordPtr>(&value.v);
  ctx.report(at, diag::NotAList, value.as_static() ? value.as_static()->text() : value.kind())
      .help(record                                             ? "each has a name, `x.NAME`: " + named_results(**record)
            : value.as_static() && value.as_static()->as_int() ? "`0..n` lists the numbers below n"
                                                               : "");
  return std::nullopt;
}

}  // namespace mtl::elaborate
