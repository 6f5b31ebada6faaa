// Bodies: declarations bind names, `for` and `if` are unrolled, `return` ends.
#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
constexpr int64_t kStatementBudget = 1'000'000;
}

bool Elaborator::spend_statement(SourceRange range, Frame& frame) {
  if (out_of_budget_) return false;
  if (++statements_ <= kStatementBudget) return true;
  out_of_budget_ = true;
  report({frame, range}, diag::TooManyStatements, frame.title);
  return false;
}

bool Elaborator::run_body(const Body& body, Frame& frame) {
  for (const Stmt& stmt : body) {
    if (!run_statement(stmt, frame)) return false;
  }
  return true;
}

bool Elaborator::run_statement(const Stmt& stmt, Frame& frame) {
  if (!spend_statement(stmt.range, frame)) return false;
  struct Visitor {
    Elaborator& e;
    const Stmt& stmt;
    Frame& frame;
    bool unsupported(const char* what) {
      e.report({frame, stmt.range}, diag::NotSupportedYet, what);
      return true;
    }
    bool operator()(const ErrorStmt&) { return true; }
    bool operator()(const LayerStmt& node) { return e.declare_layer(node, stmt.range, frame), true; }
    bool operator()(const ParamStmt& node) { return e.declare_param(node, stmt.range, frame), true; }
    bool operator()(const LetStmt& node) { return e.run_let(node, frame), true; }
    bool operator()(const VarStmt& node) {
      Value value = e.evaluate(*node.value, frame);
      frame.bind(node.name.text, std::move(value), true);
      return true;
    }
    bool operator()(const AssignStmt& node) {
      Value value = e.evaluate(*node.value, frame);
      if (Binding* binding = frame.find(node.name.text); binding && binding->variable) {
        binding->value = std::move(value);
      } else if (frame.kind == Frame::Kind::criterion) {
        frame.assigned[node.name.text] = std::move(value);
      } else {
        e.report({frame, stmt.range}, diag::AssignToUnknown, node.name.text);
      }
      return true;
    }
    bool operator()(const ForStmt& node) { return e.run_for(node, stmt.range, frame); }
    bool operator()(const IfStmt& node) { return e.run_if(node, frame); }
    bool operator()(const ReturnStmt& node) { return e.run_return(node, stmt.range, frame), false; }
    bool operator()(const PenaltyStmt&) { return unsupported("`penalty`"); }
    bool operator()(const MonitorStmt&) { return unsupported("`monitor`"); }
    bool operator()(const UpdateStmt& node) { return e.run_update(node, frame), true; }
    bool operator()(const RequireStmt& node) { return e.run_require(node, frame); }
  };
  return std::visit(Visitor{*this, stmt, frame}, stmt.node);
}

void Elaborator::run_let(const LetStmt& stmt, Frame& frame) {
  Value value = evaluate(*stmt.value, frame);
  if (stmt.type && !value.poisoned()) {
    const bool good = check_type(*stmt.type, value, frame, nullptr, diag::LetMismatch, {frame, stmt.value->range});
    if (auto* tensor = std::get_if<Tensor>(&value.v); good && tensor) {
      name_dimensions(*tensor, stmt.type->dims, frame, false);
      declare_ids(*stmt.type, *tensor, frame);
    }
  }
  frame.bind(stmt.name.text, std::move(value));
}

// The next value of a state. Kept for finish(), which takes the mean over the calls of a step; the examples and
// positions that enter a call's value are averaged here.
void Elaborator::run_update(const UpdateStmt& stmt, Frame& frame) {
  Value value = evaluate(*stmt.value, frame);
  Binding* binding = frame.find(stmt.name.text);  // a state of this body: the parser has seen to it
  if (!binding || !binding->value.tensor() || value.poisoned()) return;
  const At at{frame, stmt.value->range};
  ir::Value next = as_numbers(to_tensor(value, at), at);
  const ir::Value state = binding->value.tensor()->node;
  if (!next.valid() || !state.valid()) return;
  if (type(next).dims != type(state).dims) {
    report(at, diag::UpdateMismatch, stmt.name.text, shape_text(state, frame), shape_text(next, frame));
    return;
  }
  if (current_task_ < 0 || options_.objective_tasks.count(tasks_[current_task_].info.name) == 0) return;
  if (type(next).space != types::kUniform) {
    const ir::Value rows = sum_all(to_space(constant(1, at), type(next).space, at), at);
    const ir::Value sum = emit("segment_sum", {next}, at, {{"to", ir::SpaceRef{types::kUniform}}});
    if (!rows.valid() || !sum.valid()) return;
    next = emit("div", {sum, with_rank(rows, type(sum).rank(), at)}, at);
  }
  std::vector<ir::Value>& calls = updates_[std::get<std::string>(graph_.nodes[state.node].attrs.at("path"))];
  if (std::find(calls.begin(), calls.end(), next) == calls.end()) calls.push_back(next);
}

