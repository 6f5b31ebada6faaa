// Answers as CoNLL. Of CoNLL input the input itself: predicted columns in place of those that the file has, or behind
// them; comments, ranges `1-2` and empty nodes `2.1` stay. Of other input a line for each token, with what was read.
#pragma once
#include <string>

#include "runtime/inference/predict.h"

namespace mtl::driver {

class ConllOutput {
 public:
  // `append`: gold stays, and predictions stand behind it.
  ConllOutput(const training::Predictor& predictor, const training::InputOptions& options, bool append);
  // Whether it can be written: its lines are the positions of one dimension. False after a report.
  bool check(diag::Emitter& emitter) const;
  std::string text(const training::Answers& answers);

 private:
  // Where a task's answers go.
  struct Place {
    std::string name;           // of the comment, or in MISC
    std::string between = "|";  // the values of a comment
    int column = -1;            // of token lines; -1: a comment
    bool misc = false;          // CoNLL-U: name=value in the last column
    bool behind = false;        // a further column
  };
  struct Sentence;
  Place place_of(size_t task) const;
  void rewrite(const training::Prediction& prediction, const data::RawExample& example, std::string& out);
  void add_token_line(const Sentence& sentence, std::string_view line, size_t token, std::string& out) const;
  void add_comment(Sentence& sentence, std::string_view line, std::string& out) const;
  void add_comments(const Sentence& sentence, std::string& out);
  void write_tokens(const training::Prediction& prediction, const data::RawExample& example, std::string& out) const;

  const training::Predictor& predictor_;
  const training::InputOptions& options_;
  bool append_;
  bool rewrites_ = false, universal_ = false;
  bool first_ = true;  // sentence
  std::string separator_;
  std::vector<Place> places_;  // by task
};

}  // namespace mtl::driver
