// Values and the walk over expressions; the rules of operators and functions are in statics_rules.cpp.
#include "compiler/sema/statics.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "compiler/syntax/phrases.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::BinaryOp;

// The shortest decimal form that reads back, always with a point or an exponent.
std::string number_text(double value) {
  std::array<char, 32> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".ein") == std::string::npos) text += ".0";
  return text;
}

const char* initializer_name(Initializer::Kind kind) {
  switch (kind) {
    case Initializer::Kind::zeros:
      return "zeros";
    case Initializer::Kind::ones:
      return "ones";
    case Initializer::Kind::constant:
      return "constant";
    case Initializer::Kind::normal:
      return "normal";
    case Initializer::Kind::uniform:
      return "uniform";
    case Initializer::Kind::glorot_uniform:
      return "glorot_uniform";
    case Initializer::Kind::he_normal:
      return "he_normal";
    case Initializer::Kind::orthogonal:
      return "orthogonal";
    case Initializer::Kind::one_hot_mix:
      return "one_hot_mix";
  }
  MTL_CHECK(false, "an initializer of no kind");
}

std::string initializer_text(const Initializer& init) {
  std::string text = initializer_name(init.kind) + std::string("(");
  switch (init.kind) {
    case Initializer::Kind::constant:
    case Initializer::Kind::one_hot_mix:
      text += number_text(init.a);
      break;
    case Initializer::Kind::normal:
      text += "mean = " + number_text(init.a) + ", deviation = " + number_text(init.b);
      break;
    case Initializer::Kind::uniform:
      text += number_text(init.a) + ", " + number_text(init.b);
      break;
    default:
      break;
  }
  return text + ")";
}

}  // namespace

StaticValue StaticValue::list(List items) {
  bool from_data = false;
  int depth = 0;
  for (const StaticValue& item : items) {
    from_data = from_data || item.from_data;
    depth = std::max(depth, item.depth);
  }
  return {std::make_shared<const List>(std::move(items)), from_data, depth + 1};
}

StaticValue StaticValue::size(const std::string& name, std::optional<int64_t> known) {
  return {known ? types::Dim(*known) : types::Dim::atom(name), true};
}

bool StaticValue::is_number() const {
  return as_number().has_value();
}

std::optional<int64_t> StaticValue::as_int() const {
  if (const auto* integer = std::get_if<int64_t>(&value)) return *integer;
  if (const auto* dim = std::get_if<types::Dim>(&value)) return dim->constant();
  return std::nullopt;
}

std::optional<double> StaticValue::as_number() const {
  if (const auto* real = std::get_if<double>(&value)) return *real;
  if (const auto* fraction = std::get_if<Fraction>(&value)) return fraction->value;
  if (const std::optional<int64_t> integer = as_int()) return static_cast<double>(*integer);
  return std::nullopt;
}

std::optional<types::Dim> StaticValue::as_dim() const {
  if (const auto* integer = std::get_if<int64_t>(&value)) return types::Dim(*integer);
  if (const auto* dim = std::get_if<types::Dim>(&value)) return *dim;
  return std::nullopt;
}

const StaticValue::List& StaticValue::items() const {
  MTL_CHECK(is_list(), "items() of a static value that is no list");
  return *std::get<ListPtr>(value);
}

const std::string& StaticValue::string() const {
  MTL_CHECK(is_text(), "string() of a static value that is no string");
  return std::get<std::string>(value);
}

namespace {
// Appends the text of a list; false where it was cut. A list may hold itself many times over ([h, h] again and again),
// so what is written is bounded while it is made.
bool write_list(const StaticValue::List& list, std::string& out) {
  constexpr size_t kShown = 8, kLongest = 200;
  out += "[";
  for (size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ", ";
    if (out.size() > kLongest) {
      out += "...";
      return false;
    }
    if (i == kShown) {
      out += "...";
      break;
    }
    if (!list[i].is_list()) {
      out += list[i].text();
    } else if (!write_list(list[i].items(), out)) {
      return false;
    }
  }
  out += "]";
  return true;
}
}  // namespace

