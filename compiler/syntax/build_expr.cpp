// Expressions, and what the grammar's table of operators cannot say: `|>` and `>>` take no bare operators beside
// them, comparisons and ranges do not chain, an `if` value is no bare operand, wildcards stand in `require` only.
#include "compiler/syntax/token_words.h"
#include "compiler/syntax/tree_builder.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {
namespace {

constexpr size_t kLongestReading = 70;

bool is_flow(TokenType type) {
  return type == Tok::PIPE || type == Tok::COMPOSE;
}

bool is_postfix(TokenType type) {
  return type == Tok::DOT || type == Tok::LPAREN || type == Tok::LBRACK;
}

bool is_comparison(TokenType type) {
  return type == Tok::EQEQ || type == Tok::NEQ || type == Tok::LT || type == Tok::LE || type == Tok::GT ||
         type == Tok::GE;
}

// The operator of a node, 0 for a primary. Parentheses make a primary.
TokenType op_of(Tok::ExprContext* context) {
  return context && context->op ? context->op->getType() : 0;
}

bool is_bare_operator(Tok::ExprContext* context) {
  const TokenType op = op_of(context);
  return op != 0 && !is_flow(op) && !is_postfix(op);
}

bool is_bare_if(Tok::ExprContext* context) {
  return context && context->primary() && context->primary()->ifValue() != nullptr;
}

BinaryOp binary_op(TokenType type) {
  switch (type) {
    case Tok::POW:
      return BinaryOp::power;
    case Tok::STAR:
      return BinaryOp::multiply;
    case Tok::SLASH:
      return BinaryOp::divide;
    case Tok::AT:
      return BinaryOp::matmul;
    case Tok::PLUS:
      return BinaryOp::add;
    case Tok::MINUS:
      return BinaryOp::subtract;
    case Tok::RANGE:
      return BinaryOp::range;
    case Tok::EQEQ:
      return BinaryOp::equal;
    case Tok::NEQ:
      return BinaryOp::not_equal;
    case Tok::LT:
      return BinaryOp::less;
    case Tok::LE:
      return BinaryOp::less_equal;
    case Tok::GT:
      return BinaryOp::greater;
    case Tok::GE:
      return BinaryOp::greater_equal;
    case Tok::AND:
      return BinaryOp::logical_and;
    case Tok::OR:
      return BinaryOp::logical_or;
    case Tok::COMPOSE:
      return BinaryOp::compose;
    default:
      return BinaryOp::pipe;
  }
}

}  // namespace

ExprPtr TreeBuilder::error_expr(Context* context) const {
  return make(range(context), ErrorExpr{});
}

ExprPtr TreeBuilder::expr(Tok::ExprContext* context) {
  if (broken(context)) return error_expr(context);
  if (context->primary()) return primary(context->primary());
  if (!context->op) return error_expr(context);
  switch (op_of(context)) {
    case Tok::DOT:
      return member_expr(context);
    case Tok::LPAREN:
      return call(context);
    case Tok::LBRACK:
      return index(context);
    default:
      return context->expr().size() == 2 ? binary(context) : unary(context);
  }
}

// Something that an operator applies to.
ExprPtr TreeBuilder::operand(Tok::ExprContext* context) {
  if (is_bare_if(context)) emitter_.report(diag::IfOperand).at(range(context));
  return expr(context);
}

ExprPtr TreeBuilder::member_expr(Tok::ExprContext* context) {
  Name part = name(context->name());
  if (context->WILD()) {
    part = name(context->WILD());
    wildcard(context->WILD());
  }
  if (part.text.empty()) return error_expr(context);
  return make(range(context), MemberExpr{operand(context->expr(0)), part});
}

ExprPtr TreeBuilder::call(Tok::ExprContext* context) {
  CallExpr out;
  out.callee = operand(context->expr(0));
  for (Tok::ArgContext* arg : context->arg()) {
    Argument made;
    if (arg->name()) made.name = name(arg->name());
    made.value = expr(arg->expr());
    out.arguments.push_back(std::move(made));
  }
  return make(range(context), std::move(out));
}

ExprPtr TreeBuilder::index(Tok::ExprContext* context) {
  using Kind = IndexExpr::Item::Kind;
  IndexExpr out;
  out.base = operand(context->expr(0));
  for (Tok::IndexContext* item : context->index()) {
    IndexExpr::Item made{Kind::ellipsis, nullptr, range(item)};
    if (!item->ELLIPSIS()) {
      made.kind = item->RANGE() ? Kind::from : Kind::at;
      made.value = expr(item->expr());
    }
    out.items.push_back(std::move(made));
  }
  return make(range(context), std::move(out));
}

ExprPtr TreeBuilder::unary(Tok::ExprContext* context) {
  const UnaryOp op = op_of(context) == Tok::NOT ? UnaryOp::logical_not : UnaryOp::negate;
  return make(range(context), UnaryExpr{op, operand(context->expr(0))});
}

ExprPtr TreeBuilder::binary(Tok::ExprContext* context) {
  check_chain(context);
  if (is_flow(op_of(context))) check_pipe(context);
  BinaryExpr out;
  out.op = binary_op(op_of(context));
  out.left = operand(context->expr(0));
  out.right = operand(context->expr(1));
  const Token& sign = token(context->op);
  out.op_range = {file_, sign.begin, sign.end};
  return make(range(context), std::move(out));
}

// `a < b < c`, `0..n..2`
void TreeBuilder::check_chain(Tok::ExprContext* context) {
  const TokenType op = op_of(context), left = op_of(context->expr(0));
  const Token& sign = token(context->op);
  const SourceRange place{file_, sign.begin, sign.end};
  if (is_comparison(op) && is_comparison(left)) {
    emitter_.report(diag::ChainedOperator, "comparisons").at(place).help("write `a < b and b < c`");
  } else if (op == Tok::RANGE && left == Tok::RANGE) {
    emitter_.report(diag::ChainedOperator, "ranges").at(place);
  }
}

