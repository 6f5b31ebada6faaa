#include "runtime/processors.h"

#include <thread>
namespace mtl::runtime {
int usable_processors() {
  return (int)std::thread::hardware_concurrency();
}
}  // namespace mtl::runtime
