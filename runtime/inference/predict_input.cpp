// What `predict` reads, part by part: examples that cannot be answered, batches, decoded answers, and what is said of
// the input as a whole.
#include <algorithm>
#include <cmath>

#include "runtime/data/batch.h"
#include "runtime/inference/predict_state.h"
#include "runtime/training/labels.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

constexpr int64_t kBatch = 32;

// What a column is called in the files: a name of the header, a key, a number.
std::string name_in_file(const data::SourceSpec& source, const std::string& name) {
  for (const data::ColumnSpec& column : source.columns) {
    if (column.name != name) continue;
    if (!column.binding.names.empty()) return "`" + join(column.binding.names, "`, `", "`, `") + "`";
    std::vector<std::string> numbers;
    for (const int64_t number : column.binding.indices) numbers.push_back(std::to_string(number));
    return "column " + join(numbers);
  }
  return "`" + name + "`";
}

}  // namespace

// Examples that a head cannot read are bad rows: they lose their row. False after reports.
bool Predictor::State::find_unreadable(PredictGroup& group, data::RawInput& input) {
  std::map<int64_t, std::pair<Unreadable, size_t>> faults;  // by example, with the task
  for (const size_t task : group.tasks)
    for (const Unreadable& one : unreadable_examples(input.split, tasks[task]))
      faults.try_emplace(one.example, one, task);
  if (faults.empty()) return true;
  data::Rows rows(input_options.path, *emitter, group.budget);
  for (data::RawExample& example : input.examples) {
    const auto found = faults.find(example.row);
    if (example.row < 0 || found == faults.end()) continue;
    const auto& [fault, index] = found->second;
    const elaborate::TaskInfo& task = tasks[index];
    if (fault.rule == nullptr) {
      rows.bad(diag::InputLacksValue, example.line, example.text,
               "`--skip-bad-rows N` answers null here; in the program, `fill` says what a missing value is",
               name_in_file(*group.source, fault.column), task.name, group.source->name + "." + fault.column);
    } else {
      rows.bad(diag::SequenceTooShort, example.line, example.text, "`--skip-bad-rows N` answers null here", task.name,
               fault.rule->rest.variable_part().text(), -fault.rule->rest.constant_term(), fault.length);
    }
    example.row = -1;
    example.bad = true;
    if (rows.stopped()) break;
  }
  return !rows.failed();
}

// Counts the examples of whose tokens the vocabularies have none.
void Predictor::State::note_unknown(PredictGroup& group, const data::RawInput& input) const {
  std::vector<const data::Column*> columns;
  for (const data::ColumnSpec& column : group.source->columns) {
    const auto found = input.split.columns.find(column.name);
    if (column.kind == data::ValueKind::token && found != input.split.columns.end()) columns.push_back(&found->second);
  }
  for (const data::RawExample& example : input.examples) {
    if (example.row < 0) continue;
    ++group.examples;
    size_t tokens = 0;
    bool known = false;
    for (const data::Column* column : columns) {
      const auto [begin, end] = rows_of(input.split, column->dim, static_cast<size_t>(example.row));
      const auto width = static_cast<size_t>(column->width);
      for (size_t i = begin * width; i < end * width && !known; ++i) known = column->ids[i] > 0;
      tokens += end - begin;
    }
    if (tokens == 0 || known || group.unknown++ > 0) continue;
    group.first_unknown = example.line;
    group.first_unknown_text = example.text;
    group.first_unknown_tokens = count_of(tokens, "token");
  }
}

void Predictor::State::note_cut(PredictGroup& group, const data::Split& split) const {
  for (const auto& [path, ragged] : split.ragged) {
    PredictGroup::Cut& cut = group.cut[group.source->name + "." + path];
    cut.positions += ragged.cut;
    cut.of += ragged.offsets.back() + ragged.cut;
    cut.from = ragged.keep_last ? "beginning" : "end";
  }
}

