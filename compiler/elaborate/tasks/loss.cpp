// Losses, predictions and the objective.
//
// A task's loss is sum(mask * loss) / max(1, sum(mask)) over the rows of the batch: labelled positions where the
// criterion is mapped over positions, labelled examples else. The mask leaves out missing targets, what `when` leaves
// out, and what a loss expression reads and the row lacks. In the objective each row counts `weight` times; the loss
// that is shown is without it, so that runs with other weights can be compared.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

using namespace syntax;
using training::TargetKind;

namespace {
bool is_name(const Expr* expr, const char* name) {
  const auto* node = expr ? std::get_if<NameExpr>(&expr->node) : nullptr;
  return node && node->name == name;
}
}  // namespace

LayerPtr Elaborator::default_criterion(const TaskState& task, const At& at) {
  const char* name = task.info.kind == TargetKind::label    ? "cross_entropy"
                     : task.info.kind == TargetKind::number ? "mse"
                                                            : "binary_cross_entropy";
  const sema::Found* found = file_.prelude ? file_.find(*file_.prelude, name) : nullptr;
  if (!found) {
    report(at, diag::UnknownName, name);
    return nullptr;
  }
  Value described = describe_layer(*found, {}, at);
  return described.layer() ? *described.layer() : nullptr;
}

Elaborator::Judgement Elaborator::judge_task(TaskState& task) {
  auto setting = task.settings.find("loss");
  const Expr* expr = setting == task.settings.end() ? nullptr : setting->second;
  const At at{task.frame, expr ? expr->range : task.info.range};
  task.info.has_loss = expr ? !is_name(expr, "none") : task.decl->predicts.has_value();
  if (!task.info.has_loss) return {};
  task.info.own_loss = expr != nullptr;
  LayerPtr criterion;
  if (!expr) {
    criterion = default_criterion(task, at);
    if (!criterion) return {};
  } else {
    const auto* called = std::get_if<CallExpr>(&expr->node);
    const bool applied = called && std::holds_alternative<CallExpr>(called->callee->node);
    // Without targets (`mtlc predict`) an expression has nothing to be computed from.
    const bool named = std::holds_alternative<NameExpr>(expr->node) || (called && !applied);
    if (!options_.losses && !named) return {};
    task.reading_loss = true;
    Value value = evaluate(*expr, task.frame);
    task.reading_loss = false;
    if (value.poisoned()) return {};
    const Callable* callable = value.callable();
    const bool is_layer = value.layer() || (callable && callable->decl);
    if (!is_layer) {
      Judgement judgement;
      if (options_.losses) judgement.loss = std::move(value);
      return judgement;
    }
    criterion = as_layer(value, at);
    if (!criterion) return {};
    if (!criterion->module || criterion->module->kind != sema::DeclKind::criterion) {
      report(at, diag::NotACriterion, criterion->name());
      return {};
    }
  }
  if (criterion->kind == Layer::Kind::description) criterion = unnamed(criterion, expr ? expr : nullptr, 0, at);
  if (!criterion) return {};
  std::vector<Argument> arguments;
  arguments.push_back({"", task.head, task.head_expr->range});
  if (task.target.valid()) {
    arguments.push_back({"", Value{Tensor{task.target, task.target_set, nullptr}}, task.decl->predicts->range});
  } else if (options_.losses) {
    report(at, diag::NoTarget, task.info.name);
    return {};
  } else {
    arguments.push_back({"", Value{}, task.info.range});
  }
  if (expr) task.criterion = expr->range;
  Judgement judgement = judge(criterion, std::move(arguments), at);
  task.criterion = {};
  return judgement;
}

bool Elaborator::run_loss(size_t index) {
  TaskState& task = tasks_[index];
  if (!run_head(index)) return false;
  if (task.judged) return task.predict.valid();
  task.judging = true;
  const int outer = std::exchange(current_task_, static_cast<int>(index));
  const At at{task.frame, task.head_expr->range};
  const Judgement judgement = judge_task(task);
  run_predict(task, judgement, at);
  const bool wants_loss = options_.losses && task.info.has_loss;
  if (wants_loss && !judgement.loss.poisoned()) {
    auto setting = task.settings.find("loss");
    const At loss_at{task.frame, setting == task.settings.end() ? at.range : setting->second->range};
    mean_loss(task, to_tensor(judgement.loss, loss_at), loss_at);
  }
  current_task_ = outer;
  task.judging = false;
  task.judged = true;
  return task.predict.valid() && (!wants_loss || task.loss.valid());
}

