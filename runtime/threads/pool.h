// The one pool of threads. A region is handed out part by part: whoever is free takes the next one, so a thread that
// the machine gives to somebody else delays the part that it has begun and no other.
//
// The caller takes parts too, and waits for no thread that has not begun one. Threads that wait spin for a short while,
// in case the next region is near, and sleep then: on a busy machine a waiting thread leaves its processor to whoever
// holds the part that everybody waits for. pool.cpp says what a region costs.
#pragma once
#include "runtime/core/parallel.h"  // what the pool defines: thread_number, run_parts

namespace mtl::runtime {

// Whether the calling thread runs a part.
bool in_parallel();

}  // namespace mtl::runtime
