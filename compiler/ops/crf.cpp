// Linear-chain conditional random field over the segments of a ragged space (Lafferty et al. 2001): log partition,
// score of given tags, Viterbi decoding. transitions[i, j] is from tag i to tag j. An empty segment has log partition
// and score 0.
//
// A position whose tag is < 0 gives nothing to the score, and neither do the transitions into and out of it; the log
// partition still sums over it, so a caller gives a sequence with such positions weight 0.
#include <algorithm>
#include <cmath>

#include "compiler/ops/infer_util.h"
#include "compiler/ops/lower_util.h"
#include "compiler/ops/registry.h"
#include "compiler/ops/sample.h"

namespace mtl::ops {
namespace {

using Context = GradientContext;
using Kind = Domain::Kind;

// ---- shape rules ----
// Operands from `first` on: transitions [K, K], start [K], end [K]; operand `scores` is [S; K].
std::optional<ShapeError> check_chain(const InferContext& c, int scores, int first) {
  const Type& x = c.operands[scores];
  if (x.space == types::kUniform || c.spaces[x.space].dim.empty() || x.rank() != 1) {
    return shape_error(scores, source_text(x, c.spaces) + " is no sequence of scores");
  }
  for (int i = first; i < first + 3; ++i) {
    const Type& weight = c.operands[i];
    if (auto error = need_uniform(c, i, "a weight")) return error;
    if (weight.rank() != (i == first ? 2 : 1)) return shape_error(i, "transitions are [K, K], starts and ends [K]");
    for (const Dim& dim : weight.dims) {
      if (!can_equal(dim, x.dims[0])) return disagreement(c, scores, i, not_equal(x.dims[0], dim));
    }
  }
  return std::nullopt;
}
SpaceId sequence_space(const InferContext& c, int scores) {
  return c.spaces[c.operands[scores].space].parent;
}

InferResult infer_logpartition(const InferContext& c) {
  if (auto error = check_chain(c, 0, 1)) return *error;
  return Types{f32(sequence_space(c, 0)), f32(c.operands[0].space, c.operands[0].dims)};
}
InferResult infer_logpartition_grad(const InferContext& c) {  // (dlogz, scores, transitions, start, end, alpha)
  return Types{c.operands[1], c.operands[2], c.operands[3], c.operands[4]};
}
InferResult infer_score(const InferContext& c) {
  if (auto error = check_chain(c, 0, 2)) return *error;
  if (auto error = need_ids(c, 1)) return *error;
  if (c.operands[1].space != c.operands[0].space || c.operands[1].rank() != 0) {
    return disagreement(c, 0, 1, "one tag for each position is needed");
  }
  return Types{f32(sequence_space(c, 0))};
}
InferResult infer_score_grad(const InferContext& c) {  // (dscore, tags)
  const Dim classes = attr_dim(c.attrs, "classes");
  const Type edge = f32(types::kUniform, {classes});
  return Types{f32(c.operands[1].space, {classes}), f32(types::kUniform, {classes, classes}), edge, edge};
}
InferResult infer_decode(const InferContext& c) {
  if (auto error = check_chain(c, 0, 1)) return *error;
  return Types{i32(c.operands[0].space)};
}

// ---- reference ----
struct Chain {
  const std::vector<double>&scores, &transitions, &start, &end;
  int64_t tags;
  double score(int64_t row, int64_t j) const { return scores[row * tags + j]; }
  double step(int64_t i, int64_t j) const { return transitions[i * tags + j]; }
};
Chain chain_of(const EvaluateContext& c, size_t scores, size_t first) {
  return {c.operands[scores]->values, c.operands[first]->values, c.operands[first + 1]->values,
          c.operands[first + 2]->values, c.operands[scores]->type.dims[0].value()};
}
// fn(number of the sequence, first row, past-the-last row) for sequences that are not empty.
template <class F>
void for_each_sequence(const EvaluateContext& c, SpaceId space, F fn) {
  for (int64_t above = 0; above < row_count(c, c.spaces[space].parent); ++above) {
    const auto [begin, end] = segment(c, space, above);
    if (begin != end) fn(above, begin, end);
  }
}
double log_sum_exp(const std::vector<double>& x) {
  const double largest = *std::max_element(x.begin(), x.end());
  double sum = 0;
  for (const double value : x) sum += std::exp(value - largest);
  return largest + std::log(sum);
}
void clear_results(EvaluateContext& c) {
  for (HostTensor* result : c.results) std::fill(result->values.begin(), result->values.end(), 0);
}

// a_t(j) = log sum_i exp(a_t-1(i) + T_ij) + s_t(j). alpha is exp(a_t), each row scaled to sum 1.
void evaluate_logpartition(EvaluateContext& c) {
  const Chain chain = chain_of(c, 0, 1);
  clear_results(c);
  for_each_sequence(c, c.operands[0]->type.space, [&](int64_t sequence, int64_t begin, int64_t end) {
    std::vector<double> a(chain.tags), terms(chain.tags);
    for (int64_t row = begin; row < end; ++row) {
      std::vector<double> next(chain.tags);
      for (int64_t j = 0; j < chain.tags; ++j) {
        for (int64_t i = 0; i < chain.tags; ++i) terms[i] = a[i] + chain.step(i, j);
        next[j] = (row == begin ? chain.start[j] : log_sum_exp(terms)) + chain.score(row, j);
      }
      a = next;
      const double total = log_sum_exp(a);
      for (int64_t j = 0; j < chain.tags; ++j) c.results[1]->values[row * chain.tags + j] = std::exp(a[j] - total);
    }
    for (int64_t j = 0; j < chain.tags; ++j) a[j] += chain.end[j];
    c.results[0]->values[sequence] = log_sum_exp(a);
  });
}

// Expected counts by forward-backward: the chance of tag j at t is alpha_t(j) beta_t(j), of the pair i, j before and at
// t alpha_t-1(i) exp(T_ij + s_t(j)) beta_t(j), both scaled to sum 1.
void evaluate_logpartition_grad(EvaluateContext& c) {
  const Chain chain = chain_of(c, 1, 2);
  const int64_t tags = chain.tags;
  const std::vector<double>&dlogz = c.operands[0]->values, &alpha = c.operands[5]->values;
  clear_results(c);
  std::vector<double>&dscores = c.results[0]->values, &dsteps = c.results[1]->values;
  for_each_sequence(c, c.operands[1]->type.space, [&](int64_t sequence, int64_t begin, int64_t end) {
    std::vector<double> beta(tags), pairs(tags * tags), chances(tags);
    for (int64_t j = 0; j < tags; ++j) beta[j] = std::exp(chain.end[j]);
    for (int64_t row = end; row-- > begin;) {
      double total = 0;
      for (int64_t j = 0; j < tags; ++j) total += chances[j] = alpha[row * tags + j] * beta[j];
      for (int64_t j = 0; j < tags; ++j) {
        const double chance = dlogz[sequence] * chances[j] / total;
        dscores[row * tags + j] = chance;
        if (row == begin) c.results[2]->values[j] += chance;
        if (row == end - 1) c.results[3]->values[j] += chance;
      }
      if (row == begin) break;
      double all = 0, scale = 0;
      std::vector<double> before(tags, 0.0);
      for (int64_t ij = 0; ij < tags * tags; ++ij) {
        const int64_t i = ij / tags, j = ij % tags;
        const double ahead = std::exp(chain.step(i, j) + chain.score(row, j)) * beta[j];
        before[i] += ahead;
        scale += ahead;
        all += pairs[ij] = alpha[(row - 1) * tags + i] * ahead;
      }
      for (int64_t ij = 0; ij < tags * tags; ++ij) dsteps[ij] += dlogz[sequence] * pairs[ij] / all;
      for (int64_t i = 0; i < tags; ++i) beta[i] = before[i] / scale;
    }
  });
}

void evaluate_score(EvaluateContext& c) {
  const Chain chain = chain_of(c, 0, 2);
  const auto tag = [&](int64_t row) { return static_cast<int64_t>(c.operands[1]->values[row]); };
  clear_results(c);
  for_each_sequence(c, c.operands[0]->type.space, [&](int64_t sequence, int64_t begin, int64_t end) {
    double& sum = c.results[0]->values[sequence];
    for (int64_t row = begin; row < end; ++row) {
      if (tag(row) < 0) continue;
      sum += chain.score(row, tag(row));
      if (row == begin) sum += chain.start[tag(row)];
      if (row == end - 1) sum += chain.end[tag(row)];
      if (row > begin && tag(row - 1) >= 0) sum += chain.step(tag(row - 1), tag(row));
    }
  });
}
void evaluate_score_grad(EvaluateContext& c) {
  const int64_t tags = c.results[2]->type.dims[0].value();
  const auto tag = [&](int64_t row) { return static_cast<int64_t>(c.operands[1]->values[row]); };
  clear_results(c);
  for_each_sequence(c, c.operands[1]->type.space, [&](int64_t sequence, int64_t begin, int64_t end) {
    const double weight = c.operands[0]->values[sequence];
    for (int64_t row = begin; row < end; ++row) {
      if (tag(row) < 0) continue;
      c.results[0]->values[row * tags + tag(row)] += weight;
      if (row == begin) c.results[2]->values[tag(row)] += weight;
      if (row == end - 1) c.results[3]->values[tag(row)] += weight;
      if (row > begin && tag(row - 1) >= 0) c.results[1]->values[tag(row - 1) * tags + tag(row)] += weight;
    }
  });
}

// Viterbi 1967; ties go to the lower tag.
void evaluate_decode(EvaluateContext& c) {
  const Chain chain = chain_of(c, 0, 1);
  const int64_t tags = chain.tags;
  for_each_sequence(c, c.operands[0]->type.space, [&](int64_t, int64_t begin, int64_t end) {
    std::vector<double> best(tags);
    std::vector<std::vector<int64_t>> from(end - begin, std::vector<int64_t>(tags, 0));
    for (int64_t row = begin; row < end; ++row) {
      std::vector<double> next(tags);
      for (int64_t j = 0; j < tags; ++j) {
        int64_t& origin = from[row - begin][j];
        for (int64_t i = 1; row > begin && i < tags; ++i) {
          if (best[i] + chain.step(i, j) > best[origin] + chain.step(origin, j)) origin = i;
        }
        next[j] = chain.score(row, j) + (row == begin ? chain.start[j] : best[origin] + chain.step(origin, j));
      }
      best = next;
    }
    int64_t tag = 0;
    for (int64_t j = 1; j < tags; ++j) {
      if (best[j] + chain.end[j] > best[tag] + chain.end[tag]) tag = j;
    }
    for (int64_t row = end; row-- > begin;) {
      c.results[0]->values[row] = static_cast<double>(tag);
      tag = from[row - begin][tag];
    }
  });
}

// ---- gradients ----
void logpartition_gradient(Context& g) {
  const std::vector<Value> made = *g.build().make(
      "crf_logpartition_grad", {g.adjoint(0), g.operand(0), g.operand(1), g.operand(2), g.operand(3), g.result(1)}, {});
  for (size_t i = 0; i < 4; ++i) g.accumulate(i, made[i]);
}
void score_gradient(Context& g) {
  const std::vector<Dim> classes = g.build().type(g.operand(0)).dims;
  const std::vector<Value> made =
      *g.build().make("crf_score_grad", {g.adjoint(), g.operand(1)}, {{"classes", classes}});
  g.accumulate(0, made[0]);
  for (size_t i = 1; i < 4; ++i) g.accumulate(i + 1, made[i]);
}

// ---- lowering: operands and results in the kernel's order, the number of tags, the space of positions ----
void call_chain(CallBuilder& b, const char* kernel, size_t positions, const Dim& tags) {
  std::vector<uint32_t> buffers;
  for (size_t i = 0; i < b.node().operands.size(); ++i) buffers.push_back(b.operand(i));
  for (size_t i = 0; i < b.node().types.size(); ++i) buffers.push_back(b.result(i));
  b.call(kernel, std::move(buffers), {tags.value()}, {}, {b.operand_type(positions).space});
}

// ---- samples: 3 tags ----
Sample with_weights(std::vector<Type> front, std::vector<Type> back = {}, std::vector<Domain> domains = {}) {
  for (const Type& weight : {f32(types::kUniform, {3, 3}), f32(types::kUniform, {3}), f32(types::kUniform, {3})}) {
    front.push_back(weight);
  }
  front.insert(front.end(), back.begin(), back.end());
  return {front, {}, domains};
}
std::vector<Sample> samples_chain(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {with_weights({f32(id.t, {3})}), with_weights({f32(id.c, {3})})};
}
std::vector<Sample> samples_logpartition_grad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {with_weights({f32(id.s), f32(id.t, {3})}, {f32(id.t, {3})}, {{}, {}, {}, {}, {}, {Kind::unit}})};
}
std::vector<Sample> samples_score(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {with_weights({f32(id.t, {3}), i32(id.t)}), with_weights({f32(id.c, {3}), i32(id.c)})};
}
std::vector<Sample> samples_score_grad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  return {{{f32(id.s), i32(id.t)}, {{"classes", int64_t{3}}}, {{}, ids_below(3)}}};
}

