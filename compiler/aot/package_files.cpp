// What stands around the sources of a package: how it is built, an example of its use, what is in it.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/aot/cpp_names.h"
#include "compiler/aot/cpp_text.h"
#include "compiler/aot/package.h"
#include "runtime/core/deploy/weights_file.h"
#include "runtime/training/labels.h"

namespace mtl::aot {

namespace {

CppText upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return identifier(text);
}

// The name of the package, and in capitals for variables of CMake.
CppText named(const char* form, const CppText& name) {
  return fill(form, {{"name", name}, {"NAME", upper(name.str())}});
}

constexpr const char* kCmakeHead = R"(# Model `@name@` as a library: link @name@::@name@. Made by mtlc.
cmake_minimum_required(VERSION 3.16)
project(@name@ VERSION 1.0.0 LANGUAGES CXX)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

if(CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  set(@NAME@_IS_TOP ON)
  if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE Release)
  endif()
else()
  set(@NAME@_IS_TOP OFF)
endif()
option(@NAME@_EXAMPLE "Build main.cpp, a small program that uses the library" ${@NAME@_IS_TOP})

)";

constexpr const char* kCmakeTail = R"(add_library(@name@::@name@ ALIAS @name@)
target_compile_features(@name@ PUBLIC cxx_std_17)
set_target_properties(@name@ PROPERTIES CXX_EXTENSIONS OFF POSITION_INDEPENDENT_CODE ON)
target_include_directories(@name@ PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
# Loops are to become vector code, whatever the rest of the project is built with; NaNs keep their meaning.
target_compile_options(@name@ PRIVATE -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -fopenmp-simd)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(@name@ PRIVATE -Wno-psabi)  # vectors pass between functions of this library alone
elseif(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  target_compile_options(@name@ PRIVATE -Wno-pass-failed)  # instrumented loops of a sanitizer are no vector code
endif()

if(@NAME@_EXAMPLE)
  add_executable(@name@_example main.cpp)
  target_link_libraries(@name@_example PRIVATE @name@::@name@)
endif()

install(TARGETS @name@ EXPORT @name@Targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES @name@/@name@.h @name@/@name@_c.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/@name@)
install(FILES @name@/runtime/core/deploy/errors.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/@name@/runtime/core/deploy)
install(FILES @name@/runtime/core/text_range.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/@name@/runtime/core)
install(FILES @name@.weights @name@.json DESTINATION ${CMAKE_INSTALL_DATADIR}/@name@)
install(EXPORT @name@Targets NAMESPACE @name@:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/@name@)
configure_package_config_file(cmake/@name@Config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/@name@Config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/@name@ PATH_VARS CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/@name@ConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/@name@Config.cmake ${CMAKE_CURRENT_BINARY_DIR}/@name@ConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/@name@)
)";

constexpr const char* kConfig =
    R"(# find_package(@name@): the target @name@::@name@, and @name@_WEIGHTS, the file that @name@::Model opens.
@PACKAGE_INIT@
include(${CMAKE_CURRENT_LIST_DIR}/@name@Targets.cmake)
set_and_check(@name@_WEIGHTS "@PACKAGE_CMAKE_INSTALL_DATADIR@/@name@/@name@.weights")
)";

}  // namespace

CppText cmake_text(const CppModel& model, const std::vector<CppText>& sources) {
  CppText out = named(kCmakeHead, model.name) + "add_library(" + model.name + " STATIC\n";
  out += "  " + joined(sources, "\n  ") + ")\n";
  for (const CppSource& source : model.sources) {
    for (const CppObject& object : source.objects)
      out += code("set_source_files_properties({}/{} PROPERTIES EXTERNAL_OBJECT ON)\n", model.name, object.file);
  }
  if (model.embedded) {
    out += named(
        "set_source_files_properties(@name@/@name@_embedded.cpp PROPERTIES\n"
        "  COMPILE_DEFINITIONS \"@NAME@_WEIGHTS=\\\"${CMAKE_CURRENT_SOURCE_DIR}/@name@.weights\\\"\"\n"
        "  OBJECT_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/@name@.weights)\n",
        model.name);
  }
  return out + named(kCmakeTail, model.name);
}

