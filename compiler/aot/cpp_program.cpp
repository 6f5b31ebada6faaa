// Writes the steps of a lowered program, places their buffers in slots, and finds which steps each task needs.
#include "compiler/aot/cpp_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/aot/cpp_expr.h"
#include "compiler/aot/cpp_kernel.h"
#include "compiler/aot/cpp_names.h"
#include "compiler/aot/cpp_text.h"
#include "compiler/program/kernel_facts.h"
#include "runtime/core/deploy/linear.h"
#include "support/base/check.h"

namespace mtl::aot {

using program::Buffer;
using program::Call;
using program::Instr;
using program::LoopKernel;
using program::Step;
using types::kUniform;
using types::SpaceId;

namespace {
constexpr size_t kLongestName = 48;
constexpr uint32_t kNone = program::kNoBuffer;
}  // namespace

CppProgram::CppProgram(const program::Program& program, std::string source,
                       const std::map<std::string, CppText>& params, const SourceMap& sources)
    : program_(program), source_(std::move(source)), params_(params), sources_(sources) {
  find_spaces();
  name_steps();
  name_buffers();
  plan_slots();
}

// ---- what a step touches

uint32_t CppProgram::storage(uint32_t buffer) const {
  const uint32_t view = program_.buffers[buffer].view_of;
  return view == kNone ? buffer : view;
}

std::vector<uint32_t> CppProgram::reads(const Step& step) const {
  std::vector<uint32_t> out;
  if (const auto* kernel = std::get_if<LoopKernel>(&step.work)) {
    for (const program::KernelOperand& operand : kernel->operands) out.push_back(storage(operand.buffer));
  } else {
    const Call& call = std::get<Call>(step.work);
    for (size_t i = 0; i + call.results < call.operands.size(); ++i) out.push_back(storage(call.operands[i]));
  }
  return out;
}

std::vector<uint32_t> CppProgram::writes(const Step& step) const {
  std::vector<uint32_t> out;
  if (const auto* kernel = std::get_if<LoopKernel>(&step.work)) {
    for (const program::KernelStore& store : kernel->stores) out.push_back(storage(store.buffer));
  } else {
    const Call& call = std::get<Call>(step.work);
    for (size_t i = call.operands.size() - call.results; i < call.operands.size(); ++i)
      out.push_back(storage(call.operands[i]));
  }
  return out;
}

std::vector<size_t> CppProgram::steps_for(const std::vector<std::string>& outputs) const {
  std::set<uint32_t> wanted;
  for (const auto& [name, buffer] : program_.outputs) {
    if (std::find(outputs.begin(), outputs.end(), name) != outputs.end()) wanted.insert(storage(buffer));
  }
  std::vector<size_t> steps;
  for (size_t i = program_.steps.size(); i-- > 0;) {
    const std::vector<uint32_t> made = writes(program_.steps[i]);
    if (std::none_of(made.begin(), made.end(), [&](uint32_t b) { return wanted.count(b) > 0; })) continue;
    for (uint32_t buffer : reads(program_.steps[i])) wanted.insert(buffer);
    steps.push_back(i);
  }
  std::reverse(steps.begin(), steps.end());
  return steps;
}

std::vector<std::string> CppProgram::kernels() const {
  std::set<std::string> names;
  for (const Step& step : program_.steps) {
    if (const auto* call = std::get_if<Call>(&step.work)) names.insert(call->kernel);
  }
  return {names.begin(), names.end()};
}

void CppProgram::find_spaces() {
  std::vector<char> used(program_.spaces.size(), 0);
  const auto use = [&](SpaceId id) {
    for (; id != kUniform && !used[id]; id = program_.spaces[id].parent) used[id] = 1;
  };
  for (const Buffer& buffer : program_.buffers) use(buffer.space);
  for (const Step& step : program_.steps) {
    if (const auto* kernel = std::get_if<LoopKernel>(&step.work)) {
      use(kernel->space);
      for (const Instr& instr : kernel->instrs) use(instr.space);
    } else {
      for (SpaceId id : std::get<Call>(step.work).spaces) use(id);
    }
  }
  for (SpaceId id = static_cast<SpaceId>(used.size()); id-- > 1;) {  // what a space follows from comes before it
    const types::Space& space = program_.spaces[id];
    if (used[id] && space.copies) use(*space.copies);
    if (!used[id] || !space.length) continue;
    for (const auto& [atoms, factor] : space.length->variable_part().terms())
      use(*program_.spaces.ragged_child(space.parent, atoms[0]));
  }
  for (SpaceId id = 1; id < used.size(); ++id) {
    if (used[id]) spaces_.push_back(id);
  }
}

// ---- names

CppText CppProgram::rows_member(SpaceId space) const {
  const std::string& name = program_.spaces[space].name;
  std::string below = name.size() > source_.size() ? name.substr(source_.size()) : "";
  const auto say = [&](const std::string& sign, const char* word) {
    for (size_t at = 0; (at = below.find(sign, at)) != std::string::npos;) below.replace(at, sign.size(), word);
  };
  say(".{" + source_ + ".", " pairs ");
  say(" + ", " plus ");  // `T + 1` and `T - 1` are two names
  say(" - ", " minus ");
  say(" * ", " times ");
  return below.empty() ? "examples" : identifier(below);
}

// The layer that a parameter belongs to: "encoder_bilstm" of "encoder.bilstm.weight_ih_l0".
CppText CppProgram::owner_of(uint32_t buffer) const {
  const Buffer& b = program_.buffers[storage(buffer)];
  if (b.kind != Buffer::Kind::param && b.kind != Buffer::Kind::state) return "";
  const size_t dot = b.name.rfind('.');
  return identifier(dot == std::string::npos ? b.name : b.name.substr(0, dot));
}

CppText CppProgram::wanted_step_name(const Step& step) const {
  CppText owner;
  for (uint32_t buffer : reads(step)) {
    if (owner.empty()) owner = owner_of(buffer);
  }
  if (const auto* call = std::get_if<Call>(&step.work)) {
    const CppText what = call->kernel == "matmul" ? "product" : identifier(call->kernel);
    return owner.empty() ? what : owner + "_" + what;
  }
  const auto& kernel = std::get<LoopKernel>(step.work);
  for (uint32_t buffer : writes(step)) {
    if (program_.buffers[buffer].kind == Buffer::Kind::output) return identifier(program_.buffers[buffer].name);
  }
  if (!owner.empty()) return owner;
  if (kernel.form != LoopKernel::Form::row && !kernel.stores.empty())
    return own_name(program::reduce_name(kernel.stores[0].accumulate)) + "_over_rows";
  for (size_t i = kernel.instrs.size(); i-- > 0;) {
    const Instr& instr = kernel.instrs[i];
    if (instr.op == Instr::Op::apply) return identifier(program::fn_name(instr.fn)) + "_rows";
    if (instr.op == Instr::Op::reduce) return own_name(program::reduce_name(instr.reduce)) + "_of_rows";
  }
  return "arranged_rows";
}

void CppProgram::name_steps() {
  Scope scope;
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    CppText wanted = wanted_step_name(program_.steps[i]);
    if (wanted.size() > kLongestName) wanted = "step_" + code("{}", i);
    step_names_.push_back(scope.add(identifier(wanted.str())));
  }
}

