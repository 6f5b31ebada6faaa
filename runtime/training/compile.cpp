// Elaborates a checked file for what is asked for, and makes engines over one set of weights.
#include "runtime/training/compile.h"

#include <algorithm>

#include "runtime/training/labels.h"
#include "support/base/check.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

using elaborate::ElaborateOptions;
using elaborate::ParamInfo;
using elaborate::TaskInfo;

bool has_output(const ir::Graph& graph, const std::string& name) {
  return std::any_of(graph.outputs.begin(), graph.outputs.end(), [&](const auto& o) { return o.name == name; });
}

Reach reach_of(const program::Program& program) {
  Reach reach;
  for (const program::Buffer& buffer : program.buffers) {
    if (buffer.view_of != program::kNoBuffer) continue;
    if (buffer.kind == program::Buffer::Kind::param) reach.reads.push_back(buffer.name);
    if (buffer.kind == program::Buffer::Kind::gradient) reach.dense.push_back(buffer.name);
  }
  for (const auto& sparse : program.sparse) reach.tables.push_back(sparse.param);
  return reach;
}

std::vector<int64_t> sizes(const std::vector<types::Dim>& dims) {
  std::vector<int64_t> out;
  for (const types::Dim& dim : dims) out.push_back(dim.value());
  return out;
}

// Asking for more than there is may be granted, and ends the process when it is used.
bool memory_suffices(const elaborate::ElaboratedModel& model, bool training, diag::Emitter& emitter) {
  double numbers = 0;
  const ParamInfo* largest = nullptr;
  double most = 0;
  for (const ParamInfo& param : model.params) {
    double size = 1;
    for (const types::Dim& dim : param.dims) size *= static_cast<double>(dim.value());
    numbers += size;
    if (size > most) most = size, largest = &param;
  }
  const double bytes = numbers * sizeof(float) * (training ? 2 : 1);  // gradients
  if (!largest || bytes <= static_cast<double>(usable_memory())) return true;
  const auto gigabytes = [](double size) { return std::to_string(static_cast<int64_t>(size / 1e9)) + " GB"; };
  emitter
      .report(diag::WeightsTooLarge, training ? "the weights and their gradients" : "the weights", gigabytes(bytes),
              gigabytes(static_cast<double>(usable_memory())))
      .note("the largest parameter is `" + largest->path + "`, " + gigabytes(most * sizeof(float)));
  return false;
}

}  // namespace

Elaborator make_elaborator(const sema::CheckedFile& file, const data::Spec& spec, const data::Fitted& fitted,
                           diag::Emitter& emitter) {
  return [&](const ElaborateOptions& asked) {
    ElaborateOptions options = asked;
    options.size_of = [&](const std::string& path) { return fitted.size_of(spec, path); };
    options.vectors_of = [&](const std::string& vocab) -> std::optional<int64_t> {
      const auto found = fitted.vectors.find(vocab);
      if (found == fitted.vectors.end()) return std::nullopt;
      return found->second.width;
    };
    auto model = elaborate::elaborate(file, options, emitter);
    if (model && !memory_suffices(*model, options.training, emitter)) model.reset();
    return model;
  };
}

Elaborator make_elaborator(const sema::CheckedFile& file, const data::Spec& spec, const data::Dataset& dataset,
                           diag::Emitter& emitter) {
  return [&, of_fitted = make_elaborator(file, spec, dataset.fitted, emitter)](const ElaborateOptions& asked) {
    ElaborateOptions options = asked;
    options.cells_of = [&](const std::string& path) {
      const size_t dot = path.find('.');
      for (const data::Source& source : dataset.sources) {
        const auto column = source.train.columns.find(path.substr(dot + 1));
        if (source.name == path.substr(0, dot) && column != source.train.columns.end()) return column->second.cells;
      }
      return std::vector<std::string>();
    };
    return of_fitted(options);
  };
}

std::unique_ptr<Session> Session::open(Elaborator elaborator, const SessionOptions& options) {
  std::unique_ptr<Session> session(new Session(std::move(elaborator), options));
  auto evaluated = session->elaborator_({});
  if (!evaluated) return nullptr;
  session->model_ = std::move(*evaluated);
  session->params_ = session->model_.params;

  ElaborateOptions training;
  training.training = true;
  for (const TaskInfo& task : session->model_.tasks)
    if (task.has_loss) training.objective_tasks.insert(task.name);
  auto trained = session->elaborator_(training);  // the balancer's parameters are in the objective alone
  if (!trained) return nullptr;
  std::set<std::string> known;
  for (const ParamInfo& param : session->params_) known.insert(param.path);
  for (const ParamInfo& param : trained->params)
    if (known.insert(param.path).second) session->params_.push_back(param);
  session->make_weights();
  return session;
}

std::unique_ptr<Session> Session::open_for_prediction(Elaborator elaborator, std::set<std::string> tasks,
                                                      const SessionOptions& options) {
  std::unique_ptr<Session> session(new Session(std::move(elaborator), options));
  ElaborateOptions asked;
  asked.losses = false;
  asked.tasks = std::move(tasks);
  auto model = session->elaborator_(asked);
  if (!model) return nullptr;
  session->model_ = std::move(*model);
  session->params_ = session->model_.params;
  session->make_weights();
  return session;
}