CppText cmake_config_text(const CppModel& model) {
  return named(kConfig, model.name);
}

// One answer as text on a line of its own.
static CppText print_statements(const CppTask& task, const CppText& answer) {
  const CppText head = code("  std::cout << {};\n", string_literal(task.info->name + ":"));
  CppText body;
  if (!task.has_target) {
    body = code("  for (float value : {}.values) std::cout << ' ' << value;\n", answer);
  } else {
    const bool rows = task.info->per_position;
    switch (task.info->kind) {
      case training::TargetKind::label:
      case training::TargetKind::labels:
        body = rows || task.info->kind == training::TargetKind::labels
                   ? code("  for (auto label : {}.labels) std::cout << ' ' << name(label);\n", answer)
                   : code("  std::cout << ' ' << name({}.label);\n", answer);
        break;
      case training::TargetKind::boolean:
        body = rows || task.scores > 1
                   ? code("  for (float p : {}.probability) std::cout << ' ' << p;\n", answer)
                   : code("  std::cout << ' ' << ({0}.value ? \"yes\" : \"no\") << \" (\" << {0}.probability << ')';\n",
                          answer);
        break;
      case training::TargetKind::number:
        body = rows || task.scores > 1 ? code("  for (double value : {}.values) std::cout << ' ' << value;\n", answer)
                                       : code("  std::cout << ' ' << {}.value;\n", answer);
        break;
    }
  }
  return head + body + "  std::cout << '\\n';\n";
}

CppText main_text(const CppModel& model) {
  const CppSource& source = model.sources.front();
  const CppText& n = model.name;
  const bool several = source.tasks.size() > 1;
  const CppText answer = several ? source.answers : source.tasks.front().answer;
  CppText out = code(
      "// How {0} is used. {1}\n#include <cstdlib>\n#include <exception>\n#include <iostream>\n#include "
      "<string>\n\n#include \"{0}/{0}.h\"\n\n"
      "static void print(const {0}::{2}& answer) {{\n",
      n,
      source.from_line ? "Reads a text on each line of standard input and prints what the model says."
                       : "Prints what the model says about one made-up example.",
      answer);
  for (const CppTask& task : source.tasks) out += print_statements(task, several ? "answer." + task.name : "answer");
  out += code(
      "}}\n\nint main(int argc, char** argv) try {{\n  const {0}::Model model({1});\n  {0}::Context context(model);\n",
      n, model.embedded ? "" : code("argc > 1 ? argv[1] : \"{}.weights\"", n));
  if (model.embedded) {
    out = replaced(out, "model();", "model;");
    out += "  (void)argc, (void)argv;\n";
  }
  const CppText method = several ? source.all : source.tasks.front().name;
  if (source.from_line) {
    out += code(
        "  for (std::string line; std::getline(std::cin, line);) {{\n{3}    try {{\n     "
        " print(context.{0}({1}::{2}::from_text(line)));\n"
        "    }} catch (const {1}::InputError& error) {{\n      std::cerr << error.what() << '\\n';\n    }}\n  }}\n",
        method, n, source.example, source.from_blank_line ? "" : "    if (line.empty()) continue;\n");
  } else {
    out += code("  {}::{} example;\n", n, source.example);
    std::set<CppText> said;
    for (const CppColumn& column : source.columns) {
      if (!said.insert(column.field).second) continue;
      const CppText& type = column.field_type;
      if (type == "double") out += code("  example.{} = 1.0;\n", column.field);
      if (type == "std::string") out += code("  example.{} = \"some text\";\n", column.field);
      if (type.starts_with("std::array<double")) out += code("  example.{}.fill(1.0);\n", column.field);
      if (type.starts_with("std::array<std::string")) out += code("  example.{}.fill(\"some text\");\n", column.field);
      if (type == "std::vector<std::string>") out += code("  example.{} = {{\"some\", \"text\"}};\n", column.field);
      if (type == "std::vector<double>") out += code("  example.{} = {{1.0, 2.0}};\n", column.field);
      const CppText list = "std::vector<std::string>";
      if (type.starts_with("std::vector<std::vector")) {
        CppText value = list + "{\"some\", \"text\"}";
        for (CppText outer = list; outer != type;) {
          outer = "std::vector<" + outer + ">";
          value = outer + "(1, " + value + ")";
        }
        out += code("  example.{} = {};\n", column.field, value);
      }
    }
    out += code("  print(context.{}(example));\n", method);
  }
  return out +
         "  return EXIT_SUCCESS;\n} catch (const std::exception& error) {\n  std::cerr << error.what() << '\\n';\n  "
         "return EXIT_FAILURE;\n}\n";
}

