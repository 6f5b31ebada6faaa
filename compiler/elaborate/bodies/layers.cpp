// Layers as values: descriptions become layers where they are declared or applied; a layer stays that layer.
#include "compiler/elaborate/bodies/layers.h"

#include "compiler/elaborate/bodies/apply.h"
#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/bodies/wraps.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/sema/primitives.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

namespace {
Value apply_parts(BodyContext& ctx, const Layer& layer, std::vector<Argument> arguments, const void* where,
                  size_t& ordinal, const At& at);
Value apply_array(BodyContext& ctx, const Layer& layer, const std::vector<Argument>& arguments, const void* where,
                  const At& at);

constexpr int64_t kLayerBudget = 100'000;
constexpr int64_t kComposedParts = 100'000'000;

// Of what is declared already: a layer, or a composition of which each part is; null for what would be a new one.
PlacePtr declared_place(const Layer& layer) {
  if (layer.place || layer.kind != Layer::Kind::composition) return layer.place;
  PlacePtr first;
  for (const LayerPtr& part : layer.parts) {
    const PlacePtr place = declared_place(*part);
    if (!place) return nullptr;
    if (!first) first = place;
  }
  return first;
}
}  // namespace

LayerPtr finished(BodyContext& ctx, std::shared_ptr<Layer> layer, const At& at) {
  layer->set_depth();
  if (layer->depth <= sema::StaticBudget::kNesting) return layer;
  ctx.report(at, diag::TooNested);
  return nullptr;
}

LayerPtr as_layer(BodyContext& ctx, const Value& value, const At& at) {
  if (value.poisoned()) return nullptr;
  if (const LayerPtr* layer = value.layer()) return *layer;
  if (const Callable* callable = value.callable(); callable && callable->static_function.empty()) {
    const bool module = callable->decl && callable->decl->kind != sema::DeclKind::function;
    if (module) {
      Value described = describe_layer(ctx, *callable->decl, {}, at);
      return described.layer() ? *described.layer() : nullptr;
    }
    auto layer = std::make_shared<Layer>();
    layer->kind = Layer::Kind::partial;
    layer->callable = *callable;
    layer->range = at.range;
    return layer;
  }
  const StaticValue* known = value.as_static();
  const bool quoted = known && known->is_text() && sema::find_primitive(known->string());
  ctx.report(at, diag::NotALayer, known ? known->text() : value.kind())
      .help(quoted ? "write `" + known->string() + "`, without quotes" : "");
  return nullptr;
}

PlacePtr child(const PlacePtr& parent, const std::string& name, syntax::Owner word, SourceRange range, Frame& frame) {
  auto place = std::make_shared<Place>();
  place->parent = parent;
  place->name = name;
  place->word = word;
  place->range = range;
  place->in_loop = frame.loops > 0;
  return place;
}

namespace {
std::string fresh_name(BodyContext& ctx, const PlacePtr& parent, const std::string& base,
                       const std::set<std::string>& taken) {
  std::set<std::string>& used = ctx.layers.names_below[plain_path_of(parent)];
  std::string name = base;
  for (int number = 2; used.count(name) || taken.count(name); ++number) name = base + "_" + std::to_string(number);
  used.insert(name);
  return name;
}
}  // namespace

bool spend_layer(BodyContext& ctx, const At& at) {
  if (++ctx.budget.layers > kLayerBudget && !ctx.budget.exceeded) {
    ctx.budget.exceeded = true;
    ctx.report(at, diag::TooManyLayers);
  }
  return !ctx.budget.exceeded;
}

LayerPtr instantiate(BodyContext& ctx, const LayerPtr& term, const PlacePtr& place, const At& at) {
  if (!spend_layer(ctx, at)) return nullptr;
  if (const PlacePtr declared = declared_place(*term)) {
    ctx.report(at, diag::LayerDeclaredAgain, plain_path_of(declared))
        .label(declared->range, "declared here")
        .help("use the layer itself (`let` gives it a second name), or write its description once more for a copy");
    return nullptr;
  }
  switch (term->kind) {
    case Layer::Kind::instance:
    case Layer::Kind::array:
    case Layer::Kind::partial:
      return term;
    case Layer::Kind::description: {
      auto layer = std::make_shared<Layer>(*term);
      layer->kind = Layer::Kind::instance;
      layer->place = place;
      layer->argument_place = nullptr;
      return layer;
    }
    case Layer::Kind::composition:
      break;
  }
  auto layer = std::make_shared<Layer>(*term);
  layer->place = place;
  layer->argument_place = nullptr;
  std::map<std::string, int> count;
  for (LayerPtr& part : layer->parts) {
    if (part->kind != Layer::Kind::description) continue;
    const int number = ++count[part->name()];
    const std::string name = number == 1 ? part->name() : part->name() + "_" + std::to_string(number);
    // Whether it stands in a loop is the whole's business: an argument is applied in one and was declared outside.
    auto below = std::make_shared<Place>(*child(place, name, syntax::Owner::enclosing, part->range, at.frame));
    below->in_loop = false;
    part = instantiate(ctx, part, below, at);
    if (!part) return nullptr;
  }
  return layer;
}