std::string StaticValue::text() const {
  struct Writer {
    std::string operator()(int64_t integer) const { return std::to_string(integer); }
    std::string operator()(double real) const { return number_text(real); }
    std::string operator()(bool truth) const { return truth ? "true" : "false"; }
    std::string operator()(const std::string& text) const { return '"' + excerpt(text) + '"'; }
    std::string operator()(Fraction fraction) const {
      const std::string percent = number_text(fraction.value * 100);
      return (percent.ends_with(".0") ? percent.substr(0, percent.size() - 2) : percent) + "%";
    }
    std::string operator()(const ListPtr& list) const {
      std::string text;
      write_list(*list, text);
      return text;
    }
    std::string operator()(const Initializer& init) const { return initializer_text(init); }
    std::string operator()(const types::Dim& dim) const { return dim.text(); }
    std::string operator()(const Open& open) const { return open.text; }
  };
  return std::visit(Writer{}, value);
}

const char* StaticValue::type_name() const {
  struct Namer {
    const char* operator()(int64_t) const { return "an int"; }
    const char* operator()(double) const { return "a float"; }
    const char* operator()(bool) const { return "a bool"; }
    const char* operator()(const std::string&) const { return "a string"; }
    const char* operator()(Fraction) const { return "a fraction"; }
    const char* operator()(const ListPtr&) const { return "a list"; }
    const char* operator()(const Initializer&) const { return "an initializer"; }
    const char* operator()(const types::Dim&) const { return "a size"; }
    const char* operator()(const Open&) const { return "a value that waits for the data"; }
  };
  return std::visit(Namer{}, value);
}

bool StaticValue::operator==(const StaticValue& other) const {
  if (is_list() && other.is_list())
    return std::get<ListPtr>(value) == std::get<ListPtr>(other.value) || items() == other.items();
  return value == other.value;
}

std::vector<std::string> InnerScope::names() const {
  std::vector<std::string> names = outer_.names();
  names.push_back(name_);
  return names;
}

bool StaticEvaluator::step(SourceRange range, int64_t count) {
  if (budget_.exhausted) return false;
  budget_.steps -= count;
  if (budget_.steps >= 0 && depth_ <= StaticBudget::kDepth) return true;
  budget_.exhausted = true;
  emitter_
      .report(diag::StaticBudgetExceeded,
              budget_.steps < 0 ? "it takes more than 10 million steps" : "it is nested more than 400 deep")
      .at(range);
  return false;
}

std::optional<StaticValue> StaticEvaluator::evaluate(const syntax::Expr& expr, const StaticScope& scope) {
  ++depth_;
  std::optional<StaticValue> value;
  if (step(expr.range)) value = dispatch(expr, scope);
  --depth_;
  return value;
}

std::optional<StaticValue> StaticEvaluator::dispatch(const syntax::Expr& expr, const StaticScope& scope) {
  const auto not_static = [&](const char* what) -> std::optional<StaticValue> {
    emitter_.report(diag::NotStatic, what).at(expr.range);
    return std::nullopt;
  };
  struct Visitor {
    StaticEvaluator& self;
    const StaticScope& scope;
    SourceRange range;
    decltype(not_static)& reject;
    using Out = std::optional<StaticValue>;
    Out operator()(const syntax::ErrorExpr&) const { return std::nullopt; }
    Out operator()(const syntax::NameExpr& node) const { return self.name(node, scope, range); }
    Out operator()(const syntax::IntExpr& node) const { return StaticValue{node.value}; }
    Out operator()(const syntax::FloatExpr& node) const { return StaticValue{node.value}; }
    Out operator()(const syntax::PercentExpr& node) const { return StaticValue{Fraction{node.fraction}}; }
    Out operator()(const syntax::BoolExpr& node) const { return StaticValue{node.value}; }
    Out operator()(const syntax::StringExpr& node) const {
      std::optional<std::string> text = self.interpolate(node, scope, range);
      return text ? Out(StaticValue{std::move(*text)}) : std::nullopt;
    }
    Out operator()(const syntax::SizeExpr& node) const {
      Out size = scope.size(node);
      if (!size) self.emitter_.report(diag::UnknownSize, join(node.path, ".", ".")).at(range);
      return size;
    }
    Out operator()(const syntax::ListExpr& node) const {
      StaticValue::List items;
      bool good = true;
      for (const syntax::ExprPtr& item : node.items) {
        Out value = self.evaluate(*item, scope);
        good = good && value;
        if (good) items.push_back(std::move(*value));
      }
      return good ? self.list(std::move(items), range) : std::nullopt;
    }
    Out operator()(const syntax::GeneratorExpr& node) const { return self.generate(node, scope, range); }
    Out operator()(const syntax::IfExpr& node) const { return self.choose(node, scope); }
    Out operator()(const syntax::MemberExpr&) const { return reject("a member"); }
    Out operator()(const syntax::CallExpr& node) const { return self.call_expr(node, scope, range); }
    Out operator()(const syntax::IndexExpr& node) const { return self.index_expr(node, scope, range); }
    Out operator()(const syntax::UnaryExpr& node) const {
      const Out operand = self.evaluate(*node.operand, scope);
      return operand ? self.unary(node.op, *operand, range) : std::nullopt;
    }
    Out operator()(const syntax::BinaryExpr& node) const {
      if (node.op == BinaryOp::logical_and || node.op == BinaryOp::logical_or) return self.short_circuit(node, scope);
      const Out left = self.evaluate(*node.left, scope);
      const Out right = self.evaluate(*node.right, scope);
      return left && right ? self.binary(node.op, *left, *right, range) : std::nullopt;
    }
    Out operator()(const syntax::WildcardExpr&) const { return reject("a path"); }
  };
  return std::visit(Visitor{*this, scope, expr.range, not_static}, expr.node);
}

