// Worked values: what the reference evaluation has to give, from PyTorch 1.13 (recurrences, attention, convolution,
// activations), from brute force (CRF) and by hand (segments, missing values, randomness).
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "compiler/ir/evaluate.h"
#include "compiler/ir/read.h"
#include "compiler/ops/sample.h"
#include "compiler/passes/pipeline.h"

using namespace mtl;

namespace {

using Values = std::vector<double>;

ir::Graph graph_of(const std::string& text) {
  const auto read = ir::read(text);
  if (!read) FAIL("line " << read.error().line << ": " << read.error().message);
  return *read;
}

// One example whose T has `length` positions; the spaces are "s" and "s.T".
ir::HostBatch one_sequence(int length) {
  ir::HostBatch batch;
  batch.spaces.resize(3);
  batch.spaces[1] = {1, {0, 1}, {0}, {0}, {11}};
  ops::HostSpace& positions = batch.spaces[2];
  positions.rows = length;
  positions.offsets = {0, length};
  for (int i = 0; i < length; ++i) {
    positions.parent.push_back(0);
    positions.position.push_back(i);
    positions.identity.push_back(100 + i);
  }
  return batch;
}

void check_close(const Values& actual, const Values& expected, double tolerance = 1e-8) {
  REQUIRE(actual.size() == expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i << " is " << actual[i] << ", should be " << expected[i]);
    CHECK(std::abs(actual[i] - expected[i]) <= tolerance);
  }
}

Values run(const std::string& text, const ir::HostBatch& batch, const std::string& output = "y") {
  return ir::evaluate(graph_of(text), batch).at(output).values;
}

const std::string kSpaces = "space s\nspace s.T\n";
std::string input(int id, const std::string& name, const std::string& dims, const std::string& dtype = "f32") {
  return "%" + std::to_string(id) + " = input {dtype = \"" + dtype + "\", dims = " + dims + ", name = \"" + name +
         "\", space = <s.T>}\n";
}
std::string param(int id, const std::string& path, const std::string& dims) {
  return "%" + std::to_string(id) + " = param {dims = " + dims + ", path = \"" + path + "\"}\n";
}

}  // namespace

TEST_CASE("a bidirectional LSTM is PyTorch's") {
  ir::HostBatch batch = one_sequence(3);
  batch.inputs["g"] = {-0.64, -0.64, 0.34, 0.23,  -0.66, 0.95, 0.35, 0.12,  -0.11, 0.94,  0,    0.94,
                       0.74,  -0.54, 0.43, -0.11, 0.07,  -0.7, 0.32, -0.91, 0,     -0.11, 0.59, -0.39};
  batch.params["w"] = {-0.36, 0.42,  -0.88, 0.78,  -0.89, 0.79, -0.38, 0.25,
                       -0.93, -0.84, 0.39,  -0.76, -0.1,  0.76, -0.42, -0.79};
  batch.params["w_reverse"] = {-0.56, 0.51, 0.02,  0.09, -0.75, 0.53, 0.3,   0.32,
                               -0.83, 0.13, -0.47, -0.8, 0.53,  0.28, -0.86, 0.84};
  const std::string text = kSpaces + input(0, "g", "[8]") + param(1, "w", "[8, 2]") + param(2, "w_reverse", "[8, 2]") +
                           "%3:3 = lstm %0, %1, %0, %2 {hidden = 2}\noutput \"y\" = %3.0\n";
  check_close(run(text, batch), {-0.11560227, 0.1324883928, -0.0300284846, 0.02423198749, 0.1255784345, -0.1183255979,
                                 0.17375881, -0.1678488231, 0.0604055065, -0.02615427202, 0, -0.01466980885});
}

