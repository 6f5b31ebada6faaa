// Accumulators of metrics, with the edge cases of the libraries that the header names.
#include "runtime/training/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "runtime/data/dataset.h"
#include "runtime/training/spans.h"
#include "support/base/check.h"

namespace mtl::training {

namespace {

using data::kMissing;
using data::kUnseen;
constexpr float kDecision = 0.5f;

double ratio(double part, double whole) {
  return whole == 0 ? kUndefined : part / whole;
}

// 2 TP / (2 TP + FP + FN); 0 where nothing is predicted and nothing is there.
double f1_of(int64_t right, int64_t predicted, int64_t gold) {
  return predicted + gold == 0 ? 0 : 2 * static_cast<double>(right) / static_cast<double>(predicted + gold);
}

// Of the probability of what is so.
double loss_of(double probability) {
  return -std::log(std::clamp(probability, kLeastProbability, 1 - kLeastProbability));
}

}  // namespace

void ClassScores::add(std::span<const int32_t> predicted, std::span<const int32_t> gold) {
  MTL_CHECK(predicted.size() == gold.size(), "as many predictions as targets");
  for (size_t i = 0; i < gold.size(); ++i) {
    if (gold[i] == kMissing) continue;
    ++counted_;
    if (predicted[i] >= 0) ++classes_[static_cast<size_t>(predicted[i])].predicted;
    if (gold[i] <= kUnseen) {
      unseen_.insert(gold[i]);
      continue;
    }
    ++classes_[static_cast<size_t>(gold[i])].gold;
    if (predicted[i] != gold[i]) continue;
    ++classes_[static_cast<size_t>(gold[i])].right;
    ++right_;
  }
}

double ClassScores::accuracy() const {
  return ratio(static_cast<double>(right_), static_cast<double>(counted_));
}

double ClassScores::macro_f1() const {
  double sum = 0;
  int64_t occurring = std::ssize(unseen_);
  for (const Counts& c : classes_) {
    if (c.predicted + c.gold == 0) continue;
    ++occurring;
    sum += f1_of(c.right, c.predicted, c.gold);
  }
  return ratio(sum, static_cast<double>(occurring));
}

void SequenceScores::add(std::span<const int32_t> predicted, std::span<const int32_t> gold,
                         std::span<const int64_t> offsets) {
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    bool any = false, all = true;
    for (int64_t row = offsets[s]; row < offsets[s + 1]; ++row) {
      const int32_t label = gold[static_cast<size_t>(row)];
      if (label == kMissing) continue;
      any = true;
      all = all && label == predicted[static_cast<size_t>(row)];
    }
    counted_ += any;
    right_ += any && all;
  }
}

double SequenceScores::exact_match() const {
  return ratio(static_cast<double>(right_), static_cast<double>(counted_));
}

SpanScores::SpanScores(const std::vector<std::string>& labels, std::span<const std::string> unseen) {
  std::map<std::string, int32_t> kinds;
  const SpanForm form = find_span_form(labels).value_or(SpanForm());
  const auto read = [&](const std::string& label) {
    const runtime::deploy::SpanTag read = runtime::deploy::read_span_tag(label, form);
    if (read.mark == 'O') return Tag();
    return Tag{read.mark, kinds.emplace(std::string(read.kind), static_cast<int32_t>(kinds.size())).first->second};
  };
  for (const std::string& label : labels) tags_.push_back(read(label));
  for (const std::string& label : unseen) unseen_.push_back(read(label));
}

SpanScores::Tag SpanScores::tag_of(int32_t id) const {
  if (id <= kUnseen) return unseen_[static_cast<size_t>(kUnseen - id)];
  return id == kMissing ? Tag() : tags_[static_cast<size_t>(id)];
}

void SpanScores::find(std::span<const int32_t> ids, std::span<const int32_t> gold, std::vector<Stretch>& out) const {
  out.clear();
  bool open = false;  // the last stretch goes on
  for (size_t i = 0; i < ids.size(); ++i) {
    const Tag tag = gold[i] == kMissing ? Tag() : tag_of(ids[i]);
    if (tag.mark == 'O') {
      open = false;
      continue;
    }
    const auto at = static_cast<int64_t>(i);
    const bool begins = !open || tag.mark == 'B' || tag.mark == 'S' || out.back().kind != tag.kind;
    if (begins) out.push_back({at, at, tag.kind});
    out.back().end = at + 1;
    open = tag.mark != 'E' && tag.mark != 'S';
  }
}

