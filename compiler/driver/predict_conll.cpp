// Writes answers into the lines of the CoNLL file that they were asked for.
#include "compiler/driver/predict_conll.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/data/record.h"
#include "runtime/data/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::driver {
namespace {

using training::Answer;
using training::Prediction;

// A cell of CoNLL: what it holds has no line ends and no tabs.
std::string cell(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  }
  return text;
}

// Row `row` of an answer; "_" where there is none: cut by a `limit`, of a bad sentence.
std::string cell_of(const Answer* answer, int64_t row) {
  if (answer == nullptr || answer->absent) return "_";
  row -= answer->skipped;
  if (row < 0 || row >= answer->rows) return "_";
  const auto one = [&](const auto& all) {
    const auto width = static_cast<int64_t>(all.size()) / answer->rows;
    return fmt::format("{}", fmt::join(all.begin() + row * width, all.begin() + (row + 1) * width, " "));
  };
  const std::string text = cell(answer->labels.empty() ? one(answer->numbers) : one(answer->labels));
  return text.empty() ? "_" : text;
}

// An answer as the value of a comment.
std::string value_of(const Answer* answer, const std::string& between = "|") {
  if (answer == nullptr || answer->absent) return "_";
  if (!answer->labels.empty()) return cell(fmt::format("{}", fmt::join(answer->labels, between)));
  return fmt::format("{}", fmt::join(answer->numbers, " "));
}

const Answer* answer_of(const Prediction& prediction, size_t task) {
  for (const Answer& answer : prediction.answers)
    if (answer.task == task) return &answer;
  return nullptr;
}

// The tokens that a task's answers belong to, one for each position.
std::vector<std::string> tokens_of(const Answer& answer) {
  if (!answer.tokens) return std::vector<std::string>(static_cast<size_t>(answer.rows), "_");
  std::vector<std::string> tokens;
  for (const std::string& word : answer.tokens->texts) tokens.push_back(word.empty() ? "_" : cell(word));
  return tokens;
}

// Where the cells of a line begin and end.
std::vector<std::pair<size_t, size_t>> cells_of(std::string_view line, const std::string& separator) {
  std::vector<std::pair<size_t, size_t>> cells;
  const bool by_spaces = separator.find_first_not_of(' ') == std::string::npos;
  size_t at = by_spaces ? line.find_first_not_of(' ') : 0;
  while (at <= line.size()) {
    const size_t end = std::min(line.find(by_spaces ? " " : separator, at), line.size());
    cells.emplace_back(at, end);
    if (end == line.size()) break;
    at = by_spaces ? line.find_first_not_of(' ', end) : end + separator.size();
  }
  return cells;
}

}  // namespace

// A sentence of CoNLL input and what is said of it.
struct ConllOutput::Sentence {
  const Prediction& prediction;
  std::vector<bool> said;  // by task: its comment is written
  const char* line_end;
};

ConllOutput::ConllOutput(const training::Predictor& predictor, const training::InputOptions& options, bool append)
    : predictor_(predictor), options_(options), append_(append) {
  const data::Format format = predictor.source(0).format;
  universal_ = format == data::Format::conllu;
  rewrites_ = !options.lines && (universal_ || format == data::Format::conll);
  for (size_t task = 0; task < predictor.tasks().size(); ++task) places_.push_back(place_of(task));
}

ConllOutput::Place ConllOutput::place_of(size_t index) const {
  const elaborate::TaskInfo& task = predictor_.tasks()[index];
  const data::ColumnSpec* const target = predictor_.target(index);
  Place place;
  place.name = append_ ? task.name + ".predicted" : task.name;
  const bool comment = target != nullptr && target->binding.kind == data::Binding::Kind::comment;
  if (comment) {
    place.name = target->binding.names[0] + (append_ ? ".predicted" : "");
    for (const data::Transform& transform : target->transforms)
      if (transform.kind == data::Transform::Kind::split) place.between = transform.text;
  }
  if (comment || !task.per_position) return place;
  if (!append_ && target != nullptr && target->binding.indices.size() == 1)
    place.column = static_cast<int>(target->binding.indices[0]);
  if (!append_ && universal_ && target != nullptr && target->binding.names.size() == 1)
    place.column = data::conllu_column(target->binding.names[0]);
  if (place.column >= 0) return place;
  place.misc = universal_;
  place.behind = !universal_;
  place.column = universal_ ? static_cast<int>(data::conllu_names().size()) - 1 : 0;
  return place;
}

bool ConllOutput::check(diag::Emitter& emitter) const {
  if (append_ && !rewrites_) {
    emitter.report(diag::NothingToAppendTo).help("without `--append` predictions stand beside the text that was read");
    return false;
  }
  const elaborate::TaskInfo* first = nullptr;
  for (const elaborate::TaskInfo& task : predictor_.tasks()) {
    if (!task.per_position) continue;
    if (!first) first = &task;
    if (task.source != first->source || task.target_dim == first->target_dim) continue;
    emitter.report(diag::TasksOfTwoDimensions, first->name, first->target_dim, task.name, task.target_dim)
        .help("choose with `--task " + first->name + "` or `--task " + task.name + "`, or write jsonl");
    return false;
  }
  return true;
}

std::string ConllOutput::text(const training::Answers& answers) {
  std::string out;
  separator_ = answers.input.separator;
  for (size_t i = 0; i < answers.predictions.size(); ++i) {
    const data::RawExample& example = answers.input.examples[i];
    if (rewrites_)
      rewrite(answers.predictions[i], example, out);
    else
      write_tokens(answers.predictions[i], example, out);
  }
  if (rewrites_) out += answers.input.rest;
  return out;
}

