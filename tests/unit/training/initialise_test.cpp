#include "training/initialise.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace mtl;
using elaborate::Init;
using elaborate::ParamInfo;

namespace {

ParamInfo param(std::string path, std::vector<types::Dim> dims, Init init) {
  ParamInfo info;
  info.path = std::move(path);
  info.dims = std::move(dims);
  info.init = init;
  return info;
}

model::Weights made(const std::vector<ParamInfo>& params, uint64_t seed = 7, const data::Dataset& data = {}) {
  std::vector<std::pair<std::string, std::vector<int64_t>>> shapes;
  for (const ParamInfo& p : params) {
    shapes.push_back({p.path, {}});
    for (const auto& dim : p.dims) shapes.back().second.push_back(dim.value());
  }
  model::Weights weights(shapes);
  training::initialise(params, data, seed, weights);
  return weights;
}

struct Moments {
  double mean = 0, deviation = 0, least = 1e9, most = -1e9;
};
Moments moments(const float* x, int64_t n) {
  Moments m;
  for (int64_t i = 0; i < n; ++i) {
    m.mean += x[i] / static_cast<double>(n);
    m.least = std::min<double>(m.least, x[i]);
    m.most = std::max<double>(m.most, x[i]);
  }
  for (int64_t i = 0; i < n; ++i) m.deviation += (x[i] - m.mean) * (x[i] - m.mean) / static_cast<double>(n);
  m.deviation = std::sqrt(m.deviation);
  return m;
}

}  // namespace

TEST_CASE("distributions have their moments") {
  const auto weights =
      made({param("n", {200, 300}, {Init::Kind::normal, 1.0, 0.5, ""}),
            param("u", {200, 300}, {Init::Kind::uniform, -1.0, 3.0, ""}),
            param("g", {200, 300}, {Init::Kind::glorot_uniform, 0, 0, ""}),
            param("h", {200, 100, 3}, {Init::Kind::he_normal, 0, 0, ""}),
            param("c", {5}, {Init::Kind::constant, 0.25, 0, ""}), param("o", {5}, {Init::Kind::ones, 0, 0, ""}),
            param("z", {5}, {Init::Kind::zeros, 0, 0, ""})});
  const auto of = [&](const char* path) { return moments(weights.of(*weights.find(path)), weights.find(path)->size); };
  CHECK(of("n").mean == Approx(1.0).margin(0.01));
  CHECK(of("n").deviation == Approx(0.5).margin(0.01));
  CHECK(of("u").mean == Approx(1.0).margin(0.02));
  CHECK(of("u").deviation == Approx(4 / std::sqrt(12.0)).margin(0.02));
  CHECK(of("u").least >= -1);
  CHECK(of("u").most <= 3);
  const double bound = std::sqrt(6.0 / 500);
  CHECK(of("g").most <= bound);
  CHECK(of("g").least >= -bound);
  CHECK(of("g").deviation == Approx(bound / std::sqrt(3.0)).margin(0.001));
  CHECK(of("h").deviation == Approx(std::sqrt(2.0 / 300)).margin(0.001));
  CHECK(of("c").least == 0.25);
  CHECK(of("o").most == 1);
  CHECK(of("z").most == 0);
}

TEST_CASE("an orthogonal matrix is one, tall or wide") {
  for (auto [rows, columns] : {std::pair<int64_t, int64_t>{8, 20}, {20, 8}, {6, 6}}) {
    const auto weights = made({param("q", {rows, columns}, {Init::Kind::orthogonal, 0, 0, ""})});
    const float* q = weights.data();
    const int64_t n = std::min(rows, columns), length = std::max(rows, columns);
    for (int64_t a = 0; a < n; ++a)
      for (int64_t b = 0; b < n; ++b) {
        double dot = 0;
        for (int64_t i = 0; i < length; ++i)
          dot += rows <= columns ? q[a * columns + i] * q[b * columns + i] : q[i * columns + a] * q[i * columns + b];
        CHECK(dot == Approx(a == b ? 1.0 : 0.0).margin(1e-5));
      }
  }
}

