// Scores against numbers worked out by hand, and against those of scikit-learn 1.9.1 and scipy 1.17.1 where the call
// stands beside them. Those of BIO and IOBES spans are what precision_score, recall_score and f1_score of seqeval 1.2.2
// say of the same sentences.
#include "runtime/training/metrics.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

using namespace mtl::training;
using Ids = std::vector<int32_t>;
using Floats = std::vector<float>;
using Offsets = std::vector<int64_t>;

namespace {
const float kNone = std::nanf("");

// F1 of tag names, one sentence in each pair. "?" is no label; what is neither in `labels` nor "?" is unseen in train.
SpanScores spans(const std::vector<std::string>& labels,
                 const std::vector<std::pair<std::vector<std::string>, std::vector<std::string>>>& sentences) {
  std::vector<std::string> unseen;
  const auto place = [](const std::vector<std::string>& names, const std::string& name) {
    return static_cast<int32_t>(std::find(names.begin(), names.end(), name) - names.begin());
  };
  const auto id = [&](const std::string& name) {
    if (name == "?") return -1;
    if (place(labels, name) < std::ssize(labels)) return place(labels, name);
    if (place(unseen, name) == std::ssize(unseen)) unseen.push_back(name);
    return -2 - place(unseen, name);
  };
  for (const auto& [predicted, gold] : sentences) {
    for (const auto& name : gold) id(name);
  }
  SpanScores scores(labels, unseen);
  for (const auto& [predicted, gold] : sentences) {
    Ids p, g;
    for (const auto& name : predicted) p.push_back(id(name));
    for (const auto& name : gold) g.push_back(id(name));
    scores.add(p, g, Offsets{0, static_cast<int64_t>(g.size())});
  }
  return scores;
}
const std::vector<std::string> kBio{"O", "B-x", "I-x", "B-y", "I-y"};
}  // namespace

TEST_CASE("accuracy and macro F1 of classes") {
  ClassScores scores(4);
  // Class 0: gold 3, predicted 2, right 2: F1 = 4 / 5. Class 1: gold 2, predicted 3, right 1: 2 / 5.
  // Class 2: gold 1, predicted 1, right 0: 0. Class 3 occurs nowhere. Two batches, one row without a label.
  scores.add(Ids{0, 0, 1, 3}, Ids{0, 0, 0, -1});
  scores.add(Ids{1, 2, 1}, Ids{1, 1, 2});
  CHECK(scores.accuracy() == Approx(3.0 / 6));
  CHECK(scores.macro_f1() == Approx((0.8 + 0.4 + 0) / 3));
}

TEST_CASE("a label that train does not have is an error and a class of its own") {
  ClassScores scores(2);
  // Class 0: gold 1, predicted 2, right 1: 2 / 3. Class 1: 1, 1, 1: 1. Unseen: 0.
  scores.add(Ids{0, 1, 0}, Ids{0, 1, -3});
  CHECK(scores.accuracy() == Approx(2.0 / 3));
  CHECK(scores.macro_f1() == Approx((2.0 / 3 + 1 + 0) / 3));
  // Two more of them, of which one is new: gold [a, b, x, x, y], predicted [a, b, a, b, b] is what scikit-learn has as
  // f1_score(average="macro") = 0.291666...
  scores.add(Ids{1, 1}, Ids{-3, -2});
  CHECK(scores.macro_f1() == Approx((2.0 / 3 + 0.5 + 0 + 0) / 4));
  scores.add_wrong(2);  // what `limit` cut
  CHECK(scores.accuracy() == Approx(2.0 / 7));
}

TEST_CASE("nothing counted is no score") {
  ClassScores classes(2);
  classes.add(Ids{0}, Ids{-1});
  CHECK(std::isnan(classes.accuracy()));
  CHECK(std::isnan(classes.macro_f1()));
  CHECK(std::isnan(TruthScores().accuracy()));
  CHECK(std::isnan(TruthScores().f1()));
  CHECK(std::isnan(SetScores(2).exact_match()));
  CHECK(std::isnan(NumberScores(1).rmse()));
}

TEST_CASE("whole sequences") {
  SequenceScores scores;
  // Right; wrong in one place; right where labelled; without a label; empty.
  scores.add(Ids{1, 2, 1, 1, 3, 9, 9}, Ids{1, 2, 1, 2, 3, -1, -1}, Offsets{0, 2, 4, 6, 7, 7});
  CHECK(scores.exact_match() == Approx(2.0 / 3));
}

