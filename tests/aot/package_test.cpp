// A trained model as a C++ package says what `mtlc predict` says:
//   package_test MTLC MODEL INPUT FORMAT WORK_DIR COMPILER [--flags FLAGS] [--field NAME=COLUMN,...]...
//                [--task TASK]... [--limit N] [--data DIR] [--emit FORM] [--needs PROGRAM]
//                [--toolchain FILE --emulator COMMAND]
// MODEL is a model.safetensors, or a .mtl file that is trained first, on DIR. Emits the package, builds and installs it
// as a project of its own, builds consumer/ against what is installed, and compares labels and spans, which have to be
// equal, and scores, to 1e-5, and numbers. FORMAT is that of `mtlc predict`: lines, or source, with the columns of
// INPUT that each field of an example stands in. FLAGS are for the compiler. FORM is what `mtlc emit` is asked for:
// cpp, or "object --cpu x86-64-v3 ...". For another machine, FILE is CMake's toolchain file and COMMAND runs its
// programs. Exits with 77 (skipped, and says so) without INPUT, COMPILER, the emulator or PROGRAM.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "calls.h"
#include "records.h"
#include "tests/process.h"

namespace {

namespace fs = std::filesystem;
using namespace mtl::aot_test;
using namespace mtl::test;
using Json = nlohmann::ordered_json;
constexpr int kSkipped = 77;

struct Options {
  std::string mtlc, model, input, format, folder, compiler, flags, data, form = "cpp", toolchain, emulator, needs;
  Fields fields;
  std::set<std::string> tasks;
  size_t limit = 0;
};

Options parse(int argc, char** argv) {
  if (argc < 7 || argc % 2 == 0) throw std::runtime_error("package_test MTLC MODEL INPUT FORMAT WORK_DIR COMPILER ...");
  Options out{argv[1], argv[2], argv[3], argv[4], argv[5], argv[6], {}, {}, "cpp", {}, {}, {}, {}, {}, 0};
  for (int i = 7; i + 1 < argc; i += 2) {
    const std::string option = argv[i], value = argv[i + 1];
    if (option == "--flags") out.flags = value;
    if (option == "--data") out.data = value;
    if (option == "--emit") out.form = value;
    if (option == "--toolchain") out.toolchain = value;
    if (option == "--emulator") out.emulator = value;
    if (option == "--needs") out.needs = value;
    if (option == "--task") out.tasks.insert(value);
    if (option == "--limit") out.limit = std::stoul(value);
    if (option == "--field") {
      std::istringstream columns(value.substr(value.find('=') + 1));
      for (std::string column; std::getline(columns, column, ',');)
        out.fields[value.substr(0, value.find('='))].push_back(column);
    }
  }
  return out;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

void build(const Options& o, const std::string& source, const std::string& folder, std::string more) {
  if (!o.toolchain.empty()) more += " -DCMAKE_TOOLCHAIN_FILE=" + shell_quoted(o.toolchain);
  output_of(
      fmt::format("cmake -S {} -B {} -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER={} -DCMAKE_CXX_FLAGS={} {} 2>&1",
                  shell_quoted(source), shell_quoted(folder), shell_quoted(o.compiler), shell_quoted(o.flags), more));
  output_of(fmt::format("cmake --build {} --parallel 2 2>&1", shell_quoted(folder)));
}

// Builds everything and returns the foreign program.
std::string make_consumer(const Options& o) {
  const std::string package = o.folder + "/package", installed = o.folder + "/installed";
  output_of(fmt::format("{} emit {} {} --out {} --name tested 2>&1", shell_quoted(o.mtlc), o.form,
                        shell_quoted(o.model), shell_quoted(package)));
  build(o, package, package + "-build", "-DCMAKE_INSTALL_PREFIX=" + shell_quoted(installed));
  output_of(fmt::format("cmake --install {} 2>&1", shell_quoted(package + "-build")));
  const std::string include = installed + "/include/tested/";
  std::ofstream(o.folder + "/calls.cpp") << calls_text(
      nlohmann::json::parse(text_of(installed + "/share/tested/tested.json")), text_of(include + "tested.h"),
      text_of(include + "tested_c.h"), o.format == "lines", o.tasks);
  // Only what is installed may be needed.
  fs::remove_all(package);
  fs::remove_all(package + "-build");
  const std::string folder = o.folder + "/consumer";
  build(o, AOT_TEST_DIR "/consumer", folder,
        fmt::format("-DPACKAGE=tested -DCMAKE_PREFIX_PATH={} -DCALLS={}", shell_quoted(installed),
                    shell_quoted(o.folder + "/calls.cpp")));
  return folder + "/consumer";
}

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(Json::parse(line));
  return out;
}

// The numbers of nested arrays or of an object, in order; null is no number.
void append_numbers(const Json& value, std::vector<double>& out) {
  if (value.is_structured()) {
    for (const Json& element : value) append_numbers(element, out);
  } else {
    out.push_back(value.is_number() ? value.get<double>() : std::nan(""));
  }
}
std::vector<double> numbers(const Json& value) {
  std::vector<double> out;
  append_numbers(value, out);
  return out;
}

// What stands in front of a list's first element: null for each position that `limit` cut. They are taken off.
size_t take_nulls(Json& list) {
  size_t count = 0;
  while (list.is_array() && !list.empty() && list[0].is_null()) list.erase(0), ++count;
  return count;
}

// What `mtlc predict` said about a task, in the form of consumer/answers.h.
Json expected(const Json& said, const std::string& task) {
  Json out = {
      {"labels", Json::array()}, {"numbers", Json::array()}, {"spans", Json::array()}, {"span_labels", Json::array()}};
  Json value = said.at(task);
  out["skipped"] = take_nulls(value);
  for (const Json& one : value.is_array() ? value : Json::array({value})) {
    if (one.is_boolean())
      out["labels"].push_back(one.get<bool>() ? "true" : "false");
    else
      out[one.is_string() ? "labels" : "numbers"].push_back(one);
  }
  for (const Json& span : said.value(task + ".spans", Json::array())) {
    out["spans"].push_back(span.at("begin"));
    out["spans"].push_back(span.at("end"));
    for (const Json& offset : span.value("offsets", Json::array())) out["spans"].push_back(offset);
    out["span_labels"].push_back(span.at("label"));
  }
  // A number's score is the number before it was put back to the scale of the data: the package has no such thing.
  const bool number = !out["numbers"].empty();
  out["scores"] = number ? Json::array() : said.value(task + ".scores", Json::array());
  out["probability"] = said.value(task + ".probability", Json::array());
  out["offsets"] = said.value(task + ".offsets", Json::array());
  take_nulls(out["scores"]);
  take_nulls(out["probability"]);
  for (size_t i = 0; i < out["skipped"] && !out["offsets"].empty(); ++i) out["offsets"].erase(0);
  return out;
}

// The largest difference, relative to max(1, |x|); infinite where the counts differ.
double difference(const Json& a, const Json& b) {
  const std::vector<double> x = numbers(a), y = numbers(b);
  if (x.size() != y.size()) return INFINITY;
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    if (std::isnan(x[i]) != std::isnan(y[i])) return INFINITY;
    if (!std::isnan(x[i])) most = std::max(most, std::fabs(x[i] - y[i]) / std::max(1.0, std::fabs(x[i])));
  }
  return most;
}

