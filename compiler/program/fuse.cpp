// Note [Fusion]
//
// Row ops of one space become one row kernel wherever no cycle arises: a node joins a group if nothing it needs
// depends, through other groups, on that group. Nodes are taken in order; the groups of a node's operands are tried
// first (their values then stay in registers), then the other groups of the space, latest first (one loop instead of
// two, loads shared). With `depends` the transitive closure over groups, node n may join G iff no group other than G
// that n reads from depends on G.
//
// A reduction over rows ends a loop, so it is a step of its own; reductions of the same form over the same rows share
// one. It pulls in elementwise producers: those that are cheap and read only what lies in memory anyway (a mask made
// of a target column), and those that nobody else reads and that stand on one operand. Pulling changes dependencies:
// the count of labelled rows then depends on the column, not on the kernel that also makes the mask, so forward and
// backward of a softmax may share a kernel although a count stands between them.
//
// Kept apart, because it would cost more than it saves: uniform tensors of different sizes (each alone is one flat
// loop over elements), and rows too wide for the first cache. Nor do reductions or uniform scalars join a group if one
// of the two would come to depend on more than before: the loss must not keep back a count that the gradient needs.
//
// A value that another kernel reads is stored, unless it is cheap and stands on one stored value: then the reader
// computes it again (is_repeatable), as it does with the mask of a relu.
#include "compiler/program/fuse.h"

#include <algorithm>
#include <map>
#include <queue>
#include <set>
#include <tuple>

#include "compiler/ops/op.h"
#include "compiler/program/kernel_facts.h"

namespace mtl::program {

using ir::NodeId;
using ir::Value;
using ops::Lowering;
using types::kUniform;
using types::SpaceId;

namespace {

constexpr size_t kGroupInstrs = 500;
constexpr size_t kGroupTries = 24;
constexpr int64_t kWideRow = 16384;
constexpr int64_t kFlat = 256;  // uniform tensors from this size on are kept in flat loops

}  // namespace

Nodes::Nodes(const ir::Graph& graph, std::vector<std::string>& scalars)
    : graph_(graph), code_(graph.nodes.size()), users_(graph.nodes.size()) {
  for (NodeId id = 0; id < graph.nodes.size(); ++id) {
    const ir::Node& n = graph.nodes[id];
    if (n.op->lower.get().kind == Lowering::Kind::row) code_[id] = row_code(graph, n, scalars);
    if (is_alias(id)) continue;
    std::set<NodeId> read;
    for (Value operand : n.operands) read.insert(root(operand).node);
    for (NodeId from : read) users_[from].push_back(id);
  }
}

bool Nodes::is_call(NodeId id) const {
  return node(id).op->lower.get().kind == Lowering::Kind::call;
}
bool Nodes::is_leaf(NodeId id) const {
  return node(id).op->lower.get().kind == Lowering::Kind::leaf;
}
bool Nodes::is_alias(NodeId id) const {
  return node(id).op->lower.get().kind == Lowering::Kind::alias;
}

bool Nodes::is_free(NodeId id) const {
  if (!is_row(id) || !node(id).operands.empty()) return false;
  const RowCode& c = code(id);
  return c.cheap && !c.parts && std::all_of(c.instrs.begin(), c.instrs.end(), [](const Instr& instr) {
           return instr.op != Instr::Op::random;
         });
}

bool Nodes::is_stored(Value value) const {
  const NodeId id = root(value).node;
  if (!is_row(id) || code(id).over_rows || code(id).parts || row_root(value) != root(value)) return true;
  return std::any_of(users_[id].begin(), users_[id].end(), [&](NodeId user) { return is_call(user); });
}

bool Nodes::is_repeatable(NodeId id, int depth) const {
  if (!is_row(id) || depth > 2) return false;
  const RowCode& c = code(id);
  if (!c.cheap || !c.elementwise || c.over_rows || c.parts || c.instrs.size() > 6) return false;
  int wide = 0;
  for (const RowCode::Operand& operand : c.operands) {
    const bool edge = operand.access == Access::first_child || operand.access == Access::last_child;
    if (operand.gathered || edge) return false;
    const Value value = node(id).operands[operand.index];
    if (is_free(root(value).node)) continue;
    const bool uniform = operand.access == Access::uniform;
    wide += !uniform && product(graph_.type(value).dims).value() > 1 ? 1 : 0;
    if (is_stored(value)) continue;
    const Value from = row_root(value);
    if (operand.access != Access::row || graph_.type(from).dims != graph_.type(value).dims) return false;
    if (!is_repeatable(from.node, depth + 1)) return false;
  }
  return wide <= 1;
}

Value Nodes::root(Value value) const {
  while (is_alias(value.node)) value = node(value.node).operands[0];
  return value;
}

Value Nodes::row_root(Value value) const {
  while (is_alias(value.node)) {
    const Value operand = node(value.node).operands[0];
    if (graph_.type(operand).space != graph_.type(value).space) break;
    value = operand;
  }
  return value;
}

namespace {

class Bits {
 public:
  void resize(size_t bits) { words_.resize((bits + 63) / 64); }
  bool test(size_t i) const { return i / 64 < words_.size() && (words_[i / 64] >> (i % 64) & 1) != 0; }
  void set(size_t i) {
    if (i / 64 >= words_.size()) words_.resize(i / 64 + 1);
    words_[i / 64] |= uint64_t{1} << (i % 64);
  }
  bool contains(const Bits& other) const {
    for (size_t w = 0; w < other.words_.size(); ++w) {
      if ((other.words_[w] & ~(w < words_.size() ? words_[w] : 0)) != 0) return false;
    }
    return true;
  }
  void merge(const Bits& other) {
    if (words_.size() < other.words_.size()) words_.resize(other.words_.size());
    for (size_t w = 0; w < other.words_.size(); ++w) words_[w] |= other.words_[w];
  }

