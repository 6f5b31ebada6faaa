// Predictions on labelled data to scores: all tasks, whole splits.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/data/batch.h"
#include "runtime/data/load.h"
#include "runtime/model/model_file.h"
#include "runtime/training/compile.h"
#include "runtime/training/report.h"
#include "support/diag/emitter.h"

namespace mtl::training {

struct SplitOf {
  std::string source;
  const data::Split* split = nullptr;
};

// Compiles the program of a source when it is first evaluated, and keeps it. Uses the session's weights as they are.
class Evaluator {
 public:
  // All must outlive the evaluator.
  Evaluator(Session& session, const data::Spec& spec, const data::Fitted& fitted);
  ~Evaluator();
  Evaluator(const Evaluator&) = delete;
  Evaluator& operator=(const Evaluator&) = delete;
  // Splits must stay where they are: batches over them are kept. Tasks without any label in their split are left out.
  Scores evaluate(const std::vector<SplitOf>& splits);
  // The metrics of answers that are all right: what is undefined for these is undefined for any.
  Scores of_right_answers(const std::vector<SplitOf>& splits);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Says of each metric that is undefined on `split` why that is, unless `said` has it.
void warn_undefined(const Scores& scores, const std::string& split, std::set<std::string>& said,
                    diag::Emitter& emitter);

// `mtlc eval`: a model file on a split ("train", "dev", "test") of its sources, read from `load.data_dir`. nullopt
// after reports.
struct EvaluateOptions {
  std::string split = "test";
  data::LoadOptions load;
  std::string object_cache;
};
std::optional<Scores> evaluate_model(const sema::CheckedFile& file, const model::ModelFile& model,
                                     const EvaluateOptions& options, diag::Emitter& emitter);

}  // namespace mtl::training
