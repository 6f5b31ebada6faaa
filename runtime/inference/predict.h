// Answers for new text: raw lines or files of a source's format to decoded predictions. Only what the asked-for tasks
// need is computed.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/sema/check.h"
#include "runtime/data/input.h"
#include "runtime/model/model_file.h"
#include "runtime/training/compile.h"
#include "runtime/training/spans.h"
#include "support/diag/emitter.h"

namespace mtl::training {

// What one task says about one example.
struct Answer {
  size_t task = 0;      // of Predictor::tasks()
  int64_t rows = 1;     // 1, or how many positions it is about
  int64_t skipped = 0;  // positions in front of them that `limit(..., keep = last)` cut
  std::vector<std::string>
      labels;  // label: one, or one per position; labels: the classes that hold; bool, bool[K]: "true" or "false"
  // label, label[T] (where they are the argmax of the head), labels: by class, row by row; bool, bool[K]: of each
  // truth value
  std::vector<double> probabilities;
  std::vector<double> numbers;  // f32, f32[K]: as the file has them, before standardize and its kin
  std::vector<Span> spans;      // label[T] with BIO or IOBES tags; cut positions count in their places
  std::optional<std::vector<std::vector<float>>> scores;  // with --scores: the head's rows, one or one per position
  std::optional<data::Tokens> tokens;                     // per position: what stands there
  bool absent = false;                                    // the example is bad: there is no answer
};
struct Prediction {
  std::vector<Answer> answers;  // by task; none of a blank line
};

// What `predict` reads. With tasks on several sources it has to be plain lines, which each source reads in turn.
struct InputOptions {
  bool lines = false;  // texts; else the source's format
  std::string path;    // for messages
  std::vector<std::string> keep;
  int64_t skip_bad_rows = 0;
  bool keeps_text = false;   // RawExample::text of CoNLL
  bool interactive = false;  // an answer for each line typed: bad rows are reported one by one, and none ends it
};

// A part of the input, with what the model says of each of its examples.
struct Answers {
  std::vector<Prediction> predictions;
  data::RawInput input;  // of the first task's source
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
  // What it reads, and the column that it predicts (nullptr: a task without `predicts`).
  const data::SourceSpec& source(size_t task) const;
  const data::ColumnSpec* target(size_t task) const;
  // The names of a task's classes; nullptr: it has none.
  const data::IdSet* classes(size_t task) const;

  // Whether a blank line has an answer: what the tasks read may be empty. Otherwise blank lines are skipped.
  bool takes_blank_lines() const;
  // Begins an input. False after reports.
  bool begin(const InputOptions& options, diag::Emitter& emitter);
  // Answers the examples that are whole in `text`, and says how many bytes they take (Answers::input.taken); what is
  // behind them belongs in front of the next text. nullopt after reports.
  std::optional<Answers> next(std::string_view text, bool last);
  // Behind the last text: reports what was skipped, cut, unknown.
  void finish();

 private:
  struct State;
  explicit Predictor(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// {"id": 7, "intent": "PlayMusic", "slots": ["O", ...], "slots.spans": [...], ...}: an object on one line, `text` first
// if that is a raw line; see README.md.
std::string to_json(const Prediction& prediction, const data::RawExample& example, const InputOptions& options,
                    const Predictor& predictor);

}  // namespace mtl::training
