// How fast the kernels of runtime/ are: microseconds and GF/s, beside what they could have been built from.
// Run it on a quiet machine: bench_kernels [threads]. Times are the best of 25 rounds of about 2 ms; products are shown
// next to dnnl_sgemm with oneDNN's own threads ("its own threads"), which our cut into blocks replaces.
#include "runtime/core/kernels.h"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "runtime/core/gemm.h"
#include "runtime/core/parallel.h"
#include "runtime/core/random.h"
#include "runtime/optimizers/optimizer.h"

namespace {

using namespace mtl::runtime;
using Vector = std::vector<float>;

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double time_of(const std::function<void()>& body) {
  body();
  double start = seconds();
  body();
  const long repeats = std::max(1L, static_cast<long>(0.002 / std::max(seconds() - start, 1e-7)));
  std::vector<double> rounds;
  for (int r = 0; r < 25; ++r) {
    start = seconds();
    for (long i = 0; i < repeats; ++i) body();
    rounds.push_back((seconds() - start) / static_cast<double>(repeats));
  }
  return *std::min_element(rounds.begin(), rounds.end()) * 1e6;
}

Vector random_vector(int64_t n, float scale = 0.1f) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  Vector out(static_cast<size_t>(n));
  for (float& x : out) x = uniform(generator);
  return out;
}

void line(const std::string& what, double us, double flops, const std::string& note = "") {
  std::printf("%-44s %9.1f us", what.c_str(), us);
  if (flops > 0) std::printf(" %7.1f GF/s", flops / us / 1e3);
  std::printf("  %s\n", note.c_str());
  std::fflush(stdout);
}

void products() {
  const int64_t shapes[][3] = {{600, 128, 256},  {600, 256, 72},   {600, 256, 7},     {600, 128, 512}, {600, 256, 1024},
                               {900, 1024, 256}, {256, 512, 1024}, {256, 1024, 1024}, {1024, 108, 64}, {32, 10, 20},
                               {256, 1024, 30},  {1, 128, 256},    {16, 128, 512}};
  for (const auto& [rows, in, out] : shapes) {
    const struct {
      const char* role;
      bool ta, tb;
      int64_t m, n, k;
    } roles[] = {{"forward", false, true, rows, out, in},
                 {"dX", false, false, rows, in, out},
                 {"dW", true, false, out, in, rows}};
    for (const auto& r : roles) {
      const Vector a = random_vector(r.m * r.k), b = random_vector(r.n * r.k);
      Vector c(static_cast<size_t>(r.m * r.n));
      const Gemm p{.transpose_a = r.ta,
                   .transpose_b = r.tb,
                   .m = r.m,
                   .n = r.n,
                   .k = r.k,
                   .a = a.data(),
                   .lda = r.ta ? r.m : r.k,
                   .b = b.data(),
                   .ldb = r.tb ? r.k : r.n,
                   .c = c.data(),
                   .ldc = r.n};
      const std::unique_ptr<void, decltype(&std::free)> workspace(
          std::aligned_alloc(64, gemm_workspace(p.m, p.n, p.k) / 64 * 64 + 64), &std::free);
      const double ours = time_of([&] { gemm(p, workspace.get()); });
      const double theirs = time_of([&] {
        dnnl_sgemm(r.ta ? 'T' : 'N', r.tb ? 'T' : 'N', p.m, p.n, p.k, 1, p.a, p.lda, p.b, p.ldb, 0, p.c, p.ldc);
      });
      char name[64], note[64];
      std::snprintf(name, sizeof name, "%ld rows, %ld -> %ld, %s", rows, in, out, r.role);
      std::snprintf(note, sizeof note, "its own threads: %.2f", theirs / ours);
      line(name, ours, 2.0 * static_cast<double>(r.m * r.n * r.k), note);
    }
  }
}

// What a fork and join costs, and what is left of two parts of 20 us.
void regions() {
  const auto region = [](double us) {
    return time_of([us] {
      parallel_for(2, [us](int64_t) {
        const double end = seconds() + us * 1e-6;
        while (us > 0 && seconds() < end) {
        }
      });
    });
  };
  line("a region of two parts of 20 us", region(20), 0);
  line("a region of two empty parts", region(0), 0);
}

