// Tests of runtime/model/safetensors.h.
#include "runtime/model/safetensors.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tests/unit/runtime/model/temporary_folder.h"

using namespace mtl::model;

namespace {

void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
std::string with_header(const std::string& header, const std::string& data) {
  const uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + data;
}
TensorFile small() {
  return {{{"key", "value \"quoted\" ü"}}, {{"a.weight", {2, 3}, {1, 2, 3, 4, 5, -6}}, {"b", {}, {7}}, {"e", {0}, {}}}};
}

bool same(const TensorFile& a, const TensorFile& b) {
  return a.metadata == b.metadata && std::equal(a.tensors.begin(), a.tensors.end(), b.tensors.begin(), b.tensors.end(),
                                                [](const Tensor& x, const Tensor& y) {
                                                  return x.name == y.name && x.dims == y.dims && x.values == y.values;
                                                });
}

}  // namespace

TEST_CASE("what is written is read back") {
  TemporaryFolder folder;
  const std::string path = folder.path("m.safetensors");
  std::string why;
  REQUIRE(write_safetensors(path, small(), why));
  auto file = read_safetensors(path, why);
  INFO(why);
  REQUIRE(file);
  CHECK(file->metadata == small().metadata);
  REQUIRE(file->tensors.size() == 3);
  std::map<std::string, Tensor> by_name;
  for (auto& t : file->tensors) by_name[t.name] = t;
  CHECK(by_name["a.weight"].dims == std::vector<int64_t>{2, 3});
  CHECK(by_name["a.weight"].values == small().tensors[0].values);
  CHECK(by_name["b"].values == std::vector<float>{7});
  CHECK(by_name["e"].values.empty());
}

TEST_CASE("every truncation has a reason") {
  TemporaryFolder folder;
  const std::string path = folder.path("m.safetensors"), cut = folder.path("cut.safetensors");
  std::string why;
  REQUIRE(write_safetensors(path, small(), why));
  const std::string bytes = slurp(path);
  for (size_t size = 0; size < bytes.size(); ++size) {
    put(cut, bytes.substr(0, size));
    why.clear();
    INFO(size);
    CHECK_FALSE(read_safetensors(cut, why));
    CHECK_FALSE(why.empty());
  }
}

TEST_CASE("a flipped byte gives a reason or changes nothing") {
  TemporaryFolder folder;
  const std::string path = folder.path("m.safetensors"), bad = folder.path("bad.safetensors");
  std::string why;
  REQUIRE(write_safetensors(path, small(), why));
  const std::string bytes = slurp(path);
  int refused = 0;
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int mask : {0x01, 0x10, 0x80, 0xFF}) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ mask);
      put(bad, flipped);
      why.clear();
      auto file = read_safetensors(bad, why);
      INFO(at);
      if (!file) {
        ++refused;
        CHECK_FALSE(why.empty());
        continue;
      }
      CHECK(same(*file, *read_safetensors(path, why)));
    }
  CHECK(refused > 4 * static_cast<int>(bytes.size()) - 20);
}

TEST_CASE("files without a checksum are read; one that another program wrote anew keeps its own") {
  TemporaryFolder folder;
  const std::string path = folder.path("m.safetensors");
  const std::string data(8, '\0'), entry = R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  std::string why;
  put(path, with_header("{" + entry + R"(,"__metadata__":{"format":"pt"}})", data));
  CHECK(read_safetensors(path, why));
  put(path, with_header("{" + entry + R"(,"__metadata__":{"mtlc.format":"2"}})", data));  // the other key was damaged
  CHECK_FALSE(read_safetensors(path, why));
  CHECK(why.find("its checksum does not match") != std::string::npos);

  REQUIRE(write_safetensors(path, {{{"format", "pt"}, {"z", "\xff"}}, {{"a", {2}, {0, 0}}}}, why));
  const std::string bytes = slurp(path);
  const size_t at = bytes.find("mtlc.checksum\":\"") + 16;
  const std::string digits = bytes.substr(at, 16), metadata = R"("__metadata__": {"z": "\ufffd", "mtlc.checksum": ")" +
                                                              digits + R"(", "mtlc.format": "2", "format": "pt"}})";
  put(path, with_header("{" + entry + ", " + metadata, data));
  CHECK(read_safetensors(path, why));
  put(path, with_header("{" + entry + ", " + metadata, std::string(7, '\0') + "\x01"));
  CHECK_FALSE(read_safetensors(path, why));
}

