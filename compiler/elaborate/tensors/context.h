// What functions over tensors share: the graph that grows, its parameters, and what was reported. Each struct owns one
// thing. The floors above have contexts of their own, which stand on this one: bodies/context.h, tasks/context.h.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/elaborate/values/frame.h"
#include "compiler/elaborate/values/task_state.h"
#include "compiler/ir/builder.h"
#include "compiler/sema/path_statements.h"
#include "support/diag/emitter.h"

namespace mtl::elaborate {

// Numbers from `begin` on, along some dimension, are of the ids of a set: `each` numbers of each.
struct IdRange {
  std::string set;
  int64_t begin = 0, each = 1;
};
using HotRanges = std::map<ir::Value, std::vector<IdRange>>;  // along the last dimension of what `one_hot` makes

// The graph, and one node for each distinct operation on the same operands.
struct Nodes {
  ir::Graph graph;
  ir::Builder builder{graph};
  std::map<std::tuple<std::string, std::vector<ir::Value>, ir::Attrs>, ir::NodeId> memo;
  HotRanges hot;
  bool empty_set = false;  // the data has a column or vocabulary without members
};

// A parameter, by path.
struct ParamRecord {
  ParamInfo info;
  IdSetPtr table;
  SourceRange call;                // the user's call that fixed its dimensions
  std::vector<SourceRange> calls;  // that and those around it, innermost first
  SourceRange declared;            // its name where it is declared
  bool shared = false;
  PlacePtr private_at;  // whose word made it a copy of one task
  std::string task;     // which; empty: it is no such copy
  std::string plain;    // its path without the task
  std::string block;    // the task in whose block it stands; empty: the model's
};

// What an attempt leaves for the next one. A path may be written in front of the call that makes its parameter, a
// constant id in front of the call that says of which set: see elaborate().
struct KnownLayers {
  std::map<std::string, ParamRecord> params;  // by path
  std::map<std::string, IdSetPtr> sets;       // path of a layer and `K`
  // Which tasks came by a place, by its path; empty: no attempt says it.
  std::map<std::string, std::set<std::string>> reach;
  size_t size() const { return params.size() + sets.size(); }
};

struct Parameters {
  const KnownLayers& known;                    // of an earlier attempt
  std::map<std::string, ParamRecord> records;  // by path
  std::vector<std::string> order;              // paths, as they were made
  std::vector<sema::Tie> ties;                 // of the model; see ties.h
  std::set<size_t> ties_met;                   // those that a body declared the left side of
  // A statement of the model runs for one task after the other; where a task has no copy of what it reads, or reads
  // another source, it says nothing of that task.
  bool by_task = false;
  bool absent = false;
};

// Of random streams: the number of each distinct call of an owner, and of each place in the body of a layer.
struct RandomKeys {
  // Whose a key is, so that another task's version of what it is drawn for can have that task's.
  struct Draw {
    std::string path;                    // of the layer, with the copy of the task
    std::string stream;                  // behind the path: a stream, the operation
    std::optional<uint32_t> place = {};  // of a mask: its place in the body of its layer
    int64_t number = 0;                  // of the distinct call
  };
  std::map<int64_t, Draw> draws;  // by key
  std::map<std::pair<std::string, std::vector<ir::Value>>, int64_t> calls;
  std::map<std::string, std::set<int64_t>> taken;  // numbers of the calls of an owner
  std::map<std::string, std::map<uint32_t, int64_t>> places;
};

// Values as other tasks have them: see versions.h.
struct Versions {
  std::map<std::string, std::vector<char>> depends;  // task -> for each node: it reads a copy of that task
  std::map<std::pair<std::string, std::string>, std::map<ir::NodeId, ir::NodeId>> rebuilt;  // (from, to) -> nodes
  std::map<std::pair<ir::Value, std::vector<std::string>>, std::vector<ir::Value>> across;  // and of which tasks
};

struct Reports {
  diag::Emitter& emitter;
  bool failed = false;
  bool waits = false;                          // for something that a later attempt knows
  std::map<int64_t, std::string> known_sizes;  // "|atis.slots|", for notes
};

// How much has run, and whether that was too much.
struct WorkBudget {
  uint32_t calls = 0;
  int64_t statements = 0;
  int64_t layers = 0;
  int64_t composed = 0;  // parts of compositions that were copied
  bool exceeded = false;
};

struct TensorContext {
  const sema::CheckedFile& file;
  const ElaborateOptions& options;
  Reports reports;
  Parameters parameters;
  Nodes nodes = {};
  RandomKeys random = {};
  Versions versions = {};
  WorkBudget budget = {};
  sema::StaticBudget static_budget = {};
  sema::StaticEvaluator statics;

  TensorContext(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter,
                const KnownLayers& known)
      : file(file),
        options(options),
        reports{emitter},
        parameters{known, {}, {}, {}, {}},
        statics(emitter, static_budget) {}
  TensorContext(const TensorContext&) = delete;
  TensorContext& operator=(const TensorContext&) = delete;

  const types::Type& type(ir::Value value) const { return nodes.builder.type(value); }
  types::Spaces& spaces() { return nodes.graph.spaces; }
  const types::Spaces& spaces() const { return nodes.graph.spaces; }

  // At the user's place: where `at` is inside the library, the call that led there, with a note.
  template <class... Args>
  diag::Report report(const At& at, const diag::Kind& kind, Args&&... args) {
    return place_report(reports.emitter.report(kind, std::forward<Args>(args)...), at.frame, at.range);
  }

 private:
  diag::Report place_report(diag::Report made, const Frame& frame, SourceRange range);
};

}  // namespace mtl::elaborate
