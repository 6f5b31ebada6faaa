// Graph to text. See print.h.
#include "compiler/ir/print.h"

#include <charconv>

#include "compiler/ops/op.h"

namespace mtl::ir {
namespace {

std::string value_text(const Graph& graph, Value value) {
  std::string text = "%" + std::to_string(value.node);
  if (graph.nodes[value.node].types.size() > 1) text += "." + std::to_string(value.result);
  return text;
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (c == '\n') {
      result += "\\n";
    } else {
      result += c;
    }
  }
  return result + "\"";
}

// The shortest text that reads back as the same double, and never as an int.
std::string number_text(double number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  std::string text(buffer, end);
  if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
  return text;
}

struct AttrText {
  const types::Spaces& spaces;
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return number_text(value); }
  std::string operator()(const std::string& value) const { return quoted(value); }
  std::string operator()(SpaceRef value) const { return "<" + spaces[value.id].name + ">"; }
  std::string operator()(const std::vector<Dim>& dims) const {
    std::string text = "[";
    for (size_t i = 0; i < dims.size(); ++i) text += (i ? ", " : "") + dims[i].text();
    return text + "]";
  }
};

}  // namespace

std::string print(const Graph& graph, NodeId id) {
  const Node& node = graph.nodes[id];
  std::string text = "%" + std::to_string(id);
  if (node.types.size() > 1) text += ":" + std::to_string(node.types.size());
  text += std::string(" = ") + node.op->name;
  for (size_t i = 0; i < node.operands.size(); ++i) text += (i ? ", " : " ") + value_text(graph, node.operands[i]);
  if (!node.attrs.empty()) {
    text += " {";
    for (auto at = node.attrs.begin(); at != node.attrs.end(); ++at) {
      text +=
          (at == node.attrs.begin() ? "" : ", ") + at->first + " = " + std::visit(AttrText{graph.spaces}, at->second);
    }
    text += "}";
  }
  text += " : ";
  for (size_t i = 0; i < node.types.size(); ++i) text += (i ? ", " : "") + graph_text(node.types[i], graph.spaces);
  return text;
}

std::string print(const Graph& graph) {
  std::string text;
  for (types::SpaceId id = 1; id < graph.spaces.size(); ++id) text += "space " + graph.spaces[id].name + "\n";
  for (NodeId id = 0; id < graph.nodes.size(); ++id) text += print(graph, id) + "\n";
  for (const Output& output : graph.outputs) {
    text += "output " + quoted(output.name) + " = " + value_text(graph, output.value) + "\n";
  }
  return text;
}

}  // namespace mtl::ir