TEST_CASE("span F1 of BIO tags: kind, begin and end have to be right") {
  const SpanScores scores =
      spans(kBio, {
                      {{"B-x", "I-x", "O", "B-y"}, {"B-x", "I-x", "O", "B-y"}},  // 2 of 2
                      {{"B-x", "I-x", "I-x", "O"}, {"B-x", "I-x", "O", "O"}},    // too long: 0 of 1, 1 there
                      {{"B-y", "I-y", "O", "O"}, {"B-x", "I-x", "O", "O"}},      // another kind: 0 of 1, 1 there
                      {{"B-x", "B-x", "O", "O"}, {"B-x", "I-x", "O", "O"}},      // cut in two: 0 of 2, 1 there
                      {{"O", "O", "O", "O"}, {"O", "O", "B-y", "I-y"}},          // 0 of 0, 1 there
                  });
  CHECK(scores.precision() == Approx(2.0 / 6));
  CHECK(scores.recall() == Approx(2.0 / 6));
  CHECK(scores.f1() == Approx(2.0 / 6));
}

TEST_CASE("span F1 as conlleval reads tags that no B begins") {
  // I behind O begins a stretch (IOB1); I of another kind does too, behind B as behind I.
  CHECK(spans(kBio, {{{"O", "I-x", "I-x"}, {"O", "B-x", "I-x"}}}).f1() == 1);
  const SpanScores mixed = spans(kBio, {{{"B-x", "I-y", "I-x"}, {"B-x", "B-y", "B-x"}}});
  CHECK(mixed.f1() == 1);
  // Two stretches of one kind side by side: only B parts them.
  const SpanScores joined = spans(kBio, {{{"I-x", "I-x"}, {"I-x", "B-x"}}});  // 1 found, 2 there, 0 right
  CHECK(joined.precision() == 0);
  CHECK(joined.f1() == 0);
}

TEST_CASE("span F1 does not run over the end of a sentence") {
  const SpanScores scores = spans(kBio, {{{"B-x"}, {"B-x"}}, {{"I-x"}, {"I-x"}}});
  CHECK(scores.precision() == 1);
  CHECK(scores.recall() == 1);
  SpanScores one(kBio);
  one.add(Ids{1, 2, 2}, Ids{1, 2, 2}, Offsets{0, 2, 3});  // the third position is a stretch of its own
  CHECK(one.f1() == 1);
  SpanScores differs(kBio);
  differs.add(Ids{1, 2, 0}, Ids{1, 2, 2}, Offsets{0, 2, 3});  // 1 found, 2 there
  CHECK(differs.recall() == Approx(0.5));
}

TEST_CASE("span F1 of IOBES and BILOU") {
  const std::vector<std::string> iobes{"O", "B-x", "I-x", "E-x", "S-x"};
  const SpanScores a =
      spans(iobes, {{{"S-x", "S-x", "B-x", "E-x", "I-x", "E-x"}, {"S-x", "S-x", "B-x", "E-x", "B-x", "E-x"}}});
  CHECK(a.f1() == 1);  // E ends: the I behind it begins a stretch
  const SpanScores b = spans(iobes, {{{"B-x", "I-x", "E-x"}, {"B-x", "E-x", "S-x"}}});  // 1 found, 2 there
  CHECK(b.f1() == 0);
  const std::vector<std::string> bilou{"O", "B-x", "I-x", "L-x", "U-x"};
  CHECK(spans(bilou, {{{"U-x", "B-x", "I-x", "L-x", "U-x"}, {"U-x", "B-x", "I-x", "L-x", "U-x"}}}).f1() == 1);
  CHECK(spans(bilou, {{{"U-x", "U-x"}, {"B-x", "L-x"}}}).f1() == 0);
}

