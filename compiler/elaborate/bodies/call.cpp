// Calls: arguments to parameters, for modules (static ones), functions and primitives. A call that lacks its first
// input is the layer that awaits it.
#include "compiler/elaborate/bodies/call.h"

#include <algorithm>

#include "compiler/elaborate/bodies/apply.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/layer_primitives.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/bodies/names.h"
#include "compiler/elaborate/tensors/primitives.h"
#include "compiler/syntax/phrases.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
Value call_primitive(BodyContext& ctx, const sema::Primitive& primitive, std::vector<Argument> arguments, const At& at);
}  // namespace

std::vector<Argument> arguments_of(BodyContext& ctx, const CallExpr& node, Frame& frame) {
  std::vector<Argument> arguments;
  for (const syntax::Argument& given : node.arguments)
    arguments.push_back({given.name ? given.name->text : "", evaluate(ctx, *given.value, frame), given.value->range,
                         given.name ? given.name->range : SourceRange{}});
  return arguments;
}

Value call_expr(BodyContext& ctx, const CallExpr& node, const Expr& expr, Frame& frame) {
  Value callee = evaluate_callee(ctx, *node.callee, frame);
  std::vector<Argument> arguments = arguments_of(ctx, node, frame);
  if (callee.poisoned()) return {};
  At at{frame, expr.range};
  for (const Argument& argument : arguments) at.operands.push_back(argument.range);
  return call(ctx, callee, std::move(arguments), &expr, at);
}

Value call(BodyContext& ctx, const Value& callee, std::vector<Argument> arguments, const void* where, const At& at) {
  if (callee.poisoned()) return {};
  if (const LayerPtr* layer = callee.layer()) return apply(ctx, *layer, std::move(arguments), where, at);
  const Callable* callable = callee.callable();
  if (!callable) {
    ctx.report(at, diag::CallOfNoLayer, callee.as_static() ? callee.as_static()->text() : callee.kind());
    return {};
  }
  if (!callable->static_function.empty()) return call_static(ctx, callable->static_function, arguments, at);
  if (callable->primitive) return call_primitive(ctx, *callable->primitive, std::move(arguments), at);
  if (callable->decl->kind == sema::DeclKind::function)
    return call_function(ctx, *callable->decl, std::move(arguments), at);
  return describe_layer(ctx, *callable->decl, std::move(arguments), at);
}

namespace {
bool all_static(const std::vector<Argument>& arguments) {
  return std::all_of(arguments.begin(), arguments.end(), [](const Argument& a) { return a.value.as_static(); });
}
}  // namespace

Value call_static(BodyContext& ctx, const std::string& function, const std::vector<Argument>& arguments, const At& at) {
  std::vector<sema::StaticEvaluator::Named> given;
  for (const Argument& argument : arguments) {
    if (argument.value.poisoned()) return {};
    const StaticValue* known = argument.value.as_static();
    if (!known) {
      ctx.report({at.frame, argument.range}, diag::NotKnownNow, "an argument of `" + function + "`",
                 argument.value.kind());
      return {};
    }
    given.push_back({argument.name, *known, argument.range});
  }
  auto value = ctx.statics.call(function, given, at.range);
  if (!value) ctx.reports.failed = true;
  return value ? Value{*value, at.range} : Value{};
}

namespace {
// The nearest, which for `num_layers` is the word `layers` in it, or all there are.
std::string known_arguments(const std::string& given, const std::vector<std::string>& names) {
  if (names.empty()) return "it takes none";
  auto near = nearest(given, names);
  for (const std::string& part : split(given, "_")) {
    if (!near && std::find(names.begin(), names.end(), part) != names.end()) near = part;
  }
  const std::string all = "it takes `" + join(names, "`, `", "` and `") + "`";
  const std::string said = near ? "did you mean `" + *near + "`?" : advice(PhrasePlace::argument, given);
  return said.empty() ? all : said + (near ? " " : "; ") + all;
}
}  // namespace

