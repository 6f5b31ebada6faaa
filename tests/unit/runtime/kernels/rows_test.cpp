// scatter_rows, windows, and the table of kernels.
#include "tests/unit/runtime/kernels/harness.h"

using namespace mtl::runtime;
using namespace mtl::runtime::testing;

TEST_CASE("kernels are found by name") {
  CHECK(find_kernel("lstm_scan") != nullptr);
  CHECK(find_kernel("lstm") == nullptr);
}

TEST_CASE("threads stay within the machine") {
  set_threads(1000);
  CHECK(threads() >= 1);
  CHECK(threads() <= 1000);
  set_threads(0);
  CHECK(threads() == 1);
}

TEST_CASE("scatter_rows adds rows by id and clears the rest") {
  for (const int64_t width : {5, 96}) {
    const Ragged space({150, 0, 200});
    const int64_t m = 2, rows = 40;
    std::mt19937 generator(5);
    std::vector<int32_t> ids(static_cast<size_t>(space.view.rows * m));
    for (int32_t& id : ids) id = static_cast<int32_t>(generator() % (rows + 2)) - 2;
    Vector x = random_vector(ids.size() * static_cast<size_t>(width), 1);
    std::vector<double> expected(static_cast<size_t>(rows * width), 0.0);
    for (size_t i = 0; i < ids.size(); ++i) {
      for (int64_t j = 0; ids[i] >= 0 && j < width; ++j) expected[ids[i] * width + j] += x[i * width + j];
    }
    Vector table(expected.size(), 9.0f);
    check_same_on_threads([&] {
      call("scatter_rows", {ids.data(), x.data(), table.data()}, {m, rows, width}, {}, space.view);
      CHECK(difference(table, expected) < 1e-5);
      return std::vector<Vector>{table};
    });
  }
}

TEST_CASE("rows move between the segments of two spaces") {
  const Ragged from({4, 0, 1, 7, 2}), to({3, 2, 0, 9, 2}), skipped({1, 0, 3, 2, 2});
  const int64_t width = 3;
  Vector x = random_vector(static_cast<size_t>(from.view.rows * width), 1);
  for (const int64_t sign : {-1, 0, 1}) {
    Vector y(static_cast<size_t>(to.view.rows * width), 7.0f);
    call("move_rows", {x.data(), y.data()}, {width, sign}, {},
         std::vector<const SpaceView*>{&to.view, &from.view, &skipped.view});
    for (int64_t r = 0; r < to.view.rows; ++r) {
      const int64_t p = to.parent[r], skip = skipped.offsets[p + 1] - skipped.offsets[p];
      const int64_t place = r - to.offsets[p] + sign * skip, length = from.offsets[p + 1] - from.offsets[p];
      for (int64_t d = 0; d < width; ++d) {
        const bool inside = place >= 0 && place < length;
        REQUIRE(y[r * width + d] == (inside ? x[(from.offsets[p] + place) * width + d] : 0.0f));
      }
    }
  }
}

TEST_CASE("segments are joined one behind the other") {
  const Ragged a({4, 0, 1, 7, 2}), b({0, 0, 3, 1, 2}), joined({4, 0, 4, 8, 4});
  Vector x = random_vector(static_cast<size_t>(a.view.rows), 1), y = random_vector(static_cast<size_t>(b.view.rows), 2);
  Vector both(static_cast<size_t>(joined.view.rows));
  call("concat_rows", {x.data(), y.data(), both.data()}, {1, 2}, {},
       std::vector<const SpaceView*>{&joined.view, &a.view, &b.view});
  Vector expected;
  for (size_t p = 0; p < 5; ++p) {
    expected.insert(expected.end(), x.begin() + a.offsets[p], x.begin() + a.offsets[p + 1]);
    expected.insert(expected.end(), y.begin() + b.offsets[p], y.begin() + b.offsets[p + 1]);
  }
  CHECK(both == expected);
}

TEST_CASE("segments are copied for each row below their parent, and the copies added up") {
  const Ragged above({2, 0, 1, 3}), parts({1, 2, 0, 1, 1, 2}), x({3, 5, 1, 2});
  const Ragged pairs({3, 3, 3, 2, 2, 2, 2});  // one for each row of `parts`, by the row of `above` that it is below
  const std::vector<const SpaceView*> spaces = {&pairs.view, &x.view, &parts.view, &above.view};
  const int64_t width = 3;
  Vector from = random_vector(static_cast<size_t>(x.view.rows * width), 1);
  Vector copies(static_cast<size_t>(pairs.view.rows * width)), sums(from.size(), 99.0f);
  call("copy_rows", {from.data(), copies.data()}, {width, 2}, {}, spaces);
  call("sum_copies", {copies.data(), sums.data()}, {width, 2}, {}, spaces);
  Vector expected, times(from.size());
  for (int64_t p = 0; p < pairs.view.parent_rows; ++p) {
    const int32_t ancestor = above.parent[parts.parent[p]];
    const int64_t begin = x.offsets[ancestor] * width, end = x.offsets[ancestor + 1] * width;
    expected.insert(expected.end(), from.begin() + begin, from.begin() + end);
    for (int64_t i = begin; i < end; ++i) times[i] += from[i];
  }
  CHECK(copies == expected);
  CHECK(difference(sums, times) < 1e-6);
}

