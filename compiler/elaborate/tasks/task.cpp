// Tasks: what the model declares, heads and their targets.
#include "compiler/elaborate/tasks/task.h"

#include <algorithm>

#include "compiler/elaborate/bodies/apply.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/id_sets.h"
#include "compiler/elaborate/bodies/names.h"
#include "compiler/elaborate/bodies/statements.h"
#include "compiler/elaborate/tasks/leaks.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/words.h"
#include "compiler/sema/task_metrics.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;
using training::TargetKind;

namespace {
void read_mask(TaskContext& ctx, TaskState& task, ir::Value raw, bool ids, const At& at);
bool read_output(TaskContext& ctx, TaskState& task);
bool run_settings(TaskContext& ctx, TaskState& task, const syntax::Body& body);
bool check_head(TaskContext& ctx, TaskState& task, const syntax::Expr& expr);
void wrong_head(TaskContext& ctx, TaskState& task, const std::vector<Axis>& wanted, ir::Value head, const At& at);
void read_metrics(TaskContext& ctx, TaskState& task);

void collect_statement(TaskContext& ctx, const Stmt& stmt) {
  const At at{ctx.model.frame, stmt.range};
  if (const auto* layer = std::get_if<LayerStmt>(&stmt.node)) {
    ctx.model.items[layer->name.name.text].stmt = &stmt;
  } else if (const auto* let = std::get_if<LetStmt>(&stmt.node)) {
    ctx.model.items[let->name.text].stmt = &stmt;
  } else if (const auto* variable = std::get_if<VarStmt>(&stmt.node)) {
    ctx.model.variables.insert(variable->name.text);
    ctx.model.steps.push_back(&stmt);
  } else if (std::holds_alternative<ForStmt>(stmt.node)) {
    ctx.model.steps.push_back(&stmt);
  } else if (const auto* param = std::get_if<ParamStmt>(&stmt.node)) {
    ctx.model.items[param->name.name.text].stmt = &stmt;
  } else if (const auto* setting = std::get_if<AssignStmt>(&stmt.node)) {
    if (ctx.model.variables.count(setting->name.text)) {
      ctx.model.steps.push_back(&stmt);
    } else if (setting->name.text == "balance") {
      ctx.objective.balance_setting = setting->value.get();
    }
  } else if (const auto* choice = std::get_if<IfStmt>(&stmt.node)) {
    for (const IfStmt::Branch& branch : choice->branches) {
      auto chosen = branch.condition ? condition(ctx, *branch.condition, ctx.model.frame, "the condition of `if`")
                                     : std::optional(true);
      if (!chosen) return;
      if (!*chosen) continue;
      for (const Stmt& inner : branch.body) collect_statement(ctx, inner);
      return;
    }
  } else if (std::holds_alternative<PenaltyStmt>(stmt.node) || std::holds_alternative<MonitorStmt>(stmt.node)) {
    ctx.model.penalties.push_back(&stmt);
  } else if (std::holds_alternative<UpdateStmt>(stmt.node)) {
    ctx.report(at, diag::NotSupportedYet, "`update` of a model's own state").help("a module can own it");
  }
}
}  // namespace

void collect_model(TaskContext& ctx) {
  ctx.model.frame.kind = Frame::Kind::model;
  ctx.model.frame.title = "model `" + ctx.file.model->name.text + "`";
  ctx.model.frame.scopes.emplace_back();
  ctx.model.root = std::make_shared<Place>();
  ctx.model.frame.place = ctx.model.root;
  sema::PathStatements on_paths = sema::path_statements(ctx.file, 0, *ctx.file.model, ctx.reports.emitter);
  ctx.parameters.ties = std::move(on_paths.ties);
  ctx.wraps.of_model = std::move(on_paths.wraps);
  for (const syntax::ModelItem& item : ctx.file.model->items) {
    if (const auto* task = std::get_if<TaskDecl>(&item.node)) {
      TaskState state;
      state.decl = task;
      state.info.name = task->name.text;
      state.info.range = task->name.range;
      if (task->predicts) state.info.source = task->predicts->source.text;
      ctx.model.tasks.push_back(std::move(state));
    } else if (const auto* stmt = std::get_if<Stmt>(&item.node)) {
      collect_statement(ctx, *stmt);
    }
  }
}

