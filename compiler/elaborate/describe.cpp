// The parts of a checked file that are plain data: sources and vocabularies, and how to train. Their readers are in
// compiler/sema, which has run them once for their reports.
#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/checked.h"
#include "compiler/sema/data_spec.h"
#include "compiler/sema/train_config.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

std::optional<Program> describe(const sema::CheckedFile& file, diag::Emitter& emitter) {
  if (file.model == nullptr) {
    emitter.report(diag::NoModel).help("`model NAME { ... }` holds the tasks and the layers they share");
    return std::nullopt;
  }
  std::optional<data::Spec> data = sema::describe_data(file, emitter);
  std::optional<training::TrainConfig> train = sema::describe_train(file, emitter);
  if (!data || !train) return std::nullopt;
  return Program{file.model->name.text, std::move(*data), std::move(*train)};
}

}  // namespace mtl::elaborate
