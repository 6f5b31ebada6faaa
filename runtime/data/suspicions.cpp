// Compares files, labels and numbers for what is hardly meant.
#include "runtime/data/suspicions.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>

#include "runtime/data/cache.h"
#include "runtime/data/numbers.h"
#include "runtime/data/text.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

namespace fs = std::filesystem;

bool same_bytes(const std::string& a, const std::string& b) {
  constexpr size_t kBlock = size_t{1} << 16;
  std::ifstream one(a, std::ios::binary), other(b, std::ios::binary);
  std::vector<char> left(kBlock), right(kBlock);
  while (one && other) {
    one.read(left.data(), kBlock);
    other.read(right.data(), kBlock);
    if (one.gcount() != other.gcount() || !std::equal(left.begin(), left.begin() + one.gcount(), right.begin()))
      return false;
  }
  return one.eof() && other.eof();
}

bool same_file(const std::string& a, const std::string& b) {
  std::error_code error;
  if (!fs::is_regular_file(a, error) || !fs::is_regular_file(b, error)) return false;
  if (fs::equivalent(a, b, error)) return true;
  const auto size = fs::file_size(a, error);
  return !error && size == fs::file_size(b, error) && !error && same_bytes(a, b);
}

// Of numbers as they are in the file: whether nothing of what they tell apart is left.
bool loses_digits(const ColumnSpec& column, double number) {
  using Kind = Transform::Kind;
  const bool scaled = std::any_of(column.transforms.begin(), column.transforms.end(), [](const Transform& transform) {
    return transform.kind == Kind::standardize || transform.kind == Kind::minmax || transform.kind == Kind::log1p;
  });
  if (std::isnan(number) || number != std::floor(number)) return false;
  // Scaled in 64 bits; beyond 2^53 not even they hold every whole number.
  return scaled ? std::abs(number) > 9007199254740992.0 : static_cast<double>(static_cast<float>(number)) != number;
}

}  // namespace

void warn_of_same_files(const SourceSpec& source, const LoadOptions& options, diag::Emitter& emitter) {
  struct Part {
    const char* name;
    const std::vector<std::string>& files;
    SourceRange range;
  };
  const Part train{"train", source.train, source.train_range}, dev{"dev", source.dev, source.dev_range},
      test{"test", source.test, source.test_range};
  for (const auto& [first, second] : {std::pair(&train, &dev), std::pair(&train, &test), std::pair(&dev, &test)}) {
    if (second == &test && !options.need_test) continue;
    const auto same = [&](const std::string& a, const std::string& b) {
      return same_file(join_path(options.data_dir, a), join_path(options.data_dir, b));
    };
    for (const std::string& file : second->files) {
      const auto found = std::find_if(first->files.begin(), first->files.end(),
                                      [&](const std::string& one) { return same(one, file); });
      if (found == first->files.end()) continue;
      auto report = emitter.report(diag::SameFileTwice, second->name, file, source.name,
                                   *found == file ? std::string("a ") + first->name + " file"
                                                  : std::string("the ") + first->name + " file `" + *found + "`");
      if (second->range.valid()) std::move(report).at(second->range);
      std::move(report).help(first == &train
                                 ? "scores on examples that were trained on say little of others; `holdout = 10%` "
                                   "takes examples out of train"
                                 : "the best epoch is chosen by dev, so test has to be other examples");
    }
  }
}

void warn_of_lost_digits(const SourcePlan& plan, const Staged& train, diag::Emitter& emitter) {
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    const ColumnSpec& column = *plan.columns[c].spec;
    if (column.kind != ValueKind::number || plan.columns[c].is_bins) continue;
    const std::vector<double>& numbers = train.columns[c].numbers;
    const auto lost = static_cast<size_t>(
        std::count_if(numbers.begin(), numbers.end(), [&](double x) { return loses_digits(column, x); }));
    if (lost == 0 || lost * 4 < numbers.size()) continue;  // a few large ones among others are amounts
    const double first =
        *std::find_if(numbers.begin(), numbers.end(), [&](double x) { return loses_digits(column, x); });
    auto report = emitter.report(diag::DigitsLost, plan.spec->name + "." + column.name, count_of(lost, "number"),
                                 shortest(first));
    if (column.range.valid()) std::move(report).at(column.range);
    std::move(report).help("ids are `token` or `category`; of times and amounts, `standardize` keeps what differs");
  }
}

