// Reads files of word vectors, line by line, in bounded memory.
#include "runtime/data/vectors.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "runtime/data/interner.h"
#include "runtime/data/text.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

std::string_view strip_end(std::string_view line) {
  while (!line.empty() && (line.back() == ' ' || line.back() == '\t')) line.remove_suffix(1);
  return line;
}

size_t count_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  split_at(line, " ", fields);
  return fields.size();
}

// Also one that is not finite: its line has the width of the others.
bool is_number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return end == text.data() + text.size() && error != std::errc::invalid_argument;
}

// The next line that is not blank, and, in front of all others, not "400000 300": how many words and numbers there are.
// `lines`: Lines or LineStream.
template <class AllLines>
bool next_line(AllLines& lines, std::string_view& line) {
  const auto is_header = [](std::string_view text) {
    std::vector<std::string_view> fields;
    split_at(text, " ", fields);
    const auto is_count = [](std::string_view field) {
      return !field.empty() && field.find_first_not_of("0123456789") == std::string_view::npos;
    };
    return fields.size() == 2 && is_count(fields[0]) && is_count(fields[1]);
  };
  while (lines.next(line)) {
    line = strip_end(line);
    if (!line.empty() && (lines.number() != 1 || !is_header(line))) return true;
  }
  return false;
}

// The first line says how many numbers there are: the longest run of numbers at its end.
int64_t count_numbers(std::string_view line) {
  std::vector<std::string_view> fields;
  split_at(line, " ", fields);
  size_t numbers = 0;
  while (numbers + 1 < fields.size() && is_number(fields[fields.size() - 1 - numbers])) ++numbers;
  return static_cast<int64_t>(numbers);
}

class VectorReader {
 public:
  VectorReader(IdSet& words, size_t most, Fitted::Vectors& out)
      : words_(words), of_train_(words.size()), most_(most), out_(out) {
    exact_.resize(words.size());
    for (size_t id = 1; !words.lowercase && id < words.size(); ++id)
      if (has_capitals(words.names[id])) folds_.add(key_);
    other_case_.resize(folds_.size());
  }

  template <class AllLines>
  void run(AllLines& lines) {
    std::string_view line;
    while (next_line(lines, line)) {
      if (width_ == 0) set_width(count_numbers(line));
      if (width_ == 0 || !take(line)) note_bad(lines.number(), line);
    }
    VectorCoverage& coverage = out_.coverage;
    coverage.words = static_cast<int64_t>(of_train_) - 1;
    coverage.more = static_cast<int64_t>(words_.size() - of_train_);
    for (size_t id = 1; id < of_train_ && id < out_.row_of.size(); ++id) {
      const bool found = out_.row_of[id] >= 0;
      coverage.found += found;
      coverage.folded += found && !exact_[id];
      coverage.would_fold +=
          !found && !words_.lowercase && has_capitals(words_.names[id]) && other_case_[*folds_.find(key_)];
    }
  }

  uint64_t bad = 0, first_bad = 0, good = 0, known = 0;
  std::string first_bad_text;

 private:
  void set_width(int64_t numbers) {
    width_ = numbers;
    out_.width = width_;
    out_.row_of.assign(words_.size(), -1);
  }

  void note_bad(uint64_t number, std::string_view line) {
    if (bad++ > 0) return;
    first_bad = number;
    first_bad_text = excerpt(line, 80);
  }

