// From graph to program: groups of nodes (fuse.cpp) become steps, from the last to the first, so that a kernel stores
// exactly what later steps, outputs and gradients read.
#include "compiler/program/lower.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "compiler/ops/op.h"
#include "compiler/program/fuse.h"
#include "compiler/program/kernel_facts.h"
#include "compiler/program/lower_op.h"
#include "compiler/program/sparse.h"

namespace mtl::program {
namespace {

using ir::NodeId;
using ir::Value;
using types::kUniform;

constexpr std::string_view kGradient = "grad ";

std::string text_attr(const ir::Node& node, const char* name) {
  auto at = node.attrs.find(name);
  MTL_CHECK(at != node.attrs.end() && std::holds_alternative<std::string>(at->second), "a leaf without a name");
  return std::get<std::string>(at->second);
}

// Buffers of graph values, and which of them somebody reads.
class Memory {
 public:
  Memory(const Nodes& nodes, Program& program) : nodes_(nodes), program_(program) {}

  // The buffer to read a value from: its root's memory under the value's own space and shape.
  uint32_t read(Value value) {
    needed_.insert(nodes_.root(value));
    return buffer(value);
  }
  bool needed(Value root) const { return needed_.count(root) != 0; }

  uint32_t buffer(Value value) {
    auto [at, added] = buffers_.emplace(value, 0);
    if (!added) return at->second;
    const ir::Node& node = nodes_.node(value.node);
    const types::Type& type = node.types[value.result];
    Buffer made;
    made.dtype = type.dtype;
    made.space = type.space;
    made.shape = constant_dims(type);
    if (nodes_.is_alias(value.node)) {
      const Value root = nodes_.root(value);
      made.view_of = buffer(root);
      const Buffer& owner = program_.buffers[made.view_of];
      made.kind = owner.kind;
      if (owner.space == made.space && owner.shape == made.shape) return buffers_[value] = made.view_of;
    } else if (nodes_.is_leaf(value.node)) {
      const std::string op = node.op->name;
      made.kind = op == "input" ? Buffer::Kind::input : op == "param" ? Buffer::Kind::param : Buffer::Kind::state;
      MTL_CHECK(op == "input" || op == "param" || op == "state", "an unknown leaf");
      made.name = text_attr(node, op == "input" ? "name" : "path");
    }
    program_.buffers.push_back(std::move(made));
    return buffers_[value] = static_cast<uint32_t>(program_.buffers.size() - 1);
  }

 private:
  const Nodes& nodes_;
  Program& program_;
  std::map<Value, uint32_t> buffers_;
  std::set<Value> needed_;
};

// Builds the kernel of one group.
class KernelMaker {
 public:
  KernelMaker(const Nodes& nodes, Memory& memory, const Group& group, bool repeat)
      : nodes_(nodes), memory_(memory), group_(group), repeat_(repeat) {}

  // Empty if nobody needs a result of the group.
  std::optional<Step> make() {
    find_live();
    if (std::none_of(group_.nodes.begin(), group_.nodes.end(), [&](NodeId id) { return live_.count(id) != 0; })) {
      return std::nullopt;
    }
    const NodeId first =
        *std::find_if(group_.nodes.begin(), group_.nodes.end(), [&](NodeId id) { return live_.count(id) != 0; });
    const RowCode& code = nodes_.code(first);
    kernel_.space = code.space;
    if (code.over_rows) {
      kernel_.target = nodes_.node(first).types[0].space;
      kernel_.form = kernel_.target == kUniform ? LoopKernel::Form::column : LoopKernel::Form::segment;
    }
    std::vector<NodeId> all = group_.pulled;
    all.insert(all.end(), group_.nodes.begin(), group_.nodes.end());
    std::sort(all.begin(), all.end());
    for (NodeId id : all) {
      if (live_.count(id) != 0) append(id);
    }
    return Step{std::move(kernel_), nodes_.node(first).range};
  }

 private:
  bool is_pulled(NodeId id) const { return std::binary_search(group_.pulled.begin(), group_.pulled.end(), id); }
  bool is_own(NodeId id) const { return std::find(group_.nodes.begin(), group_.nodes.end(), id) != group_.nodes.end(); }

