// Levels of instruction sets that code is compiled for, and the one that is in use. They are the levels of the x86-64
// psABI that differ in width: kernels, products and compiled loops all follow cpu_level().
//
// MTLC_CPU=x86-64 | x86-64-v3 | x86-64-v4 in the environment caps it; cpu_fault() says when that cannot be.
#pragma once
#include <cstdlib>
#include <cstring>

// Whether functions are compiled for several levels. Only from plain x86-64 on: a helper that is compiled for more
// (-march=native) cannot be inlined into a function for less, and need not be. Not with Clang (14), which refuses
// vectors as arguments of helpers there; -march says what it may use.
#if defined(__x86_64__) && !defined(__SSE3__) && defined(__GNUC__) && !defined(__clang__)
#define MTL_DISPATCH 1
#else
#define MTL_DISPATCH 0
#endif

namespace mtl::runtime {

enum class CpuLevel { any, v3, v4 };
constexpr CpuLevel kCpuLevels[] = {CpuLevel::any, CpuLevel::v3, CpuLevel::v4};

// The psABI's name, which LLVM and compilers know too. `any` has it on x86-64 alone.
constexpr const char* cpu_level_name(CpuLevel level) {
  return level == CpuLevel::v4 ? "x86-64-v4" : level == CpuLevel::v3 ? "x86-64-v3" : "x86-64";
}

// The highest level that this processor and this compilation have.
#if MTL_DISPATCH
inline CpuLevel highest_cpu_level() {
  if (__builtin_cpu_supports("x86-64-v4") != 0) return CpuLevel::v4;
  if (__builtin_cpu_supports("x86-64-v3") != 0) return CpuLevel::v3;
  return CpuLevel::any;
}
#else
constexpr CpuLevel highest_cpu_level() {
#if defined(__AVX512F__) && defined(__AVX512VL__) && defined(__AVX512BW__) && defined(__AVX512DQ__)
  return CpuLevel::v4;
#elif defined(__AVX2__) && defined(__FMA__)
  return CpuLevel::v3;
#else
  return CpuLevel::any;
#endif
}
#endif

struct CpuChoice {
  CpuLevel level;
  const char* fault;  // what is wrong with MTLC_CPU, as the rest of a sentence; null: nothing
};
inline CpuChoice choose_cpu_level(const char* cap) {
  const CpuLevel highest = highest_cpu_level();
  if (cap == nullptr || *cap == '\0') return {highest, nullptr};
  for (const CpuLevel level : kCpuLevels) {
    if (std::strcmp(cap, cpu_level_name(level)) != 0) continue;
#if !defined(__x86_64__)
    return {highest, "is a level of x86-64, and this processor is none"};
#endif
    if (level > highest && MTL_DISPATCH == 0) return {highest, "is above the level that this program is compiled for"};
    if (level > highest) return {highest, "is a level that this processor lacks"};
    if (MTL_DISPATCH == 0 && level < highest) return {highest, "is below the level that this program is compiled for"};
    return {level, nullptr};
  }
  return {highest, "is none of x86-64, x86-64-v3 and x86-64-v4"};
}

// Chosen once, when the program is loaded; plain x86-64 before that. No guarded static: packages have no locks.
#if MTL_DISPATCH
inline const CpuChoice kCpuChoice = choose_cpu_level(std::getenv("MTLC_CPU"));
inline CpuLevel cpu_level() {
  return kCpuChoice.level;
}
#else
constexpr CpuLevel cpu_level() {
  return highest_cpu_level();
}
#endif
// The text of MTLC_CPU; null: it is not set, or to nothing.
inline const char* cpu_cap() {
  const char* cap = std::getenv("MTLC_CPU");
  return cap == nullptr || *cap == '\0' ? nullptr : cap;
}
// What is wrong with MTLC_CPU: "MTLC_CPU=x9 " and this make a sentence. Null: nothing.
inline const char* cpu_fault() {
  return choose_cpu_level(std::getenv("MTLC_CPU")).fault;
}

}  // namespace mtl::runtime
