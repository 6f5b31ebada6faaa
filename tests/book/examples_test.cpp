// Each example of the reference compiles, what is not supported yet is refused with its code, and each explanation of a
// code provokes it and is repaired. Reads `mtlc doc --json` from the file that the environment names.
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/check.h"
#include "compiler/sema/checked.h"
#include "support/diag/explanations.h"
#include "tests/book/frame.h"
#include "tests/process.h"

namespace mtl {
namespace {

struct Answer {
  std::vector<std::string> codes;  // of errors, in order of the places
  std::set<std::string> warnings;
  std::string text;
};

Answer check(const std::string& program) {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  const auto file = sema::check_text("example.mtl", program, sources, {}, emitter);
  const bool good = file && !emitter.has_errors() && file->model != nullptr;
  if (good && elaborate::describe(*file, emitter)) {  // as `mtlc check` does
    const auto model = elaborate::elaborate(*file, {.training = true}, emitter);
    if (model) elaborate::check_requirements(*file, *model, {}, emitter);
    if (model && model->balanced) {
      elaborate::ElaborateOptions step{.training = true};
      for (const elaborate::TaskInfo& task : model->tasks)
        if (task.has_loss) step.objective_tasks.insert(task.name);
      elaborate::elaborate(*file, step, emitter);
    }
    if (model && !emitter.has_errors()) elaborate::check_unused(*file, model->applied, emitter);
  }
  Answer answer;
  for (const diag::Diagnostic& report : emitter.sorted()) {
    const bool warning = report.kind->severity == diag::Severity::warning;
    if (warning) answer.warnings.insert(report.kind->code);
    if (!warning) answer.codes.push_back(report.kind->code);
    answer.text += std::string(report.kind->code) + " " + report.message + "\n";
  }
  return answer;
}

// A layer that is declared alone, with a task that calls it.
std::string used(const std::string& example) {
  if (!example.starts_with("shared ") || example.find("task ") != example.npos) return example;
  const std::string name = example.substr(7, example.find(" =") - 7);
  if (name.find(' ') != name.npos) return example;
  return example + "\n  task used predicts news.score { head = " + name + "(r) |> linear(1) }";
}

// What mtlc prints; empty: the environment names none.
std::string run(const std::string& arguments) {
  const char* mtlc = std::getenv("MTLC");
  if (mtlc == nullptr) return "";
  return test::run_command("'" + std::string(mtlc) + "' " + arguments + " 2>&1").output;
}

// What is reported of these rows of rows.mtl.
std::string report_of_rows(const std::string& rows) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("mtl_book_rows_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "train.csv", std::ios::binary) << rows << (rows.empty() ? "" : "\n");
  const std::string output =
      run("emit graph '" MTLC_SOURCE_DIR "/tests/book/rows.mtl' --no-cache --data '" + folder.string() + "'");
  std::filesystem::remove_all(folder);
  return output;
}

std::vector<nlohmann::json> topics() {
  std::vector<nlohmann::json> out;
  std::stringstream lines(run("doc --json"));
  for (std::string line; std::getline(lines, line);) out.push_back(nlohmann::json::parse(line));
  return out;
}

// Most examples are values, and one program can have all of them. Where it is refused, each is compiled by itself, to
// say which one it is.
class Values {
 public:
  void add(const std::string& value) { sum_ += (sum_.empty() ? "sum(" : " + sum(") + value + ")"; }
  bool all_compile() const { return check(book::program_with("value", sum_)).codes.empty(); }