 private:
  std::vector<uint64_t> words_;
};

// What may share a kernel. Nodes with `alone` share none.
struct Kind {
  bool alone = false;
  bool over_rows = false;
  SpaceId space = kUniform;
  SpaceId target = kUniform;
  Shape shape;        // column reductions: of the result
  int64_t flat = 0;   // uniform tensors
  int needed_by = 0;  // number of the set of parts that need it
  auto key() const { return std::tie(alone, over_rows, space, target, shape, flat, needed_by); }
  bool operator==(const Kind& other) const { return !alone && key() == other.key(); }
};

class Fuser {
 public:
  Fuser(const Nodes& nodes, bool fuse, const Parts& parts)
      : nodes_(nodes), fuse_(fuse), group_of_(nodes.graph().nodes.size(), -1), needed_by_(group_of_.size(), 0) {
    if (!parts.empty()) find_needs(parts);
  }

  std::vector<Group> run() {
    for (NodeId id = 0; id < nodes_.graph().nodes.size(); ++id) {
      if (nodes_.is_row(id) || nodes_.is_call(id)) place(id);
    }
    return in_order();
  }

 private:
  struct State {
    Group group;
    Kind kind;
    size_t instrs = 0;
    Bits depends;  // groups, transitively
  };

  Kind kind_of(NodeId id) const {
    Kind kind;
    if (nodes_.is_call(id) || !fuse_) {
      kind.alone = true;
      return kind;
    }
    const RowCode& code = nodes_.code(id);
    kind.needed_by = needed_by_[id];
    kind.over_rows = code.over_rows;
    kind.space = code.space;
    if (code.widest > kWideRow && code.space != kUniform) kind.alone = true;
    if (code.over_rows) {
      kind.target = nodes_.node(id).types[0].space;
      if (kind.target == kUniform) kind.shape = constant_dims(nodes_.node(id).types[0]);
    } else if (code.space == kUniform && code.widest >= kFlat) {
      kind.flat = code.widest;
      kind.alone = !code.elementwise;
    }
    return kind;
  }

  // Which parts need a node, as the number of that set.
  void find_needs(const Parts& parts) {
    std::vector<std::set<int>> needs(group_of_.size());
    for (const ir::Output& output : nodes_.graph().outputs) {
      const auto part = parts.find(output.name);
      if (part != parts.end()) needs[nodes_.root(output.value).node].insert(part->second);
    }
    for (NodeId id = static_cast<NodeId>(needs.size()); id-- > 0;) {
      if (nodes_.is_alias(id)) continue;
      for (Value operand : nodes_.node(id).operands)
        needs[nodes_.root(operand).node].insert(needs[id].begin(), needs[id].end());
    }
    std::map<std::set<int>, int> numbers;
    for (NodeId id = 0; id < needs.size(); ++id)
      needed_by_[id] = numbers.emplace(needs[id], static_cast<int>(numbers.size())).first->second;
  }

