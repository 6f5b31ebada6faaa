// See wraps.h.
#include "compiler/elaborate/bodies/wraps.h"

#include <algorithm>

#include "compiler/elaborate/bodies/apply.h"
#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
constexpr const char* kInner = "inner";

// The last one before number `end` that names the layer and is not at work: later ones are around earlier ones.
std::optional<size_t> wrap_of(BodyContext& ctx, const std::string& path, size_t end) {
  for (size_t i = end; i-- > 0;) {
    const std::vector<std::string>& patterns = ctx.wraps.of_model[i].patterns;
    const bool named = std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
      return training::match_whole_path(pattern, path);
    });
    if (named && !ctx.wraps.running.count({path, i})) return i;
  }
  return std::nullopt;
}

// The layers of a wrapper itself, and what they are made of.
bool in_wrapper(const Place* place) {
  while (place && !place->wrapper) place = place->parent.get();
  return place != nullptr;
}

bool takes_inner(const sema::Found& module) {
  const std::vector<syntax::Parameter>& inputs = module.as<syntax::ModuleDecl>().statics;
  return std::any_of(inputs.begin(), inputs.end(), [](const syntax::Parameter& input) {
    return input.name.text == kInner && input.type.name.text == "layer";
  });
}

// The module around `layer`, described: `lora(8)` with the layer as its `inner`.
LayerPtr around(BodyContext& ctx, const sema::Wrap& wrap, const LayerPtr& layer) {
  Frame& frame = ctx.model.frame;
  const At at{frame, wrap.with->range};
  const auto* call = std::get_if<syntax::CallExpr>(&wrap.with->node);
  const Value callee = evaluate(ctx, call ? *call->callee : *wrap.with, frame);
  if (callee.poisoned()) return nullptr;
  const Callable* callable = callee.callable();
  const bool module = callable && callable->decl && callable->decl->kind == sema::DeclKind::module;
  if (!module || !takes_inner(*callable->decl)) {
    ctx.report(at, diag::WrapNeedsInner, callable ? "`" + callable->name() + "`" : callee.kind())
        .help("`module NAME(" + std::string(kInner) + ": layer)(x: f32[D]) { ... " + kInner + "(x) ... }` has one");
    return nullptr;
  }
  std::vector<Argument> arguments = call ? arguments_of(ctx, *call, frame) : std::vector<Argument>{};
  arguments.push_back({kInner, Value{layer, layer->range}, layer->range});
  const Value described = describe_layer(ctx, *callable->decl, std::move(arguments), at);
  return described.layer() ? *described.layer() : nullptr;
}
}  // namespace

std::optional<Value> apply_wrapped(BodyContext& ctx, const LayerPtr& layer, const std::vector<Argument>& arguments,
                                   const At& at) {
  if (ctx.wraps.of_model.empty() || in_wrapper(layer->place.get())) return std::nullopt;
  const std::string path = plain_path_of(layer->place);
  ctx.wraps.layers.insert(path);
  const std::optional<size_t> index = wrap_of(ctx, path, ctx.wraps.of_model.size());
  if (!index) return std::nullopt;
  size_t around_already = 0;
  for (auto earlier = wrap_of(ctx, path, *index); earlier; earlier = wrap_of(ctx, path, *earlier)) ++around_already;
  ctx.wraps.met.insert(*index);
  const sema::Wrap& wrap = ctx.wraps.of_model[*index];
  const LayerPtr described = around(ctx, wrap, layer);
  if (!described) return Value{};
  const std::string name = described->name() + (around_already == 0 ? "" : "_" + std::to_string(around_already + 1));
  auto place =
      std::make_shared<Place>(*child(layer->place, name, syntax::Owner::enclosing, wrap.range, ctx.model.frame));
  place->wrapper = true;
  const LayerPtr wrapper = instantiate(ctx, described, place, at);
  if (!wrapper) return Value{};
  ctx.wraps.running.insert({path, *index});
  Value value = apply_instance(ctx, wrapper, arguments, at);
  ctx.wraps.running.erase({path, *index});
  return value;
}

void refuse_idle_wraps(BodyContext& ctx) {
  for (size_t i = 0; i < ctx.wraps.of_model.size(); ++i) {
    const sema::Wrap& wrap = ctx.wraps.of_model[i];
    if (ctx.wraps.met.count(i) || wrap.patterns.empty()) continue;
    ctx.reports.failed = true;
    ctx.reports.emitter.report(diag::WrapNamesNothing, wrap.patterns[0])
        .at(wrap.target_range)
        .help(training::help_for_path(wrap.patterns[0], {ctx.wraps.layers.begin(), ctx.wraps.layers.end()}));
  }
}

}  // namespace mtl::elaborate
