// LSTM and GRU over the segments of a ragged space, in one or two directions. The input products are outside (they are
// `linear`); these ops hold what has to run step by step. Gate orders, biases and formulas are PyTorch's; initial
// states are 0. Results of two directions stand side by side.
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

constexpr const char* kSecond = "second derivatives are not supported";

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// ---- shape rules ----
// Operands per direction, gates per unit: LSTM (g, w_hh) and 4; GRU (g, w_hh, b_hh) and 3.
std::optional<ShapeError> check_scan(const InferContext& c, size_t per_direction, int64_t gates) {
  const size_t count = c.operands.size();
  if (count != per_direction && count != 2 * per_direction) {
    return shape_error(-1, "a recurrence has the operands of one direction or of two");
  }
  const Dim hidden = attr_dim(c.attrs, "hidden");
  for (size_t i = 0; i < count; ++i) {
    const Type& type = c.operands[i];
    const int operand = static_cast<int>(i);
    const size_t role = i % per_direction;
    std::vector<Dim> wanted = {gates * hidden};
    if (role == 1) wanted.push_back(hidden);
    if (role == 0) {
      if (!is_segmented(c.spaces, type.space)) {
        return shape_error(operand, source_text(type, c.spaces) + " is no sequence");
      }
      if (type.space != c.operands[0].space) return disagreement(c, 0, operand, "their rows are not the same");
    } else if (auto error = need_uniform(c, operand, "a weight")) {
      return error;
    }
    const bool fits =
        type.dims.size() == wanted.size() && std::equal(wanted.begin(), wanted.end(), type.dims.begin(), can_equal);
    if (!fits) {
      const Type expected{DType::f32, type.space, wanted};
      return shape_error(operand, source_text(type, c.spaces) + " should be " + source_text(expected, c.spaces));
    }
  }
  return std::nullopt;
}
Dim directions(size_t operands, size_t per_direction) {
  return static_cast<int64_t>(operands / per_direction);
}

InferResult infer_lstm(const InferContext& c) {
  if (auto error = check_scan(c, 2, 4)) return *error;
  const Dim width = attr_dim(c.attrs, "hidden") * directions(c.operands.size(), 2);
  const SpaceId space = c.operands[0].space;
  return Types{f32(space, {width}), f32(space, {width}), f32(space, {4 * width})};
}
InferResult infer_gru(const InferContext& c) {
  if (auto error = check_scan(c, 3, 3)) return *error;
  const Dim width = attr_dim(c.attrs, "hidden") * directions(c.operands.size(), 3);
  const SpaceId space = c.operands[0].space;
  return Types{f32(space, {width}), f32(space, {4 * width})};
}
// (dh, h, c, gates, w_hh...) -> dg..., dw_hh...
InferResult infer_lstm_grad(const InferContext& c) {
  const Dim hidden = attr_dim(c.attrs, "hidden");
  Types results(c.operands.size() - 4, f32(c.operands[0].space, {4 * hidden}));
  for (size_t i = 4; i < c.operands.size(); ++i) results.push_back(c.operands[i]);
  return results;
}
// (dh, h, saved, w_hh...) -> dg..., dw_hh..., db_hh...
InferResult infer_gru_grad(const InferContext& c) {
  const Dim hidden = attr_dim(c.attrs, "hidden");
  const size_t count = c.operands.size() - 3;
  Types results(count, f32(c.operands[0].space, {3 * hidden}));
  for (size_t i = 3; i < c.operands.size(); ++i) results.push_back(c.operands[i]);
  results.insert(results.end(), count, f32(types::kUniform, {3 * hidden}));
  return results;
}

// ---- walking sequences ----
struct Scan {
  int64_t hidden = 0, count = 0;  // count: directions
  bool reverse = false;           // of a single direction
  bool is_backward(int64_t direction) const { return count == 2 ? direction == 1 : reverse; }
};
Scan scan_of(const EvaluateContext& c, size_t directions) {
  return {attr_dim(c.attrs, "hidden").value(), static_cast<int64_t>(directions), attr_bool(c.attrs, "reverse")};
}

