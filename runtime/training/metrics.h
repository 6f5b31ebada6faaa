// What scores mean. Accumulators are fed predictions beside targets, batch by batch or a whole split at once.
//
// The numbers are those of scikit-learn 1.9.1 (accuracy_score, f1_score, roc_auc_score, log_loss, mean_absolute_error,
// root_mean_squared_error, r2_score), scipy 1.17.1 (pearsonr) and conlleval, on labels that train does not have too;
// where such a library gives NaN or an error, the score is undefined. Every row counts the same, whatever a task's
// `weight`.
//
// A gold id of -1 (missing) is not counted, one of -2 or less (a label that train does not have) is counted and never
// right; a gold number of NaN is not counted. A score that is not defined (nothing to count, AUC of one value, the
// correlation of a constant) is NaN, shown as `-`, null in JSON.
#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "support/settings/train_config.h"

namespace mtl::training {

// Of a metric: there is nothing to count.
inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
// Of log loss, where the probability of what is so is 0: the distance of float32 numbers at 1, as scikit-learn does.
inline constexpr double kLeastProbability = std::numeric_limits<float>::epsilon();

// One class per row: label, label[T].
class ClassScores {
 public:
  explicit ClassScores(int64_t classes) : classes_(static_cast<size_t>(classes)) {}
  void add(std::span<const int32_t> predicted, std::span<const int32_t> gold);
  void add_wrong(int64_t rows) { counted_ += rows; }  // rows that were never predicted: what `limit` cut
  double accuracy() const;
  // Mean of the classes' F1 over the classes that occur in gold or prediction (scikit-learn's); F1 = 2 TP / (2 TP + FP
  // + FN). A label that train does not have is a class as any other, of F1 0.
  double macro_f1() const;

 private:
  struct Counts {
    int64_t right = 0, predicted = 0, gold = 0;
  };
  std::vector<Counts> classes_;
  int64_t counted_ = 0, right_ = 0;
  std::set<int32_t> unseen_;  // ids from -2 down
};

// One class per row: mean of -log(probability of the class that is so), where the probabilities are the softmax of the
// rows of `scores`, [classes] each, kept away from 0 and 1 by kLeastProbability. A label that train does not have has
// the probability 0.
double class_log_loss(std::span<const float> scores, std::span<const int32_t> gold, int64_t classes);

// Whole sequences: every labelled position right.
class SequenceScores {
 public:
  // Sequence i has the rows offsets[i] to offsets[i + 1]; one without labelled rows is not counted.
  void add(std::span<const int32_t> predicted, std::span<const int32_t> gold, std::span<const int64_t> offsets);
  double exact_match() const;

 private:
  int64_t counted_ = 0, right_ = 0;
};

// Stretches that tags mark, as conlleval counts them (Tjong Kim Sang & Buchholz 2000): one is right if kind, begin and
// end are (runtime/training/spans.h has the forms and schemes). Unlabelled positions are O on both sides; labels that
// train does not have are read as any other, though nothing predicts them.
class SpanScores {
 public:
  // `unseen`: the names of gold ids from -2 down.
  explicit SpanScores(const std::vector<std::string>& labels, std::span<const std::string> unseen = {});
  void add(std::span<const int32_t> predicted, std::span<const int32_t> gold, std::span<const int64_t> offsets);
  double precision() const;
  double recall() const;
  double f1() const;  // 0 where nothing is found and nothing is there to find

 private:
  struct Tag {
    char mark = 'O';
    int32_t kind = -1;
  };
  struct Stretch {
    int64_t begin = 0, end = 0;
    int32_t kind = 0;
    bool operator==(const Stretch&) const = default;
  };
  Tag tag_of(int32_t id) const;
  void find(std::span<const int32_t> ids, std::span<const int32_t> gold, std::vector<Stretch>& out) const;
  std::vector<Tag> tags_, unseen_;  // by label
  std::vector<Stretch> found_, there_;
  int64_t predicted_ = 0, gold_ = 0, right_ = 0;
};

// One truth value per row: probabilities, decided at 0.5.
class TruthScores {
 public:
  void add(std::span<const float> probabilities, std::span<const float> gold);
  void add(float probability, float gold);
  bool empty() const { return rows_.empty(); }
  double accuracy() const;
  double f1() const;  // of true; 0 where nothing is true and nothing is said to be
  // The chance that a true row has a higher probability than a false one, ties counting one half (Mann & Whitney 1947).
  // Undefined where all rows are true or all are false.
  double auc() const;
  // Mean of -log(probability of what is so). Probabilities are kept away from 0 and 1 by kLeastProbability.
  double log_loss() const;

