// See train_tables.h. Optimizers have PyTorch's names and defaults of parameters (torch.optim); lamb follows You et al.
// 2020.
#include "compiler/sema/train_tables.h"

namespace mtl::sema {

using runtime::OptimizerRule;
using training::MixKind;

std::span<const Entry> task_entries() {
  static constexpr Entry table[] = {
      {.name = "head",
       .form = "head = value",
       .about = "The scores: a number for each class of a label, a logit of a `bool`, the value of an `f32`. The one "
                "setting that a task needs.",
       .place = "model",
       .example = "task extra predicts news.topic { head = r |> linear(|target|) }"},
      {.name = "loss",
       .form = "loss = criterion(), loss = value, loss = none",
       .about = "A criterion, or an expression over `head`, `target`, columns and `progress` with one number for each "
                "example or position. `none` only evaluates.",
       .initial = "`cross_entropy()` of labels, `binary_cross_entropy()` of `labels` and `bool`, `mse()` of `f32`",
       .place = "model",
       .example = "task extra predicts news.topic { head = r |> linear(|target|), loss = focal(gamma = 1.5) }"},
      {.name = "predict",
       .form = "predict = value",
       .about = "What the task answers, in place of what the criterion says.",
       .initial = "the `predict` of the criterion; without one what the target's type says",
       .place = "model",
       .example = "task extra predicts news.score { head = r |> linear(1), predict = clamp(head, 0, 5) }"},
      {.name = "metric",
       .form = "metric = [name, ...]",
       .about = "What is computed on dev and test; see the metrics.",
       .initial = "those of the target's type",
       .place = "model",
       .example = "task extra predicts news.good { head = r |> linear(1), metric = [auc, f1] }"},
      {.name = "weight",
       .form = "weight = value",
       .about = "What the task's loss is multiplied by before balancing: a number, or an expression of `progress` or "
                "of columns.",
       .initial = "1",
       .place = "model",
       .example = "task extra predicts news.score { head = r |> linear(1), weight = 0.5 }"}};
  return table;
}

std::span<const Entry> train_entries() {
  static constexpr Entry table[] = {
      {.name = "optimizer",
       .form = "optimizer = adamw(lr = 1e-3)",
       .about = "How gradients become updates; see the optimizers.",
       .initial = "adamw(lr = 1e-3, weight_decay = 0)",
       .place = "train",
       .example = "optimizer = adamw(lr = 2e-3, weight_decay = 0.01)"},
      {.name = "schedule",
       .form = "schedule = warmup_cosine(warmup = 10%)",
       .about = "What the learning rate is multiplied by at each update; see the schedules.",
       .initial = "constant",
       .place = "train",
       .example = "schedule = warmup_cosine(warmup = 10%)"},
      {.name = "batch",
       .form = "batch = 32, batch = tokens(4096), batch[source] = 16",
       .about = "How much of a source a step takes. `tokens` counts positions of each example's longest outer "
                "dimension. `batch[source]` is for one source.",
       .initial = "32",
       .unit = "examples, or positions",
       .place = "train",
       .example = "batch = tokens(4096)"},
      {.name = "epochs",
       .form = "epochs = 10",
       .about = "How often training goes through the data. Excludes `steps`.",
       .initial = "10",
       .unit = "epochs",
       .place = "train",
       .example = "epochs = 30"},
      {.name = "steps",
       .form = "steps = 20k",
       .about = "How many updates there are, whatever they are of an epoch. Excludes `epochs`.",
       .initial = "none: `epochs` counts",
       .unit = "updates",
       .place = "train",
       .example = "steps = 20k"},
      {.name = "clip_norm",
       .form = "clip_norm = 1.0",
       .about = "Scales the gradient of all parameters together down to at most this norm.",
       .initial = "none",
       .unit = "norm of the gradient",
       .place = "train",
       .example = "clip_norm = 1.0"},
      {.name = "accumulate",
       .form = "accumulate = 4",
       .about = "How many batches an update adds up the gradients of.",
       .initial = "1",
       .unit = "batches",
       .place = "train",
       .example = "accumulate = 4"},
      {.name = "stop",
       .form = "stop = patience(epochs, on = metric)",
       .about = "Ends training when so many epochs have not been better than the best one, by a metric of a task, a "
                "metric of the model, or a mean of these. The weights of the best epoch are kept in any case.",
       .initial = "never; the best epoch is chosen by the mean of each task's first metric",
       .unit = "epochs",
       .place = "train",
       .example = "stop = patience(5, on = topic.accuracy)"},
      {.name = "seed",
       .form = "seed = 7",
       .about = "The number that all random choices follow from.",
       .initial = "1",
       .place = "train",
       .example = "seed = 7"},
      {.name = "precision",
       .form = "precision = bf16",
       .about = "`bf16`: in training, products with weights read their operands rounded to bfloat16 and add up in "
                "f32. Everything else, and what is saved, is f32.",
       .initial = "f32",
       .place = "train",
       .example = "precision = bf16"},
      {.name = "average",
       .form = "average = ema(decay)",
       .about = "Evaluates and saves an exponential moving average of the weights: at each update `decay` of the "
                "average and `1 - decay` of the weights.",
       .initial = "none",
       .unit = "share, between 0 and 1",
       .place = "train",
       .example = "average = ema(0.999)"},
      {.name = "mix",
       .form = "mix = joint",
       .about = "How sources alternate; see the mixes.",
       .initial = "joint",
       .place = "train",
       .example = "mix = proportional"},
      {.name = "lazy",
       .form = "lazy = true",
       .about = "Decay and momentum of rows of embeddings that a step does not read are forgotten, not caught up.",
       .initial = "false",
       .place = "train",
       .example = "lazy = true"}};
  return table;
}

std::span<const Entry> group_entries() {
  static constexpr Entry table[] = {{.name = "lr",
                                     .form = "group path { lr = 2e-5 }",
                                     .about = "The learning rate of the parameters below a path.",
                                     .initial = "that of the optimizer",
                                     .place = "train",
                                     .example = "group encoder { lr = 2e-5 }"},
                                    {.name = "weight_decay",
                                     .form = "group path { weight_decay = 0.0 }",
                                     .about = "The weight decay of the parameters below a path.",
                                     .initial = "that of the optimizer",
                                     .place = "train",
                                     .example = "group encoder { weight_decay = 0.0 }"}};
  return table;
}

std::span<const OptimizerRow> optimizers() {
  static constexpr OptimizerRow table[] = {
      {{.name = "sgd",
        .about = "Stochastic gradient descent; with `momentum` above 0 it is `momentum`.",
        .place = "train",
        .example = "optimizer = sgd(lr = 0.1)"},
       OptimizerRule::sgd,
       "lr, momentum, weight_decay, nesterov, lazy",
       1e-3,
       0,
       1e-8f,
       0},
      {{.name = "momentum",
        .about = "Gradient descent along a sum of gradients that decays.",
        .place = "train",
        .example = "optimizer = momentum(lr = 0.05, nesterov = true)"},
       OptimizerRule::momentum,
       "lr, momentum, weight_decay, nesterov, lazy",
       1e-3,
       0,
       1e-8f,
       0.9f},
      {{.name = "adam",
        .about =
            "Steps scaled by the moments of the gradient (Kingma & Ba 2015); weight decay is part of the gradient.",
        .place = "train",
        .example = "optimizer = adam(lr = 1e-3, betas = [0.9, 0.98])"},
       OptimizerRule::adam,
       "lr, beta1, beta2, eps, weight_decay, betas, lazy",
       1e-3,
       0,
       1e-8f,
       0},
      {{.name = "adamw",
        .about = "Adam with weight decay of its own, lr * weight_decay a step (Loshchilov & Hutter 2019).",
        .place = "train",
        .example = "optimizer = adamw(lr = 2e-3)"},
       OptimizerRule::adamw,
       "lr, beta1, beta2, eps, weight_decay, betas, lazy",
       1e-3,
       1e-2,
       1e-8f,
       0},
      {{.name = "adagrad",
        .about = "Steps divided by the root of all squared gradients so far (Duchi et al. 2011).",
        .place = "train",
        .example = "optimizer = adagrad(lr = 0.02)"},
       OptimizerRule::adagrad,
       "lr, eps, weight_decay, lazy",
       1e-2,
       0,
       1e-10f,
       0},
      {{.name = "rmsprop",
        .about = "Steps divided by the root of a mean of squared gradients that decays.",
        .place = "train",
        .example = "optimizer = rmsprop(lr = 1e-3, momentum = 0.9)"},
       OptimizerRule::rmsprop,
       "lr, alpha, eps, weight_decay, momentum, lazy",
       1e-2,
       0,
       1e-8f,
       0},
      {{.name = "lamb",
        .about = "Adam with a step for each parameter in proportion to its norm (You et al. 2020).",
        .place = "train",
        .example = "optimizer = lamb(lr = 2e-3)"},
       OptimizerRule::lamb,
       "lr, beta1, beta2, eps, weight_decay, betas, lazy",
       1e-3,
       0,
       1e-6f,
       0}};
  return table;
}

// Defaults that are the optimizer's own stand in its row.
std::span<const Entry> optimizer_parameters() {
  static constexpr Entry table[] = {
      {.name = "lr", .about = "The learning rate.", .initial = "see the optimizer", .unit = "above 0"},
      {.name = "momentum",
       .about = "What is kept of the step before.",
       .initial = "see the optimizer",
       .unit = "from 0 to below 1"},
      {.name = "weight_decay",
       .about = "How much of a parameter is taken off a step.",
       .initial = "see the optimizer",
       .unit = "0 or more"},
      {.name = "nesterov", .about = "Nesterov's momentum.", .initial = "false"},
      {.name = "beta1", .about = "Decay of the mean of gradients.", .initial = "0.9", .unit = "from 0 to below 1"},
      {.name = "beta2",
       .about = "Decay of the mean of squared gradients.",
       .initial = "0.999",
       .unit = "from 0 to below 1"},
      {.name = "betas", .form = "betas = [0.9, 0.999]", .about = "Both, as PyTorch writes them."},
      {.name = "alpha",
       .about = "Decay of the mean of squared gradients.",
       .initial = "0.99",
       .unit = "from 0 to below 1"},
      {.name = "eps", .about = "What is added below the fraction.", .initial = "see the optimizer", .unit = "above 0"},
      {.name = "lazy", .about = "The setting `lazy` of `train`.", .initial = "false"}};
  return table;
}

std::span<const ScheduleRow> schedules() {
  using Kind = training::ScheduleConfig::Kind;
  static constexpr ScheduleRow table[] = {
      {{.name = "constant", .about = "1.", .place = "train", .example = "schedule = constant"}, Kind::constant},
      {{.name = "warmup_linear",
        .form = "warmup_linear(warmup = 0, floor = 0)",
        .about = "Rises from 0 to 1 over the warm-up, then falls in a line to `floor`.",
        .unit = "warmup: a share of all updates (10%) or updates (500); floor: from 0 to 1",
        .place = "train",
        .example = "schedule = warmup_linear(warmup = 10%)"},
       Kind::warmup_linear},
      {{.name = "warmup_cosine",
        .form = "warmup_cosine(warmup = 0, floor = 0)",
        .about = "Rises from 0 to 1 over the warm-up, then falls along half a cosine to `floor`.",
        .unit = "warmup: a share of all updates (10%) or updates (500); floor: from 0 to 1",
        .place = "train",
        .example = "schedule = warmup_cosine(warmup = 500, floor = 0.1)"},
       Kind::warmup_cosine},
      {{.name = "inverse_sqrt",
        .form = "inverse_sqrt(warmup)",
        .about = "Rises to 1 over the warm-up w, then sqrt(w / update).",
        .unit = "warmup: a share of all updates (10%) or updates (500)",
        .place = "train",
        .example = "schedule = inverse_sqrt(4000)"},
       Kind::inverse_sqrt},
      {{.name = "inverse_time",
        .form = "inverse_time(rate, every = N)",
        .about = "1 / (1 + rate * n), where n counts epochs from 0, or every `every` updates.",
        .unit = "rate: 0 or more; every: updates",
        .place = "train",
        .example = "schedule = inverse_time(0.05)"},
       Kind::inverse_time},
      {{.name = "exponential",
        .form = "exponential(rate, every = N)",
        .about = "rate ** n, where n counts epochs from 0, or every `every` updates.",
        .unit = "rate: above 0 and at most 1; every: updates",
        .place = "train",
        .example = "schedule = exponential(0.75, every = 5000)"},
       Kind::exponential}};
  return table;
}

std::span<const MixRow> mixes() {
  static constexpr MixRow table[] = {
      {{.name = "joint",
        .about = "A step is a batch of each source. An epoch is one pass over the source with most batches; the others "
                 "start over.",
        .place = "train",
        .example = "mix = joint"},
       MixKind::joint},
      {{.name = "round_robin",
        .about = "A step is a batch of the next source. Epochs are as those of `joint`.",
        .place = "train",
        .example = "mix = round_robin"},
       MixKind::round_robin},
      {{.name = "proportional",
        .about = "A step is a batch of a source drawn by its number of examples. An epoch has as many steps as all "
                 "sources have batches.",
        .place = "train",
        .example = "mix = proportional"},
       MixKind::proportional},
      {{.name = "uniform",
        .about = "A step is a batch of a source drawn evenly.",
        .place = "train",
        .example = "mix = uniform"},
       MixKind::uniform},
      {{.name = "sqrt",
        .about = "A step is a batch of a source drawn by the root of its number of examples.",
        .place = "train",
        .example = "mix = sqrt"},
       MixKind::sqrt},
      {{.name = "temperature",
        .form = "temperature(t)",
        .about = "A step is a batch of a source drawn by its number of examples to the power of 1 / t.",
        .unit = "above 0",
        .place = "train",
        .example = "mix = temperature(2)"},
       MixKind::temperature},
      {{.name = "weighted",
        .form = "weighted(source = 3, other = 1)",
        .about = "A step is a batch of a source drawn by these weights.",
        .unit = "above 0",
        .place = "train",
        .example = "mix = weighted(news = 3)"},
       MixKind::weighted},
      {{.name = "in_turn",
        .about = "A step is a batch of the current source; an epoch goes through each source once, in the order of the "
                 "file.",
        .place = "train",
        .example = "mix = in_turn"},
       MixKind::in_turn}};
  return table;
}

std::span<const Entry> balancing_entries() {
  static constexpr Entry table[] = {
#define MTL_LATER(word, paper) \
  {.name = #word, .about = paper, .place = "model", .example = "balance = " #word "()", .supported = false}
      MTL_LATER(gradnorm, "Chen et al. 2018."), MTL_LATER(pcgrad, "Yu et al. 2020."),
      MTL_LATER(gradvac, "Wang et al. 2021."),  MTL_LATER(mgda, "Sener & Koltun 2018."),
      MTL_LATER(cagrad, "Liu et al. 2021."),    MTL_LATER(imtl, "Liu et al. 2021."),
      MTL_LATER(nash, "Navon et al. 2022."),    MTL_LATER(aligned, "Senushkin et al. 2023."),
      MTL_LATER(graddrop, "Chen et al. 2020."), MTL_LATER(fairgrad, "Ban & Ji 2024."),
      MTL_LATER(upgrad, "Quinton & Rey 2024.")
#undef MTL_LATER
  };
  return table;
}

std::span<const Entry> model_metric_entries() {
  static constexpr Entry table[] = {
      {.name = "all_correct",
       .form = "all_correct([task, task], per = T)",
       .about = "The share of examples that all of these tasks get right; with `per`, of positions. The tasks read one "
                "source.",
       .place = "model",
       .example = "metric both = all_correct([topic, yes])"},
      {.name = "mean",
       .form = "mean(task.metric, ...)",
       .about = "The mean of numbers of one scale: scores without a unit, errors of one column, or losses.",
       .place = "model",
       .example = "metric both = mean(topic.accuracy, yes.accuracy)"}};
  return table;
}

}  // namespace mtl::sema
