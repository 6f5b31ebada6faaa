// What operators and functions make of static values: checked 64-bit ints, floats, sizes in normal form, strings,
// lists. A value that waits for the data makes every result of it wait, too.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "compiler/sema/static_functions.h"
#include "compiler/sema/statics.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::BinaryOp;
using syntax::UnaryOp;
using types::Dim;
using Out = std::optional<StaticValue>;

const char* op_text(BinaryOp op) {
  switch (op) {
    case BinaryOp::power:
      return "**";
    case BinaryOp::multiply:
      return "*";
    case BinaryOp::divide:
      return "/";
    case BinaryOp::matmul:
      return "@";
    case BinaryOp::add:
      return "+";
    case BinaryOp::subtract:
      return "-";
    case BinaryOp::range:
      return "..";
    case BinaryOp::equal:
      return "==";
    case BinaryOp::not_equal:
      return "!=";
    case BinaryOp::less:
      return "<";
    case BinaryOp::less_equal:
      return "<=";
    case BinaryOp::greater:
      return ">";
    case BinaryOp::greater_equal:
      return ">=";
    case BinaryOp::logical_and:
      return "and";
    case BinaryOp::logical_or:
      return "or";
    case BinaryOp::compose:
      return ">>";
    case BinaryOp::pipe:
      return "|>";
  }
  MTL_CHECK(false, "an operator of no kind");
}

bool is_comparison(BinaryOp op) {
  return op >= BinaryOp::equal && op <= BinaryOp::greater_equal;
}
bool is_arithmetic(BinaryOp op) {
  return op == BinaryOp::power || op == BinaryOp::multiply || op == BinaryOp::divide || op == BinaryOp::add ||
         op == BinaryOp::subtract;
}

std::optional<int64_t> checked_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) return std::nullopt;
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) return std::nullopt;
  }
  return result;
}

