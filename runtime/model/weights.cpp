// Layout of parameters and states: one 64-byte aligned block, entries at multiples of 16 floats, padding zero.
#include "runtime/model/weights.h"

#include <cstdlib>
#include <cstring>

#include "support/base/check.h"

namespace mtl::model {

namespace {

constexpr int64_t kAlign = 16;  // floats: one cache line

std::unique_ptr<float[], void (*)(void*)> zeroed(int64_t floats) {
  const size_t bytes = static_cast<size_t>(floats > 0 ? floats : kAlign) * sizeof(float);
  auto* block = static_cast<float*>(std::aligned_alloc(kAlign * sizeof(float), bytes));
  if (block == nullptr) out_of_memory("the weights", bytes);
  std::memset(block, 0, bytes);
  return {block, std::free};
}

}  // namespace

Weights::Weights(std::vector<std::pair<std::string, std::vector<int64_t>>> shapes) : block_(nullptr, std::free) {
  for (auto& [path, dims] : shapes) {
    Entry entry{std::move(path), std::move(dims), size_, 1};
    for (int64_t dim : entry.dims) entry.size *= dim;
    size_ += (entry.size + kAlign - 1) / kAlign * kAlign;
    const bool fresh = by_path_.emplace(entry.path, entries_.size()).second;
    MTL_CHECK(fresh, "two parameters have one path");
    entries_.push_back(std::move(entry));
  }
  block_ = zeroed(size_);
}

const Entry* Weights::find(const std::string& path) const {
  auto found = by_path_.find(path);
  return found == by_path_.end() ? nullptr : &entries_[found->second];
}

std::unique_ptr<float[], void (*)(void*)> Weights::like() const {
  return zeroed(size_);
}

}  // namespace mtl::model
