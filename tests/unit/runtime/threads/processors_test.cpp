// Limits on threads, from made-up folders in the place of /proc and /sys.
#include "runtime/threads/processors.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

using namespace mtl::runtime;

namespace {

namespace fs = std::filesystem;

class Machine {
 public:
  Machine() : root_(fs::temp_directory_path() / ("mtl_processors_test_" + std::to_string(getpid()))) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  ~Machine() { fs::remove_all(root_); }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  fs::path at(const std::string& path) const { return root_ / path.substr(1); }
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories(at(path).parent_path());
    std::ofstream(at(path), std::ios::binary) << text;
  }
  void groups(const std::string& text) const { write("/proc/self/cgroup", text); }
  void mounts(const std::string& text) const { write("/proc/self/mountinfo", text); }
  int quota() const { return quota_processors(root_.string()); }

 private:
  fs::path root_;
};

const std::string kV2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";
const std::string kV1 = "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

// The quota of a group of version 2 whose cpu.max has this text.
int quota_of_text(const std::string& text) {
  const Machine machine;
  machine.mounts(kV2);
  machine.groups("0::/job\n");
  machine.write("/sys/fs/cgroup/job/cpu.max", text);
  return machine.quota();
}

}  // namespace

TEST_CASE("cpu.max: whole processors, rounded down, one at least") {
  CHECK(quota_of_text("200000 100000\n") == 2);
  CHECK(quota_of_text("150000 100000\n") == 1);
  CHECK(quota_of_text("299999 100000\n") == 2);
  CHECK(quota_of_text("1000 100000\n") == 1);
  CHECK(quota_of_text("50000 10000\n") == 5);
  CHECK(quota_of_text("9223372036854775807 1\n") == kMostThreads);
  CHECK(quota_of_text("300000 100000") == 3);
}

TEST_CASE("cpu.max without sense sets no limit") {
  for (const char* text :
       {"", "\n", " ", "max 100000\n", "max\n", "200000\n", "200000 \n", "0 100000\n", "200000 0\n", "-200000 100000\n",
        "200000 -1\n", "2e5 1e5\n", "200000x 100000\n", "200000 100000 1\n", "99999999999999999999 100000\n",
        "200000 99999999999999999999\n", "0x20 1\n", "+200000 100000\n"}) {
    INFO(text);
    CHECK(quota_of_text(text) == 0);
  }
  CHECK(quota_of_text(std::string("200000\0 100000", 14)) == 0);
  CHECK(quota_of_text(std::string(5 << 20, '1') + " 1") == 0);
}

TEST_CASE("nothing there, nothing known") {
  const Machine machine;
  CHECK(machine.quota() == 0);
  machine.groups("0::/job\n");
  CHECK(machine.quota() == 0);
  machine.mounts(kV2);
  CHECK(machine.quota() == 0);
  fs::create_directories(machine.at("/sys/fs/cgroup/job/cpu.max"));  // a folder
  CHECK(machine.quota() == 0);
  fs::remove_all(machine.at("/sys/fs/cgroup/job/cpu.max"));
  REQUIRE(mkfifo(machine.at("/sys/fs/cgroup/job/cpu.max").c_str(), 0600) == 0);  // would wait for a writer
  CHECK(machine.quota() == 0);
}

TEST_CASE("the smallest of a group and those above it") {
  const Machine machine;
  machine.mounts(kV2);
  machine.groups("0::/slice/job/part\n");
  machine.write("/sys/fs/cgroup/slice/job/part/cpu.max", "800000 100000\n");
  CHECK(machine.quota() == 8);
  machine.write("/sys/fs/cgroup/slice/cpu.max", "300000 100000\n");
  CHECK(machine.quota() == 3);
  machine.write("/sys/fs/cgroup/slice/job/cpu.max", "max 100000\n");
  CHECK(machine.quota() == 3);
  machine.write("/sys/fs/cgroup/cpu.max", "200000 100000\n");
  CHECK(machine.quota() == 2);
  machine.write("/sys/fs/cgroup/other/cpu.max", "100000 100000\n");  // not above it
  machine.write("/sys/fs/cgroup/slice/job/part/child/cpu.max", "100000 100000\n");
  machine.write("/sys/fs/cpu.max", "100000 100000\n");
  CHECK(machine.quota() == 2);
}