  // Where the word ends: before the last `width_` fields (words of some files hold blanks).
  size_t word_end(std::string_view line) const {
    size_t end = line.size();
    for (int64_t i = 0; i < width_; ++i) {
      end = line.find_last_of(" \t", end == 0 ? 0 : end - 1);
      if (end == std::string_view::npos || end == 0) return 0;
      while (end > 0 && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
    }
    return end;
  }

  bool take(std::string_view line) {
    const size_t first_blank = line.find_first_of(" \t");
    if (first_blank == std::string_view::npos || first_blank == 0) return false;
    std::string_view word = line.substr(0, first_blank);
    if (!runtime::is_plain_utf8(word) || has_more_numbers(line)) return false;
    note_case(word);
    const auto id = id_of(word);
    if (!id && words_.size() < most_ && has_width(line)) return take_more(word, line.substr(first_blank));
    const size_t end = id ? word_end(line) : first_blank;  // lines of other words are looked at no closer
    if (end == 0) return false;
    if (!id) return count_other(line);
    if (end != first_blank) return count_fields(line) > static_cast<size_t>(width_);  // ". . . 0.1 0.2": another word
    const bool exact = words_.names[static_cast<size_t>(*id)] == word;
    const auto row = static_cast<size_t>(*id);
    int32_t& place = out_.row_of[row];
    if (place >= 0 && (exact_[row] || !exact)) return true;
    if (!read_numbers(line.substr(end), place)) return false;
    known += place < 0 ? 1 : 0;
    if (place < 0) place = rows() - 1;
    exact_[row] = exact;
    ++good;
    return true;
  }

  bool count_other(std::string_view line) {
    const auto blanks =
        static_cast<int64_t>(std::count(line.begin(), line.end(), ' ') + std::count(line.begin(), line.end(), '\t'));
    if (blanks < width_) return false;
    ++good;
    return true;
  }

  // Of a word that holds blanks, ". . . 0.1 0.2", some of what is too much is no number.
  bool has_more_numbers(std::string_view line) const {
    if (static_cast<int64_t>(std::count_if(line.begin(), line.end(), is_blank)) <= width_) return false;
    std::vector<std::string_view> fields;
    split_at(line, " ", fields);
    if (std::ssize(fields) <= width_ + 1) return false;
    return std::all_of(fields.begin() + 1, fields.end() - width_, is_number);
  }
  static bool is_blank(char c) { return c == ' ' || c == '\t'; }
  int32_t rows() const { return static_cast<int32_t>(std::ssize(out_.values) / width_); }

  bool has_width(std::string_view line) const { return count_fields(line) == static_cast<size_t>(width_) + 1; }

  // A word of the file alone: train does not have it, later input may.
  bool take_more(std::string_view word, std::string_view numbers) {
    if (!read_numbers(numbers, -1)) return false;
    words_.add(words_.lowercase ? lower_text(word) : std::string(word));
    exact_.push_back(words_.names.back() == word);
    out_.row_of.push_back(rows() - 1);
    ++good;
    return true;
  }

  // Words that train has in another case than the file.
  void note_case(std::string_view word) {
    if (const auto found = folds_.find(word)) other_case_[*found] = true;
  }

  // Its lower case is in `key_`.
  bool has_capitals(const std::string& word) {
    lower_text(word, key_);
    return key_ != word;
  }

  std::optional<int32_t> id_of(std::string_view word) const {
    int32_t id = words_.id_of(word);
    if (id < 0 && words_.lowercase) id = words_.id_of(lower_text(word));
    return id < 0 ? std::nullopt : std::optional<int32_t>(id);
  }

  // To the row, or, -1, to a new one.
  bool read_numbers(std::string_view text, int32_t row) {
    std::vector<float>& values = numbers_;
    values.clear();
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at < end) {
      if (*at == ' ' || *at == '\t') {
        ++at;
        continue;
      }
      double value = 0;
      auto [next, error] = std::from_chars(at, end, value);
      if (error == std::errc::result_out_of_range) {  // too small, 1e-400, or too large
        value = parse_number(std::string_view(at, static_cast<size_t>(next - at))).value_or(INFINITY);
        error = std::errc();
      }
      const bool ends = next == end || *next == ' ' || *next == '\t';
      if (error != std::errc() || !ends || !std::isfinite(static_cast<float>(value))) return false;
      values.push_back(static_cast<float>(value));
      at = next;
    }
    if (static_cast<int64_t>(values.size()) != width_) return false;
    if (row < 0)
      out_.values.insert(out_.values.end(), values.begin(), values.end());
    else
      std::copy(values.begin(), values.end(), out_.values.begin() + row * width_);
    return true;
  }

  IdSet& words_;
  size_t of_train_;  // words in front of those that the file adds
  size_t most_;      // words that there may be
  Fitted::Vectors& out_;
  Interner folds_;                // in lower case: words that have capitals
  std::vector<bool> other_case_;  // by fold: the file has it
  int64_t width_ = 0;
  std::vector<bool> exact_;
  std::vector<float> numbers_;  // of a line
  std::string key_;
};

}  // namespace

namespace {

template <class AllLines>
std::optional<Fitted::Vectors> read_lines_of(AllLines& lines, const std::string& path, const std::string& vocab,
                                             size_t most, IdSet& words, diag::Emitter& emitter) {
  Fitted::Vectors out;
  VectorReader reader(words, most, out);
  reader.run(lines);
  if (reader.good == 0) {
    emitter.report(diag::NoVectorsInFile, path)
        .in_file(path, reader.first_bad, reader.first_bad_text)
        .help("a line holds a word and its numbers, parted by spaces");
    return std::nullopt;
  }
  if (reader.bad > 0) {
    emitter.report(diag::BadVectorLines, count_of(reader.bad, "line"), path)
        .in_file(path, reader.first_bad, reader.first_bad_text)
        .note("the others have " + count_of(static_cast<size_t>(out.width), "number"));
  }
  if (reader.known == 0) {
    emitter.report(diag::NoKnownVectors, path, vocab)
        .help(words.lowercase ? "" : "are its words in lower case? the vocabulary can say `lowercase = true`");
  }
  return out;
}

}  // namespace

std::optional<Fitted::Vectors> parse_vectors(std::string_view text, const std::string& path, const std::string& vocab,
                                             size_t most, IdSet& words, diag::Emitter& emitter) {
  Lines lines(text);
  return read_lines_of(lines, path, vocab, most, words, emitter);
}

std::optional<int64_t> width_of_vectors(const std::string& path) {
  diag::Emitter unheard(nullptr);  // whoever reads all of the file says what is wrong with it
  auto lines = LineStream::open(path, {}, unheard);
  std::string_view line;
  const int64_t width = lines && next_line(*lines, line) ? count_numbers(line) : 0;
  return width > 0 ? std::optional<int64_t>(width) : std::nullopt;
}

std::optional<Fitted::Vectors> read_vectors(const std::string& path, const VocabSpec& vocab, IdSet& words,
                                            diag::Emitter& emitter) {
  auto lines = LineStream::open(path, vocab.range, emitter);
  if (!lines) return std::nullopt;
  const size_t most = std::min<size_t>(words.size() + static_cast<size_t>(vocab.keep),
                                       static_cast<size_t>(vocab.max_size.value_or(INT32_MAX - 1)));
  auto vectors = read_lines_of(*lines, path, vocab.name, most, words, emitter);
  return lines->failed(emitter) ? std::nullopt : std::move(vectors);
}

}  // namespace mtl::data
