// Reading and writing safetensors: an 8-byte little-endian header length, a JSON header, then the bytes of all
// tensors without gaps. Everything read is checked before it is used; nothing here trusts a length, an offset or a
// type. Numbers of other types than F32 are widened or rounded to float.
#include "runtime/model/safetensors.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/core/deploy/weights_file.h"
#include "runtime/model/write_file.h"
#include "support/base/json.h"

namespace mtl::model {

namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian; so is this reader");

constexpr uint64_t kHeaderLimit = 100'000'000;  // as in the reference implementation
constexpr size_t kDimsLimit = 16;

float from_f16(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16, exponent = h >> 10 & 31u, mantissa = h & 0x3FFu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  const float value = static_cast<float>(mantissa) * 0x1p-24f;  // zero or subnormal
  return sign ? -value : value;
}
float from_bf16(uint16_t b) {
  return std::bit_cast<float>(static_cast<uint32_t>(b) << 16);
}

template <class T>
void widen(const char* bytes, std::vector<float>& out, float (*convert)(T)) {
  for (size_t i = 0; i < out.size(); ++i) {
    T raw;
    std::memcpy(&raw, bytes + i * sizeof(T), sizeof(T));
    out[i] = convert(raw);
  }
}
template <class T>
float plain(T value) {
  return static_cast<float>(value);
}

struct Kind {
  const char* name;
  uint64_t bytes;
  void (*read)(const char*, std::vector<float>&);
};
template <class T>
void read_plain(const char* bytes, std::vector<float>& out) {
  widen<T>(bytes, out, plain<T>);
}
const Kind kKinds[] = {
    {"F32", 4,
     [](const char* b, std::vector<float>& o) {
       if (!o.empty()) std::memcpy(o.data(), b, o.size() * 4);
     }},
    {"F16", 2, [](const char* b, std::vector<float>& o) { widen<uint16_t>(b, o, from_f16); }},
    {"BF16", 2, [](const char* b, std::vector<float>& o) { widen<uint16_t>(b, o, from_bf16); }},
    {"F64", 8, read_plain<double>},
    {"I64", 8, read_plain<int64_t>},
    {"I32", 4, read_plain<int32_t>},
    {"I16", 2, read_plain<int16_t>},
    {"I8", 1, read_plain<int8_t>},
    {"U8", 1, read_plain<uint8_t>},
    {"BOOL", 1, read_plain<uint8_t>},
};

const Kind* find_kind(const std::string& name) {
  for (const Kind& kind : kKinds)
    if (name == kind.name) return &kind;
  return nullptr;
}

// Of files that we wrote: the version of this scheme, and the checksum of all that `Checksum` is told. Either one asks
// for the other, so that no damage to a key hides the damage.
constexpr const char* kFormatKey = "mtlc.format";
constexpr const char* kChecksumKey = "mtlc.checksum";
constexpr const char* kFormat = "2";  // files of the first format have neither

// Of what a file says, whatever the order of its header: metadata, then tensors, each by name.
class Checksum {
 public:
  explicit Checksum(const std::map<std::string, std::string>& metadata) {
    for (const auto& [key, value] : metadata)
      if (key != kChecksumKey) text_ += json({key, value}).dump(-1, ' ', false, json::error_handler_t::replace);
  }
  void add(const std::string& name, const std::string& kind, const std::vector<int64_t>& dims, const void* bytes,
           size_t size) {
    tensors_[name] = kind + json(dims).dump() + std::to_string(runtime::deploy::weights_checksum(bytes, size));
  }
  std::string text() && {  // a vocabulary of millions of words is not copied
    std::string all = std::move(text_);
    all += json(tensors_).dump(-1, ' ', false, json::error_handler_t::replace);
    char digits[17];
    std::snprintf(digits, sizeof(digits), "%016llx",
                  static_cast<unsigned long long>(runtime::deploy::weights_checksum(all.data(), all.size())));
    return digits;
  }

 private:
  std::string text_;
  std::map<std::string, std::string> tensors_;
};

// A whole number in [0, 2^62], however JSON spelled it.
std::optional<uint64_t> whole(const json& value) {
  if (!value.is_number_unsigned()) return std::nullopt;
  const auto number = value.get<uint64_t>();
  if (number > (uint64_t{1} << 62)) return std::nullopt;
  return number;
}

struct Range {
  uint64_t begin, end;
};

// One entry of the header: its type, shape and place agree with each other and with the file.
std::optional<Range> check_entry(const std::string& name, const json& entry, uint64_t data_size, Tensor& tensor,
                                 const Kind*& kind, std::string& why) {
  const auto fail = [&](const std::string& what) {
    why = "tensor `" + name + "` " + what;
    return std::nullopt;
  };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets"))
    return fail("lacks its dtype, shape or data_offsets");
  if (!entry["dtype"].is_string()) return fail("has a dtype that is no string");
  kind = find_kind(entry["dtype"].get_ref<const std::string&>());
  if (kind == nullptr) return fail("has the unknown dtype " + entry["dtype"].dump());
  const json& shape = entry["shape"];
  if (!shape.is_array() || shape.size() > kDimsLimit) return fail("has a shape that is no list of sizes");
  uint64_t count = 1;
  for (const json& size : shape) {
    const auto dim = whole(size);
    if (!dim) return fail("has a shape that is no list of sizes");
    if (*dim != 0 && count > (uint64_t{1} << 62) / *dim) return fail("is larger than any file");
    count *= *dim;
    tensor.dims.push_back(static_cast<int64_t>(*dim));
  }
  const json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) return fail("has data_offsets that are not two numbers");
  const auto begin = whole(offsets[0]), end = whole(offsets[1]);
  if (!begin || !end || *begin > *end) return fail("has data_offsets that are not two numbers in order");
  if (*end > data_size)
    return fail("ends " + std::to_string(*end - data_size) + " bytes behind the end of the file: it was cut off");
  if (*end - *begin != count * kind->bytes || count > data_size)
    return fail("has " + std::to_string(*end - *begin) + " bytes, which is not the size of its shape");
  return Range{*begin, *end};
}