// fn(row, the row before it in time or -1), first to last in time, or last to first.
template <class F>
void walk(const EvaluateContext& c, SpaceId space, bool runs_from_end, bool last_first, F fn) {
  for (int64_t above = 0; above < row_count(c, c.spaces[space].parent); ++above) {
    const auto [begin, end] = segment(c, space, above);
    const int64_t length = end - begin;
    for (int64_t i = 0; i < length; ++i) {
      const int64_t time = last_first ? length - 1 - i : i;
      const auto row_at = [&, begin = begin, end = end](int64_t t) { return runs_from_end ? end - 1 - t : begin + t; };
      fn(row_at(time), time == 0 ? -1 : row_at(time - 1), i == 0);
    }
  }
}
// sum over k of w[row, k] h[k]
double product(const HostTensor& w, int64_t row, const double* h, int64_t hidden) {
  double sum = 0;
  for (int64_t k = 0; h && k < hidden; ++k) sum += w.values[row * hidden + k] * h[k];
  return sum;
}

void evaluate_lstm(EvaluateContext& c) {
  const Scan scan = scan_of(c, c.operands.size() / 2);
  const int64_t hidden = scan.hidden, width = hidden * scan.count;
  std::vector<double>&h = c.results[0]->values, &cell = c.results[1]->values, &gates = c.results[2]->values;
  for (int64_t n = 0; n < scan.count; ++n) {
    const HostTensor &g = *c.operands[2 * n], &w = *c.operands[2 * n + 1];
    walk(c, g.type.space, scan.is_backward(n), false, [&](int64_t row, int64_t before, bool) {
      const double* held = before < 0 ? nullptr : &h[before * width + n * hidden];
      double* gate = &gates[row * 4 * width + n * 4 * hidden];
      for (int64_t i = 0; i < 4 * hidden; ++i) {
        const double x = g.values[row * 4 * hidden + i] + product(w, i, held, hidden);
        gate[i] = i / hidden == 2 ? std::tanh(x) : sigmoid(x);
      }
      for (int64_t i = 0; i < hidden; ++i) {
        const double kept = before < 0 ? 0 : gate[hidden + i] * cell[before * width + n * hidden + i];
        const int64_t at = row * width + n * hidden + i;
        cell[at] = kept + gate[i] * gate[2 * hidden + i];
        h[at] = gate[3 * hidden + i] * std::tanh(cell[at]);
      }
    });
  }
}

// Adds dy h^T to a weight's gradient and w^T dy to what flows into the state before.
void state_gradients(const HostTensor& w, const std::vector<double>& dy, const double* h, int64_t hidden,
                     std::vector<double>& dw, std::vector<double>& dh) {
  std::fill(dh.begin(), dh.end(), 0);
  for (size_t i = 0; i < dy.size(); ++i) {
    for (int64_t k = 0; k < hidden; ++k) {
      if (h) dw[i * hidden + k] += dy[i] * h[k];
      dh[k] += w.values[i * hidden + k] * dy[i];
    }
  }
}

