// Names of C++ from names of a .mtl file: valid identifiers, no two alike.
#pragma once
#include <set>
#include <string_view>

#include "compiler/aot/cpp_text.h"

namespace mtl::aot {

// Letters, digits and single underscores; what else there is becomes an underscore. Never a keyword, never a name that
// is reserved to the implementation.
CppText identifier(std::string_view text);
CppText camel_case(std::string_view text);  // "movie_pair" -> "MoviePair"

// Hands out identifiers of one scope: a name that is taken gets a number.
class Scope {
 public:
  explicit Scope(std::set<CppText> taken = {}) : taken_(std::move(taken)) {}
  CppText add(const CppText& wanted);

 private:
  std::set<CppText> taken_;
};

}  // namespace mtl::aot