TEST_CASE("a bidirectional GRU is PyTorch's") {
  ir::HostBatch batch = one_sequence(3);
  batch.inputs["g"] = {0.97,  -0.43, -0.41, -0.68, -0.21, -0.33, 0.75,  0.97,  -0.69,
                       -0.62, -0.57, -0.2,  -0.64, -0.37, 0.95,  -0.28, -0.57, 0.59};
  batch.params["w"] = {-0.86, 0.73, -0.45, 0.11, 0.8, 0.51, -0.4, -0.2, 0.17, 0.47, -0.65, 0.41};
  batch.params["w_reverse"] = {0.3, 0.08, -0.41, -0.99, -0.23, -0.47, 0.64, 0.7, 0.78, -0.99, -0.91, -0.36};
  batch.params["b"] = {0.18, -0.05, -0.74, -0.74, 0.97, -0.29};
  batch.params["b_reverse"] = {-0.57, -0.2, 0.3, 0.35, 0.98, 0.99};
  const std::string text = kSpaces + input(0, "g", "[6]") + param(1, "w", "[6, 2]") + param(2, "w_reverse", "[6, 2]") +
                           param(3, "b", "[6]") + param(4, "b_reverse", "[6]") +
                           "%5:2 = gru %0, %1, %3, %0, %2, %4 {hidden = 2}\noutput \"y\" = %5.0\n";
  check_close(run(text, batch),
              {0.3667481799, -0.3336930514, -0.04016182874, 0.1413392827, 0.03727282687, -0.5245386917, -0.1871892101,
               0.3536654375, -0.1545061121, 0.1175695643, -0.07390050513, 0.3564307771});
}

TEST_CASE("causal attention of two heads is PyTorch's") {
  ir::HostBatch batch = one_sequence(3);
  batch.inputs["q"] = {0.97, 0.94, 0.96, 0.13, 0.82, -0.83, 0.1, -0.41, 0.05, -0.59, 0.88, 0.53};
  batch.inputs["k"] = {-0.69, 0.08, -0.79, 0.27, -0.18, -0.78, -0.73, -0.22, 0.57, 0.4, 0.32, 0.28};
  batch.inputs["v"] = {0.72, -0.26, 0.39, 0.62, -0.64, -0.2, -0.23, 0.54, 0.08, 0.58, 0.25, -0.5};
  const std::string text = kSpaces + input(0, "q", "[4]") + input(1, "k", "[4]") + input(2, "v", "[4]") +
                           "%3:2 = attention %0, %1, %2 {causal = true, heads = 2}\noutput \"y\" = %3.0\n";
  check_close(run(text, batch), {0.72, -0.26, 0.39, 0.62, -0.2184947056, -0.2185958218, 0.05736379975, 0.5770792,
                                 -0.04142213463, -0.006194984535, 0.17896139, 0.02203586294});
}

TEST_CASE("windows and a flattened weight are PyTorch's convolution") {
  ir::HostBatch batch = one_sequence(4);
  batch.inputs["x"] = {-0.97, 0.72, -0.19, 0.01, -0.7, -0.29, 0.89, 0.02};
  batch.params["w"] = {-0.47, -0.02, -0.18, 0.97, 0.26,  -0.45, -0.19, 0.35,  0.64,
                       -0.65, -0.28, 0.28,  0.29, -0.82, 0.99,  0.88,  -0.15, -0.1};
  const std::string text = kSpaces + input(0, "x", "[2]") + param(1, "w", "[3, 2, 3]") +
                           "%2 = windows %0 {before = 1, size = 3} : f32<s.T>[2, 3]\n"
                           "%3 = reshape %2 {dims = [6]}\n%4 = reshape %1 {dims = [3, 6]}\n"
                           "%5 = linear %3, %4\noutput \"y\" = %5\n";
  check_close(run(text, batch),
              {0.2363, -0.6599, 0.4983, 1.4172, -0.8822, -0.1574, -0.1316, 0.441, 1.4503, 0.0351, 0.6274, -1.191});
}

TEST_CASE("activations and layer norm are PyTorch's") {
  ir::HostBatch batch = one_sequence(2);
  batch.inputs["x"] = {-0.44, -0.81, -0.94, 0.23, -0.33, -0.16};
  const auto apply = [&](const std::string& op) {
    return run(kSpaces + input(0, "x", "[3]") + "%1 = " + op + " %0\noutput \"y\" = %1\n", batch);
  };
  check_close(apply("gelu"),
              {-0.1451861636, -0.1692657712, -0.1631922535, 0.1359194465, -0.1223309937, -0.06983048594});
  check_close(apply("softplus"), {0.4971544503, 0.3680110927, 0.3297553253, 0.8147451567, 0.5416983586, 0.616343773});
  check_close(apply("silu"), {-0.1723660265, -0.2493913015, -0.264046322, 0.1281670066, -0.1380194056, -0.07361361847});
  check_close(apply("sigmoid"), {0.3917409693, 0.3078904957, 0.2809003426, 0.5572478546, 0.4182406232, 0.4600851154});
  check_close(apply("normalize"), {1.368950366, -0.3776414804, -0.9913088861, 1.350694214, -1.03790187, -0.3127923444});
}