constexpr const char* kSecond = "second derivatives are not supported";

// ---- cost ----
// Of each position, every tag with every tag before it; backward twice that.
template <int scores, int passes>
Dim flops_chain(const FlopsContext& c) {
  const Dim& tags = c.operands[scores].dims[0];
  return 2 * passes * c.rows(c.operands[scores].space) * tags * tags;
}

}  // namespace

const OpDef op_crf_logpartition = {
    "crf_logpartition",
    "Log of the sum over all tag sequences: (scores, transitions, start, end) -> logz, alpha.",
    4,
    2,
    infer_logpartition,
    gradient(logpartition_gradient),
    evaluate_logpartition,
    lower_call([](CallBuilder& b) { call_chain(b, "crf_logpartition", 0, b.operand_type(0).dims[0]); }),
    samples_chain,
    flops_chain<0, 1>};
const OpDef op_crf_logpartition_grad = {
    "crf_logpartition_grad",
    "Gradient of crf_logpartition: (dlogz, scores, transitions, start, end, alpha) -> dscores, dtransitions, dstart, "
    "dend.",
    6,
    4,
    infer_logpartition_grad,
    no_gradient(kSecond),
    evaluate_logpartition_grad,
    lower_call([](CallBuilder& b) { call_chain(b, "crf_logpartition_grad", 1, b.operand_type(1).dims[0]); }),
    samples_logpartition_grad,
    flops_chain<1, 2>};
const OpDef op_crf_score = {
    "crf_score",
    "Score of given tags: (scores, tags, transitions, start, end).",
    5,
    1,
    infer_score,
    gradient(score_gradient),
    evaluate_score,
    lower_call([](CallBuilder& b) { call_chain(b, "crf_score", 0, b.operand_type(0).dims[0]); }),
    samples_score};
const OpDef op_crf_score_grad = {
    "crf_score_grad",
    "Gradient of crf_score: (dscore, tags) -> dscores, dtransitions, dstart, dend. {classes}",
    2,
    4,
    infer_score_grad,
    no_gradient(kSecond),
    evaluate_score_grad,
    lower_call([](CallBuilder& b) { call_chain(b, "crf_score_grad", 1, b.result_type(2).dims[0]); }),
    samples_score_grad};
const OpDef op_crf_decode = {
    "crf_decode",
    "The best tags: (scores, transitions, start, end), i32.",
    4,
    1,
    infer_decode,
    no_gradient("an id has no derivative"),
    evaluate_decode,
    lower_call([](CallBuilder& b) { call_chain(b, "crf_decode", 0, b.operand_type(0).dims[0]); }),
    samples_chain,
    flops_chain<0, 1>};

}  // namespace mtl::ops
