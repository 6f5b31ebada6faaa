// mtlc emit graph|ir|llvm (cpp and object: emit_package.cpp): what the compiler makes of a file, as text on standard
// output.
#include <fmt/format.h>

#include <algorithm>

#include "compiler/codegen/jit.h"
#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/elaborate/elaborate.h"
#include "compiler/ir/print.h"
#include "compiler/passes/pipeline.h"
#include "compiler/pipeline/compile.h"
#include "compiler/program/lower.h"
#include "runtime/inference/predict.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::driver {
namespace {

// What is asked for: predictions of the tasks, or the objective with the gradient of every parameter.
pipeline::Request make_request(const Options& options, const elaborate::ElaboratedModel& model,
                               const training::TrainConfig& train) {
  pipeline::Request request;
  std::vector<std::string> trained;
  for (const auto& task : model.tasks) {
    request.outputs.push_back("predict." + task.name);
    if (task.has_loss) trained.push_back(task.name);
  }
  const auto frozen = [&](const std::string& path) { return training::is_frozen(train, path); };
  if (options.training) request = pipeline::training_request(model, trained, frozen);
  request.bf16 = train.bf16;
  request.sparse_gradients = training::Optimizer::wants_rows(train);
  if (!options.dump_after.empty()) {
    request.after = [&](const std::string& step, const ir::Graph& graph) {
      if (step == options.dump_after) fmt::print("// after {}\n{}", step, ir::print(graph));
    };
  }
  return request;
}

}  // namespace

int run_emit(const Options& options) {
  if (options.artifact == "cpp" || options.artifact == "object") return run_emit_package(options);
  Front front(options);
  if (!front.open() || !front.load(false)) {
    front.flush_reports();
    return kUserError;
  }
  training::known_tasks(options.tasks, front.task_names(), front.emitter());
  std::vector<std::string> known = passes::pass_names();
  known.insert(known.begin(), "elaborate");
  if (!options.dump_after.empty() && std::find(known.begin(), known.end(), options.dump_after) == known.end())
    front.emitter().report(diag::UnknownPass, options.dump_after).help("there are " + join(known));
  if (front.failed()) {
    front.flush_reports();
    return kUserError;
  }
  elaborate::ElaborateOptions elaborate;
  elaborate.training = options.training;
  elaborate.losses = options.training;
  elaborate.tasks = {options.tasks.begin(), options.tasks.end()};
  if (options.training) {
    const auto shape = front.elaborator(front.dataset().fitted)(elaborate);
    if (shape) {
      for (const auto& task : shape->tasks) {
        if (task.has_loss) elaborate.objective_tasks.insert(task.name);
      }
    }
  }
  const auto model = front.failed() ? std::nullopt : front.elaborator(front.dataset().fitted)(elaborate);
  front.flush_reports();
  if (!model || front.failed()) return kUserError;
  const pipeline::Request request = make_request(options, *model, front.program().train);
  if (options.artifact == "graph" || !options.dump_after.empty()) {
    const ir::Graph graph = pipeline::make_graph(model->graph, request);
    if (options.dump_after.empty()) fmt::print("{}", ir::print(graph));
  } else {
    const program::Program program = pipeline::make_program(model->graph, request);
    fmt::print("{}", options.artifact == "ir" ? program::print(program) : codegen::emit_llvm(program));
  }
  return kGood;
}

}  // namespace mtl::driver