// The largest magnitude among the numbers, at least 1.
double largest(const Json& value) {
  double most = 1;
  for (double x : numbers(value)) most = std::max(most, std::fabs(x));
  return most;
}

int compare(const std::vector<Json>& predicted, const std::vector<Json>& answered) {
  if (predicted.size() != answered.size() || predicted.empty())
    return fmt::print("{} predictions, {} answers\n", predicted.size(), answered.size()), 1;
  double most = 0;
  int wrong = 0, tasks = 0;
  for (size_t i = 0; i < predicted.size(); ++i) {
    for (const auto& [task, answer] : answered[i].items()) {
      const Json wanted = expected(predicted[i], task);
      const double numbers = difference(wanted["numbers"], answer["numbers"]);
      const double d =
          std::max(difference(wanted["scores"], answer["scores"]), difference(wanted["offsets"], answer["offsets"]));
      // A softmax moves by at most the absolute difference of its scores: where those are large, so is their rounding.
      const double probability = difference(wanted["probability"], answer["probability"]) / largest(wanted["scores"]);
      most = std::max({most, d, numbers, probability});
      // Numbers are in the units of the data, which are up to a hundred times those that the model computes in.
      bool same = d <= 1e-5 && probability <= 1e-5 && numbers <= 1e-4;
      for (const char* part : {"labels", "spans", "span_labels", "skipped"})
        same = same && wanted[part] == answer[part];
      ++tasks;
      if (!same && ++wrong <= 5)
        fmt::print("example {}, task {}: difference {}\n  predict {}\n  package {}\n", i, task,
                   std::max({d, numbers, probability}), wanted.dump(), answer.dump());
    }
  }
  fmt::print("{} examples, {} answers, {} differ; largest difference of a score {:.2g}\n", predicted.size(), tasks,
             wrong, most);
  return wrong == 0 ? 0 : 1;
}

