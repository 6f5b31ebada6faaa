// Ids: rows of tables, elements by id, one-hot rows, the k best. An id below 0 (missing, or unseen in training) gives
// zeros and takes no gradient.
#include <algorithm>
#include <limits>
#include <numeric>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;
using Kind = Domain::Kind;

// ---- gather(table, ids), scatter_rows(ids, rows) ----
InferResult infer_gather(const InferContext& c) {
  const Type& table = c.operands[0];
  if (auto error = need_uniform(c, 0, "a table")) return *error;
  if (auto error = need_ids(c, 1)) return *error;
  if (table.rank() < 1) return shape_error(0, "a table has rows, and this is a single number");
  Type type = c.operands[1];
  type.dtype = table.dtype;
  type.dims.insert(type.dims.end(), table.dims.begin() + 1, table.dims.end());
  return Types{type};
}

int64_t row_width(const Type& type, int first) {
  int64_t width = 1;
  for (int i = first; i < type.rank(); ++i) width *= type.dims[i].value();
  return width;
}

void evaluate_gather(EvaluateContext& c) {
  const HostTensor &table = *c.operands[0], &ids = *c.operands[1];
  const int64_t width = row_width(table.type, 1);
  for (size_t i = 0; i < ids.values.size(); ++i) {
    const int64_t id = static_cast<int64_t>(ids.values[i]);
    MTL_CHECK((id + 1) * width <= static_cast<int64_t>(table.values.size()), "an id beyond the table");
    for (int64_t e = 0; e < width; ++e) c.results[0]->values[i * width + e] = id < 0 ? 0 : table.values[id * width + e];
  }
}

// dtable = sum of dy by id
void gather_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Type table = b.type(g.operand(0)), ids = b.type(g.operand(1));
  std::vector<Dim> dims = ids.dims;
  dims.push_back(row_width(table, 1));
  const Value rows = b.reshape(g.adjoint(), dims);
  const Value sum = b.must("scatter_rows", {g.operand(1), rows}, {{"rows", std::vector<Dim>{table.dims[0]}}});
  g.accumulate(0, b.reshape(sum, table.dims));
}

void lower_gather(RowBuilder& b) {
  const Type table = b.operand_type(0), ids = b.operand_type(1);
  if (ids.rank() == 0) return b.result(0, b.gather(0, b.operand(1)));
  const int64_t count = element_count(ids), width = row_width(table, 1);
  Shape row = constant_shape(table);
  row.erase(row.begin());
  const RowValue all = b.operand(1);
  for (int64_t i = 0; i < count; ++i) {
    b.result_part(0, b.gather(0, b.view(all, {}, {}, i)), i * width, dense_strides(row));
  }
}

InferResult infer_scatter(const InferContext& c) {
  const Type &ids = c.operands[0], &rows = c.operands[1];
  if (auto error = need_ids(c, 0)) return *error;
  if (ids.space != rows.space || rows.rank() != ids.rank() + 1)
    return disagreement(c, 0, 1, "one row for each id is needed");
  return Types{f32(types::kUniform, {attr_dim(c.attrs, "rows"), rows.dims.back()})};
}

void evaluate_scatter(EvaluateContext& c) {
  const HostTensor &ids = *c.operands[0], &rows = *c.operands[1];
  const int64_t width = rows.type.dims.back().value();
  std::vector<double>& table = c.results[0]->values;
  std::fill(table.begin(), table.end(), 0);
  for (size_t i = 0; i < ids.values.size(); ++i) {
    const int64_t id = static_cast<int64_t>(ids.values[i]);
    if (id < 0) continue;
    for (int64_t e = 0; e < width; ++e) table[id * width + e] += rows.values[i * width + e];
  }
}

void lower_scatter(CallBuilder& b) {
  const Type ids = b.operand_type(0), rows = b.operand_type(1);
  b.call("scatter_rows", {b.operand(0), b.operand(1), b.result(0)},
         {element_count(ids), b.result_type(0).dims[0].value(), rows.dims.back().value()}, {}, {ids.space});
}

// ---- pick(x, ids) ----
InferResult infer_pick(const InferContext& c) {
  const Type &x = c.operands[0], &ids = c.operands[1];
  if (auto error = need_ids(c, 1)) return *error;
  if (x.rank() != ids.rank() + 1) return disagreement(c, 0, 1, "one id for each list of scores is needed");
  Result<SpaceId, ShapeError> space = join_spaces(c);
  if (!space) return space.error();
  Type type = ids;
  type.space = *space;
  type.dtype = x.dtype;
  for (int i = 0; i < ids.rank(); ++i) {
    if (!can_equal(x.dims[i], ids.dims[i])) return disagreement(c, 0, 1, not_equal(x.dims[i], ids.dims[i]));
    type.dims[i] = known(x.dims[i], ids.dims[i]);
  }
  return Types{type};
}

