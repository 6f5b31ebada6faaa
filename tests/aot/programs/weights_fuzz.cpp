// No weights file, however broken, does more than throw LoadError, with a text that names the file:
//   weights_fuzz FOLDER [ROUNDS]
// Files that are missing, folders, empty, of another model, truncated, longer, with a byte changed. And bytes changed
// with the checksum put right again, as no accident would: those may load, and then answers must not go wrong in
// memory (the program is built with sanitizers), whatever they say.
#include <assistant/assistant.h>
#include <assistant/runtime/core/deploy/weights_file.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<char>;

int g_wrong = 0, g_refused = 0, g_loaded = 0;

Bytes bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const Bytes& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

// What the file's LoadError says; it has to name the file and to say more.
void want_refused(const fs::path& path, const std::string& what, bool show) {
  try {
    const assistant::Model model(path.string());
    std::printf("%s: was loaded\n", what.c_str());
    ++g_wrong;
  } catch (const assistant::LoadError& error) {
    ++g_refused;
    const std::string why = error.what(), start = path.string() + ": ";
    if (why.rfind(start, 0) != 0 || why.size() < start.size() + 5) {
      std::printf("%s: says `%s`\n", what.c_str(), why.c_str());
      ++g_wrong;
    } else if (show) {
      std::printf("%s: %s\n", what.c_str(), why.substr(start.size()).c_str());
    }
  }
}

void refuse_files(const fs::path& folder, const Bytes& good) {
  want_refused(folder / "missing.weights", "missing", true);
  want_refused(folder, "folder", true);
  want_refused("", "no name", true);
  want_refused("/dev/null", "device", true);
  want_refused(FOREIGN_WEIGHTS, "another model's", true);
  want_refused(SAFETENSORS, "another format", true);
  const fs::path path = folder / "broken.weights";
  const auto refuse = [&](const Bytes& bytes, const std::string& what, bool show) {
    write(path, bytes);
    want_refused(path, what, show);
  };
  refuse({}, "empty", true);
  refuse(Bytes(40, 'x'), "text", true);
  refuse(Bytes(good.size(), '\0'), "zeros", true);
  Bytes longer = good;
  longer.push_back('x');
  refuse(longer, "longer", true);
  for (size_t size = 1; size < 128; ++size) refuse({good.begin(), good.begin() + size}, "truncated", size == 100);
  std::mt19937_64 random(1);
  for (int i = 0; i < 60; ++i) {
    const size_t size = random() % good.size();
    refuse({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size)}, "truncated", i == 0);
    Bytes changed = good;
    changed[random() % good.size()] ^= static_cast<char>(1u << random() % 8);
    refuse(changed, "changed", i == 0);
  }
}

// Weights in memory, aligned as Model wants them.
class Aligned {
 public:
  explicit Aligned(size_t size)
      : size_(size), data_(static_cast<char*>(std::aligned_alloc(64, (size + 63) / 64 * 64))) {}
  ~Aligned() { std::free(data_); }
  Aligned(const Aligned&) = delete;
  Aligned& operator=(const Aligned&) = delete;
  char* data() { return data_; }
  size_t size() const { return size_; }

 private:
  size_t size_;
  char* data_;
};

void put_checksum_right(char* data, size_t size) {
  const uint64_t sum = assistant::runtime::deploy::weights_checksum(data + 24, size - 24);
  std::memcpy(data + 16, &sum, sizeof sum);
}

void load_and_ask(Aligned& bytes) {
  try {
    const assistant::Model model(bytes.data(), bytes.size());
    ++g_loaded;
    assistant::Context context(model);
    context.all(assistant::AssistantExample::from_text("play the song bedroom for will"));
    context.all(assistant::AssistantExample::from_text("x unheard \xc3\xa9 weather"));
  } catch (const assistant::LoadError&) {
    ++g_refused;
  }
}

// Where headers, tables of sections and of names are: at both ends of the file, mostly.
size_t place(std::mt19937_64& random, size_t size) {
  switch (random() % 4) {
    case 0:
      return 24 + random() % 64;
    case 1:
      return 24 + random() % 1024;
    case 2:
      return size - 1 - random() % (size / 8);
    default:
      return random() % size;
  }
}

void change_with_checksum(const Bytes& good, int rounds) {
  std::mt19937_64 random(2);
  Aligned bytes(good.size());
  for (int round = 0; round < rounds; ++round) {
    std::memcpy(bytes.data(), good.data(), good.size());
    for (uint64_t changes = 1 + random() % 4; changes > 0; --changes) {
      const size_t at = place(random, good.size());
      const uint64_t kind = random() % 3;
      if (kind == 0) bytes.data()[at] ^= static_cast<char>(1u << random() % 8);
      if (kind == 1) bytes.data()[at] = static_cast<char>(random());
      if (kind == 2) {  // a whole number: small, large, or negative
        const int64_t values[] = {0, 1, -1, INT32_MAX, INT64_MIN, static_cast<int64_t>(good.size()), 64, 1 << 20};
        std::memcpy(bytes.data() + std::min(at / 8 * 8, good.size() - 8), &values[random() % 8], random() % 2 ? 8 : 4);
      }
    }
    put_checksum_right(bytes.data(), bytes.size());
    load_and_ask(bytes);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) return 2;
  fs::create_directories(argv[1]);
  const Bytes good = bytes_of(ASSISTANT_WEIGHTS);
  const assistant::Model model(ASSISTANT_WEIGHTS);
  refuse_files(argv[1], good);
  change_with_checksum(good, argc > 2 ? std::atoi(argv[2]) : 1500);
  fs::remove_all(argv[1]);
  std::printf("%d refused, %d loaded with a checksum put right, %d wrong\n", g_refused, g_loaded, g_wrong);
  return g_wrong == 0 && g_loaded > 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::printf("%s\n", error.what());
  return 1;
}
