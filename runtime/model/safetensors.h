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

// nullopt and a reason in `why`. Files that we wrote carry a checksum of metadata and tensors, which is compared and is
// not part of the answer; files of other programs, and of mtlc before it had one, have none.
std::optional<TensorFile> read_safetensors(const std::string& path, std::string& why);
// Written aside and renamed; false and a reason in `why` (a full disk leaves the old file as it was).
bool write_safetensors(const std::string& path, const TensorFile& file, std::string& why);

}  // namespace mtl::model