LayerPtr compose(BodyContext& ctx, const Value& left, const Value& right, const At& at) {
  if (ctx.budget.exceeded) return nullptr;
  LayerPtr first = as_layer(ctx, left, {at.frame, left.range});
  LayerPtr second = as_layer(ctx, right, {at.frame, right.range});
  if (!first || !second) return nullptr;
  auto layer = std::make_shared<Layer>();
  layer->kind = Layer::Kind::composition;
  layer->range = at.range;
  for (const LayerPtr& part : {first, second}) {
    // A declared composition stays one part: its own parts have their places already.
    const bool open = part->kind == Layer::Kind::composition && !part->place && part->stream.empty();
    if (open) {
      layer->parts.insert(layer->parts.end(), part->parts.begin(), part->parts.end());
    } else {
      layer->parts.push_back(part);
    }
  }
  // `h = h >> relu` in a loop copies what is there already.
  ctx.budget.composed += static_cast<int64_t>(layer->parts.size());
  if (ctx.budget.composed > kComposedParts) {
    ctx.budget.exceeded = true;
    ctx.report(at, diag::StaticBudgetExceeded, "compositions with more than 100 million parts in all");
    return nullptr;
  }
  return finished(ctx, std::move(layer), at);
}

LayerPtr unnamed(BodyContext& ctx, const LayerPtr& description, const void* where, size_t ordinal, const At& at) {
  const std::string owner = plain_path_of(at.frame.place);
  std::string& name = ctx.layers.unnamed[{owner, {where, ordinal}}];
  if (name.empty()) name = fresh_name(ctx, at.frame.place, description->name(), at.frame.declared);
  auto place = std::make_shared<Place>(*child(at.frame.place, name, syntax::Owner::enclosing, at.range, at.frame));
  place->unnamed = true;
  place->written = description->name();
  place->function = description->function;
  return instantiate(ctx, description, place, at);
}

Value apply(BodyContext& ctx, const LayerPtr& layer, std::vector<Argument> arguments, const void* where, const At& at) {
  if (ctx.budget.exceeded) return {};
  if (layer->argument_place && has_description(*layer)) {
    LayerPtr named = instantiate(ctx, layer, layer->argument_place, at);
    return named ? apply(ctx, named, std::move(arguments), where, at) : Value{};
  }
  size_t ordinal = 0;
  return apply_parts(ctx, *layer, std::move(arguments), where, ordinal, at);
}

namespace {
Value apply_parts(BodyContext& ctx, const Layer& layer, std::vector<Argument> arguments, const void* where,
                  size_t& ordinal, const At& at) {
  if (!layer.stream.empty()) {
    Layer own = layer;
    const std::string outer = at.frame.stream;
    at.frame.stream += std::exchange(own.stream, "");
    Value value = apply_parts(ctx, own, std::move(arguments), where, ordinal, at);
    at.frame.stream = outer;
    return value;
  }
  if (layer.place) {
    if (auto value = apply_wrapped(ctx, std::make_shared<Layer>(layer), arguments, at)) return std::move(*value);
  }
  switch (layer.kind) {
    case Layer::Kind::instance:
      return apply_instance(ctx, std::make_shared<Layer>(layer), std::move(arguments), at);
    case Layer::Kind::description: {
      const LayerPtr named = layer.argument_place
                                 ? instantiate(ctx, std::make_shared<Layer>(layer), layer.argument_place, at)
                                 : unnamed(ctx, std::make_shared<Layer>(layer), where, ordinal++, at);
      return named ? apply_parts(ctx, *named, std::move(arguments), where, ordinal, at) : Value{};
    }
    case Layer::Kind::partial: {
      arguments.insert(arguments.begin() + std::min<size_t>(1, arguments.size()), layer.arguments.begin(),
                       layer.arguments.end());
      return call(ctx, Value{layer.callable, layer.range}, std::move(arguments), where, at);
    }
    case Layer::Kind::array:
      return apply_array(ctx, layer, arguments, where, at);
    case Layer::Kind::composition:
      break;
  }
  // Without parts, as `chain([])`, it is the identity.
  Value value = layer.parts.empty() && !arguments.empty() ? arguments.front().value : Value{};
  for (size_t i = 0; i < layer.parts.size(); ++i) {
    value = apply_parts(ctx, *layer.parts[i], std::move(arguments), where, ordinal, at);
    if (value.poisoned()) return {};
    if (std::holds_alternative<RecordPtr>(value.v) && i + 1 < layer.parts.size()) {
      ctx.report(at, diag::ComposedRecord, layer.parts[i]->name());
      return {};
    }
    arguments.clear();
    arguments.push_back({"", value, at.range});
  }
  return value;
}

Value apply_array(BodyContext& ctx, const Layer& layer, const std::vector<Argument>& arguments, const void* where,
                  const At& at) {
  std::vector<Value> results;
  for (const LayerPtr& part : layer.parts) {
    results.push_back(apply(ctx, part, arguments, where, at));
    if (results.back().poisoned()) return {};
  }
  if (results.empty()) {
    ctx.report(at, diag::EmptyArray, plain_path_of(layer.place));
    return {};
  }
  return stack_of(ctx, std::move(results), at);
}
}  // namespace

}  // namespace mtl::elaborate
