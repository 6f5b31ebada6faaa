// Decides which values of a row stay in registers, and in which order and width its loops run.
#include "compiler/codegen/schedule.h"

#include <algorithm>
#include <map>
#include <set>

#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::codegen {
namespace {

using program::elements;
using program::Fn;
using Op = Instr::Op;

Shape squeeze(const Shape& shape) {
  size_t lead = 0;
  while (lead < shape.size() && shape[lead] == 1) ++lead;
  return Shape(shape.begin() + static_cast<std::ptrdiff_t>(lead), shape.end());
}

// Scratch lies on the stack; what does not fit is computed again.
constexpr int64_t kScratchElements = 1 << 16;

// Cycles per vector of 16 elements, roughly; for decisions, not for prophecy.
double vector_cost(const Instr& instr) {
  switch (instr.op) {
    case Op::apply:
      if (program::is_expensive(instr.fn)) return instr.fn == Fn::pow ? 40 : 16;
      return instr.fn == Fn::div || instr.fn == Fn::sqrt || instr.fn == Fn::rsqrt ? 10 : 1;
    case Op::random:
      return 16;
    case Op::load:
    case Op::gather:
    case Op::view:
      return 2;
    case Op::reduce:
      return 3;
    default:
      return 0.5;
  }
}

class Scheduler {
 public:
  Scheduler(const LoopKernel& kernel) : kernel_(kernel), n_(kernel.instrs.size()) {}

  Schedule run() {
    mark_live();
    find_levels();
    make_nests();
    place_values();
    fill_stages();
    return std::move(out_);
  }

 private:
  using NestKey = std::pair<int, size_t>;  // level, number: the order of execution

  const Instr& at(InstrId id) const { return kernel_.instrs[id]; }
  bool scalar(InstrId id) const { return out_.scalar[id]; }

  void mark_live() {
    out_.live.assign(n_, false);
    for (const auto& store : kernel_.stores) out_.live[store.value] = true;
    for (InstrId id = static_cast<InstrId>(n_); id-- > 0;) {
      if (!out_.live[id]) continue;
      for (InstrId arg : at(id).args) out_.live[arg] = true;
    }
    out_.scalar.resize(n_);
    for (InstrId id = 0; id < n_; ++id) out_.scalar[id] = elements(at(id).shape) == 1;
    out_.scratch.assign(n_, -1);
  }

  // Readable at any point of memory from its level on, without a nest of its own.
  bool in_memory(InstrId id) const {
    const Instr& instr = at(id);
    if (instr.op == Op::load || instr.op == Op::gather || must_keep_[id] || instr.op == Op::reduce) return true;
    return instr.op == Op::view && program::is_dense_view(instr, at(instr.args[0]).shape) && in_memory(instr.args[0]);
  }
  // Costs nothing to name again at another point.
  bool free(InstrId id) const {
    const Instr& instr = at(id);
    return instr.op == Op::constant || instr.op == Op::index || instr.op == Op::view || in_memory(id);
  }

  void keep_for(InstrId arg, int& level) {
    must_keep_[arg] = true;
    level = std::max(level, level_[arg] + 1);
  }

  void find_levels() {
    level_.assign(n_, 0);
    must_keep_.assign(n_, false);
    for (InstrId id = 0; id < n_; ++id) {
      if (!out_.live[id]) continue;
      const Instr& instr = at(id);
      int level = 0;
      for (InstrId arg : instr.args) level = std::max(level, level_[arg]);
      if (instr.op == Op::reduce) {
        level = level + (scalar(instr.args[0]) ? 0 : 1);
      } else if (instr.op == Op::view && !scalar(instr.args[0])) {
        if (!in_memory(instr.args[0])) {
          keep_for(instr.args[0], level);
        } else if (must_keep_[instr.args[0]] && at(instr.args[0]).op != Op::reduce) {
          level = std::max(level, level_[instr.args[0]] + 1);
        }
      } else if (instr.op == Op::apply) {
        for (InstrId arg : instr.args) {
          if (scalar(arg) || free_of_nest(arg) || squeeze(at(arg).shape) == squeeze(instr.shape)) continue;
          keep_for(arg, level);
        }
      }
      level_[id] = level;
    }
    // A value may have been found to need memory after a reader was levelled through it as a view: iterate once more.
    relax_levels();
  }

  bool free_of_nest(InstrId arg) const {
    const Instr& instr = at(arg);
    return instr.op == Op::constant || instr.op == Op::index || instr.op == Op::view || instr.op == Op::load ||
           instr.op == Op::gather || instr.op == Op::reduce;
  }

  // Readers of kept values outside their own nest come at least one level later.
  void relax_levels() {
    for (InstrId id = 0; id < n_; ++id) {
      if (!out_.live[id]) continue;
      const Instr& instr = at(id);
      int level = level_[id];
      for (InstrId arg : instr.args) {
        int need = level_[arg];
        if (instr.op == Op::reduce && !scalar(arg)) need += 1;
        const bool pointwise = instr.op == Op::reduce || squeeze(at(arg).shape) == squeeze(instr.shape);
        if (must_keep_[arg] && (instr.op == Op::view || !pointwise)) need = std::max(need, level_[arg] + 1);
        level = std::max(level, need);
      }
      level_[id] = level;
    }
  }

