// The public header of a package: what its user reads first.
#include <fmt/format.h>

#include "compiler/aot/cpp_model.h"
#include "compiler/aot/cpp_names.h"
#include "support/base/text.h"

namespace mtl::aot {

using training::TargetKind;

namespace {

// A name that a user wrote, for a comment.
CppText in_comment(const std::string& name) {
  return code("\"{}\"", comment(name));
}

// "a, b, ... and 4 more" of names that a user wrote, for a comment.
CppText listed(const std::vector<std::string>& names) {
  CppText out;
  for (size_t i = 0; i < names.size() && i < 4; ++i) out += (i ? ", " : "") + in_comment(names[i]);
  return names.size() > 4 ? out + code(", ... ({})", names.size()) : out;
}

CppText label_enum(const CppTask& task) {
  CppText out =
      code("// Classes of `{}`: {}.\nenum class {} : int32_t {{\n", task.name, listed(task.classes), task.label);
  for (size_t i = 0; i < task.enumerators.size(); ++i) {
    out += code("  {} = {},", task.enumerators[i], i);
    out += task.enumerators[i].str() == task.classes[i] ? "\n" : "  // " + in_comment(task.classes[i]) + "\n";
  }
  out += "};\n";
  out += code(
      "inline constexpr int k{0}Count = {1};\n// The name of a class as the data has it.\nstd::string_view name({0} "
      "label);\n",
      task.label, task.classes.size());
  return out;
}

const char* number_comment(const CppTask& task) {
  return task.column ? "in the data's own unit" : "the head";
}

CppText answer_struct(const CppTask& task) {
  const elaborate::TaskInfo& info = *task.info;
  const bool rows = info.per_position;
  const CppText dim = comment(info.target_dim);
  CppText out = code("// What `{}` says about one example.\nstruct {} {{\n", comment(info.name), task.answer);
  const auto field = [&](const CppText& type, const CppText& name, const CppText& comment) {
    out += code("  {} {};{}\n", type, name, comment.empty() ? "" : "  // " + comment);
  };
  const auto many = [&](const char* type, int64_t n) { return code("std::array<{}, {}>", type, n); };
  if (!task.has_target) {
    field("std::vector<float>", "values", code("the head, rows of {}", task.scores));
    return out + "};\n";
  }
  if (task.skips) field("int64_t", "skipped = 0", "positions that `limit` cut in front of those below");
  if (task.has_ranges)
    field("std::vector<TextRange>", "offsets", "by position: its place in the text; empty if it was not cut here");
  switch (info.kind) {
    case TargetKind::label:
      if (rows) {
        field("std::vector<" + task.label + ">", "labels", "one for each position of " + dim);
        if (task.spans) field("std::vector<Span>", "spans", "what the labels mark");
        if (task.has_distribution)
          field("std::vector<float>", "probability", code("[{}, {}], row by row: by class", dim, task.scores));
      } else {
        field(task.label, "label{}", "");
        if (task.has_distribution) field(many("float", task.scores), "probability{}", "by class");
      }
      break;
    case TargetKind::labels:
      field("std::vector<" + task.label + ">", "labels", "those with a probability of at least one half");
      field(many("float", task.scores), "probability{}", "by class");
      break;
    case TargetKind::boolean:
      if (rows || task.scores > 1) {
        const CppText shape = rows && task.scores > 1 ? code(" [{}, {}], row by row", dim, task.scores) : "";
        field(rows ? "std::vector<bool>" : many("bool", task.scores), rows ? "values" : "values{}",
              "probability >= 0.5" + (shape.empty() ? "" : ";" + shape));
        field(rows ? "std::vector<float>" : many("float", task.scores), rows ? "probability" : "probability{}", "");
      } else {
        field("bool", "value = false", "probability >= 0.5");
        field("float", "probability = 0", "");
      }
      break;
    case TargetKind::number:
      if (rows || task.scores > 1) {
        field(rows ? "std::vector<double>" : many("double", task.scores), rows ? "values" : "values{}",
              number_comment(task));
      } else {
        field("double", "value = 0", number_comment(task));
      }
      break;
  }
  if (task.has_scores && !(info.kind == TargetKind::number)) {
    if (rows) {
      field("std::vector<float>", "scores",
            code("[{}, {}], row by row: the head, before the loss's own function", dim, task.scores));
    } else {
      field(many("float", task.scores), "scores{}", "the head, before the loss's own function");
    }
  }
  return out + "};\n";
}

// Describes the value of a field. The lines above it describe how the program reads that value from a file.
CppText field_comment(const CppColumn& column) {
  const data::ColumnSpec& spec = *column.plan->spec;
  const CppText shape = comment(join(spec.ragged));
  switch (spec.kind) {
    case data::ValueKind::token:
      if (column.plan->base_levels > 0) return "tokens: [" + shape + "]";
      return spec.ragged.empty() ? "one token; one that training did not have counts as unknown"
                                 : "a text, which is parted here as in training: [" + shape + "]";
    case data::ValueKind::category:
      if (column.plan->is_bins) return "a number, as in the data";
      if (column.plan->spec->binding.cross) return "the values that are joined, in the order of `cross`";
      return "a value of the column; one that training did not have counts as unknown";
    case data::ValueKind::boolean:
      return "";
    default:
      return "as in the data; NaN where there is no value";
  }
}

CppText default_of(const CppColumn& column) {
  if (column.field_type == "double") return " = std::numeric_limits<double>::quiet_NaN()";
  if (column.field_type == "bool") return " = false";
  const bool numbers = column.field_type.starts_with("std::array<double");
  return numbers || column.field_type.starts_with("std::array<bool") ? "{}" : "";
}

// The declarations of the columns that are read from a field, and the names that the elements of an array have.
CppText origin_lines(const CppModel& model, const CppSource& source, const CppColumn& field) {
  constexpr size_t kMostNames = 24;
  CppText out;
  for (const CppColumn& column : source.columns)
    if (column.field == field.field) out += "  // " + comment(declaration(model, *column.plan->spec)) + "\n";
  const std::vector<std::string>& names = field.plan->spec->binding.names;
  if (!field.field_type.starts_with("std::array") || names.empty()) return out;
  CppText line = "  //  ";
  for (size_t i = 0; i < std::min(names.size(), kMostNames); ++i) line += code(" [{}] {}", i, in_comment(names[i]));
  return out + line + (names.size() > kMostNames ? ", all in " + model.name + ".json" : "") + "\n";
}

CppText example_structs(const CppModel& model, const CppSource& source) {
  CppText out = code("// One example of source `{}`.\nstruct {} {{\n", comment(source.spec->name), source.example);
  std::set<CppText> said;
  for (const CppColumn& column : source.columns) {
    if (!said.insert(column.field).second) continue;
    const CppText comment = field_comment(column);
    out += origin_lines(model, source, column);
    out += code("  {} {}{};{}\n", column.field_type, column.field, default_of(column),
                comment.empty() ? "" : "  // " + comment);
  }
  said.clear();
  for (const CppColumn& column : source.columns) {
    if (!column.ranges.empty() && said.insert(column.ranges).second)
      out += code("  std::vector<TextRange> {}{{}};  // of from_text: where {} stand in the line\n", column.ranges,
                  column.field);
  }
  if (source.from_line) {
    out += code("\n  // A line of text, cut into {} as `mtlc predict` cuts it.\n",
                source.from_characters ? "characters" : "words");
    out += code("  static {} from_text(std::string_view line);\n", source.example);
  }
  out += "};\n";
  if (source.ids.empty()) return out;
  out += code("\n// The same with ids of the vocabularies instead of texts.\nstruct {} {{\n", source.ids);
  said.clear();
  for (const CppColumn& column : source.columns) {
    if (!column.ids_type.empty()) {
      out += code("  {} {};  // from 0, below the size of the vocabulary\n", column.ids_type, column.name);
      if (!column.lengths.empty())
        out += code("  std::vector<int32_t> {};  // how many belong to each position\n", column.lengths);
    } else if (said.insert(column.field).second) {
      out += code("  {} {}{};\n", column.field_type, column.field, default_of(column));
    }
  }
  return out + "};\n";
}

CppText answers_struct(const CppSource& source) {
  CppText out = code("// What all tasks of `{}` say about one example.\nstruct {} {{\n", comment(source.spec->name),
                     source.answers);
  for (const CppTask& task : source.tasks) out += code("  {} {};\n", task.answer, task.name);
  return out + "};\n";
}

CppText methods(const CppSource& source) {
  CppText out;
  const auto forms = [&](const CppText& method, const CppText& answer) {
    for (const CppText& example : {source.example, source.ids}) {
      if (example.empty()) continue;
      out += code("  {0} {1}(const {2}& example);\n  void {1}(const {2}* examples, size_t count, {0}* answers);\n",
                  answer, method, example);
    }
  };
  for (const CppTask& task : source.tasks) forms(task.name, task.answer);
  if (source.tasks.size() > 1) {
    out += code("  // All tasks of `{}`; what they share is computed once.\n", comment(source.spec->name));
    forms(source.all, source.answers);
  }
  return out;
}

}  // namespace

std::string declaration(const CppModel& model, const data::ColumnSpec& column) {
  if (!column.range.valid()) return column.name;
  const std::string_view text = std::string_view(model.map->file(column.range.file).text())
                                    .substr(column.range.begin, column.range.end - column.range.begin);
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\n' || c == '\r' || c == '\t';
    if (!blank || (!out.empty() && out.back() != ' ')) out += blank ? ' ' : c;
  }
  return out;
}

