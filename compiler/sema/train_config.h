// The `train` block: its checks, and what it says as plain data (support/settings/train_config.h).
#pragma once
#include <optional>

#include "compiler/sema/facts.h"
#include "support/settings/train_config.h"

namespace mtl::sema {

void check_train(const CheckedFile& file, UnitId unit, const syntax::ModelDecl& model, DeclFacts& facts,
                 diag::Emitter& emitter);

// Of the chosen model; the defaults if it has no `train`. nullopt after errors.
std::optional<training::TrainConfig> describe_train(const CheckedFile& file, diag::Emitter& emitter);

}  // namespace mtl::sema
