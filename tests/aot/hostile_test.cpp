// Nothing that a model file says becomes code: packages of models whose names, labels, words, columns and source text
// are made to get out of comments, literals and lines.
//
//   hostile_test MTLC FOLDER COMPILER...
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "runtime/model/model_file.h"
#include "support/base/text.h"
#include "tests/process.h"

namespace fs = std::filesystem;
using namespace mtl::test;

namespace {

// Each wants the word INTRUDER to stand in a generated file where a compiler, CMake or a reader of the file acts on it.
const std::vector<std::string> kHostile = {
    "x\n#error INTRUDER\n",
    "x\r#error INTRUDER\r",
    "*/ int INTRUDER; /*",
    "\"; int INTRUDER; //",
    "\\\"; int INTRUDER; //",
    "'; int INTRUDER; //'",
    "?\?/\" an INTRUDER \"?\?/",
    "${INTRUDER} $ENV{INTRUDER} @INTRUDER@",
    ")\" INTRUDER R\"(",
    "INTRUDER continues the line\\",
    "INTRUDER continues the line?\?/",
    "#include \"INTRUDER\"",
    "\x1b]0;INTRUDER\x07\x1b[2J",
    "\xE2\x80\xAE"
    "INTRUDER"
    "\xE2\x80\xA8"
    "INTRUDER\xC2\x9B"
    "2J",
    "{{0}} {} %s %n",
    "@name@ @tables@",
};

[[noreturn]] void fail(const std::string& what) {
  std::cerr << what << "\n";
  std::exit(1);
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// C and C++ without comments and literals, as a compiler sees it: trigraphs and spliced lines first.
std::string code_of(std::string text) {
  const auto replace = [&](const std::string& from, const std::string& to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;) text.replace(at, from.size(), to);
  };
  replace("?\?/", "\\");
  replace("\\\n", "");
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.compare(i, 2, "//") == 0) {
      i = std::min(text.find('\n', i), text.size()) - 1;
    } else if (text.compare(i, 2, "/*") == 0) {
      i = std::min(text.find("*/", i + 2), text.size()) + 1;
    } else if (text[i] == '"' ||
               (text[i] == '\'' && !(i > 0 && std::isdigit(static_cast<unsigned char>(text[i - 1]))))) {
      const char quote = text[i];
      for (++i; i < text.size() && text[i] != quote && text[i] != '\n'; ++i) i += text[i] == '\\';
    } else {
      out += text[i];
    }
  }
  return out;
}

// Whether the word stands by itself: in an identifier that is made of a label it may.
bool has_word(const std::string& text) {
  const std::string word = "INTRUDER";
  const auto part = [&](size_t i) {
    return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) || text[i] == '_');
  };
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; ++at)
    if (!part(at + word.size()) && (at == 0 || !part(at - 1))) return true;
  return false;
}