void SpanScores::add(std::span<const int32_t> predicted, std::span<const int32_t> gold,
                     std::span<const int64_t> offsets) {
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const auto begin = static_cast<size_t>(offsets[s]), size = static_cast<size_t>(offsets[s + 1]) - begin;
    find(predicted.subspan(begin, size), gold.subspan(begin, size), found_);
    find(gold.subspan(begin, size), gold.subspan(begin, size), there_);
    predicted_ += std::ssize(found_);
    gold_ += std::ssize(there_);
    size_t at = 0;  // both lists are in order of place
    for (const Stretch& stretch : found_) {
      while (at < there_.size() && there_[at].begin < stretch.begin) ++at;
      right_ += at < there_.size() && there_[at] == stretch;
    }
  }
}

double SpanScores::precision() const {
  return predicted_ == 0 ? 0 : static_cast<double>(right_) / static_cast<double>(predicted_);
}
double SpanScores::recall() const {
  return gold_ == 0 ? 0 : static_cast<double>(right_) / static_cast<double>(gold_);
}
double SpanScores::f1() const {
  return f1_of(right_, predicted_, gold_);
}

void TruthScores::add(float probability, float gold) {
  if (!std::isnan(gold)) rows_.emplace_back(probability, gold >= kDecision);
}

void TruthScores::add(std::span<const float> probabilities, std::span<const float> gold) {
  MTL_CHECK(probabilities.size() == gold.size(), "as many predictions as targets");
  for (size_t i = 0; i < gold.size(); ++i) add(probabilities[i], gold[i]);
}

double TruthScores::accuracy() const {
  const auto right =
      std::count_if(rows_.begin(), rows_.end(), [](const auto& row) { return (row.first >= kDecision) == row.second; });
  return ratio(static_cast<double>(right), static_cast<double>(rows_.size()));
}

double TruthScores::f1() const {
  if (rows_.empty()) return kUndefined;
  int64_t right = 0, predicted = 0, gold = 0;
  for (const auto& [probability, truth] : rows_) {
    predicted += probability >= kDecision;
    gold += truth;
    right += probability >= kDecision && truth;
  }
  return f1_of(right, predicted, gold);
}

double TruthScores::auc() const {
  auto rows = rows_;
  for (const auto& row : rows) {
    if (std::isnan(row.first)) return kUndefined;
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  double wins = 0, below = 0, positives = 0;  // `below`: false rows of smaller probability
  for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    double ups = 0, downs = 0;
    for (end = begin; end < rows.size() && rows[end].first == rows[begin].first; ++end)
      (rows[end].second ? ups : downs) += 1;
    wins += ups * (below + downs / 2);
    below += downs;
    positives += ups;
  }
  return ratio(wins, positives * below);
}

double TruthScores::log_loss() const {
  double sum = 0;
  for (const auto& [probability, truth] : rows_) sum += loss_of(truth ? probability : 1.0 - probability);
  return ratio(sum, static_cast<double>(rows_.size()));
}

double grouped_auc(std::span<const float> probabilities, std::span<const float> gold, std::span<const int32_t> groups) {
  MTL_CHECK(probabilities.size() == gold.size() && groups.size() == gold.size(), "a group for each row");
  std::map<int32_t, TruthScores> scores;
  for (size_t row = 0; row < gold.size(); ++row)
    if (groups[row] != kMissing) scores[groups[row]].add(probabilities[row], gold[row]);
  double sum = 0, counted = 0;
  for (const auto& [group, rows] : scores) {
    const double auc = rows.auc();
    if (std::isnan(auc)) continue;
    sum += auc;
    ++counted;
  }
  return ratio(sum, counted);
}

