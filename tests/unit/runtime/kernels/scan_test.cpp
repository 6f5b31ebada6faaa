// lstm_scan and gru_scan with their gradients, against loops in double with backpropagation written out per element.
#include "tests/unit/runtime/kernels/harness.h"

using namespace mtl::runtime;
using namespace mtl::runtime::testing;

namespace {

using Doubles = std::vector<double>;

double sigmoid(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

// One direction of either cell. dh is the gradient of h; all results are of this direction alone.
struct Reference {
  Doubles h, c, dg, dw, db;
};

// Visits (row, row before or -1) of a sequence in running order.
template <class Body>
void walk(const Ragged& space, bool reverse, bool backwards, Body&& body) {
  for (int64_t p = 0; p < space.view.parent_rows; ++p) {
    const int64_t begin = space.offsets[p], length = space.offsets[p + 1] - begin;
    for (int64_t s = 0; s < length; ++s) {
      const int64_t t = backwards ? length - 1 - s : s;
      const int64_t row = reverse ? begin + length - 1 - t : begin + t;
      body(row, t == 0 ? int64_t{-1} : reverse ? row + 1 : row - 1);
    }
  }
}

double recurrent(const Vector& w, const Doubles& h, int64_t hidden, int64_t gate_row, int64_t before) {
  double sum = 0;
  for (int64_t k = 0; before >= 0 && k < hidden; ++k) sum += w[gate_row * hidden + k] * h[before * hidden + k];
  return sum;
}

Reference lstm(const Ragged& space, int64_t hidden, bool reverse, const Vector& g, const Vector& w,
               const Doubles& dh_out) {
  const size_t rows = static_cast<size_t>(space.view.rows), n = static_cast<size_t>(hidden);
  Reference r{Doubles(rows * n), Doubles(rows * n), Doubles(rows * 4 * n), Doubles(4 * n * n), {}};
  Doubles gates(rows * 4 * n), dh = dh_out, dc(rows * n);
  walk(space, reverse, false, [&](int64_t row, int64_t before) {
    for (int64_t j = 0; j < hidden; ++j) {
      double* a = &gates[row * 4 * hidden];
      for (int q = 0; q < 4; ++q) {
        const double x = g[(row * 4 + q) * hidden + j] + recurrent(w, r.h, hidden, q * hidden + j, before);
        a[q * hidden + j] = q == 2 ? std::tanh(x) : sigmoid(x);
      }
      const double c_before = before < 0 ? 0.0 : r.c[before * hidden + j];
      r.c[row * hidden + j] = a[hidden + j] * c_before + a[j] * a[2 * hidden + j];
      r.h[row * hidden + j] = a[3 * hidden + j] * std::tanh(r.c[row * hidden + j]);
    }
  });
  walk(space, reverse, true, [&](int64_t row, int64_t before) {
    for (int64_t j = 0; j < hidden; ++j) {
      const double *a = &gates[row * 4 * hidden], tanh_c = std::tanh(r.c[row * hidden + j]);
      const double i = a[j], f = a[hidden + j], u = a[2 * hidden + j], o = a[3 * hidden + j];
      const double d = dh[row * hidden + j], dcell = dc[row * hidden + j] + d * o * (1 - tanh_c * tanh_c);
      const double c_before = before < 0 ? 0.0 : r.c[before * hidden + j];
      double* out = &r.dg[row * 4 * hidden + j];
      out[0] = dcell * u * i * (1 - i);
      out[hidden] = dcell * c_before * f * (1 - f);
      out[2 * hidden] = dcell * i * (1 - u * u);
      out[3 * hidden] = d * tanh_c * o * (1 - o);
      if (before >= 0) dc[before * hidden + j] += dcell * f;
    }
    for (int64_t q = 0; before >= 0 && q < 4 * hidden; ++q) {
      for (int64_t k = 0; k < hidden; ++k) {
        dh[before * hidden + k] += r.dg[row * 4 * hidden + q] * w[q * hidden + k];
        r.dw[q * hidden + k] += r.dg[row * 4 * hidden + q] * r.h[before * hidden + k];
      }
    }
  });
  return r;
}

Reference gru(const Ragged& space, int64_t hidden, bool reverse, const Vector& g, const Vector& w, const Vector& b,
              const Doubles& dh_out) {
  const size_t rows = static_cast<size_t>(space.view.rows), n = static_cast<size_t>(hidden);
  Reference r{Doubles(rows * n), {}, Doubles(rows * 3 * n), Doubles(3 * n * n), Doubles(3 * n)};
  Doubles saved(rows * 4 * n), dh = dh_out;
  walk(space, reverse, false, [&](int64_t row, int64_t before) {
    for (int64_t j = 0; j < hidden; ++j) {
      double a[3];
      for (int q = 0; q < 3; ++q) a[q] = recurrent(w, r.h, hidden, q * hidden + j, before) + b[q * hidden + j];
      const float* x = &g[row * 3 * hidden + j];
      const double reset = sigmoid(x[0] + a[0]), z = sigmoid(x[hidden] + a[1]),
                   u = std::tanh(x[2 * hidden] + reset * a[2]);
      const double values[4] = {reset, z, u, a[2]};
      for (int q = 0; q < 4; ++q) saved[(row * 4 + q) * hidden + j] = values[q];
      r.h[row * hidden + j] = (1 - z) * u + z * (before < 0 ? 0.0 : r.h[before * hidden + j]);
    }
  });
  walk(space, reverse, true, [&](int64_t row, int64_t before) {
    Doubles recurrent_grad(3 * n);
    for (int64_t j = 0; j < hidden; ++j) {
      const double* s = &saved[row * 4 * hidden + j];
      const double reset = s[0], z = s[hidden], u = s[2 * hidden], hn = s[3 * hidden], d = dh[row * hidden + j];
      const double h_before = before < 0 ? 0.0 : r.h[before * hidden + j];
      const double du = d * (1 - z) * (1 - u * u);
      double* out = &r.dg[row * 3 * hidden + j];
      out[0] = recurrent_grad[j] = du * hn * reset * (1 - reset);
      out[hidden] = recurrent_grad[hidden + j] = d * (h_before - u) * z * (1 - z);
      out[2 * hidden] = du;
      recurrent_grad[2 * hidden + j] = du * reset;
      if (before >= 0) dh[before * hidden + j] += d * z;
    }
    for (int64_t q = 0; q < 3 * hidden; ++q) {
      r.db[q] += recurrent_grad[q];
      for (int64_t k = 0; before >= 0 && k < hidden; ++k) {
        dh[before * hidden + k] += recurrent_grad[q] * w[q * hidden + k];
        r.dw[q * hidden + k] += recurrent_grad[q] * r.h[before * hidden + k];
      }
    }
  });
  return r;
}

// Columns [d * width, (d + 1) * width) of rows of n * width.
Doubles columns(const Vector& x, int64_t width, int64_t n, int64_t d) {
  Doubles out;
  for (size_t row = 0; row * static_cast<size_t>(width * n) < x.size(); ++row) {
    for (int64_t j = 0; j < width; ++j) out.push_back(x[row * width * n + d * width + j]);
  }
  return out;
}

const std::vector<std::vector<int>> kBatches = {
    {1}, {5, 3, 0, 1, 4}, {0, 0}, {9, 9, 9, 2, 1, 1, 1, 12}, {}, {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7,
                                                                  9, 3, 2, 3, 8, 4, 6, 2, 6, 4, 3, 3, 8, 3,
                                                                  2, 7, 9, 5, 0, 2, 8, 8, 4, 1, 9, 7}};

struct Case {
  int64_t hidden, directions, reverse;
};
const Case kCases[] = {{16, 1, 0}, {5, 1, 1}, {24, 2, 0}, {70, 2, 0}, {64, 1, 1}};

}  // namespace

TEST_CASE("lstm_scan and its gradient agree with plain loops") {
  for (const auto& lengths : kBatches) {
    const Ragged space(lengths);
    const size_t rows = static_cast<size_t>(space.view.rows);
    for (const auto& [hidden, directions, reverse] : kCases) {
      INFO("rows " << rows << " hidden " << hidden << " directions " << directions << " reverse " << reverse);
      const size_t n = static_cast<size_t>(directions), width = static_cast<size_t>(hidden);
      std::vector<Vector> g, w, dg(n, Vector(rows * 4 * width)), dw(n, Vector(4 * width * width));
      for (unsigned d = 0; d < n; ++d) {
        g.push_back(random_vector(rows * 4 * width, 1 + d));
        w.push_back(random_vector(4 * width * width, 7 + d, 0.3f));
      }
      Vector dh = random_vector(rows * n * width, 5), h(dh.size()), c(dh.size()), gates(4 * dh.size());
      const auto run = [&] {
        std::vector<void*> forward, backward = {dh.data(), h.data(), c.data(), gates.data()};
        for (size_t d = 0; d < n; ++d) forward.insert(forward.end(), {g[d].data(), w[d].data()});
        forward.insert(forward.end(), {h.data(), c.data(), gates.data()});
        for (Vector& x : w) backward.push_back(x.data());
        for (Vector& x : dg) backward.push_back(x.data());
        for (Vector& x : dw) backward.push_back(x.data());
        call("lstm_scan", forward, {hidden, directions, reverse}, {}, space.view);
        call("lstm_scan_grad", backward, {hidden, directions, reverse}, {}, space.view);
        std::vector<Vector> all = {h, c};
        all.insert(all.end(), dg.begin(), dg.end());
        all.insert(all.end(), dw.begin(), dw.end());
        return all;
      };
      check_same_on_threads(run);
      for (int64_t d = 0; d < directions; ++d) {
        const bool backwards = directions == 2 ? d == 1 : reverse != 0;
        const Reference r = lstm(space, hidden, backwards, g[d], w[d], columns(dh, hidden, directions, d));
        CHECK(difference(columns(h, hidden, directions, d), r.h) < 1e-5);
        CHECK(difference(columns(c, hidden, directions, d), r.c) < 1e-5);
        CHECK(difference(dg[d], r.dg) < 2e-5);
        CHECK(difference(dw[d], r.dw) < 2e-5);
      }
    }
  }
}

TEST_CASE("gru_scan and its gradient agree with plain loops") {
  for (const auto& lengths : kBatches) {
    const Ragged space(lengths);
    const size_t rows = static_cast<size_t>(space.view.rows);
    for (const auto& [hidden, directions, reverse] : kCases) {
      INFO("rows " << rows << " hidden " << hidden << " directions " << directions << " reverse " << reverse);
      const size_t n = static_cast<size_t>(directions), width = static_cast<size_t>(hidden);
      std::vector<Vector> g, w, b, dg(n, Vector(rows * 3 * width)), dw(n, Vector(3 * width * width)),
          db(n, Vector(3 * width));
      for (unsigned d = 0; d < n; ++d) {
        g.push_back(random_vector(rows * 3 * width, 1 + d));
        w.push_back(random_vector(3 * width * width, 7 + d, 0.3f));
        b.push_back(random_vector(3 * width, 9 + d));
      }
      Vector dh = random_vector(rows * n * width, 5), h(dh.size()), saved(4 * dh.size());
      const auto run = [&] {
        std::vector<void*> forward, backward = {dh.data(), h.data(), saved.data()};
        for (size_t d = 0; d < n; ++d) forward.insert(forward.end(), {g[d].data(), w[d].data(), b[d].data()});
        forward.insert(forward.end(), {h.data(), saved.data()});
        for (auto* group : {&w, &dg, &dw, &db}) {
          for (Vector& x : *group) backward.push_back(x.data());
        }
        call("gru_scan", forward, {hidden, directions, reverse}, {}, space.view);
        call("gru_scan_grad", backward, {hidden, directions, reverse}, {}, space.view);
        std::vector<Vector> all = {h};
        for (auto* group : {&dg, &dw, &db}) all.insert(all.end(), group->begin(), group->end());
        return all;
      };
      check_same_on_threads(run);
      for (int64_t d = 0; d < directions; ++d) {
        const bool backwards = directions == 2 ? d == 1 : reverse != 0;
        const Reference r = gru(space, hidden, backwards, g[d], w[d], b[d], columns(dh, hidden, directions, d));
        CHECK(difference(columns(h, hidden, directions, d), r.h) < 1e-5);
        CHECK(difference(dg[d], r.dg) < 2e-5);
        CHECK(difference(dw[d], r.dw) < 2e-5);
        CHECK(difference(db[d], r.db) < 2e-5);
      }
    }
  }
}
