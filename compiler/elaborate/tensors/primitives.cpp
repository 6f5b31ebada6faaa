// The table of primitives, and those that work element by element. See primitives.h.
#include "compiler/elaborate/tensors/primitives.h"

#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/operators.h"
#include "compiler/elaborate/tensors/random_keys.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/transposed.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

std::vector<bool> optional_parameters(const sema::Primitive& primitive) {
  std::vector<bool> optional;
  for (const std::string& part : split(primitive.parameters, ","))
    optional.push_back(part.find('?') != std::string::npos);
  return optional;
}

ir::Value Primitives::tensor(PrimitiveCall& call, const std::string& name) {
  const Value* value = call.find(name);
  return value ? to_tensor(call.ctx, *value, call.at_argument(name)) : ir::Value{};
}

Value Primitives::result(ir::Value node, const PrimitiveCall& call, IdSetPtr ids, DimNames dims) {
  return node.valid() ? Value{Tensor{node, std::move(ids), nullptr, std::move(dims)}, call.at.range} : Value{};
}

bool Primitives::pair(PrimitiveCall& call, const char* first, const char* second, ir::Value& a, ir::Value& b,
                      IdSetPtr& set) {
  const auto tensor_of = [&](const char* name, const char* other) -> Tensor {
    const Value &value = *call.find(name), &beside = *call.find(other);
    const StaticValue* known = value.as_static();
    const bool id = known && known->is_int() && beside.tensor() && beside.tensor()->ids;
    if (!id) return {tensor(call, name), set_of(value), nullptr};
    return constant_id(call.ctx, std::get<int64_t>(known->value), call.at_argument(name)).value_or(Tensor{});
  };
  const Tensor x = tensor_of(first, second), y = tensor_of(second, first);
  if (!x.node.valid() || !y.node.valid()) return false;
  const auto holds_ids = [&](const Tensor& t) { return call.ctx.type(t.node).dtype == types::DType::i32; };
  if (holds_ids(x) != holds_ids(y)) {
    const char* ids = holds_ids(x) ? first : second;
    call.ctx.report(call.at_argument(ids), diag::IdsAreNotNumbers, value_text(call.ctx, *call.find(ids), call.at.frame))
        .help("beside ids stand ids of their set or an int constant; `float(x)` makes numbers of ids");
    return false;
  }
  if (!may_repeat(call.ctx, *call.find(first), *call.find(second), op_text("", call.at), call.at)) return false;
  auto joined = join_sets(call.ctx, x.ids, y.ids, call.at);
  if (!joined) return false;
  // Truth values beside numbers count as 1 and 0.
  const bool alike = call.ctx.type(x.node).dtype == call.ctx.type(y.node).dtype;
  a = alike ? x.node : as_numbers(call.ctx, x.node, call.at);
  b = alike ? y.node : as_numbers(call.ctx, y.node, call.at);
  set = *joined;
  return true;
}

DimNames Primitives::names(PrimitiveCall& call, const std::string& name) {
  const Value* value = call.find(name);
  if (!value) return {};
  // Lists and paths become tensors where they are used, so they have dimensions too.
  return dim_names(call.ctx, value->tensor() ? *value->tensor() : Tensor{tensor(call, name), nullptr, nullptr});
}

DimNames Primitives::names(ir::Value result, const PrimitiveCall& call, std::initializer_list<const char*> arguments) {
  std::vector<const Value*> values;
  for (const char* argument : arguments) values.push_back(call.find(argument));
  return joined_names(call.ctx, result, values);
}

std::optional<int64_t> Primitives::integer(PrimitiveCall& call, const std::string& name, int64_t otherwise) {
  const Value* value = call.find(name);
  return value ? elaborate::integer(call.ctx, *value, call.at_argument(name), "`" + name + "`")
               : std::optional(otherwise);
}

std::optional<double> Primitives::number(PrimitiveCall& call, const std::string& name, double otherwise) {
  const Value* value = call.find(name);
  if (!value) return otherwise;
  if (value->as_static() && value->as_static()->as_number()) return value->as_static()->as_number();
  if (!value->poisoned()) call.ctx.report(call.at_argument(name), diag::NotKnownNow, "`" + name + "`", value->kind());
  return std::nullopt;
}

