// Reads or maps a weights file, and checks all of it before anything is used.
#include "runtime/core/deploy/weights_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "runtime/core/random.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "weights are little-endian and used in place"
#endif

namespace mtl::runtime::deploy {
namespace {

constexpr size_t kChecked = 24;  // the checksum covers what is behind it
constexpr size_t kEntry = 16;    // offset and bytes of a section

template <class T>
T read(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::string bytes_of(uint64_t count) {
  return std::to_string(count) + (count == 1 ? " byte" : " bytes");
}

// The bytes of a file, given back unless they are released.
class Contents {
 public:
  Contents(const char* path, Loading loading) : mapped_(loading == Loading::map) {
    const std::string who = path;
    const int file = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would keep it waiting
    if (file < 0) fail(who, errno);
    struct stat status {};
    int error = ::fstat(file, &status) == 0 ? 0 : errno;
    if (error == 0 && S_ISDIR(status.st_mode)) error = EISDIR;
    if (error == 0 && !S_ISREG(status.st_mode)) error = EINVAL;
    size_ = error == 0 ? static_cast<size_t>(status.st_size) : 0;
    if (size_ > 0) error = mapped_ ? map(file) : read_all(file);
    ::close(file);
    if (error == 0) return;
    give_back(data_, size_, mapped_);
    fail(who, error);
  }
  ~Contents() { give_back(data_, size_, mapped_); }
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;
  static void give_back(const char* data, size_t size, bool mapped) {
    if (data == nullptr) return;
    if (mapped)
      ::munmap(const_cast<char*>(data), size);
    else
      std::free(const_cast<char*>(data));
  }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  const char* release() { return std::exchange(data_, nullptr); }

 private:
  [[noreturn]] static void fail(const std::string& who, int error) {
    throw LoadError(who + ": cannot open it: " + std::strerror(error));
  }
  int map(int file) {
    void* map = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file, 0);
    if (map == MAP_FAILED) return errno;
    data_ = static_cast<const char*>(map);
    ::madvise(map, size_, MADV_WILLNEED);
    return 0;
  }
  // 0, or errno. A file that is cut off meanwhile has fewer bytes.
  int read_all(int file) {
    auto* bytes = static_cast<char*>(
        std::aligned_alloc(kWeightsAlignment, (size_ + kWeightsAlignment - 1) / kWeightsAlignment * kWeightsAlignment));
    if (bytes == nullptr) return ENOMEM;
    data_ = bytes;
    size_t done = 0;
    while (done < size_) {
      const ssize_t got = ::read(file, bytes + done, size_ - done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return errno;
      if (got == 0) break;
      done += static_cast<size_t>(got);
    }
    size_ = done;
    return 0;
  }

  const char* data_ = nullptr;
  size_t size_ = 0;
  bool mapped_;
};

// Checks all of a file.
class Checker {
 public:
  Checker(std::string who, const char* data, uint64_t size) : who_(std::move(who)), data_(data), size_(size) {}

  void run(uint64_t fingerprint, const SectionSpec* specs, size_t count) {
    check_header(fingerprint, count);
    uint64_t free = kWeightsHeader + count * kEntry;  // where the last section ended
    if (free > size_) fail("damaged: its list of sections ends behind its end");
    for (size_t i = 0; i < count; ++i) {
      const char* entry = data_ + kWeightsHeader + i * kEntry;
      const auto offset = read<uint64_t>(entry), bytes = read<uint64_t>(entry + 8);
      const bool inside = offset >= free && offset <= size_ && bytes <= size_ - offset;
      if (!inside || offset % kWeightsAlignment != 0) fail("damaged: section " + name_of(specs[i]) + " is misplaced");
      free = offset + bytes;
      if (specs[i].kind != SectionSpec::Kind::vocabulary)
        check_numbers(specs[i], data_ + offset, bytes);
      else
        check_vocabulary(specs[i], data_ + offset, bytes);
    }
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw LoadError(who_ + ": " + what); }
  static std::string name_of(const SectionSpec& spec) { return "`" + std::string(spec.name) + "`"; }

  void check_header(uint64_t fingerprint, size_t count) const {
    const bool ours = size_ >= 8 && std::memcmp(data_, kWeightsMagic, 8) == 0;
    if (size_ >= 8 && !ours) fail("this is no file of weights");
    if (size_ < kWeightsHeader) fail("too short for a file of weights: it has " + bytes_of(size_));
    const auto said = read<uint64_t>(data_ + 8);
    if (said > size_) fail("truncated: it says " + bytes_of(said) + " and has " + bytes_of(size_));
    if (said < size_) fail("damaged: it says " + bytes_of(said) + " and has " + bytes_of(size_));
    if (read<uint64_t>(data_ + 16) != weights_checksum(data_ + kChecked, static_cast<size_t>(size_ - kChecked)))
      fail("damaged: its checksum does not match");
    if (read<uint64_t>(data_ + 24) != fingerprint)
      fail("the weights belong to another model, or another version of it");
    const auto sections = read<uint32_t>(data_ + 32);
    if (sections != count || read<uint32_t>(data_ + 36) != 0)
      fail("it has " + std::to_string(sections) + " sections, the program needs " + std::to_string(count));
  }

  void check_numbers(const SectionSpec& spec, const char* section, uint64_t bytes) const {
    if (bytes % sizeof(float) == 0 && bytes / sizeof(float) == spec.count) return check_values(spec, section);
    fail("section " + name_of(spec) + " has " + std::to_string(bytes / sizeof(float)) + " numbers, the program needs " +
         std::to_string(spec.count));
  }

  void check_values(const SectionSpec& spec, const char* section) const {
    constexpr uint32_t kInfinity = 0x7F800000u;
    const uint32_t most = spec.kind == SectionSpec::Kind::computed ? kInfinity : kInfinity - 1;
    uint32_t largest = 0;  // of their bits without the sign
    for (uint64_t i = 0; i < spec.count; ++i) {
      const uint32_t bits = read<uint32_t>(section + i * sizeof(float)) & 0x7FFFFFFFu;
      largest = bits > largest ? bits : largest;
    }
    if (largest <= most) return;
    uint64_t at = 0;
    while ((read<uint32_t>(section + at * sizeof(float)) & 0x7FFFFFFFu) <= most) ++at;
    fail("section " + name_of(spec) + " has " + (largest > kInfinity ? "no number" : "an infinite number") + " at " +
         std::to_string(at));
  }

  void check_vocabulary(const SectionSpec& spec, const char* section, uint64_t bytes) const {
    const std::string damaged = "damaged: the names of " + name_of(spec) + " ";
    if (bytes < 8) fail(damaged + "are too short");
    const uint64_t count = read<uint32_t>(section), slots = read<uint32_t>(section + 4);
    if (count != spec.count)
      fail("section " + name_of(spec) + " has " + std::to_string(count) + " names, the program needs " +
           std::to_string(spec.count));
    const bool power = slots != 0 && (slots & (slots - 1)) == 0;
    const uint64_t front = 8 + 4 * (count + 1 + slots);
    if (!power || slots <= count || count > INT32_MAX) fail(damaged + "have a table of a wrong size");
    if (front > bytes) fail(damaged + "end behind their section");
    const char *offsets = section + 8, *table = offsets + 4 * (count + 1);
    uint32_t before = 0;
    for (uint64_t i = 0; i <= count; ++i) {
      const auto offset = read<uint32_t>(offsets + 4 * i);
      if (offset < before || (i == 0 && offset != 0)) fail(damaged + "are out of order");
      before = offset;
    }
    if (before > bytes - front) fail(damaged + "end behind their section");
    bool has_empty = false;  // or looking for a name might never end
    for (uint64_t i = 0; i < slots; ++i) {
      const auto entry = read<uint32_t>(table + 4 * i);
      if (entry > count) fail(damaged + "have a table that leads nowhere");
      has_empty = has_empty || entry == 0;
    }
    if (!has_empty) fail(damaged + "have a table without an end");
  }

  std::string who_;
  const char* data_;
  uint64_t size_;
};

}  // namespace

uint64_t weights_checksum(const void* data, size_t size) {
  constexpr uint64_t kFactor = 0x9E3779B97F4A7C15ull;
  const char* at = static_cast<const char*>(data);
  uint64_t chains[4] = {1, 2, 3, 4};
  const auto step = [](uint64_t& chain, uint64_t word) {
    chain = (chain ^ word) * kFactor;
    chain ^= chain >> 29;
  };
  size_t left = size;
  for (; left >= 32; left -= 32, at += 32) {
    for (int i = 0; i < 4; ++i) step(chains[i], read<uint64_t>(at + 8 * i));
  }
  char rest[32] = {};
  if (left > 0) std::memcpy(rest, at, left);
  for (int i = 0; i < 4; ++i) step(chains[i], read<uint64_t>(rest + 8 * i));
  uint64_t hash = mix64(size);
  for (const uint64_t chain : chains) hash = mix64(hash ^ chain);
  return hash;
}

uint32_t vocabulary_hash(std::string_view name) {
  return static_cast<uint32_t>(mix64(hash_text(name.data(), name.size())));
}

std::string_view Vocabulary::name(int32_t id) const {
  if (id < 0 || static_cast<uint32_t>(id) >= count_) return {};
  return {characters_ + offsets_[id], offsets_[id + 1] - offsets_[id]};
}

int32_t Vocabulary::find(std::string_view name) const {
  if (count_ == 0) return -1;
  for (uint32_t slot = vocabulary_hash(name) & mask_;; slot = (slot + 1) & mask_) {
    const uint32_t entry = table_[slot];
    if (entry == 0) return -1;
    const auto id = static_cast<int32_t>(entry - 1);
    if (this->name(id) == name) return id;
  }
}

WeightsFile WeightsFile::open(const char* path, Loading loading, uint64_t fingerprint, const SectionSpec* specs,
                              size_t count) {
  Contents contents(path, loading);
  Checker(path, contents.data(), contents.size()).run(fingerprint, specs, count);
  WeightsFile out;
  out.size_ = contents.size();
  out.data_ = contents.release();
  out.owner_ = loading == Loading::map ? Owner::mapping : Owner::memory;
  return out;
}

WeightsFile WeightsFile::view(const void* data, size_t size, uint64_t fingerprint, const SectionSpec* specs,
                              size_t count) {
  const std::string who = "embedded weights";
  if (reinterpret_cast<uintptr_t>(data) % kWeightsAlignment != 0)
    throw LoadError(who + ": not aligned to " + bytes_of(kWeightsAlignment));
  Checker(who, static_cast<const char*>(data), size).run(fingerprint, specs, count);
  WeightsFile out;
  out.data_ = static_cast<const char*>(data);
  out.size_ = size;
  return out;
}

WeightsFile::WeightsFile(WeightsFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      owner_(std::exchange(other.owner_, Owner::caller)) {}

WeightsFile& WeightsFile::operator=(WeightsFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(owner_, other.owner_);
  return *this;
}

WeightsFile::~WeightsFile() {
  if (owner_ != Owner::caller) Contents::give_back(data_, size_, owner_ == Owner::mapping);
}

const float* WeightsFile::numbers(size_t section) const {
  return reinterpret_cast<const float*>(data_ + read<uint64_t>(data_ + kWeightsHeader + section * kEntry));
}

Vocabulary WeightsFile::vocabulary(size_t section) const {
  const char* at = data_ + read<uint64_t>(data_ + kWeightsHeader + section * kEntry);
  Vocabulary out;
  out.count_ = read<uint32_t>(at);
  const auto slots = read<uint32_t>(at + 4);
  out.mask_ = slots - 1;
  out.offsets_ = reinterpret_cast<const uint32_t*>(at + 8);
  out.table_ = out.offsets_ + out.count_ + 1;
  out.characters_ = reinterpret_cast<const char*>(out.table_ + slots);
  return out;
}

}  // namespace mtl::runtime::deploy
