// What functions over tensors share: the graph that grows, its parameters, and what was reported. Each struct owns one
// thing. The floors above have contexts of their own, which stand on this one: bodies/context.h, tasks/context.h.
#pragma once
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/elaborate/values/frame.h"
#include "compiler/elaborate/values/task_state.h"
#include "compiler/ir/builder.h"
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
};

// What an attempt leaves for the next one. A path may be written in front of the call that makes its parameter, a
// constant id in front of the call that says of which set: see elaborate().
struct KnownLayers {
  std::map<std::string, ParamRecord> params;  // by path
  std::map<std::string, IdSetPtr> sets;       // path of a layer and `K`
  size_t size() const { return params.size() + sets.size(); }
};

struct Parameters {
  const KnownLayers& known;                    // of an earlier attempt
  std::map<std::string, ParamRecord> records;  // by path
  std::vector<std::string> order;              // paths, as they were made
};

// Of random streams: the number of each distinct call of an owner, and of each place in the body of a layer.
struct RandomKeys {
  std::map<std::pair<std::string, std::vector<ir::Value>>, int64_t> calls;
  std::map<std::string, int64_t> counts;
  std::map<std::string, std::map<uint32_t, int64_t>> places;
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
  WorkBudget budget = {};
  sema::StaticBudget static_budget = {};
  sema::StaticEvaluator statics;

  TensorContext(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter,
                const KnownLayers& known)
      : file(file), options(options), reports{emitter}, parameters{known}, statics(emitter, static_budget) {}
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
