// The primitive operations of the language: what each name means in ops of the graph.
//
// Names and parameters are sema's table (sema/primitives.cpp); run_primitive() looks the name up in the tables of the
// files primitives_*.cpp. A new primitive is one line there, one line here, and its op if it needs a new one.
#pragma once
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

// Arguments of one call, by the names of the table.
struct PrimitiveCall {
  TensorContext& ctx;
  const sema::Primitive& primitive;
  At at;
  std::map<std::string, Argument> bound = {};
  std::vector<Argument> values = {};  // of a variadic one

  const Value* find(const std::string& name) const {
    auto it = bound.find(name);
    return it == bound.end() ? nullptr : &it->second.value;
  }
  At at_argument(const std::string& name) const {
    auto it = bound.find(name);
    return {at.frame, it == bound.end() ? at.range : it->second.range};
  }
};

Value run_primitive(PrimitiveCall& call);
std::string table_key(const sema::Primitive& primitive);  // "softmax", "ops.segment_sum"
// Which parameters may be left out.
std::vector<bool> optional_parameters(const sema::Primitive& primitive);

// What a call that lacks its first input would need: "`over`".
std::string missing_argument(const Layer& partial);
std::vector<std::string> names_of(const std::vector<syntax::Parameter>& parameters);

// The implementations.
struct Primitives {
  using Run = Value (*)(PrimitiveCall&);
  using Table = std::map<std::string_view, Run>;
  static const Table& elementwise();  // primitives.cpp
  static const Table& reductions();   // primitives_reduce.cpp
  static const Table& shapes();       // primitives_shape.cpp
  static const Table& sequences();    // primitives_sequence.cpp (also what stands under `ops`)
  // Of calls with a Stack among their arguments (stacks.cpp).
  static bool has_stack(const PrimitiveCall& call);
  static Value run_stacks(PrimitiveCall& call);

  struct Elementwise;
  struct Reductions;
  struct Shapes;
  struct Sequences;
  struct Stacks;

  // The set that a value holds ids of, if it does.
  static IdSetPtr set_of(const Value& value) { return value.tensor() ? value.tensor()->ids : nullptr; }
  static IdSetPtr set_of(const PrimitiveCall& call, const std::string& name) {
    const Value* value = call.find(name);
    return value ? set_of(*value) : nullptr;
  }
  // The tensor of an argument; invalid after a report.
  static ir::Value tensor(PrimitiveCall& call, const std::string& name);
  static Value result(ir::Value node, const PrimitiveCall& call, IdSetPtr ids = nullptr, DimNames dims = {});
  // Two arguments that become one value: an int constant beside ids is an id. False after a report.
  static bool pair(PrimitiveCall& call, const char* first, const char* second, ir::Value& a, ir::Value& b,
                   IdSetPtr& set);
  // The names of the dimensions of an argument, or of what arguments broadcast to.
  static DimNames names(PrimitiveCall& call, const std::string& name);
  static DimNames names(ir::Value result, const PrimitiveCall& call, std::initializer_list<const char*> arguments);
  static std::optional<int64_t> integer(PrimitiveCall& call, const std::string& name, int64_t otherwise);
  static std::optional<double> number(PrimitiveCall& call, const std::string& name, double otherwise);
  static std::optional<bool> flag(PrimitiveCall& call, const std::string& name, bool otherwise);
  static std::optional<std::vector<Axis>> dims(PrimitiveCall& call, const std::string& name);
};

}  // namespace mtl::elaborate