// `a |> f + b` reads as `a |> (f + b)` here and as `(a |> f) + b` elsewhere, so neither is taken.
void TreeBuilder::check_pipe(Tok::ExprContext* context) {
  if (is_bare_operator(context->expr(0))) report_pipe(context, context->expr(0), true);
  if (is_bare_operator(context->expr(1))) report_pipe(context, context->expr(1), false);
}

void TreeBuilder::report_pipe(Tok::ExprContext* pipe, Tok::ExprContext* side, bool left) {
  Tok::ExprContext* edge = side;  // the operand nearest to the pipe
  while (is_bare_operator(edge) && !edge->expr().empty() && !broken(edge)) {
    edge = left ? edge->expr().back() : edge->expr(0);
  }
  const Token& sign = token(side->op);
  const SourceRange whole = range(pipe), inner = range(side), near = range(edge);
  const auto cut = [&](uint32_t begin, uint32_t end) { return std::string(text({file_, begin, end})); };
  std::string first, second;
  if (left) {
    first = "(" + cut(whole.begin, inner.end) + ")" + cut(inner.end, whole.end);
    second = cut(whole.begin, near.begin) + "(" + cut(near.begin, whole.end) + ")";
  } else {
    first = cut(whole.begin, inner.begin) + "(" + cut(inner.begin, whole.end) + ")";
    second = "(" + cut(whole.begin, near.end) + ")" + cut(near.end, whole.end);
  }
  const bool short_enough = first.size() <= kLongestReading && first.find('\n') == std::string::npos;
  const bool prefix = side->expr().size() == 1 && !left;  // `x |> -f` has one reading
  std::string help = "put one of the two into parentheses";
  if (short_enough) help = "write `" + first + (prefix ? "`" : "` or `" + second + "`");
  const SourceRange flow{file_, token(pipe->op).begin, token(pipe->op).end};
  emitter_.report(diag::PipeOperand, std::string(sign.text), std::string(token(pipe->op).text))
      .at({file_, sign.begin, sign.end})
      .label(flow, "")
      .help(help);
}

ExprPtr TreeBuilder::primary(Tok::PrimaryContext* context) {
  if (broken(context)) return error_expr(context);
  if (context->list()) return list(context->list());
  if (context->table()) return table(context->table());
  if (context->ifValue()) return if_value(context->ifValue());
  if (context->name()) {
    const Name found = name(context->name());
    return found.text.empty() ? error_expr(context) : make(found.range, NameExpr{found.text});
  }
  if (context->WILD()) return wildcard(context->WILD());
  if (context->expr()) {
    ExprPtr out = expr(context->expr());
    out->range = range(context);  // with its parentheses
    return out;
  }
  for (auto* node : {context->SIZE(), context->INT(), context->FLOAT(), context->PERCENT(), context->SCALED(),
                     context->STRING(), context->TRUE(), context->FALSE()}) {
    if (node) return literal(node);
  }
  return error_expr(context);
}

ExprPtr TreeBuilder::wildcard(antlr4::tree::TerminalNode* node) {
  const std::string sign(token(node->getSymbol()).text);
  if (!in_require_) emitter_.report(diag::WildcardPlace, sign).at(range(node));
  return make(range(node), WildcardExpr{sign == "**"});
}

ExprPtr TreeBuilder::list(Tok::ListContext* context) {
  if (broken(context)) return error_expr(context);
  if (context->generator().empty()) {
    ListExpr out;
    for (Tok::ExprContext* item : context->expr()) out.items.push_back(expr(item));
    return make(range(context), std::move(out));
  }
  GeneratorExpr out;
  out.item = expr(context->expr(0));
  for (Tok::GeneratorContext* clause : context->generator()) {
    out.clauses.push_back({name(clause->name()), expr(clause->expr())});
    check_small(out.clauses.back().variable, "a loop variable");
  }
  return make(range(context), std::move(out));
}

ExprPtr TreeBuilder::table(Tok::TableContext* context) {
  if (broken(context)) return error_expr(context);
  ListExpr out;
  out.table = true;
  for (Tok::EntryContext* entry : context->entry()) {
    if (broken(entry) || !entry->STRING() || !entry->expr()) return error_expr(context);
    ListExpr pair;
    pair.items.push_back(literal(entry->STRING()));
    pair.items.push_back(expr(entry->expr()));
    out.items.push_back(make(range(entry), std::move(pair)));
  }
  return make(range(context), std::move(out));
}

// condition, value, condition, value, ..., value
ExprPtr TreeBuilder::if_value(Tok::IfValueContext* context) {
  const std::vector<Tok::ExprContext*> parts = context->expr();
  if (broken(context) || parts.size() < 3 || parts.size() % 2 == 0) return error_expr(context);
  if (parts.size() / 2 > kMaxBranches) {
    emitter_.report(diag::ElseIfTooLong, kMaxBranches).at(range(context->IF(0)));
    return error_expr(context);
  }
  ExprPtr out = expr(parts.back());
  for (size_t i = parts.size() - 1; i >= 2; i -= 2) {
    ExprPtr then = expr(parts[i - 1]);
    ExprPtr condition = expr(parts[i - 2]);
    SourceRange place = range(context);
    if (i > 2) place.begin = condition->range.begin;
    out = make(place, IfExpr{std::move(condition), std::move(then), std::move(out)});
  }
  return out;
}

}  // namespace mtl::syntax
