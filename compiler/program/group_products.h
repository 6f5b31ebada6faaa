// Products that read an operand in common and wait for nothing of each other become one call of matmul_group: the
// experts of a mixture, the gradients of a layer. For programs that run on several threads.
#pragma once
#include "compiler/program/program.h"

namespace mtl::program {

void group_products(Program& program);

}  // namespace mtl::program