TEST_CASE("where control groups are mounted") {
  const Machine machine;
  machine.groups("0::/box/job\n");
  machine.write("/sys/fs/cgroup/box/job/cpu.max", "400000 100000\n");
  CHECK(machine.quota() == 4);  // no list of mounts: the usual place
  machine.mounts("30 23 0:26 / /mnt/my\\040groups rw - cgroup2 none rw\n");
  CHECK(machine.quota() == 0);
  machine.write("/mnt/my groups/box/job/cpu.max", "500000 100000\n");
  CHECK(machine.quota() == 5);
  // A container sees its own group as the place of the mount.
  machine.mounts("30 23 0:26 /box /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  machine.write("/sys/fs/cgroup/job/cpu.max", "600000 100000\n");
  CHECK(machine.quota() == 6);
  machine.mounts("30 23 0:26 /box/job /sys/fs/cgroup rw - cgroup2 cgroup rw\n");
  machine.write("/sys/fs/cgroup/cpu.max", "700000 100000\n");
  CHECK(machine.quota() == 7);
  machine.mounts("30 23 0:26 /bo /sys/fs/cgroup rw - cgroup2 cgroup rw\n");  // no group above ours
  CHECK(machine.quota() == 7);
}

TEST_CASE("a group outside of what is mounted") {
  const Machine machine;
  machine.mounts(kV2);
  machine.write("/sys/fs/cgroup/cpu.max", "300000 100000\n");
  machine.write("/sys/fs/cpu.max", "100000 100000\n");
  for (const char* group : {"/../job", "/..", "/a/../..", "job", "", "//"}) {
    INFO(group);
    machine.groups("0::" + std::string(group) + "\n");
    CHECK(machine.quota() == 3);
  }
}

TEST_CASE("version 1") {
  const Machine machine;
  machine.mounts(kV1 + "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n");
  machine.groups("5:cpuset:/job\n4:cpu,cpuacct:/job\n");
  const std::string folder = "/sys/fs/cgroup/cpu,cpuacct";
  machine.write("/sys/fs/cgroup/cpuset/job/cpu.cfs_quota_us", "100000\n");  // none of its business
  machine.write("/sys/fs/cgroup/cpuset/job/cpu.cfs_period_us", "100000\n");
  machine.write(folder + "/job/cpu.cfs_quota_us", "-1\n");
  CHECK(machine.quota() == 0);
  machine.write(folder + "/job/cpu.cfs_period_us", "50000\n");
  CHECK(machine.quota() == 0);
  machine.write(folder + "/job/cpu.cfs_quota_us", "220000\n");
  CHECK(machine.quota() == 4);
  machine.write(folder + "/cpu.cfs_quota_us", "150000\n");
  machine.write(folder + "/cpu.cfs_period_us", "50000\n");
  CHECK(machine.quota() == 3);
}

TEST_CASE("both versions at once") {
  const Machine machine;
  machine.mounts(kV1 + "38 31 0:35 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
  machine.groups("4:cpu,cpuacct:/old\n0::/new\n");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/old/cpu.cfs_quota_us", "400000\n");
  machine.write("/sys/fs/cgroup/cpu,cpuacct/old/cpu.cfs_period_us", "100000\n");
  CHECK(machine.quota() == 4);
  machine.write("/sys/fs/cgroup/unified/new/cpu.max", "300000 100000\n");
  CHECK(machine.quota() == 3);
  machine.write("/sys/fs/cgroup/unified/old/cpu.max", "100000 100000\n");  // a group of the other hierarchy
  CHECK(machine.quota() == 3);
}

TEST_CASE("lists of groups and mounts without sense") {
  const Machine machine;
  machine.write("/sys/fs/cgroup/job/cpu.max", "300000 100000\n");
  for (const char* broken : {"", ":", "::", "0:", "0:/job", "x::/job\n", "\n\n", "0:memory:/job\n", "1::/job\n"}) {
    INFO(broken);
    machine.mounts(kV2);
    machine.groups(broken);
    CHECK(machine.quota() == 0);
    machine.groups(std::string(broken) + "\n0::/job\n");
    CHECK(machine.quota() == 3);
  }
  machine.groups("0::/job\n");
  for (const char* broken : {"", "-", " - ", "- cgroup2\n", "1 2 3 / /sys rw -\n", "1 2 3 / /sys rw - cgroup2\n",
                             "1 2 3 / /sys rw - cgroup2 x\n", "1 2 3 x /sys/fs/cgroup rw - cgroup2 x rw\n",
                             "1 2 3 / x rw - cgroup2 x rw\n", "1 2 3 /  rw - cgroup2 x rw\n",
                             "1 2 3 / /sys\\04 rw - cgroup2 x rw\n", "1 2 3 / /sys\\777 rw - cgroup2 x rw\n"}) {
    INFO(broken);
    machine.mounts(std::string(broken) + "\n" + kV2);
    CHECK(machine.quota() == 3);
  }
}

TEST_CASE("OMP_NUM_THREADS") {
  CHECK(first_thread_count("3") == 3);
  CHECK(first_thread_count(" 4 , 2") == 4);
  CHECK(first_thread_count("1000000") == kMostThreads);
  for (const char* none : {static_cast<const char*>(nullptr), "", " ", "0", "-1", ",2", "two", "2x", "2 3", "1.5",
                           "99999999999999999999"}) {
    CHECK(first_thread_count(none) == 0);
  }
}

TEST_CASE("the smallest limit counts, one thread there always is") {
  CHECK(smallest_limit(8, 0, 0) == 8);
  CHECK(smallest_limit(8, 3, 5) == 3);
  CHECK(smallest_limit(8, 5, 3) == 3);
  CHECK(smallest_limit(2, 5, 3) == 2);
  CHECK(smallest_limit(0, 0, 0) == 1);
  CHECK(smallest_limit(4096, 0, 0) == kMostThreads);
}

TEST_CASE("this machine") {
  CHECK(usable_processors() >= 1);
  CHECK(usable_processors() <= static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
  cpu_set_t before;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  int first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  CHECK(usable_processors() == 1);
  CHECK(sched_setaffinity(0, sizeof before, &before) == 0);
}
