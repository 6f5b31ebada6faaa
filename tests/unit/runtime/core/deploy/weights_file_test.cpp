// Weights files: what is written comes back, and no bytes whatever lead out of bounds.
#include "runtime/core/deploy/weights_file.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "runtime/model/write_weights.h"

using namespace mtl::runtime::deploy;

namespace {

using Kind = SectionSpec::Kind;
constexpr uint64_t kFingerprint = 0x123456789ABCDEFull;
const std::vector<float> kWeights{1.5f, -2.0f, 3.25f};
const std::vector<std::string> kNames{"<unk>", "play", "jazz", "", "schön", "a longer name than most of them"};
const SectionSpec kSpecs[] = {{"w", Kind::numbers, 3}, {"en", Kind::vocabulary, 6}, {"none", Kind::numbers, 0}};

std::string valid_bytes() {
  return weights_bytes(kFingerprint, {{"w", Kind::numbers, kWeights.data(), kWeights.size(), {}},
                                      {"en", Kind::vocabulary, nullptr, 0, kNames},
                                      {"none", Kind::numbers, nullptr, 0, {}}});
}

// Aligned bytes in memory of their own size, so that a sanitizer sees every step beyond them.
class Embedded {
 public:
  explicit Embedded(const std::string& bytes) : size_(bytes.size()) {
    void* memory = nullptr;
    REQUIRE(::posix_memalign(&memory, 64, size_ == 0 ? 1 : size_) == 0);
    memory_.reset(static_cast<char*>(memory));
    std::memcpy(memory, bytes.data(), size_);
  }
  WeightsFile view(uint64_t fingerprint = kFingerprint) const {
    return WeightsFile::view(memory_.get(), size_, fingerprint, kSpecs, 3);
  }
  char* data() { return memory_.get(); }
  size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(char* memory) const { std::free(memory); }
  };
  std::unique_ptr<char, Free> memory_;
  size_t size_;
};

std::string error_of(const std::string& bytes, uint64_t fingerprint = kFingerprint) {
  try {
    Embedded(bytes).view(fingerprint);
  } catch (const LoadError& error) {
    return error.what();
  }
  return "";
}

void fix_checksum(std::string& bytes) {
  if (bytes.size() < 24) return;
  const uint64_t checksum = weights_checksum(bytes.data() + 24, bytes.size() - 24);
  std::memcpy(&bytes[16], &checksum, 8);
}
template <class T>
void put(std::string& bytes, size_t at, T value) {
  std::memcpy(&bytes[at], &value, sizeof value);
}

// Whether the bytes are taken; then everything is read.
bool taken(const std::string& bytes) {
  const Embedded embedded(bytes);
  try {
    const WeightsFile file = embedded.view();
    float sum = 0;
    for (int i = 0; i < 3; ++i) sum += file.numbers(0)[i];
    const Vocabulary names = file.vocabulary(1);
    size_t characters = 0;
    for (int32_t id = -2; id < 9; ++id) {
      for (const char c : names.name(id)) characters += static_cast<unsigned char>(c);
    }
    for (const std::string& name : kNames) {
      const int32_t id = names.find(name);
      REQUIRE(id < 6);
      REQUIRE(id >= -1);
    }
    for (const char* name : {"x", "other", "play ", "<unk>>"}) REQUIRE(names.find(name) < 6);
    volatile float used = sum + static_cast<float>(characters);
    (void)used;
    return true;
  } catch (const LoadError& error) {
    REQUIRE(std::string(error.what()).find("embedded weights: ") == 0);
    return false;
  }
}

}  // namespace

