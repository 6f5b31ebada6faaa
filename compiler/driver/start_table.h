// What of a model starts from a file, as a table for the terminal.
#pragma once
#include <string>

#include "runtime/training/report.h"

namespace mtl::driver {

// A line for what was taken of each layer or task, one for each parameter that has only a part of its numbers or none
// of them, and the tensors that are left.
std::string start_table(const training::StartValues& start);

}  // namespace mtl::driver