TEST_CASE("the CRF agrees with enumerating all tag sequences") {
  constexpr int kTags = 3, kLength = 4;
  ir::HostBatch batch = one_sequence(kLength);
  const auto draw = [&](types::SpaceId space, std::vector<types::Dim> dims, uint64_t salt) {
    return ops::sample_tensor(ops::f32(space, std::move(dims)), {}, batch.spaces, salt).values;
  };
  const Values scores = draw(2, {3}, 1), steps = draw(0, {3, 3}, 2), start = draw(0, {3}, 3), end = draw(0, {3}, 4);
  const Values given = {2, 0, 0, 1};
  batch.inputs = {{"scores", scores}, {"tags", given}};
  batch.params = {{"steps", steps}, {"start", start}, {"end", end}};

  double total = 0, best = -1e9, given_score = 0;
  Values best_tags;
  for (int code = 0; code < 81; ++code) {
    Values tags;
    for (int t = 0, rest = code; t < kLength; ++t, rest /= kTags) tags.push_back(rest % kTags);
    double score = start[tags[0]] + end[tags[kLength - 1]];
    for (int t = 0; t < kLength; ++t) {
      score += scores[t * kTags + tags[t]] + (t ? steps[tags[t - 1] * kTags + tags[t]] : 0);
    }
    total += std::exp(score);
    if (score > best) best = score, best_tags = tags;
    if (tags == given) given_score = score;
  }
  const std::string text = kSpaces + input(0, "scores", "[3]") + input(1, "tags", "[]", "i32") +
                           param(2, "steps", "[3, 3]") + param(3, "start", "[3]") + param(4, "end", "[3]") +
                           "%5:2 = crf_logpartition %0, %2, %3, %4\n%6 = crf_score %0, %1, %2, %3, %4\n"
                           "%7 = crf_decode %0, %2, %3, %4\n"
                           "output \"z\" = %5.0\noutput \"score\" = %6\noutput \"best\" = %7\n";
  check_close(run(text, batch, "z"), {std::log(total)});
  check_close(run(text, batch, "score"), {given_score});
  check_close(run(text, batch, "best"), best_tags);
}

TEST_CASE("empty segments give zeros") {
  const types::Spaces spaces = ops::sample_spaces();
  ir::HostBatch batch;
  batch.spaces = ops::sample_host_spaces(spaces);
  REQUIRE(batch.spaces[2].offsets == std::vector<int32_t>{0, 3, 3, 7, 8});
  batch.inputs["x"] = {-1, -3, -2, 5, 7, 7, 6, -9};
  const std::string head = "space s\nspace s.T\nspace s.T.C\n" + input(0, "x", "[]") +
                           "%1:2 = segment_max %0 {to = <s>}\n%2:2 = segment_min %0 {to = <s>}\n"
                           "%3 = first %0 {to = <s>}\n%4 = last %0 {to = <s>}\n%5 = segment_sum %0 {to = <s>}\n"
                           "%6 = length {space = <s.T>}\n";
  const auto output = [&](const std::string& value) { return run(head + "output \"y\" = " + value + "\n", batch); };
  check_close(output("%1.0"), {-1, 0, 7, -9});
  check_close(output("%1.1"), {0, -1, 1, 0});
  check_close(output("%2.0"), {-3, 0, 5, -9});
  check_close(output("%2.1"), {1, -1, 0, 0});
  check_close(output("%3"), {-1, 0, 5, -9});
  check_close(output("%4"), {-2, 0, 6, -9});
  check_close(output("%5"), {-6, 0, 25, -9});
  check_close(output("%6"), {3, 0, 4, 1});
}

