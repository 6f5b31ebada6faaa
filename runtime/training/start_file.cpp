// A model of ours carries its program. It is elaborated once more, as it was when it was trained, and once with symbols
// for the sizes that its data decided: the two together say whose numbers its tensors hold.
#include "runtime/training/start_file.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/checked.h"
#include "runtime/data/load.h"
#include "runtime/model/model_file.h"

namespace mtl::training {

namespace {

// Empty: this mtlc cannot read the program.
RowsByPath rows_of_model(const model::ModelFile& model) {
  SourceMap sources;
  diag::Emitter emitter(&sources);
  sema::CheckOptions check{model.model, model.sets, {}};
  check.texts.insert(model.sources.begin(), model.sources.end());
  const auto& [name, text] = model.sources.front();
  const auto file = sema::check_text(name, text, sources, check, emitter);
  if (!file || emitter.has_errors()) return {};
  const auto program = elaborate::describe(*file, emitter);
  std::string why;
  if (!program || !data::fits_spec(model.fitted, program->data, why)) return {};
  const auto params = all_params(make_elaborator(*file, program->data, model.fitted, emitter));
  if (!params) return {};
  const auto symbolic = all_params(
      [&](const elaborate::ElaborateOptions& options) { return elaborate::elaborate(*file, options, emitter); });
  return rows_of(*params, symbolic ? &*symbolic : nullptr, model.fitted);
}

}  // namespace

std::unique_ptr<StartFile> read_start_file(const std::string& path, std::string name, std::string& why) {
  auto file = model::read_safetensors(path, why);
  if (!file) return nullptr;
  auto out = std::make_unique<StartFile>();
  out->name = std::move(name);
  out->ours = model::is_model(*file);
  if (!out->ours) {
    out->tensors = std::move(file->tensors);
    return out;
  }
  auto model = model::to_model(std::move(*file), why);
  if (!model) return nullptr;
  out->rows = rows_of_model(*model);
  out->tensors = std::move(model->tensors);
  out->fitted = std::move(model->fitted);
  return out;
}

std::string not_finite(const model::Tensor& tensor) {
  const auto bad =
      std::find_if(tensor.values.begin(), tensor.values.end(), [](float value) { return !std::isfinite(value); });
  if (bad == tensor.values.end()) return "";
  return std::string(std::isnan(*bad) ? "no number" : "an infinite number") + " at place " +
         std::to_string(bad - tensor.values.begin()) + " of " + std::to_string(tensor.values.size());
}

std::optional<std::vector<elaborate::ParamInfo>> all_params(const Elaborator& elaborator) {
  const auto evaluated = elaborator({});
  if (!evaluated) return std::nullopt;
  elaborate::ElaborateOptions training;
  training.training = true;
  for (const elaborate::TaskInfo& task : evaluated->tasks)
    if (task.has_loss) training.objective_tasks.insert(task.name);
  const auto trained = elaborator(training);
  if (!trained) return std::nullopt;
  std::vector<elaborate::ParamInfo> params = evaluated->params;
  std::set<std::string> known;
  for (const elaborate::ParamInfo& param : params) known.insert(param.path);
  for (const elaborate::ParamInfo& param : trained->params)
    if (known.insert(param.path).second) params.push_back(param);
  return params;
}

}  // namespace mtl::training
