// Random expressions of the language, each computed besides by plain loops over one example at a time, as NumPy means
// them: what the elaborated graph, the interpreter and the generated code say, and gradients by differences.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/passes/pipeline.h"
#include "compiler/sema/checked.h"
#include "runtime/core/random.h"
#include "tests/run/compare.h"
#include "tests/run/host_space.h"

namespace mtl {
namespace {

constexpr int kExamples = 2;
constexpr int64_t kLengths[2][kExamples] = {{3, 2}, {2, 4}};  // of T and U
constexpr double kScale[2] = {0.8, -1.3};                     // the parameter that all gradients are of
constexpr const char* kModel = R"(
data rows {
  format = jsonl
  train  = "rows.jsonl"
  x : f32[T, 2] = field("x")
  u : f32[U, 2] = field("u")
  y : f32       = field("y")
}
module scale()(x: f32[2]) -> f32[2] {
  param weight : f32[2] = ones()
  return x * weight
}
model m {
  shared s = scale()
  task one predicts rows.y { head = )";

// One array for each example. Dimensions are `T`, `U` and digits.
struct Array {
  std::string text, dims;
  std::vector<double> values[kExamples];
};

int64_t length(char dim, int example) {
  return dim == 'T' ? kLengths[0][example] : dim == 'U' ? kLengths[1][example] : dim - '0';
}
int64_t size_of(const std::string& dims, int example) {
  int64_t size = 1;
  for (const char dim : dims) size *= length(dim, example);
  return size;
}

std::vector<double> numbers_of(char name, int example) {  // x and u
  std::vector<double> values;
  const int64_t count = size_of(name == 'x' ? "T2" : "U2", example);
  for (int64_t i = 0; i < count; ++i)
    values.push_back(
        2 * runtime::random_unit(runtime::random_bits(runtime::random_stream(7, 0, static_cast<uint64_t>(name)),
                                                      static_cast<uint32_t>(100 * example + i))) -
        1);
  return values;
}

// Elements of a result from the places of its own.
using Places = std::vector<int64_t>;
Array make(std::string text, std::string dims, const std::function<double(int, const Places&)>& value) {
  Array made{std::move(text), std::move(dims), {}};
  for (int e = 0; e < kExamples; ++e) {
    const int64_t size = size_of(made.dims, e);
    Places at(made.dims.size());
    for (int64_t i = 0; i < size; ++i) {
      int64_t rest = i;
      for (size_t d = at.size(); d-- > 0;) at[d] = rest % length(made.dims[d], e), rest /= length(made.dims[d], e);
      made.values[e].push_back(value(e, at));
    }
  }
  return made;
}
double at(const Array& array, int e, const Places& places) {
  int64_t index = 0;
  for (size_t d = 0; d < array.dims.size(); ++d) index = index * length(array.dims[d], e) + places[d];
  return array.values[e][static_cast<size_t>(index)];
}
// The same of a value that is broadcast: its dimensions are the last ones.
double at_end(const Array& array, int e, const Places& places) {
  return at(array, e, {places.end() - static_cast<int64_t>(array.dims.size()), places.end()});
}
Places with(Places places, size_t d, int64_t place) {
  places.insert(places.begin() + static_cast<int64_t>(d), place);
  return places;
}

class Maker {
 public:
  explicit Maker(uint64_t seed) : seed_(seed) {}

  Array expression(const std::string& dims, int depth) {
    if (depth <= 0) return leaf(dims);
    switch (pick(9)) {
      case 0:
        return elementwise(dims, depth);
      case 1:
        return binary(dims, depth);
      case 2:
        return product(dims, depth);
      case 3:
        return reduced(dims, depth);
      case 4:
      case 5:
        return indexed(dims, depth);
      case 6:
        return rows_by_ids(dims, depth);
      case 7:
        return moved(dims, depth);
      default:
        return softmax(dims, depth);
    }
  }

  // All of it in one number, in which each element has a weight of its own.
  Array number(const std::string& dims, int depth) {
    Array of = expression(dims, depth);
    while (!of.dims.empty()) {
      const char last = of.dims.back();
      const std::string weights = "(0.5 + float(positions(" + std::string(1, last) + ")))";
      const Array inner = of;
      const std::string over = std::to_string(of.dims.size() - 1);
      of = make("sum(" + inner.text + " * " + weights + ", over = " + over + ")", of.dims.substr(0, of.dims.size() - 1),
                [&](int e, const Places& p) {
                  double sum = 0;
                  for (int64_t i = 0; i < length(last, e); ++i)
                    sum += at(inner, e, with(p, p.size(), i)) * (0.5 + static_cast<double>(i));
                  return sum;
                });
    }
    return of;
  }

 private:
  uint32_t pick(uint32_t below) {
    return static_cast<uint32_t>(
        runtime::random_unit(runtime::random_bits(runtime::random_stream(seed_, 0, 1), counter_++)) * below);
  }
  char any_dim() { return "TU23"[pick(4)]; }
  static bool ragged(char dim) { return dim == 'T' || dim == 'U'; }
  static std::string list(const std::string& dims) {
    std::string text;
    for (const char dim : dims) text += (text.empty() ? "" : ", ") + std::string(1, dim);
    return "[" + text + "]";
  }

  Array leaf(const std::string& dims) {
    const auto row = [](char name, int e, int64_t r, int64_t c) {
      return numbers_of(name, e)[static_cast<size_t>(2 * r + c)];
    };
    if (dims == "T2" || dims == "U2") {
      const char name = dims == "T2" ? 'x' : 'u';
      const bool scaled = pick(2) == 0;
      const std::string text = std::string("rows.") + name;
      return make(scaled ? "s(" + text + ")" : text, dims,
                  [&](int e, const Places& p) { return row(name, e, p[0], p[1]) * (scaled ? kScale[p[1]] : 1); });
    }
    if (dims == "T" || dims == "U") {
      const char name = dims == "T" ? 'x' : 'u';
      if (pick(3) == 0)
        return make("float(positions(" + dims + "))", dims,
                    [](int, const Places& p) { return static_cast<double>(p[0]); });
      const int64_t column = pick(2);
      return make(std::string("rows.") + name + "[..., " + std::to_string(column) + "]", dims,
                  [&](int e, const Places& p) { return row(name, e, p[0], column); });
    }
    if (dims == "2" && pick(2) == 0)
      return make("s(rows.u[-1])", dims,
                  [&](int e, const Places& p) { return row('u', e, kLengths[1][e] - 1, p[0]) * kScale[p[0]]; });
    if (dims == "22" && pick(2) == 0)
      return make("stack([rows.x[0], s(rows.u[1])])", dims, [&](int e, const Places& p) {
        return p[0] == 0 ? row('x', e, 0, p[1]) : row('u', e, 1, p[1]) * kScale[p[1]];
      });
    if (dims == "22")
      return make("rows.x[0..2]", dims, [&](int e, const Places& p) { return row('x', e, p[0], p[1]); });
    const double number = 0.25 * static_cast<double>(1 + pick(6));
    const std::string text = std::to_string(number);
    return make(dims.empty() ? text : "full(" + text + ", " + list(dims) + ")", dims,
                [&](int, const Places&) { return number; });
  }

  Array elementwise(const std::string& dims, int depth) {
    const Array of = expression(dims, depth - 1);
    struct Function {
      const char *before, *after;
      double (*f)(double);
    };
    static const Function kFunctions[] = {{"tanh(", ")", [](double v) { return std::tanh(v); }},
                                          {"(-", ")", [](double v) { return -v; }},
                                          {"abs(", ")", [](double v) { return std::abs(v); }},
                                          {"((0.5 * ", ")**2)", [](double v) { return 0.25 * v * v; }},
                                          {"exp(tanh(", "))", [](double v) { return std::exp(std::tanh(v)); }},
                                          {"sigmoid(", ")", [](double v) { return 1 / (1 + std::exp(-v)); }}};
    const Function& function = kFunctions[pick(6)];
    return make(function.before + of.text + function.after, dims,
                [&](int e, const Places& p) { return function.f(at(of, e, p)); });
  }

  Array binary(const std::string& dims, int depth) {
    const Array a = expression(dims, depth - 1);
    const Array b = expression(dims.substr(pick(static_cast<uint32_t>(dims.size()) + 1)), depth - 1);
    const uint32_t which = pick(6);
    const auto join = [&](const std::string& text, double (*f)(double, double)) {
      return make(text, dims, [&](int e, const Places& p) { return f(at(a, e, p), at_end(b, e, p)); });
    };
    if (which == 0) return join("(" + a.text + " + " + b.text + ")", [](double v, double w) { return v + w; });
    if (which == 1) return join("(" + a.text + " - " + b.text + ")", [](double v, double w) { return v - w; });
    if (which == 2) return join("(" + a.text + " * " + b.text + ")", [](double v, double w) { return v * w; });
    if (which == 3)
      return join("(" + a.text + " / (2 + abs(" + b.text + ")))",
                  [](double v, double w) { return v / (2 + std::abs(w)); });
    if (which == 4)
      return join("max(" + a.text + ", " + b.text + ")", [](double v, double w) { return std::max(v, w); });
    return join("where(" + a.text + " > 0.1, " + b.text + ", 0.5)",
                [](double v, double w) { return v > 0.1 ? w : 0.5; });
  }

  Array product(const std::string& dims, int depth) {
    if (dims.size() > 2) return elementwise(dims, depth);
    const char inner = any_dim();
    const bool row = dims.size() == 2 || (dims.size() == 1 && pick(2) == 0);  // the left one has rows
    const bool column = dims.size() == 2 || (dims.size() == 1 && !row);
    const Array a = expression((row ? dims.substr(0, 1) : "") + inner, depth - 1);
    const Array b = expression(inner + (column ? dims.substr(dims.size() - 1) : ""), depth - 1);
    return make("(" + a.text + " @ " + b.text + ")", dims, [&](int e, const Places& p) {
      double sum = 0;
      for (int64_t k = 0; k < length(inner, e); ++k) {
        Places left, right{k};
        if (row) left.push_back(p[0]);
        left.push_back(k);
        if (column) right.push_back(p.back());
        sum += at(a, e, left) * at(b, e, right);
      }
      return sum;
    });
  }

  Array reduced(const std::string& dims, int depth) {
    if (dims.size() > 1) return binary(dims, depth);
    const size_t place = pick(static_cast<uint32_t>(dims.size()) + 1);
    const char dim = any_dim();
    std::string whole = dims;
    whole.insert(place, 1, dim);
    const Array of = expression(whole, depth - 1);
    const uint32_t which = pick(4);
    static const char* const kNames[] = {"sum", "mean", "max", "logsumexp"};
    return make(std::string(kNames[which]) + "(" + of.text + ", over = " + std::to_string(place) + ")", dims,
                [&](int e, const Places& p) {
                  double sum = 0, most = -1e30, exps = 0;
                  for (int64_t i = 0; i < length(dim, e); ++i) {
                    const double v = at(of, e, with(p, place, i));
                    sum += v, most = std::max(most, v), exps += std::exp(v);
                  }
                  return which == 0   ? sum
                         : which == 1 ? sum / static_cast<double>(length(dim, e))
                         : which == 2 ? most
                                      : std::log(exps);
                });
  }

  Array indexed(const std::string& dims, int depth) {
    if (dims.size() > 1) return binary(dims, depth);
    const char dim = any_dim();
    const bool front = ragged(dim) || pick(2) == 0;
    const Array of = expression(front ? dim + dims : dims + dim, depth - 1);
    const int64_t place = pick(2) == 0 ? 1 : pick(2) == 0 ? 0 : -1;
    return make(of.text + (front ? "[" : "[..., ") + std::to_string(place) + "]", dims, [&](int e, const Places& p) {
      return at(of, e, with(p, front ? 0 : p.size(), place < 0 ? length(dim, e) - 1 : place));
    });
  }

  // Rows of `of` by ids of one row, or of a row for each of the first dimension.
  Array rows_by_ids(const std::string& dims, int depth) {
    if (dims.size() > 2) return binary(dims, depth);
    const bool many = !dims.empty() && pick(2) == 0;
    if (!many && dims.size() > 1) return binary(dims, depth);
    const std::string rest = many ? dims.substr(1) : dims;
    const char dim = any_dim();
    const std::string of_ids = many ? dims.substr(0, 1) : "";
    if (rest.empty() && pick(4) == 0) return element_by_ids(of_ids, dim, depth);
    const Array of = expression(dim + rest, depth - 1);
    if (pick(3) == 0) {
      if (!many)
        return make(of.text + "[full(1, [1])][0]", dims,
                    [&](int e, const Places& p) { return at(of, e, with(p, 0, 1)); });
      return make(of.text + "[full(1, " + list(of_ids) + ")]", dims, [&](int e, const Places& p) {
        Places row = p;
        row[0] = 1;
        return at(of, e, row);
      });
    }
    const Array scores = distinct(of_ids + dim);
    return make(of.text + "[" + best_of(scores) + "]", dims, [&](int e, const Places& p) {
      const Places of_row(p.begin() + static_cast<int64_t>(of_ids.size()), p.end());
      return at(of, e, with(of_row, 0, best_place(scores, e, p)));
    });
  }
  // The second number of the row that an id names.
  Array element_by_ids(const std::string& of_ids, char dim, int depth) {
    const Array of = expression({dim, '2'}, depth - 1), scores = distinct(of_ids + dim);
    return make(of.text + "[" + best_of(scores) + ", 1]", of_ids, [&](int e, const Places& p) {
      return at(of, e, {best_place(scores, e, p), 1});
    });
  }
  static std::string best_of(const Array& scores) {
    return "argmax(" + scores.text + ", over = " + std::to_string(scores.dims.size() - 1) + ")";
  }
  // Of the scores at the first places of `p`.
  static int64_t best_place(const Array& scores, int e, const Places& p) {
    const Places row(p.begin(), p.begin() + static_cast<int64_t>(scores.dims.size()) - 1);
    int64_t best = 0;
    for (int64_t i = 1; i < length(scores.dims.back(), e); ++i)
      if (at(scores, e, with(row, row.size(), i)) > at(scores, e, with(row, row.size(), best))) best = i;
    return best;
  }

  // Scores without ties along the last dimension.
  Array distinct(const std::string& dims) {
    if (dims.size() == 1)
      return make("(float(positions(" + dims + ")) - 1.3)**2", dims, [](int, const Places& p) {
        return (static_cast<double>(p[0]) - 1.3) * (static_cast<double>(p[0]) - 1.3);
      });
    const std::string second(1, dims[1]);
    return make(
        "(full(1.0, " + list(dims) + ") * (float(positions(" + second + ")) - 1.3)**2)", dims,
        [](int, const Places& p) { return (static_cast<double>(p[1]) - 1.3) * (static_cast<double>(p[1]) - 1.3); });
  }

  Array moved(const std::string& dims, int depth) {
    if (dims.size() == 2 && pick(2) == 0) {
      const Array of = expression({dims[1], dims[0]}, depth - 1);
      return make("transpose(" + of.text + ")", dims, [&](int e, const Places& p) { return at(of, e, {p[1], p[0]}); });
    }
    if (!dims.empty() && dims[0] == '2' && pick(2) == 0) {  // the first two rows of a sequence, or the last ones
      const char dim = pick(2) == 0 ? 'T' : 'U';
      const Array of = expression(dim + dims.substr(1), depth - 1);
      const bool last = pick(2) == 0;
      return make(of.text + (last ? "[-2..]" : "[0..2]"), dims, [&](int e, const Places& p) {
        Places row = p;
        row[0] += last ? length(dim, e) - 2 : 0;
        return at(of, e, row);
      });
    }
    if (!dims.empty() && dims[0] == '2') {
      const Array a = expression(dims.substr(1), depth - 1), b = expression(dims.substr(1), depth - 1);
      return make("stack([" + a.text + ", " + b.text + "])", dims, [&](int e, const Places& p) {
        return at(p[0] == 0 ? a : b, e, {p.begin() + 1, p.end()});
      });
    }
    if (!dims.empty() && ragged(dims[0])) {  // moved by one place behind zeros
      const Array of = expression(dims, depth - 1);
      return make("pad(" + of.text + ", 1, 0, over = 0)[0..-1]", dims, [&](int e, const Places& p) {
        Places before = p;
        return --before[0] < 0 ? 0 : at(of, e, before);
      });
    }
    return elementwise(dims, depth);
  }

  Array softmax(const std::string& dims, int depth) {
    if (dims.empty()) return elementwise(dims, depth);
    const Array of = expression(dims, depth - 1);
    const size_t last = dims.size() - 1;
    return make("softmax(" + of.text + ", over = " + std::to_string(last) + ")", dims, [&](int e, const Places& p) {
      double sum = 0;
      Places other = p;
      for (int64_t i = 0; i < length(dims[last], e); ++i) other[last] = i, sum += std::exp(at(of, e, other));
      return std::exp(at(of, e, p)) / sum;
    });
  }

  uint64_t seed_;
  uint32_t counter_ = 0;
};

ops::HostSpace rows_of(const ir::Graph& graph, const std::vector<ops::HostSpace>& hosts, types::SpaceId id) {
  return tests::host_space(graph, hosts, id, [](const types::Space& space, int64_t above) {
    return space.dim.empty() ? kExamples : length(space.dim[0], static_cast<int>(above));
  });
}

ir::HostBatch batch_of(const ir::Graph& graph) {
  ir::HostBatch batch;
  for (types::SpaceId id = 0; id < graph.spaces.size(); ++id)
    batch.spaces.push_back(id == types::kUniform ? ops::HostSpace{} : rows_of(graph, batch.spaces, id));
  for (const char name : {'x', 'u'}) {
    std::vector<double>& all = batch.inputs[std::string("rows.") + name];
    for (int e = 0; e < kExamples; ++e) {
      const std::vector<double> numbers = numbers_of(name, e);
      all.insert(all.end(), numbers.begin(), numbers.end());
    }
  }
  batch.inputs["rows.y"] = {0.3, -0.4};
  batch.params["s.weight"] = {kScale[0], kScale[1]};
  return batch;
}

ir::Graph graph_of(const std::string& text) {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  const auto file = sema::check_text("test.mtl", kModel + text + " }\n}\n", sources, {}, emitter);
  REQUIRE(file);
  elaborate::ElaborateOptions options;
  options.training = true;
  options.objective_tasks = {"one"};
  auto model = elaborate::elaborate(*file, options, emitter);
  for (const diag::Diagnostic& said : emitter.sorted()) {
    INFO(said.message);
    CHECK(said.kind->severity != diag::Severity::error);
  }
  REQUIRE(model);
  const bool trains = !model->params.empty();
  return passes::run_pipeline(model->graph, {"head.one", "objective"},
                              trains ? std::vector<std::string>{"s.weight"} : std::vector<std::string>{}, {});
}

bool near(double a, double b, double tolerance) {
  return std::abs(a - b) <= tolerance * (1 + std::max(std::abs(a), std::abs(b)));
}

// d objective by the parameter, from both sides; where these differ there is a kink.
void check_gradient(const ir::Graph& graph, ir::HostBatch batch) {
  const auto outputs = ir::evaluate(graph, batch);
  const auto gradient = outputs.find("grad s.weight");
  if (gradient == outputs.end()) return;
  constexpr double kStep = 1e-5;
  for (size_t i = 0; i < 2; ++i) {
    double& weight = batch.params["s.weight"][i];
    const double before = weight, here = outputs.at("objective").values[0];
    weight = before + kStep;
    const double up = ir::evaluate(graph, batch).at("objective").values[0];
    weight = before - kStep;
    const double down = ir::evaluate(graph, batch).at("objective").values[0];
    weight = before;
    if (near((up - here) / kStep, (here - down) / kStep, 1e-3))
      CHECK(near(gradient->second.values[i], (up - down) / (2 * kStep), 1e-4));
  }
}

}  // namespace

TEST_CASE("random expressions compute what loops over one example say") {
  constexpr int kSeeds = 240;
  for (uint64_t seed = 1; seed <= uint64_t{kSeeds}; ++seed) {
    static const char* const kDims[] = {"", "T", "2", "T2", "22", "TU", "U2", "3", "U3"};
    Maker maker(seed);
    const Array expected = maker.number(kDims[seed % 9], 2 + static_cast<int>(seed % 4));
    INFO("seed " << seed << ": " << expected.text);
    const ir::Graph graph = graph_of(expected.text);
    const ir::HostBatch batch = batch_of(graph);
    const std::vector<double> head = ir::evaluate(graph, batch).at("head.one").values;
    REQUIRE(head.size() == kExamples);
    for (int e = 0; e < kExamples; ++e) CHECK(near(head[static_cast<size_t>(e)], expected.values[e][0], 1e-5));
    check_gradient(graph, batch);
    tests::CompareOptions options;
    options.tolerance = 1e-3;  // of long chains in f32
    options.native = seed % 4 == 0;
    CHECK(tests::compare_lowered(graph, batch, options) == "");
  }
}

}  // namespace mtl
