// Multi-head attention of the segments of a space to themselves or to those of another with the same parent (Vaswani et
// al. 2017). The probabilities are not
// kept: the backward op computes them again from q, k and the log-sum-exp of each row (Dao et al. 2022).
#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"
#include "runtime/core/random.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;

InferResult infer_attention(const InferContext& c) {
  const Type &q = c.operands[0], &k = c.operands[1], &v = c.operands[2];
  const int64_t heads = attr_int(c.attrs, "heads");
  for (int i = 0; i < 3; ++i) {
    const Type& type = c.operands[i];
    if (auto error = need_number(c, i)) return *error;
    if (!is_segmented(c.spaces, type.space)) return shape_error(i, source_text(type, c.spaces) + " is no sequence");
    if (c.spaces[type.space].parent != c.spaces[q.space].parent)
      return disagreement(c, 0, i, "they are not of the same rows");
    if (type.rank() != 1) return shape_error(i, source_text(type, c.spaces) + " is not one vector for each position");
    if (heads < 1 || (type.dims[0].constant() && type.dims[0].value() % heads != 0)) {
      return shape_error(i, std::to_string(heads) + " heads do not divide " + type.dims[0].text());
    }
  }
  if (k.space != v.space) return disagreement(c, 1, 2, "their rows are not the same");
  if (!can_equal(q.dims[0], k.dims[0])) return disagreement(c, 0, 1, not_equal(q.dims[0], k.dims[0]));
  return Types{f32(q.space, v.dims), f32(q.space, {heads})};
}
InferResult infer_attention_grad(const InferContext& c) {  // (dy, q, k, v, y, lse) -> dq, dk, dv
  return Types{c.operands[1], c.operands[2], c.operands[3]};
}

struct Heads {
  int64_t heads = 1, width = 0, value_width = 0;  // per head
  bool causal = false;
  double scale = 1, rate = 0;
};
Heads heads_of(const Attrs& attrs, const Type& q, const Type& v) {
  Heads h;
  h.heads = attr_int(attrs, "heads");
  h.width = q.dims[0].value() / h.heads;
  h.value_width = v.dims[0].value() / h.heads;
  h.causal = attr_bool(attrs, "causal");
  h.scale = attr_number(attrs, "scale", 1 / std::sqrt(static_cast<double>(h.width)));
  h.rate = attr_number(attrs, "rate", 0);
  return h;
}

// fn(query row, first key row, past-the-last key row, head, dropout factor of a key)
template <class F>
void for_each_query(const EvaluateContext& c, SpaceId space, SpaceId keys, const Heads& h, F fn) {
  const HostSpace& host = c.host_spaces[space];
  const uint64_t stream = runtime::random_stream(c.seed, c.step, attr_key(c.attrs));
  for (int64_t above = 0; above < row_count(c, c.spaces[space].parent); ++above) {
    const auto [first, last] = segment(c, space, above);
    const auto [begin, end] = segment(c, keys, above);
    for (int64_t row = first; row < last; ++row) {
      const uint64_t key = runtime::random_row(stream, host.identity[row]);
      for (int64_t head = 0; head < h.heads; ++head) {
        const auto factor = [&, begin = begin](int64_t j) {
          if (h.rate == 0) return 1.0;
          const auto element = static_cast<uint32_t>(head * 65536 + (j - begin));
          const float number = runtime::random_unit(runtime::random_bits(key, element));
          return number >= static_cast<float>(h.rate) ? 1 / (1 - h.rate) : 0.0;
        };
        fn(row, begin, h.causal ? std::min(end, begin + (row - first) + 1) : end, head, factor);
      }
    }
  }
}
double dot(const HostTensor& a, int64_t a_row, const HostTensor& b, int64_t b_row, int64_t head, int64_t width) {
  const int64_t a_width = a.type.dims[0].value(), b_width = b.type.dims[0].value();
  double sum = 0;
  for (int64_t d = 0; d < width; ++d) {
    sum += a.values[a_row * a_width + head * width + d] * b.values[b_row * b_width + head * width + d];
  }
  return sum;
}
// to[row, head part] += factor * from[row, head part]
void add_part(std::vector<double>& to, int64_t to_row, const HostTensor& from, int64_t from_row, int64_t head,
              int64_t width, double factor) {
  const int64_t stride = from.type.dims[0].value();
  for (int64_t d = 0; d < width; ++d) {
    to[to_row * stride + head * width + d] += factor * from.values[from_row * stride + head * width + d];
  }
}

void evaluate_attention(EvaluateContext& c) {
  const HostTensor &q = *c.operands[0], &k = *c.operands[1], &v = *c.operands[2];
  const Heads h = heads_of(c.attrs, q.type, v.type);
  std::vector<double>&y = c.results[0]->values, &lse = c.results[1]->values;
  std::fill(y.begin(), y.end(), 0);
  for_each_query(c, q.type.space, k.type.space, h,
                 [&](int64_t row, int64_t begin, int64_t end, int64_t head, auto factor) {
                   const auto score = [&](int64_t j) { return h.scale * dot(q, row, k, j, head, h.width); };
                   double largest = -std::numeric_limits<double>::infinity(), sum = 0;
                   for (int64_t j = begin; j < end; ++j) largest = std::max(largest, score(j));
                   for (int64_t j = begin; j < end; ++j) sum += std::exp(score(j) - largest);
                   const double total = begin == end ? 0 : largest + std::log(sum);
                   lse[row * h.heads + head] = total;
                   for (int64_t j = begin; j < end; ++j) {
                     add_part(y, row, v, j, head, h.value_width, factor(j) * std::exp(score(j) - total));
                   }
                 });
}

