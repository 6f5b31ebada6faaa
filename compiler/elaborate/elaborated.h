// What elaboration makes of a checked file: the graph of a model with everything instantiated, and the facts about
// its parameters and tasks that training, prediction and the model file need.
#pragma once
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"
#include "support/settings/data_spec.h"
#include "support/settings/train_config.h"

namespace mtl::syntax {
struct Decl;
}

namespace mtl::elaborate {

struct Init {
  enum class Kind : uint8_t {
    zeros,
    ones,
    constant,
    normal,
    uniform,
    glorot_uniform,
    he_normal,
    orthogonal,
    positive_share,  // by class: how much of train's labels hold
    class_weights,   // by class: as `named` says; if that is empty, n / (classes * rows of the class) of train's labels
    tag_transitions,
    tag_starts,
    tag_ends,    // 0, or kForbidden where the scheme of the tags forbids it: [from, to], [first], [last]
    one_hot_mix  // along the last dimension: `a` for the places of task number `b` of `tasks`, the rest evenly
  } kind = Kind::zeros;
  double a = 0, b = 0;                                // constant: a; normal: mean a, deviation b; uniform: a to b
  std::string from;                                   // the column: "snips.slots"
  std::string vectors;                                // the vocabulary whose `embeddings` come before all this
  training::TagScheme scheme{};                       // of tags
  static constexpr float kForbidden = -1e4f;          // beside scores of a conditional random field
  std::vector<std::pair<std::string, double>> named;  // class_weights: of these classes, and 1 of the others
  std::vector<std::string> tasks;                     // one_hot_mix
  std::string when, dim;  // of labels that are counted: TaskInfo::when, TaskInfo::target_dim
};

// Numbers from `begin` on along an axis of a parameter are of the ids of a set, "vocab en", "column ads.user": `each`
// numbers of each.
struct IdAxis {
  std::string set;
  int axis = 0;
  int64_t begin = 0, each = 1;
  bool operator==(const IdAxis&) const = default;
};

struct ParamInfo {
  std::string path;              // "encoder.bilstm.weight_ih_l0", "bottom.gate@intent.weight"
  std::vector<types::Dim> dims;  // PyTorch's layout
  Init init;
  std::vector<IdAxis> ids;         // what of it is of single ids
  bool trained = true;             // false: a state
  std::vector<std::string> tasks;  // whose graph reads it, in file order
  SourceRange range;
};

// What a task asks of the lengths of its sequences: in every row of `parent`, `rest` is at least 0. Its atoms are
// ragged dimensions of that space ("T - 3" for x[2]).
struct LengthRule {
  std::string parent;  // "atis", "atis.T"
  types::Dim rest;
  SourceRange range;
  bool operator==(const LengthRule&) const = default;
};

struct TaskInfo {
  std::string name;
  std::string source;  // "atis"
  std::string target;  // "intent"; empty: a task without `predicts`
  training::TargetKind kind = training::TargetKind::label;
  bool per_position = false;  // label[T]
  std::string target_dim;     // "T"
  std::string when;           // `predicts ali.buy when ali.click`: "click"; empty: every example counts
  types::Dim classes;         // |target|
  std::vector<training::Metric> metrics;
  std::string group;  // Metric::gauc: the column of its source that says in which group an example is
  bool span_f1_if_tagged =
      false;  // it names no metrics: span F1 too, should its labels turn out to be BIO or IOBES tags
  bool softmax =
      false;  // label: the prediction is the argmax of the head, so its softmax says how likely each class is
  bool has_loss = true;
  std::optional<SourceRange> weight;  // of its rows, that are not the same always: the output "weight.TASK"
  double low = -std::numeric_limits<double>::infinity(),
         high = -low;              // of a number that it predicts, as far as its ops bound it
  bool own_loss = false;           // the task says which, or weighs its rows: it has no scale that is known
  bool loss_of_sequences = false;  // one number for each example, though the target is per position
  // Columns of its source that head and predict read (what `mtlc predict` needs).
  std::vector<std::string> inputs;
  std::vector<LengthRule> lengths;
  SourceRange range;
};

// Graph outputs, by name: "head.TASK" (scores), "predict.TASK" (ids, probabilities or numbers; see below),
// "loss.TASK" (uniform scalar: the mean loss, without weights), "count.TASK" (uniform scalar: how many rows that is the
// mean of), "objective" (only of the tasks in `objective_tasks`: sum of the weighted and balanced losses plus the
// balancer's own penalty).
// "balance.TASK" (of these, where the model has a balancer: what it multiplies the weighted loss by), "weighted.TASK"
// (where ElaboratedModel::reads_after: that loss).
// "weight.TASK" (rows of the loss: how much each counts, 1 where it does not).
// "monitor.NAME" (training only): uniform scalars that are shown.
// "update PATH" (training only): the next value of a state, set after the step.
// predict: label: i32 class; labels, boolean: f32 probability (decided at 0.5); number: f32 as in the batch
// (standardized if its column is).
struct ElaboratedModel {
  std::string name;
  ir::Graph graph;
  std::vector<ParamInfo> params;
  std::vector<TaskInfo> tasks;
  std::vector<training::ModelMetric> metrics;
  bool balanced = false;  // it has a `balance`
  // An update of its balancer reads the losses that the batch has after the step. All of its updates are then in the
  // graph that is made with ElaborateOptions::after, which takes the losses before from scalars "before.TASK".
  bool reads_after = false;
  std::set<const syntax::Decl*> applied;  // modules, functions and criteria that tasks reach
};

// The rest of a checked file.
struct Program {
  std::string model_name;
  data::Spec data;  // sources and vocabularies that the model's tasks reach
  training::TrainConfig train;
};

}  // namespace mtl::elaborate
