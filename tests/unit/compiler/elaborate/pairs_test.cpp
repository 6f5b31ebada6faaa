// Sequences given whole to each position of another: what programs compute, against plain loops.
#include <algorithm>
#include <cmath>
#include <functional>

#include "tests/unit/compiler/elaborate/two_examples.h"

using namespace mtl::elaborate::test;

namespace {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

// The sequences of an example of two_examples.h.
Rows rows_of_x(int example) {
  return example == 0 ? Rows{{1, 2}, {3, 4}, {5, 6}} : Rows{{7, 8}, {9, 10}};
}
Rows rows_of_u(int example) {
  return example == 0 ? Rows{{-1, -2}} : Rows{{-3, -4}, {-5, -6}};
}
double dot(const Row& a, const Row& b) {
  return a[0] * b[0] + a[1] * b[1];
}
Row softmax(Row s) {
  double most = s[0], sum = 0;
  for (double x : s) most = std::max(most, x);
  for (double& x : s) sum += x = std::exp(x - most);
  for (double& x : s) x /= sum;
  return s;
}
Row attend(const Row& q, const Rows& keys) {
  Row scores, y = {0, 0};
  for (const Row& k : keys) scores.push_back(dot(k, q));
  scores = softmax(scores);
  for (size_t j = 0; j < keys.size(); ++j) y[0] += scores[j] * keys[j][0], y[1] += scores[j] * keys[j][1];
  return y;
}
Numbers each_example(const std::function<double(int)>& value) {
  return {value(0), value(1)};
}

const std::string kModules = R"(
module attend()(q: f32[D], keys: f32[N, D]) -> f32[D] {
  let a = softmax(keys @ q)
  return a @ keys
}
module score()(q: f32[D], c: f32[C, D]) -> f32[C] { return c @ q }
module read()(p: f32[C], c: f32[C, D]) -> f32[D] { return p @ c }
)";

}  // namespace

TEST_CASE("a module runs at each position with all of another sequence") {
  const Numbers expected = each_example([](int e) {
    double sum = 0;
    for (const Row& q : rows_of_x(e)) sum += attend(q, rows_of_u(e))[0] * q[1];
    return sum;
  });
  const std::string head = "let y : f32[T, 2] = attend()(rows.x, rows.u)\n head = sum(y[..., 0] * rows.x[..., 1])";
  CHECK_THAT(Program(head, kModules).head(), near(expected));
}

TEST_CASE("a module runs at each position with its own sequence") {
  const Numbers expected = each_example([](int e) {
    double sum = 0;
    for (const Row& q : rows_of_x(e)) sum += attend(q, rows_of_x(e))[1] * q[0];
    return sum;
  });
  CHECK_THAT(Program("head = sum(attend()(rows.x * 0.1, rows.x * 0.1)[..., 1] * rows.x[..., 0])", kModules).head(),
             !near(expected));
  CHECK_THAT(Program("head = sum(attend()(rows.x, rows.x)[..., 1] * rows.x[..., 0])", kModules).head(), near(expected));
}

TEST_CASE("the outer dimension of pairs has parts, and is padded") {
  // All pairs (q, c) but those of the first q, each with its products; and the same behind a q of zeros.
  const Numbers expected = each_example([](int e) {
    double sum = 0;
    const Rows x = rows_of_x(e), u = rows_of_u(e);
    for (size_t q = 1; q < x.size(); ++q)
      for (size_t c = 0; c < u.size(); ++c) sum += dot(x[q], u[c]) * x[q - 1][0] * u[c][1];
    return sum;
  });
  const std::string pairs = "let p = score()(rows.x, rows.u)\n";
  const std::string rest = "let q : f32[T - 1] = p[1..] @ rows.u[..., 1]\n head = sum(q * rows.x[0..-1, 0])";
  CHECK_THAT(Program(pairs + rest, kModules).head(), near(expected));
  const std::string padded =
      "let moved = pad(p, 0, 1, over = 0)[1..]\n let zero = pad(rows.x[..., 0], 1, 0, over = 0)[1..]\n";
  const std::string later = "head = sum((moved @ rows.u[..., 1])[0..-1] * zero[0..-1])";
  CHECK_THAT(Program(pairs + padded + later, kModules).head(), near(expected));
}