bool bind_arguments(BodyContext& ctx, const std::vector<std::string>& names, size_t skip,
                    std::vector<Argument> arguments, const std::string& callee,
                    std::vector<std::optional<Argument>>& out, const At& at) {
  out.assign(names.size(), std::nullopt);
  size_t next = skip;
  for (Argument& argument : arguments) {
    size_t place = next;
    if (argument.name.empty()) {
      ++next;
    } else {
      place = std::find(names.begin(), names.end(), argument.name) - names.begin();
      if (place == names.size()) {
        ctx.report({at.frame, argument.name_range.valid() ? argument.name_range : argument.range},
                   diag::UnknownArgument, callee, argument.name)
            .help(known_arguments(argument.name, names));
        return false;
      }
    }
    if (place >= names.size()) {
      ctx.report({at.frame, argument.range}, diag::TooManyArguments, callee, count_of(names.size() - skip, "argument"))
          .help(callee == "reshape" ? "the shape is a list: `reshape(x, [8, 4])`"
                : callee == "stack" ? "the parts are a list: `stack([a, b])`"
                : callee == "transpose"
                    ? "`transpose(x)` swaps the last two dimensions; `order = [1, 0, 2]` says another order"
                    : "");
      return false;
    }
    if (out[place]) {
      ctx.report({at.frame, argument.range}, diag::DoubledArgument, names[place]);
      return false;
    }
    out[place] = std::move(argument);
  }
  return true;
}

namespace {
const std::vector<Parameter>& statics_of(const sema::Found& found) {
  if (found.kind == sema::DeclKind::criterion) return found.as<CriterionDecl>().statics;
  if (found.kind == sema::DeclKind::balancer) return found.as<BalancerDecl>().statics;
  return found.as<ModuleDecl>().statics;
}

// Of a static argument that is given by its position and is of another type: a second size, as other libraries take
// that of the input, or what stands at which position.
std::string help_for_position(const std::string& callee, const std::vector<Parameter>& parameters,
                              const std::vector<std::optional<Argument>>& bound, size_t i) {
  const auto is_size = [&](size_t k) {
    const StaticValue* known = bound[k] ? bound[k]->value.as_static() : nullptr;
    return known && known->as_dim();
  };
  if (i == 1 && is_size(0) && is_size(1) && parameters[0].type.name.text == "int")
    return "the size of the input is inferred: write `" + callee + "(" + bound[1]->value.as_static()->text() + ")`";
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters) names.push_back(parameter.name.text + ": " + parameter.type.name.text);
  return "it takes `" + join(names, "`, `", "` and `") + "`, in this order or by name";
}
}  // namespace

Value describe_layer(BodyContext& ctx, const sema::Found& found, std::vector<Argument> arguments, const At& at) {
  const std::vector<Parameter>& parameters = statics_of(found);
  auto layer = std::make_shared<Layer>();
  layer->kind = Layer::Kind::description;
  layer->module = &found;
  layer->range = at.range;
  if (at.frame.kind == Frame::Kind::function) layer->function = at.frame.title;
  const std::string name = layer->name();
  for (const Argument& argument : arguments) {
    if (argument.value.poisoned()) return {};
    if (!argument.value.tensor()) continue;
    ctx.report(at, diag::InputAmongStatics, name)
        .help("static arguments come first: `" + name + "(...)(x)` or `x |> " + name + "(...)`");
    return {};
  }
  std::vector<std::optional<Argument>> bound;
  if (!bind_arguments(ctx, names_of(parameters), 0, std::move(arguments), name, bound, at)) return {};
  // Defaults may mention what stands before them.
  Frame scope;
  scope.unit = found.unit;
  scope.library = ctx.file.units[found.unit]->library;
  scope.title = "`" + name + "`";
  scope.task = at.frame.task;
  scope.place = at.frame.place;
  scope.caller = &at.frame;
  scope.call = at.range;
  scope.scopes.emplace_back();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    Value value;
    SourceRange range = at.range;
    if (bound[i]) {
      value = bound[i]->value;
      range = bound[i]->range;
    } else if (parameter.default_value) {
      value = evaluate(ctx, *parameter.default_value, scope);
    } else {
      const bool in_task = at.frame.kind == Frame::Kind::task && parameter.name.text == "out";
      const std::string& type = parameter.type.name.text;
      const std::string value_of_type = type == "int" ? "8" : type == "float" ? "0.5" : "";
      ctx.report(at, diag::MissingArgument, name, parameter.name.text)
          .help(in_task ? "the last layer of a head has as many numbers as its target: `" + name + "(|target|)`"
                : !value_of_type.empty()
                    ? "write `" + name + "(" + parameter.name.text + " = " + value_of_type + ")`, or another number"
                    : "");
      return {};
    }
    value = static_argument(ctx, parameter, std::move(value), {bound[i] ? at.frame : scope, range},
                            bound[i] && bound[i]->name.empty() ? help_for_position(name, parameters, bound, i) : "");
    if (value.poisoned()) return {};
    value.dimension.reset();
    scope.bind(parameter.name.text, value);
    layer->statics[parameter.name.text] = std::move(value);
  }
  LayerPtr made = finished(ctx, std::move(layer), at);
  return made ? Value{made, at.range} : Value{};
}

