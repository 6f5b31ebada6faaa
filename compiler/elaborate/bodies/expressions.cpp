// An expression to a Value: what is static is computed, what is not becomes nodes, layers stay descriptions until they
// are declared or applied.
#include "compiler/elaborate/bodies/expressions.h"

#include <algorithm>

#include "compiler/elaborate/bodies/across.h"
#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/bodies/id_sets.h"
#include "compiler/elaborate/bodies/indices.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/bodies/names.h"
#include "compiler/elaborate/tensors/budget.h"
#include "compiler/elaborate/tensors/dim_names.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/operators.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/transposed.h"
#include "compiler/sema/families.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
Value evaluate_node(BodyContext& ctx, const syntax::Expr& expr, Frame& frame);
Value evaluate_size(BodyContext& ctx, const syntax::SizeExpr& node, SourceRange range, Frame& frame);
Value evaluate_list(BodyContext& ctx, const syntax::ListExpr& node, SourceRange range, Frame& frame);
Value evaluate_generator(BodyContext& ctx, const syntax::GeneratorExpr& node, SourceRange range, Frame& frame);
Value evaluate_if(BodyContext& ctx, const syntax::IfExpr& node, Frame& frame);
Value evaluate_index(BodyContext& ctx, const syntax::IndexExpr& node, SourceRange range, Frame& frame);
Value evaluate_unary(BodyContext& ctx, const syntax::UnaryExpr& node, SourceRange range, Frame& frame);
Value evaluate_binary(BodyContext& ctx, const syntax::BinaryExpr& node, SourceRange range, Frame& frame,
                      const syntax::Expr& expr);
}  // namespace

Value evaluate(BodyContext& ctx, const Expr& expr, Frame& frame) {
  if (ctx.budget.exceeded) return {};
  Value value = evaluate_node(ctx, expr, frame);
  value.range = expr.range;
  return value;
}

Value evaluate_callee(BodyContext& ctx, const Expr& expr, Frame& frame) {
  const auto* node = std::get_if<NameExpr>(&expr.node);
  Value value = evaluate(ctx, expr, frame);
  if (node && std::holds_alternative<TaskRef>(value.v)) value = name(ctx, node->name, expr.range, frame, false);
  value.range = expr.range;
  return value;
}

