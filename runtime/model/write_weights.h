// Writes what weights_file.h reads. For the compiler; packages do not have it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "runtime/core/deploy/weights_file.h"

namespace mtl::runtime::deploy {

struct SectionData {
  std::string name;  // for messages
  SectionSpec::Kind kind = SectionSpec::Kind::numbers;
  const float* numbers = nullptr;  // `count` floats; for numbers
  size_t count = 0;
  std::vector<std::string> names;  // distinct, at most 2^30; for a vocabulary
};

// The bytes of the file. Throws std::invalid_argument for a vocabulary with a name twice, or too large.
std::string weights_bytes(uint64_t fingerprint, const std::vector<SectionData>& sections);

}  // namespace mtl::runtime::deploy
