// How values of a row become C++. A value that is one number is a variable; a row of a buffer is a pointer; what is
// cheap or used once is written where it is used; the rest is a small array on the stack.
#include "compiler/aot/cpp_kernel.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "compiler/aot/cpp_expr.h"
#include "compiler/aot/cpp_names.h"
#include "compiler/program/kernel_facts.h"
#include "support/base/check.h"

namespace mtl::aot {
namespace {

using program::Access;
using program::elements;
using program::Instr;
using program::InstrId;
using program::KernelOperand;
using program::KernelStore;
using program::LoopKernel;
using program::Reduce;
using program::Shape;
using types::kUniform;
using types::SpaceId;
using Indices = std::vector<CppText>;

class KernelWriter {
 public:
  KernelWriter(const program::Program& program, const LoopKernel& kernel, const KernelNames& names)
      : program_(program), kernel_(kernel), names_(names), uses_(kernel.instrs.size()), wide_(kernel.instrs.size()) {
    for (const Instr& instr : kernel.instrs) {
      for (InstrId arg : instr.args) use(arg, instr);
    }
    for (const KernelStore& store : kernel.stores) ++uses_[store.value];
    name_values();
  }

  CppText run() {
    switch (kernel_.form) {
      case LoopKernel::Form::row:
        row_form();
        break;
      case LoopKernel::Form::segment:
        open("for (int64_t t = 0; t < " + names_.rows(kernel_.target) + ".rows; ++t) {");
        reducing_form(begin_of(kernel_.space, kernel_.target, "t"), begin_of(kernel_.space, kernel_.target, "t + 1"));
        close();
        break;
      case LoopKernel::Form::column:
        reducing_form("0", kernel_.space == kUniform ? "1" : names_.rows(kernel_.space) + ".rows");
        break;
    }
    return std::move(text_);
  }

 private:
  // ---- text
  void line(const CppText& text) { text_ += CppText(indent_, ' ') + text + "\n"; }
  void open(const CppText& text) {
    line(text);
    indent_ += 2;
  }
  void close() {
    indent_ -= 2;
    line("}");
  }

  void use(InstrId arg, const Instr& by) {
    ++uses_[arg];
    // Written where it is used, it would be computed anew for each element that it is broadcast to.
    if (elements(by.shape) > elements(kernel_.instrs[arg].shape)) wide_[arg] = true;
    if (by.op == Instr::Op::view || by.op == Instr::Op::gather) wide_[arg] = true;
  }
  // What is read is called as the buffer that it is read from; what is computed, by number.
  void name_values() {
    Scope scope({"w", "b", "rows", "workspace", "r", "t", "i", "first", "end", "x", "to", "best"});
    for (InstrId id = 0; id < kernel_.instrs.size(); ++id) {
      const Instr& value = kernel_.instrs[id];
      const bool read = value.op == Instr::Op::load || value.op == Instr::Op::gather;
      CppText name = read ? names_.buffer(kernel_.operands[value.operand].buffer) : code("v{}", id);
      if (const size_t dot = name.str().find('.'); dot != std::string::npos) name = name.substr(dot + 1);
      names_of_.push_back(scope.add(read && value.op == Instr::Op::gather ? name + "_row" : name));
    }
  }
  const CppText& var(InstrId id) const { return names_of_[id]; }
  const Instr& instr(InstrId id) const { return kernel_.instrs[id]; }

  // ---- rows
  // First row in `space` of a row of `target`, an ancestor that is not uniform.
  CppText begin_of(SpaceId space, SpaceId target, const CppText& row) const {
    if (space == target) return row;
    return names_.rows(space) + ".offsets[" + begin_of(program_.spaces[space].parent, target, row) + "]";
  }
  CppText ancestor(SpaceId target) const {
    CppText row = "r";
    for (SpaceId at = kernel_.space; at != target; at = program_.spaces[at].parent) {
      if (program_.spaces[at].parent == kUniform) return "0";
      row = names_.rows(at) + ".parent[" + row + "]";
    }
    return row;
  }

  void row_form() {
    if (kernel_.space != kUniform) open("for (int64_t r = 0; r < " + names_.rows(kernel_.space) + ".rows; ++r) {");
    for (InstrId id = 0; id < kernel_.instrs.size(); ++id) compute(id);
    for (const KernelStore& store : kernel_.stores) {
      const Instr& value = instr(store.value);
      const CppText row = kernel_.space == kUniform ? "0" : "r";
      loops(value.shape, flat(store.value, value.shape) && program::is_dense(store, value.shape),
            [&](const Indices& at) {
              const CppText to = element(store.buffer, row, place(store, value.shape, at));
              line(to + " = " + statement(expr(store.value, at)) + ";");
            });
    }
    if (kernel_.space != kUniform) close();
  }

