// Distinct texts, numbered in order of appearance: the bytes of all in one piece, where each ends, and a table of
// numbers by hash. For short words a map of strings takes five times as much.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mtl::data {

class Interner {
 public:
  uint32_t add(std::string_view text);                        // no view of this interner's own
  std::optional<uint32_t> find(std::string_view text) const;  // its number
  // Until something is added.
  std::string_view text(uint32_t number) const {
    const uint64_t begin = number == 0 ? 0 : ends_[number - 1];
    return std::string_view(bytes_).substr(begin, ends_[number] - begin);
  }
  size_t size() const { return ends_.size(); }

 private:
  size_t slot_of(std::string_view text) const;  // that of the text, or the empty one where it belongs
  void grow();

  std::string bytes_;
  std::vector<uint64_t> ends_;
  std::vector<uint32_t> slots_;  // a number + 1, or 0; at least a third of them are empty
};

}  // namespace mtl::data
