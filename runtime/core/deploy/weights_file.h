// The weights of a package: one file (or embedded bytes) of sections, read or mapped, and used in place. Little-endian.
//
//    0  "MTLWGHT1"
//    8  u64  bytes of the whole file
//   16  u64  weights_checksum of everything behind this field
//   24  u64  fingerprint of the program that the weights belong to
//   32  u32  number of sections
//   36  u32  0
//   40  {u64 offset, u64 bytes} of each section; offsets are multiples of 64, rising, and sections do not overlap
//
// Section of numbers: floats. Section of a vocabulary: u32 count, u32 slots, u32 offsets[count + 1] into the
// characters, u32 table[slots], then the characters. Name i is at offsets[i] to offsets[i + 1]. The table is open
// addressing: a slot holds an id + 1, or 0 when it is empty; slots are a power of two greater than count; a name is
// looked for from slot vocabulary_hash(name) & (slots - 1) on, slot by slot, wrapping, until an empty one.
//
// The reader knows by position what a section is. Everything is checked before use, so that no file, damaged or made on
// purpose, leads out of its bounds or predicts with what is no number.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/core/deploy/errors.h"

namespace mtl::runtime::deploy {

inline constexpr char kWeightsMagic[] = "MTLWGHT1";
inline constexpr size_t kWeightsHeader = 40;     // bytes in front of the list of sections
inline constexpr size_t kWeightsAlignment = 64;  // of sections, and of embedded bytes

struct SectionSpec {
  // `computed` when the package was written, from parameters: infinite numbers may be among them.
  enum class Kind : uint8_t { numbers, vocabulary, computed };
  const char* name = "";  // for messages
  Kind kind = Kind::numbers;
  uint64_t count = 0;  // floats, or names
};

// Names and their ids, 0 to size - 1. A view: valid as long as the WeightsFile that it came from.
class Vocabulary {
 public:
  Vocabulary() = default;  // has no names
  size_t size() const { return count_; }
  int32_t find(std::string_view name) const;  // -1: not in it
  std::string_view name(int32_t id) const;    // empty for an id that it does not have

 private:
  friend class WeightsFile;
  uint32_t count_ = 0;
  uint32_t mask_ = 0;
  const uint32_t* offsets_ = nullptr;
  const uint32_t* table_ = nullptr;
  const char* characters_ = nullptr;
};

class WeightsFile {
 public:
  WeightsFile() = default;  // has no sections
  // Opens the file `path` and checks it against `count` specs. Throws LoadError. A mapped file must not change.
  static WeightsFile open(const char* path, Loading loading, uint64_t fingerprint, const SectionSpec* specs,
                          size_t count);
  // The same for bytes in memory that the caller keeps; aligned to kWeightsAlignment.
  static WeightsFile view(const void* data, size_t size, uint64_t fingerprint, const SectionSpec* specs, size_t count);
  WeightsFile(WeightsFile&& other) noexcept;
  WeightsFile& operator=(WeightsFile&& other) noexcept;
  WeightsFile(const WeightsFile&) = delete;
  WeightsFile& operator=(const WeightsFile&) = delete;
  ~WeightsFile();

  // By position in the specs; of the kind that the spec said. 64-byte aligned.
  const float* numbers(size_t section) const;
  Vocabulary vocabulary(size_t section) const;
  size_t size() const { return size_; }  // bytes

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
  enum class Owner { caller, memory, mapping } owner_ = Owner::caller;
};

// 64 bits of `size` bytes: four chains of 8 bytes each, mixed by multiplication. Against damage, not against intent.
uint64_t weights_checksum(const void* data, size_t size);
uint32_t vocabulary_hash(std::string_view name);

}  // namespace mtl::runtime::deploy
