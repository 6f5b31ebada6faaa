// Scores as people and machines read them.
#pragma once
#include <string>

#include "runtime/training/report.h"

namespace mtl::driver {

// Tasks down, metrics across; what a task does not have is blank. Below a task of several columns each of them.
// Combined metrics follow below.
std::string score_table(const training::Scores& scores, bool color);
// "intent.accuracy 0.973  slots.span_f1 0.912" on one line.
std::string score_line(const training::Scores& scores);

}  // namespace mtl::driver
