// mtlc check: everything that can be said without data. mtlc explain: what a code means.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/elaborate/elaborate.h"

namespace mtl::driver {
namespace {

std::string parameter_count(const elaborate::ElaboratedModel& model) {
  types::Dim total = 0;
  for (const elaborate::ParamInfo& p : model.params) {
    if (p.trained) total = total + types::product(p.dims);
  }
  return total.text();
}

void print_summary(const Options& options, const elaborate::ElaboratedModel& model) {
  if (options.json) {
    nlohmann::json tasks = nlohmann::json::array();
    for (const auto& task : model.tasks) tasks.push_back(task.name);
    fmt::print("{}\n",
               nlohmann::json{
                   {"event", "check"}, {"model", model.name}, {"tasks", tasks}, {"parameters", parameter_count(model)}}
                   .dump());
    return;
  }
  std::string tasks;
  for (const auto& task : model.tasks) tasks += (tasks.empty() ? "" : ", ") + task.name;
  fmt::print("{}: model {} is well-formed\n  tasks       {}\n  parameters  {}\n", options.file, model.name, tasks,
             parameter_count(model));
}

}  // namespace

int run_check(const Options& options) {
  Front front(options);
  std::optional<elaborate::ElaboratedModel> model;
  if (front.open(false) && front.file().model != nullptr) {
    elaborate::ElaborateOptions elaborate;
    elaborate.training = true;
    model = front.symbolic_elaborator()(elaborate);
    if (model) elaborate::check_requirements(front.file(), *model, front.emitter());
  }
  front.flush_reports();
  if (front.failed()) return kUserError;
  if (model) {
    print_summary(options, *model);
  } else if (!options.json) {
    fmt::print("{}: well-formed; it has no model\n", options.file);
  }
  return kGood;
}

int run_explain(const Options& options) {
  for (const diag::Kind* kind : diag::all_kinds()) {
    if (options.file != kind->code && options.file != kind->name) continue;
    const char* severity = kind->severity == diag::Severity::warning ? "warning"
                           : kind->severity == diag::Severity::error ? "error"
                                                                     : "not supported yet";
    fmt::print("{} {} ({})\n  {}\n", kind->code, kind->name, severity, kind->format);
    return kGood;
  }
  fmt::print(stderr, "mtlc explain: there is no code {}\n", options.file);
  return kUserError;
}

}  // namespace mtl::driver
