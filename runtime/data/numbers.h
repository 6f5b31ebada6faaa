// Number columns: transforms fitted on train and applied in the order of the declaration.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/data/text.h"

namespace mtl::data {

// Learns what the transforms of `column` need from `values` (rows of `width`; NaN is missing and takes no part).
//   standardize  (x - mean) / sd, the population's: Σ (x - mean)² / n; a constant column becomes 0
//   minmax       (x - min) / (max - min); a constant column becomes 0
//   bins(n)      edges at the quantiles 1/n .. (n-1)/n of train, equal ones once
NumberStats fit_numbers(const ColumnSpec& column, int64_t width, std::vector<double> values);

// Applies them in place (bins: the class). The index of the first element that is not finite afterwards, if any.
std::optional<size_t> apply_numbers(const ColumnSpec& column, const NumberStats& stats, int64_t width,
                                    std::vector<double>& values);

// False if `number` can be none of the column's whatever is fitted: it is no 32-bit number behind the transforms, or
// no number behind those in front of the first that has something to learn.
bool fits_column(const ColumnSpec& column, double number);
// For messages: "log1p |> standardize", or that there are no transforms; what to do about `number`; the number.
std::string number_result(const ColumnSpec& column);
std::string number_help(const ColumnSpec& column, double number);
std::string shortest(double value);
// For a text that is no number where numbers are written as `format` says: the settings of a source that would read it
// as one, or that it may be a missing value.
std::string bad_number_help(std::string_view text, const NumberFormat& format);

// Names of the classes of `bins`: "below 2", "2 to 5", "from 5".
std::vector<std::string> bin_names(const std::vector<double>& edges);

}  // namespace mtl::data