// What follows in the body may rely on it, so a requirement that fails ends the body.
bool Elaborator::run_require(const RequireStmt& stmt, Frame& frame) {
  auto holds = condition(*stmt.condition, frame, "a requirement");
  if (holds && *holds) return true;
  frame.returned = true;
  if (!holds) return false;
  // A layer that is called twice says it once.
  const bool owns = frame.kind != Frame::Kind::function && frame.place;
  if (owns && !failed_requirements_.insert({stmt.condition->range.begin, plain_path_of(frame.place)}).second) {
    failed_ = true;
    return false;
  }
  const Expr* failed = stmt.condition.get();  // of several joined by `and`: the first that fails
  for (;;) {
    const auto* both = std::get_if<BinaryExpr>(&failed->node);
    if (!both || both->op != BinaryOp::logical_and) break;
    const auto first = condition(*both->left, frame, "a requirement");
    failed = first && *first ? both->right.get() : both->left.get();
  }
  say_failed(*failed, frame);
  return false;
}

namespace {
// The text after "has to be", for the comparison as it is written and with its sides exchanged.
std::pair<const char*, const char*> wanted_by(BinaryOp op) {
  switch (op) {
    case BinaryOp::equal:
      return {"", ""};
    case BinaryOp::not_equal:
      return {"other than ", "other than "};
    case BinaryOp::less:
      return {"less than ", "more than "};
    case BinaryOp::less_equal:
      return {"at most ", "at least "};
    case BinaryOp::greater:
      return {"more than ", "less than "};
    case BinaryOp::greater_equal:
      return {"at least ", "at most "};
    default:
      return {nullptr, nullptr};
  }
}
}  // namespace

std::string divisors_text(int64_t number, int64_t near) {
  if (number < 1 || number > (int64_t{1} << 40)) return "";
  constexpr size_t kMost = 8;
  std::vector<int64_t> all;
  for (int64_t i = 1; i <= number / i; ++i) {
    if (number % i != 0) continue;
    all.push_back(i);
    if (i != number / i) all.push_back(number / i);
  }
  std::sort(all.begin(), all.end(), [&](int64_t a, int64_t b) { return std::abs(a - near) < std::abs(b - near); });
  all.resize(std::min(all.size(), kMost));
  std::sort(all.begin(), all.end());
  std::string text;
  for (size_t i = 0; i < all.size(); ++i)
    text += (i == 0 ? "" : i + 1 == all.size() ? " and " : ", ") + std::to_string(all[i]);
  return text + (all.size() == 1 ? " divides " : " divide ") + std::to_string(number);
}

// A requirement that fails, in words: the two values that disagree, and what would do.
void Elaborator::say_failed(const Expr& condition, Frame& frame) {
  const auto* compare = std::get_if<BinaryExpr>(&condition.node);
  const auto say = [&](const Expr& at, const std::string& text) {
    return report({frame, at.range}, diag::RequirementFails, frame.title, text);
  };
  struct Side {
    const Expr* expr;
    std::string written, value;
    std::optional<int64_t> number;
    bool known() const { return !value.empty(); }
    bool named() const { return known() && value != written; }
    std::string is() const { return named() ? "`" + written + "` is " + value + " and" : value; }
    std::string which() const { return named() ? "`" + written + "`, which is " + value : value; }
  };
  const auto side = [&](const Expr& expr) {
    const Value value = evaluate(expr, frame);
    const StaticValue* known = value.as_static();
    return Side{&expr, text_at(expr.range), known ? known->text() : "", known ? known->as_int() : std::nullopt};
  };
  const auto wanted = compare ? wanted_by(compare->op) : std::pair<const char*, const char*>{};
  if (!wanted.first) return void(say(condition, "`" + text_at(condition.range) + "` does not hold"));
  const Side left = side(*compare->left), right = side(*compare->right);
  const auto* rest = std::get_if<CallExpr>(&compare->left->node);
  const auto* callee = rest ? std::get_if<NameExpr>(&rest->callee->node) : nullptr;
  const bool divides = callee && callee->name == "mod" && rest->arguments.size() == 2 && right.value == "0";
  if (divides && compare->op == BinaryOp::equal) {
    const Side number = side(*rest->arguments[0].value), by = side(*rest->arguments[1].value);
    diag::Report made = say(*by.expr, by.is() + " does not divide " + number.which());
    if (number.number && by.number) std::move(made).help(divisors_text(*number.number, *by.number));
    return;
  }
  if (!left.known() || !right.known() || (!left.named() && !right.named()))
    return void(say(condition, "`" + text_at(condition.range) + "` does not hold"));
  const Side &first = left.named() ? left : right, &second = left.named() ? right : left;
  say(*first.expr, first.is() + " has to be " + (left.named() ? wanted.first : wanted.second) + second.which());
}

bool Elaborator::run_for(const ForStmt& stmt, SourceRange range, Frame& frame) {
  Value list = evaluate(*stmt.in, frame);
  if (list.poisoned()) return true;
  if (std::holds_alternative<RaggedDim>(list.v) || list.tensor()) {
    report({frame, stmt.in->range}, diag::NotKnownNow, "the bound of `for`", list.kind());
    return true;
  }
  auto elements = items(list, {frame, stmt.in->range});
  if (!elements) return true;
  ++frame.loops;
  bool going = true;
  for (Value& element : *elements) {
    if (!spend_statement(range, frame)) going = false;
    if (!going) break;
    frame.scopes.emplace_back();
    frame.bind(stmt.variable.text, std::move(element));
    going = run_body(stmt.body, frame);
    frame.scopes.pop_back();
  }
  --frame.loops;
  return going;
}

