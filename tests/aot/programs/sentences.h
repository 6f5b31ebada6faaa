// The sentences of a CoNLL file: the words of each, from its first column.
#pragma once
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

inline std::vector<std::vector<std::string>> read_sentences(const std::string& path) {
  std::vector<std::vector<std::string>> out(1);
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  for (std::string line; std::getline(file, line);) {
    const size_t tab = line.find('\t');
    if (tab != std::string::npos) out.back().push_back(line.substr(0, tab));
    if (line.empty() && !out.back().empty()) out.emplace_back();
  }
  if (out.back().empty()) out.pop_back();
  return out;
}
