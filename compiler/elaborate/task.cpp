// Tasks: what the model declares, heads and their targets.
#include <algorithm>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/sema/task_metrics.h"

namespace mtl::elaborate {

using namespace syntax;
using training::TargetKind;

void Elaborator::collect_statement(const Stmt& stmt) {
  const At at{model_frame_, stmt.range};
  if (const auto* layer = std::get_if<LayerStmt>(&stmt.node)) {
    items_[layer->name.name.text].stmt = &stmt;
  } else if (const auto* let = std::get_if<LetStmt>(&stmt.node)) {
    items_[let->name.text].stmt = &stmt;
  } else if (const auto* variable = std::get_if<VarStmt>(&stmt.node)) {
    variables_.insert(variable->name.text);
    steps_.push_back(&stmt);
  } else if (std::holds_alternative<ForStmt>(stmt.node)) {
    steps_.push_back(&stmt);
  } else if (const auto* param = std::get_if<ParamStmt>(&stmt.node)) {
    items_[param->name.text].stmt = &stmt;
  } else if (const auto* setting = std::get_if<AssignStmt>(&stmt.node)) {
    if (variables_.count(setting->name.text)) {
      steps_.push_back(&stmt);
    } else if (setting->name.text == "balance") {
      balance_setting_ = setting->value.get();
    }
  } else if (const auto* choice = std::get_if<IfStmt>(&stmt.node)) {
    for (const IfStmt::Branch& branch : choice->branches) {
      auto chosen =
          branch.condition ? condition(*branch.condition, model_frame_, "the condition of `if`") : std::optional(true);
      if (!chosen) return;
      if (!*chosen) continue;
      for (const Stmt& inner : branch.body) collect_statement(inner);
      return;
    }
  } else if (std::holds_alternative<PenaltyStmt>(stmt.node)) {
    report(at, diag::NotSupportedYet, "`penalty`");
  } else if (std::holds_alternative<MonitorStmt>(stmt.node)) {
    report(at, diag::NotSupportedYet, "`monitor`");
  } else if (std::holds_alternative<UpdateStmt>(stmt.node)) {
    report(at, diag::NotSupportedYet, "`update` of a model's own state").help("a module can own it");
  }
}

void Elaborator::collect_model() {
  model_frame_.kind = Frame::Kind::model;
  model_frame_.title = "model `" + file_.model->name.text + "`";
  model_frame_.scopes.emplace_back();
  root_ = std::make_shared<Place>();
  model_frame_.place = root_;
  for (const syntax::ModelItem& item : file_.model->items) {
    if (const auto* task = std::get_if<TaskDecl>(&item.node)) {
      TaskState state;
      state.decl = task;
      state.info.name = task->name.text;
      state.info.range = task->name.range;
      if (task->family) report({model_frame_, item.range}, diag::NotSupportedYet, "a family of tasks");
      if (task->predicts) state.info.source = task->predicts->source.text;
      tasks_.push_back(std::move(state));
    } else if (const auto* stmt = std::get_if<Stmt>(&item.node)) {
      collect_statement(*stmt);
    }
  }
}

std::optional<StaticValue> Elaborator::target_size(const TaskState& task) {
  if (!task.decl->predicts) return std::nullopt;
  Frame scope;
  scope.kind = Frame::Kind::task;
  return size_of_column(task.decl->predicts->source.text, task.decl->predicts->column.text, scope);
}

bool Elaborator::read_target(TaskState& task) {
  if (!task.decl->predicts) return true;
  const ColumnRef& ref = *task.decl->predicts;
  const At at{task.frame, ref.range};
  if (ref.member) {
    report(at, diag::NotSupportedYet, "a family of data sources");
    return false;
  }
  const ColumnDecl* column = file_.column(ref.source.text, ref.column.text);
  if (!column) {
    report(at, diag::UnknownColumn, ref.source.text, ref.column.text);
    return false;
  }
  TaskInfo& info = task.info;
  info.target = ref.column.text;
  static const std::map<std::string, TargetKind> kKinds = {{"label", TargetKind::label},
                                                           {"labels", TargetKind::labels},
                                                           {"bool", TargetKind::boolean},
                                                           {"f32", TargetKind::number}};
  auto kind = kKinds.find(column->type.name.text);
  if (kind == kKinds.end()) {
    report(at, diag::NotSupportedYet, "a target of type `" + column->type.name.text + "`")
        .label(column->type.range, "declared here");
    return false;
  }
  info.kind = kind->second;
  std::vector<Dim> fixed;
  const SpaceId space = space_of_column(info.source, *column, fixed);
  info.per_position = !spaces()[space].dim.empty();
  info.target_dim = spaces()[space].dim;
  if (spaces()[space].depth > 1) {
    report(at, diag::NotSupportedYet, "a target with a dimension nested in another")
        .label(column->type.range, "declared here");
    return false;
  }
  auto size = target_size(task);
  if (size && size->as_dim()) info.classes = *size->as_dim();
  task.target_set = set_of_column(info.source, *column);
  const bool ids = info.kind == TargetKind::label;
  if (info.kind == TargetKind::labels) fixed.push_back(info.classes);
  task.target_type = types::Type{ids ? types::DType::i32 : types::DType::f32, space, fixed};
  if (!options_.losses) {
    task.frame.bind("target", Value{});  // what is computed from it is for losses alone, and says nothing
    return true;
  }
  ir::Value raw = emit("input", {}, at,
                       {{"name", info.source + "." + info.target},
                        {"dtype", std::string(ids ? "i32" : "f32")},
                        {"space", ir::SpaceRef{space}},
                        {"dims", fixed}});
  read_mask(task, raw, ids, at);
  // A criterion takes numbers; what reads `target` by name has the column's truth values.
  const bool truths = info.kind == TargetKind::boolean && task.target.valid();
  const ir::Value named = truths ? emit("ne", {task.target, constant(0, at)}, at) : task.target;
  task.frame.bind("target", Value{Tensor{named, task.target_set, nullptr}, ref.range});
  return true;
}

// 1 where the target is there; and a target without NaN, which would spread through a product with 0.
void Elaborator::read_mask(TaskState& task, ir::Value raw, bool ids, const At& at) {
  if (ids) {
    ir::Value zero = emit("constant_i32", {}, at, {{"value", int64_t{0}}});
    task.mask = emit("to_f32", {emit("ge", {raw, zero}, at)}, at);
    task.target = raw;
  } else {
    ir::Value present = emit("not", {emit("is_nan", {raw}, at)}, at);
    task.mask = emit("to_f32", {present}, at);
    task.target = emit("where", {present, raw, constant(0, at)}, at);
  }
  if (!task.decl->when) return;
  const ColumnRef& when = *task.decl->when;
  const At here{task.frame, when.range};
  const ColumnDecl* column = file_.column(when.source.text, when.column.text);
  if (!column || column->type.name.text != "bool" || when.source.text != task.info.source) {
    report(here, diag::WhenNotBool, when.source.text + "." + when.column.text,
           column ? column->type.name.text : "missing");
    return;
  }
  std::vector<Dim> fixed;
  const SpaceId space = space_of_column(when.source.text, *column, fixed);
  if (!fixed.empty()) {
    report(here, diag::WhenNotBool, when.source.text + "." + when.column.text, "bool[" + fixed[0].text() + "]");
    return;
  }
  ir::Value condition = emit("input", {}, here,
                             {{"name", when.source.text + "." + when.column.text},
                              {"dtype", std::string("f32")},
                              {"space", ir::SpaceRef{space}},
                              {"dims", fixed}});
  ir::Value holds = emit("to_f32", {emit("eq", {condition, constant(1, here)}, here)}, here);
  task.when = holds;
  task.info.when = when.column.text;
}

bool Elaborator::run_head(size_t index) {
  TaskState& task = tasks_[index];
  if (task.stage == TaskState::Stage::done) return true;
  if (task.stage != TaskState::Stage::fresh) return false;
  task.stage = TaskState::Stage::running;
  const int outer = std::exchange(current_task_, static_cast<int>(index));
  task.frame.kind = Frame::Kind::task;
  task.frame.title = "task `" + task.info.name + "`";
  task.frame.declared = declared_in(task.decl->body);
  task.frame.scopes.emplace_back();
  auto place = std::make_shared<Place>();
  place->parent = root_;
  place->name = task.info.name;
  place->range = task.info.range;
  place->task = true;
  task.frame.place = place;
  bool good = read_target(task) && run_settings(task, task.decl->body);
  if (good && !task.head_expr) {
    report({task.frame, task.info.range}, diag::TaskWithoutHead, task.info.name);
    good = false;
  }
  good = good && task.scores.valid() && read_output(task) && head_is_blind(task);
  read_metrics(task);
  task.stage = good ? TaskState::Stage::done : TaskState::Stage::failed;
  current_task_ = outer;
  return good;
}

// The positions of an output that no column predicts: it is served as the head says.
bool Elaborator::read_output(TaskState& task) {
  if (task.info.source.empty()) {
    report({task.frame, task.head_expr->range}, diag::ReadsNoColumn, task.info.name);
    return false;
  }
  if (task.decl->predicts) return true;
  const std::vector<Axis> all = axes(task.scores, task.frame);
  if (all.empty() || !all[0].ragged) return true;
  const types::Space& space = spaces()[*all[0].ragged];
  if (space.length || (all.size() > 1 && all[1].ragged)) {
    report({task.frame, task.head_expr->range}, diag::NotSupportedYet,
           "an output of " + shape_text(task.scores, task.frame))
        .help("an output has one row, or one for each position of a sequence of the data");
    return false;
  }
  task.info.per_position = true;
  task.info.target_dim = space.dim;
  return true;
}

bool Elaborator::run_settings(TaskState& task, const Body& body) {
  for (const Stmt& stmt : body) {
    if (const auto* setting = std::get_if<AssignStmt>(&stmt.node)) {
      Binding* variable = task.frame.find(setting->name.text);
      if (variable && variable->variable) {
        variable->value = evaluate(*setting->value, task.frame);
      } else if (setting->name.text == "head") {
        task.head = evaluate(*setting->value, task.frame);
        task.head_expr = setting->value.get();
        if (!check_head(task, *setting->value) && !waits_) return false;  // what it waits for may stand below
      } else {
        task.settings[setting->name.text] = setting->value.get();
      }
      continue;
    }
    if (const auto* choice = std::get_if<IfStmt>(&stmt.node)) {
      for (const IfStmt::Branch& branch : choice->branches) {
        auto chosen =
            branch.condition ? condition(*branch.condition, task.frame, "the condition of `if`") : std::optional(true);
        if (!chosen) return false;
        if (!*chosen) continue;
        if (!run_settings(task, branch.body)) return false;
        break;
      }
      continue;
    }
    if (!run_statement(stmt, task.frame)) return false;
  }
  return true;
}

std::vector<Axis> Elaborator::target_axes(const TaskState& task) {
  std::vector<Axis> wanted;
  for (SpaceId space : ragged_below(task.target_type.space, types::kUniform)) wanted.push_back({space, {}});
  for (const Dim& dim : task.target_type.dims) wanted.push_back({std::nullopt, dim});
  if (task.info.kind == TargetKind::label) wanted.push_back({std::nullopt, task.info.classes});
  return wanted;
}

bool Elaborator::check_head(TaskState& task, const Expr& expr) {
  const At at{task.frame, expr.range};
  if (task.head.poisoned()) return false;
  ir::Value head = to_tensor(task.head, at);
  if (!head.valid()) return false;
  if (type(head).dtype == types::DType::i32) {
    report(at, diag::IdsAreNotNumbers, shape_text(head, task.frame));
    return false;
  }
  head = as_numbers(head, at);
  if (task.decl->predicts) {
    const std::vector<Axis> wanted = target_axes(task);
    std::vector<Axis> actual = axes(head, task.frame);
    // f32 and f32[1] stand for each other.
    if (actual.size() == wanted.size() + 1 && !actual.back().ragged && actual.back().size == Dim(1)) {
      std::vector<Dim> dims(type(head).dims.begin(), type(head).dims.end() - 1);
      head = emit("reshape", {head}, at, {{"dims", dims}});
    } else if (actual.size() + 1 == wanted.size() && !wanted.back().ragged && wanted.back().size == Dim(1)) {
      std::vector<Dim> dims = type(head).dims;
      dims.push_back(1);
      head = emit("reshape", {head}, at, {{"dims", dims}});
    }
    actual = axes(head, task.frame);
    bool same = actual.size() == wanted.size();
    for (size_t i = 0; same && i < wanted.size(); ++i) {
      same = actual[i].ragged == wanted[i].ragged &&
             (actual[i].ragged || actual[i].size.equals(wanted[i].size) != types::Answer::no);
    }
    if (!same) {
      wrong_head(task, wanted, head, at);
      return false;
    }
    // A head that no column enters (a bare parameter) is the same for all rows.
    head = to_space(head, task.target_type.space, at);
  }
  task.scores = head;
  task.head = Value{Tensor{head, nullptr, nullptr}, expr.range};
  task.frame.bind("head", task.head);
  return true;
}

namespace {
std::string one_of(const TaskInfo& info) {
  switch (info.kind) {
    case TargetKind::label:
      return "label";
    case TargetKind::labels:
      return "set of labels";
    case TargetKind::boolean:
      return "truth value";
    case TargetKind::number:
      return "number";
  }
  return "value";
}
}  // namespace

void Elaborator::wrong_head(TaskState& task, const std::vector<Axis>& wanted, ir::Value head, const At& at) {
  const std::vector<Axis> actual = axes(head, task.frame);
  const std::string column = task.info.source + "." + task.info.target;
  const std::string shape = shape_text(head, task.frame);
  const auto ragged_of = [](const std::vector<Axis>& axes) {
    std::vector<SpaceId> found;
    for (const Axis& axis : axes) {
      if (axis.ragged) found.push_back(*axis.ragged);
    }
    return found;
  };
  const std::vector<SpaceId> have = ragged_of(actual), need = ragged_of(wanted);
  if (have.size() > need.size()) {
    const std::string dim = spaces()[have.back()].dim;
    const std::string target =
        need.empty() ? "one " + one_of(task.info)
                     : "one " + one_of(task.info) + " for each position of `" + spaces()[need.back()].dim + "`";
    report(at, diag::ForgottenPooling, shape, dim, column, target)
        .label(task.decl->predicts->range, "the target")
        .help("pool over `" + dim + "`: `|> mean(over = " + dim +
              ")`, `max` or `attention_pool()` in front of the last layer");
    return;
  }
  if (have.size() < need.size()) {
    report(at, diag::HeadNotPerPosition, shape, column, one_of(task.info), spaces()[need.back()].dim)
        .label(task.decl->predicts->range, "the target")
        .help("a head for each position comes from values that still have `" + spaces()[need.back()].dim + "`");
    return;
  }
  diag::Report made = report(at, diag::HeadMismatch, shape, column, "f32" + axes_text(wanted))
                          .label(task.decl->predicts->range, "the target");
  for (std::string& note : size_notes(axes_text(wanted))) std::move(made).note(std::move(note));
  if (have == need) {
    const bool one_number = wanted.empty() && actual.size() == 1 && !actual[0].ragged;  // a score for each truth value
    std::move(made).help(actual.size() > wanted.size() && !one_number
                             ? "`flatten(x)` in front of the last layer makes one vector of all dimensions"
                             : "end the head with `linear(|target|)`");
  } else if (spaces()[have.back()].length || spaces()[need.back()].length) {
    std::move(made).help("cut it to the positions of the target: `x[1..]` is `x` without its first");
  } else {
    const ColumnDecl* target = file_.column(task.info.source, task.info.target);
    const std::string type = target ? target->type.name.text : "label";
    std::move(made).help("columns with the same positions have the same dimension: `" + task.info.target + " : " +
                         type + "[" + spaces()[have.back()].dim + "]`");
  }
}

void Elaborator::read_metrics(TaskState& task) {
  auto setting = task.settings.find("metric");
  auto metrics = sema::task_metrics(file_, *file_.model, *task.decl,
                                    setting == task.settings.end() ? nullptr : setting->second, emitter_);
  if (!metrics) {
    failed_ = true;
    return;
  }
  task.info.metrics = metrics->metrics;
  task.info.group = metrics->group;
  task.info.span_f1_if_tagged = metrics->span_f1_if_tagged;
}

}  // namespace mtl::elaborate