namespace {
bool read_target(TaskContext& ctx, TaskState& task) {
  if (!task.decl->predicts) return true;
  const ColumnRef& ref = *task.decl->predicts;
  const At at{task.frame, ref.range};
  const ColumnDecl* column = ctx.file.column(ref.source.text, ref.column.text);
  if (!column) {
    ctx.report(at, diag::UnknownColumn, ref.source.text, ref.column.text);
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
    ctx.report(at, diag::NotSupportedYet, "a target of type `" + column->type.name.text + "`")
        .label(column->type.range, "declared here");
    return false;
  }
  info.kind = kind->second;
  std::vector<Dim> fixed;
  const SpaceId space = space_of_column(ctx, info.source, *column, fixed);
  info.per_position = !ctx.spaces()[space].dim.empty();
  info.target_dim = ctx.spaces()[space].dim;
  if (ctx.spaces()[space].depth > 1) {
    ctx.report(at, diag::NotSupportedYet, "a target with a dimension nested in another")
        .label(column->type.range, "declared here");
    return false;
  }
  auto size = target_size(ctx, task);
  if (size && size->as_dim()) info.classes = *size->as_dim();
  task.target_set = set_of_column(ctx, info.source, *column);
  const bool ids = info.kind == TargetKind::label;
  if (info.kind == TargetKind::labels) fixed.push_back(info.classes);
  task.target_type = types::Type{ids ? types::DType::i32 : types::DType::f32, space, fixed};
  if (!ctx.options.losses) {
    task.frame.bind("target", Value{});  // what is computed from it is for losses alone, and says nothing
    return true;
  }
  ir::Value raw = emit(ctx, "input", {}, at,
                       {{"name", info.source + "." + info.target},
                        {"dtype", std::string(ids ? "i32" : "f32")},
                        {"space", ir::SpaceRef{space}},
                        {"dims", fixed}});
  read_mask(ctx, task, raw, ids, at);
  // A criterion takes numbers; what reads `target` by name has the column's truth values.
  const bool truths = info.kind == TargetKind::boolean && task.target.valid();
  const ir::Value named = truths ? emit(ctx, "ne", {task.target, constant(ctx, 0, at)}, at) : task.target;
  task.frame.bind("target", Value{Tensor{named, task.target_set, nullptr}, ref.range});
  return true;
}

// 1 where the target is there; and a target without NaN, which would spread through a product with 0.
void read_mask(TaskContext& ctx, TaskState& task, ir::Value raw, bool ids, const At& at) {
  if (ids) {
    ir::Value zero = emit(ctx, "constant_i32", {}, at, {{"value", int64_t{0}}});
    task.mask = emit(ctx, "to_f32", {emit(ctx, "ge", {raw, zero}, at)}, at);
    task.target = raw;
  } else {
    ir::Value present = emit(ctx, "not", {emit(ctx, "is_nan", {raw}, at)}, at);
    task.mask = emit(ctx, "to_f32", {present}, at);
    task.target = emit(ctx, "where", {present, raw, constant(ctx, 0, at)}, at);
  }
  if (!task.decl->when) return;
  const ColumnRef& when = *task.decl->when;
  const At here{task.frame, when.range};
  const ColumnDecl* column = ctx.file.column(when.source.text, when.column.text);
  if (!column || column->type.name.text != "bool" || when.source.text != task.info.source) {
    ctx.report(here, diag::WhenNotBool, when.source.text + "." + when.column.text,
               column ? column->type.name.text : "missing");
    return;
  }
  std::vector<Dim> fixed;
  const SpaceId space = space_of_column(ctx, when.source.text, *column, fixed);
  if (!fixed.empty()) {
    ctx.report(here, diag::WhenNotBool, when.source.text + "." + when.column.text, "bool[" + fixed[0].text() + "]");
    return;
  }
  ir::Value condition = emit(ctx, "input", {}, here,
                             {{"name", when.source.text + "." + when.column.text},
                              {"dtype", std::string("f32")},
                              {"space", ir::SpaceRef{space}},
                              {"dims", fixed}});
  ir::Value holds = emit(ctx, "to_f32", {emit(ctx, "eq", {condition, constant(ctx, 1, here)}, here)}, here);
  task.when = holds;
  task.info.when = when.column.text;
}
}  // namespace

