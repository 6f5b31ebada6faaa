// Metadata keys of a model file, and their checks:
//   mtlc.version   of the compiler that wrote it          mtlc.language  a whole number, at most ours
//   mtlc.source    [[name, text], ...], main file first   mtlc.model     name of the model
//   mtlc.sets      [[name, value], ...]                   mtlc.fitted    data::to_json
//   mtlc.metrics   a JSON object
#include "runtime/model/model_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runtime/data/load.h"
#include "support/base/json.h"
#include "support/base/text.h"

namespace mtl::model {

namespace {

using nlohmann::json;
constexpr const char* kKeys[] = {"mtlc.version", "mtlc.language", "mtlc.source", "mtlc.model",
                                 "mtlc.sets",    "mtlc.fitted",   "mtlc.metrics"};

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::optional<Pairs> read_pairs(const std::string& text) {
  const auto list = parse_json(text);
  if (!list || !list->is_array()) return std::nullopt;
  Pairs pairs;
  for (const json& item : *list) {
    if (!item.is_array() || item.size() != 2 || !item[0].is_string() || !item[1].is_string()) return std::nullopt;
    pairs.emplace_back(item[0].get<std::string>(), item[1].get<std::string>());
  }
  return pairs;
}

std::string write_pairs(const Pairs& pairs) {
  json list = json::array();
  for (const auto& [name, value] : pairs) list.push_back({name, value});
  return list.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string shape_text(const std::vector<int64_t>& dims) {
  std::vector<std::string> words;
  for (int64_t dim : dims) words.push_back(std::to_string(dim));
  return "[" + join(words) + "]";
}

// Of the element at this place of a dense tensor: "[3, 0]".
std::string index_text(const std::vector<int64_t>& dims, int64_t place) {
  std::vector<int64_t> index(dims.size());
  for (size_t d = dims.size(); d-- > 0; place /= dims[d]) index[d] = place % dims[d];
  return shape_text(index);
}

bool read_language(const std::string& text, int& language, std::string& why) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), language);
  if (error != std::errc() || end != text.data() + text.size() || language < 1) {
    why = "its `mtlc.language` is not a version";
    return false;
  }
  if (language > kLanguageVersion) {
    why = "it is written in version " + std::to_string(language) + " of the language; this mtlc reads up to version " +
          std::to_string(kLanguageVersion) + " (use a newer mtlc)";
    return false;
  }
  return true;
}

// Names are shown, become names in generated files, and say where a `use` of the program leads: in a sound file none of
// them commands a terminal, and none leads out of the folder of the program.
bool check_names(const ModelFile& model, std::string& why) {
  const auto plain = [&](const std::string& name, const char* key) {
    const size_t at = find_command(name);
    if (at != std::string::npos)
      why = std::string("its `") + key + "` has a control character: `" + excerpt(name, 80) + "`";
    return at == std::string::npos;
  };
  for (const auto& [name, text] : model.sources) {
    if (!plain(name, "mtlc.source")) return false;
    const std::filesystem::path path = name;
    if (!name.empty() && path.is_relative() && std::find(path.begin(), path.end(), "..") == path.end()) continue;
    why = "its `mtlc.source` names the file `" + name + "`; such names are relative and have no `..`";
    return false;
  }
  for (const auto& [name, value] : model.sets)
    if (!plain(name, "mtlc.sets") || !plain(value, "mtlc.sets")) return false;
  return plain(model.model, "mtlc.model") && plain(model.version, "mtlc.version");
}

// What other programs note in a file is left alone, within reason.
bool check_other_keys(const std::map<std::string, std::string>& metadata, std::string& why) {
  constexpr size_t kMostOther = size_t{1} << 20;
  size_t other = 0;
  for (const auto& [key, value] : metadata)
    if (std::find(std::begin(kKeys), std::end(kKeys), key) == std::end(kKeys)) other += key.size() + value.size();
  if (other <= kMostOther) return true;
  why = "its metadata has " + std::to_string(other) + " bytes under keys that are not mtlc's; there may be " +
        std::to_string(kMostOther);
  return false;
}

}  // namespace