TEST_CASE("results at each position may be sequences") {
  const auto sum_of = [](const std::function<double(const Row&, const Row&)>& f) {
    return each_example([&](int e) {
      double sum = 0;
      for (const Row& q : rows_of_x(e)) {
        for (const Row& c : rows_of_u(e)) sum += f(q, c);
      }
      return sum;
    });
  };
  CHECK_THAT(Program("let s : f32[T, U] = score()(rows.x, rows.u)\n head = sum(s)", kModules).head(),
             near(sum_of(dot)));
  CHECK_THAT(Program("head = mean(score()(rows.x, rows.u))", kModules).head(),
             near({sum_of(dot)[0] / 3, sum_of(dot)[1] / 4}));
  // Reduced over the inner dimension, by name and by number, and over both.
  const Numbers largest = each_example([](int e) {
    double sum = 0;
    for (const Row& q : rows_of_x(e)) {
      double most = -1e9;
      for (const Row& c : rows_of_u(e)) most = std::max(most, dot(q, c));
      sum += most;
    }
    return sum;
  });
  for (const char* over : {"U", "1", "-1"})
    CHECK_THAT(Program("head = sum(max(score()(rows.x, rows.u), over = " + std::string(over) + "))", kModules).head(),
               near(largest));
  CHECK_THAT(Program("head = sum(softmax(score()(rows.x, rows.u)))", kModules).head(), near({3, 2}));
  CHECK_THAT(Program("head = sum(softmax(score()(rows.x, rows.u), over = [0, 1]))", kModules).head(), near({1, 1}));
  // Beside values of either sequence, aligned at the right.
  CHECK_THAT(Program("head = sum(score()(rows.x, rows.u) * rows.u[..., 0])", kModules).head(),
             near(sum_of([](const Row& q, const Row& c) { return dot(q, c) * c[0]; })));
  CHECK_THAT(Program("head = sum(score()(rows.x, rows.u) + where(rows.u[..., 0] > -4, 1.0, 2.0))", kModules).head(),
             near(sum_of([](const Row& q, const Row& c) { return dot(q, c) + (c[0] > -4 ? 1 : 2); })));
  // Mapped over further: both dimensions, or the outer one.
  CHECK_THAT(Program("head = sum(twice()(score()(rows.x, rows.u)))",
                     kModules + "module twice()(s: f32) -> f32 { return s * 2.0 }")
                 .head(),
             near(sum_of([](const Row& q, const Row& c) { return 2 * dot(q, c); })));
}

TEST_CASE("values of pairs meet the whole sequence again") {
  const Numbers expected = each_example([](int e) {
    double sum = 0;
    for (const Row& q : rows_of_x(e)) sum += attend(q, rows_of_u(e))[0] * q[1];
    return sum;
  });
  const std::string weights = "let p = softmax(score()(rows.x, rows.u))\n";
  CHECK_THAT(Program(weights + "head = sum(read()(p, rows.u)[..., 0] * rows.x[..., 1])", kModules).head(),
             near(expected));
  CHECK_THAT(
      Program(weights + "let y : f32[T, 2] = p @ rows.u\n head = sum(y[..., 0] * rows.x[..., 1])", kModules).head(),
      near(expected));
}

