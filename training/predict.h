// Answers for new text: raw lines or files of a source's format to decoded predictions. Only what the asked-for tasks
// need is computed.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/diag/emitter.h"
#include "compiler/sema/check.h"
#include "data/load.h"
#include "model/model_file.h"
#include "training/compile.h"
#include "training/spans.h"

namespace mtl::training {

// What one task says about one example.
struct Answer {
  size_t task = 0;   // of Predictor::tasks()
  int64_t rows = 1;  // 1, or how many positions it is about
  std::vector<std::string>
      labels;  // label: one, or one per position; labels: the classes that hold; bool: "true" or "false"
  std::vector<double> probabilities;  // labels: by class; bool: one
  std::vector<double> numbers;        // f32, f32[K]: as the file has them, before standardize and its kin
  std::vector<Span> spans;            // label[T] with BIO or IOBES tags
  std::optional<std::vector<std::vector<float>>> scores;  // with --scores: the head's rows, one or one per position
};
struct Prediction {
  std::vector<Answer> answers;  // by task
};

// Those of `asked` that are among `names`; the others are reported.
std::set<std::string> known_tasks(const std::vector<std::string>& asked, const std::vector<std::string>& names,
                                  diag::Emitter& emitter);

struct PredictOptions {
  std::vector<std::string> tasks;  // empty: all
  bool scores = false;
  std::string object_cache;
};

class Predictor {
 public:
  // `file` is the checked source of the model. nullptr after reports.
  static std::unique_ptr<Predictor> open(const sema::CheckedFile& file, const model::ModelFile& model,
                                         const PredictOptions& options, diag::Emitter& emitter);
  ~Predictor();
  Predictor(const Predictor&) = delete;
  Predictor& operator=(const Predictor&) = delete;

  const std::vector<elaborate::TaskInfo>& tasks() const;  // asked for, in file order
  // The names of a task's classes; nullptr: it has none.
  const data::IdSet* classes(size_t task) const;

  // Whether a blank line has an answer: what the tasks read may be empty. Otherwise blank lines are skipped.
  bool takes_blank_lines() const;
  // Predictions of every example of `text`, in order. With tasks on several sources the text must be plain lines, which
  // are read by each source in turn. `raw`, if given, gets the examples that were read. nullopt after reports.
  std::optional<std::vector<Prediction>> predict(data::RawFormat format, std::string_view text, std::string_view path,
                                                 diag::Emitter& emitter, std::vector<data::RawExample>* raw = nullptr);

 private:
  struct State;
  explicit Predictor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// {"intent": "PlayMusic", "slots": ["O", ...], "slots.spans": [{"begin": 1, "end": 3, "label": "artist"}], ...}: an
// object on one line. Numbers are numbers; `labels` and `bool` come with "TASK.probability"; scores as "TASK.scores".
std::string to_json(const Prediction& prediction, const Predictor& predictor);

}  // namespace mtl::training
