// Where a body runs: its names, the owner of the layers that it makes, and the rows that it does not see.
#pragma once
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/elaborate/values/value.h"

namespace mtl::elaborate {

struct Binding {
  Value value;
  bool variable = false;  // `var`
};

struct TaskState;
struct Balancing;

struct Frame {
  enum class Kind : uint8_t { model, task, module, function, criterion, balancer } kind = Kind::module;
  sema::UnitId unit = 0;
  bool library = false;
  std::string title;               // "module `linear`", for messages
  SourceRange declared_at;         // its name, where it is declared
  Frame* model = nullptr;          // of a task: where names go that the task does not have
  TaskState* task = nullptr;       // which the body is computed for, if it is for one
  Balancing* balancing = nullptr;  // of a balancer: the tasks of the step that it weighs
  PlacePtr place;                  // owner of the layers and parameters made here
  // The rows that the body is mapped over: it sees of a value only the dimensions below this space.
  SpaceId base = types::kUniform;
  std::vector<std::map<std::string, Binding>> scopes;  // innermost last
  std::map<std::string, IdSetPtr> sets;                // `K` of id(K)
  std::set<std::string> unsized;                       // `K` that only constants were given for
  std::set<std::string> declared;                      // layer names of the body, so that unnamed ones avoid them
  const Frame* caller = nullptr;
  SourceRange call;    // in the caller's file
  std::string stream;  // of random numbers, of the layers above that are resampled
  int depth = 0;
  uint32_t id = 0;          // of the call that runs here; later ones have greater numbers
  uint32_t dimensions = 0;  // how many of its dimensions have a name
  int loops = 0;            // inside how many `for` and generators
  bool returned = false;
  Value result;
  std::map<std::string, Value> assigned;  // of a criterion: loss, predict

  Binding* find(const std::string& name) {
    for (auto scope = scopes.rbegin(); scope != scopes.rend(); ++scope) {
      if (auto it = scope->find(name); it != scope->end()) return &it->second;
    }
    return nullptr;
  }
  // A name that stands for a static argument of the call.
  const Binding* argument(const std::string& name) const {
    if (scopes.empty()) return nullptr;
    const auto it = scopes.front().find(name);
    return it != scopes.front().end() && it->second.value.as_static() && !it->second.value.dimension ? &it->second
                                                                                                     : nullptr;
  }
  DimName fresh_dimension() { return {id, ++dimensions}; }
  void bind(const std::string& name, Value value, bool variable = false) {
    scopes.back()[name] = Binding{std::move(value), variable};
  }
};

// A dimension as a body sees it.
struct Axis {
  std::optional<SpaceId> ragged;
  Dim size;  // if it is not ragged
  bool operator==(const Axis&) const = default;
};

// Where an operation is asked for, and by which expressions its operands were given.
struct At {
  Frame& frame;
  SourceRange range;
  std::vector<SourceRange> operands = {};
  std::string_view word = {};  // the primitive that a user wrote; without it ops go by their own names
};

}  // namespace mtl::elaborate
