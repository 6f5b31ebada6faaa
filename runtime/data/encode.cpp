// Staged columns to encoded ones, with what was fitted.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "runtime/data/fit.h"
#include "runtime/data/numbers.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();
constexpr int64_t kMostRows = std::numeric_limits<int32_t>::max();

class Encoder {
 public:
  Encoder(const SourcePlan& plan, const Staged& staged, const Fitted& fitted, const Interners& interners,
          std::string_view split_name, Split& split, diag::Emitter& emitter)
      : plan_(plan),
        staged_(staged),
        fitted_(fitted),
        interners_(interners),
        split_name_(split_name),
        split_(split),
        emitter_(emitter) {}

  bool run() {
    split_.examples = staged_.examples;
    if (!encode_dims()) return false;
    if (!split_name_.empty()) encode_places();
    bool good = true;
    for (size_t c = 0; c < plan_.columns.size(); ++c) {
      if (plan_.columns[c].active) good = encode_column(c) && good;
    }
    report_cuts();
    return good;
  }

 private:
  void encode_places() {
    split_.files = staged_.files;
    split_.file_ends.assign(staged_.files.size(), 0);
    for (const Staged::Place& place : staged_.places) {
      split_.lines.push_back(place.line);
      split_.file_ends[place.file] = static_cast<int64_t>(split_.lines.size());
    }
    // A file that gave none ends where the one before it does.
    std::partial_sum(split_.file_ends.begin(), split_.file_ends.end(), split_.file_ends.begin(),
                     [](int64_t a, int64_t b) { return std::max(a, b); });
  }

  bool encode_dims() {
    for (size_t d = 0; d < plan_.dims.size(); ++d) {
      const DimPlan& dim = plan_.dims[d];
      const bool read = std::any_of(dim.columns.begin(), dim.columns.end(),
                                    [&](const auto& who) { return plan_.columns[who.first].active; });
      if (!read) continue;
      Ragged& ragged = split_.ragged[dim.path];
      ragged.parent = dim.parent < 0 ? "" : plan_.dims[dim.parent].path;
      for (const int32_t n : staged_.cuts[d]) ragged.cut += n;
      ragged.keep_last = dim.keep_last;
      if (dim.keep_last && dim.parent < 0 && split_name_.empty()) ragged.skipped = staged_.cuts[d];
      ragged.offsets.reserve(staged_.lengths[d].size() + 1);
      ragged.offsets.push_back(0);
      int64_t sum = 0;
      for (const int32_t n : staged_.lengths[d]) {
        sum += n;
        if (sum > kMostRows) {
          emitter_.report(diag::TooManyRows, plan_.spec->name);
          return false;
        }
        ragged.offsets.push_back(static_cast<int32_t>(sum));
      }
    }
    return true;
  }

  bool encode_column(size_t c) {
    const ColumnPlan& plan = plan_.columns[c];
    Column& column = split_.columns[plan.spec->name];
    column.width = plan.width;
    column.cells = staged_.columns[c].read_from;
    column.dim = plan.dims.empty() ? "" : plan_.dims[plan.dims.back()].path;
    if (plan.holds_numbers()) return encode_numbers(c, column);
    const Interner& interner = interners_.at(interner_key(*plan_.spec, *plan.spec));
    if (plan.spec->kind == ValueKind::labels) return encode_labels(c, interner, column);
    column.is_ids = true;
    encode_ids(c, interner, column);
    return true;
  }

  // The row's example, for messages.
  size_t example_of(const Column& column, size_t row) const {
    std::string dim = column.dim;
    while (!dim.empty()) {
      const Ragged& ragged = split_.ragged.at(dim);
      const auto after = std::upper_bound(ragged.offsets.begin(), ragged.offsets.end(), static_cast<int32_t>(row));
      row = static_cast<size_t>(after - ragged.offsets.begin()) - 1;
      dim = ragged.parent;
    }
    return row;
  }

  void note_missing(Column& column, size_t row) {
    if (column.missing++ > 0) return;
    const auto& place = staged_.places[example_of(column, row)];
    column.first_missing = staged_.files[place.file] + ":" + std::to_string(place.line);
  }

  // `is` of a text that train does not have is false everywhere: a slip, or one that the file spells otherwise.
  void report_never_true(const ColumnPlan& plan, const std::vector<std::string>& cells,
                         const std::vector<double>& values) {
    const bool found = std::find(values.begin(), values.end(), 1.0) != values.end();
    if (found || split_name_ != "train") return;
    for (const Transform& transform : plan.spec->transforms) {
      if (transform.kind != Transform::Kind::is) continue;
      auto report = emitter_.report(diag::NeverTrue, plan_.spec->name + "." + plan.spec->name,
                                    "`" + join(transform.texts, "`, `", "` or `") + "`");
      std::vector<std::string> shown;
      for (const std::string& cell : cells) shown.push_back("`" + excerpt(cell, 40) + "`");
      std::move(report).help(shown.empty() ? "" : "its cells are " + join(shown, ", ", " and "));
      if (transform.range.valid()) std::move(report).at(transform.range);
    }
  }