TEST_CASE("each path draws its own numbers, whatever stands around it") {
  const Init normal{Init::Kind::normal, 0, 1, ""};
  const auto one = made({param("a", {10}, normal), param("b", {10}, normal)});
  const auto two = made({param("new", {3}, normal), param("b", {10}, normal)});
  const auto other = made({param("b", {10}, normal)}, 8);
  for (int i = 0; i < 10; ++i) {
    CHECK(one.of(*one.find("b"))[i] == two.of(*two.find("b"))[i]);
    CHECK(one.of(*one.find("b"))[i] != one.of(*one.find("a"))[i]);
    CHECK(one.of(*one.find("b"))[i] != other.of(*other.find("b"))[i]);
  }
}

TEST_CASE("known words take their vectors, others are drawn") {
  data::Dataset data;
  data.fitted.vectors["en"] = {2, {0, 0, 1, 2, 3, 4}, {false, true, true}};
  const auto weights = made({param("word.weight", {4, 2}, {Init::Kind::vectors, 0, 0, "en"})}, 7, data);
  const float* w = weights.data();
  CHECK(w[0] != 0);
  CHECK(w[2] == 1);
  CHECK(w[5] == 4);
  CHECK(w[7] != 0);
}

TEST_CASE("shares of what holds are counted in train, by class") {
  data::Dataset data;
  data.sources.push_back({});
  data.sources[0].name = "films";
  data::Column& column = data.sources[0].train.columns["genres"];
  column.width = 3;
  column.numbers = {1, 0, 1, 1, 0, 1, 0, NAN, NAN, 1, 0, 1};
  const auto weights = made({param("share", {3}, {Init::Kind::positive_share, 0, 0, "films.genres"})}, 7, data);
  CHECK(weights.data()[0] == 3.0f / 4);
  CHECK(weights.data()[1] == 0.5f);  // never
  CHECK(weights.data()[2] == 0.5f);  // always
}

TEST_CASE("tags follow each other by their scheme") {
  data::Dataset data;
  data::IdSet& bio = data.fitted.sets["a.bio"];
  for (const char* name : {"O", "B-x", "I-x", "B-y", "I-y"}) bio.add(name);
  data::IdSet& iobes = data.fitted.sets["a.iobes"];
  for (const char* name : {"O", "B-x", "I-x", "E-x", "S-x", "E-y"}) iobes.add(name);
  const auto rules = [&](Init::Kind kind, const std::string& from, training::TagScheme scheme) {
    const int64_t n = scheme == training::TagScheme::iobes ? 6 : 5;
    const bool matrix = kind == Init::Kind::tag_transitions;
    Init init{kind, 0, 0, from, scheme};
    const auto weights =
        made({param("r", matrix ? std::vector<types::Dim>{n, n} : std::vector<types::Dim>{n}, init)}, 7, data);
    std::string out;
    for (int64_t i = 0; i < (matrix ? n * n : n); ++i) {
      if (i > 0 && i % n == 0) out += ' ';
      out += weights.data()[i] == 0 ? '+' : '-';
      CHECK((weights.data()[i] == 0 || weights.data()[i] == Init::kForbidden));
    }
    return out;
  };
  //                                                     from O  B-x   I-x   B-y   I-y
  CHECK(rules(Init::Kind::tag_transitions, "a.bio", training::TagScheme::bio) == "++-+- ++++- ++++- ++-++ ++-++");
  CHECK(rules(Init::Kind::tag_starts, "a.bio", training::TagScheme::bio) == "++-+-");
  CHECK(rules(Init::Kind::tag_ends, "a.bio", training::TagScheme::bio) == "+++++");
  CHECK(rules(Init::Kind::tag_transitions, "a.bio", training::TagScheme::iob1) == "+-+-+ +++-+ +++-+ +-+++ +-+++");
  CHECK(rules(Init::Kind::tag_starts, "a.bio", training::TagScheme::iob1) == "+-+-+");
  CHECK(rules(Init::Kind::tag_ends, "a.bio", training::TagScheme::iob1) == "+++++");
  //                                                     from O    B-x    I-x    E-x    S-x    E-y
  CHECK(rules(Init::Kind::tag_transitions, "a.iobes", training::TagScheme::iobes) ==
        "++--+- --++-- --++-- ++--+- ++--+- ++--+-");
  CHECK(rules(Init::Kind::tag_starts, "a.iobes", training::TagScheme::iobes) == "++--+-");
  CHECK(rules(Init::Kind::tag_ends, "a.iobes", training::TagScheme::iobes) == "+--+++");
}
