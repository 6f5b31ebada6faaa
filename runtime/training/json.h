// What the JSON of reports, metrics and predictions shares.
#pragma once
#include <cmath>
#include <nlohmann/json.hpp>

namespace mtl::training {

using Json = nlohmann::ordered_json;

// JSON has no NaN: null.
inline Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

}  // namespace mtl::training
