// Asks oneDNN for its version.
#include "runtime/kernels/products_version.h"

#include <oneapi/dnnl/dnnl.h>

namespace mtl::runtime {

std::string products_version() {
  const dnnl_version_t& version = *dnnl_version();
  return "oneDNN " + std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
         std::to_string(version.patch);
}

}  // namespace mtl::runtime