// p_ij = exp(s_ij - lse_i), m_ij the mask: dv_j += m p dy_i; ds_ij = p (m dy_i.v_j - dy_i.y_i); dq_i += scale ds k_j;
// dk_j += scale ds q_i
void evaluate_attention_grad(EvaluateContext& c) {
  const HostTensor &dy = *c.operands[0], &q = *c.operands[1], &k = *c.operands[2], &v = *c.operands[3],
                   &y = *c.operands[4], &lse = *c.operands[5];
  const Heads h = heads_of(c.attrs, q.type, v.type);
  for (HostTensor* result : c.results) std::fill(result->values.begin(), result->values.end(), 0);
  for_each_query(
      c, q.type.space, k.type.space, h, [&](int64_t row, int64_t begin, int64_t end, int64_t head, auto factor) {
        const double along = dot(dy, row, y, row, head, h.value_width);
        for (int64_t j = begin; j < end; ++j) {
          const double p = std::exp(h.scale * dot(q, row, k, j, head, h.width) - lse.values[row * h.heads + head]);
          const double ds = p * (factor(j) * dot(dy, row, v, j, head, h.value_width) - along);
          add_part(c.results[0]->values, row, k, j, head, h.width, h.scale * ds);
          add_part(c.results[1]->values, j, q, row, head, h.width, h.scale * ds);
          add_part(c.results[2]->values, j, dy, row, head, h.value_width, factor(j) * p);
        }
      });
}

void attention_gradient(Context& g) {
  const std::vector<Value> made = *g.build().make(
      "attention_grad", {g.adjoint(0), g.operand(0), g.operand(1), g.operand(2), g.result(0), g.result(1)},
      g.node().attrs);
  for (size_t i = 0; i < 3; ++i) g.accumulate(i, made[i]);
}

void call_attention(CallBuilder& b, const char* kernel, size_t first) {
  std::vector<uint32_t> buffers;
  for (size_t i = 0; i < b.node().operands.size(); ++i) buffers.push_back(b.operand(i));
  for (size_t i = 0; i < b.node().types.size(); ++i) buffers.push_back(b.result(i));
  const Attrs& attrs = b.node().attrs;
  const Type q = b.operand_type(first);
  const Heads h = heads_of(attrs, q, b.operand_type(first + 2));
  b.call(kernel, std::move(buffers),
         {h.heads, h.width, h.value_width, h.causal ? 1 : 0, static_cast<int64_t>(attr_key(attrs))},
         {static_cast<float>(h.scale), static_cast<float>(h.rate)}, {q.space, b.operand_type(first + 1).space});
}

std::vector<Attrs> sample_attrs() {
  return {{{"heads", int64_t{2}}},
          {{"heads", int64_t{2}}, {"causal", true}},
          {{"heads", int64_t{1}}, {"rate", 0.3}, {"key", int64_t{99}}},
          {{"heads", int64_t{1}}, {"scale", 0.5}}};
}
std::vector<Sample> samples_attention(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  std::vector<Sample> samples;
  for (const Attrs& attrs : sample_attrs()) {
    for (const SpaceId keys : {id.t, id.u, id.pair})
      samples.push_back({{f32(id.t, {4}), f32(keys, {4}), f32(keys, {2})}, attrs, {}});
  }
  return samples;
}
std::vector<Sample> samples_attention_grad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  std::vector<Sample> samples;
  for (const Attrs& attrs : sample_attrs()) {
    const Type q = f32(id.t, {4}), y = f32(id.t, {2}), lse = f32(id.t, {attr_int(attrs, "heads")});
    for (const SpaceId keys : {id.t, id.u})
      samples.push_back({{y, q, f32(keys, {4}), f32(keys, {2}), y, lse}, attrs, {}});
  }
  return samples;
}

// ---- cost ----
// Of each query and key: scores, and the sum of values. Masked positions of causal attention count, as elsewhere.
Dim flops_attention(const FlopsContext& c) {
  const Dim pairs = c.rows(c.operands[0].space) * c.spaces.length_of(c.operands[1].space);
  return 2 * pairs * (c.operands[1].dims.back() + c.operands[2].dims.back());
}
// Five products: the scores once more, dv, the gradient of the weights, dq, dk.
Dim flops_attention_grad(const FlopsContext& c) {
  const Dim pairs = c.rows(c.operands[1].space) * c.spaces.length_of(c.operands[2].space);
  return 2 * pairs * (3 * c.operands[2].dims.back() + 2 * c.operands[3].dims.back());
}

}  // namespace

const OpDef op_attention = {"attention",
                            "Softmax(scale q k^T) v for each head and segment of q, over that of k with the same "
                            "parent: (q, k, v) -> y, log-sum-exp of the scores. {heads, causal, "
                            "scale = 1 / sqrt(width), rate, key}",
                            3,
                            2,
                            infer_attention,
                            gradient(attention_gradient),
                            evaluate_attention,
                            lower_call([](CallBuilder& b) { call_attention(b, "attention", 0); }),
                            samples_attention,
                            flops_attention};
const OpDef op_attention_grad = {"attention_grad",
                                 "Gradient of attention: (dy, q, k, v, y, lse) -> dq, dk, dv. Attributes of attention.",
                                 6,
                                 3,
                                 infer_attention_grad,
                                 no_gradient("second derivatives are not supported"),
                                 evaluate_attention_grad,
                                 lower_call([](CallBuilder& b) { call_attention(b, "attention_grad", 1); }),
                                 samples_attention_grad,
                                 flops_attention_grad};

}  // namespace mtl::ops
