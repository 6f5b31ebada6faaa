// Runs an example on its data and wants its test scores to reach what is asked:
//   example_test MTLC FILE.mtl DATA_DIR METRIC THRESHOLD [METRIC THRESHOLD ...]
// A metric is "task.metric" of the run's last event; errors (rmse, mae) must stay at or below their threshold. Exits
// with 77 (skipped, and says so) where DATA_DIR is missing: real data sets are no part of the project.
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;
constexpr int kSkipped = 77;

// The "end" event of a run; null if there is none.
Json run(const std::string& command) {
  Json end;
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return end;
  char* line = nullptr;
  size_t room = 0;
  while (getline(&line, &room, pipe) > 0) {
    Json event = Json::parse(line, nullptr, false);
    if (event.is_object() && event.value("event", "") == "end") end = std::move(event);
  }
  std::free(line);
  return pclose(pipe) == 0 ? end : Json();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6 || argc % 2 != 0) return fmt::print(stderr, "example_test MTLC FILE DATA_DIR METRIC THRESHOLD ...\n"), 2;
  if (!fs::is_directory(argv[3]))
    return fmt::print("skipped: there is no folder {} (set MTLC_DATA)\n", argv[3]), kSkipped;
  const fs::path folder = fs::temp_directory_path() / fmt::format("mtlc-example-{}", fs::path(argv[2]).stem().string());
  const Json end =
      run(fmt::format("'{}' run '{}' --data '{}' --run-dir '{}' --json", argv[1], argv[2], argv[3], folder.string()));
  fs::remove_all(folder);
  if (end.is_null()) return fmt::print("the run failed\n"), 1;
  int missed = 0;
  for (int i = 4; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const double wanted = std::stod(argv[i + 1]), found = end.at("test").value(name, std::nan(""));
    const bool error = name.ends_with(".rmse") || name.ends_with(".mae");
    const bool good = error ? found <= wanted : found >= wanted;
    fmt::print("{} {:.4f}, wanted {} {}{}\n", name, found, error ? "<=" : ">=", wanted, good ? "" : "  MISSED");
    missed += !good;
  }
  return missed == 0 ? 0 : 1;
}
