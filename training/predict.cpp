// Tasks are grouped by source; each group is one program, which reads what its own tasks read and no more.
#include "training/predict.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "compiler/base/check.h"
#include "compiler/base/text.h"
#include "compiler/diag/kinds/data.h"
#include "compiler/diag/kinds/model.h"
#include "data/batch.h"
#include "training/json.h"
#include "training/labels.h"
#include "training/outputs.h"

namespace mtl::training {

namespace {

constexpr int64_t kBatch = 32;

using elaborate::TaskInfo;

// The tasks of one source.
struct Group {
  const data::SourceSpec* source = nullptr;
  std::vector<size_t> tasks;
  std::vector<std::string> columns;  // what they read
  std::unique_ptr<engine::Engine> engine;
};

}  // namespace

struct Predictor::State {
  data::Spec spec;
  data::Fitted fitted;
  bool scores = false;
  std::unique_ptr<Session> session;
  std::vector<TaskInfo> tasks;
  std::vector<Group> groups;

  bool make_groups(diag::Emitter& emitter);
  Answer decode(size_t task, const Rows& said, const Rows* scores, int64_t begin, int64_t end) const;
  void predict(Group& group, const data::Split& split, std::vector<Prediction>& out);
};

bool Predictor::State::make_groups(diag::Emitter& emitter) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    const TaskInfo& task = tasks[i];
    auto found =
        std::find_if(groups.begin(), groups.end(), [&](const Group& g) { return g.source->name == task.source; });
    if (found == groups.end()) {
      groups.push_back({});
      found = groups.end() - 1;
      found->source = find_source(spec, task.source);
      MTL_CHECK(found->source != nullptr, "the source that a task reads");
    }
    found->tasks.push_back(i);
    for (const std::string& column : task.inputs)
      if (std::find(found->columns.begin(), found->columns.end(), column) == found->columns.end())
        found->columns.push_back(column);
  }
  for (Group& group : groups) {
    std::vector<std::string> names;
    for (size_t i : group.tasks) names.push_back(tasks[i].name);
    group.engine = session->prediction(names, scores);
  }
  return !emitter.has_errors();
}

std::unique_ptr<Predictor> Predictor::open(const sema::CheckedFile& file, const model::ModelFile& model,
                                           const PredictOptions& options, diag::Emitter& emitter) {
  auto program = elaborate::describe(file, emitter);
  if (!program) return nullptr;
  std::string why;
  if (!data::fits_spec(model.fitted, program->data, why)) {
    emitter.report(diag::CannotLoadModel, model.model, why);
    return nullptr;
  }
  auto state = std::make_unique<State>();
  state->spec = std::move(program->data);
  state->fitted = model.fitted;
  state->scores = options.scores;
  const Elaborator elaborator = make_elaborator(file, state->spec, state->fitted, emitter);
  std::set<std::string> tasks;
  if (!options.tasks.empty()) {
    elaborate::ElaborateOptions all;
    all.losses = false;
    const auto whole = elaborator(all);  // only for the names; nothing of it is compiled
    if (!whole) return nullptr;
    std::vector<std::string> names;
    for (const TaskInfo& task : whole->tasks) names.push_back(task.name);
    tasks = known_tasks(options.tasks, names, emitter);
    if (emitter.has_errors()) return nullptr;
  }
  SessionOptions session;
  session.object_cache = options.object_cache;
  state->session = Session::open_for_prediction(elaborator, tasks, session);
  if (!state->session) return nullptr;
  if (!model::to_weights(model.tensors, state->session->weights(), why)) {
    emitter.report(diag::CannotLoadModel, model.model, why);
    return nullptr;
  }
  for (const TaskInfo& task : state->session->model().tasks)
    if (tasks.empty() || tasks.count(task.name)) state->tasks.push_back(task);
  if (!state->make_groups(emitter)) return nullptr;
  return std::unique_ptr<Predictor>(new Predictor(std::move(state)));
}

std::set<std::string> known_tasks(const std::vector<std::string>& asked, const std::vector<std::string>& names,
                                  diag::Emitter& emitter) {
  std::set<std::string> tasks;
  for (const std::string& name : asked) {
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      tasks.insert(name);
      continue;
    }
    const auto near = nearest(name, names);
    emitter.report(diag::UnknownTask, name).help(near ? "did you mean `" + *near + "`?" : "it has " + join(names));
  }
  return tasks;
}

