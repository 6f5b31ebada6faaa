// The RowBuilder that ops talk to. It types and shapes instructions, mends mixed i32 and f32 operands, and simplifies
// what is trivial (reshapes of loads, reductions over ones, x^2), so that ops can be written plainly.
#include "compiler/program/row_code.h"

#include <algorithm>

#include "compiler/ops/op.h"
#include "compiler/program/kernel_facts.h"
#include "compiler/program/lower_op.h"
#include "support/base/check.h"

namespace mtl::program {
namespace {

using types::DType;
using types::SpaceId;
using Op = Instr::Op;

Shape without_leading_ones(const Shape& shape) {
  return Shape(std::find_if(shape.begin(), shape.end(), [](int64_t d) { return d != 1; }), shape.end());
}

class Recorder : public RowBuilder {
 public:
  Recorder(const ir::Graph& graph, const ir::Node& node, std::vector<std::string>& scalars)
      : graph_(graph), node_(node), scalars_(scalars) {}

  const ir::Node& node() const override { return node_; }
  const types::Spaces& spaces() const override { return graph_.spaces; }
  types::Type operand_type(size_t i) const override { return graph_.type(node_.operands[i]); }
  const Shape& shape(RowValue value) const override { return code_.instrs[value.id].shape; }

  RowValue operand(size_t i) override { return load(i, Access::row); }
  RowValue operand_edge(size_t i, bool last) override {
    return load(i, last ? Access::last_child : Access::first_child);
  }
  RowValue gather(size_t i, RowValue id) override {
    const Shape table = constant_dims(operand_type(i));
    Instr instr{Op::gather, Shape(table.begin() + 1, table.end()), operand_type(i).dtype, {id.id}};
    instr.operand = operand_number(i, Access::uniform, true);
    return push(instr);
  }

  RowValue constant(double number) override {
    Instr instr{Op::constant};
    instr.number = number;
    return push(instr);
  }
  RowValue index(Shape shape, int axis) override {
    Instr instr{Op::index, std::move(shape), DType::i32};
    instr.axis = axis < 0 ? axis + static_cast<int>(instr.shape.size()) : axis;
    return push(instr);
  }
  RowValue position() override { return push({Op::position, {}, DType::i32}); }
  RowValue length(SpaceId child) override {
    Instr instr{Op::length, {}, DType::i32};
    instr.space = child;
    return push(instr);
  }
  RowValue random(Shape shape, uint64_t key) override {
    Instr instr{Op::random, std::move(shape)};
    instr.key = key;
    return push(instr);
  }
  RowValue scalar(const std::string& name) override {
    auto at = std::find(scalars_.begin(), scalars_.end(), name);
    Instr instr{Op::scalar};
    instr.operand = static_cast<uint32_t>(at - scalars_.begin());
    if (at == scalars_.end()) scalars_.push_back(name);
    return push(instr);
  }

  RowValue apply(Fn fn, std::initializer_list<RowValue> values) override {
    std::vector<RowValue> args(values);
    MTL_CHECK(static_cast<int>(args.size()) == arity(fn), std::string("wrong number of operands of ") + fn_name(fn));
    if (fn == Fn::to_f32 && dtype(args[0]) != DType::i32) return args[0];
    if (fn == Fn::to_i32 && dtype(args[0]) == DType::i32) return args[0];
    if (fn == Fn::to_i32 && at(args[0]).op == Op::constant) return as_constant(args[0], DType::i32);
    if (fn == Fn::pow && at(args[1]).op == Op::constant) {
      const double exponent = at(args[1]).number;
      if (exponent == 1) return args[0];
      if (exponent == 2) return apply(Fn::mul, {args[0], args[0]});
      if (exponent == 0.5) return apply(Fn::sqrt, {args[0]});
    }
    mend_dtypes(fn, args);
    Instr instr{Op::apply};
    instr.fn = fn;
    for (RowValue arg : args) {
      instr.args.push_back(arg.id);
      instr.shape = broadcast_shapes(instr.shape, shape(arg));
    }
    instr.dtype = result_dtype(fn, args);
    return push(instr);
  }

