// The text form of a graph (print.h) back to a graph. Types are inferred again and compared with those written.
#pragma once
#include <string>
#include <string_view>

#include "compiler/ir/graph.h"
#include "support/base/result.h"

namespace mtl::ir {

struct ReadError {
  int line = 0;  // 1-based
  std::string message;
};

// Lines that are empty or start with "//" are skipped; a result type may be left out (": ..." is optional).
Result<Graph, ReadError> read(std::string_view text);

}  // namespace mtl::ir
