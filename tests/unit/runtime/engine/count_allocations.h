// How often this program has called operator new, which count_allocations.cpp replaces.
#pragma once

namespace mtl::tests {
long allocations();
}
