// What the functions of a package throw.
#pragma once
#include <stdexcept>

namespace mtl::runtime::deploy {

// A weights file that cannot be opened, is damaged, or belongs to another model: the text names the file. Or MTLC_CPU
// asks for what cannot be had: the text names the package and the variable.
class LoadError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An input that the model does not take. The text names the column.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace mtl::runtime::deploy
