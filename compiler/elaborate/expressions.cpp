// An expression to a Value: what is static is computed, what is not becomes nodes, layers stay descriptions until they
// are declared or applied.
#include <algorithm>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

using namespace syntax;

Value Elaborator::evaluate(const Expr& expr, Frame& frame) {
  if (out_of_budget_) return {};
  Value value = evaluate_node(expr, frame);
  value.range = expr.range;
  return value;
}

Value Elaborator::evaluate_callee(const Expr& expr, Frame& frame) {
  const auto* node = std::get_if<NameExpr>(&expr.node);
  Value value = evaluate(expr, frame);
  if (node && std::holds_alternative<TaskRef>(value.v)) value = name(node->name, expr.range, frame, false);
  value.range = expr.range;
  return value;
}

Value Elaborator::evaluate_node(const Expr& expr, Frame& frame) {
  const SourceRange range = expr.range;
  struct Visitor {
    Elaborator& e;
    const Expr& expr;
    Frame& frame;
    SourceRange range;
    Value operator()(const ErrorExpr&) { return {}; }
    Value operator()(const NameExpr& node) { return e.name(node.name, range, frame); }
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
        Value value = e.name(part.text, range, frame);
        if (!value.as_static()) return {};
        text += value.as_static()->is_text() ? value.as_static()->string() : value.as_static()->text();
        if (!e.statics_.string_fits(text, range)) return e.failed_ = true, Value{};
      }
      return StaticValue{text};
    }
    Value operator()(const SizeExpr& node) { return e.evaluate_size(node, range, frame); }
    Value operator()(const ListExpr& node) { return e.evaluate_list(node, range, frame); }
    Value operator()(const GeneratorExpr& node) { return e.evaluate_generator(node, range, frame); }
    Value operator()(const IfExpr& node) { return e.evaluate_if(node, frame); }
    Value operator()(const MemberExpr& node) { return e.member(node, range, frame); }
    Value operator()(const CallExpr& node) { return e.call_expr(node, expr, frame); }
    Value operator()(const IndexExpr& node) { return e.evaluate_index(node, range, frame); }
    Value operator()(const UnaryExpr& node) { return e.evaluate_unary(node, range, frame); }
    Value operator()(const BinaryExpr& node) { return e.evaluate_binary(node, range, frame, expr); }
    Value operator()(const WildcardExpr&) {
      e.report({frame, range}, diag::NotATensor, "a path pattern");
      return {};
    }
  };
  return std::visit(Visitor{*this, expr, frame, range}, expr.node);
}

Value Elaborator::evaluate_size(const SizeExpr& node, SourceRange range, Frame& frame) {
  const At at{frame, range};
  const std::string& first = node.path.front();
  if (node.member) {
    report(at, diag::NotSupportedYet, "a family of data sources");
    return {};
  }
  if (node.path.size() == 1 && first == "tasks") {
    report(at, diag::NotSupportedYet, "`|tasks|`");
    return {};
  }
  if (node.path.size() == 1 && first == "target" && current_task_ >= 0 && frame.kind == Frame::Kind::task) {
    auto size = target_size(tasks_[current_task_]);
    if (size) return *size;
    report(at, diag::NoTarget, tasks_[current_task_].info.name);
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
      report(at, diag::UnknownSize, first)
          .help("`|x|` is the size of the set of an id input, of a column or a vocabulary");
      return {};
    }
  }
  if (node.path.size() == 2) {
    if (auto size = size_of_column(node.path[0], node.path[1], frame)) return *size;
  } else if (auto size = sema::TopScope(file_, frame.unit, options_.size_of).size(node)) {
    if (auto number = size->as_int()) known_sizes_[*number] = "|" + first + "|, the size of vocabulary `" + first + "`";
    return *size;
  }
  report(at, diag::UnknownSize, join(node.path, ".", "."));
  return {};
}