std::optional<bool> Primitives::flag(PrimitiveCall& call, const std::string& name, bool otherwise) {
  const Value* value = call.find(name);
  if (!value) return otherwise;
  if (value->as_static() && value->as_static()->is_bool()) return std::get<bool>(value->as_static()->value);
  if (!value->poisoned()) call.ctx.report(call.at_argument(name), diag::NotKnownNow, "`" + name + "`", value->kind());
  return std::nullopt;
}

std::optional<std::vector<Axis>> Primitives::dims(PrimitiveCall& call, const std::string& name) {
  const Value* value = call.find(name);
  const At at = call.at_argument(name);
  auto listed = items(call.ctx, *value, at);
  if (!listed) return std::nullopt;
  std::vector<Axis> dims;
  for (const Value& item : *listed) {
    if (const auto* ragged = std::get_if<RaggedDim>(&item.v)) {
      dims.push_back({ragged->space, {}});
    } else if (item.as_static() && item.as_static()->as_dim()) {
      if (!at_least_one(call.ctx, *item.as_static()->as_dim(), at)) return std::nullopt;
      dims.push_back({std::nullopt, *item.as_static()->as_dim()});
    } else {
      call.ctx.report(at, diag::NotADimension, item.as_static() ? item.as_static()->text() : item.kind());
      return std::nullopt;
    }
  }
  return dims;
}

std::string table_key(const sema::Primitive& primitive) {
  return (primitive.in_ops ? "ops." : "") + std::string(primitive.name);
}

Value run_primitive(PrimitiveCall& call) {
  TensorContext& ctx = call.ctx;
  call.at.word = call.primitive.name;
  if (call.primitive.name != "transpose") {
    for (auto& [name, argument] : call.bound) argument.value = as_stack(ctx, argument.value, call.at);
    for (Argument& argument : call.values) argument.value = as_stack(ctx, argument.value, call.at);
  }
  if (Primitives::has_stack(call)) return Primitives::run_stacks(call);
  for (const Primitives::Table* table :
       {&Primitives::elementwise(), &Primitives::reductions(), &Primitives::shapes(), &Primitives::sequences()}) {
    if (auto it = table->find(table_key(call.primitive)); it != table->end()) return it->second(call);
  }
  ctx.report(call.at, diag::NotSupportedYet, "`" + std::string(call.primitive.name) + "`");
  return {};
}

namespace {
using Call = PrimitiveCall;
}