 private:
  std::string sum_;
};

bool is_value(std::string_view place, std::string_view code) {
  return place == "value" && code.find("@@") == code.npos && !code.empty();
}

TEST_CASE("each example of the reference compiles, or is refused where it is not supported yet", "[reference]") {
  const std::vector<nlohmann::json> all = topics();
  if (all.empty()) {
    WARN("the environment names no MTLC");
    return;
  }
  REQUIRE(all.size() > 200);
  const auto value_of = [](const nlohmann::json& topic) {
    return is_value(topic.value("place", ""), topic.value("example", "")) && topic.value("supported", true);
  };
  Values values;
  for (const nlohmann::json& topic : all)
    if (value_of(topic)) values.add(topic["example"]);
  const bool values_compile = values.all_compile();
  for (const nlohmann::json& topic : all) {
    const std::string place = topic.value("place", ""), example = topic.value("example", "");
    INFO(topic.dump());
    if (place == "shell") continue;
    const bool part_of_row = topic["part"] == "optimizer-arguments" || topic["part"] == "not-supported";
    if (example.empty()) {
      CHECK(part_of_row);
      continue;
    }
    if (values_compile && value_of(topic)) continue;
    const std::string program = book::program_with(place, used(example));
    const Answer answer = check(program);
    INFO(program);
    INFO(answer.text);
    if (topic.value("supported", true)) {
      CHECK(answer.codes.empty());
    } else if (topic["part"] == "not-supported") {
      const std::string code = topic["text"];
      const bool seen = std::ranges::find(answer.codes, code) != answer.codes.end() || answer.warnings.contains(code);
      CHECK(seen);
    } else {
      CHECK_FALSE(answer.codes.empty());
      for (const std::string& code : answer.codes) CHECK((code.starts_with("E09")));
    }
  }
}

// What a `train` block and the vocabulary `en` say, as text.
std::string settings_of(const std::string& place, const std::string& code) {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  const auto file = sema::check_text("example.mtl", book::program_with(place, code), sources, {}, emitter);
  const auto program = file && !emitter.has_errors() ? elaborate::describe(*file, emitter) : std::nullopt;
  INFO(code);
  REQUIRE(program);
  const training::TrainConfig& t = program->train;
  const runtime::OptimizerSettings& o = t.optimizer.settings;
  const data::VocabSpec& v = program->data.vocabs.at(0);
  std::ostringstream out;
  out << t.batch.count << t.batch.tokens << " " << t.epochs << " " << t.accumulate << " " << t.seed << t.bf16
      << t.optimizer.lazy << " " << static_cast<int>(t.schedule.kind) << static_cast<int>(t.mix.kind) << " "
      << static_cast<int>(o.rule) << " " << t.optimizer.lr << " " << t.optimizer.weight_decay << " " << o.epsilon << " "
      << o.beta1 << " " << o.beta2 << " " << o.nesterov << " "
      << (o.rule == runtime::OptimizerRule::rmsprop ? o.alpha : 0) << " " << v.lowercase << " " << v.min_count << " "
      << v.max_size.value_or(-1) << " " << v.keep << " " << v.unknown;
  if (o.rule == runtime::OptimizerRule::momentum || o.rule == runtime::OptimizerRule::rmsprop) out << " " << o.momentum;
  return out.str();
}

TEST_CASE("every part of the reference stands in the book", "[reference]") {
  std::string book;
  for (const auto& page : std::filesystem::directory_iterator(MTLC_SOURCE_DIR "/grammar/book")) {
    std::ifstream in(page.path());
    book.append(std::istreambuf_iterator<char>(in), {});
  }
  for (const nlohmann::json& topic : topics()) {
    const std::string part = topic["part"];
    INFO(part);
    CHECK(book.find("<!-- mtlc doc " + part + " -->") != book.npos);
  }
}

TEST_CASE("a default that the reference prints is what holds without the setting", "[reference]") {
  const std::string plain = settings_of("train", "");
  size_t compared = 0;
  for (const nlohmann::json& topic : topics()) {
    const std::string name = topic["name"], part = topic["part"], initial = topic.value("default", "");
    INFO(topic.dump());
    if (part == "optimizers") {
      ++compared;
      CHECK(settings_of("train", "optimizer = " + name) ==
            settings_of("train", "optimizer = " + std::string(topic["form"])));
    }
    const bool says_none = initial.empty() || initial.find("no") == 0 || initial.find("never") == 0;
    if ((part != "train" && part != "vocab") || says_none) continue;
    ++compared;
    CHECK(settings_of(part, name + " = " + initial) == plain);
  }
  CHECK(compared > 18);
}

TEST_CASE("what the book states without a block is so", "[reference]") {
  std::ifstream in(MTLC_SOURCE_DIR "/tests/book/facts.txt");
  size_t count = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with('#')) continue;
    const size_t blank = line.find(' '), colon = line.find(": ");
    const std::string wanted = line.substr(0, blank), place = line.substr(blank + 1, colon - blank - 1);
    std::string code = line.substr(colon + 2);
    for (size_t at; (at = code.find("\\n")) != code.npos;) code.replace(at, 2, "\n");
    const Answer answer = check(book::program_with(place, code));
    INFO(line);
    INFO(answer.text);
    if (wanted == "ok") CHECK(answer.codes.empty());
    if (wanted != "ok") CHECK(std::ranges::find(answer.codes, wanted) != answer.codes.end());
    ++count;
  }
  CHECK(count > 80);
}

TEST_CASE("every code is explained, with an example or the test that provokes it", "[explanations]") {
  for (const diag::Kind* kind : diag::all_kinds()) {
    INFO(kind->code);
    const diag::Explanation* more = diag::explanation(*kind);
    REQUIRE(more != nullptr);
    CHECK(more->text.size() > 20);
  }
}

TEST_CASE("each mistake that explains a code is an error of that code, and each repair compiles", "[explanations]") {
  std::set<const diag::Kind*> seen;
  Values repairs;
  for (const diag::Explanation& each : diag::explanations())
    if (is_value(each.place, each.repair)) repairs.add(std::string(each.repair));
  const bool repairs_compile = repairs.all_compile();
  for (const diag::Explanation& each : diag::explanations()) {
    const std::string code = each.kind->code, place(each.place);
    INFO(code);
    CHECK(seen.insert(each.kind).second);
    if (place == "test") {
      CHECK(std::filesystem::exists(std::string(MTLC_SOURCE_DIR "/") + std::string(each.mistake)));
      continue;
    }
    if (place == "rows" && std::getenv("MTLC") != nullptr) {
      const std::string mistake = report_of_rows(std::string(each.mistake));
      const std::string repair = report_of_rows(std::string(each.repair));
      INFO(mistake << repair);
      CHECK(mistake.find("error[" + code + "]") != mistake.npos);
      CHECK(repair.find("error[") == repair.npos);
      CHECK(repair.find("output \"predict.kind\"") != repair.npos);
    }
    if (each.mistake.empty() || place == "rows") continue;
    const Answer mistake = check(book::program_with(place, each.mistake));
    INFO(each.mistake);
    INFO(mistake.text);
    if (each.kind->severity == diag::Severity::warning) {
      CHECK(mistake.codes.empty());
      CHECK(mistake.warnings.contains(code));
    } else {
      CHECK(mistake.codes == std::vector<std::string>{code});
    }
    if (each.repair.empty() || (repairs_compile && is_value(place, each.repair))) continue;
    const Answer repair = check(book::program_with(place, each.repair));
    INFO(each.repair);
    INFO(repair.text);
    CHECK(repair.codes.empty());
    CHECK_FALSE(repair.warnings.contains(code));
  }
}

}  // namespace
}  // namespace mtl
