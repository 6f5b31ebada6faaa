// Rows between the segments of spaces that have one parent: sequences joined one behind the other, and parts of them.
// Joining is concat_rows. Everything else is move_rows: a slice moves rows to the front of a shorter space, padding
// moves them to the back of a longer one, and each is the other's gradient.
#include <algorithm>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

bool linear(const Dim& length) {
  return std::all_of(length.terms().begin(), length.terms().end(), [](const auto& term) {
    return std::count_if(term.first.begin(), term.first.end(), [](const auto& atom) { return atom.front() != '|'; }) <
           2;
  });
}

std::optional<ShapeError> need_segments(const InferContext& c, int operand) {
  if (is_segmented(c.spaces, c.operands[operand].space)) return std::nullopt;
  return shape_error(operand, source_text(c.operands[operand], c.spaces) + " is no sequence");
}

InferResult infer_concat_rows(const InferContext& c) {
  if (c.operands.empty()) return shape_error(-1, "there is nothing to join");
  Dim length = 0;
  for (size_t i = 0; i < c.operands.size(); ++i) {
    const int number = static_cast<int>(i);
    if (auto error = need_segments(c, number)) return *error;
    const Type &first = c.operands[0], &type = c.operands[i];
    const bool alike = first.rank() == type.rank() && first.dtype == type.dtype &&
                       c.spaces[first.space].parent == c.spaces[type.space].parent &&
                       std::equal(first.dims.begin(), first.dims.end(), type.dims.begin(), can_equal);
    if (!alike) return disagreement(c, 0, number, "only their lengths may differ");
    length = length + c.spaces.length_of(type.space);
  }
  Type type = c.operands[0];
  type.space = c.spaces.add_length(c.spaces[type.space].parent, length);
  return Types{type};
}

InferResult infer_move_rows(const InferContext& c) {
  if (auto error = need_segments(c, 0)) return *error;
  Type type = c.operands[0];
  const SpaceId to = attr_space(c.attrs, "to"), parent = c.spaces[type.space].parent;
  const Dim skip = attr_dim(c.attrs, "skip", 0);
  if (!is_segmented(c.spaces, to) || c.spaces[to].parent != parent) {
    return shape_error(0, source_text(type, c.spaces) + " cannot become rows of `" + c.spaces[to].name + "`");
  }
  if (!linear(skip)) return shape_error(-1, "`" + skip.text() + "` is no sum of lengths");
  if (skip != Dim(0)) c.spaces.add_length(parent, skip);  // lowering asks for its segments
  type.space = to;
  return Types{type};
}

void evaluate_move_rows(EvaluateContext& c) {
  const HostTensor& x = *c.operands[0];
  HostTensor& y = *c.results[0];
  const int64_t elements = element_count(x.type);
  const SpaceId parent = c.spaces[x.type.space].parent;
  const Dim skip = attr_dim(c.attrs, "skip", 0);
  std::fill(y.values.begin(), y.values.end(), 0);
  for (int64_t above = 0; above < row_count(c, parent); ++above) {
    const auto [x_begin, x_end] = segment(c, x.type.space, above);
    const auto [y_begin, y_end] = segment(c, y.type.space, above);
    const int64_t skipped = length_in(c.spaces, c.host_spaces, parent, skip, above);
    const int64_t first = x_begin + (attr_bool(c.attrs, "back") ? -skipped : skipped);
    for (int64_t row = y_begin; row < y_end; ++row) {
      const int64_t source = first + (row - y_begin);
      if (source < x_begin || source >= x_end) continue;
      std::copy_n(x.values.begin() + source * elements, elements, y.values.begin() + row * elements);
    }
  }
}
void evaluate_concat_rows(EvaluateContext& c) {
  const int64_t elements = element_count(c.operands[0]->type);
  const SpaceId parent = c.spaces[c.results[0]->type.space].parent;
  auto to = c.results[0]->values.begin();
  for (int64_t above = 0; above < row_count(c, parent); ++above) {
    for (const HostTensor* x : c.operands) {
      const auto [begin, end] = segment(c, x->type.space, above);
      to = std::copy_n(x->values.begin() + begin * elements, (end - begin) * elements, to);
    }
  }
}

