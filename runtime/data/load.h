// Files to a Dataset, through the binary cache.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "runtime/data/dataset.h"
#include "support/diag/emitter.h"

namespace mtl::data {

struct LoadOptions {
  std::string data_dir;       // files of the spec are relative to it,
  bool only_below = false;    // and none may lead out of it: the spec is of a program that came with a model file
  std::string cache_dir;      // empty: no cache
  int64_t skip_bad_rows = 0;  // this many bad rows are skipped and counted
  bool need_test = true;
  std::function<void(std::string_view what, double fraction)> progress;  // may be empty
};

// Reads, fits and encodes everything. nullopt after reporting (file:line, the text, what was expected).
std::optional<Dataset> load(const Spec& spec, const LoadOptions& options, diag::Emitter& emitter);

// Whether a source has the split: by its files, or, dev, taken from train by `holdout` or `folds`.
bool has_split(const SourceSpec& source, std::string_view split);
// Encodes one of its splits, "train", "dev" or "test", with what was fitted before: the examples that load() gives it.
std::optional<Split> encode_split(const SourceSpec& source, std::string_view split, const Fitted& fitted,
                                  const LoadOptions& options, diag::Emitter& emitter);

// Fitted <-> JSON text, for the model file. from_json checks everything it reads; nullopt and a reason in `why`.
std::string to_json(const Fitted& fitted);
std::optional<Fitted> fitted_from_json(std::string_view json, std::string& why);
// Whether `fitted` has all that the columns of `spec` need, in the right sizes: to be asked of what came from a file
// before it encodes anything. False and a reason in `why`.
bool fits_spec(const Fitted& fitted, const Spec& spec, std::string& why);

// A number column's value as the file had it: undoes standardize, minmax and log1p of element `element`.
double restore_number(const ColumnSpec& column, const NumberStats& stats, int64_t element, double value);

}  // namespace mtl::data