  bool encode_numbers(size_t c, Column& column) {
    const ColumnPlan& plan = plan_.columns[c];
    std::vector<double> values = staged_.columns[c].numbers;
    const NumberStats& stats = fitted_.numbers.at(plan_.spec->name + "." + plan.spec->name);
    if (const auto bad = apply_numbers(*plan.spec, stats, plan.width, values)) {
      const auto& place = staged_.places[example_of(column, *bad / static_cast<size_t>(plan.width))];
      const double number = staged_.columns[c].numbers[*bad];
      auto report =
          emitter_.report(diag::NumberOutOfRange, plan.spec->name, number_result(*plan.spec), shortest(number))
              .in_file(staged_.files[place.file], place.line)
              .help(number_help(*plan.spec, number));
      if (plan.spec->range.valid()) std::move(report).at(plan.spec->range);
      return false;
    }
    report_never_true(plan, staged_.columns[c].cells, values);
    column.is_ids = plan.is_bins;
    for (size_t i = 0; i < values.size(); ++i) {
      const bool missing = std::isnan(values[i]);
      if (missing) note_missing(column, i / static_cast<size_t>(plan.width));
      if (plan.is_bins) {
        column.ids.push_back(missing ? kMissing : static_cast<int32_t>(values[i]));
      } else {
        column.numbers.push_back(missing ? kNoNumber : static_cast<float>(values[i]));
      }
    }
    return true;
  }

  const IdSet& set_of(const ColumnPlan& plan) const {
    return plan.spec->kind == ValueKind::token ? fitted_.vocabs.at(plan.spec->vocab)
                                               : fitted_.sets.at(plan_.spec->name + "." + plan.spec->name);
  }

  // The id of every text of the interner, for element `element` of a row.
  static std::vector<int32_t> translate(const ColumnPlan& plan, const IdSet& set, const Interner& interner,
                                        int64_t element) {
    std::vector<int32_t> ids(interner.size());
    const bool apart = plan.spec->kind == ValueKind::category && !plan.spec->fixed.empty();
    const int32_t unknown = apart ? set.find(category_name(plan, element, kUnknownName)) : 0;
    for (uint32_t i = 0; i < ids.size(); ++i) {
      if (!apart || set.buckets > 0) {
        ids[i] = set.find(apart ? category_name(plan, element, interner.text(i)) : interner.text(i));
        continue;
      }
      const std::string_view text = interner.text(i);
      const int32_t id = set.id_of(category_name(plan, element, set.lowercase ? lower_text(text) : std::string(text)));
      ids[i] = id < 0 ? unknown : id;
    }
    return ids;
  }

  void encode_ids(size_t c, const Interner& interner, Column& column) {
    const ColumnPlan& plan = plan_.columns[c];
    const StagedColumn& staged = staged_.columns[c];
    const std::vector<uint32_t>& texts = staged.texts;
    const auto width = static_cast<size_t>(plan.width);
    const bool apart = plan.spec->kind == ValueKind::category && !plan.spec->fixed.empty();
    column.ids.resize(texts.size());
    Unseen unseen;
    std::vector<int32_t> ids;
    for (size_t e = 0; e < (apart ? width : 1); ++e) {
      ids = translate(plan, set_of(plan), interner, static_cast<int64_t>(e));
      for (size_t i = e; i < texts.size(); i += apart ? width : 1) {
        const int32_t id = texts[i] == kMissingText ? kMissing : ids[texts[i]];
        if (id == kMissing) note_missing(column, i / width);
        column.ids[i] = id == kUnseen ? kUnseen - unseen.add(texts[i], example_of(column, i / width)) : id;
      }
    }
    if (!staged.cut_counts.empty()) column.cut_starts.assign(1, 0);
    size_t at = 0;
    for (size_t example = 0; example < staged.cut_counts.size(); ++example) {
      for (int32_t i = 0; i < staged.cut_counts[example]; ++i) {
        const uint32_t text = staged.cut_texts[at++];
        const int32_t id = text == kMissingText ? kMissing : ids[text];
        column.cut_ids.push_back(id == kUnseen ? kUnseen - unseen.add(text, example) : id);
      }
      column.cut_starts.push_back(static_cast<int64_t>(at));
    }
    for (const uint32_t text : unseen.texts) column.unseen_names.emplace_back(interner.text(text));
    report_unseen(plan, interner, unseen);
  }

