// See word_tables.h.
#include "compiler/sema/word_tables.h"

namespace mtl::sema {

std::span<const Entry> declaration_entries() {
  static constexpr Entry table[] = {
      {.name = "use",
       .form = "use std.text, use \"layers.mtl\"",
       .about = "Opens a file of the library, or one beside this file: its names are known here.",
       .place = "declaration",
       .example = "use std.sequence"},
      {.name = "const",
       .form = "const name = value",
       .about = "A static value. `--set name=value` overrides it.",
       .place = "declaration",
       .example = "const width = 64"},
      {.name = "vocab",
       .form = "vocab name { ... }",
       .about = "A vocabulary: how words become ids.",
       .place = "declaration",
       .example = "vocab words { lowercase = true }"},
      {.name = "data",
       .form = "data name { ... }",
       .about = "A source of examples: files, and columns with their types.",
       .place = "declaration",
       .example = "data a { format = csv, train = \"a.csv\", y : f32 = column(\"y\") }"},
      {.name = "module",
       .form = "module name(static)(inputs) -> type { ... }",
       .about = "A layer with parameters. Both lists are written.",
       .place = "declaration",
       .example =
           "module twice(width: int)(x: f32[D]) -> f32[width] {\n  layer a = linear(width)\n  return 2 * a(x)\n}"},
      {.name = "function",
       .form = "function name(inputs) -> type { ... }",
       .about = "A formula. It owns no parameters and is expanded where it is called.",
       .place = "declaration",
       .example = "function twice(x: f32[...], factor: float = 2.0) -> f32[...] { return factor * x }"},
      {.name = "criterion",
       .form = "criterion name(static)(scores, target) { ... }",
       .about = "A loss, and what is predicted.",
       .place = "declaration",
       .example =
           "criterion cube()(scores: f32[...], target: f32[...]) { loss = abs(scores - target)**3, predict = scores }"},
      {.name = "model",
       .form = "model name { ... }",
       .about = "Layers, tasks, and how to train them.",
       .place = "program",
       .example = "data homes { format = csv, train = \"homes.csv\", x : f32[2] = columns(\"a\", \"b\"), y : f32 = "
                  "column(\"y\") }\n"
                  "model m { task y predicts homes.y { head = homes.x |> linear(1) } }"},
      {.name = "task",
       .form = "task name predicts source.column when source.flag { ... }",
       .about = "In a model: predicts a column. `when` keeps the examples where a `bool` column is true.",
       .place = "model",
       .example = "task extra predicts news.topic when news.good { head = r |> linear(|target|) }"},
      {.name = "metric",
       .form = "metric name = all_correct([a, b])",
       .about = "In a model: a number over several tasks.",
       .place = "model",
       .example = "metric both = all_correct([topic, yes])"},
      {.name = "train",
       .form = "train { ... }",
       .about = "In a model: how it is trained; once.",
       .place = "train",
       .example = "epochs = 20"},
      {.name = "group",
       .form = "group path { lr = ... }",
       .about =
           "In `train`: settings of the parameters below a path. `*` stands for a part of a path, `**` for several.",
       .place = "train",
       .example = "group encoder.** { lr = 2e-5 }"},
      {.name = "freeze",
       .form = "freeze path except path until epoch 2",
       .about = "In a model: keeps the parameters below a path as they are. `except` leaves some out; `until epoch n` "
                "or `until "
                "step n` ends it.",
       .place = "model",
       .example = "freeze encoder except **.bias"}};
  return table;
}

std::span<const Entry> statement_entries() {
  static constexpr Entry table[] = {
      {.name = "let",
       .form = "let name = value, let name : type = value",
       .about = "Names a value; a type is checked.",
       .place = "model",
       .example = "let twice = 2 * r"},
      {.name = "var",
       .form = "var name = value",
       .about = "A name whose value, and its shape, later statements `name = value` replace.",
       .place = "declaration",
       .example = "module deep()(x: f32[D]) -> f32[D] {\n  var y = x\n  for i in 0..3 { y = tanh(y) }\n  return y\n}"},
      {.name = "layer",
       .form = "layer name = description",
       .about = "A layer; a copy for each copy of what encloses it.",
       .place = "declaration",
       .example = "module one()(x: f32[D]) -> f32[D] {\n  layer a = linear(D)\n  return a(x)\n}"},
      {.name = "shared",
       .form = "shared name = description, shared param ..., shared state ...",
       .about = "One copy for all tasks, also inside of something private.",
       .place = "model",
       .example = "shared bottom = mlp([16])"},
      {.name = "private",
       .form = "private name = description, private param ..., private state ...",
       .about = "One copy for each task that reaches it, also inside of something shared.",
       .place = "model",
       .example = "private tower = mlp([16])\n  task more predicts news.topic { head = tower(r) |> linear(|target|) "
                  "}\n  task same predicts news.good { head = tower(r) |> linear(1) }"},
      {.name = "param",
       .form = "param name : f32[...] = initializer()",
       .about = "A parameter, which is trained.",
       .place = "declaration",
       .example = "module scaled()(x: f32[D]) -> f32[D] {\n  param weight : f32[D] = ones()\n  return weight * x\n}"},
      {.name = "state",
       .form = "state name : f32[...] = initializer()",
       .about = "Numbers that are not trained; `update` sets them.",
       .place = "declaration",
       .example = "module centred()(x: f32[D]) -> f32[D] {\n  state mean : f32[D] = zeros()\n  update mean = 0.9 * "
                  "mean + 0.1 * x\n  return x - mean\n}"},
      {.name = "update",
       .form = "update name = value",
       .about = "Sets a state after each training step that ran the module; of several calls their mean.",
       .place = "declaration",
       .example = "module counted()(x: f32[D]) -> f32[D] {\n  state steps : f32 = zeros()\n  update steps = steps + "
                  "1\n  return x\n}"},
      {.name = "for",
       .form = "for name in list { ... }",
       .about = "Unrolled: the list is known before anything runs.",
       .place = "declaration",
       .example = "module thrice()(x: f32[D]) -> f32[D] {\n  var y = x\n  for i in 0..3 { y = 2 * y }\n  return y\n}"},
      {.name = "if",
       .form = "if condition { ... } else { ... }",
       .about = "One branch is compiled: the condition is known before anything runs. As an expression: `if c { a } "
                "else { b }`.",
       .place = "value",
       .example = "(if training { h } else { 2 * h })"},
      {.name = "require",
       .form = "require condition",
       .about = "Ends compilation where the condition is false, with both numbers.",
       .place = "model",
       .example = "require parameters(model) <= 2M"},
      {.name = "return",
       .form = "return value, return (name = value, ...)",
       .about = "Ends the body with its result.",
       .place = "declaration",
       .example = "module both()(x: f32[D]) -> (up: f32[D], down: f32[D]) { return (up = 2 * x, down = -x) }"},
      {.name = "balance",
       .form = "balance = name()",
       .about = "In a model: how the losses of tasks become one objective.",
       .place = "model",
       .example = "balance = uncertainty()"}};
  return table;
}

std::span<const Entry> name_entries() {
  static constexpr Entry table[] = {
      {.name = "training",
       .about = "True while training, false otherwise; a static condition.",
       .place = "value",
       .example = "where(training, h, 0.5 * h)"},
      {.name = "progress",
       .about = "From 0 at the first step of training to 1 at the last; 1 outside of training. A tensor, so no "
                "condition of `if`.",
       .place = "value",
       .example = "progress * h"},
      {.name = "target",
       .about = "In a loss: the target of the task. `|target|` is the width of its head.",
       .place = "model",
       .example = "task extra predicts news.score { head = r |> linear(|target|), loss = abs(head - target) }"},
      {.name = "answer",
       .form = "task.answer",
       .about = "Of another task of the same source: its target while training, otherwise its prediction. No gradient "
                "flows through it.",
       .place = "model",
       .example =
           "task extra predicts news.score { head = concat(r, one_hot(topic.answer, |news.topic|)) |> linear(1) }"},
      {.name = "tasks",
       .about = "`|tasks|`: how many tasks reach this place.",
       .place = "value",
       .example = "full(1.0, [|tasks|])"},
      {.name = "index",
       .form = "task.index",
       .about = "The place of the task at hand among the tasks that reach this place: an id below `|tasks|`.",
       .place = "model",
       .example = "task extra predicts news.score { head = concat(r, one_hot(task.index, |tasks|)) |> linear(1) }"}};
  return table;
}

}  // namespace mtl::sema
