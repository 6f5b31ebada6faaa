// The CRF kernels against all tag sequences (brute force) and against log-space recursions in double.
#include "tests/unit/runtime/kernels/harness.h"

using namespace mtl::runtime;
using namespace mtl::runtime::testing;

namespace {

using Doubles = std::vector<double>;

struct Crf {
  int64_t tags;
  Vector scores, transitions, start, end;
};

Crf random_crf(const Ragged& space, int64_t tags, float scale) {
  const size_t k = static_cast<size_t>(tags);
  return {tags, random_vector(static_cast<size_t>(space.view.rows) * k, 1, scale), random_vector(k * k, 2, scale),
          random_vector(k, 3, scale), random_vector(k, 4, scale)};
}

struct Expected {
  Doubles logz, dscores, dtransitions, dstart, dend;
  std::vector<int32_t> best;
  Doubles best_score;
};

// Goes through every tag sequence of every segment.
Expected brute_force(const Ragged& space, const Crf& c, const Vector& dlogz) {
  const int64_t K = c.tags;
  Expected out{Doubles(static_cast<size_t>(space.view.parent_rows)),
               Doubles(c.scores.size()),
               Doubles(c.transitions.size()),
               Doubles(c.start.size()),
               Doubles(c.end.size()),
               std::vector<int32_t>(static_cast<size_t>(space.view.rows)),
               Doubles(static_cast<size_t>(space.view.parent_rows), -1e30)};
  for (int64_t p = 0; p < space.view.parent_rows; ++p) {
    const int64_t begin = space.offsets[p], length = space.offsets[p + 1] - begin;
    if (length == 0) continue;
    int64_t all = 1;
    for (int64_t t = 0; t < length; ++t) all *= K;
    std::vector<int64_t> tags(static_cast<size_t>(length));
    const auto score_of = [&](int64_t number) {
      for (int64_t t = length - 1; t >= 0; --t, number /= K) tags[t] = number % K;
      double score = c.start[tags[0]] + static_cast<double>(c.end[tags[length - 1]]);
      for (int64_t t = 0; t < length; ++t) score += c.scores[(begin + t) * K + tags[t]];
      for (int64_t t = 1; t < length; ++t) score += c.transitions[tags[t - 1] * K + tags[t]];
      return score;
    };
    double most = -1e30, sum = 0;
    for (int64_t i = 0; i < all; ++i) {
      const double score = score_of(i);
      if (score > most) {
        most = score;
        for (int64_t t = 0; t < length; ++t) out.best[begin + t] = static_cast<int32_t>(tags[t]);
      }
    }
    out.best_score[p] = most;
    for (int64_t i = 0; i < all; ++i) sum += std::exp(score_of(i) - most);
    out.logz[p] = most + std::log(sum);
    for (int64_t i = 0; i < all; ++i) {
      const double weight = dlogz[p] * std::exp(score_of(i) - out.logz[p]);
      for (int64_t t = 0; t < length; ++t) out.dscores[(begin + t) * K + tags[t]] += weight;
      for (int64_t t = 1; t < length; ++t) out.dtransitions[tags[t - 1] * K + tags[t]] += weight;
      out.dstart[tags[0]] += weight;
      out.dend[tags[length - 1]] += weight;
    }
  }
  return out;
}

struct Run {
  Vector logz, alpha, dscores, dtransitions, dstart, dend;
};

Run run(const Ragged& space, Crf& c, Vector& dlogz) {
  Run r{Vector(dlogz.size()),         Vector(c.scores.size()), Vector(c.scores.size()),
        Vector(c.transitions.size()), Vector(c.start.size()),  Vector(c.end.size())};
  call("crf_logpartition",
       {c.scores.data(), c.transitions.data(), c.start.data(), c.end.data(), r.logz.data(), r.alpha.data()}, {c.tags},
       {}, space.view);
  call("crf_logpartition_grad",
       {dlogz.data(), c.scores.data(), c.transitions.data(), c.start.data(), c.end.data(), r.alpha.data(),
        r.dscores.data(), r.dtransitions.data(), r.dstart.data(), r.dend.data()},
       {c.tags}, {}, space.view);
  return r;
}

void check_against(const Run& r, const Expected& e) {
  CHECK(difference(r.logz, e.logz) < 1e-5);
  CHECK(difference(r.dscores, e.dscores) < 2e-5);
  CHECK(difference(r.dtransitions, e.dtransitions) < 2e-5);
  CHECK(difference(r.dstart, e.dstart) < 2e-5);
  CHECK(difference(r.dend, e.dend) < 2e-5);
}

}  // namespace

TEST_CASE("log partition, its gradient and Viterbi agree with brute force") {
  const Ragged space({3, 1, 0, 5, 2, 4});
  for (const int64_t tags : {1, 2, 4}) {
    for (const float scale : {1.0f, 12.0f}) {
      INFO("tags " << tags << " scale " << scale);
      Crf c = random_crf(space, tags, scale);
      Vector dlogz = random_vector(static_cast<size_t>(space.view.parent_rows), 6);
      const Expected e = brute_force(space, c, dlogz);
      check_against(run(space, c, dlogz), e);
      std::vector<int32_t> path(static_cast<size_t>(space.view.rows));
      call("crf_decode", {c.scores.data(), c.transitions.data(), c.start.data(), c.end.data(), path.data()}, {tags}, {},
           space.view);
      CHECK(path == e.best);
    }
  }
}