TEST_CASE("pairs of a sequence with itself have two dimensions of one name") {
  const auto sum_of = [](const std::function<double(const Rows&, size_t, size_t)>& f) {
    return each_example([&](int e) {
      const Rows x = rows_of_x(e);
      double sum = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        for (size_t j = 0; j < x.size(); ++j) sum += f(x, i, j);
      }
      return sum;
    });
  };
  const std::string pairs = "let s : f32[T, T] = score()(rows.x, rows.x)\n";
  CHECK_THAT(Program(pairs + "head = sum(s)", kModules).head(),
             near(sum_of([](const Rows& x, size_t i, size_t j) { return dot(x[i], x[j]); })));
  CHECK_THAT(Program(pairs + "head = sum(sum(s, over = 1) * rows.x[..., 0])", kModules).head(),
             near(sum_of([](const Rows& x, size_t i, size_t j) { return dot(x[i], x[j]) * x[i][0]; })));
  // At the right stands the inner one.
  CHECK_THAT(Program(pairs + "head = sum(s * float(positions(T)))", kModules).head(),
             near(sum_of([](const Rows& x, size_t i, size_t j) { return dot(x[i], x[j]) * static_cast<double>(j); })));
  // Three of them.
  CHECK_THAT(Program("head = sum(crossed()(score()(rows.x, rows.x), rows.u))",
                     kModules + "module crossed()(s: f32, u: f32[U, D]) -> f32[U] { return s * u[..., 0] }")
                 .head(),
             near(each_example([&](int e) {
               double sum = 0, of_u = 0;
               for (const Row& a : rows_of_x(e))
                 for (const Row& b : rows_of_x(e)) sum += dot(a, b);
               for (const Row& u : rows_of_u(e)) of_u += u[0];
               return sum * of_u;
             })));
}

TEST_CASE("a body cuts, joins and counts what it was given whole") {
  const std::string modules = R"(
module edges()(q: f32[D], c: f32[N, D]) -> f32 {
  let longer : f32[N + 1, D] = concat(full(0.5, [1, D]), c, over = 0)
  let rest : f32[N, D] = longer[1..]
  return sum(longer) + N * sum(q) + sum(rest[0]) + sum(last(c)) + float(argmax(c[..., 0]))
}
)";
  const Numbers expected = each_example([](int e) {
    const Rows u = rows_of_u(e);
    double all = 1, sum = 0;
    for (const Row& c : u) all += c[0] + c[1];
    for (const Row& q : rows_of_x(e))
      sum += all + static_cast<double>(u.size()) * (q[0] + q[1]) + u[0][0] + u[0][1] + u.back()[0] + u.back()[1];
    return sum;
  });
  CHECK_THAT(Program("head = sum(edges()(rows.x, rows.u))", modules).head(), near(expected));
}

TEST_CASE("a joined sequence is given whole too, and mapped over") {
  const Numbers expected = each_example([](int e) {
    Rows both = rows_of_x(e);
    for (const Row& u : rows_of_u(e)) both.push_back(u);
    double sum = 0;
    for (const Row& q : both) sum += attend(q, both)[0] * q[1];
    return sum;
  });
  CHECK_THAT(
      Program("let b = concat(rows.x, rows.u, over = 0)\n head = sum(attend()(b, b)[..., 0] * b[..., 1])", kModules)
          .head(),
      near(expected));
}

TEST_CASE("static dimensions are mapped over with a whole sequence") {
  const Numbers expected = each_example([](int e) {
    double sum = 0;
    for (double k : {0.5, 0.25}) sum += attend({k, k}, rows_of_x(e))[0] * k;
    return sum;
  });
  CHECK_THAT(Program("let q = stack([full(0.5, [2]), full(0.25, [2])])\n"
                     "head = sum(attend()(q, rows.x)[..., 0] * q[..., 0])",
                     kModules)
                 .head(),
             near(expected));
}

TEST_CASE("results of static dimensions with a ragged one are stacks") {
  const Numbers expected = each_example([](int e) {
    double sum = 0;
    for (const Row& x : rows_of_x(e)) sum += 0.25 * (x[0] + x[1]) * x[0];
    return sum;
  });
  CHECK_THAT(Program("let q = stack([full(0.5, [2]), full(0.25, [2])])\n"
                     "let s : f32[2, T] = score()(q, rows.x)\n head = sum(s[1] * rows.x[..., 0])",
                     kModules)
                 .head(),
             near(expected));
}

