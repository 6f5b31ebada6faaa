// Answers as JSON: the format that runtime/training/README.md describes.
#include <algorithm>

#include "runtime/inference/predict.h"
#include "runtime/training/json.h"
#include "runtime/training/labels.h"

namespace mtl::training {

namespace {

// One value for each row, or a list of them.
Json by_row(const Json& values, int64_t rows) {
  const size_t width = rows == 0 ? 1 : values.size() / static_cast<size_t>(rows);
  if (width == 1) return values;
  Json out = Json::array();
  for (size_t i = 0; i < values.size(); ++i) {
    if (i % width == 0) out.push_back(Json::array());
    out.back().push_back(values[i]);
  }
  return out;
}

// Element i of a list is about position i: null where `limit` cut the beginning.
Json behind_skipped(Json list, int64_t skipped) {
  list.insert(list.begin(), static_cast<size_t>(skipped), Json());
  return list;
}

// What a task whose target is of numbers or truth values says: one value, a list of a row's, or that for each position.
Json of_rows(const elaborate::TaskInfo& task, const Answer& answer, const Json& values) {
  if (task.per_position) return behind_skipped(by_row(values, answer.rows), answer.skipped);
  return values.size() == 1 ? values[0] : values;
}

Json list_of(const std::vector<double>& values) {
  Json out = Json::array();
  for (const double value : values) out.push_back(number(value));
  return out;
}

// The characters [begin, end) of a text.
std::string characters_of(const std::string& text, int64_t begin, int64_t end) {
  int64_t count = -1;  // characters that have begun, less one
  std::string out;
  for (const char c : text) {
    count += (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    if (count >= begin && count < end) out += c;
  }
  return out;
}

Json span_json(const Span& span, const data::Tokens* tokens) {
  Json out = {{"begin", span.begin}, {"end", span.end}, {"label", span.label}};
  const auto first = static_cast<size_t>(span.begin), last = static_cast<size_t>(span.end - 1);
  if (tokens == nullptr || last >= tokens->texts.size()) return out;
  if (!tokens->places.empty()) {
    const auto [begin, end] = std::pair(tokens->places[first].begin, tokens->places[last].end);
    out["text"] = characters_of(tokens->raw, begin, end);
    out["offsets"] = {begin, end};
    return out;
  }
  std::string text = tokens->texts[first];
  for (size_t t = first + 1; t <= last; ++t) text += " " + tokens->texts[t];
  out["text"] = text;
  return out;
}

// What a task with an answer for each position answers about.
void add_tokens(const Answer& answer, const std::string& name, Json& out) {
  if (!answer.tokens) return;
  const size_t count = std::min(static_cast<size_t>(answer.skipped + answer.rows), answer.tokens->texts.size());
  Json& texts = out[name + ".tokens"] = Json::array();
  for (size_t t = 0; t < count; ++t) texts.push_back(answer.tokens->texts[t]);
  if (answer.tokens->places.size() < count || answer.tokens->places.empty()) return;
  Json& offsets = out[name + ".offsets"] = Json::array();
  for (size_t t = 0; t < count; ++t) offsets.push_back({answer.tokens->places[t].begin, answer.tokens->places[t].end});
}

void add_probabilities(const Answer& answer, const elaborate::TaskInfo& task, const data::IdSet* classes, Json& out) {
  if (answer.probabilities.empty()) return;
  // Of each position as many as there are tags: a part of the scores, which are asked for.
  if (task.per_position && task.kind == TargetKind::label && !answer.scores) return;
  Json& probability = out[task.name + ".probability"];
  const auto rows = static_cast<size_t>(task.per_position ? answer.rows : 1);
  if (classes == nullptr || classes->names.size() * rows != answer.probabilities.size()) {
    probability = behind_skipped(list_of(answer.probabilities), answer.skipped);
    return;
  }
  Json by_class = Json::array();
  for (size_t i = 0; i < answer.probabilities.size(); ++i) {
    const size_t c = i % classes->names.size();
    if (c == 0) by_class.push_back(Json::object());
    by_class.back()[classes->names[c]] = number(answer.probabilities[i]);
  }
  probability = task.per_position ? behind_skipped(std::move(by_class), answer.skipped) : std::move(by_class[0]);
}

void add_answer(const Answer& answer, const elaborate::TaskInfo& task, const data::IdSet* classes,
                const data::ColumnSpec* target, Json& out) {
  if (task.kind == TargetKind::boolean && !task.target.empty()) {
    Json truths = Json::array();
    for (const std::string& label : answer.labels) truths.push_back(label == "true");
    out[task.name] = of_rows(task, answer, truths);
    out[task.name + ".probability"] = of_rows(task, answer, list_of(answer.probabilities));
  } else {
    if (!answer.numbers.empty()) {
      out[task.name] = of_rows(task, answer, list_of(answer.numbers));
    } else if (task.per_position || task.kind == TargetKind::labels || answer.labels.size() != 1) {
      out[task.name] = behind_skipped(answer.labels, answer.skipped);
    } else {
      out[task.name] = answer.labels[0];
    }
    add_probabilities(answer, task, classes, out);
  }
  add_tokens(answer, task.name, out);
  if (!answer.spans.empty()) {
    Json& spans = out[task.name + ".spans"];
    for (const Span& span : answer.spans) spans.push_back(span_json(span, answer.tokens ? &*answer.tokens : nullptr));
  }
  if (!answer.scores) return;
  out[task.name + ".scores"] =
      task.per_position ? behind_skipped(*answer.scores, answer.skipped) : Json(answer.scores->front());
  const size_t width = answer.scores->empty() ? 0 : answer.scores->front().size();
  if (classes != nullptr && classes->names.size() == width) out[task.name + ".classes"] = classes->names;
  if (has_columns(task) && width > 1) out[task.name + ".columns"] = element_names(target, static_cast<int64_t>(width));
}

}  // namespace

std::string to_json(const Prediction& prediction, const data::RawExample& example, const InputOptions& options,
                    const Predictor& predictor) {
  Json out = Json::object();
  const auto taken = [&](const std::string& name) {
    const auto& tasks = predictor.tasks();
    return std::any_of(tasks.begin(), tasks.end(), [&](const auto& task) { return task.name == name; });
  };
  if (options.lines) out[taken("text") ? "line" : "text"] = example.text;
  for (size_t i = 0; i < example.kept.size(); ++i) {
    const std::string& name = options.keep[i];
    out[taken(name) ? name + ".input" : name] = Json::parse(example.kept[i], nullptr, false);
  }
  for (const Answer& answer : prediction.answers) {
    const elaborate::TaskInfo& task = predictor.tasks()[answer.task];
    if (answer.absent)
      out[task.name] = nullptr;
    else
      add_answer(answer, task, predictor.classes(answer.task), predictor.target(answer.task), out);
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mtl::training