double class_log_loss(std::span<const float> scores, std::span<const int32_t> gold, int64_t classes) {
  MTL_CHECK(std::ssize(scores) == std::ssize(gold) * classes, "a score for each class");
  double sum = 0;
  int64_t counted = 0;
  for (size_t row = 0; row < gold.size(); ++row) {
    if (gold[row] == kMissing) continue;
    const auto mine = scores.subspan(row * static_cast<size_t>(classes), static_cast<size_t>(classes));
    const double most = *std::max_element(mine.begin(), mine.end());
    double whole = 0;
    for (const float score : mine) whole += std::exp(score - most);
    sum += loss_of(gold[row] < 0 ? 0 : std::exp(mine[static_cast<size_t>(gold[row])] - most) / whole);
    ++counted;
  }
  return ratio(sum, static_cast<double>(counted));
}

void SetScores::add(std::span<const float> probabilities, std::span<const float> gold,
                    std::span<const int32_t> unseen) {
  MTL_CHECK(probabilities.size() == gold.size(), "as many predictions as targets");
  const size_t width = classes_.size();
  for (size_t row = 0; width > 0 && row < gold.size() / width; ++row) {
    const int32_t lacking = unseen.empty() ? 0 : unseen[row];
    bool any = lacking > 0, all = lacking == 0;
    for (size_t k = 0; k < width; ++k) {
      const float truth = gold[row * width + k];
      if (std::isnan(truth)) continue;
      const bool is = truth >= kDecision, said = probabilities[row * width + k] >= kDecision;
      classes_[k].gold += is;
      classes_[k].predicted += said;
      classes_[k].right += is && said;
      ++decisions_;
      right_decisions_ += is == said;
      any = true;
      all = all && is == said;
    }
    unseen_ += lacking;
    rows_ += any;
    right_rows_ += any && all;
  }
}

double SetScores::accuracy() const {
  return ratio(static_cast<double>(right_decisions_), static_cast<double>(decisions_ + unseen_));
}

double SetScores::micro_f1() const {
  if (rows_ == 0) return kUndefined;
  int64_t right = 0, predicted = 0, gold = unseen_;
  for (const Counts& c : classes_) right += c.right, predicted += c.predicted, gold += c.gold;
  return f1_of(right, predicted, gold);
}

double SetScores::macro_f1() const {
  if (rows_ == 0) return kUndefined;
  double sum = 0;
  for (const Counts& c : classes_) sum += f1_of(c.right, c.predicted, c.gold);
  return ratio(sum, static_cast<double>(std::ssize(classes_) + (unseen_ > 0 ? unseen_classes_ : 0)));
}

double SetScores::exact_match() const {
  return ratio(static_cast<double>(right_rows_), static_cast<double>(rows_));
}

void NumberScores::add(int64_t element, double predicted, double gold) {
  if (std::isnan(gold)) return;
  Sums& s = elements_[static_cast<size_t>(element)];
  ++s.count;
  const double n = static_cast<double>(s.count);
  const double dp = predicted - s.mean_p, dy = gold - s.mean_y;
  s.mean_p += dp / n;
  s.mean_y += dy / n;
  s.pp += dp * (predicted - s.mean_p);
  s.yy += dy * (gold - s.mean_y);
  s.py += dp * (gold - s.mean_y);
  s.absolute += std::abs(predicted - gold);
  s.squared += (predicted - gold) * (predicted - gold);
}

template <class Score>
double NumberScores::mean_over_elements(Score&& score) const {
  double sum = 0;
  int64_t counted = 0;
  for (const Sums& s : elements_) {
    if (s.count == 0) continue;
    sum += score(s);
    ++counted;
  }
  return ratio(sum, static_cast<double>(counted));
}

double NumberScores::mae() const {
  return mean_over_elements([](const Sums& s) { return s.absolute / static_cast<double>(s.count); });
}
double NumberScores::rmse() const {
  return mean_over_elements([](const Sums& s) { return std::sqrt(s.squared / static_cast<double>(s.count)); });
}
double NumberScores::r2() const {
  return mean_over_elements([](const Sums& s) {
    if (s.count < 2) return kUndefined;
    return s.yy == 0 ? (s.squared == 0 ? 1.0 : 0.0) : 1 - s.squared / s.yy;
  });
}
double NumberScores::pearson() const {
  return mean_over_elements([](const Sums& s) { return ratio(s.py, std::sqrt(s.pp) * std::sqrt(s.yy)); });
}

