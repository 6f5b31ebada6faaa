// The diagnostics of model.def (model files, training and commands) as constants. One header a phase: a new message
// rebuilds its phase alone.
#pragma once
#include "support/diag/diagnostic.h"

namespace mtl::diag {

#define MTL_DIAG(name, code, severity, arguments, format) extern const Kind name;
#include "support/diag/kinds/model.def"
#undef MTL_DIAG

}  // namespace mtl::diag
