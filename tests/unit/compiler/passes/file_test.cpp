// Runs tests/passes/*.mtlir: "// PASS: name ..." in the first line, a graph, "// ---", and the graph that the passes
// make of it. With MTL_UPDATE=1 in the environment the second part is written anew.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/ir/print.h"
#include "compiler/ir/read.h"
#include "compiler/ir/verify.h"
#include "compiler/passes/pipeline.h"

using namespace mtl;

namespace {

std::vector<std::string> parameters(const ir::Graph& graph) {
  std::vector<std::string> paths;
  for (const ir::Node& node : graph.nodes) {
    const auto path = node.attrs.find("path");
    if (path != node.attrs.end()) paths.push_back(std::get<std::string>(path->second));
  }
  return paths;
}

ir::Graph run_pass(const std::string& name, const ir::Graph& graph) {
  if (name == "canonicalize") return passes::canonicalize(graph);
  if (name == "eliminate_common") return passes::eliminate_common(graph);
  if (name == "eliminate_dead") return passes::eliminate_dead(graph);
  if (name == "differentiate") return passes::differentiate(graph, parameters(graph));
  if (name.rfind("select:", 0) == 0) return passes::select_outputs(graph, {name.substr(7)});
  FAIL("there is no pass " << name);
  return graph;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("pass files") {
  const std::string separator = "// ---\n", header = "// PASS:";
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(MTL_PASS_FILES)) {
    if (entry.path().extension() != ".mtlir") continue;
    ++count;
    INFO(entry.path().filename().string());
    const std::string text = read_file(entry.path());
    const size_t cut = text.find(separator);
    REQUIRE(text.rfind(header, 0) == 0);
    REQUIRE(cut != std::string::npos);
    const std::string before = text.substr(0, cut), expected = text.substr(cut + separator.size());
    const auto read = ir::read(before);
    if (!read) FAIL("line " << read.error().line << ": " << read.error().message);
    ir::Graph graph = *read;
    std::istringstream names(text.substr(header.size(), text.find('\n') - header.size()));
    for (std::string name; names >> name;) {
      graph = run_pass(name, graph);
      REQUIRE(ir::verify(graph) == std::nullopt);
    }
    const std::string actual = ir::print(graph);
    if (std::getenv("MTL_UPDATE")) {
      std::ofstream(entry.path()) << before << separator << actual;
    } else {
      CHECK(actual == expected);
    }
  }
  CHECK(count >= 8);
}
