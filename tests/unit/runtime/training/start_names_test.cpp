// Tests of runtime/training/start_names.h.
#include "runtime/training/start_names.h"

#include <catch2/catch.hpp>

using namespace mtl::training;

namespace {

using Texts = std::vector<std::string>;

LoadConfig load_of(const std::string& pattern, const std::string& strip = "",
                   std::vector<std::pair<std::string, std::string>> renames = {}) {
  LoadConfig load;
  load.patterns = {pattern};
  load.strip = strip;
  load.renames = std::move(renames);
  return load;
}

// The name in the file of the only tensor that is found, "none", or "several".
std::string found(const LoadConfig& load, const Texts& names, const std::string& path, const Texts& others = {}) {
  Texts paths = others;
  paths.push_back(path);
  const std::vector<size_t> places = StartNames(load, names, paths).find(path);
  return places.empty() ? "none" : places.size() > 1 ? "several" : names[places[0]];
}

}  // namespace

TEST_CASE("a name is the whole path, or begins behind what the pattern names") {
  const LoadConfig load = load_of("encoder");
  CHECK(found(load, {"encoder.linear.weight", "linear.weight"}, "encoder.linear.weight") == "encoder.linear.weight");
  CHECK(found(load, {"linear.weight"}, "encoder.linear.weight") == "linear.weight");
  CHECK(found(load, {"weight"}, "encoder.linear.weight") == "none");  // more than the pattern has
  const LoadConfig layers = load_of("bert.encoder.layer.1");
  CHECK(found(layers, {"encoder.layer.1.weight"}, "bert.encoder.layer.1.weight") == "encoder.layer.1.weight");
  CHECK(found(layers, {"weight"}, "bert.encoder.layer.1.weight") == "weight");
  CHECK(found(load_of("encoder.weight"), {"weight"}, "encoder.weight") == "weight");  // the last part stays
  CHECK(found(load_of("encoder.**.weight"), {"weight"}, "encoder.a.weight") == "none");
  CHECK(found(load_of("encoder.**.weight"), {"a.weight"}, "encoder.a.weight") == "a.weight");
}

TEST_CASE("one form of names is used for all that a statement names: that with which most is found") {
  const LoadConfig load = load_of("encoder");
  const Texts names = {"encoder.a", "a", "b"};
  CHECK(found(load, names, "encoder.a", {"encoder.b"}) == "a");
  CHECK(found(load, names, "encoder.a") == "encoder.a");
  CHECK(found(load, names, "encoder.b") == "b");
}

TEST_CASE("a private copy has its own name, or that of all copies") {
  const LoadConfig load = load_of("gate");
  CHECK(found(load, {"gate@a.weight", "gate.weight"}, "gate@a.weight") == "gate@a.weight");
  CHECK(found(load, {"gate@a.weight", "gate.weight"}, "gate@b.weight") == "gate.weight");
  CHECK(found(load, {"gate@a.weight"}, "gate@b.weight") == "none");
  CHECK(found(load_of("tower"), {"gate.weight"}, "tower.gate@a.weight") == "gate.weight");
  CHECK(without_task("tower.gate@a.weight") == "tower.gate.weight");
  CHECK(without_task("gate@a") == "gate");
  CHECK(without_task("gate.weight") == "gate.weight");
}

TEST_CASE("names lose the prefix that is stripped, and parts of them are renamed") {
  CHECK(found(load_of("e", "bert."), {"bert.w"}, "e.w") == "bert.w");
  CHECK(found(load_of("e", "bert."), {"w"}, "e.w") == "w");               // that lacks the prefix
  CHECK(found(load_of("e", "bert."), {"bert.bert.w"}, "e.w") == "none");  // it is taken off once
  CHECK(found(load_of("e", "", {{"gamma", "weight"}}), {"norm.gamma"}, "e.norm.weight") == "norm.gamma");
  CHECK(found(load_of("e", "", {{"gamma", "weight"}}), {"norm.gammas"}, "e.norm.weights") == "none");  // whole parts
  CHECK(found(load_of("e", "", {{"a.b", "c"}}), {"x.a.b.w"}, "e.x.c.w") == "x.a.b.w");
  CHECK(found(load_of("e", "", {{"a", "b.c"}}), {"x.a.a"}, "e.x.b.c.b.c") == "x.a.a");
  CHECK(found(load_of("e", "", {{"self", ""}}), {"x.self.w"}, "e.x.w") == "x.self.w");
  CHECK(found(load_of("e", "", {{"a", "b"}, {"b", "c"}}), {"x.a"}, "e.x.c") == "x.a");  // one after the other
  CHECK(found(load_of("e", "m.", {{"m", "n"}}), {"m.m.w"}, "e.n.w") == "m.m.w");        // behind the prefix
  CHECK(found(load_of("e", "", {{"a", "b"}}), {"x.a", "x.b"}, "e.x.b") == "several");
}

TEST_CASE("what is missing has names that are near") {
  const Texts names = {"layer.0.attention.self.query.weight", "layer.0.attention.self.key.weight", "other.bias"};
  const StartNames all(load_of("encoder", "layer."), names, {"encoder.0.attention.query.weight"});
  CHECK(all.tried("encoder.0.attention.query.weight") ==
        Texts{"encoder.0.attention.query.weight", "0.attention.query.weight"});
  const Texts near = all.near("encoder.0.attention.query.weight");
  REQUIRE(near.size() == 2);
  CHECK(near[1] == "`layer.0.attention.self.query.weight` (as `0.attention.self.query.weight`)");
  CHECK(all.near("encoder.none").empty());
}