// Back through time: with gates i f g o, cell c, dh and dc from the step after,
//   do = dh tanh c, dc += dh o (1 - tanh^2 c), di = dc g, df = dc c', dg = dc i, dc' = dc f; then through activations.
void evaluate_lstm_grad(EvaluateContext& c) {
  const Scan scan = scan_of(c, c.operands.size() - 4);
  const int64_t hidden = scan.hidden, width = hidden * scan.count;
  const std::vector<double>&dh = c.operands[0]->values, &h = c.operands[1]->values, &cell = c.operands[2]->values,
        &gates = c.operands[3]->values;
  for (int64_t n = 0; n < scan.count; ++n) {
    const HostTensor& w = *c.operands[4 + n];
    std::vector<double>&dg = c.results[n]->values, &dw = c.results[scan.count + n]->values;
    std::fill(dw.begin(), dw.end(), 0);
    std::vector<double> dh_next(hidden), dc_next(hidden), dy(4 * hidden);
    walk(c, c.operands[0]->type.space, scan.is_backward(n), true, [&](int64_t row, int64_t before, bool is_end) {
      if (is_end) {
        std::fill(dh_next.begin(), dh_next.end(), 0);
        std::fill(dc_next.begin(), dc_next.end(), 0);
      }
      const double* gate = &gates[row * 4 * width + n * 4 * hidden];
      const auto at = [&](int64_t r, int64_t i) { return r * width + n * hidden + i; };
      for (int64_t i = 0; i < hidden; ++i) {
        const double in = gate[i], forget = gate[hidden + i], fresh = gate[2 * hidden + i], out = gate[3 * hidden + i];
        const double total = dh[at(row, i)] + dh_next[i], tanh_c = std::tanh(cell[at(row, i)]);
        const double dc = dc_next[i] + total * out * (1 - tanh_c * tanh_c);
        const double held = before < 0 ? 0 : cell[at(before, i)];
        dy[i] = dc * fresh * in * (1 - in);
        dy[hidden + i] = dc * held * forget * (1 - forget);
        dy[2 * hidden + i] = dc * in * (1 - fresh * fresh);
        dy[3 * hidden + i] = total * tanh_c * out * (1 - out);
        dc_next[i] = dc * forget;
      }
      std::copy(dy.begin(), dy.end(), dg.begin() + row * 4 * hidden);
      state_gradients(w, dy, before < 0 ? nullptr : &h[at(before, 0)], hidden, dw, dh_next);
    });
  }
}

// r, z = sigmoid(g + W h + b), q = W_n h + b_n, n = tanh(g_n + r q), h = (1 - z) n + z h'
void evaluate_gru(EvaluateContext& c) {
  const Scan scan = scan_of(c, c.operands.size() / 3);
  const int64_t hidden = scan.hidden, width = hidden * scan.count;
  std::vector<double>&h = c.results[0]->values, &saved = c.results[1]->values;
  for (int64_t n = 0; n < scan.count; ++n) {
    const HostTensor &g = *c.operands[3 * n], &w = *c.operands[3 * n + 1], &b = *c.operands[3 * n + 2];
    walk(c, g.type.space, scan.is_backward(n), false, [&](int64_t row, int64_t before, bool) {
      const double* held = before < 0 ? nullptr : &h[before * width + n * hidden];
      const auto input = [&](int64_t i) { return g.values[row * 3 * hidden + i]; };
      const auto state = [&](int64_t i) { return product(w, i, held, hidden) + b.values[i]; };
      double* keep = &saved[row * 4 * width + n * 4 * hidden];
      for (int64_t i = 0; i < hidden; ++i) {
        const double r = sigmoid(input(i) + state(i)), z = sigmoid(input(hidden + i) + state(hidden + i));
        const double q = state(2 * hidden + i), fresh = std::tanh(input(2 * hidden + i) + r * q);
        keep[i] = r, keep[hidden + i] = z, keep[2 * hidden + i] = fresh, keep[3 * hidden + i] = q;
        h[row * width + n * hidden + i] = (1 - z) * fresh + (held ? z * held[i] : 0);
      }
    });
  }
}

