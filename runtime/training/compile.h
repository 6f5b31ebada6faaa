// From a checked file to engines that run.
//
// A Session holds one set of weights and makes engines over them: one for each set of sources that a training step can
// have, one to evaluate each source, one to predict what is asked for. Nothing above this file knows graphs.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/pipeline/compile.h"
#include "runtime/data/dataset.h"
#include "runtime/engine/engine.h"
#include "runtime/model/weights.h"
#include "runtime/training/optimize.h"

namespace mtl::training {

// The door to elaboration: fills in what the data decides. Tests put hand-built graphs behind it.
using Elaborator = std::function<std::optional<elaborate::ElaboratedModel>(const elaborate::ElaborateOptions& options)>;
// Reports go to `emitter`; all arguments must outlive the result.
Elaborator make_elaborator(const sema::CheckedFile& file, const data::Spec& spec, const data::Fitted& fitted,
                           diag::Emitter& emitter);
// The same, where the data itself is at hand.
Elaborator make_elaborator(const sema::CheckedFile& file, const data::Spec& spec, const data::Dataset& dataset,
                           diag::Emitter& emitter);

struct SessionOptions {
  std::string object_cache;                             // compiled loops, by content; empty: none
  bool rows = true;                                     // gradients of tables as rows
  std::function<bool(const std::string& path)> frozen;  // parameters that need no gradient; null: none
  bool bf16 = false;  // training programs: products with weights read rounded operands
};

// A program that trains on batches of some sources, and the parameters that it reaches.
struct TrainingProgram {
  std::unique_ptr<engine::Engine> engine;
  Reach reach;
  std::vector<std::string> tasks;     // whose losses it has, in file order
  std::vector<std::string> updates;   // states with an output "update PATH"
  std::vector<std::string> monitors;  // names of outputs "monitor.NAME"
  bool balanced = false;              // it has outputs "balance.TASK"
  // Where the balancer's updates read the losses behind the step: the outputs "update PATH" of these states, of scalars
  // "before.TASK" that are the outputs "weighted.TASK" of the step. Null elsewhere.
  std::unique_ptr<engine::Engine> after;
  std::vector<std::string> after_updates;
};

class Session {
 public:
  // With everything: to train and to evaluate. nullptr after reports.
  static std::unique_ptr<Session> open(Elaborator elaborator, const SessionOptions& options);
  // These tasks only (empty: all), without targets: to predict.
  static std::unique_ptr<Session> open_for_prediction(Elaborator elaborator, std::set<std::string> tasks,
                                                      const SessionOptions& options);

  const elaborate::ElaboratedModel& model() const { return model_; }  // as evaluated; its graph has all outputs
  const elaborate::TaskInfo* task(const std::string& name) const;
  // Sources that a task reads, in file order of their tasks; with `trained`, a task that has a loss.
  std::vector<std::string> sources(bool trained) const;
  const std::vector<elaborate::ParamInfo>& params() const { return params_; }
  model::Weights& weights() { return *weights_; }
  float* gradients();  // made when first asked for

  // nullopt after reports.
  std::optional<TrainingProgram> training(const std::set<std::string>& sources);
  // Outputs "predict.TASK", "loss.TASK" and "count.TASK" of the tasks of a source, and "head.TASK" where a metric needs
  // it.
  std::unique_ptr<engine::Engine> evaluation(const std::string& source);
  // Outputs "predict.TASK" of `tasks`, and "head.TASK" of `heads`.
  std::unique_ptr<engine::Engine> prediction(const std::vector<std::string>& tasks,
                                             const std::vector<std::string>& heads);
  // The output "weight.TASK" of a task that has a TaskInfo::weight. nullptr after reports.
  std::unique_ptr<engine::Engine> row_weights(const std::string& task);

 private:
  Session(Elaborator elaborator, const SessionOptions& options)
      : elaborator_(std::move(elaborator)), options_(options) {}
  void make_weights();
  std::unique_ptr<engine::Engine> compile(const ir::Graph& graph, pipeline::Request request);

  Elaborator elaborator_;
  SessionOptions options_;
  elaborate::ElaboratedModel model_;
  std::vector<elaborate::ParamInfo> params_;
  std::unique_ptr<model::Weights> weights_;
  std::unique_ptr<float[], void (*)(void*)> gradients_{nullptr, nullptr};
};

// The number of scalars of a program, all but "progress" 0.
std::vector<float> scalars_with_progress(const engine::Engine& engine, double progress);

}  // namespace mtl::training
