// Attention and its gradient against loops in double, with the documented dropout mask.
#include "tests/unit/runtime/kernels/harness.h"

using namespace mtl::runtime;
using namespace mtl::runtime::testing;

namespace {

using Doubles = std::vector<double>;

struct Setting {
  int64_t heads, d, e, causal;
  float rate;
};
constexpr uint64_t kKey = 0x8123456789ABCDEFull;

struct Results {
  Doubles y, lse, dq, dk, dv;
};

Results naive(const Ragged& space, const Ragged& other, const Setting& s, float scale, const StepScalars& step,
              const Vector& q, const Vector& k, const Vector& v, const Vector& dy) {
  Results r{Doubles(dy.size()), Doubles(static_cast<size_t>(space.view.rows * s.heads)), Doubles(q.size()),
            Doubles(k.size()), Doubles(v.size())};
  for (int64_t i = 0; i < space.view.rows; ++i) {
    const int64_t begin = other.offsets[space.parent[i]], all = other.offsets[space.parent[i] + 1];
    const int64_t end = s.causal ? std::min<int64_t>(all, begin + space.position[i] + 1) : all;
    for (int64_t h = 0; h < s.heads; ++h) {
      const auto at_key = [&](int64_t row) { return (row * s.heads + h) * s.d; };
      const auto at_value = [&](int64_t row) { return (row * s.heads + h) * s.e; };
      Doubles p, m, dp;
      double sum = 0, mean = 0;
      const uint64_t row = random_row(random_stream(step.seed, step.step, kKey), space.identity[i]);
      for (int64_t j = begin; j < end; ++j) {
        double dot = 0;
        for (int64_t x = 0; x < s.d; ++x) dot += static_cast<double>(q[at_key(i) + x]) * k[at_key(j) + x];
        p.push_back(std::exp(scale * dot));
        sum += p.back();
        const float unit = random_unit(random_bits(row, static_cast<uint32_t>(h * 65536 + other.position[j])));
        m.push_back(unit >= s.rate ? 1.0 / (1.0 - s.rate) : 0.0);
      }
      r.lse[i * s.heads + h] = begin == end ? 0 : std::log(sum);
      for (int64_t j = begin; j < end; ++j) {
        double& p_j = p[j - begin];
        p_j /= sum;
        dp.push_back(0);
        for (int64_t x = 0; x < s.e; ++x) {
          r.y[at_value(i) + x] += m[j - begin] * p_j * v[at_value(j) + x];
          r.dv[at_value(j) + x] += m[j - begin] * p_j * dy[at_value(i) + x];
          dp.back() += m[j - begin] * dy[at_value(i) + x] * v[at_value(j) + x];
        }
        mean += p_j * dp.back();
      }
      for (int64_t j = begin; j < end; ++j) {
        const double ds = scale * p[j - begin] * (dp[j - begin] - mean);
        for (int64_t x = 0; x < s.d; ++x) {
          r.dq[at_key(i) + x] += ds * k[at_key(j) + x];
          r.dk[at_key(j) + x] += ds * q[at_key(i) + x];
        }
      }
    }
  }
  return r;
}

}  // namespace

namespace {

void check_loops(const Ragged& space, const Ragged& other) {
  const size_t rows = static_cast<size_t>(space.view.rows), others = static_cast<size_t>(other.view.rows);
  for (const Setting& s :
       {Setting{1, 16, 16, 0, 0}, Setting{4, 8, 12, 1, 0}, Setting{2, 32, 20, 0, 0.3f}, Setting{3, 5, 7, 1, 0.5f}}) {
    INFO("rows " << rows << ", " << others << " heads " << s.heads << " causal " << s.causal << " rate " << s.rate);
    const float scale = 1.0f / std::sqrt(static_cast<float>(s.d));
    const size_t keys = static_cast<size_t>(s.heads * s.d), values = static_cast<size_t>(s.heads * s.e);
    Vector q = random_vector(rows * keys, 1), k = random_vector(others * keys, 2),
           v = random_vector(others * values, 3);
    Vector dy = random_vector(rows * values, 4), y(rows * values), lse(rows * static_cast<size_t>(s.heads));
    Vector dq(rows * keys), dk(others * keys), dv(others * values);
    const std::vector<int64_t> ints = {s.heads, s.d, s.e, s.causal, static_cast<int64_t>(kKey)};
    const StepScalars step{.seed = 11, .step = 5};
    const std::vector<const SpaceView*> spaces = {&space.view, &other.view};
    check_same_on_threads([&] {
      call("attention", {q.data(), k.data(), v.data(), y.data(), lse.data()}, ints, {scale, s.rate}, spaces, step);
      call("attention_grad",
           {dy.data(), q.data(), k.data(), v.data(), y.data(), lse.data(), dq.data(), dk.data(), dv.data()}, ints,
           {scale, s.rate}, spaces, step);
      return std::vector<Vector>{y, lse, dq, dk, dv};
    });
    const Results r = naive(space, other, s, scale, step, q, k, v, dy);
    CHECK(difference(y, r.y) < 1e-5);
    CHECK(difference(lse, r.lse) < 1e-5);
    CHECK(difference(dq, r.dq, 0.1) < 2e-5);
    CHECK(difference(dk, r.dk, 0.1) < 2e-5);
    CHECK(difference(dv, r.dv) < 2e-5);
  }
}

}  // namespace

TEST_CASE("attention and its gradient agree with plain loops") {
  const std::vector<std::vector<int>> batches = {{1}, {3, 0, 17, 1, 40}, {150}, {0}, {}, {16, 64, 65, 33, 5, 2}};
  for (const auto& lengths : batches) {
    const Ragged space(lengths);
    check_loops(space, space);
  }
}

TEST_CASE("attention to the segments of another space agrees with plain loops") {
  check_loops(Ragged({3, 0, 17, 1, 70, 2}), Ragged({5, 2, 0, 9, 66, 1}));
  check_loops(Ragged({2, 130}), Ragged({90, 3}));
}

TEST_CASE("attention survives scores of any size") {
  const Ragged space({4});
  Vector q(4, 100.0f), k = {1, 2, 3, 300}, v = {1, 2, 3, 4}, y(4), lse(4);
  call("attention", {q.data(), k.data(), v.data(), y.data(), lse.data()}, {1, 1, 1, 0, 0}, {1.0f, 0.0f},
       std::vector<const SpaceView*>{&space.view, &space.view});
  for (int i = 0; i < 4; ++i) {
    CHECK(y[i] == Approx(4));
    CHECK(lse[i] == Approx(30000));
  }
}