CppText embedded_text(const CppModel& model) {
  return named(R"(// The weights as part of the library: the assembler copies the file in.
#include <cstddef>

#include "@name@/@name@.h"

__asm__(
    ".section .rodata\n"
    ".balign 64\n"
    ".global @name@_embedded_begin\n"
    ".hidden @name@_embedded_begin\n"
    "@name@_embedded_begin:\n"
    ".incbin \"" @NAME@_WEIGHTS "\"\n"
    ".global @name@_embedded_end\n"
    ".hidden @name@_embedded_end\n"
    "@name@_embedded_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" {
extern const unsigned char @name@_embedded_begin[];
extern const unsigned char @name@_embedded_end[];
}

namespace @name@ {

Model::Model() : Model(@name@_embedded_begin, static_cast<size_t>(@name@_embedded_end - @name@_embedded_begin)) {}

}  // namespace @name@
)",
               model.name);
}

CppText readme_text(const CppModel& model) {
  const CppSource& source = model.sources.front();
  const CppTask& task = source.tasks.front();
  CppText out = named(
      "# @name@\n\nA trained multi-task model as a C++17 library. It needs a C++ compiler for x86-64 or another Linux "
      "machine, CMake, and nothing else.\n\n"
      "```cmake\nadd_subdirectory(@name@)              # or, where it is installed: find_package(@name@ REQUIRED)\n"
      "target_link_libraries(my_server PRIVATE @name@::@name@)\n```\n\n```cpp\n#include <@name@/@name@.h>\n\n",
      model.name);
  out += model.embedded ? code("const {0}::Model model;", model.name)
                        : code("const {0}::Model model(\"{0}.weights\");", model.name);
  out += code("  // once, for all threads\n{}::Context context(model);  // one for each thread\n", model.name);
  out += source.from_line ? code("auto answer = context.{}({}::{}::from_text(\"...\"));\n```\n\n", task.name,
                                 model.name, source.example)
                          : code("{}::{} example;  // fill its fields\nauto answer = context.{}(example);\n```\n\n",
                                 model.name, source.example, task.name);
  out += "| file | what |\n|---|---|\n";
  out += named(
      "| `@name@/@name@.h` | all there is to call: examples, answers, `Model`, `Context` |\n"
      "| `@name@/@name@_c.h` | the same for C and other languages |\n"
      "| `@name@/@name@.cpp` | texts to ids, batches, answers |\n| `@name@/@name@_steps.cpp` | the computation, step "
      "by step, each with its place in the .mtl file |\n"
      "| `@name@/runtime/` | kernels and encoding, the same as mtlc's own |\n| `@name@.weights` | parameters and "
      "vocabularies |\n"
      "| `@name@.json` | tasks, shapes, label sets, hashes |\n| `main.cpp` | a small program |\n\n",
      model.name);
  out += "| task | source | answer |\n|---|---|---|\n";
  for (const CppSource& s : model.sources) {
    for (const CppTask& t : s.tasks)
      out += code("| `{}` | `{}` | `{}`{} |\n", comment(t.info->name), comment(s.spec->name), t.answer,
                  t.classes.empty() ? "" : code(", {} classes", t.classes.size()));
  }
  out +=
      "\nA call with more examples at once is faster by example than calls with one. Calls throw `InputError` for what "
      "the model does not take; the\n"
      "constructor of `Model` throws `LoadError`. After calls as large, a call allocates nothing and takes no lock.\n\n"
      "GCC compiles vector code for several processors and chooses at run time; clang does so for one: give it "
      "`-march=x86-64-v3` or "
      "beyond. `MTLC_CPU=x86-64`, `x86-64-v3` or `x86-64-v4` in the environment caps what is chosen; a level that is "
      "not\nto be had is a `LoadError`.\n\n"
      "`Model(path)` reads the weights into memory, so what becomes of the file does not matter any more. `Model(path, "
      "Loading::map)` maps the\nfile: it opens at once, and processes share the memory; but a process dies of SIGBUS "
      "if the file is overwritten in place (`cp`) while it\nis mapped. Replace it by a rename: `cp new.weights "
      "tmp.weights && mv tmp.weights model.weights`.\n\n"
      "An input for which the scores are no numbers (NaN), as with numbers that overflow, is an `InputError`, too.\n";
  return out;
}