  // A value that the kernel computes itself, so that a reader in it takes the instruction.
  bool by_value(const ir::Node& reader, const RowCode::Operand& operand) const {
    const NodeId producer = nodes_.row_root(reader.operands[operand.index]).node;
    if (operand.access != Access::row || operand.gathered || !nodes_.is_row(producer)) return false;
    return is_pulled(producer) ||
           (is_own(producer) && !nodes_.code(producer).over_rows && !nodes_.code(producer).parts);
  }

  void find_live() {
    std::vector<NodeId> all = group_.pulled;
    all.insert(all.end(), group_.nodes.begin(), group_.nodes.end());
    std::sort(all.rbegin(), all.rend());
    for (NodeId id : all) {
      const ir::Node& node = nodes_.node(id);
      for (uint32_t r = 0; r < node.types.size() && is_own(id); ++r) {
        if (memory_.needed({id, r})) live_.insert(id);
      }
      if (live_.count(id) == 0) continue;
      for (const RowCode::Operand& operand : nodes_.code(id).operands) {
        if (by_value(node, operand)) live_.insert(nodes_.row_root(node.operands[operand.index]).node);
      }
    }
  }

  // exp(a - log b) = exp(a) / b, where exp(a) is there already: the gradient of log softmax then needs no second exp.
  std::optional<InstrId> exp_of_quotient(const Instr& instr) {
    if (instr.op != Instr::Op::apply || instr.fn != Fn::exp) return std::nullopt;
    const Instr difference = kernel_.instrs[instr.args[0]];
    if (difference.op != Instr::Op::apply || difference.fn != Fn::sub) return std::nullopt;
    const Instr log = kernel_.instrs[difference.args[1]];
    if (log.op != Instr::Op::apply || log.fn != Fn::log) return std::nullopt;
    Instr numerator = instr;
    numerator.args = {difference.args[0]};
    for (InstrId id = 0; id < kernel_.instrs.size(); ++id) {
      if (!(kernel_.instrs[id] == numerator)) continue;
      Instr one{Instr::Op::constant};
      one.number = 1;
      Instr inverse{Instr::Op::apply, log.shape, types::DType::f32, {push(one), log.args[0]}, Fn::div};
      return push({Instr::Op::apply, instr.shape, types::DType::f32, {id, push(inverse)}, Fn::mul});
    }
    return std::nullopt;
  }

  InstrId push(Instr instr) {
    if (const std::optional<InstrId> known = exp_of_quotient(instr)) return *known;
    for (InstrId id = 0; id < kernel_.instrs.size(); ++id) {
      if (kernel_.instrs[id] == instr) return id;
    }
    kernel_.instrs.push_back(std::move(instr));
    return static_cast<InstrId>(kernel_.instrs.size() - 1);
  }

  InstrId reshape(InstrId id, const Shape& shape) {
    const size_t before = kernel_.instrs.size();
    const InstrId made = reshape_instr(kernel_.instrs, id, shape);
    if (kernel_.instrs.size() == before) return made;
    Instr instr = kernel_.instrs.back();
    kernel_.instrs.pop_back();
    return push(std::move(instr));
  }

  uint32_t kernel_operand(uint32_t buffer, Access access, types::SpaceId space) {
    for (uint32_t i = 0; i < kernel_.operands.size(); ++i) {
      const KernelOperand& o = kernel_.operands[i];
      if (o.buffer == buffer && o.access == access) return i;
    }
    kernel_.operands.push_back({buffer, access, space});
    return static_cast<uint32_t>(kernel_.operands.size() - 1);
  }