namespace {
Value evaluate_node(BodyContext& ctx, const Expr& expr, Frame& frame) {
  const SourceRange range = expr.range;
  struct Visitor {
    BodyContext& ctx;
    const Expr& expr;
    Frame& frame;
    SourceRange range;
    Value operator()(const ErrorExpr&) { return {}; }
    Value operator()(const NameExpr& node) { return name(ctx, node.name, range, frame); }
    Value operator()(const IntExpr& node) {
      Value value = StaticValue{node.value};
      value.literal = true;
      return value;
    }
    Value operator()(const FloatExpr& node) { return StaticValue{node.value}; }
    Value operator()(const PercentExpr& node) { return StaticValue{sema::Fraction{node.fraction}}; }
    Value operator()(const BoolExpr& node) { return StaticValue{node.value}; }
    Value operator()(const StringExpr& node) {
      std::string text;
      for (const StringExpr::Part& part : node.parts) {
        if (!part.is_name) {
          text += part.text;
          continue;
        }
        Value value = name(ctx, part.text, range, frame);
        if (!value.as_static()) return {};
        text += value.as_static()->is_text() ? value.as_static()->string() : value.as_static()->text();
        if (!ctx.statics.string_fits(text, range)) return ctx.reports.failed = true, Value{};
      }
      return StaticValue{text};
    }
    Value operator()(const SizeExpr& node) { return evaluate_size(ctx, node, range, frame); }
    Value operator()(const ListExpr& node) { return evaluate_list(ctx, node, range, frame); }
    Value operator()(const GeneratorExpr& node) { return evaluate_generator(ctx, node, range, frame); }
    Value operator()(const IfExpr& node) { return evaluate_if(ctx, node, frame); }
    Value operator()(const MemberExpr& node) { return member(ctx, node, range, frame); }
    Value operator()(const CallExpr& node) { return call_expr(ctx, node, expr, frame); }
    Value operator()(const IndexExpr& node) { return evaluate_index(ctx, node, range, frame); }
    Value operator()(const UnaryExpr& node) { return evaluate_unary(ctx, node, range, frame); }
    Value operator()(const BinaryExpr& node) { return evaluate_binary(ctx, node, range, frame, expr); }
    Value operator()(const WildcardExpr&) {
      ctx.report({frame, range}, diag::NotATensor, "a path pattern");
      return {};
    }
  };
  return std::visit(Visitor{ctx, expr, frame, range}, expr.node);
}

Value evaluate_size(BodyContext& ctx, const SizeExpr& node, SourceRange range, Frame& frame) {
  const At at{frame, range};
  const std::string& first = node.path.front();
  if (node.path.size() == 1 && first == "tasks") {
    return number_of_tasks(ctx, at);
  }
  if (node.path.size() == 1 && first == "target" && frame.task && frame.kind == Frame::Kind::task) {
    auto size = target_size(ctx, *frame.task);
    if (size) return *size;
    ctx.report(at, diag::NoTarget, frame.task->info.name);
    return {};
  }
  if (node.path.size() == 1) {
    if (Binding* binding = frame.find(first)) {
      if (binding->value.poisoned()) return {};
      const Tensor* tensor = binding->value.tensor();
      if (tensor && tensor->ids) {
        if (tensor->ids->ragged) return RaggedDim{*tensor->ids->ragged};
        return StaticValue{tensor->ids->size, true};
      }
      ctx.report(at, diag::UnknownSize, first)
          .help("`|x|` is the size of the set of an id input, of a column or a vocabulary");
      return {};
    }
  }
  if (node.path.size() == 2) {
    if (auto size = size_of_column(ctx, node.path[0], node.path[1], frame)) return *size;
  } else if (auto size = sema::TopScope(ctx.file, frame.unit, ctx.options.size_of).size(node)) {
    if (auto number = size->as_int())
      ctx.reports.known_sizes[*number] = "|" + first + "|, the size of vocabulary `" + first + "`";
    return *size;
  }
  ctx.report(at, diag::UnknownSize, join(node.path, ".", "."));
  return {};
}

}  // namespace

Value make_list(BodyContext& ctx, std::vector<Value> items, SourceRange range, Frame& frame) {
  const auto is_known = [](const Value& item) { return item.as_static() && !item.dimension; };
  const bool all_known = std::all_of(items.begin(), items.end(), is_known);
  int depth = 1;
  for (const Value& item : items) depth = std::max(depth, item.depth() + 1);
  if (depth > sema::StaticBudget::kNesting) {
    ctx.report({frame, range}, diag::TooNested);
    return {};
  }
  if (!all_known) {
    Value made{std::make_shared<const std::vector<Value>>(std::move(items)), range};
    made.list_depth = depth;
    return made;
  }
  StaticValue::List list;
  for (const Value& item : items) list.push_back(*item.as_static());
  return {StaticValue::list(std::move(list)), range};
}

namespace {
Value evaluate_list(BodyContext& ctx, const ListExpr& node, SourceRange range, Frame& frame) {
  std::vector<Value> items;
  for (const ExprPtr& item : node.items) {
    Value value = evaluate(ctx, *item, frame);
    if (value.poisoned()) return {};
    items.push_back(std::move(value));
  }
  return make_list(ctx, std::move(items), range, frame);
}

bool generate(BodyContext& ctx, const GeneratorExpr& node, size_t clause, Frame& frame, std::vector<Value>& out) {
  if (clause == node.clauses.size()) {
    if (!spend_statement(ctx, node.item->range, frame)) return false;
    Value value = evaluate(ctx, *node.item, frame);
    if (value.poisoned()) return false;
    out.push_back(std::move(value));
    return true;
  }
  const GeneratorExpr::Clause& current = node.clauses[clause];
  Value list = evaluate(ctx, *current.in, frame);
  auto elements = items(ctx, list, {frame, current.in->range});
  if (!elements) return false;
  for (Value& element : *elements) {
    frame.scopes.emplace_back();
    frame.bind(current.variable.text, std::move(element));
    const bool good = generate(ctx, node, clause + 1, frame, out);
    frame.scopes.pop_back();
    if (!good) return false;
  }
  return true;
}

Value evaluate_generator(BodyContext& ctx, const GeneratorExpr& node, SourceRange range, Frame& frame) {
  std::vector<Value> out;
  ++frame.loops;
  const bool good = generate(ctx, node, 0, frame, out);
  --frame.loops;
  return good ? make_list(ctx, std::move(out), range, frame) : Value{};
}

Value evaluate_if(BodyContext& ctx, const IfExpr& node, Frame& frame) {
  auto chosen = condition(ctx, *node.condition, frame, "the condition of `if`");
  if (!chosen) return {};
  return evaluate(ctx, *chosen ? *node.then : *node.otherwise, frame);
}
}  // namespace

