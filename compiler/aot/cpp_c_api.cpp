// A plain C interface over the class, for other languages: handles, structs of numbers and pointers, return codes.
#include <fmt/format.h>

#include <set>

#include "compiler/aot/cpp_model.h"
#include "compiler/aot/cpp_names.h"

namespace mtl::aot {

using training::TargetKind;

namespace {

// A text of several levels has no plain C form; its source is left to the C++ interface.
bool has_c_form(const CppSource& source) {
  for (const CppColumn& column : source.columns) {
    if (column.field_type.starts_with("std::vector<std::vector")) return false;
  }
  return true;
}

CppText prefix(const CppModel& model) {
  return model.name + "_";
}

struct Field {
  CppText declaration, copy;
};

// A field of an example, and how it gets into the C++ one.
Field example_field(const CppColumn& column) {
  const CppText &type = column.field_type, &f = column.field;
  const CppText count = f + "_count";
  if (type == "double") return {code("double {};  /* NAN: no value */", f), code("out.{0} = in.{0};", f)};
  if (type == "bool") return {code("int {};", f), code("out.{0} = in.{0} != 0;", f)};
  if (type == "std::string")
    return {code("const char* {};  /* UTF-8 */", f), code("out.{0} = text(in.{0}, \"{0}\");", f)};
  if (type == "std::vector<std::string>")
    return {code("const char* const* {0};\n  size_t {1};", f, count),
            code("out.{0}.clear();\n  for (size_t i = 0; i < in.{1}; ++i) out.{0}.push_back(text(in.{0}[i], \"{0}\"));",
                 f, count)};
  if (type == "std::vector<double>")
    return {code("const double* {0};\n  size_t {1};", f, count),
            code("out.{0}.assign(in.{0}, in.{0} + in.{1});", f, count)};
  const CppText n = code("{}", column.plan->cells());
  if (type.starts_with("std::array<bool"))
    return {code("int {}[{}];", f, n), code("for (size_t i = 0; i < {1}; ++i) out.{0}[i] = in.{0}[i] != 0;", f, n)};
  if (type.contains("double"))
    return {code("double {}[{}];", f, n), code("std::copy_n(in.{0}, {1}, out.{0}.begin());", f, n)};
  return {code("const char* {}[{}];", f, n),
          code("for (size_t i = 0; i < {1}; ++i) out.{0}[i] = text(in.{0}[i], \"{0}\");", f, n)};
}

// A field of an answer, and how it is read from the C++ one, `in`, which the context keeps.
std::vector<Field> answer_fields(const CppTask& task) {
  std::vector<Field> out;
  const bool rows = task.info->per_position;
  const auto array = [&](const char* type, const char* name, int64_t n) {
    out.push_back({code("{} {}[{}];", type, name, n), code("std::copy_n(in.{0}.begin(), {1}, out.{0});", name, n)});
  };
  const auto pointer = [&](const char* type, const char* name, const CppText& shape) {
    out.push_back({code("const {}* {};  /* {} */", type, name, shape), code("out.{0} = in.{0}.data();", name)});
  };
  if (!task.has_target) {
    out.push_back({"size_t count;", "out.count = in.values.size();"});
    pointer("float", "values", "[count]");
    return out;
  }
  if (task.skips)
    out.push_back({"size_t skipped;  /* positions that were cut in front of those below */",
                   "out.skipped = static_cast<size_t>(in.skipped);"});
  if (task.has_ranges)
    out.push_back(
        {"const int64_t* offsets;  /* begin and end in the text, by position; NULL if it was not cut here */",
         "out.offsets = in.offsets.empty() ? nullptr : reinterpret_cast<const int64_t*>(in.offsets.data());"});
  switch (task.info->kind) {
    case TargetKind::label:
      if (rows) {
        out.push_back({"size_t count;  /* positions */", "out.count = in.labels.size();"});
        out.push_back({"const int32_t* labels;  /* [count] */",
                       "out.labels = reinterpret_cast<const int32_t*>(in.labels.data());"});
        if (task.has_distribution) pointer("float", "probability", fmt::format("[count, {}]", task.scores).c_str());
      } else {
        out.push_back({"int32_t label;", "out.label = static_cast<int32_t>(in.label);"});
        if (task.has_distribution) array("float", "probability", task.scores);
      }
      break;
    case TargetKind::labels:
      array("float", "probability", task.scores);
      break;
    case TargetKind::boolean:
      if (rows) {
        out.push_back({"size_t count;", "out.count = in.probability.size();"});
        pointer("float", "probability", "[count]");
      } else if (task.scores > 1) {
        array("int", "values", task.scores);
        array("float", "probability", task.scores);
      } else {
        out.push_back({"int value;", "out.value = in.value ? 1 : 0;"});
        out.push_back({"float probability;", "out.probability = in.probability;"});
      }
      break;
    case TargetKind::number:
      if (rows) {
        out.push_back({"size_t count;", "out.count = in.values.size();"});
        pointer("double", "values", "[count]");
      } else if (task.scores > 1) {
        array("double", "values", task.scores);
      } else {
        out.push_back({"double value;", "out.value = in.value;"});
      }
      return out;
  }
  if (!task.has_scores) return out;
  if (rows) {
    pointer("float", "scores", code("[count, {}]", task.scores));
  } else {
    array("float", "scores", task.scores);
  }
  return out;
}

CppText example_name(const CppModel& model, const CppSource& source) {
  return prefix(model) + source.name + "_example";
}
CppText answer_name(const CppModel& model, const CppTask& task) {
  return prefix(model) + task.name + "_answer";
}

}  // namespace

CppText c_header_text(const CppModel& model) {
  const CppText p = prefix(model);
  CppText out = code(
      "/* Model `{0}` for C and for languages that call C. Generated; {1}.h is the C++ interface.\n"
      " * Functions that return int give 0, or -1 and a text in {2}error(). Pointers in an answer hold until the next "
      "call on\n"
      " * the same context. One context is for one thread at a time; contexts share a model. */\n"
      "#pragma once\n#include <stddef.h>\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {{\n#endif\n\n"
      "typedef struct {2}model {2}model;\ntypedef struct {2}context {2}context;\n\n"
      "/* NULL, and a text in `error` (of `size` bytes, may be NULL), if the weights cannot be used. */\n"
      "{2}model* {2}open(const char* weights_path, char* error, size_t size);\n",
      comment(model.elaborated->name), model.name, p);
  if (model.embedded) out += code("{0}model* {0}open_embedded(char* error, size_t size);\n", p);
  out += code(
      "void {0}close({0}model* model);\n{0}context* {0}new_context(const {0}model* model); /* NULL: out of memory */\n"
      "void {0}free_context({0}context* context);\nconst char* {0}error(const {0}context* context);\n"
      "const char* {0}fingerprint(void); /* which program this is, as {1}.json has it */\n",
      p, model.name);
  for (const CppSource& source : model.sources) {
    if (!has_c_form(source)) continue;
    out += code("\n/* One example of source `{}`. */\ntypedef struct {} {{\n", comment(source.spec->name),
                example_name(model, source));
    std::set<CppText> said;
    for (const CppColumn& column : source.columns) {
      if (!said.insert(column.field).second) continue;
      out += "  /* " + comment(declaration(model, *column.plan->spec)) + " */\n  " + example_field(column).declaration +
             "\n";
    }
    out += code("}} {};\n", example_name(model, source));
    for (const CppTask& task : source.tasks) {
      const CppText answer = answer_name(model, task), example = example_name(model, source);
      out += code("\ntypedef struct {} {{\n", answer);
      for (const Field& field : answer_fields(task)) out += "  " + field.declaration + "\n";
      out += code("}} {0};\nint {1}{2}({1}context* context, const {3}* example, {0}* answer);\n", answer, p, task.name,
                  example);
      if (source.from_line)
        out += code("int {0}{1}_of_text({0}context* context, const char* line, {2}* answer);\n", p, task.name, answer);
      if (!task.classes.empty())
        out += code("enum {{ {0}{1}_classes = {2} }};\nconst char* {0}{1}_class(int32_t label); /* NULL: none */\n", p,
                    task.name, task.classes.size());
    }
  }
  return out + "\n#ifdef __cplusplus\n}\n#endif\n";
}

CppText c_source_text(const CppModel& model) {
  const CppText p = prefix(model), n = model.name;
  CppText members, helpers, body;
  for (const CppSource& source : model.sources) {
    if (!has_c_form(source)) continue;
    members += code("  {}::{} {}_example;\n", n, source.example, source.name);
    helpers += code("void read(const {}& in, {}::{}& out) {{\n", example_name(model, source), n, source.example);
    std::set<CppText> said;
    for (const CppColumn& column : source.columns) {
      if (said.insert(column.field).second) helpers += "  " + example_field(column).copy + "\n";
    }
    helpers += "}\n\n";
    for (const CppTask& task : source.tasks) {
      const CppText answer = answer_name(model, task);
      members += code("  {}::{} {}_answer;\n", n, task.answer, task.name);
      helpers += code("void give(const {}::{}& in, {}& out) {{\n", n, task.answer, answer);
      for (const Field& field : answer_fields(task)) helpers += "  " + field.copy + "\n";
      helpers += "}\n\n";
      const CppText call = code(
          "    context->context.{1}(&context->{0}_example, 1, &context->{1}_answer);\n    give(context->{1}_answer, "
          "*answer);\n",
          source.name, task.name);
      body += code(
          "int {0}{1}({0}context* context, const {2}* example, {3}* answer) {{\n  return guarded(*context, [&] {{\n    "
          "read(*example, context->{4}_example);\n{5}  }});\n}}\n\n",
          p, task.name, example_name(model, source), answer, source.name, call);
      if (source.from_line)
        body += code(
            "int {0}{1}_of_text({0}context* context, const char* line, {2}* answer) {{\n  return guarded(*context, [&] "
            "{{\n    context->{3}_example = {5}::{6}::from_text(text(line, \"line\"));\n{4}  }});\n}}\n\n",
            p, task.name, answer, source.name, call, n, source.example);
      if (!task.classes.empty())
        body += code(
            "const char* {0}{1}_class(int32_t label) {{\n  return label < 0 ? nullptr : "
            "{2}::name(static_cast<{2}::{3}>(label)).data();\n}}\n\n",
            p, task.name, n, task.label);
    }
  }
  CppText out = code(
      "// {0}_c.h over {0}.h. No exception leaves it. Generated.\n#include \"{0}/{0}_c.h\"\n\n#include "
      "<algorithm>\n#include <cstdio>\n#include <exception>\n#include <new>\n#include <string>\n\n#include "
      "\"{0}/{0}.h\"\n\n"
      "struct {1}model {{\n  {0}::Model model;\n}};\n\nstruct {1}context {{\n  explicit {1}context(const {0}::Model& "
      "model) : context(model) {{}}\n  {0}::Context context;\n  std::string error;\n{2}}};\n\n"
      "namespace {{\n\n[[maybe_unused]] const char* text(const char* given, const char* field) {{\n  if (given == "
      "nullptr) throw "
      "{0}::InputError(std::string(field) + \" is NULL\");\n  return given;\n}}\n\n"
      "template <class Body>\nint guarded({1}context& context, Body body) {{\n  try {{\n    body();\n    return 0;\n  "
      "}} catch (const std::exception& error) {{\n    try {{\n      context.error = error.what();\n    }} catch (...) "
      "{{\n"
      "      context.error.clear();\n    }}\n    return -1;\n  }}\n}}\n\n"
      "template <class... Weights>\n{1}model* opened(char* error, size_t size, Weights... weights) {{\n  try {{\n    "
      "return new {1}model{{{0}::Model(weights...)}};\n  }} catch (const std::exception& why) {{\n"
      "    if (error != nullptr && size > 0) std::snprintf(error, size, \"%s\", why.what());\n    return nullptr;\n  "
      "}}\n}}\n\n",
      n, p, members);
  out += helpers + "}  // namespace\n\nextern \"C\" {\n\n";
  out += code(
      "{0}model* {0}open(const char* weights_path, char* error, size_t size) {{\n  return opened(error, size, "
      "std::string(weights_path == nullptr ? \"\" : weights_path));\n}}\n\n",
      p);
  if (model.embedded)
    out += code("{0}model* {0}open_embedded(char* error, size_t size) {{\n  return opened(error, size);\n}}\n\n", p);
  out += code(
      "void {0}close({0}model* model) {{\n  delete model;\n}}\n\n{0}context* {0}new_context(const {0}model* model) "
      "{{\n  try {{\n    return new {0}context(model->model);\n  }} catch (const std::exception&) {{\n    return "
      "nullptr;\n  }}\n}}\n\n"
      "void {0}free_context({0}context* context) {{\n  delete context;\n}}\n\nconst char* {0}error(const {0}context* "
      "context) {{\n  return context->error.c_str();\n}}\n\n"
      "const char* {0}fingerprint(void) {{\n  return {1}::Model::fingerprint();\n}}\n\n",
      p, n);
  return out + body + "}  // extern \"C\"\n";
}

}  // namespace mtl::aot
