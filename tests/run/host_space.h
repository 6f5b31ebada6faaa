// Spaces of batches that tests make by hand.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "compiler/ir/graph.h"
#include "compiler/ops/evaluate_util.h"

namespace mtl::tests {

// The rows of a space. `length_of` returns how many of them belong to row `above` of the parent, where the graph itself
// does not say it.
inline ops::HostSpace host_space(const ir::Graph& graph, const std::vector<ops::HostSpace>& hosts, types::SpaceId id,
                                 const std::function<int64_t(const types::Space&, int64_t)>& length_of) {
  const types::Space& space = graph.spaces[id];
  ops::HostSpace host;
  host.rows = 0;
  host.offsets = {0};
  for (int64_t above = 0; above < hosts[space.parent].rows; ++above) {
    const int64_t length = space.copies   ? ops::copied_length(graph.spaces, hosts, id, above)
                           : space.length ? ops::length_in(graph.spaces, hosts, space.parent, *space.length, above)
                           : space.fixed  ? space.fixed->value()
                                          : length_of(space, above);
    for (int64_t i = 0; i < length; ++i) {
      host.parent.push_back(static_cast<int32_t>(above));
      host.position.push_back(static_cast<int32_t>(i));
      host.identity.push_back(0);
    }
    host.rows += length;
    host.offsets.push_back(static_cast<int32_t>(host.rows));
  }
  return host;
}

}  // namespace mtl::tests