void evaluate_pick(EvaluateContext& c) {
  const Type& type = c.results[0]->type;
  Type wide = c.operands[0]->type, narrow = c.operands[1]->type;
  wide.space = narrow.space = type.space;
  const std::vector<double> x = broadcast_values(c, *c.operands[0], wide),
                            ids = broadcast_values(c, *c.operands[1], narrow);
  const int64_t width = wide.dims.back().value();
  for (size_t i = 0; i < ids.size(); ++i) {
    const int64_t id = static_cast<int64_t>(ids[i]);
    MTL_CHECK(id < width, "an id beyond the scores");
    c.results[0]->values[i] = id < 0 ? 0 : x[i * width + id];
  }
}

Value one_hot(ir::Builder& b, Value ids, const Dim& classes) {
  return b.must("one_hot", {ids}, {{"classes", std::vector<Dim>{classes}}});
}
Value with_last_one(ir::Builder& b, Value x) {
  std::vector<Dim> dims = b.type(x).dims;
  dims.push_back(1);
  return b.reshape(x, dims);
}

// dx = dy at the id, 0 elsewhere
void pick_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Dim classes = b.type(g.operand(0)).dims.back();
  g.accumulate(0, b.mul(one_hot(b, g.operand(1), classes), with_last_one(b, g.adjoint())));
}

// 1 where the last coordinate is the id.
RowValue hits(RowBuilder& b, RowValue ids, Shape shape) {
  Shape ids_shape = b.shape(ids);
  ids_shape.push_back(1);
  const int axis = static_cast<int>(shape.size()) - 1;
  return b.apply(Fn::eq, {b.index(std::move(shape), axis), b.reshape(ids, ids_shape)});
}

void lower_pick(RowBuilder& b) {
  const Shape shape = constant_shape(b.operand_type(0));
  const int axis = static_cast<int>(shape.size()) - 1;
  const RowValue chosen = b.select(hits(b, b.operand(1), shape), b.operand(0), b.constant(0));
  b.result(0, b.reshape(b.reduce(Reduce::sum, chosen, {axis}), result_shape(b)));
}

// ---- one_hot(ids) ----
InferResult infer_one_hot(const InferContext& c) {
  if (auto error = need_ids(c, 0)) return *error;
  Type type = c.operands[0];
  type.dtype = DType::f32;
  type.dims.push_back(attr_dim(c.attrs, "classes"));
  return Types{type};
}
void evaluate_one_hot(EvaluateContext& c) {
  const int64_t classes = c.results[0]->type.dims.back().value();
  for (size_t i = 0; i < c.results[0]->values.size(); ++i) {
    const int64_t id = static_cast<int64_t>(c.operands[0]->values[i / classes]);
    c.results[0]->values[i] = id == static_cast<int64_t>(i) % classes ? 1 : 0;
  }
}

// ---- top_k(x) -> values, ids; ties in order of ids ----
InferResult infer_top_k(const InferContext& c) {
  if (auto error = need_number(c, 0)) return *error;
  Type values = c.operands[0];
  if (values.rank() < 1) return shape_error(0, source_text(values, c.spaces) + " has nothing to choose from");
  const Dim k = attr_dim(c.attrs, "k");
  if ((values.dims.back() - k).constant().value_or(0) < 0) {
    return shape_error(0, "there are no " + k.text() + " best of " + values.dims.back().text());
  }
  values.dims.back() = k;
  values.dtype = DType::f32;
  Type ids = values;
  ids.dtype = DType::i32;
  return Types{values, ids};
}
void evaluate_top_k(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  const int64_t width = x.type.dims.back().value(), k = c.results[0]->type.dims.back().value();
  std::vector<int64_t> order(width);
  for (size_t row = 0; row * width < x.values.size(); ++row) {
    std::iota(order.begin(), order.end(), 0);
    const double* values = &x.values[row * width];
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return values[a] > values[b]; });
    for (int64_t i = 0; i < k; ++i) {
      c.results[0]->values[row * k + i] = values[order[i]];
      c.results[1]->values[row * k + i] = static_cast<double>(order[i]);
    }
  }
}
// dx = sum over the k chosen of dy at their ids
void top_k_gradient(Context& g) {
  ir::Builder& b = g.build();
  const Value hot = one_hot(b, g.result(1), b.type(g.operand(0)).dims.back());
  g.accumulate(0, b.sum(b.mul(hot, with_last_one(b, g.adjoint(0))), {-2}));
}
// The largest, then again without it, k times.
void lower_top_k(RowBuilder& b) {
  const Shape shape = constant_shape(b.operand_type(0)), chosen = result_shape(b);
  const int axis = static_cast<int>(shape.size()) - 1;
  const std::vector<int64_t> strides = dense_strides(chosen);
  const RowValue lowest = b.constant(-std::numeric_limits<double>::infinity());
  RowValue x = b.operand(0);
  for (int64_t i = 0; i < chosen.back(); ++i) {
    const RowValue best = b.reduce(Reduce::argmax, x, {axis});
    b.result_part(0, b.reduce(Reduce::max, x, {axis}), i, strides);
    b.result_part(1, best, i, strides);
    x = b.select(b.apply(Fn::eq, {b.index(shape, axis), best}), lowest, x);
  }
}