int64_t floor_div(int64_t a, int64_t b) {
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

bool compare(BinaryOp op, int order) {
  switch (op) {
    case BinaryOp::equal:
      return order == 0;
    case BinaryOp::not_equal:
      return order != 0;
    case BinaryOp::less:
      return order < 0;
    case BinaryOp::less_equal:
      return order <= 0;
    case BinaryOp::greater:
      return order > 0;
    default:
      return order >= 0;
  }
}

StaticValue waiting(std::string text) {
  return {Open{std::move(text)}, true};
}

// Reports of one operation; every rule below ends in a value or in one of these.
struct Rules {
  diag::Emitter& emitter;
  SourceRange range;

  Out overflow() const {
    emitter.report(diag::StaticOverflow).at(range);
    return std::nullopt;
  }
  Out by_zero() const {
    emitter.report(diag::StaticDivisionByZero).at(range);
    return std::nullopt;
  }
  Out operands(BinaryOp op, const StaticValue& a, const StaticValue& b) const {
    emitter.report(diag::StaticOperands, op_text(op), a.type_name(), b.type_name()).at(range);
    return std::nullopt;
  }
  Out inexact(const StaticValue& a, const StaticValue& b) const {
    emitter.report(diag::InexactDivision, a.text(), b.text())
        .at(range)
        .help("`div(a, b)` rounds down; with a float on either side `/` is the fraction");
    return std::nullopt;
  }

  Out ints(BinaryOp op, int64_t a, int64_t b) const {
    int64_t result = 0;
    switch (op) {
      case BinaryOp::add:
        return __builtin_add_overflow(a, b, &result) ? overflow() : Out(StaticValue{result});
      case BinaryOp::subtract:
        return __builtin_sub_overflow(a, b, &result) ? overflow() : Out(StaticValue{result});
      case BinaryOp::multiply:
        return __builtin_mul_overflow(a, b, &result) ? overflow() : Out(StaticValue{result});
      case BinaryOp::divide:
        if (b == 0) return by_zero();
        if (a == std::numeric_limits<int64_t>::min() && b == -1) return overflow();
        return a % b == 0 ? Out(StaticValue{a / b}) : inexact(StaticValue{a}, StaticValue{b});
      case BinaryOp::power: {
        if (b < 0) return reals(op, static_cast<double>(a), static_cast<double>(b));
        const std::optional<int64_t> power = checked_power(a, b);
        return power ? Out(StaticValue{*power}) : overflow();
      }
      default:
        return std::nullopt;
    }
  }

  Out reals(BinaryOp op, double a, double b) const {
    switch (op) {
      case BinaryOp::add:
        return StaticValue{a + b};
      case BinaryOp::subtract:
        return StaticValue{a - b};
      case BinaryOp::multiply:
        return StaticValue{a * b};
      case BinaryOp::divide:
        return b == 0 ? by_zero() : Out(StaticValue{a / b});
      default: {
        const double power = std::pow(a, b);
        if (std::isfinite(power)) return StaticValue{power};
        emitter.report(diag::StaticNotFinite, StaticValue{a}.text() + " ** " + StaticValue{b}.text()).at(range);
        return std::nullopt;
      }
    }
  }

  // At least one side is a size of the data.
  Out sizes(BinaryOp op, const Dim& a, const Dim& b) const {
    if (a.constant() && b.constant()) {
      Out value = ints(op, *a.constant(), *b.constant());
      if (!value) return value;
      if (const std::optional<int64_t> integer = value->as_int()) return StaticValue{Dim(*integer), true};
      return StaticValue{value->value, true};
    }
    switch (op) {
      case BinaryOp::add:
        return StaticValue{a + b, true};
      case BinaryOp::subtract:
        return StaticValue{a - b, true};
      case BinaryOp::multiply:
        return StaticValue{a * b, true};
      case BinaryOp::divide: {
        const std::optional<Dim> quotient = a.divided_by(b);
        return quotient ? Out(StaticValue{*quotient, true}) : inexact(StaticValue{a, true}, StaticValue{b, true});
      }
      default: {
        const std::optional<int64_t> exponent = b.constant();
        constexpr int64_t kHighest = 8;
        if (!exponent || *exponent < 0 || *exponent > kHighest) return waiting(a.text() + " ** " + b.text());
        Dim power = 1;
        for (int64_t i = 0; i < *exponent; ++i) power = power * a;
        return StaticValue{power, true};
      }
    }
  }

  Out compare_sizes(BinaryOp op, const Dim& a, const Dim& b) const {
    if (const std::optional<int64_t> difference = (a - b).constant()) {
      const int order = *difference < 0 ? -1 : *difference > 0 ? 1 : 0;
      return StaticValue{compare(op, order), true};
    }
    const bool is_equality = op == BinaryOp::equal || op == BinaryOp::not_equal;
    if (is_equality && a.equals(b) == types::Answer::no) return StaticValue{op == BinaryOp::not_equal, true};
    return waiting(a.text() + " " + op_text(op) + " " + b.text());
  }

  Out comparison(BinaryOp op, const StaticValue& a, const StaticValue& b) const {
    if (a.is_open() || b.is_open()) return waiting(a.text() + " " + op_text(op) + " " + b.text());
    if (const std::optional<Dim> x = a.as_dim(), y = b.as_dim(); x && y) {
      Out value = compare_sizes(op, *x, *y);
      if (value && !a.from_data && !b.from_data) value->from_data = false;
      return value;
    }
    if (const std::optional<double> x = a.as_number(), y = b.as_number(); x && y) {
      return StaticValue{compare(op, *x < *y ? -1 : *x > *y ? 1 : 0), a.from_data || b.from_data};
    }
    const bool sized = a.as_dim() || b.as_dim();
    if (sized && (a.is_number() || b.is_number())) return waiting(a.text() + " " + op_text(op) + " " + b.text());
    const bool is_equality = op == BinaryOp::equal || op == BinaryOp::not_equal;
    const bool one_list = a.is_list() != b.is_list();
    if (!is_equality || (!one_list && a.value.index() != b.value.index())) return operands(op, a, b);
    return StaticValue{(a == b) == (op == BinaryOp::equal), a.from_data || b.from_data};
  }

  Out logic(BinaryOp op, const StaticValue& a, const StaticValue& b) const {
    const bool is_and = op == BinaryOp::logical_and;
    for (const StaticValue* side : {&a, &b}) {
      if (!side->is_bool() && !side->is_open()) return operands(op, a, b);
    }
    for (const StaticValue* side : {&a, &b}) {  // the side that decides alone
      if (side->is_bool() && std::get<bool>(side->value) != is_and) return *side;
    }
    if (a.is_open() || b.is_open()) return waiting(a.text() + " " + op_text(op) + " " + b.text());
    return StaticValue{is_and, a.from_data || b.from_data};
  }

  Out arithmetic(BinaryOp op, const StaticValue& a, const StaticValue& b) const {
    if (a.is_int() && b.is_int()) return ints(op, *a.as_int(), *b.as_int());
    if (const std::optional<Dim> x = a.as_dim(), y = b.as_dim(); x && y) return sizes(op, *x, *y);
    if (const std::optional<double> x = a.as_number(), y = b.as_number(); x && y) {
      Out value = reals(op, *x, *y);
      if (value) value->from_data = a.from_data || b.from_data;
      return value;
    }
    const bool numeric = (a.is_open() || a.as_dim() || a.is_number()) && (b.is_open() || b.as_dim() || b.is_number());
    if (numeric) return waiting(a.text() + " " + op_text(op) + " " + b.text());
    return operands(op, a, b);
  }
};

// "x" and 12 of "x12"; the digits keep their width ("x01").
struct Numbered {
  std::string prefix, digits;
  int64_t number = 0;
};

std::optional<Numbered> numbered(const std::string& text) {
  size_t begin = text.size();
  while (begin > 0 && text[begin - 1] >= '0' && text[begin - 1] <= '9') --begin;
  const size_t count = text.size() - begin;
  constexpr size_t kDigits = 9;
  if (count == 0 || count > kDigits) return std::nullopt;
  Numbered result{text.substr(0, begin), text.substr(begin), 0};
  for (const char digit : result.digits) result.number = result.number * 10 + (digit - '0');
  return result;
}

Out text_range(const Rules& rules, const std::string& first, const std::string& last) {
  const std::optional<Numbered> a = numbered(first), b = numbered(last);
  if (!a || !b || a->prefix != b->prefix || a->number > b->number) {
    rules.emitter.report(diag::BadRange, first, last).at(rules.range);
    return std::nullopt;
  }
  if (b->number - a->number >= StaticBudget::kListElements) {
    rules.emitter.report(diag::StaticBudgetExceeded, "a list has more than a million elements").at(rules.range);
    return std::nullopt;
  }
  const bool padded = a->digits.size() > 1 && a->digits[0] == '0';
  StaticValue::List items;
  for (int64_t number = a->number; number <= b->number; ++number) {
    std::string digits = std::to_string(number);
    if (padded && digits.size() < a->digits.size()) digits.insert(0, a->digits.size() - digits.size(), '0');
    items.push_back({a->prefix + digits});
  }
  return StaticValue::list(std::move(items));
}

Out int_range(const Rules& rules, int64_t first, int64_t stop) {
  StaticValue::List items;
  if (stop > first && stop - first > StaticBudget::kListElements) {
    rules.emitter.report(diag::StaticBudgetExceeded, "a list has more than a million elements").at(rules.range);
    return std::nullopt;
  }
  for (int64_t i = first; i < stop; ++i) items.push_back({i});
  return StaticValue::list(std::move(items));
}

// ---- functions ----

using Named = StaticEvaluator::Named;

using Signature = StaticFunction;

const Signature* find_signature(const std::string& name) {
  return find_row(static_functions(), name);
}

std::string usage(const Signature& signature) {
  std::string text = std::string(signature.name) + "(";
  for (size_t i = 0; i < signature.parameters.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::string(signature.parameters[i]);
  }
  return text + ")";
}

// Values in the order of the signature, null where one is left out; nullopt after a report.
std::optional<std::vector<const Named*>> bind_rules(const Signature& signature, const std::vector<Named>& arguments,
                                                    const Rules& rules) {
  std::vector<const Named*> bound(signature.parameters.size(), nullptr);
  size_t position = 0;
  for (const Named& argument : arguments) {
    size_t at = position;
    if (!argument.name.empty()) {
      at = std::find(signature.parameters.begin(), signature.parameters.end(), argument.name) -
           signature.parameters.begin();
    } else {
      ++position;
    }
    if (at >= bound.size() || bound[at] != nullptr) {
      rules.emitter.report(diag::StaticArguments, usage(signature)).at(argument.range);
      return std::nullopt;
    }
    bound[at] = &argument;
  }
  for (size_t i = 0; i < signature.required; ++i) {
    if (bound[i] != nullptr) continue;
    rules.emitter.report(diag::StaticArguments, usage(signature)).at(rules.range);
    return std::nullopt;
  }
  return bound;
}

Out initializer_call(Initializer::Kind kind, const std::vector<const Named*>& bound, const Signature& signature,
                     const Rules& rules) {
  std::vector<double> numbers;
  bool from_data = false;
  for (size_t i = 0; i < bound.size(); ++i) {
    if (bound[i] == nullptr) {
      numbers.push_back(0);
      continue;
    }
    const std::optional<double> number = bound[i]->value.as_number();
    from_data = from_data || bound[i]->value.from_data;
    if (!number && from_data) {
      numbers.push_back(0);  // only the form can be checked before the data is there
      continue;
    }
    if (!number) {
      rules.emitter
          .report(diag::StaticWrongType, "`" + std::string(signature.parameters[i]) + "`", bound[i]->value.type_name(),
                  "a number")
          .at(bound[i]->range);
      return std::nullopt;
    }
    numbers.push_back(*number);
  }
  numbers.resize(2, 0);
  Initializer init{kind, numbers[0], numbers[1]};
  if (kind == Initializer::Kind::normal && bound[1] == nullptr) init.b = 1;
  const bool good_normal = kind != Initializer::Kind::normal || init.b >= 0;
  const bool good_uniform = kind != Initializer::Kind::uniform || init.a <= init.b;
  if (!good_normal || !good_uniform) {
    rules.emitter.report(diag::BadInitializer, good_normal ? "`low` is above `high`" : "`deviation` is below 0")
        .at(rules.range);
    return std::nullopt;
  }
  return StaticValue{init, from_data};
}

Out divide_down(bool want_rest, const StaticValue& a, const StaticValue& b, const Rules& rules) {
  const std::optional<int64_t> x = a.as_int(), y = b.as_int();
  const char* name = want_rest ? "mod" : "div";
  if (x && y) {
    if (*y == 0) return rules.by_zero();
    if (*y == -1 && *x == std::numeric_limits<int64_t>::min()) return rules.overflow();
    const int64_t quotient = floor_div(*x, *y);
    const int64_t result = want_rest ? *x - quotient * *y : quotient;
    if (!a.from_data && !b.from_data) return StaticValue{result};
    return StaticValue{Dim(result), true};
  }
  if ((a.as_dim() || a.is_open()) && (b.as_dim() || b.is_open())) {
    if (want_rest && a.as_dim() && b.as_dim() && a.as_dim()->divided_by(*b.as_dim())) return StaticValue{Dim(0), true};
    if (!want_rest && a.as_dim() && b.as_dim()) {
      if (const std::optional<Dim> quotient = a.as_dim()->divided_by(*b.as_dim())) return StaticValue{*quotient, true};
    }
    return waiting(std::string(name) + "(" + a.text() + ", " + b.text() + ")");
  }
  rules.emitter.report(diag::StaticOperands, name, a.type_name(), b.type_name()).at(rules.range);
  return std::nullopt;
}

Out number_function(const std::string& name, const StaticValue& x, const Rules& rules) {
  if (name == "abs" && x.is_int()) {
    const int64_t value = *x.as_int();
    if (value == std::numeric_limits<int64_t>::min()) return rules.overflow();
    return StaticValue{value < 0 ? -value : value};
  }
  if (name == "float" && x.is_bool()) return StaticValue{std::get<bool>(x.value) ? 1.0 : 0.0, x.from_data};
  const std::optional<double> number = x.as_number();
  if (!number && (x.as_dim() || x.is_open())) return waiting(name + "(" + x.text() + ")");
  if (!number) {
    rules.emitter.report(diag::StaticOperand, name, x.type_name()).at(rules.range);
    return std::nullopt;
  }
  const double value = name == "abs"    ? std::abs(*number)
                       : name == "sqrt" ? std::sqrt(*number)
                       : name == "exp"  ? std::exp(*number)
                       : name == "log"  ? std::log(*number)
                                        : *number;
  if (!std::isfinite(value)) {
    rules.emitter.report(diag::StaticNotFinite, name + "(" + x.text() + ")").at(rules.range);
    return std::nullopt;
  }
  return StaticValue{value, x.from_data};
}

// min and max: of several values, or of one list.
Out extreme(bool want_max, const std::vector<Named>& arguments, const Rules& rules) {
  StaticValue::List values;
  bool plain = true;
  for (const Named& argument : arguments) {
    plain = plain && argument.name.empty();
    values.push_back(argument.value);
  }
  if (values.size() == 1 && values[0].is_list()) values = StaticValue::List(values[0].items());
  if (!plain || values.empty()) {
    rules.emitter.report(diag::StaticArguments, want_max ? "max(a, b)" : "min(a, b)").at(rules.range);
    return std::nullopt;
  }
  StaticValue best = values[0];
  for (size_t i = 0; i < values.size(); ++i) {
    const Out before = rules.comparison(want_max ? BinaryOp::greater : BinaryOp::less, values[i], best);
    if (!before) return std::nullopt;
    if (before->is_open()) {
      return waiting(std::string(want_max ? "max(" : "min(") + best.text() + ", " + values[i].text() + ")");
    }
    const bool from_data = best.from_data || values[i].from_data;
    if (std::get<bool>(before->value)) best = values[i];
    if (from_data && best.is_int()) best.value = Dim(*best.as_int());
    best.from_data = from_data;
  }
  return best;
}

}  // namespace

