// What the header of a package needs of the runtime: what its functions throw, and how it reads its weights.
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

// Whether the weights file is read into memory, or mapped. What is mapped is shared by all processes that map it and
// is read when it is first used; but a program that has it mapped dies (SIGBUS) when the file is overwritten in place,
// `cp new.weights model.weights`: whoever replaces it writes another file and renames it.
enum class Loading { read, map };

}  // namespace mtl::runtime::deploy
