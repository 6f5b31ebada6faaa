// Task outputs of an engine run, as rows.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "runtime/engine/engine.h"

namespace mtl::training {

// Rows of "predict.TASK" or "head.TASK", gathered over batches.
struct Rows {
  int64_t width = 1;
  std::vector<int32_t> ids;    // label
  std::vector<float> numbers;  // everything else
  int64_t count() const { return static_cast<int64_t>(ids.size() + numbers.size()) / (width > 0 ? width : 1); }
};

// Appends the rows of an output of the engine's last run.
void append_output(const engine::Engine& engine, const std::string& name, Rows& rows);

}  // namespace mtl::training
