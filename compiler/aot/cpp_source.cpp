// The class behind the header: what a weights file has to hold, the tasks' parts, and the methods.
#include <fmt/format.h>

#include <set>

#include "compiler/aot/cpp_class.h"
#include "compiler/aot/cpp_names.h"
#include "compiler/aot/cpp_text.h"

namespace mtl::aot {

namespace {

CppText tables(const CppModel& model) {
  CppText sections, out;
  for (const CppWeight& w : model.weights)
    sections += code("    {{{}, runtime::deploy::SectionSpec::Kind::{}, {}}},\n", string_literal(w.path),
                     model.frozen.count(w.path) ? "computed" : "numbers", w.size);
  for (const auto& v : model.vocabularies)
    sections +=
        code("    {{{}, runtime::deploy::SectionSpec::Kind::vocabulary, {}}},\n", string_literal(v.key), v.set->size());
  for (const CppSource& source : model.sources) {
    out += column_tables(model, source);
    for (const CppTask& task : source.tasks) {
      if (task.classes.empty()) continue;
      std::vector<CppText> names;
      for (const std::string& name : task.classes) names.push_back(string_literal(name));
      out += code("constexpr std::string_view k{}Names[] = {{{}}};\n", task.label, joined(names, ", "));
    }
  }
  return code(
             "// What a weights file has to hold.\nconstexpr runtime::deploy::SectionSpec kSections[] = {{\n{}}};\n"
             "// Of the program below: weights of another one are refused.\nconstexpr uint64_t kFingerprint = "
             "{:#x};\n\n",
             sections, model.fingerprint) +
         out;
}

// Weights in the order in which the steps stream them.
CppText packing_text(const CppModel& model) {
  CppText sizes, packs;
  for (const CppProgram::Panels& p : panels_of(model)) {
    sizes += (sizes.empty() ? "" : " +\n                    ") + p.floats;
    packs += code("    {0}\n    w.{1} = next;\n    next += {2};\n", p.pack, p.member, p.floats);
  }
  if (packs.empty()) return "";
  return "    panels.reserve((" + sizes +
         ") * sizeof(float));\n    float* next = static_cast<float*>(panels.data());\n" + packs;
}

CppText weights_text(const CppModel& model) {
  CppText out = code("    runtime::deploy::check_cpu(\"{}\");\n", model.name);
  if (!model.cpus.empty())
    out += code("    if (!internal::processor_suits()) runtime::deploy::refuse_cpu(\"{}\", \"{}\");\n", model.name,
                joined(model.cpus, ", "));
  for (size_t i = 0; i < model.weights.size(); ++i)
    out += code("    w.{} = file.numbers({});\n", model.weights[i].member, i);
  return out + packing_text(model);
}

CppText name_functions(const CppModel& model) {
  constexpr const char* kForm = R"(
std::string_view name(@label@ label) {
  const auto i = static_cast<size_t>(label);
  return i < @count@ ? k@label@Names[i] : std::string_view();
}

)";
  CppText out;
  for (const CppSource& source : model.sources) {
    for (const CppTask& task : source.tasks) {
      if (!task.label.empty()) out += fill(kForm, {{"label", task.label}, {"count", code("{}", task.classes.size())}});
    }
  }
  return out;
}

CppText from_text_functions(const CppModel& model) {
  constexpr const char* kText = R"(
@example@ @example@::from_text(std::string_view line) {
  @example@ example;
  example.@field@ = std::string(line);
  return example;
}

)";
  constexpr const char* kWords = R"(
@example@ @example@::from_text(std::string_view line) {
  @example@ example;
  std::vector<std::string_view> words;
  runtime::@cut@(line, words);
  example.@field@.assign(words.begin(), words.end());
@ranges@  return example;
}

)";
  CppText out;
  for (const CppSource& source : model.sources) {
    if (!source.from_line) continue;
    const CppColumn& column = source.columns.front();
    out += fill(column.field_type == "std::string" ? kText : kWords,
                {{"example", source.example},
                 {"field", column.field},
                 {"ranges",
                  column.ranges.empty() ? "" : "  runtime::find_pieces(line, words, example." + column.ranges + ");\n"},
                 {"cut", source.from_characters ? "split_line_characters" : "split_words"}});
  }
  return out;
}