bool run_head(TaskContext& ctx, TaskState& task) {
  if (task.stage == TaskState::Stage::done) return true;
  if (task.stage != TaskState::Stage::fresh) return false;
  task.stage = TaskState::Stage::running;
  task.frame.task = &task;
  task.frame.kind = Frame::Kind::task;
  task.frame.title = "task `" + task.info.name + "`";
  task.frame.declared = declared_in(ctx, task.decl->body);
  task.frame.scopes.emplace_back();
  auto place = std::make_shared<Place>();
  place->parent = ctx.model.root;
  place->name = task.info.name;
  place->range = task.info.range;
  place->task = true;
  task.frame.place = place;
  bool good = read_target(ctx, task) && run_settings(ctx, task, task.decl->body);
  if (good && !task.head_expr) {
    ctx.report({task.frame, task.info.range}, diag::TaskWithoutHead, task.info.name);
    good = false;
  }
  good = good && task.scores.valid() && read_output(ctx, task) && head_is_blind(ctx, task);
  read_metrics(ctx, task);
  task.stage = good ? TaskState::Stage::done : TaskState::Stage::failed;
  return good;
}

namespace {
// The positions of an output that no column predicts: it is served as the head says.
bool read_output(TaskContext& ctx, TaskState& task) {
  if (task.info.source.empty()) {
    ctx.report({task.frame, task.head_expr->range}, diag::ReadsNoColumn, task.info.name);
    return false;
  }
  if (task.decl->predicts) return true;
  const std::vector<Axis> all = axes(ctx, task.scores, task.frame);
  if (all.empty() || !all[0].ragged) return true;
  const types::Space& space = ctx.spaces()[*all[0].ragged];
  if (space.length || (all.size() > 1 && all[1].ragged)) {
    ctx.report({task.frame, task.head_expr->range}, diag::NotSupportedYet,
               "an output of " + shape_text(ctx, task.scores, task.frame))
        .help("an output has one row, or one for each position of a sequence of the data");
    return false;
  }
  task.info.per_position = true;
  task.info.target_dim = space.dim;
  return true;
}

bool run_settings(TaskContext& ctx, TaskState& task, const Body& body) {
  for (const Stmt& stmt : body) {
    if (const auto* setting = std::get_if<AssignStmt>(&stmt.node)) {
      Binding* variable = task.frame.find(setting->name.text);
      if (variable && variable->variable) {
        variable->value = evaluate(ctx, *setting->value, task.frame);
      } else if (setting->name.text == "head") {
        task.head = evaluate(ctx, *setting->value, task.frame);
        task.head_expr = setting->value.get();
        if (!check_head(ctx, task, *setting->value) && !ctx.reports.waits)
          return false;  // what it waits for may stand below
      } else {
        task.settings[setting->name.text] = setting->value.get();
      }
      continue;
    }
    if (const auto* choice = std::get_if<IfStmt>(&stmt.node)) {
      for (const IfStmt::Branch& branch : choice->branches) {
        auto chosen = branch.condition ? condition(ctx, *branch.condition, task.frame, "the condition of `if`")
                                       : std::optional(true);
        if (!chosen) return false;
        if (!*chosen) continue;
        if (!run_settings(ctx, task, branch.body)) return false;
        break;
      }
      continue;
    }
    if (std::holds_alternative<PenaltyStmt>(stmt.node) ||
        std::holds_alternative<MonitorStmt>(stmt.node)) {  // it may read the head, which may stand below
      task.penalties.push_back(&stmt);
      continue;
    }
    if (!run_statement(ctx, stmt, task.frame)) return false;
  }
  return true;
}
}  // namespace

std::vector<Axis> target_axes(TaskContext& ctx, const TaskState& task) {
  std::vector<Axis> wanted;
  for (SpaceId space : ragged_below(ctx, task.target_type.space, types::kUniform)) wanted.push_back({space, {}});
  for (const Dim& dim : task.target_type.dims) wanted.push_back({std::nullopt, dim});
  if (task.info.kind == TargetKind::label) wanted.push_back({std::nullopt, task.info.classes});
  return wanted;
}

