// The number of threads of the one pool.
#include "runtime/kernels.h"
#include "runtime/parallel.h"

namespace mtl::runtime {

void set_threads(int count) {
  const int most = processors();
  set_pool_threads(count < 1 ? 1 : count > most ? most : count);
}

int threads() {
  return pool_threads();
}

}  // namespace mtl::runtime