namespace {

// Rows that do not count have no label.
std::vector<int32_t> counted_ids(const Judged& judged) {
  std::vector<int32_t> gold(judged.gold_ids.begin(), judged.gold_ids.end());
  for (size_t row = 0; row < judged.counts.size(); ++row) {
    if (judged.counts[row]) continue;
    const auto begin = gold.begin() + static_cast<std::ptrdiff_t>(row) * judged.width;
    std::fill(begin, begin + judged.width, kMissing);
  }
  return gold;
}

std::vector<float> counted_numbers(const Judged& judged) {
  std::vector<float> gold(judged.gold_numbers.begin(), judged.gold_numbers.end());
  for (size_t row = 0; row < judged.counts.size(); ++row) {
    if (judged.counts[row]) continue;
    const auto begin = gold.begin() + static_cast<std::ptrdiff_t>(row) * judged.width;
    std::fill(begin, begin + judged.width, std::numeric_limits<float>::quiet_NaN());
  }
  return gold;
}

// Predictions and targets with what `limit` cut put back: there, nothing is predicted (-1).
struct Sequences {
  std::vector<int32_t> predicted, gold;
  std::vector<int64_t> starts;
};

Sequences put_back(const Judged& judged, const std::vector<int32_t>& gold) {
  Sequences out;
  out.starts.push_back(0);
  const auto append = [](std::vector<int32_t>& to, const auto& from, int64_t begin, int64_t end) {
    to.insert(to.end(), from.begin() + begin, from.begin() + end);
  };
  for (size_t e = 0; e + 1 < judged.starts.size(); ++e) {
    const int64_t begin = judged.starts[e] * judged.width, end = judged.starts[e + 1] * judged.width;
    // An example that `when` leaves out is left out whole.
    const bool counts = judged.counts.empty() ||
                        std::any_of(judged.counts.begin() + judged.starts[e],
                                    judged.counts.begin() + judged.starts[e + 1], [](bool counted) { return counted; });
    const auto append_cut = [&](bool here) {
      if (here && counts && !judged.cut_starts.empty())
        append(out.gold, judged.cut_ids, judged.cut_starts[e], judged.cut_starts[e + 1]);
      out.predicted.resize(out.gold.size(), kMissing);
    };
    append_cut(judged.cut_front);
    append(out.predicted, judged.ids, begin, end);
    append(out.gold, gold, begin, end);
    append_cut(!judged.cut_front);
    out.starts.push_back(std::ssize(out.gold));
  }
  return out;
}

double measure_labels(Metric metric, const Judged& judged, const Sequences& rows, const ClassScores& classes) {
  switch (metric) {
    case Metric::log_loss:
      return class_log_loss(judged.class_scores, counted_ids(judged), std::ssize(*judged.labels));
    case Metric::accuracy:
    case Metric::micro_f1:
      return classes.accuracy();  // of one class per row they are the same
    case Metric::macro_f1:
      return classes.macro_f1();
    case Metric::exact_match: {
      SequenceScores sequences;
      sequences.add(rows.predicted, rows.gold, rows.starts);
      return sequences.exact_match();
    }
    case Metric::span_f1: {
      SpanScores spans(*judged.labels, judged.unseen_names);
      spans.add(rows.predicted, rows.gold, rows.starts);
      return spans.f1();
    }
    default:
      return kUndefined;
  }
}

double measure_truths(Metric metric, const TruthScores& scores) {
  switch (metric) {
    case Metric::accuracy:
      return scores.accuracy();
    case Metric::f1:
      return scores.f1();
    case Metric::auc:
      return scores.auc();
    case Metric::log_loss:
      return scores.log_loss();
    default:
      return kUndefined;
  }
}

// Each width-th of `all`, from `element` on.
std::vector<float> column_of(std::span<const float> all, int64_t element, int64_t width) {
  std::vector<float> out;
  for (auto i = static_cast<size_t>(element); i < all.size(); i += static_cast<size_t>(width)) out.push_back(all[i]);
  return out;
}

// The mean over the columns that have a row to count.
double measure_truths(Metric metric, const std::vector<TruthScores>& columns, const Judged& judged,
                      const std::vector<float>& gold) {
  double sum = 0;
  int64_t counted = 0;
  for (size_t k = 0; k < columns.size(); ++k) {
    if (columns[k].empty()) continue;
    const auto element = static_cast<int64_t>(k);
    sum += metric == Metric::gauc ? grouped_auc(column_of(judged.numbers, element, judged.width),
                                                column_of(gold, element, judged.width), judged.groups)
                                  : measure_truths(metric, columns[k]);
    ++counted;
  }
  return ratio(sum, static_cast<double>(counted));
}

double measure_sets(Metric metric, const SetScores& scores) {
  switch (metric) {
    case Metric::accuracy:
      return scores.accuracy();
    case Metric::micro_f1:
      return scores.micro_f1();
    case Metric::macro_f1:
      return scores.macro_f1();
    case Metric::exact_match:
      return scores.exact_match();
    default:
      return kUndefined;
  }
}

double measure_numbers(Metric metric, const NumberScores& scores) {
  switch (metric) {
    case Metric::mae:
      return scores.mae();
    case Metric::rmse:
      return scores.rmse();
    case Metric::r2:
      return scores.r2();
    case Metric::pearson:
      return scores.pearson();
    default:
      return kUndefined;
  }
}

}  // namespace