namespace {
bool check_head(TaskContext& ctx, TaskState& task, const Expr& expr) {
  const At at{task.frame, expr.range};
  if (task.head.poisoned()) return false;
  ir::Value head = to_tensor(ctx, task.head, at);
  if (!head.valid()) return false;
  if (ctx.type(head).dtype == types::DType::i32) {
    ctx.report(at, diag::IdsAreNotNumbers, shape_text(ctx, head, task.frame));
    return false;
  }
  head = as_numbers(ctx, head, at);
  if (task.decl->predicts) {
    const std::vector<Axis> wanted = target_axes(ctx, task);
    std::vector<Axis> actual = axes(ctx, head, task.frame);
    // f32 and f32[1] stand for each other.
    if (actual.size() == wanted.size() + 1 && !actual.back().ragged && actual.back().size == Dim(1)) {
      std::vector<Dim> dims(ctx.type(head).dims.begin(), ctx.type(head).dims.end() - 1);
      head = emit(ctx, "reshape", {head}, at, {{"dims", dims}});
    } else if (actual.size() + 1 == wanted.size() && !wanted.back().ragged && wanted.back().size == Dim(1)) {
      std::vector<Dim> dims = ctx.type(head).dims;
      dims.push_back(1);
      head = emit(ctx, "reshape", {head}, at, {{"dims", dims}});
    }
    actual = axes(ctx, head, task.frame);
    bool same = actual.size() == wanted.size();
    for (size_t i = 0; same && i < wanted.size(); ++i) {
      same = actual[i].ragged == wanted[i].ragged &&
             (actual[i].ragged || actual[i].size.equals(wanted[i].size) != types::Answer::no);
    }
    if (!same) {
      wrong_head(ctx, task, wanted, head, at);
      return false;
    }
    // A head that no column enters (a bare parameter) is the same for all rows.
    head = to_space(ctx, head, task.target_type.space, at);
  }
  task.scores = head;
  task.head = Value{Tensor{head, nullptr, nullptr}, expr.range};
  task.frame.bind("head", task.head);
  return true;
}

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

void wrong_head(TaskContext& ctx, TaskState& task, const std::vector<Axis>& wanted, ir::Value head, const At& at) {
  const std::vector<Axis> actual = axes(ctx, head, task.frame);
  const std::string column = task.info.source + "." + task.info.target;
  const std::string shape = shape_text(ctx, head, task.frame);
  const auto ragged_of = [](const std::vector<Axis>& axes) {
    std::vector<SpaceId> found;
    for (const Axis& axis : axes) {
      if (axis.ragged) found.push_back(*axis.ragged);
    }
    return found;
  };
  const std::vector<SpaceId> have = ragged_of(actual), need = ragged_of(wanted);
  if (have.size() > need.size()) {
    const std::string dim = ctx.spaces()[have.back()].dim;
    const std::string target =
        need.empty() ? "one " + one_of(task.info)
                     : "one " + one_of(task.info) + " for each position of `" + ctx.spaces()[need.back()].dim + "`";
    ctx.report(at, diag::ForgottenPooling, shape, dim, column, target)
        .label(task.decl->predicts->range, "the target")
        .help("pool over `" + dim + "`: `|> mean(over = " + dim +
              ")`, `max` or `attention_pool()` in front of the last layer");
    return;
  }
  if (have.size() < need.size()) {
    ctx.report(at, diag::HeadNotPerPosition, shape, column, one_of(task.info), ctx.spaces()[need.back()].dim)
        .label(task.decl->predicts->range, "the target")
        .help("a head for each position comes from values that still have `" + ctx.spaces()[need.back()].dim + "`");
    return;
  }
  diag::Report made = ctx.report(at, diag::HeadMismatch, shape, column, "f32" + axes_text(ctx, wanted))
                          .label(task.decl->predicts->range, "the target");
  for (std::string& note : size_notes(ctx, axes_text(ctx, wanted))) std::move(made).note(std::move(note));
  if (have == need) {
    const bool one_number = wanted.empty() && actual.size() == 1 && !actual[0].ragged;  // a score for each truth value
    std::move(made).help(actual.size() > wanted.size() && !one_number
                             ? "`flatten(x)` in front of the last layer makes one vector of all dimensions"
                             : "end the head with `linear(|target|)`");
  } else if (ctx.spaces()[have.back()].length || ctx.spaces()[need.back()].length) {
    std::move(made).help("cut it to the positions of the target: `x[1..]` is `x` without its first");
  } else {
    const ColumnDecl* target = ctx.file.column(task.info.source, task.info.target);
    const std::string type = target ? target->type.name.text : "label";
    std::move(made).help("columns with the same positions have the same dimension: `" + task.info.target + " : " +
                         type + "[" + ctx.spaces()[have.back()].dim + "]`");
  }
}

void read_metrics(TaskContext& ctx, TaskState& task) {
  auto setting = task.settings.find("metric");
  auto metrics = sema::task_metrics(ctx.file, *ctx.file.model, *task.decl,
                                    setting == task.settings.end() ? nullptr : setting->second, ctx.reports.emitter);
  if (!metrics) {
    ctx.reports.failed = true;
    return;
  }
  task.info.metrics = metrics->metrics;
  task.info.group = metrics->group;
  task.info.span_f1_if_tagged = metrics->span_f1_if_tagged;
}
}  // namespace

}  // namespace mtl::elaborate
