// What is learnt from train: the ids of words, values and classes. One order for all sets: by falling count, equal
// counts by name. So ids depend neither on the order of the rows nor on the hash of a string.
#include "runtime/data/fit.h"

#include <algorithm>
#include <cmath>

#include "runtime/data/numbers.h"
#include "runtime/data/text.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

// How often each text of an interner occurs in `texts`, from `begin` on in steps of `step`.
void count_texts(const std::vector<uint32_t>& texts, size_t begin, size_t step, std::vector<int64_t>& counts) {
  for (size_t i = begin; i < texts.size(); i += step) {
    if (texts[i] != kMissingText) ++counts[texts[i]];
  }
}

class Fitter {
 public:
  Fitter(const Spec& spec, const std::vector<TrainPart>& parts, Interners& interners, Fitted& fitted,
         diag::Emitter& emitter)
      : spec_(spec), parts_(parts), interners_(interners), fitted_(fitted), emitter_(emitter) {}

  bool run() {
    for (const VocabSpec& vocab : spec_.vocabs) fit_vocab(vocab);
    for (const TrainPart& part : parts_) {
      for (size_t c = 0; c < part.plan->columns.size(); ++c) fit_column(part, c);
    }
    for (const TrainPart& part : parts_) {
      for (const ColumnPlan& column : part.plan->columns) borrow_labels(*part.plan->spec, *column.spec);
    }
    return good_;
  }

 private:
  void fit_vocab(const VocabSpec& vocab) {
    const Interner& interner = interners_["vocab " + vocab.name];
    std::vector<int64_t> counts(interner.size());
    for (const TrainPart& part : parts_) {
      for (size_t c = 0; c < part.plan->columns.size(); ++c) {
        const ColumnSpec& column = *part.plan->columns[c].spec;
        const bool reads = column.kind == ValueKind::token && column.vocab == vocab.name;
        if (reads) count_texts(part.staged->columns[c].texts, 0, 1, counts);
      }
    }
    IdSet& set = fitted_.vocabs[vocab.name];
    set.lowercase = vocab.lowercase;
    set.buckets = vocab.buckets;
    set.has_unknown = vocab.buckets == 0;
    if (set.buckets > 0) return;
    set.add(kUnknownName);
    const Bounds bounds{vocab.min_count, vocab.max_size, vocab.embeddings.empty() ? vocab.name : "", "word",
                        vocab.range};
    add_sorted(counts, interner, set, "", bounds);
  }

  void fit_column(const TrainPart& part, size_t c) {
    const ColumnPlan& column = part.plan->columns[c];
    const ColumnSpec& spec = *column.spec;
    const StagedColumn& staged = part.staged->columns[c];
    const std::string name = part.plan->spec->name + "." + spec.name;
    if (column.holds_numbers()) {
      NumberStats stats = fit_numbers(spec, column.width, staged.numbers);
      if (column.is_bins) {
        if (column.width > 1) {  // one set of classes: the edges of all columns together
          stats = fit_numbers(spec, 1, staged.numbers);
          stats.bin_edges.assign(static_cast<size_t>(column.width), stats.bin_edges[0]);
        }
        IdSet& set = fitted_.sets[name];
        for (const std::string& bin : bin_names(stats.bin_edges[0])) set.add(bin);
      }
      fitted_.numbers[name] = std::move(stats);
    } else if (spec.kind == ValueKind::category) {
      fit_category(column, staged, interners_[interner_key(*part.plan->spec, spec)], name);
    } else if (spec.kind != ValueKind::token && spec.labels_of.empty()) {
      IdSet& set = fitted_.sets[name];
      for (const std::string& label : spec.fixed_labels) set.add(label);
      if (!spec.fixed_labels.empty()) return;
      const Interner& interner = interners_[interner_key(*part.plan->spec, spec)];
      std::vector<int64_t> counts(interner.size());
      count_texts(staged.texts, 0, 1, counts);
      add_sorted(counts, interner, set, "", {});
    }
  }

  // What a set takes of the texts, and what to call it where that is none of them (empty: nothing is to be said).
  struct Bounds {
    int64_t min_count = 1;
    std::optional<int64_t> max_size;  // counts `<unk>`
    std::string name = {};
    const char* item = "value";
    SourceRange range = {};
  };

