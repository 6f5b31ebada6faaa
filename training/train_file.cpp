// `mtlc train`: from a checked file to a trained model.
#include <filesystem>

#include "compiler/base/text.h"
#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/checked.h"
#include "training/train.h"

namespace mtl::training {

namespace fs = std::filesystem;

model::ModelFile about_model(const sema::CheckedFile& file, const SourceMap& sources, const sema::CheckOptions& check) {
  model::ModelFile about;
  if (file.model != nullptr) about.model = file.model->name.text;
  about.sets = check.sets;
  std::vector<std::pair<fs::path, const SourceFile*>> files;
  for (const auto& unit : file.units) {
    if (unit->library) continue;
    const SourceFile& source = sources.file(unit->tree.file);
    files.emplace_back(fs::absolute(source.path()).lexically_normal(), &source);
  }
  // Names in a model are below one folder, the innermost that holds all of them: `use "../common.mtl"` leads to it.
  fs::path folder = files.empty() ? fs::path() : files[0].first.parent_path();
  for (const auto& [path, source] : files)
    while (*path.lexically_relative(folder).begin() == "..") folder = folder.parent_path();
  for (const auto& [path, source] : files)
    about.sources.emplace_back(printable(path.lexically_relative(folder).string()), source->text());
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
      make_elaborator(file, program->data, *dataset, emitter),
      [&](const elaborate::ElaboratedModel& model) { return elaborate::check_requirements(file, model, emitter); },
      program->data,
      *dataset,
      program->train,
      about_model(file, sources, check)};
  return train(input, options, observer, emitter);
}

}  // namespace mtl::training
