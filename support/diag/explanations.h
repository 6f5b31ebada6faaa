// What `mtlc explain` says of a code beyond its message: how one comes to meet it, and a piece of a program before and
// after the repair.
#pragma once
#include <span>
#include <string_view>

#include "support/diag/diagnostic.h"

namespace mtl::diag {

struct Explanation {
  const Kind* kind;
  std::string_view text;
  std::string_view place;            // where the pieces stand: "value", "model", ... of tests/book/frame.txt;
                                     // "rows": a file for tests/book/rows.mtl;
                                     // "test": `mistake` is the test that provokes the code, as data or a run is needed
  std::string_view mistake, repair;  // as tests/book/examples_test.cpp compiles them
};

std::span<const Explanation> explanations();  // explanations.def
const Explanation* explanation(const Kind& kind);

}  // namespace mtl::diag