// What is predicted has the rows and dimensions of the target; of labels, it is looked up in their set, so it has to be
// in it.
bool Elaborator::predict_fits(const TaskState& task, const Value& value, const At& at) {
  const bool label = task.info.kind == TargetKind::label;
  const types::Type& made = type(task.predict);
  if (label != (made.dtype == types::DType::i32)) {
    report(at, diag::PredictKind, shape_text(task.predict, task.frame), label ? "ids" : "numbers");
    return false;
  }
  const std::vector<Dim>& wanted = task.target_type.dims;
  bool same = made.dims.size() == wanted.size() && spaces().is_ancestor(made.space, task.target_type.space);
  for (size_t i = 0; same && i < wanted.size(); ++i) same = made.dims[i].equals(wanted[i]) != types::Answer::no;
  if (!same) {
    std::vector<Axis> axes = target_axes(task);
    if (label) axes.pop_back();  // the classes are what the head has
    report(at, diag::PredictMismatch, shape_text(task.predict, task.frame), task.info.source + "." + task.info.target,
           (label ? "label" : "f32") + axes_text(axes));
    return false;
  }
  if (!label) return true;
  // Labels that the file lists are known before the data is; `classes` waits for it.
  const Dim& size = task.target_set ? task.target_set->size : task.info.classes;
  return ids_fit(value.tensor() ? value.tensor()->ids : nullptr, size, "`|target|`", at);
}

// Of an evaluation with targets: whether `predict` is computed from this task's, other than by the heads. Without
// targets they have no value, and neither has what is computed from them.
bool Elaborator::predict_reads_target(const TaskState& task, const Value& predict) const {
  if (!options_.losses && predict.poisoned()) return true;
  std::vector<ir::Value> heads;
  for (const TaskState& other : tasks_) heads.push_back(other.scores);
  if (inputs_of({task.predict}, heads).count(task.info.target)) return true;
  return task.target.valid() && depends_on(task.predict, task.target, heads);
}

void Elaborator::run_predict(TaskState& task, const Judgement& judgement, const At& at) {
  const bool label = task.info.kind == TargetKind::label && task.decl->predicts;
  auto setting = task.settings.find("predict");
  if (setting != task.settings.end() || !judgement.predict.poisoned()) {
    const bool own = setting != task.settings.end();
    const auto loss = task.settings.find("loss");
    const At here{task.frame, own                           ? setting->second->range
                              : loss != task.settings.end() ? loss->second->range
                                                            : at.range};
    const Value value = own ? evaluate(*setting->second, task.frame) : judgement.predict;
    task.predict = to_tensor(value, here);
    if (predict_reads_target(task, value)) {
      report(here, diag::PredictReadsTarget, task.info.name)
          .help(own ? "compute it from `head`" : "give the criterion's `predict` its `scores` alone");
      task.predict = {};
    }
    if (task.predict.valid() && task.decl->predicts && !predict_fits(task, value, here)) task.predict = {};
    if (task.predict.valid() && !label) task.predict = as_numbers(task.predict, here);
  } else if (!task.decl->predicts || task.info.kind == TargetKind::number) {
    task.predict = task.scores;
  } else if (label) {
    task.predict = emit("argmax", {task.scores}, at, {{"axis", static_cast<int64_t>(type(task.scores).rank() - 1)}});
  } else {
    task.predict = emit("sigmoid", {task.scores}, at);
  }
  if (task.predict.valid() && task.decl->predicts) task.predict = to_space(task.predict, task.target_type.space, at);
}

ir::Value Elaborator::sum_all(ir::Value x, const At& at) {
  if (!x.valid()) return {};
  std::vector<Dim> axes;
  for (int i = 0; i < type(x).rank(); ++i) axes.push_back(i);
  if (!axes.empty()) x = emit("sum", {x}, at, {{"axes", axes}, {"keep", false}});
  if (!x.valid() || type(x).space == types::kUniform) return x;
  return emit("segment_sum", {x}, at, {{"to", ir::SpaceRef{types::kUniform}}});
}