 private:
  std::vector<std::pair<float, bool>> rows_;
};

// The mean of the AUCs of the groups that have true rows and false ones; the others are left out. Each group counts the
// same (EasyRec's gauc with reduction = "mean"; Zhou et al. 2018, Deep Interest Network, weigh them by their rows).
// Undefined where there is no such group. A gold value of NaN or a group of -1 is not counted.
double grouped_auc(std::span<const float> probabilities, std::span<const float> gold, std::span<const int32_t> groups);

// A set of classes per row: probabilities [classes], decided at 0.5; gold is multi-hot.
class SetScores {
 public:
  // `unseen_classes`: how many classes the split has that train does not have.
  explicit SetScores(int64_t classes, int64_t unseen_classes = 0)
      : classes_(static_cast<size_t>(classes)), unseen_classes_(unseen_classes) {}
  // `unseen`: by row, how many of its classes train does not have; empty: none.
  void add(std::span<const float> probabilities, std::span<const float> gold, std::span<const int32_t> unseen = {});
  double accuracy() const;     // of single decisions
  double micro_f1() const;     // of all decisions together
  double macro_f1() const;     // over all classes, as scikit-learn does for sets; those train does not have too, if
                               // any was there
  double exact_match() const;  // rows whose whole set is right

 private:
  struct Counts {
    int64_t right = 0, predicted = 0, gold = 0;
  };
  std::vector<Counts> classes_;
  int64_t unseen_classes_ = 0;
  int64_t decisions_ = 0, right_decisions_ = 0, rows_ = 0, right_rows_ = 0, unseen_ = 0;
};

// Numbers [width]: each score is the mean over the elements of a row, as scikit-learn's "uniform_average".
class NumberScores {
 public:
  explicit NumberScores(int64_t width) : elements_(static_cast<size_t>(width)) {}
  void add(int64_t element, double predicted, double gold);
  double mae() const;
  double rmse() const;
  // 1 - Σ (y - p)² / Σ (y - mean y)²; of a constant target 1 where all is right, else 0. Undefined of one row.
  double r2() const;
  double pearson() const;

 private:
  struct Sums {  // co-moments, updated as in Welford 1962
    int64_t count = 0;
    double mean_p = 0, mean_y = 0, pp = 0, yy = 0, py = 0, absolute = 0, squared = 0;
  };
  template <class Score>
  double mean_over_elements(Score&& score) const;
  std::vector<Sums> elements_;
};

// What a task said about the rows of a split, and what is so: the input of `measure`.
struct Judged {
  TargetKind kind = TargetKind::label;
  int64_t width = 1;                             // labels: classes; number, boolean: elements of a row; else 1
  std::span<const int32_t> ids, gold_ids;        // label
  std::span<const float> numbers, gold_numbers;  // labels, boolean: probabilities; number
  std::span<const float> class_scores;           // label, where log_loss is asked for: the head's row of each row
  std::span<const int64_t> starts;               // rows of example i: starts[i] to starts[i + 1]
  std::vector<bool> counts;                      // by row; empty: all do
  std::vector<int32_t> groups;                   // gauc: by row; kMissing: in none
  // label[T] that a `limit` cuts, by example (empty: there is none): never predicted, so wrong.
  std::span<const int32_t> cut_ids;
  std::span<const int64_t> cut_starts;
  bool cut_front = false;  // those stand in front of the rows, not behind them
  int64_t cut = 0;         // the same where the labels are not known: positions that count as wrong
  const std::vector<std::string>* labels = nullptr;        // names of the classes
  std::span<const std::string> unseen_names;               // label: of ids from -2 down; labels: of those
  std::span<const int32_t> unseen;                         // labels: see SetScores
  std::function<double(int64_t element, double)> restore;  // number: back to the file's values; may be empty
};

// Each metric of `judged`; NaN where a metric does not fit the target. Of bool[K] and f32[K] it is the mean over the
// columns that have any row to count.
std::vector<std::pair<Metric, double>> measure(const std::vector<Metric>& metrics, const Judged& judged);
// The same of column `element` of bool[K] or f32[K] alone.
std::vector<std::pair<Metric, double>> measure_column(const std::vector<Metric>& metrics, const Judged& judged,
                                                      int64_t element);

}  // namespace mtl::training