  void reducing_form(const CppText& first, const CppText& end) {
    const CppText target = kernel_.form == LoopKernel::Form::column ? "0" : "t";
    line("const int64_t first = " + first + ", end = " + end + ";");
    for (size_t s = 0; s < kernel_.stores.size(); ++s) start_store(s, target);
    open("for (int64_t r = first; r < end; ++r) {");
    for (InstrId id = 0; id < kernel_.instrs.size(); ++id) compute(id);
    for (size_t s = 0; s < kernel_.stores.size(); ++s) {
      const KernelStore& store = kernel_.stores[s];
      const Instr& value = instr(store.value);
      loops(value.shape, flat(store.value, value.shape), [&](const Indices& at) {
        const CppText i = linear(value.shape, at), x = expr(store.value, at);
        const CppText to = "to" + code("{}", s) + "[" + i + "]";
        if (store.accumulate < Reduce::argmax) {
          line(to + " = " + combine(store.accumulate, to, x) + ";");
          return;
        }
        const CppText best = "best" + code("{}", s) + "[" + i + "]";
        open("if (const float x = " + x + "; x " + (store.accumulate == Reduce::argmax ? ">" : "<") + " " + best +
             ") {");
        line(best + " = x;");
        line(to + " = static_cast<int32_t>(r - first);");
        close();
      });
    }
    close();
  }

  // What a result is before its first row; of an empty segment it stays so, but extremes become 0.
  void start_store(size_t s, const CppText& target) {
    const KernelStore& store = kernel_.stores[s];
    const CppText to = "to" + code("{}", s), n = code("{}", elements(instr(store.value).shape));
    const bool arg = store.accumulate >= Reduce::argmax;
    line("auto* " + to + " = " + pointer(store.buffer, target) + ";");
    const CppText start = identity(store.accumulate);
    if (arg) {
      line("float best" + code("{}", s) + "[" + n + "];");
      line("std::fill_n(best" + code("{}", s) + ", " + n + ", " + start + ");");
      line("std::fill_n(" + to + ", " + n + ", first == end ? -1 : 0);");
    } else if (store.accumulate == Reduce::max || store.accumulate == Reduce::min) {
      line("std::fill_n(" + to + ", " + n + ", first == end ? 0.0f : " + start + ");");
    } else {
      line("std::fill_n(" + to + ", " + n + ", " + start + ");");
    }
  }

  CppText pointer(uint32_t buffer, const CppText& row) const {
    const int64_t width = elements(program_.buffers[buffer].shape);
    const CppText base = names_.buffer(buffer);
    if (row == "0") return base;
    return width == 1 ? base + " + " + row : base + " + " + row + " * " + code("{}", width);
  }

  CppText element(uint32_t buffer, const CppText& row, const CppText& at) const {
    const int64_t width = elements(program_.buffers[buffer].shape);
    CppText index = row == "0" ? "" : width == 1 ? row : row + " * " + code("{}", width);
    if (index.empty() || at != "0") index += (index.empty() ? "" : " + ") + at;
    return names_.buffer(buffer) + "[" + index + "]";
  }

  static CppText place(const KernelStore& store, const Shape& shape, const Indices& at) {
    if (program::is_dense(store, shape)) return linear(shape, at);
    return strided(at, store.strides.empty() ? program::dense_strides(shape) : store.strides, store.element_offset);
  }

  // ---- values
  bool is_array(InstrId id) const {  // on the stack
    const Instr& value = instr(id);
    if (elements(value.shape) == 1) return false;
    if (value.op == Instr::Op::reduce) return true;
    return (value.op == Instr::Op::apply || value.op == Instr::Op::random) && (uses_[id] > 1 || wide_[id]);
  }
  bool is_pointer(InstrId id) const {
    const Instr& value = instr(id);
    return elements(value.shape) > 1 && (value.op == Instr::Op::load || value.op == Instr::Op::gather);
  }
  bool is_variable(InstrId id) const {
    const Instr& value = instr(id);
    return elements(value.shape) == 1 && value.op != Instr::Op::constant;
  }

  void compute(InstrId id) {
    if (uses_[id] == 0) return;
    const Instr& value = instr(id);
    if (is_pointer(id)) {
      line("const auto* " + var(id) + " = " + row_pointer(value) + ";");
    } else if (value.op == Instr::Op::reduce) {
      reduce(id);
    } else if (is_variable(id)) {
      line(CppText("const ") + c_type(value.dtype) + " " + var(id) + " = " +
           statement(expr_of(id, Indices(value.shape.size(), "0"))) + ";");
    } else if (is_array(id)) {
      line(CppText(c_type(value.dtype)) + " " + var(id) + "[" + code("{}", elements(value.shape)) + "];");
      loops(value.shape, flat_args(id, value.shape), [&](const Indices& at) {
        line(var(id) + "[" + linear(value.shape, at) + "] = " + statement(expr_of(id, at)) + ";");
      });
    }
  }