// A mask in the shape of the loss: what the loss has summed up counts where all of its parts are labelled.
ir::Value Elaborator::fit_mask(ir::Value mask, ir::Value loss, const At& at) {
  if (!mask.valid() || !loss.valid()) return {};
  const types::Type wanted = type(loss);
  if (type(mask).dims != wanted.dims && type(mask).rank() > 0) {
    std::vector<Dim> axes;
    for (int i = 0; i < type(mask).rank(); ++i) axes.push_back(i);
    mask = emit("min", {mask}, at, {{"axes", axes}, {"keep", false}});
  }
  while (mask.valid() && type(mask).space != wanted.space && spaces().is_ancestor(wanted.space, type(mask).space)) {
    mask = emit("segment_min", {mask}, at, {{"to", ir::SpaceRef{spaces()[type(mask).space].parent}}});
  }
  if (!mask.valid()) return {};
  mask = to_space(mask, wanted.space, at);
  if (!mask.valid() || type(mask).dims == wanted.dims) return mask;
  return emit("broadcast", {with_rank(mask, wanted.rank(), at)}, at, {{"dims", wanted.dims}});
}

// Numbers, on the rows of the target or of what encloses them: one for each, or one for each number of the target.
bool Elaborator::loss_fits(const TaskState& task, ir::Value value, const char* what, const At& at) {
  const types::Type& made = type(value);
  const std::vector<Dim>& wanted = task.target_type.dims;
  bool fits = made.dtype == types::DType::f32;
  const bool one = made.dims.empty() || (made.dims.size() == 1 && made.dims[0] == Dim(1));
  const bool by_number = std::equal(made.dims.begin(), made.dims.end(), wanted.begin(), wanted.end(),
                                    [](const Dim& a, const Dim& b) { return a.equals(b) != types::Answer::no; });
  if (task.decl->predicts)
    fits = fits && (one || by_number) && spaces().is_ancestor(made.space, task.target_type.space);
  if (fits) return true;
  std::string target = "of this source";
  if (task.decl->predicts) target = "`" + task.info.source + "." + task.info.target + "`";
  report(at, diag::LossShape, what, target, shape_text(value, task.frame))
      .help(made.dtype == types::DType::f32 ? "`sum` or `mean` makes one number of several"
                                            : "`float(x)` makes numbers");
  return false;
}

// A weight is of rows that the loss has, and not of what is trained: that would lower the weight, not the loss.
bool Elaborator::weight_fits(const TaskState& task, ir::Value weight, ir::Value loss, const At& at) {
  if (!spaces().is_ancestor(type(weight).space, type(loss).space)) {
    report(at, diag::WeightRows, shape_text(weight, task.frame), shape_text(loss, task.frame))
        .help("`mean` over the dimension makes one weight of several");
    return false;
  }
  const std::set<std::string> trained = reached({weight}, true);
  if (trained.empty()) return true;
  report(at, diag::WeightTrained, *trained.begin())
      .help("`stop_gradient` makes a number of it that is not trained; a trade-off that is learned is a `balance`");
  return false;
}

void Elaborator::mean_loss(TaskState& task, ir::Value loss, const At& at) {
  if (!loss.valid() || !loss_fits(task, loss, "loss", at)) return;
  // The weight first: it too may read columns that a row lacks.
  ir::Value factor, row_weight;
  bool varies = false;  // the factor, with `progress`
  auto setting = task.settings.find("weight");
  const At weight_at{task.frame, setting == task.settings.end() ? at.range : setting->second->range};
  if (setting != task.settings.end()) {
    task.reading_loss = true;
    Value weight = evaluate(*setting->second, task.frame);
    task.reading_loss = false;
    if (weight.poisoned()) return;
    std::optional<double> known;
    if (const StaticValue* number = weight.as_static()) known = number->as_number();
    if (known && *known < 0) {
      report(weight_at, diag::NegativeWeight, task.info.name, fmt::format("{}", *known))
          .help(
              "to train what is shared against this task, put `reverse_gradient` in front of its head: "
              "`h |> reverse_gradient |> linear(|target|)`");
      return;
    }
    ir::Value value = to_tensor(weight, weight_at);
    if (!value.valid()) return;
    value = as_numbers(value, weight_at);
    if (!loss_fits(task, value, "weight", weight_at) || !weight_fits(task, value, loss, weight_at)) return;
    if (type(value).space != types::kUniform || type(value).rank() > 0) {
      row_weight = value;
    } else if (known != 1.0) {
      factor = value;
      varies = !known;
    }
  }
  ir::Value mask = loss_mask(task, loss, at);
  if (!mask.valid()) return;
  task.count = sum_all(mask, at);
  task.info.loss_of_sequences = task.info.per_position && spaces()[type(loss).space].depth == 0;
  ir::Value count = emit("max", {task.count, constant(1, at)}, at);
  const ir::Value counted = emit("mul", {loss, mask}, at);
  task.loss = task.weighted = emit("div", {sum_all(counted, at), count}, at);
  if (row_weight.valid() || varies) note_weight(task, row_weight.valid() ? row_weight : factor, mask, loss, weight_at);
  if (row_weight.valid())
    task.weighted = emit("div", {sum_all(binary("mul", counted, row_weight, weight_at), at), count}, at);
  if (factor.valid()) task.weighted = emit("mul", {task.loss, factor}, at);
}