bool is_initializer(const std::string& name) {
  const Signature* signature = find_signature(name);
  return signature != nullptr && signature->initializer.has_value();
}

bool is_static_function(const std::string& name) {
  return name == "min" || name == "max" || find_signature(name) != nullptr;
}

Out StaticEvaluator::unary(UnaryOp op, const StaticValue& operand, SourceRange range) {
  const Rules rules{emitter_, range};
  if (op == UnaryOp::logical_not) {
    if (operand.is_bool()) return StaticValue{!std::get<bool>(operand.value), operand.from_data};
    if (operand.is_open()) return waiting("not " + operand.text());
    emitter_.report(diag::StaticOperand, "not", operand.type_name()).at(range);
    return std::nullopt;
  }
  if (const auto* fraction = std::get_if<Fraction>(&operand.value)) return StaticValue{Fraction{-fraction->value}};
  const bool numeric = operand.is_number() || operand.as_dim() || operand.is_open();
  if (numeric) return rules.arithmetic(BinaryOp::subtract, {int64_t{0}}, operand);
  emitter_.report(diag::StaticOperand, "-", operand.type_name()).at(range);
  return std::nullopt;
}

Out StaticEvaluator::binary(BinaryOp op, const StaticValue& left, const StaticValue& right, SourceRange range) {
  const Rules rules{emitter_, range};
  if (is_arithmetic(op)) return rules.arithmetic(op, left, right);
  if (is_comparison(op)) return rules.comparison(op, left, right);
  if (op == BinaryOp::logical_and || op == BinaryOp::logical_or) return rules.logic(op, left, right);
  if (op != BinaryOp::range) return rules.operands(op, left, right);
  if (left.is_text() && right.is_text()) return text_range(rules, left.string(), right.string());
  if (!require_now(left, range, "a range") || !require_now(right, range, "a range")) return std::nullopt;
  if (!left.is_int() || !right.is_int()) return rules.operands(op, left, right);
  const int64_t first = *left.as_int(), stop = *right.as_int();
  int64_t count = 0;
  if (__builtin_sub_overflow(stop, first, &count)) return rules.overflow();
  if (count > 0 && count <= StaticBudget::kListElements && !step(range, count)) return std::nullopt;
  return int_range(rules, first, stop);
}