TEST_CASE("a missing number does not reach a gradient through where") {
  ir::HostBatch batch = one_sequence(3);
  batch.inputs["target"] = {1, std::nan(""), 3};
  batch.params["w"] = {2};
  // (w - target)^2 where there is a target: 2 (w - target) summed over the labelled positions.
  const std::string text =
      kSpaces + input(0, "target", "[]") + param(1, "w", "[]") +
      "%2 = is_nan %0\n%3 = not %2\n%4 = sub %1, %0\n%5 = square %4\n%6 = constant {value = 0.0}\n"
      "%7 = where %3, %4, %6\n%8 = square %7\n%9 = segment_sum %8 {to = <>}\noutput \"objective\" = %9\n";
  const ir::Graph graph = passes::differentiate(graph_of(text), {"w"});
  check_close(ir::evaluate(graph, batch).at("grad w").values, {2.0 * (2 - 1) + 2.0 * (2 - 3)});
}

TEST_CASE("reversed gradients have the other sign and stopped ones are none") {
  ir::HostBatch batch = one_sequence(1);
  batch.params["w"] = {3};
  const auto gradient = [&](const std::string& op) {
    const std::string text = param(0, "w", "[]") + "%1 = square %0\n%2 = " + op + "\noutput \"objective\" = %2\n";
    const auto values = ir::evaluate(passes::differentiate(graph_of(text), {"w"}), batch);
    const auto at = values.find("grad w");
    return at == values.end() ? Values{} : at->second.values;
  };
  check_close(gradient("neg %1"), {-6});
  check_close(gradient("reverse_gradient %1 {scale = 0.5}"), {-3});
  CHECK(gradient("stop_gradient %1").empty());
}

TEST_CASE("dropout keeps the share it should and depends on key and step") {
  ir::HostBatch batch = one_sequence(50);
  batch.inputs["x"] = Values(50 * 40, 1.0);
  const auto dropped = [&](const std::string& key) {
    return run(
        kSpaces + input(0, "x", "[40]") + "%1 = dropout %0 {key = " + key + ", rate = 0.25}\noutput \"y\" = %1\n",
        batch);
  };
  const Values mask = dropped("5");
  double sum = 0;
  for (const double value : mask) {
    CHECK((value == 0 || std::abs(value - 1 / 0.75) < 1e-12));
    sum += value;
  }
  CHECK(std::abs(sum / 2000 - 1) < 0.05);
  CHECK(dropped("5") == mask);
  CHECK(dropped("6") != mask);
  batch.step = 1;
  CHECK(dropped("5") != mask);
}

TEST_CASE("normal noise is normal") {
  ir::HostBatch batch = one_sequence(100);
  batch.inputs["x"] = Values(100 * 100, 0.0);
  const Values noise =
      run(kSpaces + input(0, "x", "[100]") + "%1 = normal_noise %0 {key = 3}\noutput \"y\" = %1\n", batch);
  const Values uniform =
      run(kSpaces + input(0, "x", "[100]") + "%1 = uniform_noise %0 {key = 3}\noutput \"y\" = %1\n", batch);
  double mean = 0, square = 0;
  for (size_t i = 0; i < noise.size(); ++i) {
    mean += noise[i] / 1e4;
    square += noise[i] * noise[i] / 1e4;
    // The cdf of the number is the uniform number that it was made of.
    CHECK(std::abs(0.5 * std::erfc(-noise[i] / std::sqrt(2.0)) - uniform[i]) < 1e-6);
  }
  CHECK(std::abs(mean) < 0.03);
  CHECK(std::abs(square - 1) < 0.05);
}

TEST_CASE("mapped dims become rows and come back") {
  ir::HostBatch batch = one_sequence(2);
  const std::string text = kSpaces + "space s.T[3]\n" + input(0, "x", "[3, 2]") +
                           "%1 = map_in %0 {count = 1} : f32<s.T[3]>[2]\n%2 = sum %1 {axes = [0]} : f32<s.T[3]>\n"
                           "%3 = map_out %2 {count = 1} : f32<s.T>[3]\noutput \"y\" = %3\n";
  const ir::Graph graph = graph_of(text);
  batch.inputs["x"] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  ops::HostSpace fixed{6, {0, 3, 6}, {0, 0, 0, 1, 1, 1}, {0, 1, 2, 0, 1, 2}, {1, 2, 3, 4, 5, 6}};
  batch.spaces.push_back(fixed);
  check_close(ir::evaluate(graph, batch).at("y").values, {3, 7, 11, 15, 19, 23});
}
