// The files of the steps: the weights by name, then for each source its rows, buffers and functions.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "compiler/aot/cpp_class.h"
#include "compiler/aot/cpp_model.h"
#include "compiler/aot/cpp_names.h"
#include "support/diag/kinds/model.h"

namespace mtl::aot {

CppText steps_header_text(const CppModel& model) {
  CppText out = code(
      "// The steps of model `{0}`, in the order in which {1}.cpp runs them. Generated; not for users of the package.\n"
      "#pragma once\n#include \"runtime/core/deploy/steps.h\"\n\nnamespace {1}::internal {{\n\n"
      "// Parameters by path, in PyTorch's layout; they point into the weights file.\nstruct Weights {{\n",
      comment(model.elaborated->name), model.name);
  for (const CppWeight& weight : model.weights)
    out += code("  const float* {} = nullptr;  // {} [{}]\n", weight.member, comment(weight.path),
                joined(weight.dims, ", "));
  for (const CppProgram::Panels& panels : panels_of(model))
    out += code("  const float* {} = nullptr;  // packed\n", panels.member);
  out += "};\n";
  if (!model.cpus.empty()) out += "\n// Whether the compiled loops can run here.\nbool processor_suits();\n";
  for (const CppSource& source : model.sources) {
    out +=
        code("\nnamespace {} {{\n\n{}\n{}\n", source.name, source.steps->rows_struct(), source.steps->buffers_struct());
    out +=
        "// How much memory a batch takes; where its buffers are in it; what the largest step needs besides.\n"
        "size_t arena_floats(const Rows& rows);\nvoid place(const Rows& rows, float* arena, Buffers& b);\nsize_t "
        "workspace_bytes(const Rows& rows);\n\n";
    out += source.steps->step_declarations() + "\n}  // namespace " + source.name + "\n";
  }
  return out + "\n}  // namespace " + model.name + "::internal\n";
}

namespace {

// "x86-64-v3" -> how far it goes beyond x86-64; -1: nothing that could be asked for at run time.
int level_of(std::string_view cpu) {
  if (cpu == "x86-64" || cpu == "x86-64-v2") return 0;
  if (cpu == "x86-64-v3") return 1;
  return cpu == "x86-64-v4" ? 2 : -1;
}

// The table of a source's loops: a row for each processor, and which row is taken.
CppText loop_table(const CppSource& source) {
  CppText declared, rows;
  for (const CppObject& object : source.objects) {
    std::set<std::string> said;
    rows += "    {";
    for (const codegen::ObjectLoop& loop : object.code.loops) {
      if (loop.symbol.empty()) continue;
      if (said.insert(loop.symbol).second)
        declared += code(
            "void {}(void* const* buffers, const runtime::SpaceView* const* spaces, int64_t begin, int64_t end, const "
            "runtime::StepScalars* step);\n",
            own_name(loop.symbol));
      rows += own_name(loop.symbol) + ", ";
    }
    rows += "},  // " + object.cpu + "\n";
  }
  size_t count = 0;
  for (const codegen::ObjectLoop& loop : source.objects.front().code.loops) count += !loop.symbol.empty();
  return code(
      "// Compiled by mtlc's LLVM: each runs over [begin, end) of its rows.\nextern \"C\" {{\n{}}}\n"
      "using Loop = void (*)(void* const*, const runtime::SpaceView* const*, int64_t, int64_t, const "
      "runtime::StepScalars*);\nstatic const Loop kLoops[{}][{}] = {{\n{}}};\n\n",
      declared, source.objects.size(), std::max<size_t>(count, 1), rows);
}

CppText choice_text(const CppModel& model) {
  CppText levels;
  for (const CppText& cpu : model.cpus) levels += code("{}, ", level_of(cpu.str()));
  return code(
      "// Which of the compiled loops run: the first that this processor has the instructions for.\n"
      "static const int kLevels[] = {{{0}}};\nstatic size_t choose() {{\n"
      "  const int level = static_cast<int>(runtime::cpu_level());\n  for (size_t i = 0; i < {1}; ++i) {{\n"
      "    if (kLevels[i] <= level) return i;\n  }}\n  return {1};\n}}\nstatic const size_t kFound = choose();\n"
      "static const size_t kChoice = kFound < {1} ? kFound : 0;\n\nbool processor_suits() {{\n  return kFound < "
      "{1};\n}}\n",
      levels, model.cpus.size());
}

}  // namespace

bool compile_objects(CppModel& model, std::vector<std::string> cpus, diag::Emitter& emitter) {
  if (cpus.empty()) cpus.push_back("native");
  std::stable_sort(cpus.begin(), cpus.end(),
                   [](const std::string& a, const std::string& b) { return level_of(a) > level_of(b); });
  for (const std::string& cpu : cpus) {
    if (cpus.size() == 1 || level_of(cpu) >= 0) continue;
    emitter.report(diag::NoChoiceOfCpu, cpu).help("of several, each is x86-64, x86-64-v2, x86-64-v3 or x86-64-v4");
    return false;
  }
  for (CppSource& source : model.sources) {
    for (const std::string& cpu : cpus) {
      const CppText stem = model.name + "_" + source.name + "_" + identifier(cpu);
      auto code = codegen::compile_object_file(*source.program, cpu, stem.str() + "_loop_");
      if (!code) {
        emitter.report(diag::NoTargetCpu, cpu).help("for example x86-64-v3, x86-64-v4, znver4 or native");
        return false;
      }
      source.objects.push_back({own_name(cpu), stem + ".o", std::move(*code)});
    }
  }
  for (const std::string& cpu : cpus) model.cpus.push_back(own_name(cpu));
  return true;
}

CppText steps_source_text(const CppModel& model) {
  const bool compiled = !model.cpus.empty();
  CppText out = code(
      "// The steps of model `{0}`: loops over rows, products, recurrences. Above each stands the place in the .mtl "
      "file "
      "that\n// it comes from. Generated.\n#include \"{1}/{1}_steps.h\"\n\n#include <algorithm>\n#include "
      "<cmath>\n#include <limits>\n\n#include \"runtime/core/kernels/all.h\"\n#include "
      "\"runtime/core/kernels/packed.h\"\n\nnamespace {1}::internal {{\n",
      comment(model.elaborated->name), model.name);
  if (compiled) out += "\n" + choice_text(model);
  for (const CppSource& source : model.sources) {
    const CppText steps =
        compiled ? loop_table(source) + source.steps->object_step_definitions(source.objects.front().code.loops)
                 : source.steps->step_definitions();
    out += code("\nnamespace {0} {{\n\n{1}{2}\n}}  // namespace {0}\n", source.name, steps, source.steps->placement());
  }
  return out + "\n}  // namespace " + model.name + "::internal\n";
}

}  // namespace mtl::aot