  bool stored_anyway(Value value) const { return nodes_.is_free(nodes_.root(value).node) || nodes_.is_stored(value); }

  bool may_pull(NodeId reduction, const RowCode::Operand& operand) const {
    if (operand.access != Access::row || operand.gathered) return false;
    const Value producer = nodes_.row_root(nodes_.node(reduction).operands[operand.index]);
    const NodeId id = producer.node;
    if (!nodes_.is_row(id) || nodes_.is_free(id) || nodes_.is_stored(producer)) return false;
    const RowCode& code = nodes_.code(id);
    if (code.over_rows || code.parts || !code.elementwise || code.widest > kWideRow) return false;
    // A reshape in between would need memory.
    if (nodes_.graph().type(producer).dims != nodes_.graph().type(nodes_.node(reduction).operands[operand.index]).dims)
      return false;
    const bool edges = std::any_of(code.operands.begin(), code.operands.end(), [](const RowCode::Operand& o) {
      return o.gathered || o.access == Access::first_child || o.access == Access::last_child;
    });
    return !edges;
  }

  bool stands_on_memory(NodeId id, int depth) const {
    const RowCode& code = nodes_.code(id);
    if (!code.cheap || depth > 3) return false;
    return std::all_of(code.operands.begin(), code.operands.end(), [&](const RowCode::Operand& o) {
      const Value value = nodes_.node(id).operands[o.index];
      if (stored_anyway(value)) return true;
      return may_pull(id, o) && stands_on_memory(nodes_.row_root(value).node, depth + 1);
    });
  }

  bool single_use(NodeId id) const {
    if (nodes_.users(id).size() != 1) return false;
    for (const ir::Output& output : nodes_.graph().outputs) {
      if (nodes_.root(output.value).node == id) return false;
    }
    int strangers = 0;
    for (Value operand : nodes_.node(id).operands) strangers += stored_anyway(operand) ? 0 : 1;
    return strangers <= 1;
  }

  // Adds what `id` pulls, producers first.
  void pull(NodeId id, std::set<NodeId>& pulled, size_t& instrs) const {
    for (const RowCode::Operand& operand : nodes_.code(id).operands) {
      if (!may_pull(id, operand)) continue;
      const NodeId producer = nodes_.row_root(nodes_.node(id).operands[operand.index]).node;
      if (pulled.count(producer) != 0) continue;
      if (!stands_on_memory(producer, 0) && !single_use(producer)) continue;
      instrs += nodes_.code(producer).instrs.size();
      if (instrs > 60) return;
      pulled.insert(producer);
      pull(producer, pulled, instrs);
    }
  }

  // Groups that a node reads from, and whether it reads them in a way that forbids joining them.
  struct Reads {
    std::set<int> groups;
    std::set<int> barred;
  };
  Reads reads_of(NodeId id, const std::set<NodeId>& pulled) const {
    Reads reads;
    auto read = [&](Value value, bool joinable) {
      const NodeId root = nodes_.root(value).node;
      if (nodes_.is_leaf(root)) return;
      if (pulled.count(root) != 0 && joinable && nodes_.row_root(value).node == root) return;
      if (nodes_.is_free(root) && joinable) return;
      reads.groups.insert(group_of_[root]);
      const bool by_value = joinable && nodes_.row_root(value).node == root && nodes_.is_row(root) &&
                            !nodes_.code(root).parts && !nodes_.code(root).over_rows;
      if (!by_value) reads.barred.insert(group_of_[root]);
    };
    auto read_all = [&](NodeId node) {
      if (!nodes_.is_row(node)) {
        for (Value operand : nodes_.node(node).operands) read(operand, false);
        return;
      }
      for (const RowCode::Operand& o : nodes_.code(node).operands) {
        read(nodes_.node(node).operands[o.index], !o.gathered && o.access == Access::row);
      }
    };
    read_all(id);
    for (NodeId producer : pulled) read_all(producer);
    return reads;
  }

  bool may_join(int group, const Kind& kind, size_t instrs, const Reads& reads) const {
    const State& state = groups_[group];
    if (!(state.kind == kind) || state.instrs + instrs > kGroupInstrs || reads.barred.count(group) != 0) return false;
    if ((kind.over_rows || kind.space == kUniform) && !same_dependencies(group, reads)) return false;
    return std::none_of(reads.groups.begin(), reads.groups.end(),
                        [&](int read) { return read != group && groups_[read].depends.test(group); });
  }