std::optional<StaticValue> StaticEvaluator::name(const syntax::NameExpr& node, const StaticScope& scope,
                                                 SourceRange range) {
  if (std::optional<StaticValue> value = scope.lookup(node.name)) return value;
  if (scope.explain_unknown(node.name, range, emitter_)) return std::nullopt;
  const std::optional<std::string> near = nearest(node.name, scope.names());
  emitter_.report(diag::UnknownName, node.name)
      .at(range)
      .help(near ? "did you mean `" + *near + "`?" : syntax::advice(syntax::PhrasePlace::value, node.name));
  return std::nullopt;
}

std::optional<StaticValue> StaticEvaluator::generate(const syntax::GeneratorExpr& node, const StaticScope& scope,
                                                     SourceRange range) {
  StaticValue::List out;
  if (!generate_from(node, 0, scope, out, range)) return std::nullopt;
  return list(std::move(out), range);
}

std::optional<StaticValue> StaticEvaluator::list(StaticValue::List items, SourceRange range) {
  StaticValue made = StaticValue::list(std::move(items));
  if (made.depth <= StaticBudget::kNesting) return made;
  emitter_.report(diag::StaticBudgetExceeded, "a list is nested more than 200 deep").at(range);
  return std::nullopt;
}

bool StaticEvaluator::string_fits(const std::string& text, SourceRange range) {
  if (text.size() <= StaticBudget::kString) return true;
  emitter_.report(diag::StaticBudgetExceeded, "a string is longer than a million bytes").at(range);
  return false;
}

bool StaticEvaluator::generate_from(const syntax::GeneratorExpr& node, size_t clause, const StaticScope& scope,
                                    StaticValue::List& out, SourceRange range) {
  if (clause == node.clauses.size()) {
    std::optional<StaticValue> item = evaluate(*node.item, scope);
    if (!item) return false;
    if (static_cast<int64_t>(out.size()) >= StaticBudget::kListElements) {
      emitter_.report(diag::StaticBudgetExceeded, "a list has more than a million elements").at(range);
      budget_.exhausted = true;
      return false;
    }
    out.push_back(std::move(*item));
    return true;
  }
  const syntax::GeneratorExpr::Clause& loop = node.clauses[clause];
  const std::optional<StaticValue> list = evaluate(*loop.in, scope);
  if (!list) return false;
  if (!list->is_list()) {
    emitter_.report(diag::StaticWrongType, "what `for` runs over", list->type_name(), "a list").at(loop.in->range);
    return false;
  }
  for (const StaticValue& item : list->items()) {
    const InnerScope inner(scope, loop.variable.text, item);
    if (!generate_from(node, clause + 1, inner, out, range)) return false;
  }
  return true;
}

std::optional<StaticValue> StaticEvaluator::choose(const syntax::IfExpr& node, const StaticScope& scope) {
  const std::optional<bool> chosen = condition(*node.condition, scope, "the condition");
  if (!chosen) return std::nullopt;
  return evaluate(*chosen ? *node.then : *node.otherwise, scope);
}

