// Tasks are grouped by source; each group is one program, which reads what its own tasks read and no more.
#include "runtime/inference/predict.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "runtime/data/load.h"
#include "runtime/inference/predict_state.h"
#include "runtime/training/labels.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

bool Predictor::State::make_groups(diag::Emitter& emitter) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    const elaborate::TaskInfo& task = tasks[i];
    auto found = std::find_if(groups.begin(), groups.end(),
                              [&](const PredictGroup& g) { return g.source->name == task.source; });
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
  for (PredictGroup& group : groups) {
    std::vector<std::string> names, heads;
    for (size_t i : group.tasks) {
      names.push_back(tasks[i].name);
      if (needs_head(i)) heads.push_back(tasks[i].name);
    }
    group.engine = session->prediction(names, heads);
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
    for (const elaborate::TaskInfo& task : whole->tasks) names.push_back(task.name);
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
  for (const elaborate::TaskInfo& task : state->session->model().tasks)
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
    std::vector<std::string> parts = mtl::split(name, ",");
    for (std::string& part : parts) part = "--task " + part;
    const auto near = nearest(name, names);
    emitter.report(diag::UnknownTask, name)
        .help(parts.size() > 1 ? "one at a time: `" + join(parts, " ", " ") + "`; it has " + join(names)
              : near           ? "did you mean `" + *near + "`?"
                               : "it has " + join(names));
  }
  return tasks;
}

Predictor::Predictor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Predictor::~Predictor() = default;

const std::vector<elaborate::TaskInfo>& Predictor::tasks() const {
  return state_->tasks;
}
const data::SourceSpec& Predictor::source(size_t task) const {
  return *find_source(state_->spec, state_->tasks[task].source);
}
const data::ColumnSpec* Predictor::target(size_t task) const {
  return find_column(state_->spec, state_->tasks[task].source, state_->tasks[task].target);
}
const data::IdSet* Predictor::classes(size_t task) const {
  const elaborate::TaskInfo& info = state_->tasks[task];
  return label_set(state_->spec, state_->fitted, info.source, info.target);
}

static void append_softmax(std::span<const float> scores, std::vector<double>& out) {
  const float most = *std::max_element(scores.begin(), scores.end());
  const size_t begin = out.size();
  double sum = 0;
  for (const float score : scores) sum += out.emplace_back(std::exp(double{score} - most));
  for (size_t i = begin; i < out.size(); ++i) out[i] /= sum;
}

// Rows [begin, end) of a task's output: the one of an example, or its positions.
Answer Predictor::State::decode(size_t index, const Rows& said, const Rows& heads, int64_t begin, int64_t end) const {
  const elaborate::TaskInfo& task = tasks[index];
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
    if (const auto form = find_span_form(names->names)) answer.spans = spans_of(answer.labels, *form);
  }
  for (int64_t row = begin; has_distribution(index) && row < end; ++row)
    append_softmax({heads.numbers.data() + row * heads.width, static_cast<size_t>(heads.width)}, answer.probabilities);
  if (scores) answer.scores.emplace();
  for (int64_t row = begin; answer.scores && row < end; ++row)
    answer.scores->emplace_back(heads.numbers.begin() + row * heads.width,
                                heads.numbers.begin() + (row + 1) * heads.width);
  return answer;
}

}  // namespace mtl::training