TEST_CASE("pairs are repeated for each row of a third sequence, and the copies added up") {
  const Ragged above({2, 1}), t({1, 0, 2}), own({2, 3, 1}), pairs({1, 2, 0, 3, 1, 2});  // pairs (u, v); t below `above`
  const Ragged near({2, 1, 1}), repeated({1, 2, 2, 2});                                 // (t, u) and (t, u, v)
  const std::vector<const SpaceView*> spaces = {&repeated.view, &pairs.view, &near.view, &own.view, &t.view};
  const int64_t width = 2;
  Vector from = random_vector(static_cast<size_t>(pairs.view.rows * width), 1);
  Vector copies(static_cast<size_t>(repeated.view.rows * width)), sums(from.size(), 99.0f);
  call("repeat_pairs", {from.data(), copies.data()}, {width, 1}, {}, spaces);
  call("sum_repeated", {copies.data(), sums.data()}, {width, 1}, {}, spaces);
  Vector expected, times(from.size());
  for (size_t r = 0; r < near.parent.size(); ++r) {
    const int32_t of = own.offsets[t.parent[near.parent[r]]] + near.position[r];
    for (int64_t i = pairs.offsets[of] * width; i < pairs.offsets[of + 1] * width; ++i)
      expected.push_back(from[i]), times[i] += from[i];
  }
  CHECK(copies == expected);
  CHECK(difference(sums, times) < 1e-6);
}

TEST_CASE("rows are looked up by position, and what comes back is added up") {
  const Ragged above({2, 0, 1, 3}), below({1, 2, 0, 1, 1, 2}), x({3, 5, 1, 2});
  const std::vector<const SpaceView*> spaces = {&below.view, &x.view, &below.view, &above.view};
  const int64_t width = 3, count = 2;
  std::mt19937 generator(3);
  std::vector<int32_t> ids(static_cast<size_t>(below.view.rows * count));
  for (int32_t& id : ids) id = static_cast<int32_t>(generator() % 7) - 1;  // some are behind the end
  Vector from = random_vector(static_cast<size_t>(x.view.rows * width), 1), back = random_vector(ids.size() * width, 2);
  Vector expected(back.size());
  std::vector<double> sums(from.size());
  int outside = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const int32_t ancestor = above.parent[below.parent[i / count]];
    const bool inside = ids[i] >= 0 && ids[i] < x.offsets[ancestor + 1] - x.offsets[ancestor];
    outside += inside ? 0 : 1;
    for (int64_t d = 0; inside && d < width; ++d) {
      const size_t element = static_cast<size_t>((x.offsets[ancestor] + ids[i]) * width + d);
      expected[i * width + d] = from[element];
      sums[element] += back[i * width + d];
    }
  }
  CHECK(outside > 2);
  check_same_on_threads([&] {
    Vector rows(back.size(), 99.0f), added(from.size(), 99.0f);
    call("gather_rows", {from.data(), ids.data(), rows.data()}, {count, width, 2}, {}, spaces);
    call("scatter_add_rows", {ids.data(), back.data(), added.data()}, {count, width, 2}, {}, spaces);
    CHECK(rows == expected);
    CHECK(difference(added, sums) < 1e-6);
    return std::vector<Vector>{rows, added};
  });
}

TEST_CASE("windows stay inside their segment, and their gradient is the transpose") {
  const Ragged space({4, 0, 1, 7, 2});
  for (const int64_t before : {0, 1, 3}) {
    const int64_t width = 6, size = 4, rows = space.view.rows;
    Vector x = random_vector(static_cast<size_t>(rows * width), 1), y(static_cast<size_t>(rows * width * size));
    call("windows", {x.data(), y.data()}, {width, size, before}, {}, space.view);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t d = 0; d < width; ++d) {
        for (int64_t j = 0; j < size; ++j) {
          const int64_t src = r + j - before, p = space.parent[r];
          const float expected = src >= space.offsets[p] && src < space.offsets[p + 1] ? x[src * width + d] : 0.0f;
          REQUIRE(y[(r * width + d) * size + j] == expected);
        }
      }
    }
    // <windows(x), dy> = <x, windows_grad(dy)>
    Vector dy = random_vector(y.size(), 2), dx(x.size());
    call("windows_grad", {dy.data(), dx.data()}, {width, size, before}, {}, space.view);
    const double left = std::inner_product(y.begin(), y.end(), dy.begin(), 0.0);
    CHECK(std::inner_product(x.begin(), x.end(), dx.begin(), 0.0) == Approx(left).epsilon(1e-4));
  }
}
