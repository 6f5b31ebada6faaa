// Names that a body declares: a stack of blocks. An inner name hides one at the top level of the file; inside one body
// nothing hides anything (grammar/book/lexical.md).
#pragma once
#include <string>
#include <vector>

#include "support/diag/emitter.h"

namespace mtl::sema {

enum class LocalKind : uint8_t {
  static_value,  // a static argument or a loop variable
  input,
  dimension,
  layer,
  param,
  state,
  value,
  variable,
  model_variable  // the same, as tasks see it
};
const char* local_kind_name(LocalKind kind);  // "an input", "a task", ...

struct Local {
  std::string name;
  LocalKind kind = LocalKind::value;
  SourceRange range;
};

class Locals {
 public:
  void push() { blocks_.push_back(all_.size()); }
  void pop() {
    all_.resize(blocks_.back());
    blocks_.pop_back();
  }
  const Local* find(const std::string& name) const {
    for (size_t i = all_.size(); i > 0; --i) {
      if (all_[i - 1].name == name) return &all_[i - 1];
    }
    return nullptr;
  }
  // Reports a name that is taken, and then keeps the old one.
  void declare(Local local, diag::Emitter& emitter);
  // What follows reads the variables and does not replace them.
  void close_variables() {
    for (Local& local : all_) {
      if (local.kind == LocalKind::variable) local.kind = LocalKind::model_variable;
    }
  }
  const std::vector<Local>& all() const { return all_; }

 private:
  std::vector<Local> all_;
  std::vector<size_t> blocks_;
};

}  // namespace mtl::sema
