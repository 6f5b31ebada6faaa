// safetensors files: https://github.com/huggingface/safetensors#format. Hostile until checked: header length, JSON,
// dtypes, shapes, offsets (inside the file, in order, not overlapping, of the right size) are all validated.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace mtl::model {

struct Tensor {
  std::string name;
  std::vector<int64_t> dims;
  std::vector<float> values;  // F32; F16 and BF16 are widened on reading
};

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::vector<Tensor> tensors;
};

// nullopt and a reason in `why`.
std::optional<TensorFile> read_safetensors(const std::string& path, std::string& why);
// Written aside and renamed; false and a reason in `why` (a full disk leaves the old file as it was).
bool write_safetensors(const std::string& path, const TensorFile& file, std::string& why);

// Writes any file aside (same folder), flushes it to disk, renames it. False and a reason in `why`.
bool write_file(const std::string& path, std::string_view bytes, std::string& why);

}  // namespace mtl::model