// Parameters first, so that runs of them are not cut by states.
void Session::make_weights() {
  std::stable_partition(params_.begin(), params_.end(), [](const ParamInfo& param) { return param.trained; });
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes;
  for (const ParamInfo& param : params_) shapes.emplace_back(param.path, sizes(param.dims));
  weights_ = std::make_unique<model::Weights>(std::move(shapes));
}

const TaskInfo* Session::task(const std::string& name) const {
  for (const TaskInfo& task : model_.tasks)
    if (task.name == name) return &task;
  return nullptr;
}

std::vector<std::string> Session::sources(bool trained) const {
  std::vector<std::string> sources;
  for (const TaskInfo& task : model_.tasks) {
    if (trained && !task.has_loss) continue;
    if (std::find(sources.begin(), sources.end(), task.source) == sources.end()) sources.push_back(task.source);
  }
  return sources;
}

float* Session::gradients() {
  if (!gradients_) gradients_ = weights_->like();
  return gradients_.get();
}

std::unique_ptr<engine::Engine> Session::compile(const ir::Graph& graph, pipeline::Request request) {
  request.bf16 = options_.bf16;
  request.sparse_gradients = options_.rows;
  pipeline::Compiled compiled = pipeline::compile(graph, request, options_.object_cache);
  engine::ParamBlock block;
  block.weights = weights_->data();
  if (!request.gradients_of.empty()) block.gradients = gradients();
  block.offset = [this](const std::string& path) {
    const model::Entry* entry = weights_->find(path);
    MTL_CHECK(entry != nullptr, "a parameter that the weights hold");
    return entry->offset;
  };
  return std::make_unique<engine::Engine>(std::move(compiled.program), std::move(compiled.code), std::move(block));
}

std::optional<TrainingProgram> Session::training(const std::set<std::string>& sources) {
  ElaborateOptions options;
  options.training = true;
  TrainingProgram out;
  for (const TaskInfo& task : model_.tasks) {
    if (!task.has_loss || !sources.count(task.source)) continue;
    options.objective_tasks.insert(task.name);
    out.tasks.push_back(task.name);
  }
  MTL_CHECK(!out.tasks.empty(), "a source that a trained task reads");
  auto model = elaborator_(options);
  if (!model) return std::nullopt;
  for (const ParamInfo& param : model->params) {
    if (!param.trained && has_output(model->graph, "update " + param.path)) out.updates.push_back(param.path);
  }
  const std::string monitor = "monitor.";
  for (const ir::Output& output : model->graph.outputs) {
    if (output.name.rfind(monitor, 0) == 0) out.monitors.push_back(output.name.substr(monitor.size()));
  }
  out.balanced = model->balanced;
  out.engine = compile(model->graph, pipeline::training_request(*model, out.tasks, options_.frozen));
  out.reach = reach_of(out.engine->program());
  if (!model->reads_after) return out;
  options.after = true;
  auto after = elaborator_(options);
  if (!after) return std::nullopt;
  pipeline::Request request;
  for (const ParamInfo& param : after->params) {
    const std::string name = "update " + param.path;
    if (param.trained || !has_output(after->graph, name) || has_output(model->graph, name)) continue;
    request.outputs.push_back(name);
    out.after_updates.push_back(param.path);
  }
  if (!request.outputs.empty()) out.after = compile(after->graph, std::move(request));
  return out;
}

std::unique_ptr<engine::Engine> Session::evaluation(const std::string& source) {
  pipeline::Request request;
  for (const TaskInfo& task : model_.tasks) {
    if (task.source != source) continue;
    request.outputs.push_back("predict." + task.name);
    if (has_class_scores(task)) request.outputs.push_back("head." + task.name);
    if (task.has_loss) request.outputs.insert(request.outputs.end(), {"loss." + task.name, "count." + task.name});
  }
  return compile(model_.graph, std::move(request));
}

std::unique_ptr<engine::Engine> Session::prediction(const std::vector<std::string>& tasks,
                                                    const std::vector<std::string>& heads) {
  pipeline::Request request;
  for (const std::string& task : tasks) request.outputs.push_back("predict." + task);
  for (const std::string& task : heads) request.outputs.push_back("head." + task);
  return compile(model_.graph, std::move(request));
}

std::unique_ptr<engine::Engine> Session::row_weights(const std::string& task) {
  ElaborateOptions options;
  options.training = true;  // elsewhere `progress` is 1
  options.objective_tasks.insert(task);
  const auto model = elaborator_(options);
  if (!model) return nullptr;
  pipeline::Request request;
  request.outputs = {"weight." + task};
  return compile(model->graph, std::move(request));
}

std::vector<float> scalars_with_progress(const engine::Engine& engine, double progress) {
  std::vector<float> values(std::max<size_t>(engine.program().scalars.size(), 1), 0.0f);
  const int index = engine.scalar("progress");
  if (index >= 0) values[static_cast<size_t>(index)] = static_cast<float>(progress);
  return values;
}

}  // namespace mtl::training
