// `mtlc eval`: a model file on data that is read and encoded with what was fitted when it was trained.
#include <list>

#include "runtime/training/evaluate.h"
#include "runtime/training/labels.h"
#include "support/base/check.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

std::optional<Scores> evaluate_model(const sema::CheckedFile& file, const model::ModelFile& model,
                                     const EvaluateOptions& options, diag::Emitter& emitter) {
  const auto program = elaborate::describe(file, emitter);
  if (!program) return std::nullopt;
  std::string why;
  if (!data::fits_spec(model.fitted, program->data, why)) {
    emitter.report(diag::CannotLoadModel, model.model, why);
    return std::nullopt;
  }
  SessionOptions session_options;
  session_options.object_cache = options.object_cache;
  const auto session = Session::open(make_elaborator(file, program->data, model.fitted, emitter), session_options);
  if (!session) return std::nullopt;
  if (!model::to_weights(model.tensors, session->weights(), why)) {
    emitter.report(diag::CannotLoadModel, model.model, why);
    return std::nullopt;
  }
  std::list<data::Split> splits;  // they stay where they are
  std::vector<SplitOf> parts;
  for (const std::string& name : session->sources(false)) {
    const data::SourceSpec* source = find_source(program->data, name);
    MTL_CHECK(source != nullptr, "the source that a task reads");
    if (!data::has_split(*source, options.split)) continue;
    auto split = data::encode_split(*source, options.split, model.fitted, options.load, emitter);
    if (!split) return std::nullopt;
    for (const elaborate::TaskInfo& task : session->model().tasks) {
      if (task.source == name && !check_inputs(*split, options.split, task, emitter)) return std::nullopt;
    }
    splits.push_back(std::move(*split));
    parts.push_back({name, &splits.back()});
  }
  if (parts.empty()) {
    emitter.report(diag::NoFilesOfSplit, options.split)
        .at(program->data.sources.empty() ? SourceRange{} : program->data.sources[0].range);
    return std::nullopt;
  }
  Scores scores = Evaluator(*session, program->data, model.fitted).evaluate(parts);
  std::set<std::string> said;
  warn_undefined(scores, options.split, said, emitter);
  return scores;
}

}  // namespace mtl::training