TEST_CASE("recurrences and windows run over the copies") {
  const std::string modules = R"(
module near()(q: f32, c: f32[N, D]) -> f32[N] {
  return sum(ops.windows(c, 3), over = [1, 2]) * q
}
)";
  const Numbers expected = each_example([](int e) {
    const Rows u = rows_of_u(e);
    double windows = 0, of_x = 0;
    for (size_t i = 0; i < u.size(); ++i) {
      for (size_t j = i == 0 ? 0 : i - 1; j < std::min(u.size(), i + 2); ++j) windows += u[j][0] + u[j][1];
    }
    for (const Row& q : rows_of_x(e)) of_x += q[0];
    return windows * of_x;
  });
  CHECK_THAT(Program("head = sum(near()(rows.x[..., 0], rows.u))", modules).head(), near(expected));
}

TEST_CASE("a part of what was given whole asks for its length where the data has it") {
  const std::string modules = R"(
module third()(q: f32[D], c: f32[N, D]) -> f32[D] { return q * c[2] }
module outer()(q: f32[D], c: f32[N, D]) -> f32[D] {
  layer each = third()
  return sum(each(c, c), over = 0) * q
}
)";
  for (const char* head : {"head = sum(third()(rows.u, rows.x))", "head = sum(outer()(rows.u, rows.x))"}) {
    const Program program(head, modules);
    CHECK(program.rules() == Texts{"T - 3"});
    CHECK(program.model->tasks[0].lengths[0].parent == "rows");
  }
}

TEST_CASE("constants of pairs") {
  CHECK(Program("let a : f32[T, U, 2] = full(0.5, [T, U, 2])\n head = sum(a)").head() == Numbers{3, 4});
  CHECK(Program("let a : f32[T, T] = full(1.0, [T, T])\n head = sum(a)").head() == Numbers{9, 4});
}

TEST_CASE("the outer dimension of pairs is reduced too") {
  // For each u the sum, the greatest and the softmax over the x.
  const auto sum_of = [](const std::function<double(const Row&)>& f) {
    return each_example([&](int e) {
      double sum = 0;
      for (const Row& u : rows_of_u(e)) {
        Row scores;
        for (const Row& x : rows_of_x(e)) scores.push_back(dot(x, u));
        sum += f(scores) * u[0];
      }
      return sum;
    });
  };
  const auto summed = [](const Row& s) {
    double sum = 0;
    for (double x : s) sum += x;
    return sum;
  };
  const std::string pairs = "let s = score()(rows.x, rows.u)\n";
  const auto run = [&](const std::string& text) { return Program(pairs + text, kModules).head(); };
  CHECK_THAT(run("let t : f32[U] = sum(s, over = T)\n head = sum(t * rows.u[..., 0])"), near(sum_of(summed)));
  CHECK_THAT(run("head = sum(mean(s, over = 0) * rows.u[..., 0])"),
             near(sum_of([&](const Row& s) { return summed(s) / static_cast<double>(s.size()); })));
  CHECK_THAT(run("head = sum(max(s, over = 0) * rows.u[..., 0])"),
             near(sum_of([](const Row& s) { return *std::max_element(s.begin(), s.end()); })));
  CHECK_THAT(run("head = sum(softmax(s, over = T)[..., 0])"), near(each_example([](int e) {
               double sum = 0;
               Row scores;
               for (const Row& x : rows_of_x(e)) scores.push_back(dot(x, rows_of_u(e)[0]));
               for (double p : softmax(scores)) sum += p;
               return sum;
             })));
  CHECK_THAT(run("head = sum(softmax(s, over = T) * rows.u[..., 0] * s)"), near(sum_of([](const Row& s) {
               double sum = 0;
               const Row p = softmax(s);
               for (size_t i = 0; i < s.size(); ++i) sum += p[i] * s[i];
               return sum;
             })));
  CHECK_THAT(
      run("head = sum(float(argmax(s, over = T)) * rows.u[..., 0])"),
      near(sum_of([](const Row& s) { return static_cast<double>(std::max_element(s.begin(), s.end()) - s.begin()); })));
  CHECK_THAT(run("head = sum(logsumexp(s, over = T) * rows.u[..., 0])"), near(sum_of([](const Row& s) {
               const double most = *std::max_element(s.begin(), s.end());
               double sum = 0;
               for (double x : s) sum += std::exp(x - most);
               return most + std::log(sum);
             })));
  // Of a dimension that follows from others.
  CHECK_THAT(Program("let b = concat(rows.u, full(0.0, [1, 2]), over = 0)\n let s = score()(rows.x, b)\n"
                     "head = sum(sum(s, over = 0)[0..-1] * rows.u[..., 0])",
                     kModules)
                 .head(),
             near(sum_of(summed)));
}

