// See evaluate_util.h.
#include "compiler/ops/evaluate_util.h"

namespace mtl::ops {

program::Shape constant_shape(const Type& type) {
  program::Shape shape;
  for (const Dim& dim : type.dims) shape.push_back(dim.value());
  return shape;
}

int64_t element_count(const Type& type) {
  return type.elements().value();
}

int64_t ancestor_row(const EvaluateContext& context, SpaceId space, int64_t row, SpaceId ancestor) {
  while (space != ancestor) {
    MTL_CHECK(space != types::kUniform, "ancestor_row of a space that is no ancestor");
    const SpaceId parent = context.spaces[space].parent;
    row = parent == types::kUniform ? 0 : context.host_spaces[space].parent[row];
    space = parent;
  }
  return row;
}

std::pair<int64_t, int64_t> segment(const EvaluateContext& context, SpaceId space, int64_t parent_row) {
  const HostSpace& host = context.host_spaces[space];
  return {host.offsets[parent_row], host.offsets[parent_row + 1]};
}

int64_t length_in(const Spaces& spaces, std::span<const HostSpace> hosts, SpaceId parent, const Dim& length,
                  int64_t above) {
  return length.evaluate([&](const std::string& dim) {
    const HostSpace& part = hosts[*spaces.ragged_child(parent, dim)];
    return part.offsets[above + 1] - part.offsets[above];
  });
}

int64_t copied_length(const Spaces& spaces, std::span<const HostSpace> hosts, SpaceId pairs, int64_t above) {
  const SpaceId sequence = *spaces[pairs].copies;
  for (SpaceId space : spaces.path_up(pairs, spaces[sequence].parent)) above = hosts[space].parent[above];
  return hosts[sequence].offsets[above + 1] - hosts[sequence].offsets[above];
}

std::vector<double> broadcast_values(const EvaluateContext& context, const HostTensor& x, const Type& type) {
  const program::Shape from = constant_shape(x.type), to = constant_shape(type);
  const size_t extra = to.size() - from.size();
  const int64_t from_elements = element_count(x.type), to_elements = element_count(type);
  std::vector<int64_t> source(to_elements);
  for (int64_t e = 0; e < to_elements; ++e) {
    int64_t rest = e, index = 0, stride = 1;
    for (size_t d = to.size(); d-- > 0;) {
      const int64_t coordinate = rest % to[d];
      rest /= to[d];
      if (d < extra) continue;
      const int64_t size = from[d - extra];
      if (size != 1) index += coordinate * stride;
      stride *= size;
    }
    source[e] = index;
  }
  const int64_t rows = row_count(context, type.space);
  std::vector<double> values(rows * to_elements);
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t from_row = ancestor_row(context, type.space, row, x.type.space);
    for (int64_t e = 0; e < to_elements; ++e) {
      values[row * to_elements + e] = x.values[from_row * from_elements + source[e]];
    }
  }
  return values;
}

AxisView axis_view(const Type& type, int axis, int64_t rows) {
  AxisView view;
  view.outer = rows;
  for (int i = 0; i < type.rank(); ++i) {
    const int64_t size = type.dims[i].value();
    if (i < axis) view.outer *= size;
    if (i == axis) view.length = size;
    if (i > axis) view.inner *= size;
  }
  return view;
}

void evaluate_nothing(EvaluateContext&) {}

void evaluate_copy(EvaluateContext& context) {
  context.results[0]->values = context.operands[0]->values;
}

}  // namespace mtl::ops
