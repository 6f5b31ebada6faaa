// One file is the model: weights under readable paths, and in the metadata all that is needed to use them: the
// texts of the user's source files, the --set values, the vocabularies and label sets. `mtlc predict
// model.safetensors` needs nothing else.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/data/dataset.h"
#include "runtime/model/safetensors.h"
#include "runtime/model/weights.h"

namespace mtl::model {

// The version of the language that this compiler reads and writes. Model files carry it.
inline constexpr int kLanguageVersion = 1;

struct ModelFile {
  std::string version;  // of mtlc, filled in on writing
  int language = kLanguageVersion;
  std::vector<std::pair<std::string, std::string>> sources;  // relative name, text; the main file first
  std::string model;                                         // name of the model in it
  std::vector<std::pair<std::string, std::string>> sets;     // --set name=value
  data::Fitted fitted;
  std::string metrics;  // a JSON object: "test", "dev", ... as in metrics.jsonl
  std::vector<Tensor> tensors;
};

// nullopt and a reason in `why`, worded to follow "cannot load the model `path`: ".
std::optional<ModelFile> load_model(const std::string& path, std::string& why);
// Of a file that was read: a model of ours has the metadata that only ours have.
bool is_model(const TensorFile& file);
std::optional<ModelFile> to_model(TensorFile file, std::string& why);
bool save_model(const std::string& path, const ModelFile& file, std::string& why);

// Weights as tensors of their paths, and back. `to_weights` wants every entry, with its shape and of
// finite numbers; false and a reason.
std::vector<Tensor> to_tensors(const Weights& weights);
bool to_weights(const std::vector<Tensor>& tensors, Weights& weights, std::string& why);

}  // namespace mtl::model