TEST_CASE("span F1 of labels that train does not have, and of unlabelled positions") {
  const SpanScores unseen = spans(kBio, {{{"B-x", "O", "O"}, {"B-x", "O", "I-new"}}});  // 1 of 1, 2 there
  CHECK(unseen.precision() == 1);
  CHECK(unseen.recall() == Approx(0.5));
  // An unseen tag closes the stretch in front of it, unless it goes on with one of its kind.
  const SpanScores closed = spans(kBio, {{{"B-x", "O", "O"}, {"B-x", "I-new", "O"}}});  // 1 of 1, 2 there
  CHECK(closed.precision() == 1);
  CHECK(closed.recall() == Approx(0.5));
  const std::vector<std::string> few{"O", "B-x", "I-y"};
  CHECK(spans(few, {{{"B-x", "B-x", "O"}, {"B-x", "I-x", "O"}}}).f1() == 0);
  CHECK(spans(few, {{{"B-x", "O", "O"}, {"B-x", "E-x", "O"}}}).f1() == 0);
  CHECK(spans(few, {{{"I-y", "I-y", "O"}, {"B-y", "I-y", "O"}}}).f1() == 1);
  const SpanScores two = spans(kBio, {{{"O", "O", "O"}, {"B-a", "I-a", "I-b"}}});  // 2 there
  CHECK(two.f1() == 0);
  CHECK(spans(kBio, {{{"B-x", "O", "O"}, {"B-x", "E", "other"}}}).recall() == Approx(0.5));
  const SpanScores partly = spans(kBio, {{{"B-x", "B-y", "O"}, {"B-x", "?", "O"}}});
  CHECK(partly.f1() == 1);
  CHECK(spans(kBio, {{{"O"}, {"O"}}}).f1() == 0);
}

TEST_CASE("accuracy, F1 and AUC of truth values") {
  TruthScores scores;
  scores.add(Floats{0.9f, 0.4f, 0.6f, 0.1f, 0.5f}, Floats{1, 1, 0, 0, kNone});
  // Decided: true, false, true, false. Right: 2 of 4. True: predicted 2, gold 2, right 1.
  CHECK(scores.accuracy() == Approx(0.5));
  CHECK(scores.f1() == Approx(0.5));
  // Pairs (true, false): 0.9 > 0.6, 0.9 > 0.1, 0.4 < 0.6, 0.4 > 0.1: 3 of 4.
  CHECK(scores.auc() == Approx(0.75));
}

TEST_CASE("AUC counts ties as one half and needs both classes") {
  TruthScores scores;
  scores.add(Floats{0.5f, 0.5f, 0.5f, 0.2f}, Floats{1, 0, 1, 0});
  // Pairs: two ties (0.5 each), two wins: 3 of 4.
  CHECK(scores.auc() == Approx(0.75));
  TruthScores one;
  one.add(Floats{0.1f, 0.9f}, Floats{1, 1});
  CHECK(std::isnan(one.auc()));
  CHECK(one.accuracy() == Approx(0.5));
}

TEST_CASE("AUC equals the count over all pairs") {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> level(0, 20), coin(0, 1);
  Floats probabilities, gold;
  for (int i = 0; i < 200; ++i) {
    probabilities.push_back(static_cast<float>(level(random)) / 20);
    gold.push_back(static_cast<float>(coin(random)));
  }
  double wins = 0, pairs = 0;
  for (int i = 0; i < 200; ++i) {
    for (int j = 0; j < 200; ++j) {
      if (gold[i] != 1 || gold[j] != 0) continue;
      pairs += 1;
      wins += probabilities[i] > probabilities[j] ? 1 : probabilities[i] == probabilities[j] ? 0.5 : 0;
    }
  }
  TruthScores scores;
  scores.add(probabilities, gold);
  CHECK(scores.auc() == Approx(wins / pairs));
}

TEST_CASE("sets of classes") {
  SetScores scores(3);
  // Row 1: said {0, 1}, is {0}. Row 2: said {}, is {2}. Row 3: said {1}, is {1}. Row 4 has no label.
  scores.add(Floats{0.9f, 0.8f, 0, 0, 0, 0.4f, 0, 1, 0, 1, 1, 1},
             Floats{1, 0, 0, 0, 0, 1, 0, 1, 0, kNone, kNone, kNone});
  // Right 2, said 3, is 3. Class F1: 0: 2/2, 1: 2/3, 2: 0.
  CHECK(scores.micro_f1() == Approx(2.0 * 2 / (3 + 3)));
  CHECK(scores.macro_f1() == Approx((1 + 2.0 / 3 + 0) / 3));
  CHECK(scores.exact_match() == Approx(1.0 / 3));
  CHECK(scores.accuracy() == Approx(7.0 / 9));
}

