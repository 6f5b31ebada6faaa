// Tests of runtime/model/model_file.h.
#include "runtime/model/model_file.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <iterator>

#include "tests/unit/runtime/model/temporary_folder.h"

using namespace mtl::model;

namespace {

ModelFile sample() {
  ModelFile file;
  file.sources = {{"slu.mtl", "model slu {\n}\n"}, {"layers.mtl", "// \xC3\xBC"}};
  file.model = "slu";
  file.sets = {{"width", "64"}};
  file.fitted.vocabs["en"].has_unknown = true;
  file.fitted.vocabs["en"].add("<unk>");
  file.fitted.vocabs["en"].add("play");
  file.fitted.sets["snips.intent"].add("PlayMusic");
  file.metrics = R"({"test":{"intent.accuracy":0.5}})";
  file.tensors = {{"encoder.weight", {2, 2}, {1, 2, 3, 4}}};
  return file;
}

}  // namespace

TEST_CASE("a model file is read back") {
  TemporaryFolder folder;
  std::string why;
  REQUIRE(save_model(folder.path("m"), sample(), why));
  auto file = load_model(folder.path("m"), why);
  INFO(why);
  REQUIRE(file);
  CHECK(file->sources == sample().sources);
  CHECK(file->sets == sample().sets);
  CHECK(file->model == "slu");
  CHECK(file->metrics == sample().metrics);
  CHECK(file->fitted.vocabs["en"].names == sample().fitted.vocabs["en"].names);
  CHECK(file->fitted.sets["snips.intent"].id_of("PlayMusic") == 0);
  CHECK_FALSE(file->version.empty());
  Weights weights({{"encoder.weight", {2, 2}}});
  REQUIRE(to_weights(file->tensors, weights, why));
  CHECK(weights.data()[3] == 4);
}

TEST_CASE("no truncation of a model file is accepted, and no flipped byte crashes") {
  TemporaryFolder folder;
  std::string why;
  REQUIRE(save_model(folder.path("m"), sample(), why));
  const std::string bytes = slurp(folder.path("m"));
  const std::string bad = folder.path("bad");
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::ofstream(bad, std::ios::binary) << bytes.substr(0, size);
    why.clear();
    INFO(size);
    CHECK_FALSE(load_model(bad, why));
    CHECK_FALSE(why.empty());
  }
  for (size_t at = 0; at < bytes.size(); ++at)
    for (int mask : {0x01, 0x20, 0xFF}) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(flipped[at] ^ mask);
      std::ofstream(bad, std::ios::binary) << flipped;
      why.clear();
      INFO(at);
      if (!load_model(bad, why)) CHECK_FALSE(why.empty());
    }
}

TEST_CASE("a plain safetensors file and a newer language are told apart from damage") {
  TemporaryFolder folder;
  std::string why;
  REQUIRE(write_safetensors(folder.path("p"), {{}, sample().tensors}, why));
  CHECK_FALSE(load_model(folder.path("p"), why));
  CHECK(why.find("no model of mtlc") != std::string::npos);
  ModelFile newer = sample();
  newer.language = kLanguageVersion + 1;
  REQUIRE(save_model(folder.path("n"), newer, why));
  CHECK_FALSE(load_model(folder.path("n"), why));
  CHECK(why.find("use a newer mtlc") != std::string::npos);
}

TEST_CASE("weights of another shape or a missing one are reasons") {
  std::string why;
  Weights other({{"encoder.weight", {4}}});
  CHECK_FALSE(to_weights(sample().tensors, other, why));
  CHECK(why == "`encoder.weight` is [2, 2] in it and [4] in the model");
  Weights more({{"encoder.bias", {2}}});
  CHECK_FALSE(to_weights(sample().tensors, more, why));
  CHECK(why == "it lacks the parameter `encoder.bias`");
}

TEST_CASE("names that command a terminal or lead out of the folder are reasons") {
  TemporaryFolder folder;
  std::string why;
  const auto refused = [&](const ModelFile& file) {
    REQUIRE(save_model(folder.path("m"), file, why));
    why.clear();
    return !load_model(folder.path("m"), why);
  };
  for (const char* name : {"", "/m.mtl", "../m.mtl", "a/../../m.mtl", "m\n.mtl", "m\x1b[2J.mtl", "\xE2\x80\xAE.mtl"}) {
    ModelFile file = sample();
    file.sources[1].first = name;
    INFO(name);
    CHECK(refused(file));
    CHECK(why.find("`mtlc.source`") != std::string::npos);
    CHECK(why.find('\x1b') == std::string::npos);
  }
  ModelFile file = sample();
  file.model = "slu\r";
  CHECK(refused(file));
  file = sample();
  file.sets = {{"width", "6\n4"}};
  CHECK(refused(file));
  file = sample();
  file.sources[1].first = "a/b c/l\xC3\xA4yers..mtl";
  CHECK_FALSE(refused(file));
}

TEST_CASE("weights that are no numbers are a reason, with their place") {
  ModelFile file = sample();
  Weights weights({{"encoder.weight", {2, 2}}});
  std::string why;
  file.tensors[0].values[2] = NAN;
  CHECK_FALSE(to_weights(file.tensors, weights, why));
  CHECK(why.find("`encoder.weight` has no number at [1, 0]") == 0);
  file.tensors[0].values = {1, -INFINITY, 3, 4};
  CHECK_FALSE(to_weights(file.tensors, weights, why));
  CHECK(why.find("`encoder.weight` has an infinite number at [0, 1]") == 0);
}

TEST_CASE("metadata of other programs is left alone within reason") {
  TemporaryFolder folder;
  std::string why;
  REQUIRE(save_model(folder.path("m"), sample(), why));
  auto tensors = read_safetensors(folder.path("m"), why);
  REQUIRE(tensors);
  tensors->metadata["notes"] = std::string(1000, 'x');
  REQUIRE(write_safetensors(folder.path("m"), *tensors, why));
  CHECK(load_model(folder.path("m"), why));
  tensors->metadata["notes"] = std::string(2 << 20, 'x');
  REQUIRE(write_safetensors(folder.path("m"), *tensors, why));
  CHECK_FALSE(load_model(folder.path("m"), why));
  CHECK(why.find("under keys that are not mtlc's") != std::string::npos);
}