std::optional<ModelFile> load_model(const std::string& path, std::string& why) {
  auto file = read_safetensors(path, why);
  return file ? to_model(std::move(*file), why) : std::nullopt;
}

bool is_model(const TensorFile& file) {
  return file.metadata.count("mtlc.source") > 0;
}

std::optional<ModelFile> to_model(TensorFile file, std::string& why) {
  for (const char* key : kKeys) {
    if (file.metadata.count(key) || key == std::string_view("mtlc.metrics")) continue;
    why = std::string("it is a safetensors file but no model of mtlc: its metadata lacks `") + key + "`";
    return std::nullopt;
  }
  if (!check_other_keys(file.metadata, why)) return std::nullopt;
  ModelFile model;
  model.version = file.metadata["mtlc.version"];
  model.model = file.metadata["mtlc.model"];
  if (!read_language(file.metadata["mtlc.language"], model.language, why)) return std::nullopt;
  auto sources = read_pairs(file.metadata["mtlc.source"]);
  auto sets = read_pairs(file.metadata["mtlc.sets"]);
  if (!sources || sources->empty() || !sets) {
    why = std::string("its `") + (sets ? "mtlc.source" : "mtlc.sets") + "` is damaged";
    return std::nullopt;
  }
  model.sources = std::move(*sources);
  model.sets = std::move(*sets);
  if (!check_names(model, why)) return std::nullopt;
  auto fitted = data::fitted_from_json(file.metadata["mtlc.fitted"], why);
  if (!fitted) {
    why = "its `mtlc.fitted` is damaged: " + why;
    return std::nullopt;
  }
  model.fitted = std::move(*fitted);
  model.metrics = file.metadata.count("mtlc.metrics") ? file.metadata["mtlc.metrics"] : "{}";
  if (const auto metrics = parse_json(model.metrics); !metrics || !metrics->is_object()) {
    why = "its `mtlc.metrics` is damaged";
    return std::nullopt;
  }
  model.tensors = std::move(file.tensors);
  return model;
}

bool save_model(const std::string& path, const ModelFile& file, std::string& why) {
  TensorFile out;
  out.metadata["format"] = "pt";  // what other readers of safetensors look for
  out.metadata["mtlc.version"] = MTLC_VERSION;
  out.metadata["mtlc.language"] = std::to_string(file.language);
  out.metadata["mtlc.source"] = write_pairs(file.sources);
  out.metadata["mtlc.model"] = file.model;
  out.metadata["mtlc.sets"] = write_pairs(file.sets);
  out.metadata["mtlc.fitted"] = data::to_json(file.fitted);
  out.metadata["mtlc.metrics"] = file.metrics.empty() ? "{}" : file.metrics;
  out.tensors = file.tensors;
  return write_safetensors(path, out, why);
}

std::vector<Tensor> to_tensors(const Weights& weights) {
  std::vector<Tensor> tensors;
  for (const Entry& entry : weights.entries()) {
    const float* values = weights.of(entry);
    tensors.push_back({entry.path, entry.dims, std::vector<float>(values, values + entry.size)});
  }
  return tensors;
}

bool to_weights(const std::vector<Tensor>& tensors, Weights& weights, std::string& why) {
  std::map<std::string, const Tensor*> by_name;
  for (const Tensor& tensor : tensors) by_name[tensor.name] = &tensor;
  for (const Entry& entry : weights.entries()) {
    const auto found = by_name.find(entry.path);
    if (found == by_name.end()) {
      why = "it lacks the parameter `" + entry.path + "`";
      return false;
    }
    if (found->second->dims != entry.dims) {
      why = "`" + entry.path + "` is " + shape_text(found->second->dims) + " in it and " + shape_text(entry.dims) +
            " in the model";
      return false;
    }
    const std::vector<float>& values = found->second->values;
    const auto bad = std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
    if (bad != values.end()) {
      why = "`" + entry.path + "` has " + (std::isnan(*bad) ? "no number" : "an infinite number") + " at " +
            index_text(entry.dims, bad - values.begin()) + ": every answer would be as undefined";
      return false;
    }
    std::copy(values.begin(), values.end(), weights.of(entry));
  }
  return true;
}

}  // namespace mtl::model
