// What no task of the model reaches: modules, functions and criteria, each run by itself on inputs of sizes that are
// made up. What is wrong with all of these sizes is wrong.
#pragma once
#include <functional>

#include "compiler/elaborate/tasks/context.h"

namespace mtl::elaborate {

// Dimensions are `dimension`, `dimension + step`, ..; ints `count`, `count + more`, ..
struct MadeUpSizes {
  int64_t dimension, step, count, more;
};

}  // namespace mtl::elaborate