// Back through time: dz = dh (h' - n), dn = dh (1 - z), through tanh to dn~; dr = dn~ q, dq = dn~ r, dh' = dh z +
// W^T(...)
void evaluate_gru_grad(EvaluateContext& c) {
  const Scan scan = scan_of(c, c.operands.size() - 3);
  const int64_t hidden = scan.hidden, width = hidden * scan.count;
  const std::vector<double>&dh = c.operands[0]->values, &h = c.operands[1]->values, &saved = c.operands[2]->values;
  for (int64_t n = 0; n < scan.count; ++n) {
    const HostTensor& w = *c.operands[3 + n];
    std::vector<double>&dg = c.results[n]->values, &dw = c.results[scan.count + n]->values,
    &db = c.results[2 * scan.count + n]->values;
    std::fill(dw.begin(), dw.end(), 0);
    std::fill(db.begin(), db.end(), 0);
    std::vector<double> dh_next(hidden), direct(hidden), dstate(3 * hidden);
    walk(c, c.operands[0]->type.space, scan.is_backward(n), true, [&](int64_t row, int64_t before, bool is_end) {
      if (is_end) std::fill(dh_next.begin(), dh_next.end(), 0);
      const double* keep = &saved[row * 4 * width + n * 4 * hidden];
      const double* held = before < 0 ? nullptr : &h[before * width + n * hidden];
      for (int64_t i = 0; i < hidden; ++i) {
        const double r = keep[i], z = keep[hidden + i], fresh = keep[2 * hidden + i], q = keep[3 * hidden + i];
        const double total = dh[row * width + n * hidden + i] + dh_next[i];
        const double dn = total * (1 - z) * (1 - fresh * fresh);
        double* out = &dg[row * 3 * hidden];
        out[i] = dstate[i] = dn * q * r * (1 - r);
        out[hidden + i] = dstate[hidden + i] = total * ((held ? held[i] : 0) - fresh) * z * (1 - z);
        out[2 * hidden + i] = dn;
        dstate[2 * hidden + i] = dn * r;
        direct[i] = total * z;
      }
      for (int64_t i = 0; i < 3 * hidden; ++i) db[i] += dstate[i];
      state_gradients(w, dstate, held, hidden, dw, dh_next);
      for (int64_t i = 0; i < hidden; ++i) dh_next[i] += direct[i];
    });
  }
}

// ---- gradients: results of the backward op are per direction dg, then dw_hh, then (GRU) db_hh ----
void scan_gradient(Context& g, const char* op, size_t per_direction, std::vector<Value> operands) {
  const size_t count = g.node().operands.size() / per_direction;
  for (size_t n = 0; n < count; ++n) operands.push_back(g.operand(n * per_direction + 1));
  const std::vector<Value> made = *g.build().make(op, std::move(operands), g.node().attrs);
  for (size_t n = 0; n < count; ++n) {
    for (size_t role = 0; role < per_direction; ++role) g.accumulate(n * per_direction + role, made[role * count + n]);
  }
}
void lstm_gradient(Context& g) {
  scan_gradient(g, "lstm_grad", 2, {g.adjoint(0), g.result(0), g.result(1), g.result(2)});
}
void gru_gradient(Context& g) {
  scan_gradient(g, "gru_grad", 3, {g.adjoint(0), g.result(0), g.result(1)});
}

// Operands and results go to the kernel as they stand.
void call_scan(CallBuilder& b, const char* kernel, size_t directions) {
  std::vector<uint32_t> buffers;
  for (size_t i = 0; i < b.node().operands.size(); ++i) buffers.push_back(b.operand(i));
  for (size_t i = 0; i < b.node().types.size(); ++i) buffers.push_back(b.result(i));
  const Attrs& attrs = b.node().attrs;
  b.call(kernel, std::move(buffers),
         {attr_dim(attrs, "hidden").value(), static_cast<int64_t>(directions), attr_bool(attrs, "reverse") ? 1 : 0}, {},
         {b.operand_type(0).space});
}

// ---- samples: hidden 2 ----
Attrs hidden_two(bool reverse) {
  return {{"hidden", int64_t{2}}, {"reverse", reverse}};
}

