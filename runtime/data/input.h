// What `mtlc predict` reads: text to encoded examples, part by part, so that memory does not grow with the input. Label
// columns may be absent.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/core/text_range.h"
#include "runtime/data/dataset.h"
#include "runtime/data/file.h"
#include "runtime/data/plan.h"
#include "support/diag/emitter.h"

namespace mtl::data {

// What stands at the positions of a dimension, as the first column that has it and is no label says.
struct Tokens {
  std::vector<std::string> texts;  // of an outermost dimension with those that `limit` cut
  // Where each text begins and ends in `raw`, the text that they were cut from: a raw line, a table's cell or a JSON
  // string. Empty: the file has them apart.
  std::vector<runtime::TextRange> places;
  std::string raw;
};

// A line, row, sentence or object of the input. One that is no example has no row: a blank line, or what is `bad`.
struct RawExample {
  uint64_t line = 0;  // where it begins, from 1
  int64_t row = -1;   // in the split
  bool bad = false;
  // lines: the line. CoNLL, with `keeps_text`: all that stands behind the sentence before, and its own lines; where in
  // it the line of each token begins.
  std::string text;
  std::vector<size_t> token_starts;
  std::map<std::string, Tokens> tokens;  // by dimension, with `keeps_tokens`
  std::string token_dim;                 // CoNLL: the dimension of its lines
  std::vector<std::string> kept;         // by InputSettings::keep, as JSON
};

// Text is raw lines (a source with exactly one text or token column: a line is its text, split by that column's own
// transforms, or, for CoNLL, by `words` or characters), or the source's format. To `all_lines` blank ones are examples,
// too, with empty sequences.
enum class RawFormat : uint8_t { lines, all_lines, source };

struct InputSettings {
  std::vector<std::string> columns;  // those that the asked-for tasks read; others are left out of the split
  RawFormat format = RawFormat::lines;
  std::string path;               // for messages
  std::vector<std::string> keep;  // columns, comments or JSON keys of the file
  bool keeps_text = false, keeps_tokens = false;
  bool may_be_empty = false;  // a text without examples is no error
};

// A part of the input.
struct RawInput {
  Split split;
  std::vector<RawExample> examples;  // in the order of the file
  std::string rest;                  // with `keeps_text`, CoNLL: what stands behind the last of them
  size_t taken = 0;                  // bytes of the text; what is behind them belongs in front of the next part
  std::string separator;             // CoNLL: of its cells; spaces are runs of them
};

class InputReader {
 public:
  // nullptr after reports. All that it is given has to outlive it. Bad rows are skipped as `budget` allows.
  static std::unique_ptr<InputReader> open(const SourceSpec& source, const Fitted& fitted,
                                           const InputSettings& settings, SkipBudget& budget, diag::Emitter& emitter);
  ~InputReader();
  InputReader(const InputReader&) = delete;
  InputReader& operator=(const InputReader&) = delete;

  // Reads the examples that are whole in `text`; all of it if it is the last part. nullopt after reports.
  std::optional<RawInput> read(std::string_view text, bool last);
  // Behind the last part: names that `keep` asks for and no record has.
  std::vector<std::string> never_kept() const;

 private:
  struct State;
  class Part;
  explicit InputReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// All of a text at once.
std::optional<RawInput> encode_text(const SourceSpec& source, const Fitted& fitted,
                                    const std::vector<std::string>& columns, RawFormat format, std::string_view text,
                                    const std::string& path, diag::Emitter& emitter);

// Whether the tokens of a CoNLL source are characters, as those of Chinese often are: nearly all that its vocabulary
// has from train are. Then a raw line is cut into characters, not into `words`.
bool has_character_tokens(const SourcePlan& plan, const Fitted& fitted);
// Whether `all_lines` will do: all that these columns hold, but labels, may be empty.
bool takes_blank_lines(const SourceSpec& source, const std::vector<std::string>& columns);

}  // namespace mtl::data
