#include "data/suspicions.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/data.h"
#include "data/cache.h"
#include "data/numbers.h"

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

}  // namespace mtl::data