TEST_CASE("a class of a set that train does not have is missed") {
  SetScores scores(2, 3);
  scores.add(Floats{1, 0, 0, 1}, Floats{1, 0, 0, 1}, Ids{1, 0});
  CHECK(scores.exact_match() == Approx(0.5));
  CHECK(scores.micro_f1() == Approx(2.0 * 2 / (2 + 3)));
  CHECK(scores.macro_f1() == Approx(2.0 / 5));
}

TEST_CASE("numbers") {
  NumberScores scores(1);
  const double predicted[] = {2.5, 0, 2, 8}, gold[] = {3, -0.5, 2, 7};
  for (int i = 0; i < 4; ++i) scores.add(0, predicted[i], gold[i]);
  scores.add(0, 100, kNone);
  // Errors 0.5, 0.5, 0, 1: MAE 2/4, MSE 1.5/4. Mean of gold 2.875, squares 0.015625 + 11.390625 + 0.765625 + 17.015625
  // = 29.1875.
  CHECK(scores.mae() == Approx(0.5));
  CHECK(scores.rmse() == Approx(std::sqrt(0.375)));
  CHECK(scores.r2() == Approx(1 - 1.5 / 29.1875));
  // Mean of predicted 3.125: py = -0.078125 + 10.546875 + 0.984375 + 20.109375 = 31.5625; pp = 0.390625 + 9.765625 +
  // 1.265625 + 23.765625 = 35.1875.
  CHECK(scores.pearson() == Approx(31.5625 / std::sqrt(35.1875 * 29.1875)));
}

TEST_CASE("the scores of several numbers are the means over the elements") {
  NumberScores scores(2);
  scores.add(0, 1, 2);
  scores.add(0, 5, 4);  // element 0: MAE 1, RMSE 1, R² = 1 - 2 / 2 = 0, r = 1
  scores.add(1, 0, 3);
  scores.add(1, 6, 7);  // element 1: MAE 2, RMSE sqrt(5), R² = 1 - 10 / 8, r = 1
  CHECK(scores.mae() == Approx(1.5));
  CHECK(scores.rmse() == Approx((1 + std::sqrt(5.0)) / 2));
  CHECK(scores.r2() == Approx(-0.125));
  CHECK(scores.pearson() == Approx(1));
}

TEST_CASE("numbers of a constant target, and of one row") {
  NumberScores scores(1);
  scores.add(0, 1, 5);
  CHECK(std::isnan(scores.r2()));       // r2_score([5], [1]): nan
  CHECK(std::isnan(scores.pearson()));  // pearsonr: ValueError, at least 2
  CHECK(scores.rmse() == 4);
  scores.add(0, 2, 5);
  CHECK(scores.r2() == 0);              // r2_score([5, 5], [1, 2])
  CHECK(std::isnan(scores.pearson()));  // pearsonr([5, 5], [1, 2]): nan
  CHECK(scores.mae() == Approx(3.5));
  NumberScores right(1);
  right.add(0, 5, 5);
  right.add(0, 5, 5);
  CHECK(right.r2() == 1);  // r2_score([5, 5], [5, 5])
  // r2_score([[1, 5], [2, 5], [3, 5]], [[1, 4], [2, 5], [4, 5]]): the mean of 0.5 and 0.
  NumberScores two(2);
  const double said[][2] = {{1, 4}, {2, 5}, {4, 5}}, is[][2] = {{1, 5}, {2, 5}, {3, 5}};
  for (int row = 0; row < 3; ++row)
    for (int k = 0; k < 2; ++k) two.add(k, said[row][k], is[row][k]);
  CHECK(two.r2() == Approx(0.25));
}

TEST_CASE("log loss of truth values") {
  TruthScores scores;
  scores.add(Floats{0.9f, 0.6f, 0.4f, 0.1f}, Floats{1, 0, 1, 0});
  CHECK(scores.log_loss() == Approx(0.5108256340026855));  // log_loss([1, 0, 1, 0], [.9, .6, .4, .1])
  TruthScores sure;
  sure.add(Floats{0, 1}, Floats{1, 0});
  // log_loss([1, 0], np.array([0, 1], np.float32))
  CHECK(sure.log_loss() == Approx(15.942384719848633));
  TruthScores one;
  one.add(Floats{0.5f, 0.9f}, Floats{1, 1});
  CHECK(one.log_loss() == Approx(0.39925384810888576));  // log_loss([1, 1], [.5, .9], labels=[0, 1])
  CHECK(std::isnan(TruthScores().log_loss()));
}

