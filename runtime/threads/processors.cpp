// Files of the kernel are read with suspicion: what is missing, too long or makes no sense sets no limit.
#include "runtime/threads/processors.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

namespace mtl::runtime {
namespace {

constexpr size_t kMostBytes = size_t{4} << 20;  // of a list of mounts; the other files have a line or some

// Empty: there is no such file, or it is too long.
std::string read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return "";
  std::string text;
  struct stat status {};
  if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    char buffer[4096];
    for (ssize_t n; text.size() <= kMostBytes && (n = ::read(file, buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<size_t>(n));
  }
  ::close(file);
  return text.size() <= kMostBytes ? text : "";
}

// Cuts `text` at each `by`; empty pieces are pieces.
std::vector<std::string_view> pieces(std::string_view text, char by) {
  std::vector<std::string_view> out;
  for (size_t end; (end = text.find(by)) != std::string_view::npos; text.remove_prefix(end + 1))
    out.push_back(text.substr(0, end));
  out.push_back(text);
  return out;
}

bool contains(const std::vector<std::string_view>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// Above zero; 0: it is not, or is not a number. Spaces and line ends around it do not count.
int64_t positive(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return 0;
  text = text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value > 0 ? value : 0;
}

int smaller(int a, int b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

int whole_processors(std::string_view quota, std::string_view period) {
  const int64_t time = positive(quota), of = positive(period);
  if (time == 0 || of == 0) return 0;
  return static_cast<int>(std::clamp<int64_t>(time / of, 1, kMostThreads));
}

// The quota in the folder of one group. cpu.max is version 2's: "150000 100000", "max 100000".
int quota_of(const std::string& folder) {
  const std::string both = read_file(folder + "/cpu.max");
  const size_t space = both.find(' ');
  const int v2 = space == std::string::npos
                     ? 0
                     : whole_processors(std::string_view(both).substr(0, space), std::string_view(both).substr(space));
  return smaller(v2,
                 whole_processors(read_file(folder + "/cpu.cfs_quota_us"), read_file(folder + "/cpu.cfs_period_us")));
}

// A hierarchy of groups as it is mounted: its group `group` is the folder `folder`.
struct Mount {
  bool v2 = false;
  std::string group, folder;
};

// The list of mounts writes spaces and the like as \040.
std::string unescaped(std::string_view text) {
  const auto octal = [&](size_t i) { return i < text.size() && text[i] >= '0' && text[i] <= '7'; };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// Lines like "32 31 0:29 / /sys/fs/cgroup/cpu rw shared:1 - cgroup cgroup rw,cpu" (proc_pid_mountinfo(5)).
std::vector<Mount> group_mounts(const std::string& root) {
  std::vector<Mount> out;
  const std::string text = read_file(root + "/proc/self/mountinfo");
  for (const std::string_view line : pieces(text, '\n')) {
    const std::vector<std::string_view> fields = pieces(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (dash - fields.begin() < 6 || fields.end() - dash < 4) continue;
    const bool v2 = dash[1] == "cgroup2";
    if (!v2 && (dash[1] != "cgroup" || !contains(pieces(dash[3], ','), "cpu"))) continue;
    if (fields[3].empty() || fields[3][0] != '/' || fields[4].empty() || fields[4][0] != '/') continue;
    out.push_back({v2, unescaped(fields[3]), root + unescaped(fields[4])});
  }
  if (out.empty()) out.push_back({true, "/", root + "/sys/fs/cgroup"});
  return out;
}

// `path` below the group that is mounted: "" or "/a/b". A group that is not below it cannot be seen, only the mounted
// one.
std::string below(const Mount& mount, std::string_view path) {
  const std::string_view top = mount.group == "/" ? std::string_view() : std::string_view(mount.group);
  if (path.substr(0, top.size()) != top) return "";
  path.remove_prefix(top.size());
  if (path.empty() || path == "/" || path[0] != '/' || contains(pieces(path, '/'), "..")) return "";
  return std::string(path);
}

// The smallest of a group and all those above it.
int quota_from(const Mount& mount, std::string path) {
  int least = quota_of(mount.folder);
  for (; !path.empty(); path.resize(path.rfind('/'))) least = smaller(least, quota_of(mount.folder + path));
  return least;
}

// Those of the calling thread; sets larger than a cpu_set_t are asked for with more room.
int affinity_processors() {
  for (size_t count = CPU_SETSIZE; count <= size_t{1} << 20; count *= 2) {
    cpu_set_t* const set = CPU_ALLOC(count);
    if (set == nullptr) break;
    const size_t size = CPU_ALLOC_SIZE(count);
    CPU_ZERO_S(size, set);
    const int found = ::sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (found > 0) return found;
  }
  return static_cast<int>(std::min(std::thread::hardware_concurrency(), static_cast<unsigned>(kMostThreads)));
}

}  // namespace

// Lines like "1:cpu,cpuacct:/group" of version 1 and "0::/group" of version 2 (cgroups(7)).
int quota_processors(const std::string& root) {
  const std::vector<Mount> mounts = group_mounts(root);
  const std::string text = read_file(root + "/proc/self/cgroup");
  int least = 0;
  for (const std::string_view line : pieces(text, '\n')) {
    const size_t first = line.find(':');
    const size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    const bool v2 = line.substr(0, first) == "0" && controllers.empty();
    if (!v2 && !contains(pieces(controllers, ','), "cpu")) continue;
    for (const Mount& mount : mounts) {
      if (mount.v2 == v2) least = smaller(least, quota_from(mount, below(mount, line.substr(second + 1))));
    }
  }
  return least;
}

int first_thread_count(const char* text) {
  if (text == nullptr) return 0;
  const std::string_view list(text);
  return static_cast<int>(std::min<int64_t>(positive(list.substr(0, list.find(','))), kMostThreads));
}

int smallest_limit(int affinity, int quota, int omp_num_threads) {
  return std::clamp(smaller(smaller(affinity, quota), omp_num_threads), 1, kMostThreads);
}

int usable_processors() {
  return smallest_limit(affinity_processors(), quota_processors(""),
                        first_thread_count(std::getenv("OMP_NUM_THREADS")));
}

}  // namespace mtl::runtime