TEST_CASE("weights come back from memory and from a file") {
  const std::string bytes = valid_bytes();
  std::string path = (std::filesystem::temp_directory_path() / "mtl-weights-XXXXXX").string();
  const int descriptor = ::mkstemp(path.data());
  REQUIRE(descriptor >= 0);
  REQUIRE(::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  ::close(descriptor);
  Embedded embedded(bytes);
  WeightsFile mapped;
  mapped = WeightsFile::open(path.c_str(), Loading::map, kFingerprint, kSpecs, 3);
  const WeightsFile read = WeightsFile::open(path.c_str(), Loading::read, kFingerprint, kSpecs, 3);
  ::unlink(path.c_str());
  const WeightsFile moved = std::move(mapped);
  const WeightsFile viewed = embedded.view();
  for (const WeightsFile* file : {&moved, &read, &viewed}) {
    CHECK(file->size() == bytes.size());
    CHECK(std::vector<float>(file->numbers(0), file->numbers(0) + 3) == kWeights);
    CHECK(reinterpret_cast<uintptr_t>(file->numbers(0)) % 64 == 0);
    const Vocabulary names = file->vocabulary(1);
    REQUIRE(names.size() == kNames.size());
    for (size_t i = 0; i < kNames.size(); ++i) {
      CHECK(names.find(kNames[i]) == static_cast<int32_t>(i));
      CHECK(names.name(static_cast<int32_t>(i)) == kNames[i]);
    }
    CHECK(names.find("plays") == -1);
    CHECK(names.name(-1).empty());
    CHECK(names.name(6).empty());
  }
  CHECK(Vocabulary().find("x") == -1);
}

TEST_CASE("large vocabularies find every name") {
  std::vector<std::string> names;
  for (int i = 0; i < 20000; ++i) names.push_back("word" + std::to_string(i * 7));
  const SectionSpec spec{"v", Kind::vocabulary, names.size()};
  Embedded bytes(weights_bytes(1, {{"v", Kind::vocabulary, nullptr, 0, names}}));
  const WeightsFile file = WeightsFile::view(bytes.data(), bytes.size(), 1, &spec, 1);
  const Vocabulary vocabulary = file.vocabulary(0);
  bool all = true;
  for (size_t i = 0; i < names.size(); ++i) all = all && vocabulary.find(names[i]) == static_cast<int32_t>(i);
  CHECK(all);
  CHECK(vocabulary.find("word1") == -1);
  CHECK_THROWS_AS(weights_bytes(1, {{"v", Kind::vocabulary, nullptr, 0, {"a", "b", "a"}}}), std::invalid_argument);
}

TEST_CASE("what is wrong with a file is said") {
  const std::string bytes = valid_bytes();
  const std::string size = std::to_string(bytes.size());
  CHECK(error_of(bytes).empty());
  CHECK(error_of("") == "embedded weights: too short for a file of weights: it has 0 bytes");
  CHECK(error_of("hello, this is text") == "embedded weights: this is no file of weights");
  CHECK(error_of(bytes.substr(0, 30)) == "embedded weights: too short for a file of weights: it has 30 bytes");
  CHECK(error_of(bytes.substr(0, 100)) == "embedded weights: truncated: it says " + size + " bytes and has 100 bytes");
  CHECK(error_of(bytes + "x").find("damaged: it says " + size) != std::string::npos);
  CHECK(error_of(bytes, 5) == "embedded weights: the weights belong to another model, or another version of it");
  std::string flipped = bytes;
  flipped[flipped.size() - 1] ^= 1;
  CHECK(error_of(flipped) == "embedded weights: damaged: its checksum does not match");
  const SectionSpec other[] = {{"w", Kind::numbers, 4}, {"en", Kind::vocabulary, 6}, {"none", Kind::numbers, 0}};
  Embedded embedded(bytes);
  const auto with = [&](const SectionSpec* specs, size_t count) -> std::string {
    try {
      WeightsFile::view(embedded.data(), bytes.size(), kFingerprint, specs, count);
    } catch (const LoadError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(with(other, 3) == "embedded weights: section `w` has 3 numbers, the program needs 4");
  CHECK(with(kSpecs, 2) == "embedded weights: it has 3 sections, the program needs 2");
  const SectionSpec more[] = {kSpecs[0], {"en", Kind::vocabulary, 7}, kSpecs[2]};
  CHECK(with(more, 3) == "embedded weights: section `en` has 6 names, the program needs 7");
  CHECK_THROWS_WITH(WeightsFile::open("/no/such/file", Loading::read, 1, kSpecs, 3),
                    "/no/such/file: cannot open it: No such file or directory");
  CHECK_THROWS_WITH(WeightsFile::open("/", Loading::read, 1, kSpecs, 3), "/: cannot open it: Is a directory");
  CHECK_THROWS_AS(WeightsFile::view(embedded.data() + 4, 64, 1, kSpecs, 3), LoadError);
}

TEST_CASE("no damage leads out of bounds") {
  const std::string bytes = valid_bytes();
  REQUIRE(taken(bytes));
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string cut = bytes.substr(0, size);
    CHECK_FALSE(taken(cut));
    if (size >= 16) put(cut, 8, static_cast<uint64_t>(size));
    fix_checksum(cut);
    taken(cut);
  }
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (int change = 1; change < 256; ++change) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ change);
      const bool single_bit = (change & (change - 1)) == 0;
      if (single_bit) CHECK_FALSE(taken(flipped));
      fix_checksum(flipped);
      taken(flipped);
    }
  }
}