  bool encode_labels(size_t c, const Interner& interner, Column& column) {
    const ColumnPlan& plan = plan_.columns[c];
    const StagedColumn& staged = staged_.columns[c];
    const IdSet& set = set_of(plan);
    const std::vector<int32_t> ids = translate(plan, set, interner, 0);
    column.width = static_cast<int64_t>(set.size());
    column.numbers.assign(staged.counts.size() * set.size(), 0.0f);
    Unseen unseen;
    size_t at = 0;
    for (size_t row = 0; row < staged.counts.size(); ++row) {
      float* const values = column.numbers.data() + row * set.size();
      if (staged.counts[row] < 0) {
        std::fill(values, values + set.size(), kNoNumber);
        note_missing(column, row);
      }
      for (int32_t i = 0; i < staged.counts[row]; ++i) {
        const uint32_t text = staged.texts[at++];
        if (text == kMissingText) continue;
        if (ids[text] >= 0) values[ids[text]] = 1.0f;
        if (ids[text] != kUnseen) continue;
        unseen.add(text, example_of(column, row));
        column.unseen.resize(staged.counts.size());
        ++column.unseen[row];
      }
    }
    for (const uint32_t text : unseen.texts) column.unseen_names.emplace_back(interner.text(text));
    report_unseen(plan, interner, unseen);
    return true;
  }

  // Labels that the set lacks, and where they are.
  struct Unseen {
    std::vector<uint32_t> texts;  // distinct, in order of appearance
    std::map<uint32_t, int32_t> places;
    std::set<size_t> examples;
    // The place of the text among `texts`.
    int32_t add(uint32_t text, size_t example) {
      const auto [found, is_new] = places.emplace(text, static_cast<int32_t>(texts.size()));
      if (is_new) texts.push_back(text);
      examples.insert(example);
      return found->second;
    }
  };

  void report_unseen(const ColumnPlan& plan, const Interner& interner, const Unseen& unseen) {
    constexpr size_t kNamed = 5;
    if (unseen.texts.empty() || split_name_.empty() || plan.spec->groups) return;
    std::vector<std::string> names;
    for (size_t i = 0; i < std::min(kNamed, unseen.texts.size()); ++i) {
      names.push_back("`" + excerpt(interner.text(unseen.texts[i]), 40) + "`");
    }
    if (unseen.texts.size() > kNamed) names.push_back("...");
    const std::string& lender = plan.spec->labels_of;
    if (split_name_ == "train" && lender.empty()) {
      emitter_.report(diag::LabelsOnlyCut, plan_.spec->name + "." + plan.spec->name,
                      count_of(unseen.texts.size(), "label"), join(names), count_of(unseen.examples.size(), "example"));
      return;
    }
    emitter_.report(diag::UnseenLabels, plan_.spec->name + "." + plan.spec->name,
                    count_of(unseen.texts.size(), "label"), split_name_,
                    lender.empty() ? "train" : "the label set of `" + lender + "`", join(names),
                    count_of(unseen.examples.size(), "example"));
  }

  void report_cuts() {
    if (split_name_.empty()) return;
    for (size_t d = 0; d < plan_.dims.size(); ++d) {
      const auto ragged = split_.ragged.find(plan_.dims[d].path);
      if (ragged == split_.ragged.end() || ragged->second.cut == 0) continue;
      const std::vector<int32_t>& cuts = staged_.cuts[d];
      const auto touched =
          static_cast<size_t>(std::count_if(cuts.begin(), cuts.end(), [](int32_t n) { return n > 0; }));
      const int64_t all = ragged->second.cut + ragged->second.offsets.back();
      emitter_.report(diag::PositionsCut, plan_.spec->name + "." + plan_.dims[d].path, ragged->second.cut,
                      count_of(static_cast<size_t>(all), "position"), ragged->second.keep_last ? "beginning" : "end",
                      count_of(touched, "example") + " of " + std::string(split_name_));
    }
  }

  const SourcePlan& plan_;
  const Staged& staged_;
  const Fitted& fitted_;
  const Interners& interners_;
  std::string_view split_name_;
  Split& split_;
  diag::Emitter& emitter_;
};

}  // namespace

bool encode(const SourcePlan& plan, const Staged& staged, const Fitted& fitted, const Interners& interners,
            std::string_view split_name, Split& split, diag::Emitter& emitter) {
  return Encoder(plan, staged, fitted, interners, split_name, split, emitter).run();
}

std::string Split::place_of(int64_t example) const {
  const auto file = std::upper_bound(file_ends.begin(), file_ends.end(), example);
  if (example >= static_cast<int64_t>(lines.size()) || file == file_ends.end())
    return "in example " + std::to_string(example + 1);
  return "at " + files[static_cast<size_t>(file - file_ends.begin())] + ":" +
         std::to_string(lines[static_cast<size_t>(example)]);
}

}  // namespace mtl::data