std::vector<std::pair<Metric, double>> measure(const std::vector<Metric>& metrics, const Judged& judged) {
  std::vector<std::pair<Metric, double>> out;
  const auto each = [&](auto&& score) {
    for (const Metric metric : metrics) out.emplace_back(metric, score(metric));
  };
  if (judged.kind == TargetKind::label) {
    MTL_CHECK(judged.labels != nullptr, "the names of the classes");
    MTL_CHECK(judged.ids.size() == judged.gold_ids.size(), "as many predictions as targets");
    const Sequences rows = put_back(judged, counted_ids(judged));
    ClassScores classes(std::ssize(*judged.labels));
    classes.add(rows.predicted, rows.gold);
    if (judged.cut_starts.empty()) classes.add_wrong(judged.cut);
    each([&](Metric metric) { return measure_labels(metric, judged, rows, classes); });
    return out;
  }
  const std::vector<float> gold = counted_numbers(judged);
  MTL_CHECK(judged.numbers.size() == gold.size(), "as many predictions as targets");
  if (judged.kind == TargetKind::boolean) {
    std::vector<TruthScores> truths(static_cast<size_t>(judged.width));
    for (size_t i = 0; i < gold.size(); ++i) truths[i % truths.size()].add(judged.numbers[i], gold[i]);
    each([&](Metric metric) { return measure_truths(metric, truths, judged, gold); });
  } else if (judged.kind == TargetKind::labels) {
    SetScores sets(judged.width, std::ssize(judged.unseen_names));
    sets.add(judged.numbers, gold, judged.unseen);
    each([&](Metric metric) { return measure_sets(metric, sets); });
  } else {
    NumberScores numbers(judged.width);
    for (size_t i = 0; i < gold.size(); ++i) {
      const auto element = static_cast<int64_t>(i) % judged.width;
      const double said = judged.numbers[i], is = gold[i];
      numbers.add(element, judged.restore ? judged.restore(element, said) : said,
                  judged.restore ? judged.restore(element, is) : is);
    }
    each([&](Metric metric) { return measure_numbers(metric, numbers); });
  }
  return out;
}

std::vector<std::pair<Metric, double>> measure_column(const std::vector<Metric>& metrics, const Judged& judged,
                                                      int64_t element) {
  const std::vector<float> numbers = column_of(judged.numbers, element, judged.width);
  const std::vector<float> gold = column_of(judged.gold_numbers, element, judged.width);
  Judged column = judged;
  column.width = 1;
  column.numbers = numbers;
  column.gold_numbers = gold;
  if (judged.restore) column.restore = [&](int64_t, double value) { return judged.restore(element, value); };
  return measure(metrics, column);
}

}  // namespace mtl::training