Out StaticEvaluator::element(const StaticValue& list, const StaticValue& index, SourceRange range) {
  if (!list.is_list()) {
    emitter_.report(diag::StaticWrongType, "what is indexed", list.type_name(), "a list").at(range);
    return std::nullopt;
  }
  if (!require_now(index, range, "an index")) return std::nullopt;
  if (!index.is_int()) {
    emitter_.report(diag::StaticWrongType, "the index", index.type_name(), "an int").at(range);
    return std::nullopt;
  }
  const int64_t count = static_cast<int64_t>(list.items().size()), at = *index.as_int();
  if (at < -count || at >= count) {
    emitter_.report(diag::ListIndexOutside, at, count_of(count, "element")).at(range);
    return std::nullopt;
  }
  return list.items()[at < 0 ? at + count : at];
}

Out StaticEvaluator::call(const std::string& function, const std::vector<Named>& arguments, SourceRange range) {
  const Rules rules{emitter_, range};
  if (function == "min" || function == "max") return extreme(function == "max", arguments, rules);
  const Signature* signature = find_signature(function);
  MTL_CHECK(signature != nullptr, "call of a static function that is not in the table");
  // One number alone is the deviation: normal(0.1); two are mean and deviation, as in PyTorch.
  std::vector<Named> given = arguments;
  if (function == "normal" && given.size() == 1 && given[0].name.empty()) given[0].name = "deviation";
  const std::optional<std::vector<const Named*>> bound = bind_rules(*signature, given, rules);
  if (!bound) return std::nullopt;
  if (signature->initializer) return initializer_call(*signature->initializer, *bound, *signature, rules);
  const StaticValue& first = (*bound)[0]->value;
  if (function == "div" || function == "mod") return divide_down(function == "mod", first, (*bound)[1]->value, rules);
  if (function != "len") return number_function(function, first, rules);
  if (first.is_list()) return StaticValue{static_cast<int64_t>(first.items().size())};
  emitter_.report(diag::StaticOperand, "len", first.type_name()).at(range);
  return std::nullopt;
}

}  // namespace mtl::sema