TEST_CASE("AUC of groups is the mean over those that have both values") {
  // By group: 1 of 1 pair, one value only, half of two pairs, no group, 1 of 1.
  const Floats said{0.9f, 0.1f, 0.3f, 0.5f, 0.7f, 0.2f, 0.4f, 0.6f, 0.8f, 0.3f};
  const Floats is{1, 0, 1, 1, 0, 0, 1, 0, 1, kNone};
  const Ids groups{0, 0, 1, 2, 2, 2, -1, -2, -2, 1};
  CHECK(grouped_auc(said, is, groups) == Approx((1 + 0.5 + 1) / 3));
  CHECK(std::isnan(grouped_auc(said, is, Ids(10, -1))));
}

TEST_CASE("log loss of classes") {
  const Floats scores{2, 1, 0, 0, 0, 0, -1, 3, 3};
  // log_loss([0, 2, 1], softmax(scores), labels=[0, 1, 2])
  CHECK(class_log_loss(scores, Ids{0, 2, 1}, 3) == Approx(0.7361605763435364));
  CHECK(class_log_loss(Floats{2, 1, 0, 0, 0, 0}, Ids{-1, 2}, 3) == Approx(std::log(3)));
  // log_loss(["a", "b", "u"], np.array([[.9, .1, 0], [.2, .8, 0], [.5, .5, 0]], np.float32), labels=["a", "b", "u"]),
  // where train does not have u.
  const Floats probabilities{std::log(0.9f), std::log(0.1f), std::log(0.2f), std::log(0.8f), 0, 0};
  CHECK(class_log_loss(probabilities, Ids{0, 1, -2}, 2) == Approx(5.4236297607421875));
  CHECK(std::isnan(class_log_loss(Floats{0, 0}, Ids{-1}, 2)));
}

TEST_CASE("scores of edge cases are scikit-learn's") {
  TruthScores none;  // f1_score([0, 0], [0, 0]), roc_auc_score([0, 0], ...): nan
  none.add(Floats{0.1f, 0.2f}, Floats{0, 0});
  CHECK(none.f1() == 0);
  CHECK(none.accuracy() == 1);
  CHECK(std::isnan(none.auc()));
  TruthScores tied;  // roc_auc_score([1, 0, 1, 0], [.5] * 4)
  tied.add(Floats{0.5f, 0.5f, 0.5f, 0.5f}, Floats{1, 0, 1, 0});
  CHECK(tied.auc() == 0.5);
  ClassScores one(2);  // f1_score(["a"], ["a"], average="macro")
  one.add(Ids{0}, Ids{0});
  CHECK(one.macro_f1() == 1);
  ClassScores other(2);  // f1_score(["a", "a"], ["b", "b"], average="macro")
  other.add(Ids{1, 1}, Ids{0, 0});
  CHECK(other.macro_f1() == 0);
  // y = [[1, 0, 0], [0, 0, 0], [0, 1, 0], [1, 1, 0]], said = [[1, 0, 0], [0, 0, 0], [0, 0, 1], [1, 0, 0]]:
  // f1_score(average="micro"), f1_score(average="macro"), accuracy_score
  SetScores sets(3);
  sets.add(Floats{1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0}, Floats{1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0});
  CHECK(sets.micro_f1() == Approx(0.5714285714285714));
  CHECK(sets.macro_f1() == Approx(0.3333333333333333));
  CHECK(sets.exact_match() == 0.5);
  SetScores empty(3);  // all sets are empty: 0, 0, 1
  empty.add(Floats(6, 0), Floats(6, 0));
  CHECK(empty.micro_f1() == 0);
  CHECK(empty.macro_f1() == 0);
  CHECK(empty.exact_match() == 1);
}

