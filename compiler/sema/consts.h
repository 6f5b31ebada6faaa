// Values of the constants, with --set applied.
#pragma once
#include "compiler/sema/check.h"
#include "compiler/sema/checked.h"

namespace mtl::sema {

// Fills `file.consts` for every unit. Reports circles, values that are not static, and a --set that names no constant
// of the main file or gives it a value of another kind.
void compute_consts(CheckedFile& file, const CheckOptions& options, SourceMap& sources, diag::Emitter& emitter);

}  // namespace mtl::sema