void CppProgram::name_buffers() {
  members_.resize(program_.buffers.size());
  Scope scope;
  for (uint32_t b = 0; b < program_.buffers.size(); ++b) {
    const Buffer& buffer = program_.buffers[b];
    if (buffer.view_of != kNone) continue;
    if (buffer.kind == Buffer::Kind::input)
      members_[b] = scope.add(identifier(buffer.name.substr(buffer.name.find('.') + 1)));
    if (buffer.kind == Buffer::Kind::output) members_[b] = scope.add(identifier(buffer.name));
    if (buffer.kind == Buffer::Kind::constant) members_[b] = "kConstant" + code("{}", b);
  }
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    for (uint32_t b : writes(program_.steps[i])) {
      if (members_[b].empty()) members_[b] = scope.add(step_names_[i]);
    }
  }
}

bool CppProgram::in_arena(uint32_t b) const {
  const Buffer& buffer = program_.buffers[b];
  return buffer.view_of == kNone && (buffer.kind == Buffer::Kind::arena || buffer.kind == Buffer::Kind::output);
}

CppText CppProgram::expression(uint32_t buffer) const {
  const uint32_t b = storage(buffer);
  const Buffer& it = program_.buffers[b];
  if (it.kind == Buffer::Kind::param || it.kind == Buffer::Kind::state) return "w." + params_.at(it.name);
  if (it.kind == Buffer::Kind::constant) return members_[b];
  MTL_CHECK(it.kind != Buffer::Kind::gradient, "a prediction has no gradients");
  return "b." + members_[b];
}