TEST_CASE("several truth values: means over the columns, and each alone") {
  // y = [[1, 0], [0, 1], [1, 1], [0, 0]], p = [[.9, .4], [.6, .7], [.4, .7], [.1, .7]]: f1_score(y, p >= .5,
  // average="macro"), roc_auc_score(y, p), and each column by itself.
  const Floats said{0.9f, 0.4f, 0.6f, 0.7f, 0.4f, 0.7f, 0.1f, 0.7f};
  Floats is{1, 0, 0, 1, 1, 1, 0, 0};
  const std::vector<Metric> metrics{Metric::accuracy, Metric::f1, Metric::auc, Metric::log_loss};
  Judged judged;
  judged.kind = TargetKind::boolean;
  judged.width = 2;
  judged.numbers = said;
  judged.gold_numbers = is;
  const auto values = [](const auto& scores) {
    std::vector<double> out;
    for (const auto& [metric, value] : scores) out.push_back(value);
    return out;
  };
  const std::vector<double> first = values(measure_column(metrics, judged, 0));
  const std::vector<double> second = values(measure_column(metrics, judged, 1));
  const std::vector<double> mean = values(measure(metrics, judged));
  const double want_first[] = {0.5, 0.5, 0.75, 0.5108256340026855};
  const double want_second[] = {0.75, 0.8, 0.75, 0.6070370674133301};
  for (size_t m = 0; m < metrics.size(); ++m) {
    CHECK(first[m] == Approx(want_first[m]));
    CHECK(second[m] == Approx(want_second[m]));
    CHECK(mean[m] == Approx((want_first[m] + want_second[m]) / 2));
  }
  is[6] = is[7] = kNone;  // a row without any value does not count,
  is[0] = kNone;          // one that lacks one counts in the other column
  CHECK(measure_column({Metric::accuracy}, judged, 0)[0].second == 0);
  CHECK(measure_column({Metric::accuracy}, judged, 1)[0].second == 1);
  CHECK(measure({Metric::accuracy}, judged)[0].second == 0.5);
  // One column that has one value alone: the mean is not defined either, as roc_auc_score says.
  for (size_t row = 0; row < 4; ++row) is[2 * row] = 1;
  CHECK(std::isnan(measure({Metric::auc}, judged)[0].second));
  for (size_t row = 0; row < 4; ++row) is[2 * row] = kNone;  // a column without any row is left out
  CHECK(measure({Metric::accuracy}, judged)[0].second == 1);
}

TEST_CASE("measure takes what a task said about a split") {
  const std::vector<std::string> names{"O", "B-x", "I-x"};
  const Ids predicted{1, 2, 0, 1}, gold{1, 2, 1, 1};
  const Offsets starts{0, 3, 4};
  Judged judged;
  judged.ids = predicted;
  judged.gold_ids = gold;
  judged.starts = starts;
  judged.labels = &names;
  const auto scores = measure({Metric::accuracy, Metric::span_f1, Metric::exact_match, Metric::mae}, judged);
  CHECK(scores[0].second == Approx(0.75));
  CHECK(scores[1].second == Approx(0.8));  // 2 found, 3 there, 2 right
  CHECK(scores[2].second == Approx(0.5));
  CHECK(std::isnan(scores[3].second));
  // Behind a limit: a stretch that goes on (so the first sentence has none right), and one more.
  const Ids cut{2, 1};
  const Offsets cut_starts{0, 0, 2};
  judged.cut_ids = cut;
  judged.cut_starts = cut_starts;
  const auto with_cut = measure({Metric::accuracy, Metric::span_f1, Metric::exact_match}, judged);
  CHECK(with_cut[0].second == Approx(3.0 / 6));
  CHECK(with_cut[1].second == Approx(2.0 * 1 / (2 + 4)));  // found: [0,2) and [3,4); there: [0,2), [2,3), [3,5), [5,6)
  CHECK(with_cut[2].second == 0);
  // In front, where `limit` keeps the last: there [0,1), [1,2) and [2,3), of which the last is found.
  judged.cut_front = true;
  const auto in_front = measure({Metric::accuracy, Metric::span_f1, Metric::exact_match}, judged);
  CHECK(in_front[0].second == Approx(3.0 / 6));
  CHECK(in_front[1].second == Approx(2.0 * 2 / (2 + 5)));
  CHECK(in_front[2].second == 0);
  judged.cut_ids = {};
  judged.cut_starts = {};
  judged.counts = {true, true, false, true};  // `when` leaves the wrong one out
  CHECK(measure({Metric::accuracy}, judged)[0].second == 1);

  const Floats said{0, 1, 2, -1}, is{0, 0, 2, kNone};
  Judged numbers;
  numbers.kind = TargetKind::number;
  numbers.width = 2;
  numbers.numbers = said;
  numbers.gold_numbers = is;
  numbers.restore = [](int64_t element, double x) { return element == 0 ? x * 10 : x * 3 + 1; };
  CHECK(measure({Metric::mae}, numbers)[0].second == Approx(1.5));  // 0 and 3: element 1 is off by 1 deviation of 3
}
