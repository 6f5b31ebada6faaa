// What a package says about MTLC_CPU when a model is opened.
#include "runtime/core/deploy/check_cpu.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "runtime/core/cpu_level.h"
#include "runtime/core/deploy/errors.h"

namespace mtl::runtime::deploy {
namespace {

// MTLC_CPU for the length of a test.
class Cap {
 public:
  explicit Cap(const char* value) : had_(cpu_cap() != nullptr), before_(had_ ? cpu_cap() : "") {
    if (value == nullptr) {
      unsetenv("MTLC_CPU");
    } else {
      setenv("MTLC_CPU", value, 1);
    }
  }
  ~Cap() {
    if (had_) {
      setenv("MTLC_CPU", before_.c_str(), 1);
    } else {
      unsetenv("MTLC_CPU");
    }
  }
  Cap(const Cap&) = delete;
  Cap& operator=(const Cap&) = delete;

 private:
  bool had_;
  std::string before_;
};

std::string text_of(void (*check)()) {
  try {
    check();
  } catch (const LoadError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("levels that the machine has are taken, others are refused") {
  const auto check = [] { check_cpu("songs"); };
  for (const char* good : {static_cast<const char*>(nullptr), "", cpu_level_name(highest_cpu_level())}) {
    const Cap cap(good);
    CHECK(text_of(check) == "");
  }
  for (const char* unknown : {"x9", "x86-64-v2", "x86-64 ", "X86-64", "native"}) {
    const Cap cap(unknown);
    CHECK(text_of(check) == "songs: MTLC_CPU=" + std::string(unknown) + " is none of x86-64, x86-64-v3 and x86-64-v4");
  }
  for (const CpuLevel level : kCpuLevels) {
    const Cap cap(cpu_level_name(level));
    const bool lacks = level > highest_cpu_level(), below = MTL_DISPATCH == 0 && level < highest_cpu_level();
    INFO(cpu_level_name(level));
    CHECK((text_of(check) != "") == (lacks || below));
    CHECK(choose_cpu_level(cpu_cap()).level == (lacks || below ? highest_cpu_level() : level));
  }
}

TEST_CASE("loops for other processors are refused with the reason") {
  const auto refuse = [] { refuse_cpu("songs", "x86-64-v3, x86-64-v4"); };
  {
    const Cap cap(nullptr);
    CHECK(text_of(refuse) ==
          "songs: its loops are compiled for x86-64-v3, x86-64-v4, and this processor has none of them");
  }
  const Cap cap("x86-64");
  CHECK(text_of(refuse) ==
        "songs: its loops are compiled for x86-64-v3, x86-64-v4, and MTLC_CPU=x86-64 leaves none of them");
}

}  // namespace mtl::runtime::deploy
