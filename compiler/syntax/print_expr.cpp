// Expressions and types as text. Parentheses stand where precedence needs them, and around every other operator
// beside `|>` and `>>`, where the language asks for them.
#include <fmt/format.h>

#include "compiler/syntax/print_ast.h"

namespace mtl::syntax {
namespace {

// How tightly a node binds; see `expr` in the grammar.
enum Tightness : int {
  kLoose,
  kPipe,
  kCompose,
  kOr,
  kAnd,
  kNot,
  kCompare,
  kRange,
  kAdd,
  kMultiply,
  kNegate,
  kPower,
  kTight
};

struct OperatorText {
  const char* sign;
  Tightness tightness;
};

OperatorText text_of(BinaryOp op) {
  switch (op) {
    case BinaryOp::power:
      return {"**", kPower};
    case BinaryOp::multiply:
      return {"*", kMultiply};
    case BinaryOp::divide:
      return {"/", kMultiply};
    case BinaryOp::matmul:
      return {"@", kMultiply};
    case BinaryOp::add:
      return {"+", kAdd};
    case BinaryOp::subtract:
      return {"-", kAdd};
    case BinaryOp::range:
      return {"..", kRange};
    case BinaryOp::equal:
      return {"==", kCompare};
    case BinaryOp::not_equal:
      return {"!=", kCompare};
    case BinaryOp::less:
      return {"<", kCompare};
    case BinaryOp::less_equal:
      return {"<=", kCompare};
    case BinaryOp::greater:
      return {">", kCompare};
    case BinaryOp::greater_equal:
      return {">=", kCompare};
    case BinaryOp::logical_and:
      return {"and", kAnd};
    case BinaryOp::logical_or:
      return {"or", kOr};
    case BinaryOp::compose:
      return {">>", kCompose};
    case BinaryOp::pipe:
      return {"|>", kPipe};
  }
  return {"?", kTight};
}

Tightness tightness(const Expr& expr) {
  if (std::holds_alternative<IfExpr>(expr.node)) return kLoose;
  if (const auto* unary = std::get_if<UnaryExpr>(&expr.node)) return unary->op == UnaryOp::negate ? kNegate : kNot;
  if (const auto* binary = std::get_if<BinaryExpr>(&expr.node)) return text_of(binary->op).tightness;
  return kTight;
}

std::string operand(const Expr& expr, int at_least) {
  const std::string text = print(expr);
  return tightness(expr) < at_least ? "(" + text + ")" : text;
}

template <class Items, class Show>
std::string commas(const Items& items, Show show) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + show(item);
  return out;
}

std::string print_argument(const Argument& argument) {
  return (argument.name ? argument.name->text + " = " : "") + print(*argument.value);
}

std::string decimal(double value) {
  std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
}

std::string percent(double fraction) {
  std::string text = fmt::format("{:.10f}", fraction * 100);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + "%";
}

std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '{':
        out += "{{";
        break;
      case '}':
        out += "}}";
        break;
      default:
        out += c;
    }
  }
  return out;
}

struct ExprPrinter {
  std::string operator()(const ErrorExpr&) const { return "error"; }
  std::string operator()(const NameExpr& e) const { return e.name; }
  std::string operator()(const IntExpr& e) const { return std::to_string(e.value); }
  std::string operator()(const FloatExpr& e) const { return decimal(e.value); }
  std::string operator()(const PercentExpr& e) const { return percent(e.fraction); }
  std::string operator()(const BoolExpr& e) const { return e.value ? "true" : "false"; }
  std::string operator()(const WildcardExpr& e) const { return e.deep ? "**" : "*"; }

