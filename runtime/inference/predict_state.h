// The inside of Predictor. Tasks are grouped by source; each group is one program, which reads what its own tasks read
// and no more.
#pragma once
#include "runtime/inference/predict.h"
#include "runtime/training/labels.h"
#include "runtime/training/outputs.h"

namespace mtl::training {

// The tasks of one source.
struct PredictGroup {
  const data::SourceSpec* source = nullptr;
  std::vector<size_t> tasks;
  std::vector<std::string> columns;  // what they read
  std::unique_ptr<engine::Engine> engine;
  // of the input at hand
  data::SkipBudget budget;
  std::unique_ptr<data::InputReader> reader;
  int64_t examples = 0, unknown = 0;  // answered; those of whose tokens none is known
  uint64_t first_unknown = 0;         // its line
  std::string first_unknown_text, first_unknown_tokens;
  struct Cut {
    int64_t positions = 0, of = 0;
    const char* from = "end";
  };
  std::map<std::string, Cut> cut;  // what `limit` cut, by dimension
};

struct Predictor::State {
  data::Spec spec;
  data::Fitted fitted;
  bool scores = false;
  std::unique_ptr<Session> session;
  std::vector<elaborate::TaskInfo> tasks;
  std::vector<PredictGroup> groups;
  // the input at hand
  InputOptions input_options;
  diag::Emitter* emitter = nullptr;

  // Whether the head's rows of a task are wanted.
  bool needs_head(size_t task) const { return scores || has_distribution(task) || has_class_scores(tasks[task]); }
  // The softmax of the head is an answer.
  bool has_distribution(size_t task) const { return tasks[task].softmax; }
  bool make_groups(diag::Emitter& emitter);
  Answer decode(size_t task, const Rows& said, const Rows& heads, int64_t begin, int64_t end) const;
  bool find_unreadable(PredictGroup& group, data::RawInput& input);
  void note_unknown(PredictGroup& group, const data::RawInput& input) const;
  void note_cut(PredictGroup& group, const data::Split& split) const;
  // False after reports.
  bool answer(PredictGroup& group, const data::RawInput& input, std::vector<Prediction>& out);
  void report(const PredictGroup& group) const;
};

}  // namespace mtl::training