TEST_CASE("transposes of sequences and of pairs in products") {
  const Numbers expected = each_example([](int e) {
    double sum = 0;
    for (const Row& q : rows_of_x(e)) sum += attend(q, rows_of_u(e))[0] * q[1];
    return sum;
  });
  const std::string end = "\n head = sum(y[..., 0] * rows.x[..., 1])";
  const auto run = [](const std::string& text) { return Program(text, kModules).head(); };
  CHECK_THAT(run("let y = softmax(rows.x @ transpose(rows.u)) @ rows.u" + end), near(expected));
  CHECK_THAT(run("let k : f32[2, U] = transpose(rows.u)\n let s : f32[T, U] = rows.x @ k\n"
                 "let t : f32[U, T] = transpose(s)\n let y = softmax(transpose(t)) @ transpose(k)" +
                 end),
             near(expected));
  CHECK_THAT(run("let s = rows.u @ transpose(rows.x)\n let y = transpose(softmax(s, over = 0)) @ rows.u" + end),
             near(expected));
  // Over the positions: f32[2, 2] of each example.
  CHECK_THAT(run("let g : f32[2, 2] = transpose(rows.x) @ (rows.x * 2.0)\n head = g[0, 1]"),
             near(each_example([](int e) {
               double sum = 0;
               for (const Row& x : rows_of_x(e)) sum += 2 * x[0] * x[1];
               return sum;
             })));
  CHECK_THAT(run("head = (transpose(rows.x) @ rows.x[..., 0])[1]"), near(each_example([](int e) {
               double sum = 0;
               for (const Row& x : rows_of_x(e)) sum += x[0] * x[1];
               return sum;
             })));
  // The outer dimension of pairs meets a vector, or the sequence.
  const Numbers by_row = each_example([](int e) {
    double sum = 0;
    for (const Row& u : rows_of_u(e)) {
      for (const Row& x : rows_of_x(e)) sum += x[0] * dot(x, u) * u[1];
    }
    return sum;
  });
  CHECK_THAT(run("let s = score()(rows.x, rows.u)\n let y : f32[U] = rows.x[..., 0] @ s\n"
                 "head = sum(y * rows.u[..., 1])"),
             near(by_row));
  CHECK_THAT(run("let s = score()(rows.x, rows.u)\n let y : f32[2, U] = transpose(rows.x) @ s\n"
                 "head = sum(transpose(y)[..., 0] * rows.u[..., 1])"),
             near(by_row));
  const Numbers itself = each_example([](int e) {
    double sum = 0;
    for (const Row& x : rows_of_x(e)) {
      for (const Row& z : rows_of_x(e)) sum += x[0] * (x[1] * z[0]) * z[1];
    }
    return sum;
  });
  CHECK_THAT(run("let s = score()(rows.x[..., 1..2], rows.x[..., 0..1])\n let y : f32[T] = rows.x[..., 0] @ s\n"
                 "head = sum(y * rows.x[..., 1])"),
             near(itself));
  CHECK_THAT(run("let s = score()(rows.x[..., 1..2], rows.x[..., 0..1])\n"
                 "head = sum(transpose(transpose(rows.x) @ s)[..., 0] * rows.x[..., 1])"),
             near(itself));
  CHECK_THAT(run("let s = score()(rows.x, rows.u)\n head = sum(mix(s, rows.u)[..., 1] * rows.x[..., 0])"),
             near(each_example([](int e) {
               double sum = 0;
               for (const Row& u : rows_of_u(e)) {
                 for (const Row& x : rows_of_x(e)) sum += x[0] * dot(x, u) * u[1];
               }
               return sum;
             })));
  // A matrix in front: transposed again.
  CHECK_THAT(run("let w = full(0.5, [3, 2]) @ transpose(rows.x)\n head = sum(transpose(w)[..., 2])"),
             near(each_example([](int e) {
               double sum = 0;
               for (const Row& x : rows_of_x(e)) sum += 0.5 * (x[0] + x[1]);
               return sum;
             })));
  CHECK_THAT(run("let s : f32[T] = full(0.5, [2]) @ transpose(rows.x)\n head = sum(s)"), near(each_example([](int e) {
               double sum = 0;
               for (const Row& x : rows_of_x(e)) sum += 0.5 * (x[0] + x[1]);
               return sum;
             })));
}