struct Batch {
  std::vector<int32_t> offsets{0}, parent, position, order;
  std::vector<uint64_t> identity;
  SpaceView view;
  // Lengths spread evenly over [shortest, longest].
  Batch(int64_t sequences, int64_t shortest, int64_t longest) {
    for (int64_t p = 0; p < sequences; ++p) {
      const int64_t length = shortest + (p * 7919 % sequences) * (longest - shortest + 1) / sequences;
      for (int64_t t = 0; t < length; ++t) {
        parent.push_back(static_cast<int32_t>(p));
        position.push_back(static_cast<int32_t>(t));
        identity.push_back(child_identity(example_identity(static_cast<uint64_t>(p)), static_cast<uint64_t>(t)));
      }
      offsets.push_back(static_cast<int32_t>(parent.size()));
    }
    order.resize(static_cast<size_t>(sequences));
    std::iota(order.begin(), order.end(), 0);
    const auto length = [&](int p) { return offsets[p + 1] - offsets[p]; };
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return length(a) > length(b); });
    view = {static_cast<int64_t>(parent.size()),
            sequences,
            offsets.data(),
            parent.data(),
            position.data(),
            order.data(),
            identity.data(),
            longest};
  }
};

double call(const char* name, std::vector<void*> buffers, std::vector<int64_t> ints, std::vector<float> floats,
            const Batch& batch) {
  const KernelInfo* kernel = find_kernel(name);
  const SpaceView* spaces[] = {&batch.view, &batch.view};  // attention is to itself
  const size_t bytes = kernel->workspace({ints.data(), spaces, threads()});
  std::unique_ptr<void, decltype(&std::free)> workspace(std::aligned_alloc(64, (bytes + 127) / 64 * 64), &std::free);
  const StepScalars step{};
  return time_of([&] { kernel->run({buffers.data(), ints.data(), floats.data(), spaces, workspace.get(), &step}); });
}

void recurrences(int64_t sequences, int64_t shortest, int64_t longest, int64_t hidden) {
  const Batch batch(sequences, shortest, longest);
  const int64_t rows = batch.view.rows;
  const double flops = 2.0 * 2 * static_cast<double>(rows * hidden * hidden);
  char name[96];
  const auto label = [&](const char* what) {
    std::snprintf(name, sizeof name, "%s, %ld x %ld-%ld, H %ld", what, sequences, shortest, longest, hidden);
    return std::string(name);
  };
  Vector g = random_vector(rows * 4 * hidden), w = random_vector(4 * hidden * hidden),
         dh = random_vector(rows * 2 * hidden);
  Vector g_b = g, w_b = w, h(dh.size()), c(dh.size()), gates(4 * dh.size()), dg(g.size()), dg_b(g.size()), dw(w.size()),
         dw_b(w.size());
  Vector bias(static_cast<size_t>(3 * hidden)), db(bias.size()), db_b(bias.size());
  line(label("BiLSTM forward"),
       call("lstm_scan", {g.data(), w.data(), g_b.data(), w_b.data(), h.data(), c.data(), gates.data()}, {hidden, 2, 0},
            {}, batch),
       4 * flops);
  line(label("BiLSTM backward"),
       call("lstm_scan_grad",
            {dh.data(), h.data(), c.data(), gates.data(), w.data(), w_b.data(), dg.data(), dg_b.data(), dw.data(),
             dw_b.data()},
            {hidden, 2, 0}, {}, batch),
       8 * flops);
  line(label("LSTM forward"),
       call("lstm_scan", {g.data(), w.data(), h.data(), c.data(), gates.data()}, {hidden, 1, 0}, {}, batch), 2 * flops);
  line(label("BiGRU forward"),
       call("gru_scan", {g.data(), w.data(), bias.data(), g_b.data(), w_b.data(), bias.data(), h.data(), gates.data()},
            {hidden, 2, 0}, {}, batch),
       3 * flops);
  line(label("BiGRU backward"),
       call("gru_scan_grad",
            {dh.data(), h.data(), gates.data(), w.data(), w_b.data(), dg.data(), dg_b.data(), dw.data(), dw_b.data(),
             db.data(), db_b.data()},
            {hidden, 2, 0}, {}, batch),
       6 * flops);
}

void attentions(int64_t sequences, int64_t shortest, int64_t longest, int64_t heads, int64_t d) {
  const Batch batch(sequences, shortest, longest);
  const int64_t n = batch.view.rows * heads * d;
  double pairs = 0;
  for (int64_t p = 0; p < sequences; ++p) pairs += std::pow(batch.offsets[p + 1] - batch.offsets[p], 2);
  const double flops = 2 * 2 * pairs * static_cast<double>(heads * d);
  Vector q = random_vector(n), k = q, v = q, dy = q, y(q), dq(q), dk(q), dv(q),
         lse(static_cast<size_t>(batch.view.rows * heads));
  for (const float rate : {0.0f, 0.1f}) {
    char name[96];
    std::snprintf(name, sizeof name, "attention, %ld x %ld-%ld, %ld x %ld, dropout %.1f", sequences, shortest, longest,
                  heads, d, rate);
    const std::vector<int64_t> ints = {heads, d, d, 0, 1};
    line(name, call("attention", {q.data(), k.data(), v.data(), y.data(), lse.data()}, ints, {0.1f, rate}, batch),
         flops);
    line("  its gradient",
         call("attention_grad",
              {dy.data(), q.data(), k.data(), v.data(), y.data(), lse.data(), dq.data(), dk.data(), dv.data()}, ints,
              {0.1f, rate}, batch),
         2.5 * flops);
  }
}