CppText CppProgram::member(Buffer::Kind kind, const std::string& name) const {
  if (kind == Buffer::Kind::output) {
    for (const auto& [output, buffer] : program_.outputs) {
      if (output == name) return members_[storage(buffer)];
    }
  }
  for (uint32_t b = 0; b < program_.buffers.size(); ++b) {
    const Buffer& buffer = program_.buffers[b];
    if (buffer.view_of == kNone && buffer.kind == kind && buffer.name == name) return members_[b];
  }
  return "";
}

const Buffer* CppProgram::output(const std::string& name) const {
  for (const auto& [output, buffer] : program_.outputs) {
    if (output == name) return &program_.buffers[buffer];
  }
  return nullptr;
}

// ---- memory

// Buffers over the same rows share memory where their lives do not overlap. A step's results are placed before what
// it reads is given back, so they never share with its operands.
void CppProgram::plan_slots() {
  slot_of_.assign(program_.buffers.size(), -1);
  std::vector<size_t> last(program_.buffers.size(), 0);
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    for (uint32_t b : reads(program_.steps[i])) last[b] = i;
    for (uint32_t b : writes(program_.steps[i])) last[b] = std::max(last[b], i);
  }
  for (const auto& [name, buffer] : program_.outputs) last[storage(buffer)] = program_.steps.size();
  std::vector<std::set<size_t>> idle(program_.spaces.size());
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    for (uint32_t b : writes(program_.steps[i])) {
      if (!in_arena(b) || slot_of_[b] >= 0) continue;
      const Buffer& buffer = program_.buffers[b];
      const int64_t width = program::elements(buffer.shape);
      auto& free = idle[buffer.space];
      auto best = std::min_element(free.begin(), free.end(), [&](size_t x, size_t y) {
        return std::abs(slots_[x].width - width) < std::abs(slots_[y].width - width);
      });
      if (best == free.end()) {
        slot_of_[b] = static_cast<int>(slots_.size());
        slots_.push_back({buffer.space, width});
      } else {
        slot_of_[b] = static_cast<int>(*best);
        slots_[*best].width = std::max(slots_[*best].width, width);
        free.erase(best);
      }
    }
    for (uint32_t b = 0; b < program_.buffers.size(); ++b) {
      if (slot_of_[b] >= 0 && last[b] == i) idle[program_.buffers[b].space].insert(static_cast<size_t>(slot_of_[b]));
    }
  }
}

CppText CppProgram::shape_comment(const Buffer& buffer) const {
  std::vector<CppText> dims;
  if (buffer.space != kUniform) dims.push_back(rows_member(buffer.space));
  for (int64_t d : buffer.shape) dims.push_back(code("{}", d));
  return code("[{}]", joined(dims, ", "));
}

CppText CppProgram::place_text(SourceRange range) const {
  if (!range.valid()) return "";
  const SourceFile& file = sources_.file(range.file);
  std::string text = file.text().substr(range.begin, range.end - range.begin);
  if (const size_t end = text.find_first_of("\r\n"); end != std::string::npos) text = text.substr(0, end) + " ...";
  if (text.size() > 80) text = text.substr(0, 77) + "...";
  std::string path = file.path();
  if (const size_t slash = path.rfind('/'); slash != std::string::npos) path = path.substr(slash + 1);
  return code("{}:{}: {}", comment(path), file.locate(range.begin).line, comment(text));
}