bool Elaborator::run_if(const IfStmt& stmt, Frame& frame) {
  for (const IfStmt::Branch& branch : stmt.branches) {
    if (branch.condition) {
      auto chosen = condition(*branch.condition, frame, "the condition of `if`");
      if (!chosen) return false;
      if (!*chosen) continue;
    }
    // A block scopes values; what it declares belongs to the body all the same.
    frame.scopes.emplace_back();
    const bool going = run_body(branch.body, frame);
    frame.scopes.pop_back();
    return going;
  }
  return true;
}

void Elaborator::run_return(const ReturnStmt& stmt, SourceRange range, Frame& frame) {
  frame.returned = true;
  if (stmt.single) {
    frame.result = evaluate(*stmt.single, frame);
    return;
  }
  Record record;
  for (const ReturnStmt::Field& field : stmt.fields)
    record.fields.emplace_back(field.name.text, evaluate(*field.value, frame));
  frame.result = Value{std::make_shared<const Record>(std::move(record)), range};
}

void Elaborator::declare_layer(const LayerStmt& stmt, SourceRange range, Frame& frame) {
  PlacePtr place = child(frame.place, stmt.name.name.text, stmt.owner, range, frame);
  LayerPtr layer = stmt.name.indices.empty() ? declare_one(stmt, place, frame) : declare_array(stmt, 0, place, frame);
  frame.bind(stmt.name.name.text, layer ? Value{layer, range} : Value{});
}

LayerPtr Elaborator::declare_one(const LayerStmt& stmt, const PlacePtr& place, Frame& frame) {
  const At at{frame, stmt.value->range};
  Value value = evaluate(*stmt.value, frame);
  LayerPtr term = as_layer(value, at);
  return term ? instantiate(term, place, at) : nullptr;
}

LayerPtr Elaborator::declare_array(const LayerStmt& stmt, size_t index, const PlacePtr& place, Frame& frame) {
  if (index == stmt.name.indices.size()) return declare_one(stmt, place, frame);
  const DeclName::Index& level = stmt.name.indices[index];
  const At at{frame, level.count->range};
  Value count = evaluate(*level.count, frame);
  if (count.poisoned()) return nullptr;
  std::vector<Value> elements;
  if (level.variable) {
    auto listed = items(count, at);
    if (!listed) return nullptr;
    elements = std::move(*listed);
  } else {
    auto number = integer(count, at, "the number of layers");
    if (!number) return nullptr;
    if (*number < 0 || *number > 100'000) {
      report(at, diag::LayerCount, *number);
      return nullptr;
    }
    elements.resize(*number);
  }
  auto array = std::make_shared<Layer>();
  array->kind = Layer::Kind::array;
  array->place = place;
  array->range = stmt.name.name.range;
  for (size_t i = 0; i < elements.size(); ++i) {
    frame.scopes.emplace_back();
    if (level.variable) frame.bind(level.variable->text, elements[i]);
    PlacePtr element = child(place, std::to_string(i), Owner::enclosing, stmt.name.name.range, frame);
    LayerPtr part = declare_array(stmt, index + 1, element, frame);
    frame.scopes.pop_back();
    if (!part) return nullptr;
    array->parts.push_back(std::move(part));
  }
  return finished(std::move(array), at);
}

void Elaborator::declare_param(const ParamStmt& stmt, SourceRange range, Frame& frame) {
  const At at{frame, range};
  std::vector<Dim> dims;
  IdSetPtr table;
  bool good = stmt.type.name.text == "f32";
  if (!good) report({frame, stmt.type.range}, diag::ParamType, stmt.type.name.text);
  for (const TypeExpr::DimItem& item : stmt.type.dims) {
    auto axis = dim_of(item, frame);
    good = good && axis;
    if (!axis) continue;
    if (axis->ragged) {
      const std::string text = axis_text(*axis);
      report({frame, item.range}, diag::RaggedParameter, stmt.name.text, text)
          .help("features are the last dimension; a value without one gets it from `reshape` or a layer");
      good = false;
      continue;
    }
    if (dims.empty() && item.size) table = set_of_size(*item.size, frame);
    dims.push_back(axis->size);
  }
  Value init = stmt.init ? evaluate(*stmt.init, frame) : Value{StaticValue{sema::Initializer{}}};
  if (!good || init.poisoned()) {
    frame.bind(stmt.name.text, Value{});
    return;
  }
  PlacePtr place = child(frame.place, stmt.name.text, stmt.owner, stmt.name.range, frame);
  Value made = parameter(place, std::move(dims), init, table, stmt.state, at);
  if (auto* tensor = std::get_if<Tensor>(&made.v)) name_dimensions(*tensor, stmt.type.dims, frame, false);
  mark_ones(made, stmt.type.dims, frame);
  frame.bind(stmt.name.text, std::move(made));
}

}  // namespace mtl::elaborate
