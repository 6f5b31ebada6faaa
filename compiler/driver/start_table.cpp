// See start_table.h.
#include "compiler/driver/start_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "support/base/text.h"

namespace mtl::driver {

std::string start_table(const training::StartValues& start) {
  constexpr size_t kShownLeft = 300;                          // characters; metrics.jsonl has all of them
  std::vector<std::pair<std::string, std::string>> lines[3];  // whole, part, fresh: what, and how much of it or why
  std::vector<std::pair<std::string, size_t>> whole;          // by layer or task, in order
  for (const auto& param : start.params) {
    if (param.taken == 0 && param.size > 0) {
      lines[2].emplace_back(param.path, param.note);
    } else if (param.taken < param.size) {
      lines[1].emplace_back(param.path, param.note);
    } else {
      const std::string root = param.path.substr(0, param.path.find('.'));
      const auto same = [&](const auto& line) { return line.first == root; };
      const auto known = std::find_if(whole.begin(), whole.end(), same);
      if (known == whole.end()) {
        whole.emplace_back(root, 1);
      } else {
        ++known->second;
      }
    }
  }
  for (const auto& [root, count] : whole) lines[0].emplace_back(root, count_of(count, "parameter"));
  size_t width = 0;
  for (const auto& group : lines)
    for (const auto& [what, note] : group) width = std::max(width, what.size());
  std::string out = printable(training::say_start(start)) + "\n";
  static constexpr const char* kWords[] = {"taken", "in part", "fresh"};
  for (size_t i = 0; i < 3; ++i)
    for (const auto& [what, note] : lines[i]) out += fmt::format("  {:<7}  {:<{}}  {}\n", kWords[i], what, width, note);
  if (!start.left.empty()) out += fmt::format("  {:<7}  {}\n", "left", excerpt(join(start.left), kShownLeft));
  return out;
}

}  // namespace mtl::driver
