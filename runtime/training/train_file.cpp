// `mtlc train`: from a checked file to a trained model.
#include <filesystem>
#include <map>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/checked.h"
#include "runtime/data/cache.h"
#include "runtime/data/vectors.h"
#include "runtime/training/train.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"

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

namespace {

// Files of vectors may be large, and how wide a table is does not depend on the data: a width that differs is found on
// the first line.
bool vectors_fit(const sema::CheckedFile& file, const data::Spec& spec, const std::string& data_dir,
                 diag::Emitter& emitter) {
  std::map<std::string, int64_t> widths;
  for (const data::VocabSpec& vocab : spec.vocabs) {
    if (vocab.embeddings.empty()) continue;
    if (const auto width = data::width_of_vectors(data::join_path(data_dir, vocab.embeddings)))
      widths[vocab.name] = *width;
  }
  if (widths.empty()) return true;
  elaborate::ElaborateOptions options;
  options.vectors_of = [&](const std::string& vocab) {
    const auto found = widths.find(vocab);
    return found == widths.end() ? std::nullopt : std::optional<int64_t>(found->second);
  };
  diag::Emitter said(emitter.sources());
  elaborate::elaborate(file, options, said);
  bool fit = true;
  for (diag::Diagnostic& diagnostic : said.sorted()) {  // all else is said where the sizes are known
    if (diagnostic.kind != &diag::VectorWidth) continue;
    emitter.add(std::move(diagnostic));
    fit = false;
  }
  return fit;
}

}  // namespace

std::optional<TrainReport> train_file(const sema::CheckedFile& file, const SourceMap& sources,
                                      const sema::CheckOptions& check, const data::LoadOptions& load,
                                      const TrainOptions& options, Observer& observer, diag::Emitter& emitter) {
  auto program = elaborate::describe(file, emitter);
  if (!program) return std::nullopt;
  if (!vectors_fit(file, program->data, load.data_dir, emitter)) return std::nullopt;
  auto dataset = data::load(program->data, load, emitter);
  if (!dataset) return std::nullopt;
  const TrainInput input{make_elaborator(file, program->data, *dataset, emitter),
                         [&](const elaborate::ElaboratedModel& model) {
                           return elaborate::check_requirements(file, model, program->train, emitter);
                         },
                         program->data,
                         *dataset,
                         program->train,
                         about_model(file, sources, check),
                         load.data_dir,
                         [&](const elaborate::ElaborateOptions& asked) {
                           diag::Emitter aside(emitter.sources());
                           return elaborate::elaborate(file, asked, aside);
                         }};
  return train(input, options, observer, emitter);
}

}  // namespace mtl::training
