// The graph IR: a typed SSA graph over row spaces (types/type.h).
//
// Nodes are appended in topological order and never changed; a pass is a function from Graph to Graph that copies
// what it keeps through a Rebuilder (ir/rebuild.h). A node has one or several results. Outputs are named. The
// text form prints and reads back (ir/print.h, ir/read.h).
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "compiler/types/type.h"
#include "support/base/source.h"

namespace mtl::ops {
struct OpDef;
}

namespace mtl::ir {

using types::Dim;
using types::DType;
using types::SpaceId;
using types::Type;

using NodeId = uint32_t;
inline constexpr NodeId kNoNode = 0xFFFFFFFF;

struct Value {
  NodeId node = kNoNode;
  uint32_t result = 0;
  bool valid() const { return node != kNoNode; }
  auto operator<=>(const Value&) const = default;
};

struct SpaceRef {  // a space as an attribute, told apart from a number
  SpaceId id = 0;
  auto operator<=>(const SpaceRef&) const = default;
};
// Dims also stands for lists of ints (axes, permutations).
using Attr = std::variant<bool, int64_t, double, std::string, std::vector<Dim>, SpaceRef>;

struct NamedAttr {
  NamedAttr() = default;  // none
  NamedAttr(std::string its_name, Attr its_value) : name(std::move(its_name)), value(std::move(its_value)) {}
  std::string name;
  Attr value;
};

// By name. Written `{{"axes", axes}, {"keep", true}}`, which is no std::initializer_list: where memory ends while g++
// 12 makes the elements of one, it destroys those that are not there yet.
class Attrs : public std::map<std::string, Attr> {
 public:
  Attrs() = default;
  Attrs(NamedAttr a, NamedAttr b = {}, NamedAttr c = {}, NamedAttr d = {}, NamedAttr e = {}, NamedAttr f = {}) {
    for (NamedAttr* attr : {&a, &b, &c, &d, &e, &f})
      if (!attr->name.empty()) emplace(std::move(attr->name), std::move(attr->value));
  }
};

struct Node {
  const ops::OpDef* op = nullptr;
  std::vector<Value> operands;
  Attrs attrs;
  std::vector<Type> types;  // one per result
  SourceRange range;        // the source expression that made it
};

struct Output {
  std::string name;  // "loss.intent", "head.intent", "predict.intent", "grad encoder.weight"
  Value value;
};

struct Graph {
  types::Spaces spaces;
  std::vector<Node> nodes;
  std::vector<Output> outputs;

  const Node& node(Value value) const { return nodes[value.node]; }
  const Type& type(Value value) const { return nodes[value.node].types[value.result]; }
  Value output(const std::string& name) const;  // MTL_CHECKs
};

// Leaves are ordinary ops with these attrs:
//   input { name = "atis.words" }       a column of the batch: i32 ids (-1 missing, below it unseen in train),
//                                       f32 numbers and booleans (NaN missing), f32[K] multi-hot sets
//   param { path = "encoder.weight" }   uniform, trained          state { path }  uniform, not trained
//   scalar { name = "progress" }        a uniform f32 of the step

}  // namespace mtl::ir
