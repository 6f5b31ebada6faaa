// Fits, applies and undoes the transforms of number columns.
#include "runtime/data/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "runtime/core/deploy/numbers.h"
#include "runtime/data/plan.h"

namespace mtl::data {
namespace {

using Kind = Transform::Kind;

constexpr double kLargest = std::numeric_limits<float>::max();

// Element `element` of every row that has one.
template <class Visit>
void each_value(const std::vector<double>& values, size_t element, size_t width, Visit&& visit) {
  for (size_t i = element; i < values.size(); i += width) {
    if (!std::isnan(values[i])) visit(values[i]);
  }
}

double mean_of(const std::vector<double>& values, size_t element, size_t width) {
  double sum = 0;
  size_t count = 0;
  each_value(values, element, width, [&](double x) { sum += x, ++count; });
  return count == 0 ? 0 : sum / static_cast<double>(count);
}

double deviation_of(const std::vector<double>& values, size_t element, size_t width, double mean) {
  double squares = 0, largest = 0;
  size_t count = 0;
  each_value(values, element, width, [&](double x) {
    squares += (x - mean) * (x - mean);
    largest = std::max(largest, std::abs(x));
    ++count;
  });
  const double deviation = count == 0 ? 0 : std::sqrt(squares / static_cast<double>(count));
  return deviation > largest * 1e-12 ? deviation : 0;  // a constant, but for rounding
}

std::vector<double> edges_of(const std::vector<double>& values, size_t element, size_t width, int64_t bins) {
  std::vector<double> sorted, edges;
  each_value(values, element, width, [&](double x) { sorted.push_back(x); });
  std::sort(sorted.begin(), sorted.end());
  for (int64_t k = 1; k < bins && !sorted.empty(); ++k) {
    const double edge = sorted[static_cast<size_t>(k * static_cast<int64_t>(sorted.size()) / bins)];
    if (edge > sorted.front() && (edges.empty() || edge > edges.back())) edges.push_back(edge);
  }
  return edges;
}

double apply_one(Kind kind, const NumberStats& stats, size_t element, double x) {
  switch (kind) {
    case Kind::standardize:
      return runtime::deploy::standardized(x, stats.mean[element], stats.deviation[element]);
    case Kind::minmax:
      return runtime::deploy::scaled(x, stats.minimum[element], stats.maximum[element]);
    case Kind::log1p:
      return runtime::deploy::log_of_one_more(x);
    case Kind::fill_number:
    case Kind::fill_mean:
      return std::isnan(x) ? stats.fill[element] : x;
    case Kind::bins:
      return runtime::deploy::bin_of(x, stats.bin_edges[element].data(), stats.bin_edges[element].size());
    default:
      return x;
  }
}

void fit_one(const Transform& transform, NumberStats& stats, size_t element, size_t width,
             const std::vector<double>& values) {
  switch (transform.kind) {
    case Kind::standardize:
      stats.mean.push_back(mean_of(values, element, width));
      stats.deviation.push_back(deviation_of(values, element, width, stats.mean.back()));
      break;
    case Kind::minmax: {
      double low = std::numeric_limits<double>::infinity(), high = -low;
      each_value(values, element, width, [&](double x) { low = std::min(low, x), high = std::max(high, x); });
      stats.minimum.push_back(low <= high ? low : 0);
      stats.maximum.push_back(low <= high ? high : 0);
      break;
    }
    case Kind::fill_number:
      stats.fill.push_back(transform.number);
      break;
    case Kind::fill_mean:
      stats.fill.push_back(mean_of(values, element, width));
      break;
    case Kind::bins:
      stats.bin_edges.push_back(transform.numbers.empty() ? edges_of(values, element, width, transform.count)
                                                          : transform.numbers);
      break;
    default:
      break;
  }
}

}  // namespace

NumberStats fit_numbers(const ColumnSpec& column, int64_t width, std::vector<double> values) {
  NumberStats stats;
  const auto elements = static_cast<size_t>(width);
  for (const Transform& transform : column.transforms) {
    for (size_t e = 0; e < elements; ++e) fit_one(transform, stats, e, elements, values);
    for (size_t i = 0; i < values.size(); ++i) values[i] = apply_one(transform.kind, stats, i % elements, values[i]);
  }
  return stats;
}

std::optional<size_t> apply_numbers(const ColumnSpec& column, const NumberStats& stats, int64_t width,
                                    std::vector<double>& values) {
  const auto elements = static_cast<size_t>(width);
  for (const Transform& transform : column.transforms) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = apply_one(transform.kind, stats, i % elements, values[i]);
  }
  const auto bad = std::find_if(values.begin(), values.end(), [](double x) { return std::abs(x) > kLargest; });
  return bad == values.end() ? std::nullopt : std::optional<size_t>(bad - values.begin());
}

bool fits_column(const ColumnSpec& column, double number) {
  for (const Transform& transform : column.transforms) {
    if (transform.kind == Kind::log1p) number = apply_one(Kind::log1p, {}, 0, number);
    const bool learns =
        transform.kind == Kind::standardize || transform.kind == Kind::minmax || transform.kind == Kind::bins;
    if (learns) return std::isfinite(number);
  }
  return std::abs(number) <= kLargest;
}

std::string number_result(const ColumnSpec& column) {
  std::string names;
  for (const Transform& transform : column.transforms) {
    if (splits_text(transform.kind) || transform.kind == Kind::part) continue;
    names += (names.empty() ? "" : " |> ") + std::string(transform_name(transform));
  }
  return names.empty() ? "the 32-bit value" : names;
}