TEST_CASE("attention of one sequence to another") {
  const double scale = std::sqrt(2.0);
  const auto attended = [&](const Rows& queries, const Rows& keys, bool causal) {
    Rows all;
    for (size_t i = 0; i < queries.size(); ++i) {
      const size_t seen = causal ? std::min(keys.size(), i + 1) : keys.size();
      all.push_back(attend({queries[i][0] / scale, queries[i][1] / scale}, Rows(keys.begin(), keys.begin() + seen)));
    }
    return all;
  };
  const auto sum_of = [](const Rows& rows) {
    double sum = 0;
    for (size_t i = 0; i < rows.size(); ++i) sum += (rows[i][0] + 2 * rows[i][1]) * static_cast<double>(i + 1);
    return sum;
  };
  const std::string read = ")\n head = sum((y[..., 0] + 2 * y[..., 1]) * (1 + float(positions(";
  CHECK_THAT(Program("let y : f32[T, 2] = attention(rows.x, rows.u, rows.u" + read + "T))))").head(),
             near(each_example([&](int e) { return sum_of(attended(rows_of_x(e), rows_of_u(e), false)); })));
  CHECK_THAT(Program("let y = attention(rows.x, rows.u, rows.u, causal = true" + read + "T))))").head(),
             near(each_example([&](int e) { return sum_of(attended(rows_of_x(e), rows_of_u(e), true)); })));
  // Static queries, or static keys.
  const Rows fixed = {{0.5, 0.5}, {0.25, 0.25}, {0.125, 0.125}};
  const std::string some = "let s = stack([full(0.5, [2]), full(0.25, [2]), full(0.125, [2])])\n";
  CHECK_THAT(Program(some + "let y : f32[3, 2] = attention(s, rows.u, rows.u" + read + "3))))").head(),
             near(each_example([&](int e) { return sum_of(attended(fixed, rows_of_u(e), false)); })));
  CHECK_THAT(Program(some + "let y = attention(rows.x, s, s" + read + "T))))").head(),
             near(each_example([&](int e) { return sum_of(attended(rows_of_x(e), fixed, false)); })));
  // For each position of one sequence, of another to it: within rows of pairs.
  const std::string modules = R"(
module meet()(q: f32[D], c: f32[N, D], d: f32[M, D]) -> f32[D] { return sum(attention(c * q, d, d), over = 0) }
)";
  CHECK_THAT(Program("head = sum(meet()(rows.x, rows.u, rows.x)[..., 1])", modules).head(),
             near(each_example([&](int e) {
               double sum = 0;
               for (const Row& q : rows_of_x(e)) {
                 Rows scaled;
                 for (const Row& c : rows_of_u(e)) scaled.push_back({c[0] * q[0], c[1] * q[1]});
                 for (const Row& y : attended(scaled, rows_of_x(e), false)) sum += y[1];
               }
               return sum;
             })));
}

TEST_CASE("attention as the primitive is attention as a module") {
  const std::string module =
      "module scaled()(q: f32[D], keys: f32[N, D]) -> f32[D] {\n"
      "  return softmax(keys @ q / sqrt(2.0)) @ keys\n}\n";
  const Numbers primitive = Program("head = sum(attention(rows.x, rows.u, rows.u)[..., 1] * rows.x[..., 0])").head();
  CHECK_THAT(Program("head = sum(scaled()(rows.x, rows.u)[..., 1] * rows.x[..., 0])", module).head(), near(primitive));
}

