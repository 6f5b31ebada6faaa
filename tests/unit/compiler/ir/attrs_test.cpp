// Memory that ends anywhere while attributes are made.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "compiler/ir/graph.h"

#if !defined(__SANITIZE_ADDRESS__)  // which has its own operator new

namespace {

long allocations_left = -1;  // below 0: any number

}  // namespace

void* operator new(size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

using namespace mtl;

TEST_CASE("attributes whose memory ends are given back") {
  const std::string path(40, 'p'), init(40, 'i');
  const std::vector<types::Dim> dims(3, types::Dim(5));
  const auto make = [&] { return ir::Attrs{{"path", path}, {"dims", dims}, {"init", init}, {"trained", true}}; };
  REQUIRE(make().size() == 4);
  bool enough = false;
  long allocations = 0;
  while (!enough) {
    allocations_left = allocations++;
    try {
      enough = make().size() == 4;
    } catch (const std::bad_alloc&) {
    }
    allocations_left = -1;
  }
  CHECK(allocations > 8);
}

#endif
