// A block of memory for the buffers of a batch. It grows and is kept.
#pragma once
#include <sys/mman.h>

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
    const size_t wanted = bytes + bytes / 4;  // room for batches a little longer
    const size_t alignment = wanted < 2 * kHugePage ? 64 : kHugePage;
    const size_t rounded = (wanted + alignment - 1) / alignment * alignment;
    void* fresh = std::aligned_alloc(alignment, rounded);
    if (fresh == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    if (alignment == kHugePage) ::madvise(fresh, rounded, MADV_HUGEPAGE);  // where it is refused, pages stay small
#endif
    std::free(data_);
    data_ = fresh;
    size_ = rounded;
  }
  void* data() const {
    return data_;
  }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace mtl::runtime::deploy