TEST_CASE("hostile headers are refused") {
  TemporaryFolder folder;
  const std::string path = folder.path("m.safetensors");
  const std::string data(16, '\0');
  const char* headers[] = {
      R"([])",
      R"({"a":1})",
      R"({"a":{"dtype":"F32","shape":[4]}})",
      R"({"a":{"dtype":"Q4","shape":[4],"data_offsets":[0,16]}})",
      R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,16]}})",
      R"({"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}})",
      R"({"a":{"dtype":"F32","shape":[4.0],"data_offsets":[0,16]}})",
      R"({"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,16]}})",
      R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,0],"data_offsets":[0,0]}})",
      R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,1600]}})",
      R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}})",
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
      R"({"__metadata__":{"a":1},"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
      R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]})",
  };
  for (const char* header : headers) {
    put(path, with_header(header, data));
    std::string why;
    INFO(header);
    CHECK_FALSE(read_safetensors(path, why));
    CHECK_FALSE(why.empty());
  }
  std::string why;
  put(path, std::string("\xff\xff\xff\xff\xff\xff\xff\x7f", 8) + data);
  CHECK_FALSE(read_safetensors(path, why));
  put(path, with_header(std::string(2'000'000, '['), data));
  CHECK_FALSE(read_safetensors(path, why));
  CHECK_FALSE(read_safetensors(folder.path("none"), why));
  CHECK(why == "it cannot be opened: No such file or directory");
  CHECK_FALSE(read_safetensors(folder.path(""), why));
}

TEST_CASE("other number types are widened") {
  TemporaryFolder folder;
  const std::string path = folder.path("m.safetensors");
  const uint16_t half[] = {0x3C00, 0xC000, 0x0001, 0x7C00};   // 1, -2, 2^-24, inf
  const uint16_t brain[] = {0x3F80, 0xC000, 0x0000, 0x7F80};  // 1, -2, 0, inf
  const int64_t whole = -3;
  std::string data(reinterpret_cast<const char*>(half), 8);
  data.append(reinterpret_cast<const char*>(brain), 8).append(reinterpret_cast<const char*>(&whole), 8);
  put(path, with_header(R"({"h":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},)"
                        R"("b":{"dtype":"BF16","shape":[4],"data_offsets":[8,16]},)"
                        R"("i":{"dtype":"I64","shape":[],"data_offsets":[16,24]}})",
                        data));
  std::string why;
  auto file = read_safetensors(path, why);
  INFO(why);
  REQUIRE(file);
  CHECK(file->tensors[0].values == std::vector<float>{1, -2, 0x1p-24f, INFINITY});
  CHECK(file->tensors[1].values == std::vector<float>{1, -2, 0, INFINITY});
  CHECK(file->tensors[2].values == std::vector<float>{-3});
}

TEST_CASE("every number of 16 bits is widened exactly") {
  TemporaryFolder folder;
  const std::string path = folder.path("m.safetensors");
  constexpr size_t kAll = 65536;
  std::vector<uint16_t> bits(kAll);
  for (size_t i = 0; i < kAll; ++i) bits[i] = static_cast<uint16_t>(i);
  const std::string bytes(reinterpret_cast<const char*>(bits.data()), 2 * kAll);
  for (const bool half : {true, false}) {
    put(path, with_header(R"({"a":{"dtype":")" + std::string(half ? "F16" : "BF16") +
                              R"(","shape":[65536],"data_offsets":[0,131072]}})",
                          bytes));
    std::string why;
    const auto file = read_safetensors(path, why);
    INFO(why);
    REQUIRE(file);
    const int exponent_bits = half ? 5 : 8, mantissa_bits = half ? 10 : 7, bias = half ? 15 : 127;
    size_t wrong = 0;
    for (size_t i = 0; i < kAll; ++i) {
      const float value = file->tensors[0].values[i];
      const int exponent = static_cast<int>(i >> mantissa_bits) & ((1 << exponent_bits) - 1);
      const auto mantissa = static_cast<double>(i & ((size_t{1} << mantissa_bits) - 1));
      const bool special = exponent == (1 << exponent_bits) - 1;
      const double sign = i >= kAll / 2 ? -1 : 1;
      const double number = exponent == 0 ? std::ldexp(mantissa, 1 - bias - mantissa_bits)
                                          : std::ldexp(1 + std::ldexp(mantissa, -mantissa_bits), exponent - bias);
      if (special) {
        wrong += mantissa > 0 ? !std::isnan(value) : value != static_cast<float>(sign * INFINITY);
      } else {
        wrong += static_cast<double>(value) != sign * number || std::signbit(value) != (sign < 0);
      }
    }
    CHECK(wrong == 0);
  }
}
