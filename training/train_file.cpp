// `mtlc train`: from a checked file to a trained model.
#include <filesystem>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/checked.h"
#include "training/train.h"

namespace mtl::training {

model::ModelFile about_model(const sema::CheckedFile& file, const SourceMap& sources, const sema::CheckOptions& check) {
  model::ModelFile about;
  if (file.model != nullptr) about.model = file.model->name.text;
  about.sets = check.sets;
  std::filesystem::path folder;
  for (const auto& unit : file.units) {
    if (unit->library) continue;
    const SourceFile& source = sources.file(unit->tree.file);
    const std::filesystem::path path = source.path();
    if (about.sources.empty()) folder = path.parent_path();
    const auto relative = path.lexically_relative(folder);
    about.sources.emplace_back(relative.empty() ? path.filename().string() : relative.string(), source.text());
  }
  return about;
}

std::optional<TrainReport> train_file(const sema::CheckedFile& file, const SourceMap& sources,
                                      const sema::CheckOptions& check, const data::LoadOptions& load,
                                      const TrainOptions& options, Observer& observer, diag::Emitter& emitter) {
  auto program = elaborate::describe(file, emitter);
  if (!program) return std::nullopt;
  auto dataset = data::load(program->data, load, emitter);
  if (!dataset) return std::nullopt;
  const TrainInput input{
      make_elaborator(file, program->data, dataset->fitted, emitter),
      [&](const elaborate::ElaboratedModel& model) { return elaborate::check_requirements(file, model, emitter); },
      program->data,
      *dataset,
      program->train,
      about_model(file, sources, check)};
  return train(input, options, observer, emitter);
}

}  // namespace mtl::training