struct Primitives::Elementwise {
  // Ops of the same name and one operand.
  static Value unary(Call& c) {
    ir::Value x = tensor(c, "x");
    if (!need_numbers(c.ctx, x, c.at, op_text("", c.at))) return Value{};
    return result(emit(c.ctx, std::string(c.primitive.name), {x}, c.at), c, nullptr, names(c, "x"));
  }
  static Value clamp(Call& c) {
    Call rest = c;  // min(max(x, low), high), of numbers and of ids
    ir::Value x = tensor(c, "x"), low, high;
    IdSetPtr set = set_of(c, "x");
    if (!set && !need_numbers(c.ctx, x, c.at, op_text("", c.at))) return Value{};
    if (!pair(c, "x", "low", x, low, set)) return Value{};
    ir::Value above = binary(c.ctx, "max", x, low, c.at);
    rest.bound["x"].value = result(above, c, set, names(above, c, {"x", "low"}));
    if (!above.valid() || !pair(rest, "x", "high", x, high, set)) return Value{};
    ir::Value clamped = binary(c.ctx, "min", x, high, c.at);
    return result(clamped, c, set, names(clamped, rest, {"x", "high"}));
  }
  static Value where(Call& c) {
    ir::Value condition = to_truth(c.ctx, *c.find("condition"), c.at_argument("condition")), yes, no;
    IdSetPtr set;
    if (!condition.valid() || !pair(c, "yes", "no", yes, no, set)) return Value{};
    if (!align(c.ctx, yes, no, "`where`", c.at) || !align(c.ctx, condition, yes, "`where`", c.at) ||
        !align(c.ctx, condition, no, "`where`", c.at)) {
      return Value{};
    }
    ir::Value chosen = emit(c.ctx, "where", {condition, yes, no}, c.at);
    return result(chosen, c, set, names(chosen, c, {"condition", "yes", "no"}));
  }
  static Value identity(Call& c) { return c.bound.at("x").value; }
  static Value to_float(Call& c) { return result(as_numbers(c.ctx, tensor(c, "x"), c.at), c, nullptr, names(c, "x")); }
  static Value reverse(Call& c) {
    auto scale = number(c, "scale", 1);
    if (!scale) return Value{};
    ir::Value same = emit(c.ctx, "reverse_gradient", {tensor(c, "x")}, c.at, {{"scale", *scale}});
    return result(same, c, nullptr, names(c, "x"));
  }
  static Value stop(Call& c) {
    const Tensor* given = c.find("x")->tensor();
    return result(emit(c.ctx, "stop_gradient", {tensor(c, "x")}, c.at), c, given ? given->ids : nullptr, names(c, "x"));
  }
  static Value noise(Call& c) {
    ir::Value x = tensor(c, "x");
    if (!x.valid()) return Value{};
    const std::string name(c.primitive.name);
    ir::Value drawn = emit(c.ctx, name, {x}, c.at, {{"key", noise_key(c.ctx, name, x, c.at)}});
    return result(drawn, c, nullptr, names(c, "x"));
  }
  static Value mix(Call& c) {
    ir::Value values = tensor(c, "values");
    if (!need_numbers(c.ctx, values, c.at_argument("values"), "`mix`")) return Value{};
    ir::Value mixed = elaborate::mix(c.ctx, tensor(c, "weights"), values, c.at);
    if (!mixed.valid()) return Value{};
    DimNames all = names(c, "weights"), rest = names(c, "values");
    if (!all.empty()) all.pop_back();
    const bool ragged = axes(c.ctx, values, c.at.frame).front().ragged.has_value();
    all.insert(all.end(), rest.begin() + (ragged ? 0 : 1), rest.end());
    return result(mixed, c, nullptr, std::move(all));
  }
  static Value len(Call& c) {
    if (c.find("list")->tensor()) {
      c.ctx.report(c.at_argument("list"), diag::NotAList, c.find("list")->kind())
          .help("the length of a sequence goes by the name of its dimension: `T` in a task, `news.T` in front of it");
      return Value{};
    }
    auto listed = items(c.ctx, *c.find("list"), c.at_argument("list"));
    return listed ? Value{StaticValue{static_cast<int64_t>(listed->size())}, c.at.range} : Value{};
  }
};

const Primitives::Table& Primitives::elementwise() {
  using P = Elementwise;
  static const Table table = {{"exp", P::unary},
                              {"log", P::unary},
                              {"sqrt", P::unary},
                              {"abs", P::unary},
                              {"sign", P::unary},
                              {"tanh", P::unary},
                              {"sigmoid", P::unary},
                              {"relu", P::unary},
                              {"gelu", P::unary},
                              {"silu", P::unary},
                              {"softplus", P::unary},
                              {"clamp", P::clamp},
                              {"where", P::where},
                              {"identity", P::identity},
                              {"float", P::to_float},
                              {"reverse_gradient", P::reverse},
                              {"stop_gradient", P::stop},
                              {"uniform_noise", P::noise},
                              {"normal_noise", P::noise},
                              {"mix", P::mix},

                              {"len", P::len}};
  return table;
}

// Of a call that lacks one, as if it were complete: the first that it needs and does not have.
std::string missing_argument(const Layer& partial) {
  std::vector<std::string> names;
  std::vector<bool> optional;
  if (partial.callable.primitive) {
    names = sema::parameter_names(*partial.callable.primitive);
    optional = optional_parameters(*partial.callable.primitive);
  } else {
    const std::vector<syntax::Parameter>& inputs = partial.callable.decl->as<syntax::FunctionDecl>().inputs;
    names = names_of(inputs);
    for (const syntax::Parameter& input : inputs) optional.push_back(input.default_value != nullptr);
  }
  const auto& given = partial.arguments;
  auto next = std::count_if(given.begin(), given.end(), [](const Argument& a) { return a.name.empty(); });
  const auto lacks = [&](size_t i) {
    return !optional[i] && std::none_of(given.begin(), given.end(), [&](const auto& a) { return a.name == names[i]; });
  };
  for (auto i = static_cast<size_t>(next); i < names.size(); ++i)
    if (lacks(i)) return names[i];
  return names.front();
}

std::vector<std::string> names_of(const std::vector<syntax::Parameter>& parameters) {
  std::vector<std::string> names;
  for (const syntax::Parameter& parameter : parameters) names.push_back(parameter.name.text);
  return names;
}

}  // namespace mtl::elaborate
