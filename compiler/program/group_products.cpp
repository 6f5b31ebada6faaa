// Note [Groups of products]: from each product on, those within reach that share an operand with it move up to it, if
// no step in between computes what they read. Then, from the last one on, others move down to it, if no step in between
// reads what they compute. The gradients of weights are such: they are read at the end alone, but what they read is
// computed one by one. Sharing an operand bounds how much longer memory lives.
#include "compiler/program/group_products.h"

#include <algorithm>
#include <set>

#include "runtime/core/gemm.h"

namespace mtl::program {
namespace {

constexpr size_t kReach = 64;  // steps; so the search is linear

struct Touched {
  std::vector<uint32_t> reads, writes;  // owners of buffers
};

bool meet(const std::vector<uint32_t>& a, const std::vector<uint32_t>& b) {
  return std::any_of(a.begin(), a.end(), [&](uint32_t x) { return std::find(b.begin(), b.end(), x) != b.end(); });
}

class Grouper {
 public:
  explicit Grouper(Program& program) : program_(program) {}

  void run() {
    for (Step& step : program_.steps) {
      const Call* call = std::get_if<Call>(&step.work);
      Item item{{}, touched_by(step), call != nullptr && (call->kernel == "matmul" || call->kernel == "matmul_rows")};
      item.steps.push_back(std::move(step));
      items_.push_back(std::move(item));
    }
    for (size_t i = 0; i < items_.size(); ++i) gather(i, false);
    for (size_t i = items_.size(); i-- > 0;) i = gather(i, true);
    program_.steps.clear();
    for (Item& item : items_) {
      if (item.steps.size() == 1)
        program_.steps.push_back(std::move(item.steps[0]));
      else
        program_.steps.push_back(group(item.steps));
    }
  }

 private:
  struct Item {
    std::vector<Step> steps;  // several: products of a group
    Touched touched;
    bool product = false;
  };

  uint32_t owner(uint32_t buffer) const {
    const uint32_t of = program_.buffers[buffer].view_of;
    return of == kNoBuffer ? buffer : of;
  }
  Touched touched_by(const Step& step) const {
    Touched out;
    if (const auto* kernel = std::get_if<LoopKernel>(&step.work)) {
      for (const auto& operand : kernel->operands) out.reads.push_back(owner(operand.buffer));
      for (const auto& store : kernel->stores) out.writes.push_back(owner(store.buffer));
    } else {
      const Call& call = std::get<Call>(step.work);
      for (size_t i = 0; i < call.operands.size(); ++i)
        (i + call.results < call.operands.size() ? out.reads : out.writes).push_back(owner(call.operands[i]));
    }
    return out;
  }

  // Whether one of two can pass the other without either noticing.
  static bool pass(const Touched& a, const Touched& b) {
    return !meet(a.reads, b.writes) && !meet(a.writes, b.reads) && !meet(a.writes, b.writes);
  }
  bool can_join(size_t leader, size_t other) const {
    const Item &a = items_[leader], &b = items_[other];
    if (!b.product || a.steps.size() + b.steps.size() > static_cast<size_t>(runtime::kMostProducts)) return false;
    if (!meet(a.touched.reads, b.touched.reads) || !pass(a.touched, b.touched)) return false;
    for (size_t i = std::min(leader, other) + 1; i < std::max(leader, other); ++i) {
      if (!pass(items_[i].touched, b.touched)) return false;
    }
    return true;
  }

  // Moves others that are behind (or, `down`, before) to item i, and returns where it is then.
  size_t gather(size_t i, bool down) {
    if (!items_[i].product) return i;
    for (size_t distance = 1; distance <= kReach; ++distance) {
      if (down ? distance > i : i + distance >= items_.size()) break;
      const size_t other = down ? i - distance : i + distance;
      if (!can_join(i, other)) continue;
      join(items_[i], items_[other], down);
      items_.erase(items_.begin() + static_cast<std::ptrdiff_t>(other));
      if (down) --i;
      --distance;
    }
    return i;
  }
  static void join(Item& leader, Item& other, bool first) {
    leader.steps.insert(first ? leader.steps.begin() : leader.steps.end(), std::make_move_iterator(other.steps.begin()),
                        std::make_move_iterator(other.steps.end()));
    const auto append = [](std::vector<uint32_t>& to, const std::vector<uint32_t>& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(leader.touched.reads, other.touched.reads);
    append(leader.touched.writes, other.touched.writes);
  }

  // See kernels.def for the ints of matmul_group.
  static Step group(const std::vector<Step>& steps) {
    Call call;
    call.kernel = "matmul_group";
    call.ints.push_back(static_cast<int64_t>(steps.size()));
    std::vector<uint32_t> results;
    for (const Step& step : steps) {
      const Call& one = std::get<Call>(step.work);
      for (size_t i = 0; i < 2; ++i) {
        if (std::find(call.operands.begin(), call.operands.end(), one.operands[i]) == call.operands.end())
          call.operands.push_back(one.operands[i]);
      }
      results.push_back(one.operands[2]);
    }
    for (size_t s = 0; s < steps.size(); ++s) {
      const Call& one = std::get<Call>(steps[s].work);
      for (size_t i = 0; i < 2; ++i)
        call.ints.push_back(std::find(call.operands.begin(), call.operands.end(), one.operands[i]) -
                            call.operands.begin());
      call.ints.push_back(static_cast<int64_t>(call.operands.size() + s));
      call.ints.push_back(one.kernel == "matmul_rows");
      for (size_t i = 0; i < 4; ++i) call.ints.push_back(i < one.ints.size() ? one.ints[i] : 0);
      call.spaces.push_back(one.spaces[0]);
    }
    call.operands.insert(call.operands.end(), results.begin(), results.end());
    call.results = results.size();
    return {std::move(call), steps.front().range};
  }

  Program& program_;
  std::vector<Item> items_;
};

}  // namespace

void group_products(Program& program) {
  Grouper(program).run();
}

}  // namespace mtl::program
