// The one pool of threads. A region is handed out part by part: whoever is free takes the next one, so a thread that
// the machine gives to somebody else delays the part that it has begun and no other.
//
// The caller takes parts too, and waits for no thread that has not begun one. Threads that wait spin for a short while,
// in case the next region is near, and sleep then: on a busy machine a waiting thread leaves its processor to whoever
// holds the part that everybody waits for. pool.cpp says what a region costs.
#pragma once
#include <cstdint>

namespace mtl::runtime {

// Whether the calling thread runs a part.
bool in_parallel();
// Of the calling thread while it runs a part: 0 to threads() - 1, the caller of the region is 0.
int thread_number();
// run(context, 0) ... run(context, parts - 1), each once, and returns when all are done. Parts compute in the caller's
// floating-point mode and must not throw. Regions inside of regions, and those of a second thread while a first one has
// the pool, run on the calling thread.
void run_parts(int64_t parts, void (*run)(void* context, int64_t part), void* context);

}  // namespace mtl::runtime
