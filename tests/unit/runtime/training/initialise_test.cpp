// Tests of runtime/training/initialise.h.
#include "runtime/training/initialise.h"

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
  data.fitted.vectors["en"] = {2, {1, 2, 3, 4}, {-1, 0, 1}, {}};
  const auto weights = made({param("word.weight", {4, 2}, {Init::Kind::normal, 0, 1, "", "en"})}, 7, data);
  const float* w = weights.data();
  CHECK(w[0] != 0);
  CHECK(w[2] == 1);
  CHECK(w[5] == 4);
  CHECK(w[7] != 0);
}

TEST_CASE("rows of ids that train does not have start at zero") {
  data::Dataset data;
  data::IdSet& words = data.fitted.vocabs["en"];
  data::IdSet &users = data.fitted.sets["ads.user"], &facts = data.fitted.sets["ads.facts"], labels;
  words.has_unknown = users.has_unknown = facts.has_unknown = true;
  for (const char* word : {"<unk>", "play", "0=<unk>"}) words.add(word);
  for (const char* user : {"<unk>", "ann"}) users.add(user);
  for (const char* fact : {"0=<unk>", "0=a", "1=<unk>", "1=<unk>x"}) facts.add(fact);
  for (const char* label : {"no", "yes"}) labels.add(label);
  data.fitted.sets["ads.click"] = labels;
  data.fitted.vectors["en"] = {2, {1, 2}, {-1, 0, -1}, {}};
  const Init normal{Init::Kind::normal, 0, 1, ""};
  const auto table = [&](const char* path, int64_t rows, const char* ids, Init init, bool trained = true) {
    ParamInfo info = param(path, {types::Dim(rows), types::Dim(2)}, init);
    info.ids = {{ids, 0, 0}};
    info.trained = trained;
    return info;
  };
  const auto weights =
      made({table("word", 3, "vocab en", {Init::Kind::uniform, 1, 2, "", "en"}),
            table("user@a", 2, "column ads.user", normal), table("fact", 4, "column ads.facts", normal),
            table("click", 2, "column ads.click", normal),
            table("scale", 2, "column ads.user", {Init::Kind::ones, 0, 0, ""}),
            table("seen", 2, "column ads.user", normal, false), param("free", {2, 2}, normal)},
           7, data);
  const auto zeros = [&](const char* path) {
    std::vector<int> out;
    const model::Entry& entry = *weights.find(path);
    for (int row = 0; row < entry.dims[0]; ++row)
      if (weights.of(entry)[2 * row] == 0 && weights.of(entry)[2 * row + 1] == 0) out.push_back(row);
    return out;
  };
  CHECK(zeros("word") == std::vector<int>{0});
  CHECK(zeros("user@a") == std::vector<int>{0});
  CHECK(zeros("fact") == std::vector<int>{0, 2});
  for (const char* other : {"click", "scale", "seen", "free"}) CHECK(zeros(other).empty());
  // Columns from 1 on: those of numbers come first. [2, 4] with `<unk>` of en in column 1.
  ParamInfo hot = param("hot", {types::Dim(2), types::Dim(4)}, normal);
  hot.ids = {{"vocab en", 1, 1}};
  const auto columns = made({hot}, 7, data);
  for (int i = 0; i < 8; ++i) CHECK((columns.data()[i] == 0) == (i % 4 == 1));
  hot.ids = {{"vocab en", 1, 0, 2}};  // two columns for each word
  const auto pairs = made({hot}, 7, data);
  for (int i = 0; i < 8; ++i) CHECK((pairs.data()[i] == 0) == (i % 4 < 2));
  data.fitted.vectors["en"] = {2, {1, 2, 3, 0}, {1, 0, -1}, {}};
  CHECK(made({table("word", 3, "vocab en", {Init::Kind::normal, 0, 1, "", "en"})}, 7, data).data()[0] == 3);
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

TEST_CASE("classes weigh the same over the rows that count") {
  data::Dataset data;
  data.sources.push_back({});
  data.sources[0].name = "films";
  data::Column& column = data.sources[0].train.columns["kind"];
  column.is_ids = true;
  column.ids = {0, 0, 0, 1, -1, 2, 2};
  const auto weights = [&](const std::string& when) {
    Init init{Init::Kind::class_weights, 0, 0, "films.kind"};
    init.when = when;
    const auto made_of = made({param("w", {4}, init)}, 7, data);
    return std::vector<float>(made_of.data(), made_of.data() + 4);
  };
  // compute_class_weight("balanced", classes=[0, 1, 2], y=[0, 0, 0, 1, 2, 2]), scikit-learn 1.9.1; train has no class 3
  CHECK(weights("") == std::vector<float>{2.0f / 3, 2, 1, 1});
  data::Column& click = data.sources[0].train.columns["click"];
  click.numbers = {1, 0, 0, 1, 1, 1, 1};  // counts: 0, 1, 2, 2
  CHECK(weights("click") == std::vector<float>{4.0f / 3, 4.0f / 3, 2.0f / 3, 1});
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
    Init init;
    init.kind = kind;
    init.from = from;
    init.scheme = scheme;
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
