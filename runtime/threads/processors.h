// How many threads may run at once without being told: what the operating system leaves to this process.
#pragma once
#include <string>

namespace mtl::runtime {

constexpr int kMostThreads = 128;

// The smallest that the set of processors which this process may run on, the CPU quota of its control groups and
// OMP_NUM_THREADS leave; from 1 to kMostThreads.
int usable_processors();

// Its parts, from their sources; 0: no limit.
//
// `root` precedes /proc and of the places where control groups are mounted; empty: this machine. All groups
// from that of the process up are looked at, of both versions. A quota counts as whole processors, rounded down: two
// threads on 1.5 processors would use up a period's quota in three quarters of it and then stand still, both.
int quota_processors(const std::string& root);
// The first number of a list like "4,2"; `text` may be null.
int first_thread_count(const char* text);
// `affinity` and the others, as one number.
int smallest_limit(int affinity, int quota, int omp_num_threads);

}  // namespace mtl::runtime