CppText header_text(const CppModel& model) {
  bool spans = false, ranges = false;
  for (const CppSource& source : model.sources) {
    for (const CppTask& task : source.tasks) {
      spans = spans || task.spans.has_value();
      ranges = ranges || task.has_ranges;
    }
  }
  const CppText& n = model.name;
  CppText out = code(
      "// Model `{0}`, compiled by mtlc. Generated: edit the .mtl file instead.\n//\n"
      "//   const {1}::Model model(\"{1}.weights\");   // once; shared by all threads\n"
      "//   {1}::Context context(model);             // one for each thread\n//\n"
      "// A Context keeps the memory that its calls work in: after calls as large nothing is allocated, and no call "
      "waits\n"
      "// for another one. Examples and answers are plain values. Wrong input throws InputError, which names the "
      "column;\n"
      "// a weights file that is damaged or of another model throws LoadError, and so does an MTLC_CPU in the "
      "environment\n// that asks for what this machine or this library lacks.\n"
      "#pragma once\n#if __cplusplus < 201703L && (!defined(_MSVC_LANG) || _MSVC_LANG < 201703L)\n"
      "#error \"this library needs C++17: set CMAKE_CXX_STANDARD to 17, or -std=c++17\"\n#endif\n#include "
      "<array>\n#include <cstddef>\n#include <cstdint>\n#include <limits>\n#include <memory>\n"
      "#include <string>\n#include <string_view>\n#include <vector>\n\n#include "
      "\"runtime/core/deploy/errors.h\"\n#include "
      "\"runtime/core/text_range.h\"\n\n"
      "namespace {1} {{\n\nusing runtime::deploy::InputError;\nusing runtime::deploy::LoadError;\nusing "
      "runtime::deploy::Loading;\n",
      comment(model.elaborated->name), n);
  out += ranges
             ? "// A part of a text, [begin, end), in characters: Unicode code points.\nusing runtime::TextRange;\n\n"
             : "\n";
  if (spans)
    out +=
        "// A stretch of positions, [begin, end), that tags such as B-x I-x mark.\nstruct Span {\n  int64_t begin = 0, "
        "end = 0;\n  std::string_view label;  // \"x\"\n" +
        CppText(ranges ? "  TextRange offsets{};     // in the text; empty if that was not cut here\n" : "") + "};\n\n";
  for (const CppSource& source : model.sources) {
    for (const CppTask& task : source.tasks) {
      if (!task.label.empty()) out += label_enum(task) + "\n";
    }
    out += example_structs(model, source) + "\n";
    for (const CppTask& task : source.tasks) out += answer_struct(task) + "\n";
    if (source.tasks.size() > 1) out += answers_struct(source) + "\n";
  }
  out +=
      "// The weights and vocabularies. Nothing in it changes once it is made.\nclass Model {\n public:\n"
      "  // A .weights file; throws LoadError. It is read into memory. `Loading::map` maps it: processes share the "
      "memory, and\n"
      "  // the file must not be overwritten in place while they run (see README.md).\n"
      "  explicit Model(const std::string& path, Loading loading = Loading::read);\n"
      "  Model(const void* weights, size_t size);        // its bytes, aligned to 64, which have to stay\n" +
      CppText(model.embedded
                  ? "  Model();                                        // the weights that the library carries\n"
                  : "") +
      "  ~Model();\n  Model(const Model&) = delete;\n  Model& operator=(const Model&) = delete;\n\n"
      "  // Which program this is, as " +
      n + ".json has it: weights of another one are refused. And what made it.\n" +
      code("  static constexpr const char* fingerprint() {{ return \"{:016x}\"; }}\n", model.fingerprint) +
      code("  static constexpr const char* compiler() {{ return \"{}\"; }}\n\n", kCompiler) +
      " private:\n  friend "
      "class Context;\n"
      "  struct State;\n  std::unique_ptr<State> state_;\n};\n\n"
      "// Answers for examples. One Context is for one thread at a time; any number may share a Model, which has to "
      "outlive\n// them.\n"
      "class Context {\n public:\n  explicit Context(const Model& model);\n  ~Context();\n  Context(const Context&) = "
      "delete;\n"
      "  Context& operator=(const Context&) = delete;\n\n";
  for (const CppSource& source : model.sources) out += methods(source) + "\n";
  out += " private:\n  struct State;\n  std::unique_ptr<State> state_;\n};\n\n}  // namespace " + n + "\n";
  return out;
}

}  // namespace mtl::aot