TEST_CASE("pairs meet pairs in products") {
  // (x u^T)(u x^T), f32[T, T], with a weight for each of its numbers.
  const auto weighted = [](const std::function<double(int, size_t, size_t)>& product, int e, size_t rows,
                           size_t columns) {
    double sum = 0;
    for (size_t i = 0; i < rows; ++i)
      for (size_t j = 0; j < columns; ++j)
        sum += product(e, i, j) * static_cast<double>(1 + i) * (0.5 + static_cast<double>(j));
    return sum;
  };
  const std::string weights = "head = sum(sum(s * (0.5 + float(positions(T))), over = 1) * (1 + float(positions(T))))";
  const auto through_u = [](int e, size_t i, size_t j) {
    double sum = 0;
    for (const Row& u : rows_of_u(e)) sum += dot(rows_of_x(e)[i], u) * dot(u, rows_of_x(e)[j]);
    return sum;
  };
  const Numbers expected =
      each_example([&](int e) { return weighted(through_u, e, rows_of_x(e).size(), rows_of_x(e).size()); });
  const std::string pairs = "let p = rows.x @ transpose(rows.u)\n let q = rows.u @ transpose(rows.x)\n";
  CHECK_THAT(Program(pairs + "let s : f32[T, T] = p @ q\n" + weights).head(), near(expected));
  CHECK_THAT(Program(pairs + "let s = p @ transpose(p)\n" + weights).head(), near(expected));
  CHECK_THAT(Program(pairs + "let s = transpose(q) @ transpose(p)\n" + weights).head(), near(expected));
  // Of a sequence with itself, three times; and of parts of it.
  const auto itself = [](int e, size_t i, size_t j) {
    const Rows x = rows_of_x(e);
    double sum = 0;
    for (const Row& a : x)
      for (const Row& b : x) sum += dot(x[i], a) * dot(a, b) * dot(b, x[j]) / 1000;
    return sum;
  };
  CHECK_THAT(Program("let c = rows.x @ transpose(rows.x) / 10.0\n let s = c @ c @ c\n" + weights).head(),
             near(each_example([&](int e) { return weighted(itself, e, rows_of_x(e).size(), rows_of_x(e).size()); })));
  const auto of_part = [](int e, size_t i, size_t j) {
    const Rows x = rows_of_x(e);
    double sum = 0;
    for (size_t k = 1; k < x.size(); ++k) sum += dot(x[i], x[k]) * dot(x[k], x[j]);
    return sum;
  };
  const Numbers parts =
      each_example([&](int e) { return weighted(of_part, e, rows_of_x(e).size(), rows_of_x(e).size()); });
  CHECK_THAT(Program("let c = rows.x @ transpose(rows.x[1..])\n let s = c @ transpose(c)\n" + weights).head(),
             near(parts));
  CHECK_THAT(Program("let c = rows.x @ transpose(rows.x)\n let s = c[..., 1..] @ c[1..]\n" + weights).head(),
             near(parts));
  // At each position of another sequence: the pairs are given whole.
  const std::string module =
      "module apply()(v: f32, q: f32[N, M]) -> f32[M] { return sum(q, over = 0) * v }\n"
      "module turn()(v: f32, q: f32[N, M]) -> f32 { return sum((q @ transpose(q)) * v) }\n";
  const auto sums = [](int e, size_t i, size_t j) {
    double sum = 0;
    for (const Row& u : rows_of_u(e)) sum += dot(u, rows_of_x(e)[j]);
    return sum * rows_of_x(e)[i][0];
  };
  CHECK_THAT(Program(pairs + "let s : f32[T, T] = apply()(rows.x[..., 0], q)\n" + weights, module).head(),
             near(each_example([&](int e) { return weighted(sums, e, rows_of_x(e).size(), rows_of_x(e).size()); })));
  CHECK_THAT(Program(pairs + "head = sum(turn()(rows.x[..., 0], q))", module).head(), near(each_example([](int e) {
               double sum = 0, of_x = 0;
               for (const Row& a : rows_of_u(e))
                 for (const Row& b : rows_of_u(e))
                   for (const Row& x : rows_of_x(e)) sum += dot(a, x) * dot(b, x);
               for (const Row& x : rows_of_x(e)) of_x += x[0];
               return sum * of_x;
             })));
  // Beside values with one more dimension.
  CHECK_THAT(Program(pairs + "let t = crossed()(rows.x[..., 0], q)\n head = sum(t * q)",
                     "module crossed()(v: f32, q: f32[N, M]) -> f32[N, M] { return q * v }")
                 .head(),
             near(each_example([](int e) {
               double sum = 0, of_x = 0;
               for (const Row& u : rows_of_u(e))
                 for (const Row& x : rows_of_x(e)) sum += dot(u, x) * dot(u, x);
               for (const Row& x : rows_of_x(e)) of_x += x[0];
               return sum * of_x;
             })));
}