  // A number that is read.
  CppText one_element(const Instr& value) const {
    const KernelOperand& operand = kernel_.operands[value.operand];
    const bool plain = value.op == Instr::Op::load && operand.access <= Access::uniform;
    if (!plain) return "*" + row_pointer(value);
    const CppText row = operand.access == Access::ancestor                               ? ancestor(operand.space)
                        : operand.access == Access::uniform || kernel_.space == kUniform ? "0"
                                                                                         : "r";
    return element(operand.buffer, row, "0");
  }

  CppText row_pointer(const Instr& value) const {
    const KernelOperand& operand = kernel_.operands[value.operand];
    const CppText n = code("{}", elements(value.shape));
    if (value.op == Instr::Op::gather)
      return "runtime::row_or_zeros<" + n + ">(" + names_.buffer(operand.buffer) + ", " + var(value.args[0]) + ")";
    switch (operand.access) {
      case Access::row:
        return pointer(operand.buffer, kernel_.space == kUniform ? "0" : "r");
      case Access::ancestor:
        return pointer(operand.buffer, ancestor(operand.space));
      case Access::uniform:
        return pointer(operand.buffer, "0");
      case Access::first_child:
      case Access::last_child:
        break;
    }
    const CppText first = begin_of(operand.space, kernel_.space, "r");
    const CppText end = begin_of(operand.space, kernel_.space, "r + 1");
    const CppText at = operand.access == Access::first_child ? first : end + " - 1";
    return "runtime::row_or_zeros<" + n + ">(" + names_.buffer(operand.buffer) + ", " + first + " == " + end +
           " ? -1 : " + at + ")";
  }

  void reduce(InstrId id) {
    const Instr& value = instr(id);
    const InstrId arg = value.args[0];
    const Shape& shape = instr(arg).shape;
    const bool one = elements(value.shape) == 1, places = value.reduce >= Reduce::argmax;
    const CppText n = code("{}", elements(value.shape)), name = var(id), best = places ? "best" + name : name;
    const CppText type = places ? "int32_t" : c_type(value.dtype);
    if (one) {
      if (places) line("float " + best + " = " + identity(value.reduce) + ";");
      line(type + " " + name + " = " + (places ? "0" : identity(value.reduce)) + ";");
    } else {
      if (places) line("float " + best + "[" + n + "];");
      if (places) line("std::fill_n(" + best + ", " + n + ", " + identity(value.reduce) + ");");
      line(type + " " + name + "[" + n + "];");
      line("std::fill_n(" + name + ", " + n + ", " + (places ? "0" : identity(value.reduce)) + ");");
    }
    const bool is_flat = one && !places && flat(arg, shape);
    if (is_flat && value.reduce == Reduce::sum) text_ += "#pragma omp simd reduction(+ : " + name + ")\n";
    loops(shape, is_flat || (one && shape.size() == 1), [&](const Indices& at) {
      const CppText index = one ? "" : "[" + kept(value, shape, at) + "]";
      const CppText x = expr(arg, at);
      if (!places) {
        line(name + index + " = " + combine(value.reduce, name + index, x) + ";");
        return;
      }
      open("if (const float x = " + x + "; x " + (value.reduce == Reduce::argmax ? ">" : "<") + " " + best + index +
           ") {");
      line(best + index + " = x;");
      line(name + index + " = static_cast<int32_t>(" + (at.size() == 1 ? at[0] : at[value.axes[0]]) + ");");
      close();
    });
  }
  // The place in the result of a reduction of an element of its operand.
  static CppText kept(const Instr& value, const Shape& shape, Indices at) {
    if (at.size() != shape.size()) return "0";
    for (int axis : value.axes) at[axis] = "0";
    return strided(at, program::dense_strides(value.shape), 0);
  }

  // Whether a value can be written in terms of one index that runs over all elements of `shape`.
  bool flat(InstrId id, const Shape& shape) const {
    const Instr& value = instr(id);
    if (elements(value.shape) == 1) return true;
    if (elements(value.shape) != elements(shape)) return false;
    if (is_pointer(id) || is_array(id) || value.op == Instr::Op::constant) return true;
    return flat_args(id, shape);
  }
  bool flat_args(InstrId id, const Shape& shape) const {
    const Instr& value = instr(id);
    switch (value.op) {
      case Instr::Op::apply:
        for (InstrId arg : value.args) {
          if (!flat(arg, shape)) return false;
        }
        return true;
      case Instr::Op::view:
        return program::is_dense_view(value, instr(value.args[0]).shape) && flat(value.args[0], shape);
      case Instr::Op::index:
        return value.shape.size() == 1;
      case Instr::Op::random:
        return true;
      default:
        return false;
    }
  }