  InstrId load(const ir::Node& node, const RowCode::Operand& operand, Instr instr) {
    const Value value = node.operands[operand.index];
    const Value row_root = nodes_.row_root(value);
    if (by_value(node, operand)) return reshape(values_.at(row_root), instr.shape);
    if (nodes_.is_free(row_root.node)) {
      const types::SpaceId space = nodes_.code(row_root.node).space;
      if (space == kUniform || (space == kernel_.space && operand.access == Access::row)) {
        return reshape(copy(row_root.node)[nodes_.code(row_root.node).results[row_root.result].value], instr.shape);
      }
    }
    if (repeat_ && operand.access == Access::row && nodes_.is_repeatable(row_root.node) &&
        !nodes_.is_stored(row_root)) {
      return reshape(copy(row_root.node)[nodes_.code(row_root.node).results[row_root.result].value], instr.shape);
    }
    instr.operand = kernel_operand(memory_.read(value), operand.access, operand.space);
    return push(std::move(instr));
  }

  // A node's code in this kernel; what each of its instructions became.
  std::vector<InstrId> copy(NodeId id) {
    const ir::Node& node = nodes_.node(id);
    const RowCode& code = nodes_.code(id);
    std::vector<InstrId> map;
    for (Instr instr : code.instrs) {
      for (InstrId& arg : instr.args) arg = map[arg];
      if (instr.op == Instr::Op::load) {
        map.push_back(load(node, code.operands[instr.operand], instr));
        continue;
      }
      if (instr.op == Instr::Op::gather) {
        const RowCode::Operand& table = code.operands[instr.operand];
        instr.operand = kernel_operand(memory_.read(node.operands[table.index]), Access::uniform, kUniform);
      }
      map.push_back(push(std::move(instr)));
    }
    return map;
  }

  void append(NodeId id) {
    const std::vector<InstrId> map = copy(id);
    for (const RowCode::Result& result : nodes_.code(id).results) {
      const Value value{id, static_cast<uint32_t>(result.result)};
      if (!result.part && !result.over_rows) values_[value] = map[result.value];
      if (is_own(id) && memory_.needed(value)) store(value, result, map[result.value]);
    }
  }

  void store(Value value, const RowCode::Result& result, InstrId instr) {
    KernelStore store;
    store.buffer = memory_.buffer(value);
    store.value = instr;
    store.accumulate = result.reduce;
    store.element_offset = result.element_offset;
    store.strides = result.strides;
    kernel_.stores.push_back(std::move(store));
  }

  const Nodes& nodes_;
  Memory& memory_;
  const Group& group_;
  const bool repeat_;  // cheap values of other kernels are computed again
  LoopKernel kernel_;
  std::set<NodeId> live_;
  std::map<Value, InstrId> values_;
};

class CallMaker : public CallBuilder {
 public:
  CallMaker(const Nodes& nodes, Memory& memory, NodeId id) : nodes_(nodes), memory_(memory), id_(id) {}

  std::vector<Step> make() {
    const ir::Node& n = node();
    bool live = false;
    for (uint32_t r = 0; r < n.types.size(); ++r) live = live || memory_.needed({id_, r});
    if (live) n.op->lower.get().call(*this);
    return std::move(steps_);
  }

  const ir::Node& node() const override { return nodes_.node(id_); }
  const types::Spaces& spaces() const override { return nodes_.graph().spaces; }
  types::Type operand_type(size_t i) const override { return nodes_.graph().type(node().operands[i]); }
  types::Type result_type(size_t i) const override { return node().types[i]; }
  uint32_t operand(size_t i) override { return memory_.read(node().operands[i]); }
  uint32_t result(size_t i) override { return *results_.insert(memory_.buffer({id_, static_cast<uint32_t>(i)})).first; }
  void call(std::string kernel, std::vector<uint32_t> operands, std::vector<int64_t> ints, std::vector<float> floats,
            std::vector<types::SpaceId> spaces) override {
    const auto is_result = [&](uint32_t buffer) { return results_.count(buffer) > 0; };
    const auto first = std::find_if(operands.begin(), operands.end(), is_result);
    MTL_CHECK(std::all_of(first, operands.end(), is_result), "the results of a call stand behind its sources");
    const size_t results = static_cast<size_t>(operands.end() - first);
    Call made{std::move(kernel), std::move(operands), std::move(ints), std::move(floats), std::move(spaces), results};
    steps_.push_back({std::move(made), node().range});
  }

