// Which library multiplies.
#pragma once
#include <string>

namespace mtl::runtime {

// "oneDNN 2.6.3", of the library that is loaded.
std::string products_version();

}  // namespace mtl::runtime
