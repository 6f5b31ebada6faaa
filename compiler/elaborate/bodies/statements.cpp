// Bodies: declarations bind names, `for` and `if` are unrolled, `return` ends.
#include "compiler/elaborate/bodies/statements.h"

#include <algorithm>

#include "compiler/elaborate/bodies/balancing.h"
#include "compiler/elaborate/bodies/dim_bindings.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/id_sets.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/bodies/params.h"
#include "compiler/elaborate/bodies/signature.h"
#include "compiler/elaborate/tensors/budget.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/words.h"
#include "compiler/sema/families.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
void run_let(BodyContext& ctx, const syntax::LetStmt& stmt, Frame& frame);
void run_update(BodyContext& ctx, const syntax::UpdateStmt& stmt, Frame& frame);
void run_penalty(BodyContext& ctx, const syntax::PenaltyStmt& stmt, SourceRange range, Frame& frame);
void run_monitor(BodyContext& ctx, const syntax::MonitorStmt& stmt, SourceRange range, Frame& frame);
bool run_require(BodyContext& ctx, const syntax::RequireStmt& stmt, Frame& frame);
void say_failed(BodyContext& ctx, const syntax::Expr& condition, Frame& frame);
bool run_for(BodyContext& ctx, const syntax::ForStmt& stmt, SourceRange range, Frame& frame);
bool run_if(BodyContext& ctx, const syntax::IfStmt& stmt, Frame& frame);
void run_return(BodyContext& ctx, const syntax::ReturnStmt& stmt, SourceRange range, Frame& frame);
void declare_layer(BodyContext& ctx, const syntax::LayerStmt& stmt, SourceRange range, Frame& frame);
LayerPtr declare_one(BodyContext& ctx, const syntax::LayerStmt& stmt, const PlacePtr& place, Frame& frame);
LayerPtr declare_array(BodyContext& ctx, const syntax::LayerStmt& stmt, size_t index, const PlacePtr& place,
                       Frame& frame);
void declare_param(BodyContext& ctx, const syntax::ParamStmt& stmt, SourceRange range, Frame& frame);
Value declare_member(BodyContext& ctx, const syntax::ParamStmt& stmt, const std::string& name, SourceRange range,
                     Frame& frame);
std::optional<Value> declare_family(BodyContext& ctx, const syntax::ParamStmt& stmt, size_t index,
                                    const std::string& name, std::set<std::string>& names, SourceRange range,
                                    Frame& frame);
}  // namespace

bool run_body(BodyContext& ctx, const Body& body, Frame& frame) {
  for (const Stmt& stmt : body) {
    if (!run_statement(ctx, stmt, frame)) return false;
  }
  return true;
}

bool run_statement(BodyContext& ctx, const Stmt& stmt, Frame& frame) {
  if (!spend_statement(ctx, stmt.range, frame)) return false;
  struct Visitor {
    BodyContext& ctx;
    const Stmt& stmt;
    Frame& frame;
    bool unsupported(const char* what) {
      ctx.report({frame, stmt.range}, diag::NotSupportedYet, what);
      return true;
    }
    bool operator()(const ErrorStmt&) { return true; }
    bool operator()(const LayerStmt& node) { return declare_layer(ctx, node, stmt.range, frame), true; }
    bool operator()(const ParamStmt& node) { return declare_param(ctx, node, stmt.range, frame), true; }
    bool operator()(const LetStmt& node) { return run_let(ctx, node, frame), true; }
    bool operator()(const VarStmt& node) {
      Value value = evaluate(ctx, *node.value, frame);
      frame.bind(node.name.text, std::move(value), true);
      return true;
    }
    bool operator()(const AssignStmt& node) {
      Value value = evaluate(ctx, *node.value, frame);
      if (Binding* binding = frame.find(node.name.text); binding && binding->variable) {
        binding->value = std::move(value);
      } else if (frame.kind == Frame::Kind::criterion) {
        frame.assigned[node.name.text] = std::move(value);
      } else {
        ctx.report({frame, stmt.range}, diag::AssignToUnknown, node.name.text);
      }
      return true;
    }
    bool operator()(const ForStmt& node) { return run_for(ctx, node, stmt.range, frame); }
    bool operator()(const IfStmt& node) { return run_if(ctx, node, frame); }
    bool operator()(const ReturnStmt& node) { return run_return(ctx, node, stmt.range, frame), false; }
    bool operator()(const PenaltyStmt& node) { return run_penalty(ctx, node, stmt.range, frame), true; }
    bool operator()(const MonitorStmt& node) { return run_monitor(ctx, node, stmt.range, frame), true; }
    bool operator()(const UpdateStmt& node) { return run_update(ctx, node, frame), true; }
    bool operator()(const RequireStmt& node) { return run_require(ctx, node, frame); }
  };
  return std::visit(Visitor{ctx, stmt, frame}, stmt.node);
}

