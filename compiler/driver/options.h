// The command line, as plain data.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace mtl::driver {

// Exit codes of the process. kSignal + n: a run that signal n ended, after it had saved and evaluated.
enum Exit : int { kGood = 0, kUserError = 1, kUsage = 2, kInternal = 3, kSignal = 128 };

struct Options {
  std::string command;  // check, run, train, eval, predict, emit, doc, explain
  std::string file;     // FILE.mtl or model.safetensors; explain: a name; doc: a part
  // what to compile
  std::string model;
  std::vector<std::pair<std::string, std::string>> sets;
  // data
  std::string data_dir;
  std::string cache_dir;
  bool no_cache = false;
  int64_t skip_bad_rows = 0;
  // training
  std::string run_dir;
  std::optional<int64_t> seed;
  bool resume = false;
  std::string from;               // a model to start from
  double checkpoint_every = 600;  // seconds
  int threads = 0;                // 0: runtime::usable_processors()
  // eval, predict
  std::string input;  // a file, or empty for standard input
  std::string split = "test";
  std::vector<std::string> tasks;
  std::string format;            // predict reads: lines, source; empty: by the ending of the file
  std::string output = "jsonl";  // and writes: jsonl, conll
  std::vector<std::string> keep;
  bool scores = false, append = false;
  // emit
  std::string artifact;  // graph, ir, llvm, cpp, object
  std::string out_dir;   // cpp, object; predict: a file
  std::string name;      // of the package
  bool embed = false;
  std::string source;  // a .mtl file in place of the one that the model file carries
  std::vector<std::string> cpus;
  bool training = false;
  std::string dump_after;
  // everywhere
  bool json = false;
  std::string color = "auto";
};

// Parses argv. On --help, --version or a usage error prints what is to be printed and sets `exit`.
std::optional<Options> parse_options(int argc, char** argv, int& exit);

}  // namespace mtl::driver