// Each part takes its rows of dy back.
void concat_rows_gradient(Context& g) {
  ir::Builder& b = g.build();
  Dim before = 0;
  for (size_t i = 0; i < g.node().operands.size(); ++i) {
    const SpaceId space = b.type(g.operand(i)).space;
    if (g.wants(i)) {
      g.accumulate(i, b.must("move_rows", {g.adjoint()},
                             {{"to", ir::SpaceRef{space}}, {"skip", std::vector<Dim>{before}}, {"back", false}}));
    }
    before = before + b.graph().spaces.length_of(space);
  }
}
// The way back.
void move_rows_gradient(Context& g) {
  const Attrs& attrs = g.node().attrs;
  const SpaceId space = g.build().type(g.operand(0)).space;
  g.accumulate(0, g.build().must("move_rows", {g.adjoint()},
                                 {{"to", ir::SpaceRef{space}},
                                  {"skip", std::vector<Dim>{attr_dim(attrs, "skip", 0)}},
                                  {"back", !attr_bool(attrs, "back")}}));
}

void lower_concat_rows(CallBuilder& b) {
  std::vector<uint32_t> buffers;
  std::vector<SpaceId> spaces = {b.result_type(0).space};
  for (size_t i = 0; i < b.node().operands.size(); ++i) {
    buffers.push_back(b.operand(i));
    spaces.push_back(b.operand_type(i).space);
  }
  const auto parts = static_cast<int64_t>(buffers.size());
  buffers.push_back(b.result(0));
  b.call("concat_rows", buffers, {element_count(b.result_type(0)), parts}, {}, spaces);
}
void lower_move_rows(CallBuilder& b) {
  const Attrs& attrs = b.node().attrs;
  const SpaceId from = b.operand_type(0).space;
  const Dim skip = attr_dim(attrs, "skip", 0);
  const SpaceId skipped = skip == Dim(0) ? from : b.spaces().find_length(b.spaces()[from].parent, skip).value();
  const int64_t sign = skip == Dim(0) ? 0 : attr_bool(attrs, "back") ? -1 : 1;
  b.call("move_rows", {b.operand(0), b.result(0)}, {element_count(b.result_type(0)), sign}, {},
         {b.result_type(0).space, from, skipped});
}

std::vector<Sample> samples_concat_rows(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.t, {3}), f32(id.u, {3})}, {}, {}},
          {{f32(id.pair), f32(id.t), f32(id.t)}, {}, {}},
          {{f32(id.c, {2, 2}), f32(id.c, {2, 2})}, {}, {}},
          {{i32(id.u), i32(id.pair)}, {}, {ids_below(4), ids_below(4)}}};
}
std::vector<Sample> samples_move_rows(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const auto move = [](SpaceId to, Dim skip, bool back) {
    return Attrs{{"to", ir::SpaceRef{to}}, {"skip", std::vector<Dim>{std::move(skip)}}, {"back", back}};
  };
  const Dim u = Dim::atom("U");
  return {{{f32(id.t, {3})}, move(id.pair, 1, false), {}},
          {{f32(id.u, {2})}, move(id.t, u, true), {}},
          {{f32(id.t)}, move(id.u, 0, false), {}},
          {{f32(id.pair, {2})}, move(id.t, 1, true), {}},
          {{i32(id.t)}, move(id.t, 1, true), {ids_below(4)}}};
}

}  // namespace

const OpDef op_concat_rows = {"concat_rows",
                              "The segments of all operands, one behind the other for each row of their parent.",
                              -1,
                              1,
                              infer_concat_rows,
                              gradient(concat_rows_gradient),
                              evaluate_concat_rows,
                              lower_call(lower_concat_rows),
                              samples_concat_rows};
const OpDef op_move_rows = {
    "move_rows",
    "Row j of a segment of `to` is row j + skip (back: j - skip) of the operand's; 0 outside. {to, skip, back}",
    1,
    1,
    infer_move_rows,
    gradient(move_rows_gradient),
    evaluate_move_rows,
    lower_call(lower_move_rows),
    samples_move_rows};

}  // namespace mtl::ops
