// Catch2's main. Where MTLC_CPU asks for a level of instruction sets that this machine or this build lacks, nothing is
// tested: the program ends with 77, which ctest counts as skipped.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstring>

#include "runtime/core/cpu_level.h"

int main(int argc, char** argv) {
  using namespace mtl::runtime;
  if (const char* fault = cpu_fault()) {
    bool known = false;
    for (const CpuLevel level : kCpuLevels) known = known || std::strcmp(cpu_cap(), cpu_level_name(level)) == 0;
    std::printf("%s: MTLC_CPU=%s %s\n", known ? "skipped" : "error", cpu_cap(), fault);
    return known ? 77 : 2;
  }
  return Catch::Session().run(argc, argv);
}