namespace {
void run_let(BodyContext& ctx, const LetStmt& stmt, Frame& frame) {
  Value value = evaluate(ctx, *stmt.value, frame);
  if (stmt.type && !value.poisoned()) {
    const bool good = check_type(ctx, *stmt.type, value, frame, nullptr, diag::LetMismatch, {frame, stmt.value->range});
    if (auto* tensor = std::get_if<Tensor>(&value.v); good && tensor) {
      name_dimensions(ctx, *tensor, stmt.type->dims, frame, false);
      declare_ids(ctx, *stmt.type, *tensor, frame);
    }
  }
  frame.bind(stmt.name.text, std::move(value));
}

// Over the examples and positions of the step.
ir::Value mean_of_rows(BodyContext& ctx, ir::Value value, const At& at) {
  if (ctx.type(value).space == types::kUniform) return value;
  const ir::Value rows = sum_all(ctx, to_space(ctx, constant(ctx, 1, at), ctx.type(value).space, at), at);
  const ir::Value sum = emit(ctx, "segment_sum", {value}, at, {{"to", ir::SpaceRef{types::kUniform}}});
  if (!rows.valid() || !sum.valid()) return {};
  return emit(ctx, "div", {sum, with_rank(ctx, rows, ctx.type(sum).rank(), at)}, at);
}

// One number for what the body is called with. It joins the objective of the steps that have the task at hand.
// The mean over rows of what a penalty or a monitor says; invalid after a report, and where no task is at hand.
ir::Value number_of_step(BodyContext& ctx, const Expr& expr, const char* what, Frame& frame) {
  const Value value = evaluate(ctx, expr, frame);
  if (value.poisoned()) return {};
  const At at{frame, expr.range};
  ir::Value number = as_numbers(ctx, to_tensor(ctx, value, at), at);
  if (!number.valid()) return {};
  const std::vector<Axis> all = axes(ctx, number, frame);
  if (all.size() > 1 || (all.size() == 1 && (all[0].ragged || all[0].size != Dim(1)))) {
    ctx.report(at, diag::PenaltyShape, what, shape_text(ctx, number, frame))
        .help("write `sum(...)` or `mean(...)` around it");
    return {};
  }
  if (!all.empty()) number = emit(ctx, "reshape", {number}, at, {{"dims", std::vector<Dim>{}}});
  return number.valid() && (frame.task || frame.balancing) ? mean_of_rows(ctx, number, at) : ir::Value{};
}

void run_penalty(BodyContext& ctx, const PenaltyStmt& stmt, SourceRange range, Frame& frame) {
  const ir::Value number = number_of_step(ctx, *stmt.value, "a penalty", frame);
  if (!number.valid()) return;
  if (frame.balancing) return frame.balancing->penalties.push_back(number);
  ctx.penalties.push_back({number, frame.task, range});
}

void run_monitor(BodyContext& ctx, const MonitorStmt& stmt, SourceRange range, Frame& frame) {
  const ir::Value number = number_of_step(ctx, *stmt.value, "a monitor", frame);
  if (!number.valid()) return;
  const std::string path = frame.place ? plain_path_of(frame.place) : "";
  ctx.monitors.push_back({path.empty() ? stmt.name.text : path + "." + stmt.name.text, number,
                          frame.balancing ? frame.balancing->tasks.front() : frame.task, range});
}

// The next value of a state. Kept for finish(), which takes the mean over the calls of a step; the examples and
// positions that enter a call's value are averaged here.
void run_update(BodyContext& ctx, const UpdateStmt& stmt, Frame& frame) {
  Value value = evaluate(ctx, *stmt.value, frame);
  Binding* binding = frame.find(stmt.name.text);  // a state of this body: the parser has seen to it
  if (!binding || !binding->value.tensor() || value.poisoned()) return;
  const At at{frame, stmt.value->range};
  ir::Value next = as_numbers(ctx, to_tensor(ctx, value, at), at);
  const ir::Value state = binding->value.tensor()->node;
  if (!next.valid() || !state.valid()) return;
  if (ctx.type(next).dims != ctx.type(state).dims) {
    ctx.report(at, diag::UpdateMismatch, stmt.name.text, shape_text(ctx, state, frame), shape_text(ctx, next, frame));
    return;
  }
  if (frame.balancing) return frame.balancing->updates.push_back({state, next});
  if (!frame.task || ctx.options.objective_tasks.count(frame.task->info.name) == 0) return;
  next = mean_of_rows(ctx, next, at);
  if (!next.valid()) return;
  std::vector<ir::Value>& calls =
      ctx.updates[std::get<std::string>(ctx.nodes.graph.nodes[state.node].attrs.at("path"))];
  if (std::find(calls.begin(), calls.end(), next) == calls.end()) calls.push_back(next);
}

// What follows in the body may rely on it, so a requirement that fails ends the body.
bool run_require(BodyContext& ctx, const RequireStmt& stmt, Frame& frame) {
  auto holds = condition(ctx, *stmt.condition, frame, "a requirement");
  if (holds && *holds) return true;
  frame.returned = true;
  if (!holds) return false;
  // A layer that is called twice says it once.
  const bool owns = frame.kind != Frame::Kind::function && frame.place;
  if (owns && !ctx.failed_requirements.insert({stmt.condition->range.begin, plain_path_of(frame.place)}).second) {
    ctx.reports.failed = true;
    return false;
  }
  const Expr* failed = stmt.condition.get();  // of several joined by `and`: the first that fails
  for (;;) {
    const auto* both = std::get_if<BinaryExpr>(&failed->node);
    if (!both || both->op != BinaryOp::logical_and) break;
    const auto first = condition(ctx, *both->left, frame, "a requirement");
    failed = first && *first ? both->right.get() : both->left.get();
  }
  say_failed(ctx, *failed, frame);
  return false;
}

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

// A requirement that fails, in words: the two values that disagree, and what would do.
void say_failed(BodyContext& ctx, const Expr& condition, Frame& frame) {
  const auto* compare = std::get_if<BinaryExpr>(&condition.node);
  const auto say = [&](const Expr& at, const std::string& text) {
    return ctx.report({frame, at.range}, diag::RequirementFails, frame.title, text);
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
    const Value value = evaluate(ctx, expr, frame);
    const StaticValue* known = value.as_static();
    return Side{&expr, text_at(ctx, expr.range), known ? known->text() : "", known ? known->as_int() : std::nullopt};
  };
  const auto wanted = compare ? wanted_by(compare->op) : std::pair<const char*, const char*>{};
  if (!wanted.first) return void(say(condition, "`" + text_at(ctx, condition.range) + "` does not hold"));
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
    return void(say(condition, "`" + text_at(ctx, condition.range) + "` does not hold"));
  const Side &first = left.named() ? left : right, &second = left.named() ? right : left;
  say(*first.expr, first.is() + " has to be " + (left.named() ? wanted.first : wanted.second) + second.which());
}

bool run_for(BodyContext& ctx, const ForStmt& stmt, SourceRange range, Frame& frame) {
  Value list = evaluate(ctx, *stmt.in, frame);
  if (list.poisoned()) return true;
  if (std::holds_alternative<RaggedDim>(list.v) || list.tensor()) {
    ctx.report({frame, stmt.in->range}, diag::NotKnownNow, "the bound of `for`", list.kind());
    return true;
  }
  auto elements = items(ctx, list, {frame, stmt.in->range});
  if (!elements) return true;
  ++frame.loops;
  bool going = true;
  for (Value& element : *elements) {
    if (!spend_statement(ctx, range, frame)) going = false;
    if (!going) break;
    frame.scopes.emplace_back();
    frame.bind(stmt.variable.text, std::move(element));
    going = run_body(ctx, stmt.body, frame);
    frame.scopes.pop_back();
  }
  --frame.loops;
  return going;
}

bool run_if(BodyContext& ctx, const IfStmt& stmt, Frame& frame) {
  for (const IfStmt::Branch& branch : stmt.branches) {
    if (branch.condition) {
      auto chosen = condition(ctx, *branch.condition, frame, "the condition of `if`");
      if (!chosen) return false;
      if (!*chosen) continue;
    }
    // A block scopes values; what it declares belongs to the body all the same.
    frame.scopes.emplace_back();
    const bool going = run_body(ctx, branch.body, frame);
    frame.scopes.pop_back();
    return going;
  }
  return true;
}

void run_return(BodyContext& ctx, const ReturnStmt& stmt, SourceRange range, Frame& frame) {
  frame.returned = true;
  if (stmt.single) {
    frame.result = evaluate(ctx, *stmt.single, frame);
    return;
  }
  Record record;
  for (const ReturnStmt::Field& field : stmt.fields)
    record.fields.emplace_back(field.name.text, evaluate(ctx, *field.value, frame));
  frame.result = Value{std::make_shared<const Record>(std::move(record)), range};
}

void declare_layer(BodyContext& ctx, const LayerStmt& stmt, SourceRange range, Frame& frame) {
  PlacePtr place = child(frame.place, stmt.name.name.text, stmt.owner, range, frame);
  LayerPtr layer =
      stmt.name.indices.empty() ? declare_one(ctx, stmt, place, frame) : declare_array(ctx, stmt, 0, place, frame);
  frame.bind(stmt.name.name.text, layer ? Value{layer, range} : Value{});
}

LayerPtr declare_one(BodyContext& ctx, const LayerStmt& stmt, const PlacePtr& place, Frame& frame) {
  const At at{frame, stmt.value->range};
  Value value = evaluate(ctx, *stmt.value, frame);
  LayerPtr term = as_layer(ctx, value, at);
  return term ? instantiate(ctx, term, place, at) : nullptr;
}

// What an index of an array or a family takes: the elements of `[i in xs]`, 0 to n - 1 for `[n]`.
std::optional<std::vector<Value>> index_values(BodyContext& ctx, const DeclName::Index& level, const char* what,
                                               Frame& frame) {
  const At at{frame, level.count->range};
  Value count = evaluate(ctx, *level.count, frame);
  if (count.poisoned()) return std::nullopt;
  if (level.variable) return items(ctx, count, at);
  const auto number = integer(ctx, count, at, what);
  if (!number) return std::nullopt;
  if (*number < 0 || *number > 100'000) {
    ctx.report(at, diag::LayerCount, *number);
    return std::nullopt;
  }
  std::vector<Value> elements(static_cast<size_t>(*number));
  for (int64_t i = 0; i < *number; ++i) elements[static_cast<size_t>(i)].v = StaticValue{i};
  return elements;
}

// The strings that an array is made from, which name its layers; nothing if it is made from anything else. nullopt
// after a report.
std::optional<std::vector<std::string>> array_words(BodyContext& ctx, const LayerStmt& stmt,
                                                    const std::vector<Value>& from, const At& at) {
  std::vector<std::string> words;
  for (const Value& element : from) {
    const StaticValue* known = element.as_static();
    if (!known || !known->is_text() || known->string().empty()) return std::vector<std::string>{};
    if (std::find(words.begin(), words.end(), known->string()) != words.end()) {
      ctx.report(at, diag::FamilyDoubled, stmt.name.name.text, known->string())
          .help("each element names one layer: leave one out");
      return std::nullopt;
    }
    words.push_back(known->string());
  }
  return words;
}

LayerPtr declare_array(BodyContext& ctx, const LayerStmt& stmt, size_t index, const PlacePtr& place, Frame& frame) {
  if (index == stmt.name.indices.size()) return declare_one(ctx, stmt, place, frame);
  const DeclName::Index& level = stmt.name.indices[index];
  const At at{frame, level.count->range};
  auto listed = index_values(ctx, level, "the number of layers", frame);
  if (!listed) return nullptr;
  const std::vector<Value>& elements = *listed;
  auto array = std::make_shared<Layer>();
  array->kind = Layer::Kind::array;
  array->place = place;
  array->range = stmt.name.name.range;
  auto words = array_words(ctx, stmt, elements, at);
  if (!words) return nullptr;
  array->words = std::move(*words);
  for (size_t i = 0; i < elements.size(); ++i) {
    frame.scopes.emplace_back();
    if (level.variable) frame.bind(level.variable->text, elements[i]);
    const std::string name = array->words.empty() ? std::to_string(i) : sema::member_word(array->words[i]);
    PlacePtr element = child(place, name, Owner::enclosing, stmt.name.name.range, frame);
    LayerPtr part = declare_array(ctx, stmt, index + 1, element, frame);
    frame.scopes.pop_back();
    if (!part) return nullptr;
    array->parts.push_back(std::move(part));
  }
  return finished(ctx, std::move(array), at);
}

void declare_param(BodyContext& ctx, const ParamStmt& stmt, SourceRange range, Frame& frame) {
  std::set<std::string> names;
  auto made = declare_family(ctx, stmt, 0, stmt.name.name.text, names, range, frame);
  frame.bind(stmt.name.name.text, made ? std::move(*made) : Value{});
}

// An index in a path: a whole number, or a word.
std::optional<std::string> index_text(BodyContext& ctx, const Value& index, const At& at) {
  const StaticValue* known = index.as_static();
  if (const auto number = known ? known->as_int() : std::nullopt; number && *number >= 0)
    return std::to_string(*number);
  const auto fits = [](unsigned char c) { return std::isalnum(c) || c == '_'; };
  if (known && known->is_text() && std::all_of(known->string().begin(), known->string().end(), fits))
    return known->string();
  ctx.report(at, diag::FamilyIndex, known ? known->text() : index.kind());
  return std::nullopt;
}

// `weight[k in 0..3]`: a list of parameters; in a path the values of the indices follow the name, `weight0`.
// No two members may come to the same name: `w[11][1]` and `w[1][11]`.
std::optional<Value> declare_family(BodyContext& ctx, const ParamStmt& stmt, size_t index, const std::string& name,
                                    std::set<std::string>& names, SourceRange range, Frame& frame) {
  if (index == stmt.name.indices.size()) {
    const At at{frame, stmt.name.name.range};
    if (index > 0 && !spend_layer(ctx, at)) return std::nullopt;
    if (names.insert(name).second) return declare_member(ctx, stmt, name, range, frame);
    ctx.report(at, diag::DoubledPath, name)
        .help("a member is named by its indices, one directly after the other: they have to differ together");
    return std::nullopt;
  }
  const DeclName::Index& level = stmt.name.indices[index];
  const auto elements = index_values(ctx, level, "the number of parameters", frame);
  if (!elements) return std::nullopt;
  std::vector<Value> members;
  for (const Value& element : *elements) {
    const auto text = index_text(ctx, element, {frame, level.count->range});
    if (!text) return std::nullopt;
    frame.scopes.emplace_back();
    if (level.variable) frame.bind(level.variable->text, element);
    auto member = declare_family(ctx, stmt, index + 1, name + *text, names, range, frame);
    frame.scopes.pop_back();
    if (!member || member->poisoned()) return std::nullopt;
    members.push_back(std::move(*member));
  }
  return make_list(ctx, std::move(members), range, frame);
}

Value declare_member(BodyContext& ctx, const ParamStmt& stmt, const std::string& name, SourceRange range,
                     Frame& frame) {
  const At at{frame, range};
  std::vector<Dim> dims;
  IdSetPtr table;
  bool good = stmt.type.name.text == "f32";
  if (!good) ctx.report({frame, stmt.type.range}, diag::ParamType, stmt.type.name.text);
  const bool each = frame.balancing && counts_tasks(ctx, *frame.balancing, stmt.type, frame);
  for (const TypeExpr::DimItem& item : stmt.type.dims) {
    auto axis = dim_of(ctx, item, frame);
    good = good && axis;
    if (!axis || (each && &item == stmt.type.dims.data())) continue;
    if (axis->ragged) {
      const std::string text = axis_text(ctx, *axis);
      ctx.report({frame, item.range}, diag::RaggedParameter, name, text)
          .help("features are the last dimension; a value without one gets it from `reshape` or a layer");
      good = false;
      continue;
    }
    if (dims.empty() && item.size) table = set_of_size(ctx, *item.size, frame);
    dims.push_back(axis->size);
  }
  Value init = stmt.init ? evaluate(ctx, *stmt.init, frame) : Value{StaticValue{sema::Initializer{}}};
  if (!good || init.poisoned()) return {};
  const Owner word = !frame.balancing ? stmt.owner : each ? Owner::private_ : Owner::shared;
  PlacePtr place = child(frame.place, name, word, stmt.name.name.range, frame);
  Value made = each ? for_each_task(ctx, place, std::move(dims), init, stmt.state, at)
                    : parameter(ctx, place, std::move(dims), init, table, stmt.state, at);
  if (auto* tensor = std::get_if<Tensor>(&made.v)) name_dimensions(ctx, *tensor, stmt.type.dims, frame, false);
  mark_ones(ctx, made, stmt.type.dims, frame);
  return made;
}
}  // namespace

}  // namespace mtl::elaborate