// The sentence as the file has it, with what is in front of it; predicted cells and comments are replaced.
void ConllOutput::rewrite(const Prediction& prediction, const data::RawExample& example, std::string& out) {
  const std::string_view text = example.text;
  const bool carriage = text.find("\r\n") != std::string_view::npos;
  Sentence sentence{prediction, std::vector<bool>(places_.size()), carriage ? "\r\n" : "\n"};
  size_t token = 0, begun = 0;  // where the lines of the sentence itself begin
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (data::trim(text.substr(at, end - at)).empty()) begun = std::min(end + 1, text.size());
    at = end + 1;
    if (!example.token_starts.empty() && at > example.token_starts[0]) break;
  }
  out += text.substr(0, begun);
  bool in_front = true;
  for (size_t at = begun; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    const size_t next = std::min(end + 1, text.size());
    if (end > at && text[end - 1] == '\r') --end;
    const std::string_view line = text.substr(at, end - at);
    const bool known = token < example.token_starts.size() && example.token_starts[token] == at;
    const bool comment = in_front && !known && line.starts_with('#');
    if (comment) {
      add_comment(sentence, line, out);
    } else {
      if (in_front) add_comments(sentence, out);
      in_front = false;
      const size_t number = line.find_first_not_of("0123456789");
      const bool bare = universal_ && number != std::string_view::npos && (line[number] == '-' || line[number] == '.');
      if (known || (example.token_starts.empty() && !bare))
        add_token_line(sentence, line, token++, out);
      else
        out += line;
    }
    out += end == text.size() ? std::string_view("\n") : text.substr(end, next - end);
    at = next;
  }
}

// A comment of the file: one that has a predicted value gets it.
void ConllOutput::add_comment(Sentence& sentence, std::string_view line, std::string& out) const {
  for (size_t task = 0; task < places_.size(); ++task) {
    const Place& place = places_[task];
    for (const char mark : {'=', ':'}) {
      const size_t at = line.find(mark);
      if (place.column >= 0 || at == std::string_view::npos || data::trim(line.substr(1, at - 1)) != place.name)
        continue;
      sentence.said[task] = true;
      out += line.substr(0, at + 1);
      out += " " + value_of(answer_of(sentence.prediction, task), place.between);
      return;
    }
  }
  out += line;
}

// Comments that the file does not have.
void ConllOutput::add_comments(const Sentence& sentence, std::string& out) {
  std::string columns;
  for (size_t task = 0; task < places_.size(); ++task) {
    const Place& place = places_[task];
    if (place.behind) columns += " " + place.name;
    if (place.column >= 0 || sentence.said[task]) continue;
    out += fmt::format("# {} = {}{}", place.name, value_of(answer_of(sentence.prediction, task), place.between),
                       sentence.line_end);
  }
  if (first_ && !columns.empty()) out += fmt::format("# further columns ={}{}", columns, sentence.line_end);
  first_ = false;
}

void ConllOutput::add_token_line(const Sentence& sentence, std::string_view line, size_t token,
                                 std::string& out) const {
  const bool by_spaces = separator_.find_first_not_of(' ') == std::string::npos;
  std::vector<std::string> cells, gaps;  // a gap in front of each cell
  size_t before = 0;
  for (const auto& [begin, end] : cells_of(line, separator_)) {
    gaps.emplace_back(line.substr(before, begin - before));
    cells.emplace_back(line.substr(begin, end - begin));
    before = end;
  }
  const std::string_view behind = line.substr(before);
  const auto set = [&](size_t column, std::string value) {
    for (; cells.size() <= column; cells.emplace_back("_")) gaps.push_back(separator_);
    if (by_spaces) std::replace(value.begin(), value.end(), ' ', '_');
    cells[column] = std::move(value);
  };
  for (size_t task = 0; task < places_.size(); ++task) {
    const Place& place = places_[task];
    if (place.column < 0) continue;
    std::string value = cell_of(answer_of(sentence.prediction, task), static_cast<int64_t>(token));
    if (place.misc) {
      const std::string& misc = cells.size() > 9 ? cells[9] : "_";
      value = (misc == "_" ? "" : misc + "|") + place.name + "=" + value;
    }
    set(place.behind ? cells.size() : static_cast<size_t>(place.column), std::move(value));
  }
  for (size_t i = 0; i < cells.size(); ++i) out += gaps[i] + cells[i];
  out += behind;
}

// Of what is no CoNLL: answers for the example as comments, then a line for each token, with a column for each task.
void ConllOutput::write_tokens(const Prediction& prediction, const data::RawExample& example, std::string& out) const {
  if (example.row < 0 && !example.bad) return;  // a blank line
  for (size_t i = 0; i < example.kept.size(); ++i) {
    const auto kept = nlohmann::json::parse(example.kept[i], nullptr, false);
    const std::string value = kept.is_string() ? kept.get<std::string>() : kept.is_null() ? "_" : example.kept[i];
    out += fmt::format("# {} = {}\n", options_.keep[i], cell(value));
  }
  std::vector<const Answer*> columns;
  for (const Answer& answer : prediction.answers) {
    const auto& task = predictor_.tasks()[answer.task];
    if (task.per_position && !answer.absent) {
      columns.push_back(&answer);
    } else {
      out += fmt::format("# {} = {}\n", task.name,
                         value_of(&answer, task.kind == training::TargetKind::labels ? "|" : " "));
    }
  }
  if (!columns.empty()) {
    const std::vector<std::string> tokens = tokens_of(*columns.front());
    for (size_t t = 0; t < tokens.size(); ++t) {
      out += tokens[t];
      for (const Answer* answer : columns) out += "\t" + cell_of(answer, static_cast<int64_t>(t));
      out += "\n";
    }
  }
  out += "\n";
}

}  // namespace mtl::driver