  NestKey nest_for(int level, const Shape& shape, const std::vector<int>& axes) {
    for (size_t i = 0; i < nests_.size(); ++i) {
      if (nests_[i].level == level && nests_[i].shape == shape && (axes.empty() || nests_[i].axes == axes)) {
        return {level, i};
      }
    }
    for (size_t i = 0; i < nests_.size() && !axes.empty(); ++i) {  // a nest without reductions takes any
      if (nests_[i].level == level && nests_[i].shape == shape && nests_[i].axes.empty()) {
        nests_[i].axes = axes;
        return {level, i};
      }
    }
    nests_.push_back({level, shape, axes, {}, false});
    return {level, nests_.size() - 1};
  }

  void demand(InstrId id, NestKey nest) {
    if (!scalar(id)) uses_[id].insert(nest);
  }

  void make_nests() {
    uses_.resize(n_);
    for (InstrId id = 0; id < n_; ++id) {
      const Instr& instr = at(id);
      if (!out_.live[id] || instr.op != Op::reduce || scalar(instr.args[0])) continue;
      const Instr& arg = at(instr.args[0]);
      const Shape shape = squeeze(arg.shape);
      const int lead = static_cast<int>(arg.shape.size() - shape.size());
      std::vector<int> axes;
      for (int axis : instr.axes) {
        if (axis >= lead) axes.push_back(axis - lead);
      }
      std::sort(axes.begin(), axes.end());
      if (axes.empty()) axes.push_back(static_cast<int>(shape.size()));  // reduces nothing but ones
      const NestKey nest = nest_for(level_[id] - 1, shape, axes);
      nests_[nest.second].roots.push_back({Root::Kind::reduce, id});
      demand(instr.args[0], nest);
      if (!scalar(id)) keep(id);
    }
    for (uint32_t s = 0; s < kernel_.stores.size(); ++s) {
      const InstrId value = kernel_.stores[s].value;
      if (scalar(value)) continue;
      const NestKey nest = nest_for(store_level(value), squeeze(at(value).shape), {});
      nests_[nest.second].roots.push_back({Root::Kind::store, s});
      demand(value, nest);
    }
  }

  int store_level(InstrId value) const { return level_[value]; }

  void keep(InstrId id) {
    if (out_.scratch[id] >= 0) return;
    out_.scratch[id] = out_.scratch_elements;
    out_.scratch_elements += (elements(at(id).shape) + 15) / 16 * 16;
  }

  bool cheap(InstrId id) const {
    const Instr& instr = at(id);
    if (instr.op != Op::apply || vector_cost(instr) > 1) return false;
    return std::all_of(instr.args.begin(), instr.args.end(), [&](InstrId arg) {
      return scalar(arg) || (free(arg) && out_.scratch[arg] < 0) || out_.scratch[arg] >= 0;
    });
  }

  // From the last value to the first: who is wanted by which nests, and so who has to be kept.
  void place_values() {
    for (InstrId id = static_cast<InstrId>(n_); id-- > 0;) {
      const Instr& instr = at(id);
      if (!out_.live[id] || scalar(id)) continue;
      std::set<NestKey> wanted = uses_[id];
      const bool computed = instr.op == Op::apply || instr.op == Op::random;
      const bool must = must_keep_[id] && instr.op != Op::load && instr.op != Op::gather && instr.op != Op::reduce;
      if (must) wanted.insert(nest_for(level_[id], squeeze(instr.shape), {}));
      const bool fits = out_.scratch_elements + elements(instr.shape) <= kScratchElements;
      if (must || (computed && wanted.size() > 1 && !cheap(id) && fits)) {
        keep(id);
        const NestKey home = *wanted.begin();
        nests_[home.second].roots.push_back({Root::Kind::keep, id});
        wanted = {home};
      }
      if (instr.op == Op::reduce) continue;
      for (InstrId arg : instr.args) {
        if (instr.op == Op::view && (must_keep_[arg] || scalar(arg))) continue;  // read from memory
        const bool same = squeeze(at(arg).shape) == squeeze(instr.shape);
        if (must_keep_[arg] && !same) continue;
        for (const NestKey& nest : wanted) demand(arg, nest);
      }
    }
  }

  // Whether every value under `id` in this nest is a scalar or dense in the nest's shape.
  bool linear_under(InstrId id, const Nest& nest, bool root) const {
    const Instr& instr = at(id);
    if (scalar(id)) return true;
    if (squeeze(instr.shape) != nest.shape) return false;
    if (!root && out_.scratch[id] >= 0) return true;
    switch (instr.op) {
      case Op::index:
        return nest.shape.size() == 1;
      case Op::view:
        return program::is_dense_view(instr, at(instr.args[0]).shape) || nest.shape.size() == 1;
      case Op::apply:
        return std::all_of(instr.args.begin(), instr.args.end(),
                           [&](InstrId arg) { return linear_under(arg, nest, false); });
      default:
        return true;
    }
  }

