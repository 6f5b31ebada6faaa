// Losses, predictions and the objective.
//
// A task's loss is sum(mask * loss) / max(1, sum(mask)) over the rows of the batch: labelled positions where the
// criterion is mapped over positions, labelled examples else. The mask leaves out missing targets, what `when` leaves
// out, and what a loss expression reads and the row lacks. In the objective each row counts `weight` times; the loss
// that is shown is without it, so that runs with other weights can be compared.
#include "compiler/elaborate/tasks/loss.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/elaborate/bodies/apply.h"
#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/tasks/finish.h"
#include "compiler/elaborate/tasks/task.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/operators.h"
#include "compiler/elaborate/tensors/reductions.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;
using training::TargetKind;

namespace {
void run_predict(TaskContext& ctx, TaskState& task, const Judgement& judgement, const At& at);
void mean_loss(TaskContext& ctx, TaskState& task, ir::Value loss, const At& at);
void note_weight(TaskContext& ctx, TaskState& task, ir::Value weight, ir::Value mask, ir::Value loss, const At& at);
ir::Value loss_mask(TaskContext& ctx, TaskState& task, ir::Value loss, const At& at);

bool is_name(const Expr* expr, const char* name) {
  const auto* node = expr ? std::get_if<NameExpr>(&expr->node) : nullptr;
  return node && node->name == name;
}

LayerPtr default_criterion(TaskContext& ctx, const TaskState& task, const At& at) {
  const char* name = task.info.kind == TargetKind::label    ? "cross_entropy"
                     : task.info.kind == TargetKind::number ? "mse"
                                                            : "binary_cross_entropy";
  const sema::Found* found = ctx.file.prelude ? ctx.file.find(*ctx.file.prelude, name) : nullptr;
  if (!found) {
    ctx.report(at, diag::UnknownName, name);
    return nullptr;
  }
  Value described = describe_layer(ctx, *found, {}, at);
  return described.layer() ? *described.layer() : nullptr;
}

Judgement judge_task(TaskContext& ctx, TaskState& task) {
  auto setting = task.settings.find("loss");
  const Expr* expr = setting == task.settings.end() ? nullptr : setting->second;
  const At at{task.frame, expr ? expr->range : task.info.range};
  task.info.has_loss = expr ? !is_name(expr, "none") : task.decl->predicts.has_value();
  if (!task.info.has_loss) return {};
  task.info.own_loss = expr != nullptr;
  LayerPtr criterion;
  if (!expr) {
    criterion = default_criterion(ctx, task, at);
    if (!criterion) return {};
  } else {
    const auto* called = std::get_if<CallExpr>(&expr->node);
    const bool applied = called && std::holds_alternative<CallExpr>(called->callee->node);
    // Without targets (`mtlc predict`) an expression has nothing to be computed from.
    const bool named = std::holds_alternative<NameExpr>(expr->node) || (called && !applied);
    if (!ctx.options.losses && !named) return {};
    task.reading_loss = true;
    Value value = evaluate(ctx, *expr, task.frame);
    task.reading_loss = false;
    if (value.poisoned()) return {};
    const Callable* callable = value.callable();
    const bool is_layer = value.layer() || (callable && callable->decl);
    if (!is_layer) {
      Judgement judgement;
      if (ctx.options.losses) judgement.loss = std::move(value);
      return judgement;
    }
    criterion = as_layer(ctx, value, at);
    if (!criterion) return {};
    if (!criterion->module || criterion->module->kind != sema::DeclKind::criterion) {
      ctx.report(at, diag::NotACriterion, criterion->name());
      return {};
    }
  }
  if (criterion->kind == Layer::Kind::description) criterion = unnamed(ctx, criterion, expr ? expr : nullptr, 0, at);
  if (!criterion) return {};
  std::vector<Argument> arguments;
  arguments.push_back({"", task.head, task.head_expr->range});
  if (task.target.valid()) {
    arguments.push_back({"", Value{Tensor{task.target, task.target_set, nullptr}}, task.decl->predicts->range});
  } else if (ctx.options.losses) {
    ctx.report(at, diag::NoTarget, task.info.name);
    return {};
  } else {
    arguments.push_back({"", Value{}, task.info.range});
  }
  if (expr) task.criterion = expr->range;
  Judgement judgement = judge(ctx, criterion, std::move(arguments), at);
  task.criterion = {};
  return judgement;
}
}  // namespace

