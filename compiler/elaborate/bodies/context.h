// What the interpreter of bodies shares, beside what tensors share: names of the model, layers and their budget.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "compiler/elaborate/tensors/context.h"
#include "compiler/elaborate/values/task_state.h"

namespace mtl::elaborate {

// What a name of the model stands for, computed when it is asked for.
struct ModelItem {
  const syntax::Stmt* stmt = nullptr;
  bool busy = false;
  bool used = false;
  std::optional<Value> layer;             // of layers: the same for all tasks
  std::map<const TaskState*, Value> let;  // by task
};

struct ModelScope {
  Frame frame;
  PlacePtr root;
  std::deque<TaskState> tasks;  // frames point to theirs, and one may run before all are declared
  std::map<std::string, ModelItem> items;
  // `var`s, and the statements that give them values, in order: `var`, `name =`, `for`. The values behind the first n
  // of them, by (task, n).
  std::set<std::string> variables;
  std::vector<const syntax::Stmt*> steps;
  std::map<std::pair<const TaskState*, size_t>, std::map<std::string, Binding>> stepped;
  std::vector<const syntax::Stmt*> penalties;  // and monitors
  std::vector<SourceRange> reading;            // where the values that are being computed were asked for
};

// Sets of ids.
struct IdSets {
  std::map<std::string, IdSetPtr> known;      // "vocab en", "column atis.slots"
  std::map<std::string, IdSetPtr> of_layers;  // path of a layer and `K` -> its set
};

// A term of the objective, for the steps that have its task. One computation is one penalty, whoever asks for it.
struct Penalty {
  ir::Value value;  // one number: the mean over rows
  const TaskState* task = nullptr;
  SourceRange range;
};

// `monitor name = ...`: a number that is shown, of steps that have its task.
struct Monitor {
  std::string name;  // with the path of the layer or the task whose body says it, "bottom.size"
  ir::Value value;   // one number: the mean over rows
  const TaskState* task = nullptr;
  SourceRange range;
};

struct LayerNames {
  std::map<std::pair<std::string, std::pair<const void*, size_t>>, std::string> unnamed;  // (owner, place) -> name
  std::map<std::string, std::set<std::string>> names_below;       // owner -> names of unnamed layers
  std::map<const syntax::Body*, std::set<std::string>> declared;  // layers that a body declares
  std::set<const syntax::Decl*> applied;                          // modules, functions, criteria that ran
};

// `wrap` statements, and what they met. See wraps.h.
struct Wraps {
  std::vector<sema::Wrap> of_model;
  std::set<size_t> met;                              // those that named a layer
  std::set<std::pair<std::string, size_t>> running;  // the path of a layer that is applied from inside its wrapper
  std::set<std::string> layers;                      // paths of layers that were applied
};

// Which tasks come by a place, a layer or a private parameter. What an attempt says of a place before all of them did
// is what the attempt before found, or all tasks; where that was wrong, there is another attempt.
struct Reach {
  const std::map<std::string, std::set<std::string>>& known;
  std::map<std::string, std::set<std::string>> found = {};
  std::map<std::string, std::set<std::string>> said = {};
};

struct BodyContext : TensorContext {
  ModelScope model;
  IdSets sets;
  LayerNames layers;
  Wraps wraps;
  Reach reach;
  std::map<std::string, std::vector<ir::Value>> updates;  // state -> its next values, one for each distinct call
  std::vector<Penalty> penalties;
  std::vector<Monitor> monitors;
  std::set<std::pair<uint32_t, std::string>> failed_requirements;  // (place in the file, path of the layer)
  // The head and the loss of another task, which a body may name (`pos.head`); the floor above knows how.
  std::function<bool(TaskState&)> run_head, run_loss;

  BodyContext(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter,
              const KnownLayers& known)
      : TensorContext(file, options, emitter, known), sets{{}, known.sets}, reach{known.reach} {}
};

}  // namespace mtl::elaborate