CppText method(const CppSource& source, const CppText& name, const CppText& needs_name, const CppText& answer,
               const CppText& example) {
  constexpr const char* kForm = R"(
void Context::@name@(const @example@* examples, size_t count, @answer@* answers) {
  in_batches(state_->@source@, @needs@, examples, count, answers, run_@name@);
}
@answer@ Context::@name@(const @example@& example) {
  @answer@ answer;
  @name@(&example, 1, &answer);
  return answer;
}
)";
  return fill(
      kForm,
      {{"name", name}, {"example", example}, {"answer", answer}, {"source", source.name}, {"needs", needs_name}});
}

CppText methods(const CppSource& source) {
  CppText out;
  for (const CppText& example : {source.example, source.ids}) {
    if (example.empty()) continue;
    for (const CppTask& task : source.tasks) out += method(source, task.name, task.needs_name, task.answer, example);
    if (source.tasks.size() > 1) out += method(source, source.all, source.all_needs_name, source.answers, example);
  }
  return out;
}

constexpr const char* kFile = R"(
// The class behind @name@.h. Generated.
#include "@name@/@name@.h"

#include <algorithm>
#include <iterator>

#include "@name@/@name@_steps.h"
#include "runtime/core/deploy/check_cpu.h"
#include "runtime/core/deploy/columns.h"
#include "runtime/core/deploy/memory.h"
#include "runtime/core/deploy/rows.h"
#include "runtime/core/deploy/spans.h"
#include "runtime/core/deploy/weights_file.h"
#include "runtime/core/kernels/packed.h"
#include "runtime/core/text.h"

namespace @name@ {

namespace {

@tables@
// Examples of one run of the steps.
constexpr size_t kBatch = 32;

@parts@template <class Batch, class Example, class Answer>
void in_batches(Batch& batch, const bool* needed, const Example* examples, size_t count, Answer* answers,
                void (*run)(Batch&)) {
  for (size_t begin = 0; begin < count; begin += kBatch) {
    const size_t size = std::min(kBatch, count - begin);
    batch.clear();
    for (size_t i = 0; i < size; ++i) batch.add(examples[begin + i], needed);
    batch.bind(size, needed);
    run(batch);
    for (size_t i = 0; i < size; ++i) take(batch, i, answers[begin + i]);
  }
}

}  // namespace

@names@@from_text@struct Model::State {
  explicit State(runtime::deploy::WeightsFile opened) : file(std::move(opened)) {
    [[maybe_unused]] internal::Weights& w = weights;
@weights@  }
  runtime::deploy::WeightsFile file;
  internal::Weights weights;
  runtime::deploy::Memory panels;  // weights, packed once
};

Model::Model(const std::string& path, Loading loading)
    : state_(std::make_unique<State>(
          runtime::deploy::WeightsFile::open(path.c_str(), loading, kFingerprint, kSections, std::size(kSections)))) {}
Model::Model(const void* weights, size_t size)
    : state_(std::make_unique<State>(
          runtime::deploy::WeightsFile::view(weights, size, kFingerprint, kSections, std::size(kSections)))) {}
Model::~Model() = default;

struct Context::State {
  explicit State(const Model::State& model) @inits@ {}
@members@};

Context::Context(const Model& model) : state_(std::make_unique<State>(*model.state_)) {}
Context::~Context() = default;

@methods@
}  // namespace @name@
)";

}  // namespace

CppText source_text(const CppModel& model) {
  CppText parts, members, inits, calls;
  for (const CppSource& source : model.sources) {
    parts += batch_struct(model, source) + "\n" + answer_functions(source);
    members += code("  {} {};\n", source.batch, source.name);
    inits += code("{} {}(model.weights, model.file)", inits.empty() ? ":" : ",", source.name);
    calls += methods(source);
  }
  return fill(kFile, {{"name", model.name},
                      {"tables", tables(model)},
                      {"parts", parts},
                      {"names", name_functions(model)},
                      {"from_text", from_text_functions(model)},
                      {"weights", weights_text(model)},
                      {"inits", inits},
                      {"members", members},
                      {"methods", calls}});
}

std::vector<CppProgram::Panels> panels_of(const CppModel& model) {
  std::vector<CppProgram::Panels> all;
  std::set<CppText> members;
  for (const CppSource& source : model.sources) {
    for (CppProgram::Panels& panels : source.steps->panels()) {
      if (members.insert(panels.member).second) all.push_back(std::move(panels));
    }
  }
  return all;
}

}  // namespace mtl::aot