bool run_loss(TaskContext& ctx, TaskState& task) {
  if (!run_head(ctx, task)) return false;
  if (task.judged) return task.predict.valid();
  task.judging = true;
  const At at{task.frame, task.head_expr->range};
  const Judgement judgement = judge_task(ctx, task);
  run_predict(ctx, task, judgement, at);
  const bool wants_loss = ctx.options.losses && task.info.has_loss;
  if (wants_loss && !judgement.loss.poisoned()) {
    auto setting = task.settings.find("loss");
    const At loss_at{task.frame, setting == task.settings.end() ? at.range : setting->second->range};
    mean_loss(ctx, task, to_tensor(ctx, judgement.loss, loss_at), loss_at);
  }
  task.judging = false;
  task.judged = true;
  return task.predict.valid() && (!wants_loss || task.loss.valid());
}

namespace {
// What is predicted has the rows and dimensions of the target; of labels, it is looked up in their set, so it has to be
// in it.
bool predict_fits(TaskContext& ctx, const TaskState& task, const Value& value, const At& at) {
  const bool label = task.info.kind == TargetKind::label;
  const types::Type& made = ctx.type(task.predict);
  if (label != (made.dtype == types::DType::i32)) {
    ctx.report(at, diag::PredictKind, shape_text(ctx, task.predict, task.frame), label ? "ids" : "numbers");
    return false;
  }
  const std::vector<Dim>& wanted = task.target_type.dims;
  bool same = made.dims.size() == wanted.size() && ctx.spaces().is_ancestor(made.space, task.target_type.space);
  for (size_t i = 0; same && i < wanted.size(); ++i) same = made.dims[i].equals(wanted[i]) != types::Answer::no;
  if (!same) {
    std::vector<Axis> axes = target_axes(ctx, task);
    if (label) axes.pop_back();  // the classes are what the head has
    ctx.report(at, diag::PredictMismatch, shape_text(ctx, task.predict, task.frame),
               task.info.source + "." + task.info.target, (label ? "label" : "f32") + axes_text(ctx, axes));
    return false;
  }
  if (!label) return true;
  // Labels that the file lists are known before the data is; `classes` waits for it.
  const Dim& size = task.target_set ? task.target_set->size : task.info.classes;
  return ids_fit(ctx, value.tensor() ? value.tensor()->ids : nullptr, size, "`|target|`", at);
}

// Of an evaluation with targets: whether `predict` is computed from this task's, other than by the heads. Without
// targets they have no value, and neither has what is computed from them.
bool predict_reads_target(const TaskContext& ctx, const TaskState& task, const Value& predict) {
  if (!ctx.options.losses && predict.poisoned()) return true;
  std::vector<ir::Value> heads;
  for (const TaskState& other : ctx.model.tasks) heads.push_back(other.scores);
  if (inputs_of(ctx, {task.predict}, heads).count(task.info.target)) return true;
  return task.target.valid() && depends_on(ctx, task.predict, task.target, heads);
}

void run_predict(TaskContext& ctx, TaskState& task, const Judgement& judgement, const At& at) {
  const bool label = task.info.kind == TargetKind::label && task.decl->predicts;
  auto setting = task.settings.find("predict");
  if (setting != task.settings.end() || !judgement.predict.poisoned()) {
    const bool own = setting != task.settings.end();
    const auto loss = task.settings.find("loss");
    const At here{task.frame, own                           ? setting->second->range
                              : loss != task.settings.end() ? loss->second->range
                                                            : at.range};
    const Value value = own ? evaluate(ctx, *setting->second, task.frame) : judgement.predict;
    task.predict = to_tensor(ctx, value, here);
    if (predict_reads_target(ctx, task, value)) {
      ctx.report(here, diag::PredictReadsTarget, task.info.name)
          .help(own ? "compute it from `head`" : "give the criterion's `predict` its `scores` alone");
      task.predict = {};
    }
    if (task.predict.valid() && task.decl->predicts && !predict_fits(ctx, task, value, here)) task.predict = {};
    if (task.predict.valid() && !label) task.predict = as_numbers(ctx, task.predict, here);
  } else if (!task.decl->predicts || task.info.kind == TargetKind::number) {
    task.predict = task.scores;
  } else if (label) {
    task.predict =
        emit(ctx, "argmax", {task.scores}, at, {{"axis", static_cast<int64_t>(ctx.type(task.scores).rank() - 1)}});
  } else {
    task.predict = emit(ctx, "sigmoid", {task.scores}, at);
  }
  if (task.predict.valid() && task.decl->predicts)
    task.predict = to_space(ctx, task.predict, task.target_type.space, at);
}

// A mask in the shape of the loss: what the loss has summed up counts where all of its parts are labelled.
ir::Value fit_mask(TaskContext& ctx, ir::Value mask, ir::Value loss, const At& at) {
  if (!mask.valid() || !loss.valid()) return {};
  const types::Type wanted = ctx.type(loss);
  if (ctx.type(mask).dims != wanted.dims && ctx.type(mask).rank() > 0) {
    std::vector<Dim> axes;
    for (int i = 0; i < ctx.type(mask).rank(); ++i) axes.push_back(i);
    mask = emit(ctx, "min", {mask}, at, {{"axes", axes}, {"keep", false}});
  }
  while (mask.valid() && ctx.type(mask).space != wanted.space &&
         ctx.spaces().is_ancestor(wanted.space, ctx.type(mask).space)) {
    mask = emit(ctx, "segment_min", {mask}, at, {{"to", ir::SpaceRef{ctx.spaces()[ctx.type(mask).space].parent}}});
  }
  if (!mask.valid()) return {};
  mask = to_space(ctx, mask, wanted.space, at);
  if (!mask.valid() || ctx.type(mask).dims == wanted.dims) return mask;
  return emit(ctx, "broadcast", {with_rank(ctx, mask, wanted.rank(), at)}, at, {{"dims", wanted.dims}});
}

// Numbers, on the rows of the target or of what encloses them: one for each, or one for each number of the target.
bool loss_fits(TaskContext& ctx, const TaskState& task, ir::Value value, const char* what, const At& at) {
  const types::Type& made = ctx.type(value);
  const std::vector<Dim>& wanted = task.target_type.dims;
  bool fits = made.dtype == types::DType::f32;
  const bool one = made.dims.empty() || (made.dims.size() == 1 && made.dims[0] == Dim(1));
  const bool by_number = std::equal(made.dims.begin(), made.dims.end(), wanted.begin(), wanted.end(),
                                    [](const Dim& a, const Dim& b) { return a.equals(b) != types::Answer::no; });
  if (task.decl->predicts)
    fits = fits && (one || by_number) && ctx.spaces().is_ancestor(made.space, task.target_type.space);
  if (fits) return true;
  std::string target = "of this source";
  if (task.decl->predicts) target = "`" + task.info.source + "." + task.info.target + "`";
  ctx.report(at, diag::LossShape, what, target, shape_text(ctx, value, task.frame))
      .help(made.dtype == types::DType::f32 ? "`sum` or `mean` makes one number of several"
                                            : "`float(x)` makes numbers");
  return false;
}

// A weight is of rows that the loss has, and not of what is trained: that would lower the weight, not the loss.
bool weight_fits(TaskContext& ctx, const TaskState& task, ir::Value weight, ir::Value loss, const At& at) {
  if (!ctx.spaces().is_ancestor(ctx.type(weight).space, ctx.type(loss).space)) {
    ctx.report(at, diag::WeightRows, shape_text(ctx, weight, task.frame), shape_text(ctx, loss, task.frame))
        .help("`mean` over the dimension makes one weight of several");
    return false;
  }
  const std::set<std::string> trained = reached(ctx, {weight}, true);
  if (trained.empty()) return true;
  ctx.report(at, diag::WeightTrained, *trained.begin())
      .help("`stop_gradient` makes a number of it that is not trained; a trade-off that is learned is a `balance`");
  return false;
}

void mean_loss(TaskContext& ctx, TaskState& task, ir::Value loss, const At& at) {
  if (!loss.valid() || !loss_fits(ctx, task, loss, "loss", at)) return;
  // The weight first: it too may read columns that a row lacks.
  ir::Value factor, row_weight;
  bool varies = false;  // the factor, with `progress`
  auto setting = task.settings.find("weight");
  const At weight_at{task.frame, setting == task.settings.end() ? at.range : setting->second->range};
  if (setting != task.settings.end()) {
    task.reading_loss = true;
    Value weight = evaluate(ctx, *setting->second, task.frame);
    task.reading_loss = false;
    if (weight.poisoned()) return;
    std::optional<double> known;
    if (const StaticValue* number = weight.as_static()) known = number->as_number();
    if (known && *known < 0) {
      ctx.report(weight_at, diag::NegativeWeight, task.info.name, fmt::format("{}", *known))
          .help(
              "to train what is shared against this task, put `reverse_gradient` in front of its head: "
              "`h |> reverse_gradient |> linear(|target|)`");
      return;
    }
    if (const StaticValue* word = weight.as_static(); word && word->is_text()) {
      ctx.report(weight_at, diag::NotATensor, weight.kind())
          .help("it is a number; classes are weighed by the loss, as in `cross_entropy(class_weights = \"balanced\")`");
      return;
    }
    if (known == 0.0 && ctx.options.losses && ctx.options.tasks.empty())
      ctx.reports.emitter.report(diag::WeightOfZero, task.info.name)
          .at(weight_at.range)
          .help("`loss = none` says that a head is only computed; a small weight, such as 0.1, trains it a little");
    ir::Value value = to_tensor(ctx, weight, weight_at);
    if (!value.valid()) return;
    value = as_numbers(ctx, value, weight_at);
    if (!loss_fits(ctx, task, value, "weight", weight_at) || !weight_fits(ctx, task, value, loss, weight_at)) return;
    if (ctx.type(value).space != types::kUniform || ctx.type(value).rank() > 0) {
      row_weight = value;
    } else if (known != 1.0) {
      factor = value;
      varies = !known;
    }
  }
  ir::Value mask = loss_mask(ctx, task, loss, at);
  if (!mask.valid()) return;
  task.count = sum_all(ctx, mask, at);
  task.info.loss_of_sequences = task.info.per_position && ctx.spaces()[ctx.type(loss).space].depth == 0;
  ir::Value count = emit(ctx, "max", {task.count, constant(ctx, 1, at)}, at);
  const ir::Value counted = emit(ctx, "mul", {loss, mask}, at);
  task.loss = task.weighted = emit(ctx, "div", {sum_all(ctx, counted, at), count}, at);
  if (row_weight.valid() || varies)
    note_weight(ctx, task, row_weight.valid() ? row_weight : factor, mask, loss, weight_at);
  if (row_weight.valid())
    task.weighted = emit(ctx, "div", {sum_all(ctx, binary(ctx, "mul", counted, row_weight, weight_at), at), count}, at);
  if (factor.valid()) task.weighted = emit(ctx, "mul", {task.loss, factor}, at);
}

// How much each row counts, 1 where it does not: an output, so that it can be looked at before the training. A weight
// that is computed from parameters is not known then.
void note_weight(TaskContext& ctx, TaskState& task, ir::Value weight, ir::Value mask, ir::Value loss, const At& at) {
  if (!weight.valid() || !reached(ctx, {weight}, false).empty()) return;
  const int rank = ctx.type(loss).rank();
  if (ctx.type(weight).space != ctx.type(loss).space) weight = to_space(ctx, weight, ctx.type(loss).space, at);
  if (!weight.valid()) return;
  const ir::Value counts = emit(ctx, "ne", {mask, with_rank(ctx, constant(ctx, 0, at), rank, at)}, at);
  task.weight = emit(ctx, "where",
                     {counts, with_rank(ctx, weight, rank, at), with_rank(ctx, constant(ctx, 1, at), rank, at)}, at);
  if (task.weight.valid()) task.info.weight = at.range;
}

ir::Value loss_mask(TaskContext& ctx, TaskState& task, ir::Value loss, const At& at) {
  std::vector<ir::Value> masks = task.loss_masks;
  if (task.mask.valid()) masks.insert(masks.begin(), task.mask);
  if (task.when.valid()) masks.push_back(task.when);
  if (masks.empty()) masks.push_back(constant(ctx, 1, at));  // nothing can be missing: every row counts
  ir::Value mask;
  for (size_t i = 0; i < masks.size(); ++i) {
    ir::Value fitted = fit_mask(ctx, masks[i], loss, at);
    mask = i == 0 ? fitted : emit(ctx, "mul", {mask, fitted}, at);
  }
  return mask;
}
}  // namespace

}  // namespace mtl::elaborate
