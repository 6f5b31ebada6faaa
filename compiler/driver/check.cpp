// mtlc check: everything that can be said without data.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/elaborate/elaborate.h"
#include "runtime/training/optimize.h"
#include "support/base/text.h"

namespace mtl::driver {
namespace {

std::string parameter_count(const elaborate::ElaboratedModel& model) {
  types::Dim total = 0;
  for (const elaborate::ParamInfo& p : model.params) {
    if (p.trained) total = total + types::product(p.dims);
  }
  return total.text();
}

std::vector<std::string> task_names(const elaborate::ElaboratedModel& model) {
  std::vector<std::string> names;
  for (const auto& task : model.tasks) names.push_back(task.name);
  return names;
}

// The last line of `check --json`, whatever was found.
void print_event(const Options& options, const elaborate::ElaboratedModel* model,
                 const std::vector<std::string>& unchecked, size_t errors, size_t warnings) {
  nlohmann::json line{{"event", "check"},     {"file", options.file},     {"good", errors == 0}, {"errors", errors},
                      {"warnings", warnings}, {"not_checked", unchecked}, {"model", nullptr}};
  if (model != nullptr) {
    line["model"] = model->name;
    line["tasks"] = task_names(*model);
    line["parameters"] = parameter_count(*model);
  }
  fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

// A balancer and its parameters are in the objective alone.
void check_objective(Front& front, const elaborate::ElaboratedModel& model, elaborate::ElaborateOptions options) {
  const training::TrainConfig& train = front.program().train;
  if (!model.balanced && train.groups.empty() && train.frozen.empty() && train.loads.empty()) return;
  for (const auto& task : model.tasks)
    if (task.has_loss) options.objective_tasks.insert(task.name);
  const auto trained = front.symbolic_elaborator()(options);
  if (trained) training::check_patterns(train, trained->params, front.emitter());
}

}  // namespace

int run_check(const Options& options) {
  Front front(options);
  std::optional<elaborate::ElaboratedModel> model;
  std::vector<std::string> unchecked;
  const bool open = front.open(false);
  if (open && front.file().model != nullptr) {
    elaborate::ElaborateOptions elaborate;
    elaborate.training = true;
    model = front.symbolic_elaborator()(elaborate);
    if (model) elaborate::check_requirements(front.file(), *model, front.program().train, front.emitter());
    if (model) check_objective(front, *model, elaborate);
  }
  if (model && !front.emitter().has_errors()) {
    elaborate::ElaborateOptions elaborate;
    elaborate.training = true;
    elaborate::check_unused_lets(front.file(), elaborate, front.emitter());
  }
  if (open && (model || front.file().model == nullptr) && !front.emitter().has_errors())
    unchecked = elaborate::check_unused(front.file(), model ? model->applied : std::set<const syntax::Decl*>{},
                                        front.emitter());
  const size_t errors = front.emitter().error_count();
  const size_t warnings = front.emitter().sorted().size() - errors;
  front.flush_reports();
  if (front.failed()) model.reset();
  if (options.json) {
    print_event(options, model ? &*model : nullptr, unchecked, errors, warnings);
  } else if (model) {
    fmt::print("{}: model {} is well-formed\n  tasks       {}\n  parameters  {}\n", options.file, model->name,
               join(task_names(*model)), parameter_count(*model));
  } else if (!front.failed()) {
    fmt::print("{}: well-formed; it has no model\n", options.file);
  }
  if (!options.json && !front.failed() && !unchecked.empty())
    fmt::print("  not checked {}: no task uses {}, and sizes cannot be made up\n", join(unchecked),
               unchecked.size() == 1 ? "it" : "them");
  return front.failed() ? kUserError : kGood;
}

}  // namespace mtl::driver
