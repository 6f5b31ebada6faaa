// mtlc emit cpp: a trained model as a folder that a C++ project builds. See compiler/aot/package.h.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "compiler/aot/cpp_names.h"
#include "compiler/aot/package.h"
#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/driver/package_folder.h"
#include "runtime/inference/predict.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::driver {
namespace {

namespace fs = std::filesystem;

// The name becomes a namespace, a folder and a library.
std::optional<std::string> package_name(const Options& options, const model::ModelFile& model, diag::Emitter& emitter) {
  const std::string name = options.name.empty() ? aot::identifier(model.model).str() : options.name;
  const bool ours = name == "mtl";
  if (name == aot::identifier(name).str() && !ours) return name;
  const std::string better = ours ? "mtl_model" : aot::identifier(name).str();
  auto report = emitter.report(diag::NoPackageName, name).help("`--name " + better + "` would do");
  if (ours) std::move(report).note("`mtl` is the namespace of what every package brings along");
  return std::nullopt;
}

// The model with its weights, as generated code will see it.
bool emit_package(const Options& options, Front& front, const model::ModelFile& file) {
  diag::Emitter& emitter = front.emitter();
  const auto name = package_name(options, file, emitter);
  if (!name) return false;
  std::string why;
  if (!data::fits_spec(file.fitted, front.program().data, why)) {
    emitter.report(diag::CannotLoadModel, options.file, why);
    return false;
  }
  training::known_tasks(options.tasks, front.task_names(), emitter);
  if (emitter.has_errors()) return false;
  const training::Elaborator elaborator =
      training::make_elaborator(front.file(), front.program().data, file.fitted, emitter);
  const auto session =
      training::Session::open_for_prediction(elaborator, {options.tasks.begin(), options.tasks.end()}, {});
  if (!session) return false;
  if (!model::to_weights(file.tensors, session->weights(), why)) {
    emitter.report(diag::CannotLoadModel, options.file, why);
    return false;
  }
  auto model = aot::make_cpp_model(
      {*name, front.program().data, file.fitted, session->model(), session->weights(), front.sources()}, emitter);
  if (!model) return false;
  model->embedded = options.embed;
  if (options.artifact == "object" && !aot::compile_objects(*model, options.cpus, emitter)) return false;
  if (!options.source.empty()) {
    for (const auto& unit : front.file().units) {
      if (!unit->library) model->files.push_back(fs::absolute(front.sources().file(unit->tree.file).path()).string());
    }
  }
  const fs::path folder = options.out_dir.empty() ? *name : options.out_dir;
  if (!write_package(folder.string(), aot::make_package(*model), emitter)) return false;
  if (options.json) {
    fmt::print("{}\n", nlohmann::json{{"event", "package"}, {"name", *name}, {"folder", folder.string()}}.dump(
                           -1, ' ', false, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("package `{}` in {}: see {}\n", *name, printable(folder.string()),
               printable((folder / "README.md").string()));
  }
  return true;
}

}  // namespace

int run_emit_package(const Options& options) {
  Front front(options);
  const auto model = front.open_model();
  const bool good = model && emit_package(options, front, *model);
  front.flush_reports();
  return good && !front.failed() ? kGood : kUserError;
}

}  // namespace mtl::driver