  // Calls `body` inside loops over `shape`; with one index if `one`.
  template <class F>
  void loops(const Shape& shape, bool one, F body) {
    const int64_t n = elements(shape);
    if (n == 1) return body(Indices(one ? 1 : shape.size(), "0"));
    if (one) {
      open("for (int64_t i = 0; i < " + code("{}", n) + "; ++i) {");
      body({"i"});
      return close();
    }
    Indices at;
    for (size_t d = 0; d < shape.size(); ++d) {
      const CppText i = "i" + code("{}", d);
      at.push_back(shape[d] == 1 ? "0" : i);
      if (shape[d] != 1) open("for (int64_t " + i + " = 0; " + i + " < " + code("{}", shape[d]) + "; ++" + i + ") {");
    }
    body(at);
    for (int64_t d : shape) {
      if (d != 1) close();
    }
  }

  // An element of a value that is broadcast to the loops' shape.
  CppText expr(InstrId id, const Indices& loop) const {
    const Instr& value = instr(id);
    if (is_variable(id)) return var(id);
    const bool one = loop.size() == 1 && (value.shape.size() != 1 || elements(value.shape) != 1);
    Indices at = one ? loop : broadcast(value.shape, loop);
    if (is_pointer(id) || is_array(id)) return var(id) + "[" + (one ? loop[0] : linear(value.shape, at)) + "]";
    return expr_of(id, at);
  }
  static Indices broadcast(const Shape& shape, const Indices& loop) {
    Indices at;
    const size_t lead = loop.size() >= shape.size() ? loop.size() - shape.size() : 0;
    for (size_t d = 0; d < shape.size(); ++d) at.push_back(shape[d] == 1 ? "0" : loop[lead + d]);
    return at;
  }

  CppText expr_of(InstrId id, const Indices& at) const {
    const Instr& value = instr(id);
    switch (value.op) {
      case Instr::Op::constant:
        return literal(value.number, value.dtype);
      case Instr::Op::load:
      case Instr::Op::gather:
        return one_element(value);
      case Instr::Op::index:
        return "static_cast<int32_t>(" + (at.size() == 1 ? at[0] : at[value.axis]) + ")";
      case Instr::Op::position:
        if (program_.spaces[kernel_.space].parent == kUniform) return "static_cast<int32_t>(r)";
        return names_.rows(kernel_.space) + ".position[r]";
      case Instr::Op::length:
        return names_.rows(value.space) + ".offsets[r + 1] - " + names_.rows(value.space) + ".offsets[r]";
      case Instr::Op::random:
        return code("runtime::noise({}u, {}, {})", value.key,
                    kernel_.space == kUniform ? "0" : names_.rows(kernel_.space) + ".identity[r]",
                    linear(value.shape, at));
      case Instr::Op::scalar:
        return "1.0f";  // `progress`, the only one: training is over
      case Instr::Op::apply: {
        std::vector<CppText> args;
        for (InstrId arg : value.args) args.push_back(expr(arg, at));
        return apply(value, args);
      }
      case Instr::Op::view:
        return view(value, at);
      case Instr::Op::reduce:
        break;
    }
    MTL_CHECK(false, "a value that has a variable");
  }

  CppText apply(const Instr& value, const std::vector<CppText>& args) const {
    const bool ids = instr(value.args.back()).dtype == types::DType::i32;
    return apply_text(value.fn, args, ids);
  }

  CppText view(const Instr& value, const Indices& at) const {
    const InstrId from = value.args[0];
    if (is_variable(from)) return var(from);
    if (instr(from).op == Instr::Op::constant) return expr_of(from, {});
    const bool one = at.size() == 1 && value.shape.size() != 1;
    const CppText index = one ? at[0] : strided(at, value.strides, value.offset);
    if (is_pointer(from) || is_array(from)) return var(from) + "[" + index + "]";
    // Of something that is written where it is used (an index, another view): its own indices from the linear one.
    return expr_of(from, unravel(instr(from).shape, index));
  }

  const program::Program& program_;
  const LoopKernel& kernel_;
  const KernelNames& names_;
  std::vector<int> uses_;
  std::vector<char> wide_;
  std::vector<CppText> names_of_;
  CppText text_;
  int indent_ = 2;
};

}  // namespace

CppText kernel_body(const program::Program& program, const LoopKernel& kernel, const KernelNames& names) {
  return KernelWriter(program, kernel, names).run();
}

}  // namespace mtl::aot
