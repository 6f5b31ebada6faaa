// Names of C++ from names of a .mtl file: valid identifiers, no two alike.
#pragma once
#include <map>
#include <set>
#include <string>
#include <string_view>

namespace mtl::aot {

// Letters, digits and single underscores; what else there is becomes an underscore. Never a keyword, never a name that
// is reserved to the implementation.
std::string identifier(std::string_view text);
std::string camel_case(std::string_view text);  // "movie_pair" -> "MoviePair"

// Hands out identifiers of one scope: a name that is taken gets a number.
class Scope {
 public:
  explicit Scope(std::set<std::string> taken = {}) : taken_(std::move(taken)) {}
  std::string add(const std::string& wanted);

 private:
  std::set<std::string> taken_;
};

std::string quoted(std::string_view text);  // a C++ string literal

}  // namespace mtl::aot