// ---- samples ----
std::vector<Sample> samples_gather(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  constexpr SpaceId kU = types::kUniform;
  const std::vector<Domain> domains = {{}, ids_below(4)};
  return {{{f32(kU, {4, 3}), i32(id.t)}, {}, domains},
          {{f32(kU, {4, 2}), i32(id.s, {3})}, {}, domains},
          {{f32(kU, {4}), i32(id.t)}, {}, domains},
          {{f32(kU, {4, 2, 2}), i32(id.s)}, {}, domains}};
}
std::vector<Sample> samples_scatter(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const std::vector<Domain> domains = {ids_below(4), {}};
  return {{{i32(id.t), f32(id.t, {3})}, {{"rows", int64_t{4}}}, domains},
          {{i32(id.s, {2}), f32(id.s, {2, 3})}, {{"rows", int64_t{5}}}, domains}};
}
std::vector<Sample> samples_pick(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const std::vector<Domain> domains = {{}, ids_below(3)};
  return {{{f32(id.t, {3}), i32(id.t)}, {}, domains},
          {{f32(id.s, {2, 3}), i32(id.s, {2})}, {}, domains},
          {{f32(id.s, {3}), i32(id.t)}, {}, domains}};
}
std::vector<Sample> samples_one_hot(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{i32(id.t)}, {{"classes", int64_t{3}}}, {ids_below(3)}},
          {{i32(id.s, {2})}, {{"classes", int64_t{4}}}, {ids_below(4)}}};
}
std::vector<Sample> samples_top_k(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {5})}, {{"k", int64_t{2}}}, {{Kind::distinct}}},
          {{f32(id.s, {2, 3})}, {{"k", int64_t{3}}}, {{Kind::distinct}}}};
}

}  // namespace

const OpDef op_gather = {"gather",
                         "Rows of a uniform table by id: (table, ids).",
                         2,
                         1,
                         infer_gather,
                         gradient(gather_gradient),
                         evaluate_gather,
                         lower_row(lower_gather),
                         samples_gather};
const OpDef op_scatter_rows = {"scatter_rows",
                               "A uniform table with the sum of the rows of each id: (ids, rows). {rows}",
                               2,
                               1,
                               infer_scatter,
                               gradient([](Context& g) {  // drows = dtable by id
                                 if (g.wants(1)) g.accumulate(1, g.build().must("gather", {g.adjoint(), g.operand(0)}));
                               }),
                               evaluate_scatter,
                               lower_call(lower_scatter),
                               samples_scatter};
const OpDef op_pick = {"pick",
                       "The element of the last dim that an id names: (x, ids).",
                       2,
                       1,
                       infer_pick,
                       gradient(pick_gradient),
                       evaluate_pick,
                       lower_row(lower_pick),
                       samples_pick};
const OpDef op_one_hot = {
    "one_hot",
    "1 at the id, 0 elsewhere, in a new last dim. {classes}",
    1,
    1,
    infer_one_hot,
    no_gradient("an id has no derivative"),
    evaluate_one_hot,
    lower_row([](RowBuilder& b) { b.result(0, b.apply(Fn::to_f32, {hits(b, b.operand(0), result_shape(b))})); }),
    samples_one_hot};
const OpDef op_top_k = {"top_k",
                        "The k largest of the last dim, falling, and their ids. {k}",
                        1,
                        2,
                        infer_top_k,
                        gradient(top_k_gradient),
                        evaluate_top_k,
                        lower_row(lower_top_k),
                        samples_top_k};

}  // namespace mtl::ops
