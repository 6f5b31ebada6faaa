// Ragged batches, random buffers and kernel calls for the tests of runtime/.
#pragma once
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <vector>

#include "runtime/core/gemm.h"
#include "runtime/core/kernels.h"
#include "runtime/core/random.h"

namespace mtl::runtime::testing {

using Vector = std::vector<float>;

// Segments of the given lengths under as many parent rows.
struct Ragged {
  std::vector<int32_t> offsets, parent, position, order;
  std::vector<uint64_t> identity;
  SpaceView view;

  explicit Ragged(const std::vector<int>& lengths) {
    offsets.push_back(0);
    for (size_t p = 0; p < lengths.size(); ++p) {
      for (int i = 0; i < lengths[p]; ++i) {
        parent.push_back(static_cast<int32_t>(p));
        position.push_back(i);
        identity.push_back(child_identity(example_identity(p), static_cast<uint64_t>(i)));
      }
      offsets.push_back(static_cast<int32_t>(parent.size()));
    }
    order.resize(lengths.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return lengths[a] > lengths[b]; });
    view.rows = static_cast<int64_t>(parent.size());
    view.parent_rows = static_cast<int64_t>(lengths.size());
    view.offsets = offsets.data();
    view.parent = parent.data();
    view.position = position.data();
    view.order = order.data();
    view.identity = identity.data();
    view.longest = lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end());
  }
  Ragged(const Ragged&) = delete;
};

inline Vector random_vector(size_t n, unsigned seed, float scale = 1.0f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0.0f, scale);
  Vector out(n);
  for (float& x : out) x = normal(generator);
  return out;
}

// body(workspace of so many bytes), filled with NaN bytes; canaries after it must survive.
template <class Body>
void with_workspace(size_t bytes, Body&& body) {
  const size_t whole = (bytes + 64 + 63) / 64 * 64;
  std::unique_ptr<char, decltype(&std::free)> workspace(static_cast<char*>(std::aligned_alloc(64, whole)), &std::free);
  std::memset(workspace.get(), 0xFF, whole);
  body(workspace.get());
  for (size_t i = bytes; i < whole; ++i) REQUIRE(workspace.get()[i] == '\xFF');
}

inline void multiply(const Gemm& p) {
  with_workspace(gemm_workspace(p.m, p.n, p.k), [&](void* workspace) { gemm(p, workspace); });
}

inline void call(const char* name, std::vector<void*> buffers, std::vector<int64_t> ints, std::vector<float> floats,
                 const std::vector<const SpaceView*>& spaces, StepScalars step = {}) {
  const KernelInfo* kernel = find_kernel(name);
  REQUIRE(kernel != nullptr);
  const size_t bytes = kernel->workspace == nullptr ? 0 : kernel->workspace({ints.data(), spaces.data(), threads()});
  with_workspace(bytes, [&](void* workspace) {
    kernel->run({buffers.data(), ints.data(), floats.data(), spaces.data(), workspace, &step});
  });
}

inline void call(const char* name, std::vector<void*> buffers, std::vector<int64_t> ints, std::vector<float> floats,
                 const SpaceView& space, StepScalars step = {}) {
  call(name, std::move(buffers), std::move(ints), std::move(floats), std::vector<const SpaceView*>{&space}, step);
}

// Largest |a - b| relative to the largest |b|, or to `least` if that is greater.
template <class A, class B>
double difference(const A& a, const B& b, double least = 1e-3) {
  REQUIRE(a.size() == b.size());
  double most = least, off = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, std::fabs(static_cast<double>(b[i])));
    const double d = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(d <= off)) off = d;  // a NaN stays
  }
  return off / most;
}

inline bool same_bits(const Vector& a, const Vector& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0);
}

// Runs `body` on one thread and on several and compares what it returns bit by bit.
template <class Body>
void check_same_on_threads(Body&& body) {
  set_threads(1);
  const std::vector<Vector> one = body();
  for (const int count : {2, 7, 64}) {
    set_threads(count);
    const std::vector<Vector> several = body();
    REQUIRE(one.size() == several.size());
    for (size_t i = 0; i < one.size(); ++i) {
      INFO("result " << i << " on " << count << " threads");
      CHECK(same_bits(one[i], several[i]));
    }
  }
  set_threads(2);
}

}  // namespace mtl::runtime::testing