// ---- text

CppText CppProgram::rows_struct() const {
  CppText out =
      "// The rows of a batch: its examples and the positions of their sequences, packed without padding.\nstruct Rows "
      "{\n";
  for (SpaceId id : spaces_) {
    const types::Space& space = program_.spaces[id];
    const CppText what =
        space.parent == kUniform ? "one for each example"
        : space.copies ? code("the positions of `{}` for each of {}", comment(space.dim), rows_member(space.parent))
        : space.fixed  ? code("{} for each of {}", space.fixed->value(), rows_member(space.parent))
                       : code("the positions of `{}` of all {}", comment(space.dim), rows_member(space.parent));
    out += code("  runtime::SpaceView {};  // {}\n", rows_member(id), what);
  }
  return out + "};\n";
}

CppText CppProgram::buffers_struct() const {
  CppText out =
      "// What the steps read and write; rows of `float` or `int32_t`, in the order of Rows.\nstruct Buffers {\n";
  for (uint32_t b = 0; b < program_.buffers.size(); ++b) {
    const Buffer& buffer = program_.buffers[b];
    const bool input = buffer.kind == Buffer::Kind::input && buffer.view_of == kNone;
    if ((!in_arena(b) && !input) || members_[b].empty()) continue;
    out += code("  {}{}* {} = nullptr;  // {}\n", input ? "const " : "", c_type(buffer.dtype), members_[b],
                shape_comment(buffer));
  }
  return out + "};\n";
}

CppText CppProgram::step_declarations() const {
  CppText out;
  for (const CppText& name : step_names_)
    out += code("void {}(const Weights& w, const Rows& rows, Buffers& b, void* workspace);\n", name);
  return out;
}

CppText CppProgram::call_tables(const Call& call) const {
  CppText out;
  const auto list = [&](const char* type, const char* name, const auto& values, auto text) {
    if (values.empty()) {
      out += code("  constexpr {}* {} = nullptr;\n", type, name);
      return;
    }
    std::vector<CppText> texts;
    for (const auto& value : values) texts.push_back(text(value));
    out += code("  {} {}[] = {{{}}};\n", type, name, joined(texts, ", "));
  };
  list("const int64_t", "ints", call.ints, [](int64_t x) { return code("{}", x); });
  list("const runtime::SpaceView* const", "spaces", call.spaces,
       [&](SpaceId id) { return id == kUniform ? CppText("&runtime::kOneRow") : "&rows." + rows_member(id); });
  return out;
}

namespace {

// y = x w^T: what runtime/core/deploy/linear.h computes.
bool is_linear(const Call& call) {
  return call.kernel == "matmul" && call.ints[3] == 1;
}

}  // namespace

std::optional<CppProgram::Panels> CppProgram::panels_of(size_t step) const {
  const auto* call = std::get_if<Call>(&program_.steps[step].work);
  if (!call) return std::nullopt;
  const auto weight = [&](int64_t operand) -> CppText {  // empty: it is computed in the step
    const Buffer& buffer = program_.buffers[storage(call->operands[static_cast<size_t>(operand)])];
    return buffer.kind == Buffer::Kind::param ? params_.at(buffer.name) : "";
  };
  if (is_linear(*call)) {
    if (call->ints[1] < runtime::kLeastPackedOutputs || weight(1).empty()) return std::nullopt;
    const CppText shape = code("{{{}, {}}}", call->ints[1], call->ints[2]);
    return Panels{code("{}_panels_{}x{}", weight(1), call->ints[1], call->ints[2]),
                  "runtime::linear_panel_floats(" + shape + ")",
                  code("runtime::pack_linear(w.{}, {}, next);", weight(1), shape)};
  }
  if (call->kernel != "lstm_scan" && call->kernel != "gru_scan") return std::nullopt;
  const bool lstm = call->kernel == "lstm_scan";
  const int64_t hidden = call->ints[0], directions = call->ints[1];
  std::vector<CppText> weights;
  for (int64_t d = 0; d < directions; ++d) {
    weights.push_back("w." + weight((lstm ? 2 : 3) * d + 1));
    if (weights.back() == "w.") return std::nullopt;
  }
  const CppText shape = code("{}, {}, {}", hidden, directions, lstm ? 4 : 3);
  const CppText member = identifier(source_ + "_" + step_names_[step].str() + "_panels");
  return Panels{
      member, "runtime::kernels::gate_panels_floats(" + shape + ")",
      code("const float* const {0}_of[] = {{{1}}};\n    runtime::kernels::pack_gate_panels({0}_of, {2}, next);", member,
           joined(weights, ", "), shape)};
}