// Puts an answer where its positions are: behind those that `limit` took from the beginning.
static void skip(Answer& answer, const std::vector<int32_t>& skipped, size_t row) {
  if (skipped.empty()) return;
  answer.skipped = skipped[row];
  for (Span& span : answer.spans) {
    span.begin += answer.skipped;
    span.end += answer.skipped;
  }
}

// Rows [begin, end) of what a task says; of a head over other rows than the answer's, all of them.
static bool has_undefined(const Rows& rows, int64_t all, int64_t begin, int64_t end) {
  const bool apart = rows.count() != all;
  const auto first = rows.numbers.begin() + (apart ? 0 : begin * rows.width);
  const auto last = apart ? rows.numbers.end() : rows.numbers.begin() + end * rows.width;
  return !rows.numbers.empty() && std::any_of(first, last, [](float x) { return std::isnan(x); });
}

// Adds one answer a task to each of `out`, which has a prediction for each example.
bool Predictor::State::answer(PredictGroup& group, const data::RawInput& input, std::vector<Prediction>& out) {
  std::vector<std::pair<uint32_t, size_t>> good;  // row, number in the part
  for (size_t i = 0; i < input.examples.size(); ++i) {
    const data::RawExample& example = input.examples[i];
    if (example.row >= 0) good.emplace_back(static_cast<uint32_t>(example.row), i);
    for (const size_t task : group.tasks)
      if (example.bad) out[i].answers.emplace_back().task = task, out[i].answers.back().absent = true;
  }
  if (good.empty()) return true;
  data::Rows bad(input_options.path, *emitter, group.budget);
  const auto size = std::min<int64_t>(kBatch, std::ssize(good));
  data::Batch batch(input.split, group.source->name, size);
  const data::Batch* bound = &batch;
  group.engine->bind({&bound, 1});
  const std::vector<float> scalars = scalars_with_progress(*group.engine, 1.0);
  runtime::StepScalars step;
  step.values = scalars.data();
  for (size_t first = 0; first < good.size(); first += static_cast<size_t>(kBatch)) {
    const size_t end = std::min(good.size(), first + static_cast<size_t>(kBatch));
    std::vector<uint32_t> chosen;
    for (size_t i = first; i < end; ++i) chosen.push_back(good[i].first);
    batch.fill(chosen);
    group.engine->run(step);
    for (size_t index : group.tasks) {
      const elaborate::TaskInfo& task = tasks[index];
      Rows said, heads;
      append_output(*group.engine, "predict." + task.name, said);
      if (needs_head(index)) append_output(*group.engine, "head." + task.name, heads);
      const runtime::SpaceView* space = task.per_position ? batch.space(task.source + "." + task.target_dim) : nullptr;
      for (size_t i = first; i < end; ++i) {
        const auto at = static_cast<int64_t>(i - first);
        const int64_t from = space == nullptr ? at : space->offsets[at];
        const int64_t to = space == nullptr ? from + 1 : space->offsets[at + 1];
        Answer answer = decode(index, said, heads, from, to);
        if (has_undefined(said, said.count(), from, to) || has_undefined(heads, said.count(), from, to)) {
          const data::RawExample& example = input.examples[good[i].second];
          answer = Answer{};
          answer.task = index;
          answer.absent = true;
          bad.bad(diag::ScoresNotNumbers, example.line, example.text, "`--skip-bad-rows N` answers null here",
                  task.name, why_no_number(input.split, task, good[i].first));
        }
        if (space != nullptr) skip(answer, input.split.ragged.at(task.target_dim).skipped, good[i].first);
        const auto& tokens = input.examples[good[i].second].tokens;
        if (const auto found = tokens.find(task.target_dim); task.per_position && found != tokens.end())
          answer.tokens = found->second;
        out[good[i].second].answers.push_back(std::move(answer));
      }
    }
  }
  return !bad.failed();
}

bool Predictor::takes_blank_lines() const {
  return std::all_of(state_->groups.begin(), state_->groups.end(),
                     [](const PredictGroup& group) { return data::takes_blank_lines(*group.source, group.columns); });
}

