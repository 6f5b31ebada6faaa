// Tests of runtime/training/sources.h.
#include "runtime/training/sources.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>

using namespace mtl;
using namespace mtl::training;

namespace {

data::Split split_of(int64_t examples, std::vector<int32_t> lengths = {}) {
  data::Split split;
  split.examples = examples;
  if (lengths.empty()) return split;
  data::Ragged ragged;
  ragged.offsets.push_back(0);
  for (int32_t length : lengths) ragged.offsets.push_back(ragged.offsets.back() + length);
  split.ragged["T"] = ragged;
  return split;
}

std::vector<uint32_t> pass(Stream& stream, std::vector<size_t>* sizes = nullptr) {
  std::vector<uint32_t> seen;
  while (static_cast<int64_t>(seen.size()) < stream.examples()) {
    const auto batch = stream.next();
    if (sizes) sizes->push_back(batch.size());
    seen.insert(seen.end(), batch.begin(), batch.end());
  }
  return seen;
}

std::vector<Stream> three() {
  std::vector<Stream> streams;
  streams.emplace_back(split_of(100), "a", BatchSize{10, false}, 1);
  streams.emplace_back(split_of(45), "b", BatchSize{10, false}, 1);
  streams.emplace_back(split_of(20), "c", BatchSize{4, false}, 1);
  return streams;
}

std::map<int32_t, int> count(const std::vector<int32_t>& plan) {
  std::map<int32_t, int> counts;
  for (int32_t i : plan) ++counts[i];
  return counts;
}

MixConfig mix_of(MixKind kind) {
  MixConfig config;
  config.kind = kind;
  return config;
}

}  // namespace

TEST_CASE("a pass gives every example once, each pass in its own order") {
  Stream stream(split_of(103), "s", {10, false}, 7);
  CHECK(stream.batches(0) == 11);
  std::vector<size_t> sizes;
  auto first = pass(stream, &sizes), second = pass(stream);
  CHECK(sizes.size() == 11);
  CHECK(sizes.back() == 3);
  CHECK(first != second);
  Stream same(split_of(103), "s", {10, false}, 7), other_name(split_of(103), "t", {10, false}, 7),
      other_seed(split_of(103), "s", {10, false}, 8);
  CHECK(pass(same) == first);
  CHECK(pass(other_name) != first);
  CHECK(pass(other_seed) != first);
  std::sort(first.begin(), first.end());
  std::sort(second.begin(), second.end());
  for (uint32_t i = 0; i < 103; ++i) CHECK((first[i] == i && second[i] == i));
}

TEST_CASE("a stream goes on where its cursor stood") {
  Stream stream(split_of(25), "s", {10, false}, 7), again(split_of(25), "s", {10, false}, 7);
  for (int i = 0; i < 5; ++i) stream.next();
  again.resume(stream.cursor());
  for (int i = 0; i < 7; ++i) {
    const auto a = stream.next(), b = again.next();
    CHECK(std::equal(a.begin(), a.end(), b.begin(), b.end()));
  }
}

TEST_CASE("batches of tokens hold as many examples as fit") {
  std::vector<int32_t> lengths;
  for (int i = 0; i < 60; ++i) lengths.push_back(1 + i % 13);
  lengths.push_back(50);  // longer than a batch: one of its own
  Stream stream(split_of(61, lengths), "s", {32, true}, 7);
  int64_t batches = 0, seen = 0;
  while (seen < 61) {
    const auto batch = stream.next();
    int64_t tokens = 0;
    for (uint32_t i : batch) tokens += lengths[i];
    CHECK((tokens <= 32 || batch.size() == 1));
    CHECK(static_cast<int64_t>(batch.size()) <= stream.most_examples());
    seen += static_cast<int64_t>(batch.size());
    ++batches;
  }
  CHECK(batches == stream.batches(0));
}

TEST_CASE("every mix has its steps and its epoch") {
  const auto streams = three();  // 10, 5 and 5 batches
  const auto joint = Mix(mix_of(MixKind::joint), streams, 1).plan(0);
  CHECK(joint == std::vector<int32_t>(10, Mix::kAll));
  const auto robin = Mix(mix_of(MixKind::round_robin), streams, 1).plan(0);
  REQUIRE(robin.size() == 30);
  for (size_t i = 0; i < 30; ++i) CHECK(robin[i] == static_cast<int32_t>(i % 3));
  const auto turn = Mix(mix_of(MixKind::in_turn), streams, 1).plan(3);
  REQUIRE(turn.size() == 20);
  CHECK(std::is_sorted(turn.begin(), turn.end()));
  CHECK(count(turn) == std::map<int32_t, int>{{0, 10}, {1, 5}, {2, 5}});
}

TEST_CASE("drawn mixes follow their probabilities, and draw anew each epoch") {
  const auto streams = three();  // 100, 45 and 20 examples
  const auto share = [&](MixConfig config) {
    const Mix mix(config, streams, 1);
    std::vector<double> share(3);
    for (int64_t epoch = 0; epoch < 500; ++epoch) {
      const auto plan = mix.plan(epoch);
      CHECK(plan.size() == 20);
      for (int32_t i : plan) share[static_cast<size_t>(i)] += 1.0 / (500 * 20);
    }
    return share;
  };
  CHECK(share(mix_of(MixKind::proportional))[0] == Approx(100.0 / 165).margin(0.02));
  CHECK(share(mix_of(MixKind::uniform))[2] == Approx(1.0 / 3).margin(0.02));
  CHECK(share(mix_of(MixKind::sqrt))[1] == Approx(6.708 / (10 + 6.708 + 4.472)).margin(0.02));
  MixConfig temperature = mix_of(MixKind::temperature);
  temperature.temperature = 2;
  CHECK(share(temperature) == share(mix_of(MixKind::sqrt)));
  MixConfig weighted = mix_of(MixKind::weighted);
  weighted.weights = {{"a", 3}, {"c", 1}};
  CHECK(share(weighted)[0] == Approx(0.75).margin(0.02));
  CHECK(share(weighted)[1] == 0);
  const Mix mix(mix_of(MixKind::uniform), streams, 1);
  CHECK(mix.plan(0) != mix.plan(1));
  CHECK(mix.plan(4) == Mix(mix_of(MixKind::uniform), streams, 1).plan(4));
}