// The names of scores, of classes or of columns: what `mtlc predict --scores` writes, and the manifest.
int compare_names(const Json& manifest, const std::vector<Json>& predicted) {
  for (const Json& task : manifest.at("tasks")) {
    for (const char* names : {"classes", "columns"}) {
      const std::string key = task.at("name").get<std::string>() + "." + names;
      const auto said =
          std::find_if(predicted.begin(), predicted.end(), [&](const Json& one) { return one.contains(key); });
      if (said == predicted.end() || said->at(key) == task.value(names, Json())) continue;
      return fmt::print("{}: {} in predict, {} in the manifest\n", key, said->at(key).dump(), task.dump()), 1;
    }
  }
  return 0;
}

bool has_program(const std::string& name) {
  return std::system(fmt::format("command -v {} > /dev/null", shell_quoted(name)).c_str()) == 0;
}

int run(Options o) {
  if (!fs::exists(o.input)) return fmt::print("skipped: there is no {}\n", o.input), kSkipped;
  for (const std::string& program : {o.compiler, o.needs, o.emulator.substr(0, o.emulator.find(' '))}) {
    if (!program.empty() && !has_program(program)) return fmt::print("skipped: there is no {}\n", program), kSkipped;
  }
  fs::remove_all(o.folder);
  fs::create_directories(o.folder);
  const std::string input = o.folder + "/input" + fs::path(o.input).extension().string();
  copy_input(o.input, input, o.limit);
  const std::string records = o.folder + "/records";
  std::ofstream(records) << records_of(input, o.fields);
  if (fs::path(o.model).extension() == ".mtl") {
    const std::string folder = o.folder + "/run";
    output_of(fmt::format("{} train {} --data {} --run-dir {} --threads 1 2>&1", shell_quoted(o.mtlc),
                          shell_quoted(o.model), shell_quoted(o.data), shell_quoted(folder)));
    o.model = folder + "/model.safetensors";
  }
  const std::string consumer = make_consumer(o);
  std::string predict = fmt::format("{} predict {} {} --scores --threads 1 --format {}", shell_quoted(o.mtlc),
                                    shell_quoted(o.model), shell_quoted(input), o.format);
  for (const std::string& task : o.tasks) predict += " --task " + shell_quoted(task);
  const std::string answer = fmt::format("{} {} {}", o.emulator, shell_quoted(consumer), shell_quoted(records));
  const std::vector<Json> predicted = lines_of(output_of(predict));
  const Json manifest = Json::parse(text_of(o.folder + "/installed/share/tested/tested.json"));
  const int result = std::max(compare_names(manifest, predicted), compare(predicted, lines_of(output_of(answer))));
  if (result == 0) fs::remove_all(o.folder);
  return result;
}

}  // namespace

int main(int argc, char** argv) try { return run(parse(argc, argv)); } catch (const std::exception& error) {
  fmt::print("{}\n", error.what());
  return 1;
}