std::string number_help(const ColumnSpec& column, double number) {
  const bool log = std::any_of(column.transforms.begin(), column.transforms.end(),
                               [](const Transform& transform) { return transform.kind == Kind::log1p; });
  return log && number <= 0 ? "`log1p` takes numbers above -1"
                            : "a number is stored in 32 bits, which hold up to 3.4e38";
}

// Whether a text in lower case is a word, and none that is written for a missing value.
static bool is_name(std::string_view text) {
  static constexpr std::string_view kMarks[] = {"nan", "none", "null", "nil", "missing", "unknown", "undefined"};
  const auto letters = std::count_if(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
  return letters >= 3 && std::find(std::begin(kMarks), std::end(kMarks), text) == std::end(kMarks);
}

// `2020-01-31`, `31.1.2020`, `1/31/20 12:30`, `12:30`.
static bool is_date_or_time(std::string_view text) {
  const bool plain = text.find_first_not_of("0123456789-/.: TZ") == std::string_view::npos;
  const auto count = [&](char sign) { return std::count(text.begin(), text.end(), sign); };
  const bool signs = count('/') == 2 || count('.') == 2 || count('-') == 2 || count(':') > 0;
  return plain && signs && !text.empty() && text.front() >= '0' && text.front() <= '9';
}

// A prefix or a suffix of a number: `$`, `%`, ` km`.
static std::string unit_of(std::string_view text, const NumberFormat& format) {
  const std::string_view digits = "0123456789";
  const size_t first = text.find_first_of(digits), end = text.find_last_of(digits);
  if (first == std::string_view::npos) return "";
  const size_t begin =
      first > 0 && std::string_view("-+.").find(text[first - 1]) != std::string_view::npos ? first - 1 : first;
  if (!parse_number(text.substr(begin, end + 1 - begin), format)) return "";
  const std::string_view front = text.substr(0, begin), back = text.substr(end + 1);
  if (front.empty() == back.empty() || front.size() + back.size() > 8) return "";
  return std::string(front.empty() ? back : front);
}

std::string bad_number_help(std::string_view text, const NumberFormat& format) {
  const bool digits = text.find_first_of("0123456789") != std::string_view::npos;
  const std::string lower = lower_text(text);
  if (lower.find("inf") != std::string::npos) return "numbers are finite";
  if (text.find("\u2212") != std::string_view::npos) return "its minus is the character U+2212: write `-`";
  if (text.size() > 2 && text.front() == '"' && text.back() == '"')
    return "a tsv keeps quotation marks; `format = csv` with `separator = \"\\t\"` reads quoted cells";
  if (lower == "true" || lower == "false") return "a column of truth values is `bool`";
  if (is_date_or_time(text))
    return "a date or a time is no number: count days or seconds in the file, or take each as a `category`";
  if (const std::string unit = unit_of(text, format); !unit.empty())
    return "a number has no unit: take `" + unit + "` out of the file";
  if (!digits && !text.empty()) {
    const std::string missing =
        "`missing = [\"" + std::string(text) + "\"]` in the source says that this is a missing value";
    return is_name(lower) ? "a column of names is `category` or `label`; " + missing : missing;
  }
  const auto setting = [](const char* name, std::string_view value) {
    return "`" + std::string(name) + " = \"" + std::string(value) + "\"`";
  };
  std::string help;
  for (const std::string_view decimal : {".", ","}) {
    if (decimal != format.decimal && text.find(decimal) == std::string_view::npos) continue;
    for (const std::string_view thousands : {"", ",", ".", " ", "'", "\xC2\xA0", "\xE2\x80\xAF"}) {
      const bool used = thousands.empty() || text.find(thousands) != std::string_view::npos;
      if (!used || decimal == thousands) continue;
      const auto number = parse_number(text, {decimal, thousands});
      if (!number) continue;
      std::string settings = decimal == format.decimal ? "" : setting("decimal", decimal);
      if (!thousands.empty() && thousands != format.thousands)
        settings += (settings.empty() ? "" : " with ") + setting("thousands", thousands);
      help += (help.empty() ? "in the source, " : ", and ") + settings + " reads it as " + shortest(*number);
    }
  }
  return help;
}

std::string shortest(double value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return std::string(text, end);
}

std::vector<std::string> bin_names(const std::vector<double>& edges) {
  std::vector<std::string> names;
  if (edges.empty()) return {"all"};
  names.push_back("below " + shortest(edges.front()));
  for (size_t i = 1; i < edges.size(); ++i) names.push_back(shortest(edges[i - 1]) + " to " + shortest(edges[i]));
  names.push_back("from " + shortest(edges.back()));
  return names;
}

double restore_number(const ColumnSpec& column, const NumberStats& stats, int64_t element, double value) {
  const auto e = static_cast<size_t>(element);
  for (auto transform = column.transforms.rbegin(); transform != column.transforms.rend(); ++transform) {
    switch (transform->kind) {
      case Kind::standardize:
        if (e < stats.deviation.size()) value = value * stats.deviation[e] + stats.mean[e];
        break;
      case Kind::minmax:
        if (e < stats.maximum.size()) value = value * (stats.maximum[e] - stats.minimum[e]) + stats.minimum[e];
        break;
      case Kind::log1p:
        value = std::expm1(value);
        break;
      default:
        break;
    }
  }
  return value;
}

}  // namespace mtl::data
