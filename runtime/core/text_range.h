// Shipped in packages, where the public header includes it.
#pragma once
#include <cstdint>

namespace mtl::runtime {

// Where a part of a text stands in it, [begin, end), in characters: Unicode code points, as Python counts them.
struct TextRange {
  int64_t begin = 0, end = 0;
};
inline bool operator==(const TextRange& a, const TextRange& b) {
  return a.begin == b.begin && a.end == b.end;
}

}  // namespace mtl::runtime
