// Writes the fields and calls of a package into the program that uses it.
#include "calls.h"

#include <fmt/format.h>

namespace mtl::aot_test {
namespace {

using nlohmann::json;

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// "two_corpora" to "TwoCorpora", as the header names its structs.
std::string camel_case(const std::string& text) {
  std::string out;
  bool start = true;
  for (const char c : text) {
    if (c != '_') out += start ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    start = c == '_';
  }
  return out;
}

struct Source {
  std::string package, name, header, c_header;
  std::vector<json> tasks;
  std::set<std::string> fields;

  std::string example() const { return package + "::" + camel_case(name) + "Example"; }
  std::string c_example() const { return package + "_" + name + "_example"; }
  // The fields of the C struct; empty if there is none.
  std::string c_fields() const {
    const size_t begin = c_header.find("struct " + c_example() + " {");
    return begin == std::string::npos ? "" : c_header.substr(begin, c_header.find('}', begin) - begin);
  }
  bool in_c() const { return !c_fields().empty(); }
};

// Record to example, example to the C one.
std::string conversions(const Source& s, bool lines) {
  std::string body, lent;
  for (const std::string& field : s.fields) {
    body += fmt::format("  if (record.count(\"{0}\") != 0) take(record.at(\"{0}\"), example.{0});\n", field);
    const bool counted = has(s.c_fields(), " " + field + "_count;");
    lent += counted ? fmt::format("  lend(from.{0}, to.{0}, to.{0}_count, keep);\n", field)
                    : fmt::format("  lend(from.{0}, to.{0});\n", field);
  }
  if (lines) body = fmt::format("  example = {}::from_text(record.at(\"\").at(0));\n", s.example());
  std::string out = fmt::format("{0} {1}_of(const Record& record) {{\n  {0} example{{}};\n{2}  return example;\n}}\n\n",
                                s.example(), s.name, body);
  if (s.in_c())
    out += fmt::format("{0} lent(const {1}& from, Keep& keep) {{\n  (void)keep;\n  {0} to;\n{2}  return to;\n}}\n\n",
                       s.c_example(), s.example(), lent);
  return out;
}

std::string task_call(const Source& s, const json& task) {
  const std::string method = task.at("method"), p = s.package + "_";
  const int width = task.at("scores");
  std::string c = "nullptr";
  if (s.in_c())
    c = fmt::format("through_c(c_context, c_examples, {0}{1}, {2}, {0}error, {3})", p, method,
                    has(s.c_header, " " + p + method + "_class(") ? p + method + "_class" : "nullptr", width);
  return fmt::format(
      "  {{\n    const auto answers = run_task(\n        examples,\n"
      "        [&](const {0}* e, size_t n, auto* out) {{ context.{1}(e, n, out); }},\n"
      "        [&](const {0}& e) {{ return context.{1}(e); }},\n        {2}, {3});\n"
      "    for (size_t i = 0; i < answers.size(); ++i) output[i][\"{4}\"] = answers[i];\n  }}\n",
      s.example(), method, c, width, task.at("name").get<std::string>());
}

std::string source_text(const Source& s, bool lines) {
  std::string out = conversions(s, lines);
  out += fmt::format(
      "void run_{0}(const std::vector<Record>& records, {1}::Context& context, {1}_context* c_context, Output& output) "
      "{{\n  (void)c_context;\n  std::vector<{2}> examples;\n  for (const Record& record : records) "
      "examples.push_back({0}_of(record));\n",
      s.name, s.package, s.example());
  if (s.in_c())
    out += fmt::format(
        "  Keep keep;\n  std::vector<{}> c_examples;\n  for (const auto& example : examples) "
        "c_examples.push_back(lent(example, keep));\n",
        s.c_example());
  std::string same;
  for (const json& task : s.tasks) {
    out += task_call(s, task);
    same +=
        fmt::format("    want_same_of_all(output[i].at(\"{}\"), all[i].{}, {});\n", task.at("name").get<std::string>(),
                    task.at("method").get<std::string>(), task.at("scores").get<int>());
  }
  const std::string method = has(s.header, " all_" + s.name + "(") ? "all_" + s.name : "all";
  if (has(s.header, fmt::format(" {}(const {}Example& example)", method, camel_case(s.name))))
    out += fmt::format(
        "  std::vector<decltype(context.{0}(examples[0]))> all(examples.size());\n  context.{0}(examples.data(), "
        "examples.size(), all.data());\n  for (size_t i = 0; i < all.size(); ++i) {{\n{1}  }}\n",
        method, same);
  return out + "}\n\n";
}

}  // namespace

std::string calls_text(const json& manifest, const std::string& header, const std::string& c_header, bool lines,
                       const std::set<std::string>& tasks) {
  const std::string package = manifest.at("name");
  std::string out = fmt::format(
      "#include \"answers.h\"\n\n#include <{0}/{0}.h>\n#include <{0}/{0}_c.h>\n\nnamespace {{\n\nusing namespace "
      "answers;\n\n",
      package);
  std::string runs;
  for (const json& source : manifest.at("sources")) {
    Source s{package, source.at("name"), header, c_header, {}, {}};
    for (const json& task : manifest.at("tasks"))
      if (task.at("source") == s.name && (tasks.empty() || tasks.count(task.at("name")) != 0)) s.tasks.push_back(task);
    if (s.tasks.empty()) continue;
    for (const json& column : source.at("columns")) s.fields.insert(column.at("field").get<std::string>());
    out += source_text(s, lines);
    runs += fmt::format("  run_{}(records, context, c_context, output);\n", s.name);
  }
  return out + fmt::format(
                   "}}  // namespace\n\nint main(int, char** argv) try {{\n"
                   "  const std::vector<Record> records = read_records(argv[1]);\n"
                   "  const {0}::Model model(WEIGHTS);\n  {0}::Context context(model);\n"
                   "  char why[200] = \"\";\n  {0}_model* c_model = {0}_open(WEIGHTS, why, sizeof why);\n"
                   "  if (c_model == nullptr) throw std::runtime_error(why);\n"
                   "  {0}_context* c_context = {0}_new_context(c_model);\n"
                   "  Output output(records.size());\n{1}"
                   "  {0}_free_context(c_context);\n  {0}_close(c_model);\n"
                   "  write(std::cout, output);\n  return 0;\n}} catch (const std::exception& error) {{\n"
                   "  std::cerr << error.what() << '\\n';\n  return 1;\n}}\n",
                   package, runs);
}

}  // namespace mtl::aot_test