  RowValue reduce(Reduce reduce, RowValue x, std::vector<int> axes) override {
    Instr instr{Op::reduce, shape(x), dtype(x), {x.id}};
    instr.reduce = reduce;
    for (int axis : axes) {
      if (axis < 0) axis += static_cast<int>(instr.shape.size());
      if (instr.shape[axis] > 1) instr.axes.push_back(axis);
      instr.shape[axis] = 1;
    }
    std::sort(instr.axes.begin(), instr.axes.end());
    const bool arg = reduce >= Reduce::argmax;
    if (instr.axes.empty()) {
      if (!arg) return x;
      Instr zero{Op::constant, instr.shape, DType::i32};
      return push(zero);
    }
    if (arg) {
      MTL_CHECK(instr.axes.size() == 1, "argmax over several axes");
      if (dtype(x) == DType::i32) instr.args[0] = apply(Fn::to_f32, {x}).id;
      instr.dtype = DType::i32;
    }
    return push(instr);
  }

  RowValue view(RowValue x, Shape shape, std::vector<int64_t> strides, int64_t offset) override {
    if (at(x).op == Op::constant) {
      Instr same = at(x);
      same.shape = std::move(shape);
      return push(same);
    }
    Instr instr{Op::view, std::move(shape), dtype(x), {x.id}};
    instr.strides = std::move(strides);
    instr.offset = offset;
    if (is_dense_view(instr, at(x).shape)) return reshape(x, instr.shape);
    return push(instr);
  }
  RowValue reshape(RowValue x, Shape shape) override { return {reshape_instr(code_.instrs, x.id, shape)}; }

  void result(size_t i, RowValue value) override { code_.results.push_back({checked(i, value), value.id}); }
  void result_part(size_t i, RowValue value, int64_t element_offset, std::vector<int64_t> strides) override {
    RowCode::Result result{i, value.id};
    result.part = code_.parts = true;
    result.element_offset = element_offset;
    result.strides = std::move(strides);
    code_.results.push_back(result);
  }
  void result_over_rows(size_t i, Reduce reduce, RowValue value) override {
    RowCode::Result result{checked(i, value), value.id};
    result.over_rows = code_.over_rows = true;
    result.reduce = reduce;
    code_.results.push_back(result);
  }

  RowCode finish() {
    settle_space();
    settle_facts();
    return std::move(code_);
  }

 private:
  const Instr& at(RowValue value) const { return code_.instrs[value.id]; }
  DType dtype(RowValue value) const { return at(value).dtype; }
  RowValue push(Instr instr) {
    for (InstrId id = 0; id < code_.instrs.size(); ++id) {
      if (code_.instrs[id] == instr) return {id};
    }
    code_.instrs.push_back(std::move(instr));
    return {static_cast<InstrId>(code_.instrs.size() - 1)};
  }
  uint32_t operand_number(size_t index, Access access, bool gathered) {
    for (uint32_t i = 0; i < code_.operands.size(); ++i) {
      const RowCode::Operand& o = code_.operands[i];
      if (o.index == index && o.access == access && o.gathered == gathered) return i;
    }
    code_.operands.push_back({index, access, operand_type(index).space, gathered});
    return static_cast<uint32_t>(code_.operands.size() - 1);
  }
  RowValue load(size_t i, Access access) {
    Instr instr{Op::load, constant_dims(operand_type(i)), operand_type(i).dtype};
    instr.operand = operand_number(i, access, false);
    return push(instr);
  }
  RowValue as_constant(RowValue constant, DType dtype) {
    Instr instr = at(constant);
    instr.dtype = dtype;
    if (dtype == DType::i32) instr.number = static_cast<double>(static_cast<int64_t>(instr.number));
    return push(instr);
  }

