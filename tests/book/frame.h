// A program with a hole for each kind of place, frame.txt, in which the short examples of the reference, of the book
// and of the explanations are compiled.
#pragma once
#include <algorithm>
#include <cctype>
#include <fstream>
#include <initializer_list>
#include <map>
#include <sstream>
#include <string>
#include <string_view>

namespace mtl::book {

inline const std::string& frame() {
  static const std::string text = [] {
    std::ifstream in(MTLC_SOURCE_DIR "/tests/book/frame.txt");
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
  }();
  return text;
}

// What stands at each place: `code` at `place`; ` @@model ` begins what stands in another one, `@train ` at the front
// stands for `place`. `program` is a whole file.
inline std::map<std::string, std::string> places_of(const std::string& place, std::string_view code) {
  std::map<std::string, std::string> at;
  std::string rest(code), where = place;
  if (rest.starts_with('@') && !rest.starts_with("@@")) rest = "@" + rest;
  if (!rest.starts_with("@@")) rest = "@@" + where + " " + rest;
  while (!rest.empty()) {
    const size_t blank = rest.find(' '), next = rest.find("@@", 2);
    at[rest.substr(2, blank - 2)] = rest.substr(blank + 1, next == rest.npos ? next : next - blank - 1);
    rest = next == rest.npos ? "" : rest.substr(next);
  }
  return at;
}

// To read a file of the library takes as long as to check a program, so only those are opened that the code needs.
inline std::string uses_of(std::string code) {
  for (char& c : code) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto speaks_of = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return code.find(name) != code.npos; });
  };
  std::string out;
  if (speaks_of({"lstm", "gru", "rnn", "conv", "pool", "positional", "attention", "transformer", "crf"}))
    out += "use std.sequence\n";
  if (speaks_of({"mmoe", "cgc", "adapter", "film", "shared_private", "stitch", "ple(", "sluice", "mtan", "dselect_k",
                 "soft(", "orthogonality", "smooth_step", "lora", "low_rank"}))
    out += "use std.sharing\n";
  if (speaks_of({"char_"})) out += "use std.text\n";
  return out;
}

inline std::string program_with(const std::string& place, std::string_view code) {
  std::map<std::string, std::string> at = places_of(place, code);
  if (at.contains("program")) return at["program"];
  if (at["value"].empty()) at["value"] = "h";
  at["use"] = uses_of(std::string(code));
  std::string out = frame();
  for (const char* each : {"use", "declaration", "vocab", "data", "model", "task", "yes", "number", "value", "train"}) {
    const std::string hole = std::string("@") + each;
    out.replace(out.find(hole), hole.size(), at[each]);
  }
  return out;
}

}  // namespace mtl::book