  bool linear(const Nest& nest) const {
    const size_t rank = nest.shape.size();
    if (!nest.axes.empty() && nest.axes.size() != rank && rank > 1) return false;
    for (const Root& root : nest.roots) {
      if (root.kind == Root::Kind::store) {
        const auto& store = kernel_.stores[root.id];
        if (rank > 1 && !store.strides.empty()) {
          program::KernelStore placed = store;
          placed.element_offset = 0;
          if (!program::is_dense(placed, at(store.value).shape)) return false;
        }
        if (!linear_under(store.value, nest, true)) return false;
      } else if (root.kind == Root::Kind::reduce) {
        const Instr& instr = at(root.id);
        if (rank > 1 && instr.reduce >= program::Reduce::argmax) return false;
        if (!linear_under(instr.args[0], nest, false)) return false;
      } else if (!linear_under(root.id, nest, true)) {
        return false;
      }
    }
    return true;
  }

  void fill_stages() {
    int levels = 1;
    for (InstrId id = 0; id < n_; ++id) levels = std::max(levels, out_.live[id] ? level_[id] + 1 : 0);
    out_.stages.resize(levels);
    for (InstrId id = 0; id < n_; ++id) {
      if (!out_.live[id]) continue;
      if (scalar(id) || at(id).op == Op::gather) out_.stages[level_[id]].scalars.push_back(id);
      const double vectors = scalar(id) ? 1 : static_cast<double>((elements(at(id).shape) + 15) / 16);
      out_.row_cost += 0.4 * vectors * vector_cost(at(id));
    }
    for (uint32_t s = 0; s < kernel_.stores.size(); ++s) {
      const InstrId value = kernel_.stores[s].value;
      out_.row_cost += 0.5 * static_cast<double>((elements(at(value).shape) + 15) / 16);
      if (scalar(value)) out_.stages[level_[value]].stores.push_back(s);
    }
    for (Nest& nest : nests_) {
      // Kept values in order, so that each finds those that it is made of.
      std::stable_sort(nest.roots.begin(), nest.roots.end(), [](const Root& a, const Root& b) {
        const auto place = [](const Root& root) { return root.kind == Root::Kind::keep ? root.id : 0; };
        return std::pair(a.kind, place(a)) < std::pair(b.kind, place(b));
      });
      nest.linear = linear(nest);
      out_.stages[nest.level].nests.push_back(nest);
    }
    find_pointwise();
  }

  void find_pointwise() {
    if (out_.stages.size() != 1 || out_.scratch_elements > 0 || kernel_.stores.empty()) return;
    const Stage& stage = out_.stages[0];
    out_.width = elements(at(kernel_.stores[0].value).shape);
    if (!stage.nests.empty()) {
      if (stage.nests.size() != 1 || !stage.nests[0].linear || !stage.nests[0].axes.empty() || !stage.stores.empty())
        return;
      if (!views_are_dense()) return;
    }
    for (const auto& store : kernel_.stores) {
      if (!program::is_dense(store, at(store.value).shape)) return;
    }
    out_.pointwise = true;
  }

  bool views_are_dense() const {
    for (InstrId id = 0; id < n_; ++id) {
      if (!out_.live[id] || scalar(id) || at(id).op != Op::view) continue;
      if (!program::is_dense_view(at(id), at(at(id).args[0]).shape)) return false;
    }
    return true;
  }

  const LoopKernel& kernel_;
  const size_t n_;
  Schedule out_;
  std::vector<int> level_;
  std::vector<bool> must_keep_;
  std::vector<Nest> nests_;
  std::vector<std::set<NestKey>> uses_;
};

// Small rows, whose elements can all be registers of 16 rows.
bool fits_lanes(const Program& program, const LoopKernel& kernel, const std::vector<bool>& live) {
  constexpr int64_t kWidest = 8;
  constexpr double kMostWork = 600;
  if (kernel.form != LoopKernel::Form::row || kernel.space == types::kUniform) return false;
  double work = 0;
  for (InstrId id = 0; id < kernel.instrs.size(); ++id) {
    const Instr& instr = kernel.instrs[id];
    if (!live[id]) continue;
    const int64_t n = elements(instr.shape);
    if (n > kWidest) return false;
    work += vector_cost(instr) * static_cast<double>(n);
    if (instr.op == Op::length) {
      const types::Space& child = program.spaces[instr.space];
      if (child.fixed || child.parent != kernel.space) return false;
    }
    if (instr.op != Op::load) continue;
    const program::Access access = kernel.operands[instr.operand].access;
    if (access == program::Access::first_child || access == program::Access::last_child) return false;
  }
  return work <= kMostWork;
}

}  // namespace

Schedule make_schedule(const Program& program, const LoopKernel& kernel, bool lanes) {
  Schedule schedule = Scheduler(kernel).run();
  schedule.lanes = lanes && fits_lanes(program, kernel, schedule.live);
  if (schedule.lanes) schedule.row_cost /= 4;
  return schedule;
}

}  // namespace mtl::codegen