std::vector<Sample> samples_lstm(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const Type g = f32(id.t, {8}), w = f32(types::kUniform, {8, 2});
  return {{{g, w}, hidden_two(false), {}}, {{g, w}, hidden_two(true), {}}, {{g, w, g, w}, hidden_two(false), {}}};
}
std::vector<Sample> samples_lstm_grad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const Type w = f32(types::kUniform, {8, 2});
  const std::vector<Domain> domains = {{}, {}, {}, {Kind::unit}};
  return {{{f32(id.t, {2}), f32(id.t, {2}), f32(id.t, {2}), f32(id.t, {8}), w}, hidden_two(true), domains},
          {{f32(id.t, {4}), f32(id.t, {4}), f32(id.t, {4}), f32(id.t, {16}), w, w}, hidden_two(false), domains}};
}
std::vector<Sample> samples_gru(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const Type g = f32(id.t, {6}), w = f32(types::kUniform, {6, 2}), b = f32(types::kUniform, {6});
  return {{{g, w, b}, hidden_two(false), {}},
          {{g, w, b}, hidden_two(true), {}},
          {{g, w, b, g, w, b}, hidden_two(false), {}}};
}
std::vector<Sample> samples_gru_grad(const Spaces& spaces) {
  const SampleSpaces id = sample_ids(spaces);
  const Type w = f32(types::kUniform, {6, 2});
  const std::vector<Domain> domains = {{}, {}, {Kind::unit}};
  return {{{f32(id.t, {2}), f32(id.t, {2}), f32(id.t, {8}), w}, hidden_two(true), domains},
          {{f32(id.t, {4}), f32(id.t, {4}), f32(id.t, {16}), w, w}, hidden_two(false), domains}};
}

// ---- cost ----
// Of each row and direction the product of the state with w_hh; backward, that of the gates' gradient and of w_hh's.
template <int per_direction, int gates>
Dim flops_scan(const FlopsContext& c) {
  const Dim hidden = attr_dim(c.attrs, "hidden");
  return 2 * gates * directions(c.operands.size(), per_direction) * c.rows(c.operands[0].space) * hidden * hidden;
}
template <int gates>
Dim flops_scan_grad(const FlopsContext& c) {
  const Dim hidden = attr_dim(c.attrs, "hidden");
  const int64_t weights = std::count_if(c.operands.begin(), c.operands.end(), [](const Type& type) {
    return type.space == types::kUniform && type.rank() == 2;
  });
  return 4 * gates * weights * c.rows(c.operands[0].space) * hidden * hidden;
}

}  // namespace

const OpDef op_lstm = {
    "lstm",
    "Hochreiter & Schmidhuber 1997, gates i f g o: (g, w_hh) per direction -> h, c, gates. {hidden, reverse}; four "
    "operands run both ways",
    -1,
    3,
    infer_lstm,
    gradient(lstm_gradient),
    evaluate_lstm,
    lower_call([](CallBuilder& b) { call_scan(b, "lstm_scan", b.node().operands.size() / 2); }),
    samples_lstm,
    flops_scan<2, 4>};
const OpDef op_lstm_grad = {
    "lstm_grad",
    "Gradient of lstm: (dh, h, c, gates, w_hh...) -> dg..., dw_hh.... {hidden, reverse}",
    -1,
    -1,
    infer_lstm_grad,
    no_gradient(kSecond),
    evaluate_lstm_grad,
    lower_call([](CallBuilder& b) { call_scan(b, "lstm_scan_grad", b.node().operands.size() - 4); }),
    samples_lstm_grad,
    flops_scan_grad<4>};
const OpDef op_gru = {
    "gru",
    "Cho et al. 2014 in PyTorch's form, gates r z n: (g, w_hh, b_hh) per direction -> h, saved. {hidden, reverse}; six "
    "operands run both ways",
    -1,
    2,
    infer_gru,
    gradient(gru_gradient),
    evaluate_gru,
    lower_call([](CallBuilder& b) { call_scan(b, "gru_scan", b.node().operands.size() / 3); }),
    samples_gru,
    flops_scan<3, 3>};
const OpDef op_gru_grad = {
    "gru_grad",
    "Gradient of gru: (dh, h, saved, w_hh...) -> dg..., dw_hh..., db_hh.... {hidden, reverse}",
    -1,
    -1,
    infer_gru_grad,
    no_gradient(kSecond),
    evaluate_gru_grad,
    lower_call([](CallBuilder& b) { call_scan(b, "gru_scan_grad", b.node().operands.size() - 3); }),
    samples_gru_grad,
    flops_scan_grad<3>};

}  // namespace mtl::ops