  // Whether joining leaves the group and the node depending on what they depend on anyway.
  bool same_dependencies(int group, const Reads& reads) const {
    const Bits& held = groups_[group].depends;
    Bits added;
    for (int read : reads.groups) {
      if (read == group) continue;
      added.set(read);
      added.merge(groups_[read].depends);
    }
    return reads.groups.count(group) != 0 ? held.contains(added) : held.contains(added) && added.contains(held);
  }

  void place(NodeId id) {
    const Kind kind = kind_of(id);
    std::set<NodeId> pulled;
    size_t instrs = nodes_.is_row(id) ? nodes_.code(id).instrs.size() : 0;
    if (kind.over_rows && fuse_) pull(id, pulled, instrs);
    const Reads reads = reads_of(id, pulled);
    int chosen = -1;
    if (!kind.alone) chosen = choose(kind, instrs, reads);
    if (chosen < 0) {
      chosen = static_cast<int>(groups_.size());
      groups_.push_back({{}, kind, 0, {}});
    }
    State& state = groups_[chosen];
    group_of_[id] = chosen;
    state.group.nodes.push_back(id);
    for (NodeId producer : pulled) {
      auto& list = state.group.pulled;
      if (std::find(list.begin(), list.end(), producer) == list.end()) list.push_back(producer);
    }
    state.instrs += instrs;
    Bits added;
    for (int read : reads.groups) {
      if (read == chosen) continue;
      added.set(read);
      added.merge(groups_[read].depends);
    }
    state.depends.merge(added);
    for (State& other : groups_) {
      if (other.depends.test(chosen)) other.depends.merge(state.depends);
    }
  }

  int choose(const Kind& kind, size_t instrs, const Reads& reads) const {
    for (auto at = reads.groups.rbegin(); at != reads.groups.rend(); ++at) {
      if (may_join(*at, kind, instrs, reads)) return *at;
    }
    size_t tries = 0;
    for (int g = static_cast<int>(groups_.size()); g-- > 0 && tries < kGroupTries;) {
      if (!(groups_[g].kind == kind)) continue;
      ++tries;
      if (may_join(g, kind, instrs, reads)) return g;
    }
    return -1;
  }

  // A topological order of the groups; among those ready, the one that began first in the graph.
  std::vector<Group> in_order() {
    std::vector<int> waiting(groups_.size(), 0);
    std::vector<std::vector<int>> after(groups_.size());
    for (size_t g = 0; g < groups_.size(); ++g) {
      const std::set<NodeId> pulled(groups_[g].group.pulled.begin(), groups_[g].group.pulled.end());
      std::set<int> before;
      for (NodeId id : groups_[g].group.nodes) {
        for (int read : reads_of(id, pulled).groups) before.insert(read);
      }
      before.erase(static_cast<int>(g));
      for (int b : before) after[b].push_back(static_cast<int>(g));
      waiting[g] = static_cast<int>(before.size());
    }
    std::priority_queue<std::pair<NodeId, int>, std::vector<std::pair<NodeId, int>>, std::greater<>> ready;
    auto add_ready = [&](int g) {
      if (waiting[g] == 0) ready.push({groups_[g].group.nodes[0], g});
    };
    for (size_t g = 0; g < groups_.size(); ++g) add_ready(static_cast<int>(g));
    std::vector<Group> out;
    while (!ready.empty()) {
      const int g = ready.top().second;
      ready.pop();
      std::sort(groups_[g].group.pulled.begin(), groups_[g].group.pulled.end());
      out.push_back(groups_[g].group);
      for (int next : after[g]) {
        --waiting[next];
        add_ready(next);
      }
    }
    MTL_CHECK(out.size() == groups_.size(), "fusion made a cycle");
    return out;
  }

  const Nodes& nodes_;
  const bool fuse_;
  std::vector<int> group_of_;
  std::vector<int> needed_by_;
  std::vector<State> groups_;
};

}  // namespace

std::vector<Group> make_groups(const Nodes& nodes, bool fuse, const Parts& parts) {
  return Fuser(nodes, fuse, parts).run();
}

}  // namespace mtl::program
