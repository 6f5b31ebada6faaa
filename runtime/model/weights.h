// Parameters and states in one aligned block, by path.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace mtl::model {

struct Entry {
  std::string path;
  std::vector<int64_t> dims;
  int64_t offset = 0;  // in floats; entries start at multiples of 16
  int64_t size = 0;
};

class Weights {
 public:
  // Entries are laid out in this order.
  explicit Weights(std::vector<std::pair<std::string, std::vector<int64_t>>> shapes);
  const std::vector<Entry>& entries() const { return entries_; }
  const Entry* find(const std::string& path) const;
  float* data() { return block_.get(); }
  const float* data() const { return block_.get(); }
  float* of(const Entry& entry) { return block_.get() + entry.offset; }
  const float* of(const Entry& entry) const { return block_.get() + entry.offset; }
  int64_t size() const { return size_; }  // floats, padding included
  // A zeroed block of the same layout (gradients, optimizer state).
  std::unique_ptr<float[], void (*)(void*)> like() const;

 private:
  std::vector<Entry> entries_;
  std::map<std::string, size_t> by_path_;
  int64_t size_ = 0;
  std::unique_ptr<float[], void (*)(void*)> block_;
};

}  // namespace mtl::model