TEST_CASE("a fixed number of rows of the outer dimension of pairs") {
  const auto row = [](int e, size_t i, double from, double step) {
    double sum = 0;
    const Rows x = rows_of_x(e);
    for (size_t j = 0; j < x.size(); ++j) sum += dot(x[i], x[j]) * (from + step * static_cast<double>(j));
    return sum;
  };
  const std::string pairs = "let p = rows.x @ transpose(rows.x)\n";
  const std::string end = "\n head = sum(s[0] * float(positions(T))) + 2 * sum(s[1])";
  const auto run = [&](const std::string& text) { return Program(pairs + text).head(); };
  const Numbers first = each_example([&](int e) { return row(e, 0, 0, 1) + 2 * row(e, 1, 1, 0); });
  const Numbers last = each_example([&](int e) {
    const size_t n = rows_of_x(e).size();
    return row(e, n - 2, 0, 1) + 2 * row(e, n - 1, 1, 0);
  });
  CHECK_THAT(run("let s : f32[2, T] = p[0..2]" + end), near(first));
  CHECK_THAT(run("let s = p[-2..]" + end), near(last));
  CHECK_THAT(run("let s = p[full(1, [2])]\n head = sum(s[0]) + sum(s[1])"),
             near(each_example([&](int e) { return 2 * row(e, 1, 1, 0); })));
  // The rest of the index is that of the parts.
  CHECK_THAT(run("let s : f32[2] = p[0..2, 1]\n head = s[0] + 3 * s[1]"), near(each_example([](int e) {
               const Rows x = rows_of_x(e);
               return dot(x[0], x[1]) + 3 * dot(x[1], x[1]);
             })));
  CHECK_THAT(run("let s = p[0..2, 1..]\n head = sum(s[1])"),
             near(each_example([&](int e) { return row(e, 1, 1, 0) - dot(rows_of_x(e)[0], rows_of_x(e)[1]); })));
  CHECK_THAT(run("let s : f32[2, 2] = p[0..2] @ rows.x\n head = s[1, 0]"), near(each_example([](int e) {
               double sum = 0;
               for (const Row& x : rows_of_x(e)) sum += dot(rows_of_x(e)[1], x) * x[0];
               return sum;
             })));
}

TEST_CASE("pairs are joined along the outer dimension") {
  const Numbers expected = each_example([](int e) {
    Rows both = rows_of_x(e);
    for (const Row& u : rows_of_u(e)) both.push_back(u);
    double sum = 0;
    for (size_t i = 0; i < both.size(); ++i)
      for (const Row& u : rows_of_u(e)) sum += dot(both[i], u) * u[1] * static_cast<double>(i + 1);
    return sum;
  });
  const std::string joined =
      "let p = concat(rows.x @ transpose(rows.u), rows.u @ transpose(rows.u), over = 0)\n"
      "let s : f32[T + U] = p @ rows.u[..., 1]\n head = sum(s * (1 + float(positions(T + U))))";
  CHECK_THAT(Program(joined).head(), near(expected));
}