std::vector<CppProgram::Panels> CppProgram::panels() const {
  std::vector<Panels> all;
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    if (auto found = panels_of(i)) all.push_back(std::move(*found));
  }
  return all;
}

CppText CppProgram::call_body(size_t step) const {
  const Call& call = std::get<Call>(program_.steps[step].work);
  const auto packed = panels_of(step);
  if (is_linear(call)) {
    const CppText rows = call.spaces[0] == kUniform ? "1" : "rows." + rows_member(call.spaces[0]) + ".rows";
    const CppText count = call.ints[0] == 1 ? rows : rows + " * " + code("{}", call.ints[0]);
    return code("  runtime::linear{}({}, {}, {}, {}, {{{}, {}}});\n", packed ? "_packed" : "", count,
                expression(call.operands[0]), packed ? "w." + packed->member : expression(call.operands[1]),
                expression(call.operands[2]), call.ints[1], call.ints[2]);
  }
  CppText out = call_tables(call);
  std::vector<CppText> operands, floats;
  for (uint32_t operand : call.operands) operands.push_back("runtime::operand(" + expression(operand) + ")");
  for (float x : call.floats) floats.push_back(literal(x, types::DType::f32));
  out += code("  void* const operands[] = {{{}}};\n", joined(operands, ", "));
  if (!floats.empty()) out += code("  const float floats[] = {{{}}};\n", joined(floats, ", "));
  out += code("  runtime::kernels::{}{}({{operands, ints, {}, spaces, workspace, &runtime::kLastStep}}{});\n",
              own_name(call.kernel), packed ? "_packed" : "", floats.empty() ? "nullptr" : "floats",
              packed ? ", w." + packed->member : "");
  return out;
}

CppText CppProgram::constants() const {
  CppText out;
  for (uint32_t b = 0; b < program_.buffers.size(); ++b) {
    const Buffer& buffer = program_.buffers[b];
    if (buffer.kind != Buffer::Kind::constant || buffer.view_of != kNone) continue;
    std::vector<CppText> values;
    for (float x : buffer.values) values.push_back(literal(x, buffer.dtype));
    out += code("static const {} {}[] = {{{}}};\n\n", c_type(buffer.dtype), members_[b], joined(values, ", "));
  }
  return out;
}

// Loops are compiled for each level of instruction sets.
CppText CppProgram::definition(size_t step, const CppText& body, bool loop) const {
  const CppText place = place_text(program_.steps[step].range);
  return (place.empty() ? "" : "// " + place + "\n") +
         code("void {}(const Weights&{}, const Rows&{}, Buffers& b, void*{}) {{\n{}{}{}}}\n\n", step_names_[step],
              mentions(body, "w") ? " w" : "", mentions(body, "rows") ? " rows" : "",
              mentions(body, "workspace") ? " workspace" : "", loop ? "  runtime::at_level([&](auto) MTL_BODY {\n" : "",
              body, loop ? "  });\n" : "");
}

CppText CppProgram::step_definitions() const {
  CppText out = constants();
  const KernelNames names{[&](uint32_t b) { return expression(b); },
                          [&](SpaceId id) { return "rows." + rows_member(id); }};
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    const auto* kernel = std::get_if<LoopKernel>(&program_.steps[i].work);
    out += kernel ? definition(i, kernel_body(program_, *kernel, names), true) : definition(i, call_body(i), false);
  }
  return out;
}