  void report_all_unknown(const Bounds& bounds, size_t count, int64_t most) {
    const bool rare = most < bounds.min_count;
    const std::string setting = rare ? "min_count = " + std::to_string(bounds.min_count)
                                     : "max_size = " + std::to_string(bounds.max_size.value_or(1));
    auto report = emitter_.report(diag::AllUnknown, bounds.name, setting,
                                  "none of the " + count_of(count, bounds.item) + " of train");
    if (bounds.range.valid()) std::move(report).at(bounds.range);
    std::move(report).help(rare ? std::string("the most frequent ") + bounds.item + " is there " +
                                      (most == 1 ? "once" : std::to_string(most) + " times")
                                : "`max_size` counts `<unk>`, too");
  }

  // The texts by their counts. False: there are some, and the set takes none (reported).
  bool add_sorted(const std::vector<int64_t>& counts, const Interner& interner, IdSet& set, const std::string& prefix,
                  const Bounds& bounds) {
    if (!set.lowercase) return add_most_frequent(counts, interner, set, prefix, bounds);
    Interner folded;  // words that differ in case alone are one
    std::vector<int64_t> sums;
    for (uint32_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      const uint32_t at = folded.add(lower_text(interner.text(i)));
      sums.resize(folded.size());
      sums[at] += counts[i];
    }
    return add_most_frequent(sums, folded, set, prefix, bounds);
  }

  bool add_most_frequent(const std::vector<int64_t>& counts, const Interner& interner, IdSet& set,
                         const std::string& prefix, const Bounds& bounds) {
    std::vector<uint32_t> order;
    int64_t highest = 0;
    size_t there = 0;
    for (uint32_t i = 0; i < counts.size(); ++i) {
      highest = std::max(highest, counts[i]);
      there += counts[i] > 0 ? 1 : 0;
      if (counts[i] >= std::max<int64_t>(bounds.min_count, 1)) order.push_back(i);
    }
    std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
      return counts[a] != counts[b] ? counts[a] > counts[b] : interner.text(a) < interner.text(b);
    });
    const size_t most = bounds.max_size ? static_cast<size_t>(std::max<int64_t>(*bounds.max_size, 1)) - 1 : SIZE_MAX;
    if (order.size() > most) order.resize(most);
    const bool takes_none = there > 0 && order.empty();
    if (takes_none && !bounds.name.empty()) report_all_unknown(bounds, there, highest);
    for (const uint32_t i : order) set.add(prefix + std::string(interner.text(i)));
    return !takes_none;
  }

  void fit_category(const ColumnPlan& column, const StagedColumn& staged, const Interner& interner,
                    const std::string& name) {
    IdSet& set = fitted_.sets[name];
    set.buckets = hash_count(*column.spec);
    set.lowercase = column.spec->lowercase;
    if (set.buckets > 0) return;
    set.has_unknown = true;
    bool said = false;  // of one of its columns
    for (int64_t e = 0; e < column.width; ++e) {
      const std::string prefix = category_name(column, e, "");
      set.add(prefix + kUnknownName);
      std::vector<int64_t> counts(interner.size());
      count_texts(staged.texts, static_cast<size_t>(e), static_cast<size_t>(column.width), counts);
      const std::string element = column.width > 1 ? name + "[" + std::to_string(e) + "]" : name;
      Bounds bounds{column.spec->min_count, column.spec->max_size, said ? "" : element, "value", column.spec->range};
      said = !add_sorted(counts, interner, set, prefix, bounds) || said;
    }
  }

  void borrow_labels(const SourceSpec& source, const ColumnSpec& column) {
    if (column.labels_of.empty()) return;
    const auto lender = fitted_.sets.find(column.labels_of);
    if (lender != fitted_.sets.end()) {
      fitted_.sets[source.name + "." + column.name] = IdSet(lender->second);
      return;
    }
    good_ = false;
    diag::Report report = emitter_.report(diag::NoSuchLabelSet, column.name, column.labels_of);
    if (column.range.valid()) std::move(report).at(column.range);
  }

  const Spec& spec_;
  const std::vector<TrainPart>& parts_;
  Interners& interners_;
  Fitted& fitted_;
  diag::Emitter& emitter_;
  bool good_ = true;
};

}  // namespace

std::string category_name(const ColumnPlan& column, int64_t element, std::string_view text) {
  return column.spec->fixed.empty() ? std::string(text) : std::to_string(element) + "=" + std::string(text);
}

bool fit(const Spec& spec, const std::vector<TrainPart>& parts, Interners& interners, Fitted& fitted,
         diag::Emitter& emitter) {
  return Fitter(spec, parts, interners, fitted, emitter).run();
}

}  // namespace mtl::data