namespace {
// "balanced", or {"a": 2.0}.
bool is_weights(const StaticValue& value) {
  if (value.is_text()) return true;
  if (!value.is_list()) return false;
  return std::all_of(value.items().begin(), value.items().end(), [](const StaticValue& entry) {
    return entry.is_list() && entry.items().size() == 2 && entry.items()[0].is_text() && entry.items()[1].as_number();
  });
}
}  // namespace

Value static_argument(BodyContext& ctx, const Parameter& parameter, Value value, const At& at,
                      const std::string& help) {
  if (value.poisoned()) return {};
  const std::string& type = parameter.type.name.text;
  const StaticValue* known = value.as_static();
  const auto wrong = [&](const std::string& wanted) {
    if (const auto* dim = std::get_if<RaggedDim>(&value.v)) {
      ctx.report(at, diag::RaggedStatic, parameter.name.text, ctx.spaces()[dim->space].dim);
      return Value{};
    }
    const std::string found = known ? known->text() : value.kind();
    ctx.report(at, diag::StaticArgumentType, parameter.name.text, wanted, found).help(help);
    return Value{};
  };
  if (type == "int") return known && known->as_dim() ? value : wrong("an int");
  if (type == "float") {
    if (!known || (!known->as_number() && !known->as_dim())) return wrong("a number");
    if (auto number = known->as_number()) return {StaticValue{*number, known->from_data}, value.range};
    return value;
  }
  if (type == "bool") return known && (known->is_bool() || known->is_open()) ? value : wrong("true or false");
  if (type == "string") return known && known->is_text() ? value : wrong("a string");
  if (type == "weights") return known && is_weights(*known) ? value : wrong("a word or a table: `{\"a\": 2.0}`");
  if (type == "initializer") {
    const bool named = value.callable() && !value.callable()->static_function.empty();
    const bool good = named || std::holds_alternative<Vectors>(value.v) || (known && known->is_initializer());
    return good ? value : wrong("an initializer");
  }
  if (type == "layer") {
    LayerPtr layer = as_layer(ctx, value, at);
    return layer ? Value{layer, value.range} : Value{};
  }
  if (type == "list") {
    const bool listed = std::holds_alternative<ListPtr>(value.v) || (known && known->is_list()) ||
                        (value.layer() && (*value.layer())->kind == Layer::Kind::array);
    return listed ? value : wrong("a list");
  }
  ctx.report(at, diag::StaticArgumentType, parameter.name.text, "a static value", type);
  return {};
}

