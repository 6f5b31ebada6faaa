// optimizer = adamw(lr = 1e-3, weight_decay = 0.01): a part of train_config.
#pragma once
#include <optional>

#include "compiler/sema/settings.h"
#include "support/settings/train_config.h"

namespace mtl::sema {

std::optional<training::OptimizerConfig> read_optimizer(const syntax::Expr& expr, SettingReader& reader);

}  // namespace mtl::sema
