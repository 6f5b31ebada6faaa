// See start_names.h.
#include "runtime/training/start_names.h"

#include <algorithm>
#include <set>
#include <utility>

#include "support/base/text.h"

namespace mtl::training {

namespace {

// Wherever the parts of `from` stand between dots one after the other, those of `to` do.
std::string replace_parts(const std::string& name, const std::string& from, const std::string& to) {
  const std::vector<std::string> parts = split(name, "."), old = split(from, ".");
  std::vector<std::string> out;
  for (size_t i = 0; i < parts.size();) {
    if (i + old.size() <= parts.size() && std::equal(old.begin(), old.end(), parts.begin() + static_cast<int64_t>(i))) {
      if (!to.empty()) out.push_back(to);
      i += old.size();
    } else {
      out.push_back(parts[i++]);
    }
  }
  return join(out, ".", ".");
}

std::string changed(const LoadConfig& load, std::string name) {
  if (!load.strip.empty() && name.starts_with(load.strip)) name.erase(0, load.strip.size());
  for (const auto& [from, to] : load.renames) name = replace_parts(name, from, to);
  return name;
}

// Without its first parts, but with the last one in any case.
std::string without_parts(const std::string& path, size_t count) {
  size_t at = 0;
  for (; count > 0; --count) {
    const size_t dot = path.find('.', at);
    if (dot == std::string::npos) break;
    at = dot + 1;
  }
  return path.substr(at);
}

size_t parts_of(const std::string& pattern) {
  const std::vector<std::string> parts = split(pattern, ".");
  return static_cast<size_t>(std::find(parts.begin(), parts.end(), "**") - parts.begin());
}

// How many parts of two names are the same from their ends.
size_t same_end(const std::string& a, const std::string& b) {
  const std::vector<std::string> one = split(a, "."), other = split(b, ".");
  size_t same = 0;
  while (same < std::min(one.size(), other.size()) && one[one.size() - 1 - same] == other[other.size() - 1 - same])
    ++same;
  return same;
}

}  // namespace

std::string without_task(const std::string& path) {
  std::string out;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '@') i = std::min(path.find('.', i), path.size());
    if (i < path.size()) out += path[i];
  }
  return out;
}

StartNames::StartNames(const LoadConfig& load, const std::vector<std::string>& names,
                       const std::vector<std::string>& paths)
    : names_(names) {
  for (size_t i = 0; i < names.size(); ++i) by_name_[changed(load, names[i])].push_back(i);
  for (const std::string& pattern : load.patterns) most_left_out_ = std::max(most_left_out_, parts_of(pattern));
  size_t most = 0, best = 0;
  for (left_out_ = 0; left_out_ <= most_left_out_; ++left_out_) {
    const auto found = static_cast<size_t>(
        std::count_if(paths.begin(), paths.end(), [&](const std::string& path) { return !find(path).empty(); }));
    if (found <= most) continue;
    most = found;
    best = left_out_;
  }
  left_out_ = best;
}

std::vector<size_t> StartNames::find(const std::string& path) const {
  const std::string name = without_parts(path, left_out_);
  auto found = by_name_.find(name);
  if (found == by_name_.end()) found = by_name_.find(without_task(name));
  return found == by_name_.end() ? std::vector<size_t>() : found->second;
}

std::vector<std::string> StartNames::tried(const std::string& path) const {
  std::vector<std::string> out;
  for (size_t left_out = 0; left_out <= most_left_out_; ++left_out) {
    for (const std::string& name : {without_parts(path, left_out), without_task(without_parts(path, left_out))})
      if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
  }
  return out;
}

std::vector<std::string> StartNames::near(const std::string& path) const {
  constexpr size_t kShown = 3;
  std::vector<std::pair<std::string, size_t>> all;  // changed names, and how many of their last parts are the same
  std::vector<std::string> changed_names;
  for (const auto& [name, places] : by_name_) changed_names.push_back(name);
  std::set<std::string> out;
  for (const std::string& name : tried(path))
    if (const auto one = nearest(name, changed_names)) out.insert(*one);
  for (const std::string& name : changed_names) all.emplace_back(name, same_end(name, path));
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  for (size_t i = 0; i < all.size() && out.size() < kShown && all[i].second > 0; ++i) out.insert(all[i].first);
  std::vector<std::string> shown;
  for (const std::string& name : out) {
    const std::string& in_file = names_[by_name_.at(name).front()];
    shown.push_back("`" + excerpt(in_file) + "`" + (in_file == name ? "" : " (as `" + excerpt(name) + "`)"));
    if (shown.size() == kShown) break;
  }
  return shown;
}

}  // namespace mtl::training
