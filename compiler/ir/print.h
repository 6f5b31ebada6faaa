// The text form of a graph (".mtlir"): what `mtlc emit ir` shows and pass tests are written in. read.h reads it back.
//
//   space atis
//   space atis.T
//   %0 = input {dtype = "i32", dims = [], name = "atis.words", space = <atis.T>} : i32<atis.T>
//   %1 = param {dims = [26, 128], path = "head.weight"} : f32[26, 128]
//   %3 = linear %2, %1 : f32<atis.T>[26]
//   %4:2 = segment_max %3 {to = <atis>} : f32<atis>[26], i32<atis>[26]
//   output "head.slots" = %4.0
#pragma once
#include <string>

#include "compiler/ir/graph.h"

namespace mtl::ir {

std::string print(const Graph& graph);
// One node, as in the text form, without a line end.
std::string print(const Graph& graph, NodeId node);

}  // namespace mtl::ir
