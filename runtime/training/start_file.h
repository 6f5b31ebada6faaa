// A file that parameters start from: tensors and, of a model of ours, whose numbers they hold.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/model/safetensors.h"
#include "runtime/training/compile.h"
#include "runtime/training/param_rows.h"

namespace mtl::training {

struct StartFile {
  std::string name;  // as it was written
  std::vector<model::Tensor> tensors;
  bool ours = false;    // a model of mtlc, with
  data::Fitted fitted;  // its vocabularies and label sets, and
  RowsByPath rows;      // what its tensors hold; empty: its program cannot be read
};

// nullptr and a reason.
std::unique_ptr<StartFile> read_start_file(const std::string& path, std::string name, std::string& why);

// The first number that is none, as text ("infinity at 3"); empty: all are finite.
std::string not_finite(const model::Tensor& tensor);

// All parameters of a model in training, those of the balancer, too. nullopt after reports.
std::optional<std::vector<elaborate::ParamInfo>> all_params(const Elaborator& elaborator);

}  // namespace mtl::training