namespace {

bool is_quoted(const std::string& label) {
  return label.size() >= 2 && label.front() == '"' && label.back() == '"';
}

// `a`, `b` and `c`, by what they have in common: the number that they are, or the word in lower case. Single letters
// may well be told apart.
void warn_of_alike(const std::string& name, const std::vector<std::string>& labels, const NumberFormat& format,
                   SourceRange range, diag::Emitter& emitter) {
  constexpr size_t kReported = 3;
  std::map<std::string, std::vector<std::string>> groups;
  for (const std::string& label : labels) {
    const auto number = parse_number(label, format);
    if (number || label.size() > 1) groups[number ? "0 " + shortest(*number) : lower_text(label)].push_back(label);
  }
  size_t reported = 0;
  for (auto& [key, alike] : groups) {
    if (alike.size() < 2 || ++reported > kReported) continue;
    std::sort(alike.begin(), alike.end());
    for (std::string& label : alike) label = "`" + excerpt(label, 40) + "`";
    const bool number = key.starts_with("0 ");
    auto report = emitter.report(diag::LabelsAlike, name, join(alike, ", ", " and "),
                                 number ? "one number" : "differ in case alone");
    if (range.valid()) std::move(report).at(range);
    std::move(report).help("if they are meant to be one class, write them alike in the files");
  }
}

}  // namespace

void warn_of_labels(const SourcePlan& plan, const Staged& train, const Fitted& fitted, diag::Emitter& emitter) {
  constexpr size_t kFewClasses = 20;
  for (const ColumnPlan& column : plan.columns) {
    const ColumnSpec& spec = *column.spec;
    const std::string name = plan.spec->name + "." + spec.name;
    const auto found = fitted.sets.find(name);
    const bool learnt = column.is_target_only() && spec.fixed_labels.empty() && spec.labels_of.empty();
    if (!learnt || column.is_bins || found == fitted.sets.end()) continue;
    const std::vector<std::string>& labels = found->second.names;
    const auto quoted = std::find_if(labels.begin(), labels.end(), is_quoted);
    if (plan.spec->format == Format::tsv && quoted != labels.end()) {
      auto report = emitter.report(diag::QuotedLabels, name, excerpt(*quoted, 40));
      if (spec.range.valid()) std::move(report).at(spec.range);
      std::move(report).help("`format = csv` with `separator = \"\\t\"` reads quoted cells");
    }
    warn_of_alike(name, labels, number_format(*plan.spec), spec.range, emitter);
    const bool one_each = spec.kind == ValueKind::label && column.dims.empty();
    if (!one_each || labels.size() <= kFewClasses || static_cast<int64_t>(labels.size()) * 2 <= train.examples)
      continue;
    const bool numbers = std::all_of(labels.begin(), labels.end(), [&](const std::string& label) {
      return parse_number(label, number_format(*plan.spec)).has_value();
    });
    auto report = emitter.report(diag::NearlyAsManyClasses, name, std::to_string(labels.size()) + " classes",
                                 count_of(static_cast<size_t>(train.examples), "example"));
    if (spec.range.valid()) std::move(report).at(spec.range);
    std::move(report).help(numbers ? "`f32` predicts a number, and `|> bins(10)` makes classes of it"
                                   : "a class is learnt from its examples: is this the column of the labels?");
  }
}

void warn_of_one_sentence(const SourcePlan& plan, const Staged& train, diag::Emitter& emitter) {
  constexpr int64_t kLong = 100;
  const bool conll = plan.spec->format == Format::conll || plan.spec->format == Format::conllu;
  if (!conll || train.examples != 1) return;
  for (size_t d = 0; d < plan.dims.size(); ++d) {
    if (plan.dims[d].parent >= 0 || train.lengths[d].empty() || train.lengths[d][0] < kLong) continue;
    auto report = emitter.report(diag::OneLongSentence, plan.spec->name,
                                 count_of(static_cast<size_t>(train.lengths[d][0]), "token"));
    if (plan.spec->train_range.valid()) std::move(report).at(plan.spec->train_range);
    std::move(report).help("a blank line ends a sentence");
    return;
  }
}

}  // namespace mtl::data