Value call_function(BodyContext& ctx, const sema::Found& found, std::vector<Argument> arguments, const At& at) {
  const FunctionDecl& decl = found.as<FunctionDecl>();
  const std::string& name = decl.name.text;
  const std::vector<std::string> names = names_of(decl.inputs);
  size_t positional = 0, needed = 0;
  bool first_named = false;
  for (const Argument& argument : arguments) {
    if (argument.value.poisoned()) return {};
    positional += argument.name.empty();
    first_named = first_named || (!names.empty() && argument.name == names[0]);
  }
  // Required parameters that stand behind what the positional arguments reach, and are not named.
  for (size_t i = positional; i < decl.inputs.size(); ++i) {
    const bool given =
        std::any_of(arguments.begin(), arguments.end(), [&](const Argument& a) { return a.name == names[i]; });
    needed += !decl.inputs[i].default_value && !given;
  }
  if (!first_named && !names.empty() && needed == 1) {
    // One too few: the first input is what is missing.
    auto layer = std::make_shared<Layer>();
    layer->kind = Layer::Kind::partial;
    layer->callable = Callable{&found, nullptr, ""};
    layer->arguments = std::move(arguments);
    layer->range = at.range;
    LayerPtr made = finished(ctx, std::move(layer), at);
    return made ? Value{made, at.range} : Value{};
  }
  std::vector<std::optional<Argument>> bound;
  if (!bind_arguments(ctx, names, 0, std::move(arguments), name, bound, at)) return {};
  ctx.layers.applied.insert(found.decl);
  Frame callee;
  callee.kind = Frame::Kind::function;
  callee.unit = found.unit;
  callee.library = ctx.file.units[found.unit]->library;
  callee.title = "function `" + name + "`";
  callee.declared_at = decl.name.range;
  callee.task = at.frame.task;
  callee.place = at.frame.place;
  callee.declared = at.frame.declared;
  callee.loops = at.frame.loops;
  return run_callable(ctx, decl.inputs, std::move(bound), decl.body, decl.result, std::move(callee), name, at);
}

namespace {
Value call_primitive(BodyContext& ctx, const sema::Primitive& primitive, std::vector<Argument> arguments,
                     const At& at) {
  const std::string name(primitive.name);
  for (const Argument& argument : arguments) {
    if (argument.value.poisoned()) return {};
  }
  if (!primitive.in_ops && !arguments.empty() && sema::is_static_function(name) && all_static(arguments)) {
    const bool over =
        std::any_of(arguments.begin(), arguments.end(), [](const Argument& a) { return a.name == "over"; });
    if (!over) return call_static(ctx, name, arguments, at);
  }
  PrimitiveCall call{ctx, primitive, at};
  std::vector<std::string> names = sema::parameter_names(primitive);
  const std::vector<bool> optional = optional_parameters(primitive);
  const bool first_named =
      std::any_of(arguments.begin(), arguments.end(), [&](const Argument& a) { return a.name == names[0]; });
  const size_t positional =
      std::count_if(arguments.begin(), arguments.end(), [](const Argument& a) { return a.name.empty(); });
  bool awaits = !first_named && positional == 0 && !optional[0];
  const bool unknown = std::any_of(arguments.begin(), arguments.end(), [&](const Argument& a) {
    return !a.name.empty() && std::find(names.begin(), names.end(), a.name) == names.end();
  });
  for (size_t i = 1; !first_named && !primitive.variadic && i < names.size(); ++i) {
    const bool given =
        std::any_of(arguments.begin(), arguments.end(), [&](const Argument& a) { return a.name == names[i]; });
    if (!optional[i] && !given && positional == i) awaits = true;
  }
  if (awaits && !unknown) {
    auto layer = std::make_shared<Layer>();
    layer->kind = Layer::Kind::partial;
    layer->callable = Callable{nullptr, &primitive, ""};
    layer->arguments = std::move(arguments);
    layer->range = at.range;
    LayerPtr made = finished(ctx, std::move(layer), at);
    return made ? Value{made, at.range} : Value{};
  }
  if (primitive.variadic) {
    std::vector<Argument> attributes;
    for (Argument& argument : arguments)
      (argument.name.empty() ? call.values : attributes).push_back(std::move(argument));
    arguments = std::move(attributes);
    names.erase(names.begin());
  }
  std::vector<std::optional<Argument>> bound;
  if (!bind_arguments(ctx, names, 0, std::move(arguments), name, bound, at)) return {};
  for (size_t i = 0; i < names.size(); ++i) {
    if (bound[i]) {
      call.bound[names[i]] = *bound[i];
    } else if (!optional[i + (primitive.variadic ? 1 : 0)]) {
      ctx.report(at, diag::MissingArgument, name, names[i]);
      return {};
    }
  }
  call.at.word = primitive.name;
  if (const LayerPrimitives::Run run = LayerPrimitives::find(primitive)) return run(ctx, call);
  return run_primitive(call);
}
}  // namespace

}  // namespace mtl::elaborate