TEST_CASE("no made-up numbers lead out of bounds") {
  const std::string bytes = valid_bytes();
  std::mt19937_64 random(1);
  const uint64_t telling[] = {0,
                              1,
                              2,
                              63,
                              64,
                              128,
                              bytes.size(),
                              bytes.size() - 64,
                              0x7FFFFFFF,
                              0x80000000,
                              0xFFFFFFFF,
                              0xFFFFFFFFFFFFFFC0ull,
                              0xFFFFFFFFFFFFFFFFull,
                              0x4000000000000000ull};
  for (int round = 0; round < 60000; ++round) {
    std::string changed = bytes;
    for (uint64_t count = 1 + random() % 3; count > 0; --count) {
      const uint64_t value = random() % 4 == 0 ? random() : telling[random() % std::size(telling)];
      if (random() % 2 == 0)
        put(changed, random() % (bytes.size() / 4) * 4, static_cast<uint32_t>(value));
      else
        put(changed, random() % (bytes.size() / 8 - 1) * 8, value);
    }
    if (round % 2 == 0) std::memcpy(changed.data(), bytes.data(), 16);
    fix_checksum(changed);
    taken(changed);
  }
}

TEST_CASE("the checksum covers every byte") {
  for (const size_t size : {0, 1, 7, 8, 31, 32, 33, 100}) {
    const std::string text(size, 'a');
    const uint64_t hash = weights_checksum(text.data(), size);
    CHECK(hash != weights_checksum((text + '\0').data(), size + 1));
    for (size_t i = 0; i < size; ++i) {
      std::string changed = text;
      changed[i] = 'b';
      CHECK(hash != weights_checksum(changed.data(), size));
    }
  }
}

TEST_CASE("a file that is overwritten in place leaves what was read from it") {
  const std::string bytes = valid_bytes();
  std::string path = (std::filesystem::temp_directory_path() / "mtl-weights-XXXXXX").string();
  const int descriptor = ::mkstemp(path.data());
  REQUIRE(::write(descriptor, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  const WeightsFile read = WeightsFile::open(path.c_str(), Loading::read, kFingerprint, kSpecs, 3);
  REQUIRE(::ftruncate(descriptor, 0) == 0);
  ::close(descriptor);
  ::unlink(path.c_str());
  CHECK(std::vector<float>(read.numbers(0), read.numbers(0) + 3) == kWeights);
  CHECK(read.vocabulary(1).find(kNames[0]) == 0);
}

TEST_CASE("numbers that are none are refused; what was computed may be infinite") {
  const auto open = [](float x, Kind kind) {
    const std::vector<float> values = {1, x, 3};
    const SectionSpec spec[] = {{"w", kind, 3}};
    Embedded embedded(weights_bytes(7, {{"w", kind, values.data(), values.size(), {}}}));
    WeightsFile::view(embedded.data(), embedded.size(), 7, spec, 1);
  };
  CHECK_NOTHROW(open(2, Kind::numbers));
  CHECK_NOTHROW(open(-INFINITY, Kind::computed));
  CHECK_THROWS_WITH(open(-INFINITY, Kind::numbers), "embedded weights: section `w` has an infinite number at 1");
  CHECK_THROWS_WITH(open(NAN, Kind::numbers), "embedded weights: section `w` has no number at 1");
  CHECK_THROWS_WITH(open(NAN, Kind::computed), "embedded weights: section `w` has no number at 1");
}
