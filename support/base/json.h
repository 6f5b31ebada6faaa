// The one way JSON that we did not write ourselves is read: headers of model files, lines of data, inputs of `predict`.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "support/base/result.h"

namespace mtl {

struct JsonFault {
  std::string what;       // `unexpected `}` at column 7`, `it is nested deeper than 128`
  std::string too_large;  // the number, if the fault is that no double holds it
};

// What RFC 8259 allows, less: nesting of 128 at most (dumping and walking a value recurse), no key twice in an object
// (which of them counts would be a guess), and no text whose value takes more than 20 bytes of memory for each of its
// own, beside the first 64 KiB (`[{},{},...` would).
Result<nlohmann::json, JsonFault> parse_json(std::string_view text);

}  // namespace mtl
