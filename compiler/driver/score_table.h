// Scores as people and machines read them.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "training/report.h"

namespace mtl::driver {

// Tasks down, metrics across; what a task does not have is blank. Combined metrics follow below.
std::string score_table(const training::Scores& scores, bool color);
// "intent.accuracy 0.973  slots.span_f1 0.912" on one line.
std::string score_line(const training::Scores& scores);
// NaN and infinity are null in JSON.
nlohmann::json number(double value);
nlohmann::json losses(const std::vector<training::TaskLoss>& losses);

}  // namespace mtl::driver