  std::string operator()(const StringExpr& e) const {
    std::string out = "\"";
    for (const StringExpr::Part& part : e.parts) out += part.is_name ? "{" + part.text + "}" : escape(part.text);
    return out + "\"";
  }
  std::string operator()(const SizeExpr& e) const {
    std::string out = "|";
    for (size_t i = 0; i < e.path.size(); ++i) {
      out += (i > 0 ? "." : "") + e.path[i];
      if (i == 0 && e.member) out += "[" + *e.member + "]";
    }
    return out + "|";
  }
  std::string operator()(const ListExpr& e) const {
    const auto entry = [](const ExprPtr& item) {
      const auto& pair = std::get<ListExpr>(item->node).items;
      return print(*pair[0]) + ": " + print(*pair[1]);
    };
    if (e.table) return "{" + commas(e.items, entry) + "}";
    return "[" + commas(e.items, [](const ExprPtr& item) { return print(*item); }) + "]";
  }
  std::string operator()(const GeneratorExpr& e) const {
    std::string out = "[" + print(*e.item);
    for (const GeneratorExpr::Clause& clause : e.clauses) {
      out += " for " + clause.variable.text + " in " + print(*clause.in);
    }
    return out + "]";
  }
  std::string operator()(const IfExpr& e) const {
    const bool chained = std::holds_alternative<IfExpr>(e.otherwise->node);
    return "if " + print(*e.condition) + " { " + print(*e.then) + " } else " +
           (chained ? print(*e.otherwise) : "{ " + print(*e.otherwise) + " }");
  }
  std::string operator()(const MemberExpr& e) const {
    const std::string base = operand(*e.base, kTight);
    const bool number = std::holds_alternative<IntExpr>(e.base->node);  // `5.x` would read as a number
    return (number ? "(" + base + ")" : base) + "." + e.member.text;
  }
  std::string operator()(const CallExpr& e) const {
    return operand(*e.callee, kTight) + "(" + commas(e.arguments, print_argument) + ")";
  }
  std::string operator()(const IndexExpr& e) const {
    return operand(*e.base, kTight) + "[" +
           commas(e.items,
                  [](const IndexExpr::Item& item) {
                    if (item.kind == IndexExpr::Item::Kind::ellipsis) return std::string("...");
                    if (item.kind == IndexExpr::Item::Kind::from) return operand(*item.value, kAdd) + "..";
                    return print(*item.value);
                  }) +
           "]";
  }
  std::string operator()(const UnaryExpr& e) const {
    if (e.op == UnaryOp::logical_not) return "not " + operand(*e.operand, kNot);
    const std::string text = operand(*e.operand, kNegate);
    return text.starts_with('-') ? "-(" + text + ")" : "-" + text;
  }
  std::string operator()(const BinaryExpr& e) const {
    const OperatorText op = text_of(e.op);
    int left = op.tightness, right = op.tightness + 1;
    if (e.op == BinaryOp::power) std::swap(left, right);
    if (op.tightness == kCompare || op.tightness == kRange) ++left;  // these do not chain
    const std::string gap = e.op == BinaryOp::range || e.op == BinaryOp::power ? "" : " ";
    return side(*e.left, left, op) + gap + op.sign + gap + side(*e.right, right, op);
  }

 private:
  static std::string side(const Expr& expr, int at_least, OperatorText op) {
    const bool flow = op.tightness <= kCompose;
    const Tightness own = tightness(expr);
    const bool bare_operator = own > kCompose && own < kTight;
    return flow && bare_operator ? "(" + print(expr) + ")" : operand(expr, at_least);
  }
};

std::string print_dim(const TypeExpr::DimItem& dim) {
  switch (dim.kind) {
    case TypeExpr::DimItem::Kind::rest:
      return "...";
    case TypeExpr::DimItem::Kind::of:
      return dim.inner.text + " of " + dim.outer.text;
    case TypeExpr::DimItem::Kind::size:
      return dim.size ? print(*dim.size) : "error";
  }
  return {};
}

}  // namespace

std::string print(const Expr& expr) {
  return std::visit(ExprPrinter{}, expr.node);
}

std::string print(const TypeExpr& type) {
  std::string out = type.name.text;
  if (type.has_arguments) {
    const std::string arguments = commas(type.arguments, [](const ExprPtr& e) { return print(*e); });
    const char* comma = type.arguments.empty() || type.settings.empty() ? "" : ", ";
    out += "(" + arguments + comma + commas(type.settings, print_argument) + ")";
  }
  if (type.has_dims) out += "[" + commas(type.dims, print_dim) + "]";
  return out;
}

}  // namespace mtl::syntax