std::optional<bool> condition(BodyContext& ctx, const Expr& expr, Frame& frame, std::string_view what) {
  Value value = evaluate(ctx, expr, frame);
  if (value.poisoned()) return std::nullopt;
  const StaticValue* known = value.as_static();
  if (known && known->is_bool() && !known->from_data) return std::get<bool>(known->value);
  if (known && (known->is_open() || known->from_data)) {
    ctx.reports.failed = true;
    ctx.statics.require_now(*known, expr.range, what);
    return std::nullopt;
  }
  ctx.report({frame, expr.range}, diag::NotKnownNow, std::string(what), value.kind())
      .help(value.tensor() ? "`where(condition, a, b)` chooses between values" : "");
  return std::nullopt;
}

namespace {
// `n.hidden[0]` of n.hidden.0.weight: a number behind a path that is no parameter belongs to the path.
std::optional<Value> path_below(BodyContext& ctx, const PathRef& path, std::span<const IndexExpr::Item> items,
                                const At& at) {
  if (find_parameter(ctx, path_of(path.place, at.frame.task)) != ctx.parameters.records.end()) return std::nullopt;
  if (items.size() != 1 || items[0].kind != IndexExpr::Item::Kind::at) return std::nullopt;
  // A slice or ids are of a parameter, perhaps of one that a call further down makes.
  const auto* range = std::get_if<BinaryExpr>(&items[0].value->node);
  if (range && range->op == BinaryOp::range) return std::nullopt;
  const Value index = evaluate(ctx, *items[0].value, at.frame);
  if (index.poisoned()) return Value{};
  if (!index.as_static()) return std::nullopt;
  if (index.as_static()->is_text()) {
    const std::string word = sema::member_word(index.as_static()->string());
    return PathRef{child(path.place, word, Owner::enclosing, at.range, at.frame)};
  }
  if (!index.as_static()->is_int()) return std::nullopt;
  const auto number = integer(ctx, index, {at.frame, items[0].range}, "an index");
  if (!number) return Value{};
  return PathRef{child(path.place, std::to_string(*number), Owner::enclosing, at.range, at.frame)};
}

// tower["books"]
Value layer_named(BodyContext& ctx, const Layer& array, const std::string& word, const At& at) {
  const auto found = std::find(array.words.begin(), array.words.end(), word);
  if (found != array.words.end()) return Value{array.parts[static_cast<size_t>(found - array.words.begin())], at.range};
  const auto near = nearest(word, array.words);
  ctx.report(at, diag::NoFamilyMember, array.place ? array.place->name : array.name(), word)
      .help(array.words.empty() ? "its layers are numbered from 0"
            : near              ? "did you mean `" + *near + "`?"
                                : "its members are " + excerpt(join(array.words, ", ", " and "), 200));
  return {};
}

Value evaluate_index(BodyContext& ctx, const IndexExpr& node, SourceRange range, Frame& frame) {
  Value base = evaluate(ctx, *node.base, frame);
  if (base.poisoned()) return {};
  const At at{frame, range};
  if (const auto* path = std::get_if<PathRef>(&base.v)) {
    if (auto longer = path_below(ctx, *path, node.items, at)) return *longer;
    base = Value{parameter_at(ctx, *path, at), base.range};
    if (!base.tensor()->node.valid()) return {};
  }
  if (std::holds_alternative<Stack>(base.v)) return index_stack(ctx, base, node.items, at);
  if (const Tensor* tensor = base.tensor()) return index_tensor(ctx, *tensor, node.items, at);
  if (std::holds_alternative<Transposed>(base.v)) return index_transposed(ctx, base, node.items, at);
  if (node.items.size() != 1 || node.items[0].kind != IndexExpr::Item::Kind::at) {
    ctx.report(at, diag::NotATensor, base.kind());
    return {};
  }
  Value index = evaluate(ctx, *node.items[0].value, frame);
  if (index.poisoned()) return {};
  const At index_at{frame, node.items[0].range};
  if (const StaticValue* list = base.as_static(); list && index.as_static()) {
    auto element = ctx.statics.element(*list, *index.as_static(), index_at.range);
    if (!element) ctx.reports.failed = true;
    return element ? Value{*element} : Value{};
  }
  if (const LayerPtr* array = base.layer(); array && index.as_static() && index.as_static()->is_text())
    return layer_named(ctx, **array, index.as_static()->string(), index_at);
  auto elements = items(ctx, base, at);
  auto place = elements ? integer(ctx, index, index_at, "an index") : std::nullopt;
  if (!place) return {};
  const int64_t count = static_cast<int64_t>(elements->size());
  if (*place < -count || *place >= count) {
    const bool array = base.layer() != nullptr;
    ctx.report(index_at, diag::IndexOutOfRange, *place,
               array ? "an array of " + count_of(count, "layer") : "a list of " + std::to_string(count));
    return {};
  }
  return (*elements)[*place < 0 ? *place + count : *place];
}

Value evaluate_unary(BodyContext& ctx, const UnaryExpr& node, SourceRange range, Frame& frame) {
  const At at{frame, range};
  Value operand = as_stack(ctx, evaluate(ctx, *node.operand, frame), at);
  if (operand.poisoned()) return {};
  if (const StaticValue* known = operand.as_static()) {
    auto value = ctx.statics.unary(node.op, *known, range);
    if (!value) ctx.reports.failed = true;
    return value ? Value{*value} : Value{};
  }
  const auto one = [&]() -> Value {
    ir::Value x = to_tensor(ctx, operand, {frame, node.operand->range});
    if (!x.valid() || (node.op == UnaryOp::negate && !need_numbers(ctx, x, at, "`-`"))) return {};
    ir::Value result = emit(ctx, node.op == UnaryOp::negate ? "neg" : "not", {x}, at);
    return result.valid() ? Value{Tensor{result, nullptr, nullptr, dim_names(ctx, operand)}} : Value{};
  };
  return std::holds_alternative<Stack>(operand.v) ? each_part(ctx, {&operand}, at, one) : one();
}

Value evaluate_binary(BodyContext& ctx, const BinaryExpr& node, SourceRange range, Frame& frame, const Expr& expr) {
  Value left = evaluate(ctx, *node.left, frame);
  if (node.op == BinaryOp::logical_and || node.op == BinaryOp::logical_or) {
    const StaticValue* known = left.as_static();
    if (known && known->is_bool() && std::get<bool>(known->value) == (node.op == BinaryOp::logical_or)) return left;
  }
  Value right = evaluate(ctx, *node.right, frame);
  if (left.poisoned() || right.poisoned()) return {};
  const At at{frame, range, {node.left->range, node.right->range}};
  if (node.op == BinaryOp::compose) {
    LayerPtr composed = compose(ctx, left, right, at);
    return composed ? Value{composed} : Value{};
  }
  if (node.op == BinaryOp::pipe) {
    std::vector<Argument> arguments;
    arguments.push_back({"", std::move(left), node.left->range});
    LayerPtr layer = as_layer(ctx, right, {frame, node.right->range});
    return layer ? apply(ctx, layer, std::move(arguments), &expr, at) : Value{};
  }
  return binary_values(ctx, node.op, left, right, at);
}
}  // namespace

}  // namespace mtl::elaborate