bool read_metadata(const json& metadata, std::map<std::string, std::string>& out) {
  if (!metadata.is_object()) return false;
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) return false;
    out[key] = value.get<std::string>();
  }
  return true;
}

std::optional<TensorFile> parse(std::string_view bytes, std::string& why) {
  const auto fail = [&](const std::string& what) {
    why = what;
    return std::nullopt;
  };
  uint64_t header_size = 0;
  if (bytes.size() < sizeof(header_size)) return fail("it is shorter than a header");
  std::memcpy(&header_size, bytes.data(), sizeof(header_size));
  if (header_size > kHeaderLimit || header_size > bytes.size() - sizeof(header_size))
    return fail("it is no safetensors file, or it was cut off in its header");
  const std::string_view text = bytes.substr(sizeof(header_size), header_size);
  const std::string_view data = bytes.substr(sizeof(header_size) + header_size);
  const auto parsed = parse_json(text);
  if (!parsed) return fail("its header cannot be read as JSON: " + parsed.error().what);
  const json& header = *parsed;
  if (!header.is_object()) return fail("its header is not a JSON object");

  TensorFile file;
  std::vector<std::pair<Range, size_t>> places;
  std::vector<const Kind*> kinds;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      if (!read_metadata(entry, file.metadata)) return fail("its metadata is not a list of texts");
      continue;
    }
    Tensor tensor{name, {}, {}};
    const Kind* kind = nullptr;
    const auto range = check_entry(name, entry, data.size(), tensor, kind, why);
    if (!range) return std::nullopt;
    places.push_back({*range, file.tensors.size()});
    kinds.push_back(kind);
    file.tensors.push_back(std::move(tensor));
  }
  std::sort(places.begin(), places.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first.begin, a.first.end) < std::pair(b.first.begin, b.first.end);
  });
  uint64_t reached = 0;
  for (const auto& [range, index] : places) {
    if (range.begin != reached)
      return fail("tensor `" + file.tensors[index].name + "` overlaps another or leaves a gap");
    reached = range.end;
  }
  if (reached != data.size())
    return fail("it has " + std::to_string(data.size()) + " bytes of tensors where its header names " +
                std::to_string(reached));

  if (file.metadata.count(kChecksumKey) || file.metadata.count(kFormatKey)) {
    Checksum checksum(file.metadata);
    for (const auto& [range, index] : places)
      checksum.add(file.tensors[index].name, kinds[index]->name, file.tensors[index].dims, data.data() + range.begin,
                   range.end - range.begin);
    if (file.metadata[kChecksumKey] != std::move(checksum).text())
      return fail(std::string("it is damaged: its checksum does not match (a program that changes it on purpose leaves "
                              "`") +
                  kChecksumKey + "` and `" + kFormatKey + "` out of the metadata)");
    file.metadata.erase(kChecksumKey);
    file.metadata.erase(kFormatKey);
  }

  for (const auto& [range, index] : places) {  // only now is memory asked for, and no more than the file has
    Tensor& tensor = file.tensors[index];
    tensor.values.resize((range.end - range.begin) / kinds[index]->bytes);
    kinds[index]->read(data.data() + range.begin, tensor.values);
  }
  std::vector<Tensor> ordered;  // in the order of the file
  for (const auto& place : places) ordered.push_back(std::move(file.tensors[place.second]));
  file.tensors = std::move(ordered);
  return file;
}

}  // namespace

std::optional<TensorFile> read_safetensors(const std::string& path, std::string& why) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    why = "it is not a plain file, but a pipe or a device";
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) {
    why = std::string("it cannot be opened: ") + std::strerror(errno);
    return std::nullopt;
  }
  const std::streamoff size = in.tellg();
  std::string bytes;
  if (size > 0 && size < std::numeric_limits<int64_t>::max()) {
    bytes.resize(static_cast<size_t>(size));
    in.seekg(0);
    in.read(bytes.data(), size);
  }
  if (size < 0 || in.bad() || in.gcount() != size) {
    why = "it cannot be read";
    return std::nullopt;
  }
  return parse(bytes, why);
}

bool write_safetensors(const std::string& path, const TensorFile& file, std::string& why) {
  std::map<std::string, std::string> metadata = file.metadata;
  metadata[kFormatKey] = kFormat;
  Checksum checksum(metadata);
  for (const Tensor& tensor : file.tensors)
    checksum.add(tensor.name, "F32", tensor.dims, tensor.values.data(), tensor.values.size() * sizeof(float));
  metadata[kChecksumKey] = std::move(checksum).text();
  json header = json::object();
  header["__metadata__"] = std::exchange(metadata, {});
  uint64_t offset = 0;
  for (const Tensor& tensor : file.tensors) {
    const uint64_t end = offset + tensor.values.size() * sizeof(float);
    header[tensor.name] = {{"dtype", "F32"}, {"shape", tensor.dims}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that tensors are aligned
  const uint64_t header_size = text.size();
  const auto view = [](const auto* data, size_t count) {
    return std::string_view(reinterpret_cast<const char*>(data), count * sizeof(*data));
  };
  auto out = FileWriter::open(path, why);
  bool good = out && out->write(view(&header_size, 1), why) && out->write(text, why);
  for (const Tensor& tensor : file.tensors)
    good = good && out->write(view(tensor.values.data(), tensor.values.size()), why);
  return good && out->commit(why);
}

}  // namespace mtl::model
