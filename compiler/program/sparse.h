// Gradients of embedding tables that can stay rows.
#pragma once
#include <string>
#include <vector>

#include "compiler/program/fuse.h"

namespace mtl::program {

struct SparseRows {
  ir::Value ids;  // leads to an input through aliases
  ir::Value rows;
};

// The parts of the gradient of parameter `path` if it is a sum of scatter_rows by ids of input columns, and the
// parameter is read by gathers with these ids only; else empty. Then a trainer that brings the rows named by the ids
// up to date before a step, and updates them after it, does what a dense update would.
std::vector<SparseRows> find_sparse_gradient(const Nodes& nodes, const std::string& path, ir::Value gradient);

}  // namespace mtl::program