void check_file(const fs::path& path) {
  const std::string ending = path.extension().string(), text = slurp(path);
  if (ending == ".weights" || ending == ".o") return;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (mtl::find_command(text.substr(begin, end - begin)) != std::string::npos)
      fail(path.string() + ": a control character in: " + mtl::printable(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  const bool is_code = ending == ".h" || ending == ".cpp";
  if (ending == ".json") {
    if (!nlohmann::json::accept(text)) fail(path.string() + ": no JSON");
  } else if (has_word(is_code ? code_of(text) : text)) {
    fail(path.string() + ": text of the model got out");
  }
}

struct Test {
  std::string mtlc;
  fs::path folder;
  std::vector<std::string> compilers;
  int packages = 0;

  // False if the command fails as it does for a wrong input, in words that a terminal only shows.
  bool run(const std::string& arguments) const {
    const std::string said = output_of("cd " + shell_quoted(folder.string()) + " && { " + shell_quoted(mtlc) + " " +
                                       arguments + " 2>&1 < /dev/null; echo EXIT $?; }");
    std::string shown = said;
    shown.erase(std::remove(shown.begin(), shown.end(), '\n'), shown.end());
    if (mtl::find_command(shown) != std::string::npos) fail("mtlc " + arguments + " prints " + mtl::printable(said));
    if (said.ends_with("EXIT 0\n")) return true;
    if (!said.ends_with("EXIT 1\n")) fail("mtlc " + arguments + ": " + said);
    return false;
  }

  void emit(const std::string& arguments) {
    const std::string name = "package" + std::to_string(packages++);
    if (!run("emit " + arguments + " --out " + name)) fail("emit " + arguments + " is refused");
    const fs::path package = folder / name;
    for (const auto& entry : fs::recursive_directory_iterator(package)) {
      if (entry.is_directory()) continue;
      check_file(entry.path());
      if (entry.path().extension() != ".cpp" || entry.path().string().find("/runtime/") != std::string::npos) continue;
      for (const std::string& compiler : compilers)
        output_of(compiler +
                  " -std=c++17 -Wall -Wextra -Werror -Wno-psabi -trigraphs -DMODEL_WEIGHTS='\"w\"' -fsyntax-only -I " +
                  shell_quoted(package.string()) + " " + shell_quoted(entry.path().string()) + " 2>&1");
    }
  }
};

std::string in_program(const std::string& text) {  // a string of the language
  std::string out = "\"";
  for (const char c : text) out += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "\"";
}

// Keys, labels and words of honest data may be like this; a program says keys on one line.
void write_program(const fs::path& folder, const std::string& program) {
  const std::string key = "*/ INTRUDER \"?\?/ $INTRUDER @name@ \\";
  std::ofstream rows(folder / "rows.jsonl");
  for (size_t i = 0; i < 2 * kHostile.size(); ++i) {
    const std::string& text = kHostile[i % kHostile.size()];
    rows << nlohmann::json{{key, {text, "word"}}, {"kind", text}, {"label", text}, {"tags", {text, "O"}}}.dump()
         << "\n";
  }
  std::ofstream(folder / program)
      << "vocab v { }\ndata d {\n  format = jsonl\n  train = \"rows.jsonl\"\n  dev = \"rows.jsonl\"\n"
      << "  w : token(v)[T] = column(" << in_program(key) << ")\n  k : category = column(\"kind\")\n"
      << "  y : label = column(\"label\")\n  t : label[T] = column(\"tags\")\n}\n"
      << "model model {\n  shared words = embed(4)\n  shared kinds = embed(2)\n  let h = words(d.w)  // */ INTRUDER\n"
      << "  task y predicts d.y {\n    head = concat(mean(h, // */ INTRUDER \"?\?/\" ${INTRUDER} \\\n      over "
         "=\rd.T), "
      << "kinds(d.k)) |> linear(|target|)\n  }\n"
      << "  task t predicts d.t { head = h |> linear(|target|) }\n  train { epochs = 1 }\n}\n";
}

void test_honest(Test& test) {
  const std::string program = "a* INTRUDER; \"??\\ ${INTRUDER}\n#error INTRUDER \x1b[2J.mtl";
  write_program(test.folder, program);
  const std::string quoted = shell_quoted(program);
  if (!test.run("run " + quoted + " --run-dir run --threads 1 --no-cache")) fail("the run failed");
  const std::string model = "run/model.safetensors";
  test.emit("cpp " + model);
  test.emit("cpp " + model + " --embed --source " + quoted);
  test.emit("object " + model + " --cpu x86-64");
  if (!test.run("eval " + model + " --split dev --no-cache")) fail("no evaluation");
  std::ofstream(test.folder / "lines.txt") << "word\n";
}

mtl::model::ModelFile sound(const Test& test) {
  std::string why;
  auto model = mtl::model::load_model((test.folder / "run/model.safetensors").string(), why);
  if (!model) fail(why);
  return *model;
}

std::string saved(const Test& test, const mtl::model::ModelFile& model) {
  std::string why;
  if (!mtl::model::save_model((test.folder / "patched.safetensors").string(), model, why)) fail(why);
  return "patched.safetensors";
}

// What the metadata says of names: refused.
void test_patched_names(const Test& test) {
  const auto refused = [&](const mtl::model::ModelFile& model, const std::string& what) {
    const std::string file = saved(test, model);
    for (const std::string& command : std::vector<std::string>{"emit cpp " + file + " --out refused",
                                                               "predict " + file + " lines.txt", "eval " + file})
      if (test.run(command)) fail(what + " is not refused by " + command);
    if (fs::exists(test.folder / "refused")) fail(what + ": something was written");
  };
  for (const std::string& text : kHostile) {
    auto model = sound(test);
    if (mtl::find_command(text) != std::string::npos) {
      model.sources[0].first = text;
      refused(model, "a name of a file");
      model = sound(test);
      model.sets = {{"name", text}};
      refused(model, "a setting");
    }
    model = sound(test);
    model.model = text;
    refused(model, "a name of a model");
    model = sound(test);
    model.fitted.sets[text] = model.fitted.sets["d.y"];  // of no column
    model.fitted.sets.erase("d.y");
    refused(model, "a column");
  }
  for (const std::string path : {"/etc/passwd", "../m.mtl", "a/../../m.mtl", ""}) {
    auto model = sound(test);
    model.sources[0].first = path;
    refused(model, "the path `" + path + "`");
  }
}

// What may be anything: names of files without control characters, text of the program, labels and words.
void test_patched_text(Test& test) {
  auto model = sound(test);
  model.sources[0].first = "a* INTRUDER; \"??\\ ${INTRUDER} \\";
  std::string& text = model.sources[0].second;
  for (const std::string& hostile : kHostile)
    if (mtl::find_command(hostile) == std::string::npos) text.insert(text.find("kinds(d.k)"), "// " + hostile + "\n");
  for (auto& name : model.fitted.vocabs.at("v").names)
    if (name == "word") name = "*/?\?/\n#error INTRUDER\\";
  test.emit("cpp " + saved(test, model));
}

// `eval` reads below --data alone, through links as well.
void test_paths(const Test& test) {
  fs::create_directories(test.folder / "inner");
  std::error_code ignored;
  fs::create_symlink("../rows.jsonl", test.folder / "inner/link.jsonl", ignored);
  fs::copy_file(test.folder / "rows.jsonl", test.folder / "inner/rows.jsonl", ignored);
  const auto reads = [&](const std::string& path, const std::string& data) {
    auto model = sound(test);
    std::string& text = model.sources[0].second;
    for (size_t at = 0; (at = text.find("\"rows.jsonl\"", at)) != std::string::npos; ++at)
      text.replace(at, 12, in_program(path));
    return test.run("eval " + saved(test, model) + " --split dev --no-cache --data " + shell_quoted(data));
  };
  const std::string outside = fs::absolute(test.folder / "rows.jsonl").string();
  if (!reads("rows.jsonl", "inner")) fail("eval does not read below --data");
  if (!reads("./../inner/rows.jsonl", "inner")) fail("eval does not read below --data by another way");
  for (const std::string& path :
       {std::string("../rows.jsonl"), std::string("link.jsonl"), outside, std::string("/etc/passwd")})
    if (reads(path, "inner")) fail("eval reads " + path);
  if (!reads("inner/link.jsonl", test.folder.string())) fail("eval does not read from a wider folder");
}

}  // namespace

int main(int argc, char** argv) try {
  Test test{fs::absolute(argv[1]).string(), fs::absolute(argv[2]), {argv + 3, argv + argc}};
  fs::remove_all(test.folder);
  fs::create_directories(test.folder);
  test_honest(test);
  test_patched_names(test);
  test_patched_text(test);
  test_paths(test);
  return 0;
} catch (const std::exception& error) {
  fail(error.what());
}