using Json = nlohmann::ordered_json;

// The names that a file has for what a column is read from, else the numbers of its columns.
static Json read_from(const data::Binding& binding) {
  return binding.names.empty() ? Json(binding.indices) : Json(binding.names);
}

static Json transforms_of(const data::ColumnSpec& column) {
  Json out = Json::array();
  for (const data::Transform& transform : column.transforms) {
    Json one = {{"name", data::transform_name(transform)}};
    if (!transform.text.empty()) one["text"] = transform.text;
    if (!transform.texts.empty()) one["texts"] = transform.texts;
    if (transform.count != 0) one["count"] = transform.count;
    out.push_back(std::move(one));
  }
  return out;
}

std::string manifest_text(const CppModel& model, const std::string& weights) {
  Json out;
  out["format"] = 1;
  out["name"] = model.name.str();
  out["model"] = model.elaborated->name;
  out["compiler"] = kCompiler;
  out["fingerprint"] = fmt::format("{:016x}", model.fingerprint);
  out["files"] = model.files;
  for (const CppText& cpu : model.cpus) out["compiled_for"].push_back(cpu.str());
  out["weights"] = {{"file", model.name.str() + ".weights"},
                    {"bytes", weights.size()},
                    {"checksum", fmt::format("{:016x}", runtime::deploy::weights_checksum(weights.data() + 24,
                                                                                          weights.size() - 24))}};
  out["tasks"] = Json::array();
  for (const CppSource& source : model.sources) {
    for (const CppTask& task : source.tasks) {
      Json t = {{"name", task.info->name},
                {"source", source.spec->name},
                {"method", task.name.str()},
                {"per_position", task.info->per_position},
                {"scores", task.scores}};
      if (!task.classes.empty()) t["classes"] = task.classes;
      if (training::has_columns(*task.info) && task.scores > 1) {
        const auto& columns = source.spec->columns;
        const auto target = std::find_if(columns.begin(), columns.end(), [&](const data::ColumnSpec& column) {
          return column.name == task.info->target;
        });
        t["columns"] = training::element_names(target == columns.end() ? nullptr : &*target, task.scores);
      }
      t["inputs"] = task.info->inputs;
      out["tasks"].push_back(std::move(t));
    }
  }
  out["sources"] = Json::array();
  for (const CppSource& source : model.sources) {
    Json columns = Json::array();
    for (const CppColumn& column : source.columns)
      columns.push_back({{"name", column.plan->spec->name},
                         {"kind", data::kind_name(column.plan->spec->kind)},
                         {"dimensions", column.plan->spec->ragged},
                         {"width", column.plan->width},
                         {"field", column.field.str()},
                         {"declaration", declaration(model, *column.plan->spec)},
                         {"read_from", read_from(column.plan->spec->binding)},
                         {"transforms", transforms_of(*column.plan->spec)}});
    out["sources"].push_back({{"name", source.spec->name}, {"missing", source.spec->missing}, {"columns", columns}});
  }
  out["parameters"] = Json::array();
  for (const CppWeight& weight : model.weights)
    out["parameters"].push_back({{"path", weight.path}, {"shape", weight.dims}});
  out["vocabularies"] = Json::array();
  for (const auto& vocabulary : model.vocabularies)
    out["vocabularies"].push_back({{"name", vocabulary.key}, {"size", vocabulary.set->size()}});
  return out.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace mtl::aot