// `and` and `or` do not look at the right side when the left decides, so `i > 0 and xs[i - 1] == 2` is good.
std::optional<StaticValue> StaticEvaluator::short_circuit(const syntax::BinaryExpr& node, const StaticScope& scope) {
  const bool is_and = node.op == BinaryOp::logical_and;
  const std::optional<StaticValue> left = evaluate(*node.left, scope);
  if (!left) return std::nullopt;
  if (left->is_bool() && std::get<bool>(left->value) != is_and) return left;
  const std::optional<StaticValue> right = evaluate(*node.right, scope);
  return right ? binary(node.op, *left, *right, node.left->range.cover(node.right->range)) : std::nullopt;
}

std::optional<StaticValue> StaticEvaluator::call_expr(const syntax::CallExpr& node, const StaticScope& scope,
                                                      SourceRange range) {
  const auto* callee = std::get_if<syntax::NameExpr>(&node.callee->node);
  if (callee == nullptr || !is_static_function(callee->name)) {
    if (std::holds_alternative<syntax::ErrorExpr>(node.callee->node)) return std::nullopt;
    emitter_.report(diag::NotStatic, callee ? "a call of `" + callee->name + "`" : "this call").at(range);
    return std::nullopt;
  }
  std::vector<Named> arguments;
  bool good = true;
  for (const syntax::Argument& argument : node.arguments) {
    std::optional<StaticValue> value = evaluate(*argument.value, scope);
    good = good && value;
    if (good) arguments.push_back({argument.name ? argument.name->text : "", *value, argument.value->range});
  }
  return good ? call(callee->name, arguments, range) : std::nullopt;
}

std::optional<StaticValue> StaticEvaluator::index_expr(const syntax::IndexExpr& node, const StaticScope& scope,
                                                       SourceRange range) {
  const std::optional<StaticValue> base = evaluate(*node.base, scope);
  if (!base) return std::nullopt;
  const bool plain = node.items.size() == 1 && node.items[0].kind == syntax::IndexExpr::Item::Kind::at;
  if (!plain) {
    emitter_.report(diag::NotStatic, "a slice").at(range);
    return std::nullopt;
  }
  const std::optional<StaticValue> index = evaluate(*node.items[0].value, scope);
  return index ? element(*base, *index, range) : std::nullopt;
}

std::optional<std::string> StaticEvaluator::interpolate(const syntax::StringExpr& text, const StaticScope& scope,
                                                        SourceRange range) {
  std::string out;
  for (const syntax::StringExpr::Part& part : text.parts) {
    if (!part.is_name) {
      out += part.text;
      continue;
    }
    const std::optional<StaticValue> value = name({part.text}, scope, range);
    if (!value || !require_now(*value, range, "a string")) return std::nullopt;
    if (value->is_list() || value->is_initializer()) {
      emitter_
          .report(diag::StaticWrongType, "`{" + part.text + "}` in a string", value->type_name(),
                  "a string or a number")
          .at(range);
      return std::nullopt;
    }
    out += value->is_text() ? value->string() : value->text();
    if (!string_fits(out, range)) return std::nullopt;
  }
  return out;
}

bool StaticEvaluator::require_now(const StaticValue& value, SourceRange range, std::string_view what) {
  if (!value.from_data) return true;
  emitter_.report(diag::WaitsForData, what, value.text()).at(range);
  return false;
}

std::optional<int64_t> StaticEvaluator::integer(const syntax::Expr& expr, const StaticScope& scope,
                                                std::string_view what) {
  const std::optional<StaticValue> value = evaluate(expr, scope);
  if (!value || !require_now(*value, expr.range, what)) return std::nullopt;
  if (value->is_int()) return value->as_int();
  emitter_.report(diag::StaticWrongType, what, value->type_name(), "an int").at(expr.range);
  return std::nullopt;
}

std::optional<bool> StaticEvaluator::condition(const syntax::Expr& expr, const StaticScope& scope,
                                               std::string_view what) {
  const std::optional<StaticValue> value = evaluate(expr, scope);
  if (!value || !require_now(*value, expr.range, what)) return std::nullopt;
  if (value->is_bool()) return std::get<bool>(value->value);
  emitter_.report(diag::StaticWrongType, what, value->type_name(), "a bool").at(expr.range);
  return std::nullopt;
}

}  // namespace mtl::sema