void crfs(int64_t tags) {
  const Batch batch(32, 5, 20);
  const int64_t rows = batch.view.rows;
  Vector scores = random_vector(rows * tags, 1), t = random_vector(tags * tags, 1), start = random_vector(tags),
         end = start;
  Vector logz(32), alpha(scores), dscores(scores), dt(t), dstart(start), dend(end);
  std::vector<int32_t> path(static_cast<size_t>(rows));
  const std::string label = "CRF, " + std::to_string(tags) + " tags, " + std::to_string(rows) + " rows: ";
  line(label + "forward",
       call("crf_logpartition", {scores.data(), t.data(), start.data(), end.data(), logz.data(), alpha.data()}, {tags},
            {}, batch),
       0);
  line(label + "gradient",
       call("crf_logpartition_grad",
            {logz.data(), scores.data(), t.data(), start.data(), end.data(), alpha.data(), dscores.data(), dt.data(),
             dstart.data(), dend.data()},
            {tags}, {}, batch),
       0);
  line(label + "Viterbi",
       call("crf_decode", {scores.data(), t.data(), start.data(), end.data(), path.data()}, {tags}, {}, batch), 0);
}

void optimizers() {
  const int64_t n = 2'000'000;
  Vector w = random_vector(n), g = random_vector(n), a(w), b(w);
  for (float& x : b) x = std::fabs(x);
  const char* names[] = {"sgd", "momentum", "adam", "adamw", "adagrad", "rmsprop", "lamb"};
  for (int rule = 0; rule < 7; ++rule) {
    const OptimizerSettings settings{.rule = static_cast<OptimizerRule>(rule)};
    std::vector<float> ones(b);
    line(std::string("dense ") + names[rule] + ", 2 M parameters", time_of([&] {
           update_dense(settings, {.lr = 1e-6f, .step = 100}, w.data(), g.data(), ones.data(), b.data(), n);
         }),
         0);
  }
  line("sum of squares, 2 M", time_of([&] { (void)sum_of_squares(g.data(), n); }), 0);
  const int64_t rows = 20000, width = 128, count = 1000;
  for (const bool zipf : {false, true}) {
    std::mt19937 generator(1);
    std::vector<std::vector<int32_t>> ids(256, std::vector<int32_t>(static_cast<size_t>(count)));
    std::uniform_real_distribution<double> uniform;
    for (auto& batch : ids) {
      for (int32_t& id : batch) {
        id = static_cast<int32_t>(zipf ? std::pow(static_cast<double>(rows), uniform(generator)) - 1
                                       : generator() % rows);
      }
    }
    Vector table = random_vector(rows * width), m(table.size()), v(table.size()),
           gradient = random_vector(count * width);
    RowTable state({.rule = OptimizerRule::adamw}, table.data(), m.data(), v.data(), rows, width);
    int64_t step = 0;
    const auto train_step = [&] {
      const auto& batch = ids[static_cast<size_t>(step++ % 256)];
      state.catch_up(batch.data(), count);
      state.begin_step();
      state.add_gradient(batch.data(), gradient.data(), count);
      state.update({.lr = 1e-3f, .weight_decay = 1e-2f, .step = step});
    };
    for (int i = 0; i < 256; ++i) train_step();
    line(std::string("rows of an embedding, adamw, 1000 of 20000 x 128, ") + (zipf ? "Zipf" : "uniform"),
         time_of(train_step), 0);
  }
}

}  // namespace

int main(int count, char** arguments) {
  set_threads(count > 1 ? std::atoi(arguments[1]) : 2);
  std::printf("threads: %d\n", threads());
  regions();
  products();
  recurrences(32, 5, 20, 128);
  recurrences(32, 20, 20, 128);
  recurrences(64, 10, 40, 256);
  recurrences(1, 12, 12, 128);
  attentions(32, 5, 30, 4, 64);
  attentions(16, 64, 64, 4, 64);
  attentions(8, 300, 500, 8, 32);
  for (const int64_t tags : {20, 73, 250}) crfs(tags);
  optimizers();
  return 0;
}