 private:
  const Nodes& nodes_;
  Memory& memory_;
  NodeId id_;
  std::set<uint32_t> results_;
  std::vector<Step> steps_;
};

class Lowerer {
 public:
  Lowerer(const ir::Graph& graph, const LowerOptions& options)
      : graph_(graph), options_(options), nodes_(graph, program_.scalars), memory_(nodes_, program_) {
    program_.spaces = graph.spaces;
  }

  Program run() {
    for (const ir::Output& output : graph_.outputs) {
      if (output.name.starts_with(kGradient)) {
        gradient_output(output);
      } else {
        plain_output(output);
      }
    }
    const std::vector<Group> groups = make_groups(nodes_, options_.fuse, options_.parts);
    std::vector<Step> backwards = std::move(copies_);
    std::reverse(backwards.begin(), backwards.end());
    for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
      if (nodes_.is_call(group->nodes[0])) {
        std::vector<Step> steps = CallMaker(nodes_, memory_, group->nodes[0]).make();
        backwards.insert(backwards.end(), std::make_move_iterator(steps.rbegin()),
                         std::make_move_iterator(steps.rend()));
      } else if (std::optional<Step> step = KernelMaker(nodes_, memory_, *group, options_.fuse).make()) {
        backwards.push_back(std::move(*step));
      }
    }
    program_.steps.assign(std::make_move_iterator(backwards.rbegin()), std::make_move_iterator(backwards.rend()));
    return std::move(program_);
  }

 private:
  // Its memory stays readable after the run.
  void keep(Value value) {
    Buffer& root = program_.buffers[memory_.read(nodes_.root(value))];
    if (root.kind == Buffer::Kind::arena) root.kind = Buffer::Kind::output;
  }

  void plain_output(const ir::Output& output) {
    const uint32_t buffer = memory_.read(output.value);
    keep(output.value);
    program_.outputs.emplace_back(output.name, buffer);
    if (program_.buffers[buffer].name.empty()) program_.buffers[buffer].name = output.name;
  }

  void gradient_output(const ir::Output& output) {
    const std::string path = output.name.substr(kGradient.size());
    if (options_.sparse_gradients) {
      const std::vector<SparseRows> parts = find_sparse_gradient(nodes_, path, output.value);
      for (const SparseRows& part : parts) {
        const uint32_t rows = memory_.read(part.rows);
        keep(part.rows);
        program_.sparse.push_back({path, memory_.read(part.ids), rows});
      }
      if (!parts.empty()) return;
    }
    // Its producer writes straight into the gradient block, unless the value has a home already.
    const Value root = nodes_.root(output.value);
    const uint32_t value = memory_.read(root);
    Buffer& buffer = program_.buffers[value];
    if (buffer.kind == Buffer::Kind::arena) {
      buffer.kind = Buffer::Kind::gradient;
      buffer.name = path;
      return;
    }
    Buffer copy = buffer;
    copy.kind = Buffer::Kind::gradient;
    copy.name = path;
    program_.buffers.push_back(copy);
    LoopKernel kernel;
    kernel.space = copy.space;
    kernel.operands.push_back({value, Access::row, copy.space});
    kernel.instrs.push_back({Instr::Op::load, copy.shape, copy.dtype});
    kernel.stores.push_back({static_cast<uint32_t>(program_.buffers.size() - 1), 0});
    copies_.push_back({std::move(kernel), nodes_.node(root.node).range});
  }

  const ir::Graph& graph_;
  const LowerOptions& options_;
  Program program_;
  Nodes nodes_;
  Memory memory_;
  std::vector<Step> copies_;
};

}  // namespace

Program lower(const ir::Graph& graph, const LowerOptions& options) {
  Program program = Lowerer(graph, options).run();
  for (Buffer& buffer : program.buffers) {  // views share what their owner became
    if (buffer.view_of == kNoBuffer) continue;
    const Buffer& owner = program.buffers[buffer.view_of];
    buffer.kind = owner.kind;
    if (buffer.name.empty()) buffer.name = owner.name;
  }
  return program;
}

}  // namespace mtl::program