bool Predictor::begin(const InputOptions& options, diag::Emitter& emitter) {
  State& s = *state_;
  s.emitter = &emitter;
  s.input_options = options;
  if (s.groups.size() > 1 && !options.lines) {
    const PredictGroup &one = s.groups[0], &two = s.groups[1];
    std::string ask;
    for (const size_t task : one.tasks) ask += (ask.empty() ? "--task " : " --task ") + s.tasks[task].name;
    emitter
        .report(diag::TasksOfTwoSources, s.tasks[one.tasks[0]].name, one.source->name, s.tasks[two.tasks[0]].name,
                two.source->name)
        .help("`" + ask + "` asks for " + (one.tasks.size() == 1 ? "that" : "those") + " of `" + one.source->name +
              "`");
    return false;
  }
  for (PredictGroup& group : s.groups) {
    data::InputSettings settings;
    settings.columns = group.columns;
    settings.path = options.path;
    settings.keep = options.keep;
    settings.keeps_text = options.keeps_text;
    settings.may_be_empty = options.interactive;
    settings.format = !options.lines        ? data::RawFormat::source
                      : takes_blank_lines() ? data::RawFormat::all_lines
                                            : data::RawFormat::lines;
    settings.keeps_tokens = std::any_of(group.tasks.begin(), group.tasks.end(),
                                        [&](const size_t task) { return s.tasks[task].per_position; });
    group.budget = {options.skip_bad_rows, 0, {}, 0};
    group.reader = data::InputReader::open(*group.source, s.fitted, settings, group.budget, emitter);
    if (!group.reader) return false;
  }
  return true;
}

std::optional<Answers> Predictor::next(std::string_view text, bool last) {
  State& s = *state_;
  Answers answers;
  for (size_t g = 0; g < s.groups.size(); ++g) {
    PredictGroup& group = s.groups[g];
    auto input = group.reader->read(text, last);
    if (!input) return std::nullopt;
    if (!s.find_unreadable(group, *input)) return std::nullopt;
    s.note_cut(group, input->split);
    s.note_unknown(group, *input);
    if (g == 0) answers.predictions.resize(input->examples.size());
    MTL_CHECK(answers.predictions.size() == input->examples.size(), "an example for each line, whatever the source");
    if (!s.answer(group, *input, answers.predictions)) return std::nullopt;
    if (g == 0) answers.input = std::move(*input);
  }
  for (Prediction& prediction : answers.predictions)
    std::sort(prediction.answers.begin(), prediction.answers.end(),
              [](const Answer& a, const Answer& b) { return a.task < b.task; });
  return answers;
}

void Predictor::finish() {
  for (const PredictGroup& group : state_->groups) state_->report(group);
}

void Predictor::State::report(const PredictGroup& group) const {
  for (const auto& [path, cut] : group.cut) {
    if (cut.positions > 0)
      emitter->report(diag::PositionsCut, path, cut.positions, count_of(static_cast<size_t>(cut.of), "position"),
                      cut.from, "the input");
  }
  if (group.unknown > 0) {
    const bool lines = input_options.lines;
    emitter->report(diag::NothingKnown, group.unknown, group.examples, lines ? "lines" : "examples")
        .in_file(input_options.path, group.first_unknown, excerpt(group.first_unknown_text, 120))
        .note("this is the first of them, read as " + group.first_unknown_tokens);
  }
  if (group.budget.skipped > 0) {
    diag::Report report =
        emitter->report(diag::BadRowsUnanswered, count_of(static_cast<size_t>(group.budget.skipped), "bad row"));
    std::move(report).in_file(group.budget.first_path);
    for (const std::string& fault : group.budget.faults) std::move(report).note(fault);
    const size_t more = static_cast<size_t>(group.budget.skipped) - group.budget.faults.size();
    if (more > 0) std::move(report).note("and " + std::to_string(more) + " more");
  }
  const std::vector<std::string> lacking = group.reader->never_kept();
  if (!lacking.empty()) emitter->report(diag::NothingKept, "`" + join(lacking, "`, `", "`, `") + "`");
}

}  // namespace mtl::training