// How much each row counts, 1 where it does not: an output, so that it can be looked at before the training. A weight
// that is computed from parameters is not known then.
void Elaborator::note_weight(TaskState& task, ir::Value weight, ir::Value mask, ir::Value loss, const At& at) {
  if (!weight.valid() || !reached({weight}, false).empty()) return;
  const int rank = type(loss).rank();
  if (type(weight).space != type(loss).space) weight = to_space(weight, type(loss).space, at);
  if (!weight.valid()) return;
  const ir::Value counts = emit("ne", {mask, with_rank(constant(0, at), rank, at)}, at);
  task.weight = emit("where", {counts, with_rank(weight, rank, at), with_rank(constant(1, at), rank, at)}, at);
  if (task.weight.valid()) task.info.weight = at.range;
}

ir::Value Elaborator::loss_mask(TaskState& task, ir::Value loss, const At& at) {
  std::vector<ir::Value> masks = task.loss_masks;
  if (task.mask.valid()) masks.insert(masks.begin(), task.mask);
  if (task.when.valid()) masks.push_back(task.when);
  if (masks.empty()) masks.push_back(constant(1, at));  // nothing can be missing: every row counts
  ir::Value mask;
  for (size_t i = 0; i < masks.size(); ++i) {
    ir::Value fitted = fit_mask(masks[i], loss, at);
    mask = i == 0 ? fitted : emit("mul", {mask, fitted}, at);
  }
  return mask;
}

void Elaborator::read_balance() {
  if (!balance_setting_) return;
  const At at{model_frame_, balance_setting_->range};
  const Expr* callee = balance_setting_;
  if (const auto* call = std::get_if<CallExpr>(&callee->node)) {
    callee = call->callee.get();
    if (!call->arguments.empty()) report(at, diag::NotSupportedYet, "an argument of a balancer");
  }
  const auto* name = std::get_if<NameExpr>(&callee->node);
  const sema::Found* own = name ? file_.find(0, name->name) : nullptr;
  if (own && own->kind == sema::DeclKind::balancer) {
    report(at, diag::NotSupportedYet, "a balancer of your own");
  } else if (is_name(callee, "uncertainty")) {
    balance_ = Balance::uncertainty;
  } else if (!is_name(callee, "fixed")) {
    report(at, diag::NotSupportedYet, "`balance = " + (name ? name->name : std::string("...")) + "`")
        .help("`fixed` and `uncertainty()` are there");
  }
}

void Elaborator::make_objective() {
  if (options_.objective_tasks.empty()) return;
  const At at{model_frame_, file_.model->name.range};
  for (TaskState& task : tasks_) {
    if (!task.loss.valid() || options_.objective_tasks.count(task.info.name) == 0) continue;
    const At here{model_frame_, balance_setting_ ? balance_setting_->range : task.info.range};
    ir::Value part = task.weighted;
    if (balance_ == Balance::uncertainty) {
      // 0.5 exp(-s) L + 0.5 s with s = log of the variance (Kendall, Gal & Cipolla 2018). One s for each task, so that
      // a task that is absent from a step leaves it alone.
      auto owner = std::make_shared<Place>();
      owner->parent = root_;
      owner->name = "balance";
      owner->word = Owner::enclosing;
      auto place = std::make_shared<Place>();
      place->parent = owner;
      place->name = "log_var";
      place->word = Owner::private_;
      const int outer = std::exchange(current_task_, static_cast<int>(&task - tasks_.data()));
      Value log_var = parameter(place, {}, Value{StaticValue{sema::Initializer{}}}, nullptr, false, here);
      current_task_ = outer;
      ir::Value s = to_tensor(log_var, here);
      ir::Value scaled = emit("mul", {emit("exp", {emit("neg", {s}, here)}, here), part}, here);
      part = emit("mul", {emit("add", {scaled, s}, here), constant(0.5, here)}, here);
      // Nor does a batch that has no row which counts for the task move its s.
      part = emit("mul", {part, emit("min", {task.count, constant(1, here)}, here)}, here);
    }
    if (!part.valid()) return;
    objective_ = objective_.valid() ? emit("add", {objective_, part}, at) : part;
  }
}

}  // namespace mtl::elaborate
