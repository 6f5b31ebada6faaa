// The part of the foreign program that differs from package to package: which fields and which calls there are.
#pragma once
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace mtl::aot_test {

// `manifest`: NAME.json. `headers`: the texts of NAME.h and NAME_c.h, for what the manifest does not say. `lines`:
// examples are lines of text. `tasks`: only these (empty: all).
std::string calls_text(const nlohmann::json& manifest, const std::string& header, const std::string& c_header,
                       bool lines, const std::set<std::string>& tasks);

}  // namespace mtl::aot_test