  // i32 and f32 meet as i32 if the f32 is a whole constant, else as f32. Functions of reals take f32.
  void mend_dtypes(Fn fn, std::vector<RowValue>& args) {
    const size_t first = fn == Fn::select ? 1 : 0;
    bool ints = false, floats = false;
    for (size_t i = first; i < args.size(); ++i) (dtype(args[i]) == DType::i32 ? ints : floats) = true;
    const bool real =
        fn == Fn::div || fn == Fn::pow || fn == Fn::sign || is_expensive(fn) || fn == Fn::sqrt || fn == Fn::rsqrt;
    if (!ints || (!floats && !real)) return;
    bool whole = !real;
    for (size_t i = first; i < args.size(); ++i) {
      if (dtype(args[i]) == DType::i32) continue;
      const Instr& instr = at(args[i]);
      whole =
          whole && instr.op == Op::constant && instr.number == static_cast<double>(static_cast<int32_t>(instr.number));
    }
    for (size_t i = first; i < args.size(); ++i) {
      if (whole && dtype(args[i]) != DType::i32) args[i] = as_constant(args[i], DType::i32);
      if (!whole && dtype(args[i]) == DType::i32) {
        args[i] = at(args[i]).op == Op::constant ? as_constant(args[i], DType::f32) : apply(Fn::to_f32, {args[i]});
      }
    }
  }
  DType result_dtype(Fn fn, const std::vector<RowValue>& args) const {
    if (is_comparison(fn) || fn == Fn::logical_not || fn == Fn::is_nan) return DType::boolean;
    if (fn == Fn::to_i32) return DType::i32;
    if (fn == Fn::to_f32) return DType::f32;
    if (fn == Fn::select) return dtype(args[1]) == dtype(args[2]) ? dtype(args[1]) : DType::f32;
    return dtype(args[0]) == DType::i32 ? DType::i32 : DType::f32;
  }

  size_t checked(size_t i, RowValue value) const {
    MTL_CHECK(shape(value) == constant_dims(node_.types[i]),
              std::string("the lowering of `") + node_.op->name + "` gives a value of another shape than its type's");
    return i;
  }

  void settle_space() {
    code_.space = node_.types[0].space;
    if (code_.over_rows) {
      for (const ir::Value& operand : node_.operands) {
        const auto deeper = graph_.spaces.join(code_.space, graph_.type(operand).space);
        MTL_CHECK(deeper, "operands of unrelated spaces");
        code_.space = *deeper;
      }
    }
    for (RowCode::Operand& operand : code_.operands) {
      if (operand.access != Access::row || operand.space == code_.space) continue;
      MTL_CHECK(graph_.spaces.is_ancestor(operand.space, code_.space),
                std::string("`") + node_.op->name + "` reads a row of a deeper space");
      operand.access = operand.space == types::kUniform ? Access::uniform : Access::ancestor;
    }
  }

  void settle_facts() {
    code_.cheap = code_.instrs.size() <= 12;
    code_.elementwise = true;
    Shape common;
    for (const Instr& instr : code_.instrs) {
      const int64_t n = elements(instr.shape);
      code_.widest = std::max(code_.widest, n);
      if (instr.op == Op::random || instr.op == Op::reduce || (instr.op == Op::apply && is_expensive(instr.fn))) {
        code_.cheap = false;
      }
      if (instr.op == Op::reduce || instr.op == Op::view || (instr.op == Op::index && n > 1)) code_.elementwise = false;
      if (n == 1) continue;
      const Shape shape = without_leading_ones(instr.shape);
      if (common.empty()) common = shape;
      if (shape != common) code_.elementwise = false;
    }
  }

  const ir::Graph& graph_;
  const ir::Node& node_;
  std::vector<std::string>& scalars_;
  RowCode code_;
};

}  // namespace

Shape constant_dims(const types::Type& type) {
  Shape shape;
  for (const types::Dim& dim : type.dims) shape.push_back(dim.value());
  return shape;
}

InstrId reshape_instr(std::vector<Instr>& instrs, InstrId id, const Shape& shape) {
  if (instrs[id].shape == shape) return id;
  MTL_CHECK(elements(instrs[id].shape) == elements(shape), "a reshape that changes the number of elements");
  Instr instr = instrs[id];
  const bool same_order = without_leading_ones(instr.shape) == without_leading_ones(shape);
  if (instr.op != Op::load && instr.op != Op::gather && instr.op != Op::constant) {
    instr = Instr{Op::view, shape, instr.dtype, {id}};
    if (same_order || elements(shape) == 1) {
      instr.op = Op::apply;  // the same value: pointwise, so that it needs no memory
      instr.fn = instr.dtype == DType::i32 ? Fn::to_i32 : Fn::to_f32;
    } else {
      instr.strides = dense_strides(shape);
    }
  }
  instr.shape = shape;
  instrs.push_back(instr);
  return static_cast<InstrId>(instrs.size() - 1);
}

RowCode row_code(const ir::Graph& graph, const ir::Node& node, std::vector<std::string>& scalars) {
  Recorder recorder(graph, node, scalars);
  node.op->lower.get().row(recorder);
  return recorder.finish();
}

}  // namespace mtl::program