// A loop takes its operands, its results and the keys of its random numbers, then the rows by number of their space.
CppText CppProgram::loop_call_body(const LoopKernel& kernel, const codegen::ObjectLoop& loop, size_t number) const {
  std::vector<CppText> buffers, spaces;
  for (const program::KernelOperand& operand : kernel.operands)
    buffers.push_back("runtime::operand(" + expression(operand.buffer) + ")");
  for (const program::KernelStore& store : kernel.stores)
    buffers.push_back("runtime::operand(" + expression(store.buffer) + ")");
  for (const Instr& instr : kernel.instrs) {
    if (instr.op == Instr::Op::random) buffers.push_back(code("runtime::key({}u)", instr.key));
  }
  std::vector<char> used(program_.spaces.size(), 0);
  for (SpaceId id : spaces_) used[id] = 1;
  for (SpaceId id = 0; id < program_.spaces.size(); ++id)
    spaces.push_back(id == kUniform ? "&runtime::kOneRow" : used[id] ? "&rows." + rows_member(id) : "nullptr");
  CppText end = "1";
  const SpaceId over = kernel.form == LoopKernel::Form::segment ? kernel.target : kernel.space;
  if (loop.units > 0) {
    end = code("{}", loop.units);
  } else if (over != kUniform) {
    end = "rows." + rows_member(over) + ".rows";
  }
  return code(
      "  void* const buffers[] = {{{}}};\n  const runtime::SpaceView* const spaces[] = {{{}}};\n"
      "  kLoops[kChoice][{}](buffers, spaces, 0, {}, &runtime::kLastStep);\n",
      joined(buffers, ", "), joined(spaces, ", "), number, end);
}

CppText CppProgram::object_step_definitions(const std::vector<codegen::ObjectLoop>& loops) const {
  CppText out = constants();
  size_t number = 0;
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    const auto* kernel = std::get_if<LoopKernel>(&program_.steps[i].work);
    out += definition(i, kernel ? loop_call_body(*kernel, loops[i], number++) : call_body(i), false);
  }
  return out;
}

CppText CppProgram::placement() const {
  CppText sizes = "  size_t floats = 0;\n", places = "  float* next = arena;\n";
  for (size_t s = 0; s < slots_.size(); ++s) {
    const CppText rows = slots_[s].space == kUniform ? "1" : "rows." + rows_member(slots_[s].space) + ".rows";
    sizes += code("  floats += runtime::padded_floats({} * {});\n", rows, slots_[s].width);
    places +=
        code("  float* const slot{} = next;\n  next += runtime::padded_floats({} * {});\n", s, rows, slots_[s].width);
  }
  for (uint32_t b = 0; b < program_.buffers.size(); ++b) {
    if (slot_of_[b] < 0) continue;
    const bool ids = program_.buffers[b].dtype == types::DType::i32;
    const CppText slot = "slot" + code("{}", slot_of_[b]);
    places += code("  b.{} = {};\n", members_[b], ids ? "reinterpret_cast<int32_t*>(" + slot + ")" : slot);
  }
  CppText work = "  size_t most = 0;\n";
  for (size_t i = 0; i < program_.steps.size(); ++i) {
    const auto* call = std::get_if<Call>(&program_.steps[i].work);
    if (!call || is_linear(*call)) continue;
    CppText tables = call_tables(*call);
    work += "  {\n" + tables +
            code("    most = std::max(most, runtime::kernels::{}_workspace({{ints, spaces, 1}}));\n  }}\n",
                 own_name(call->kernel));
  }
  return "size_t arena_floats(const Rows& rows) {\n  (void)rows;\n" + sizes + "  return floats;\n}\n\n" +
         "void place(const Rows& rows, float* arena, Buffers& b) {\n  (void)rows;\n" + places + "  (void)next;\n}\n\n" +
         "size_t workspace_bytes(const Rows& rows) {\n  (void)rows;\n" + work + "  return most;\n}\n";
}

}  // namespace mtl::aot