Value Elaborator::make_list(std::vector<Value> items, SourceRange range, Frame& frame) {
  const auto is_known = [](const Value& item) { return item.as_static() && !item.dimension; };
  const bool all_known = std::all_of(items.begin(), items.end(), is_known);
  int depth = 1;
  for (const Value& item : items) depth = std::max(depth, item.depth() + 1);
  if (depth > sema::StaticBudget::kNesting) {
    report({frame, range}, diag::TooNested);
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

Value Elaborator::evaluate_list(const ListExpr& node, SourceRange range, Frame& frame) {
  std::vector<Value> items;
  for (const ExprPtr& item : node.items) {
    Value value = evaluate(*item, frame);
    if (value.poisoned()) return {};
    items.push_back(std::move(value));
  }
  return make_list(std::move(items), range, frame);
}

bool Elaborator::generate(const GeneratorExpr& node, size_t clause, Frame& frame, std::vector<Value>& out) {
  if (clause == node.clauses.size()) {
    if (!spend_statement(node.item->range, frame)) return false;
    Value value = evaluate(*node.item, frame);
    if (value.poisoned()) return false;
    out.push_back(std::move(value));
    return true;
  }
  const GeneratorExpr::Clause& current = node.clauses[clause];
  Value list = evaluate(*current.in, frame);
  auto elements = items(list, {frame, current.in->range});
  if (!elements) return false;
  for (Value& element : *elements) {
    frame.scopes.emplace_back();
    frame.bind(current.variable.text, std::move(element));
    const bool good = generate(node, clause + 1, frame, out);
    frame.scopes.pop_back();
    if (!good) return false;
  }
  return true;
}

Value Elaborator::evaluate_generator(const GeneratorExpr& node, SourceRange range, Frame& frame) {
  std::vector<Value> out;
  ++frame.loops;
  const bool good = generate(node, 0, frame, out);
  --frame.loops;
  return good ? make_list(std::move(out), range, frame) : Value{};
}

Value Elaborator::evaluate_if(const IfExpr& node, Frame& frame) {
  auto chosen = condition(*node.condition, frame, "the condition of `if`");
  if (!chosen) return {};
  return evaluate(*chosen ? *node.then : *node.otherwise, frame);
}

std::optional<bool> Elaborator::condition(const Expr& expr, Frame& frame, std::string_view what) {
  Value value = evaluate(expr, frame);
  if (value.poisoned()) return std::nullopt;
  const StaticValue* known = value.as_static();
  if (known && known->is_bool() && !known->from_data) return std::get<bool>(known->value);
  if (known && (known->is_open() || known->from_data)) {
    failed_ = true;
    statics_.require_now(*known, expr.range, what);
    return std::nullopt;
  }
  report({frame, expr.range}, diag::NotKnownNow, std::string(what), value.kind())
      .help(value.tensor() ? "`where(condition, a, b)` chooses between values" : "");
  return std::nullopt;
}

std::optional<int64_t> Elaborator::integer(const Value& value, const At& at, std::string_view what) {
  if (value.poisoned()) return std::nullopt;
  const StaticValue* known = value.as_static();
  if (known && known->from_data) {
    failed_ = true;
    statics_.require_now(*known, at.range, what);
    return std::nullopt;
  }
  if (known && known->as_int()) return known->as_int();
  report(at, diag::NotAnInt, std::string(what), known ? known->text() : value.kind());
  return std::nullopt;
}

std::optional<std::vector<Value>> Elaborator::items(const Value& value, const At& at) {
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
  report(at, diag::NotAList, value.as_static() ? value.as_static()->text() : value.kind())
      .help(record                                             ? "each has a name, `x.NAME`: " + named_results(**record)
            : value.as_static() && value.as_static()->as_int() ? "`0..n` lists the numbers below n"
                                                               : "");
  return std::nullopt;
}

// `n.hidden[0]` of n.hidden.0.weight: a number behind a path that is no parameter belongs to the path.
std::optional<Value> Elaborator::path_below(const PathRef& path, std::span<const IndexExpr::Item> items, const At& at) {
  if (find_parameter(path_of(path.place)) != params_.end()) return std::nullopt;
  if (items.size() != 1 || items[0].kind != IndexExpr::Item::Kind::at) return std::nullopt;
  // A slice or ids are of a parameter, perhaps of one that a call further down makes.
  const auto* range = std::get_if<BinaryExpr>(&items[0].value->node);
  if (range && range->op == BinaryOp::range) return std::nullopt;
  const Value index = evaluate(*items[0].value, at.frame);
  if (index.poisoned()) return Value{};
  if (!index.as_static() || !index.as_static()->is_int()) return std::nullopt;
  const auto number = integer(index, {at.frame, items[0].range}, "an index");
  if (!number) return Value{};
  return PathRef{child(path.place, std::to_string(*number), Owner::enclosing, at.range, at.frame)};
}

Value Elaborator::evaluate_index(const IndexExpr& node, SourceRange range, Frame& frame) {
  Value base = evaluate(*node.base, frame);
  if (base.poisoned()) return {};
  const At at{frame, range};
  if (const auto* path = std::get_if<PathRef>(&base.v)) {
    if (auto longer = path_below(*path, node.items, at)) return *longer;
    base = Value{parameter_at(*path, at), base.range};
    if (!base.tensor()->node.valid()) return {};
  }
  if (std::holds_alternative<Stack>(base.v)) return index_stack(base, node.items, at);
  if (const Tensor* tensor = base.tensor()) return index_tensor(*tensor, node.items, at);
  if (std::holds_alternative<Transposed>(base.v)) return index_transposed(base, node.items, at);
  if (node.items.size() != 1 || node.items[0].kind != IndexExpr::Item::Kind::at) {
    report(at, diag::NotATensor, base.kind());
    return {};
  }
  Value index = evaluate(*node.items[0].value, frame);
  if (index.poisoned()) return {};
  const At index_at{frame, node.items[0].range};
  if (const StaticValue* list = base.as_static(); list && index.as_static()) {
    auto element = statics_.element(*list, *index.as_static(), index_at.range);
    if (!element) failed_ = true;
    return element ? Value{*element} : Value{};
  }
  auto elements = items(base, at);
  auto place = elements ? integer(index, index_at, "an index") : std::nullopt;
  if (!place) return {};
  const int64_t count = static_cast<int64_t>(elements->size());
  if (*place < -count || *place >= count) {
    const bool array = base.layer() != nullptr;
    report(index_at, diag::IndexOutOfRange, *place,
           array ? "an array of " + count_of(count, "layer") : "a list of " + std::to_string(count));
    return {};
  }
  return (*elements)[*place < 0 ? *place + count : *place];
}

Value Elaborator::evaluate_unary(const UnaryExpr& node, SourceRange range, Frame& frame) {
  const At at{frame, range};
  Value operand = as_stack(evaluate(*node.operand, frame), at);
  if (operand.poisoned()) return {};
  if (const StaticValue* known = operand.as_static()) {
    auto value = statics_.unary(node.op, *known, range);
    if (!value) failed_ = true;
    return value ? Value{*value} : Value{};
  }
  const auto one = [&]() -> Value {
    ir::Value x = to_tensor(operand, {frame, node.operand->range});
    if (!x.valid() || (node.op == UnaryOp::negate && !need_numbers(x, at, "`-`"))) return {};
    ir::Value result = emit(node.op == UnaryOp::negate ? "neg" : "not", {x}, at);
    return result.valid() ? Value{Tensor{result, nullptr, nullptr, dim_names(operand)}} : Value{};
  };
  return std::holds_alternative<Stack>(operand.v) ? each_part({&operand}, at, one) : one();
}

Value Elaborator::evaluate_binary(const BinaryExpr& node, SourceRange range, Frame& frame, const Expr& expr) {
  Value left = evaluate(*node.left, frame);
  if (node.op == BinaryOp::logical_and || node.op == BinaryOp::logical_or) {
    const StaticValue* known = left.as_static();
    if (known && known->is_bool() && std::get<bool>(known->value) == (node.op == BinaryOp::logical_or)) return left;
  }
  Value right = evaluate(*node.right, frame);
  if (left.poisoned() || right.poisoned()) return {};
  const At at{frame, range, {node.left->range, node.right->range}};
  if (node.op == BinaryOp::compose) {
    LayerPtr composed = compose(left, right, at);
    return composed ? Value{composed} : Value{};
  }
  if (node.op == BinaryOp::pipe) {
    std::vector<Argument> arguments;
    arguments.push_back({"", std::move(left), node.left->range});
    LayerPtr layer = as_layer(right, {frame, node.right->range});
    return layer ? apply(layer, std::move(arguments), &expr, at) : Value{};
  }
  return binary_values(node.op, left, right, at);
}

}  // namespace mtl::elaborate