Predictor::Predictor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Predictor::~Predictor() = default;

const std::vector<TaskInfo>& Predictor::tasks() const {
  return state_->tasks;
}
const data::IdSet* Predictor::classes(size_t task) const {
  const TaskInfo& info = state_->tasks[task];
  return label_set(state_->spec, state_->fitted, info.source, info.target);
}

// Rows [begin, end) of a task's output: the one of an example, or its positions.
Answer Predictor::State::decode(size_t index, const Rows& said, const Rows* scores, int64_t begin, int64_t end) const {
  const TaskInfo& task = tasks[index];
  Answer answer;
  answer.task = index;
  answer.rows = end - begin;
  const data::IdSet* names = label_set(spec, fitted, task.source, task.target);
  const auto name_of = [&](int64_t id) {
    return names != nullptr && id >= 0 && id < std::ssize(names->names) ? names->names[static_cast<size_t>(id)]
                                                                        : std::to_string(id);
  };
  for (int64_t i = begin * said.width; i < end * said.width; ++i) {
    const int64_t element = i % said.width;
    const auto at = static_cast<size_t>(i);
    if (!said.ids.empty()) {
      answer.labels.push_back(name_of(said.ids[at]));
    } else if (task.kind == TargetKind::labels) {
      answer.probabilities.push_back(said.numbers[at]);
      if (said.numbers[at] >= 0.5f) answer.labels.push_back(name_of(element));
    } else if (task.kind == TargetKind::boolean && !task.target.empty()) {
      answer.probabilities.push_back(said.numbers[at]);
      answer.labels.push_back(said.numbers[at] >= 0.5f ? "true" : "false");
    } else {
      const data::ColumnSpec* column = find_column(spec, task.source, task.target);
      const auto stats = fitted.numbers.find(task.source + "." + task.target);
      const bool restore = column != nullptr && stats != fitted.numbers.end();
      answer.numbers.push_back(restore ? data::restore_number(*column, stats->second, element, said.numbers[at])
                                       : static_cast<double>(said.numbers[at]));
    }
  }
  if (task.per_position && task.kind == TargetKind::label && names != nullptr) {
    if (const auto form = find_span_form(names->names, true)) answer.spans = spans_of(answer.labels, *form);
  }
  if (scores != nullptr) answer.scores.emplace();
  for (int64_t row = begin; answer.scores && row < end; ++row)
    answer.scores->emplace_back(scores->numbers.begin() + row * scores->width,
                                scores->numbers.begin() + (row + 1) * scores->width);
  return answer;
}

// Adds one answer a task to each of `out`, which has a prediction for each example.
void Predictor::State::predict(Group& group, const data::Split& split, std::vector<Prediction>& out) {
  data::Batch batch(split, group.source->name, std::min<int64_t>(kBatch, std::max<int64_t>(split.examples, 1)));
  const data::Batch* bound = &batch;
  group.engine->bind({&bound, 1});
  const std::vector<float> scalars = scalars_with_progress(*group.engine, 1.0);
  runtime::StepScalars step;
  step.values = scalars.data();
  for (int64_t begin = 0; begin < split.examples; begin += kBatch) {
    const int64_t end = std::min(split.examples, begin + kBatch);
    std::vector<uint32_t> chosen;
    for (int64_t i = begin; i < end; ++i) chosen.push_back(static_cast<uint32_t>(i));
    batch.fill(chosen);
    group.engine->run(step);
    for (size_t index : group.tasks) {
      const TaskInfo& task = tasks[index];
      Rows said, heads;
      append_output(*group.engine, "predict." + task.name, said);
      if (scores) append_output(*group.engine, "head." + task.name, heads);
      const runtime::SpaceView* space = task.per_position ? batch.space(task.source + "." + task.target_dim) : nullptr;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t from = space == nullptr ? i - begin : space->offsets[i - begin];
        const int64_t to = space == nullptr ? from + 1 : space->offsets[i - begin + 1];
        out[static_cast<size_t>(i)].answers.push_back(decode(index, said, scores ? &heads : nullptr, from, to));
      }
    }
  }
}

bool Predictor::takes_blank_lines() const {
  return std::all_of(state_->groups.begin(), state_->groups.end(),
                     [](const Group& group) { return data::takes_blank_lines(*group.source, group.columns); });
}

