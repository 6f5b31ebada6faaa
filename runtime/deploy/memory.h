// A block of memory for the buffers of a batch. It grows and is kept.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <new>

namespace mtl::runtime::deploy {

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { std::free(data_); }
  // At least `bytes`, aligned to 64. What it held is lost if it grows.
  void reserve(size_t bytes) {
    if (bytes <= size_) return;
    const size_t rounded = (bytes + bytes / 4 + 63) / 64 * 64;  // room for batches a little longer
    void* fresh = std::aligned_alloc(64, rounded);
    if (fresh == nullptr) throw std::bad_alloc();
    std::free(data_);
    data_ = fresh;
    size_ = rounded;
  }
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace mtl::runtime::deploy
