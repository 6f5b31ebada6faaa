// Which tensor of a file a `load` statement means by a parameter.
//
// The names of the file are changed as the statement says: `strip` off their beginnings, then each `rename`. The name
// of a parameter is its path, or what is left of it without its first parts, as many as the pattern has; of these forms
// the one is used with which the statement finds most parameters, among equals the longest. A private copy
// `gate@intent` has its own name, or, where the file lacks that, the one without `@intent`.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/settings/train_config.h"

namespace mtl::training {

class StartNames {
 public:
  // `names`: those of the file; `paths`: the parameters that the statement names.
  StartNames(const LoadConfig& load, const std::vector<std::string>& names, const std::vector<std::string>& paths);
  // The numbers of the tensors that are meant: none, one, or, if names became the same, several.
  std::vector<size_t> find(const std::string& path) const;
  // All names that find() looks for, and names of the file that are near them.
  std::vector<std::string> tried(const std::string& path) const;
  std::vector<std::string> near(const std::string& path) const;

 private:
  std::map<std::string, std::vector<size_t>> by_name_;  // changed
  std::vector<std::string> names_;                      // as in the file
  size_t most_left_out_ = 0, left_out_ = 0;
};

// "gate.weight" of "gate@intent.weight".
std::string without_task(const std::string& path);

}  // namespace mtl::training