std::optional<std::vector<Prediction>> Predictor::predict(data::RawFormat format, std::string_view text,
                                                          std::string_view path, diag::Emitter& emitter,
                                                          std::vector<data::RawExample>* raw) {
  State& s = *state_;
  if (format == data::RawFormat::lines && takes_blank_lines()) format = data::RawFormat::all_lines;
  if (s.groups.size() > 1 && format == data::RawFormat::source) {
    const Group &one = s.groups[0], &two = s.groups[1];
    emitter
        .report(diag::TasksOfTwoSources, s.tasks[one.tasks[0]].name, one.source->name, s.tasks[two.tasks[0]].name,
                two.source->name)
        .help("`--task " + s.tasks[one.tasks[0]].name + "` asks for one task");
    return std::nullopt;
  }
  std::vector<Prediction> predictions;
  for (size_t g = 0; g < s.groups.size(); ++g) {
    Group& group = s.groups[g];
    auto input = data::encode_text(s.spec, *group.source, s.fitted, group.columns, format, text, path, emitter);
    if (!input) return std::nullopt;
    for (const auto& [path, ragged] : input->split.ragged)
      if (ragged.cut > 0)
        emitter.report(diag::PositionsCut, group.source->name + "." + path, ragged.cut,
                       count_of(static_cast<size_t>(ragged.offsets.back() + ragged.cut), "position"), "the input");
    for (const size_t task : group.tasks)
      if (!check_inputs(input->split, "the input", s.tasks[task], emitter)) return std::nullopt;
    if (g == 0) predictions.resize(static_cast<size_t>(input->split.examples));
    MTL_CHECK(std::ssize(predictions) == input->split.examples, "an example for each line, whatever the source");
    if (input->split.examples > 0) s.predict(group, input->split, predictions);
    if (g == 0 && raw != nullptr) *raw = std::move(input->examples);
  }
  for (Prediction& prediction : predictions)
    std::sort(prediction.answers.begin(), prediction.answers.end(),
              [](const Answer& a, const Answer& b) { return a.task < b.task; });
  return predictions;
}

namespace {
// One number for each row, or a list of them.
Json by_row(const Json& numbers, int64_t rows) {
  const size_t width = rows == 0 ? 1 : numbers.size() / static_cast<size_t>(rows);
  if (width == 1) return numbers;
  Json out = Json::array();
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (i % width == 0) out.push_back(Json::array());
    out.back().push_back(numbers[i]);
  }
  return out;
}
}  // namespace

std::string to_json(const Prediction& prediction, const Predictor& predictor) {
  Json out = Json::object();
  for (const Answer& answer : prediction.answers) {
    const TaskInfo& task = predictor.tasks()[answer.task];
    Json probabilities = Json::array(), numbers = Json::array();
    for (double p : answer.probabilities) probabilities.push_back(number(p));
    for (double n : answer.numbers) numbers.push_back(number(n));
    const bool boolean = task.kind == TargetKind::boolean;
    if (!answer.numbers.empty()) {
      out[task.name] = task.per_position ? by_row(numbers, answer.rows) : numbers.size() == 1 ? numbers[0] : numbers;
    } else if (boolean && task.per_position) {
      Json& said = out[task.name] = Json::array();
      for (const std::string& label : answer.labels) said.push_back(label == "true");
    } else if (task.per_position || task.kind == TargetKind::labels || answer.labels.size() != 1) {
      out[task.name] = answer.labels;
    } else {
      out[task.name] = boolean ? Json(answer.labels[0] == "true") : Json(answer.labels[0]);
    }
    if (!answer.probabilities.empty() || (boolean && task.per_position)) {
      const data::IdSet* classes = predictor.classes(answer.task);
      Json& probability = out[task.name + ".probability"];
      if (boolean && !task.per_position)
        probability = probabilities[0];
      else if (classes != nullptr && classes->names.size() == answer.probabilities.size())
        for (size_t i = 0; i < classes->names.size(); ++i) probability[classes->names[i]] = probabilities[i];
      else
        probability = probabilities;
    }
    if (!answer.spans.empty()) {
      Json& spans = out[task.name + ".spans"];
      for (const Span& span : answer.spans)
        spans.push_back({{"begin", span.begin}, {"end", span.end}, {"label", span.label}});
    }
    if (answer.scores)
      out[task.name + ".scores"] = task.per_position ? Json(*answer.scores) : Json(answer.scores->front());
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace mtl::training