TEST_CASE("forbidden transitions leave the safe range and are still exact") {
  const Ragged space({4, 0, 5, 1});
  Crf c = random_crf(space, 3, 1.0f);
  c.transitions[1] = -10000.0f;
  c.transitions[5] = -200.0f;
  c.end[0] = -500.0f;
  Vector dlogz = {1.0f, 2.0f, -0.5f, 1.0f};
  check_against(run(space, c, dlogz), brute_force(space, c, dlogz));
}

TEST_CASE("many tags, long sequences: sums of marginals, finite differences, one and two threads") {
  const Ragged space({30, 1, 0, 55, 12, 7, 7, 90});
  for (const int64_t tags : {17, 73, 250}) {
    Crf c = random_crf(space, tags, 1.5f);
    Vector dlogz(static_cast<size_t>(space.view.parent_rows), 1.0f);
    Run r;
    check_same_on_threads([&] {
      r = run(space, c, dlogz);
      return std::vector<Vector>{r.logz, r.dscores, r.dtransitions, r.dstart, r.dend};
    });
    for (int64_t row = 0; row < space.view.rows; ++row) {
      const auto begin = r.dscores.begin() + row * tags;
      REQUIRE(std::accumulate(begin, begin + tags, 0.0) == Approx(1.0).epsilon(1e-4));
    }
    const double pairs = std::accumulate(r.dtransitions.begin(), r.dtransitions.end(), 0.0);
    CHECK(pairs == Approx(static_cast<double>(space.view.rows - 7)).epsilon(1e-4));  // 7 sequences are not empty
    // All transitions moved at once along a direction: the change of the sum of logz is the gradient's product with it.
    const Vector direction = random_vector(c.transitions.size(), 8, 1e-2f);
    const double slope = std::inner_product(direction.begin(), direction.end(), r.dtransitions.begin(), 0.0);
    const auto total = [&](float step) {
      Crf moved = c;
      for (size_t i = 0; i < direction.size(); ++i) moved.transitions[i] += step * direction[i];
      const Run at = run(space, moved, dlogz);
      return std::accumulate(at.logz.begin(), at.logz.end(), 0.0);
    };
    CHECK((total(1) - total(-1)) / 2 == Approx(slope).epsilon(5e-3).margin(2e-3));
  }
}

TEST_CASE("Viterbi on many tags finds the best score, and ties go to the lower tag") {
  const Ragged space({40, 3, 0, 25});
  const int64_t K = 37;
  Crf c = random_crf(space, K, 1.0f);
  std::vector<int32_t> path(static_cast<size_t>(space.view.rows));
  call("crf_decode", {c.scores.data(), c.transitions.data(), c.start.data(), c.end.data(), path.data()}, {K}, {},
       space.view);
  Vector score(4);
  call("crf_score", {c.scores.data(), path.data(), c.transitions.data(), c.start.data(), c.end.data(), score.data()},
       {K}, {}, space.view);
  for (int64_t p = 0; p < space.view.parent_rows; ++p) {
    Doubles best;
    for (int64_t r = space.offsets[p]; r < space.offsets[p + 1]; ++r) {
      Doubles next(static_cast<size_t>(K), -1e30);
      for (int64_t j = 0; j < K; ++j) {
        if (best.empty()) next[j] = c.start[j];
        for (size_t i = 0; i < best.size(); ++i) next[j] = std::max(next[j], best[i] + c.transitions[i * K + j]);
        next[j] += c.scores[r * K + j];
      }
      best = next;
    }
    double most = best.empty() ? 0.0 : -1e30;
    for (size_t j = 0; j < best.size(); ++j) most = std::max(most, best[j] + c.end[j]);
    CHECK(score[p] == Approx(most).epsilon(1e-5));
  }
  Crf flat{3, Vector(static_cast<size_t>(space.view.rows) * 3), Vector(9), Vector(3), Vector(3)};
  call("crf_decode", {flat.scores.data(), flat.transitions.data(), flat.start.data(), flat.end.data(), path.data()},
       {3}, {}, space.view);
  CHECK(path == std::vector<int32_t>(path.size(), 0));
}

TEST_CASE("the score of given tags skips positions without a label") {
  const Ragged space({3, 0, 2, 1});
  const int64_t K = 2;
  Crf c = random_crf(space, K, 1.0f);
  std::vector<int32_t> tags = {1, -1, 0, 0, 1, -2};
  Vector score(4), dscore = {1, 5, 2, 3}, dscores(12), dtransitions(4), dstart(2), dend(2);
  call("crf_score", {c.scores.data(), tags.data(), c.transitions.data(), c.start.data(), c.end.data(), score.data()},
       {K}, {}, space.view);
  CHECK(score[0] == Approx(c.start[1] + c.scores[1] + c.scores[4] + c.end[0]));
  CHECK(score[1] == 0.0f);
  CHECK(score[2] == Approx(c.start[0] + c.scores[6] + c.transitions[1] + c.scores[9] + c.end[1]));
  CHECK(score[3] == 0.0f);
  call("crf_score_grad", {dscore.data(), tags.data(), dscores.data(), dtransitions.data(), dstart.data(), dend.data()},
       {K}, {}, space.view);
  CHECK(dscores == Vector{0, 1, 0, 0, 1, 0, 2, 0, 0, 2, 0, 0});
  CHECK(dtransitions == Vector{0, 2, 0, 0});
  CHECK(dstart == Vector{2, 1});
  CHECK(dend == Vector{1, 2});
}
