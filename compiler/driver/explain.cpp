// mtlc explain: what a code or a name of the reference means, or what is written for a word of another language.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/driver/reference.h"
#include "compiler/syntax/phrases.h"
#include "support/base/text.h"
#include "support/diag/explanations.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/model.h"
#include "support/diag/kinds/sema.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::driver {
namespace {

// The format of a message with dots for what is filled in.
std::string with_gaps(std::string_view format) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    const bool doubled = i + 1 < format.size() && format[i + 1] == format[i];
    if (format[i] == '{' && !doubled) {
      out += "...";
      i = std::min(format.find('}', i), format.size());
      continue;
    }
    out += format[i];
    if (doubled && (format[i] == '{' || format[i] == '}')) ++i;
  }
  return out;
}

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

using syntax::Phrase;
using syntax::PhrasePlace;

// Rows of the phrase book that a message of this kind may speak of.
std::vector<const Phrase*> phrases_of(const diag::Kind& kind) {
  static const std::map<std::string_view, std::set<PhrasePlace>> places{
      {diag::UnknownWord.code, {PhrasePlace::declaration, PhrasePlace::statement}},
      {diag::UnknownName.code, {PhrasePlace::value}},
      {diag::UnknownLayer.code, {PhrasePlace::value}},
      {diag::UnknownType.code, {PhrasePlace::type}},
      {diag::UnknownArgument.code, {PhrasePlace::argument}},
      {diag::NoSuchMember.code, {PhrasePlace::member}},
      {diag::UnknownSetting.code,
       {PhrasePlace::train, PhrasePlace::task, PhrasePlace::model, PhrasePlace::data, PhrasePlace::vocab}},
  };
  std::vector<const Phrase*> rows;
  const auto found = places.find(kind.code);
  for (const Phrase& phrase : syntax::phrases())
    if (found != places.end() && found->second.contains(phrase.place)) rows.push_back(&phrase);
  return rows;
}

// `nn.Linear`, `Linear`: what the phrase book says of a word of another language, in all of its places.
std::vector<const Phrase*> phrases_for(std::string word) {
  word.erase(0, word.rfind('.') + 1);
  std::vector<const Phrase*> rows;
  for (const Phrase& phrase : syntax::phrases())
    if (phrase.seen == word) rows.push_back(&phrase);
  return rows;
}

// Of a mistake or a repair without the `@place` where it stands.
std::string_view code_of(std::string_view code) {
  return code.starts_with('@') ? code.substr(code.find(' ') + 1) : code;
}

void print_phrases(const std::vector<const Phrase*>& rows, bool json) {
  for (const Phrase* row : rows) {
    if (json) {
      const nlohmann::ordered_json line{{"event", "explain"},
                                        {"word", std::string(row->seen)},
                                        {"text", std::string(row->advice)},
                                        {"mistake", std::string(code_of(row->mistake))},
                                        {"repair", std::string(code_of(row->repair))}};
      fmt::print("{}\n", line.dump());
    } else {
      fmt::print("{}: {}\n    {}\n", row->seen, row->advice, code_of(row->mistake));
      if (!row->repair.empty()) fmt::print("    becomes\n    {}\n", code_of(row->repair));
    }
  }
}

void print_example(const std::string& place, const std::string& example, const char* indent);
void print_legend(std::string_view example);

void print_repair(const diag::Explanation& more) {
  if (more.place == "test") return fmt::print("An example is the test {}.\n", more.mistake);
  if (more.mistake.empty()) return;
  print_example(std::string(more.place), std::string(more.mistake), "    ");
  if (!more.repair.empty()) {
    fmt::print("    becomes\n");
    print_example(std::string(more.place), std::string(more.repair), "    ");
  }
  if (more.place != "program" && more.place != "rows")
    print_legend(std::string(more.mistake) + " " + std::string(more.repair));
}

void print_kind(const diag::Kind& kind, bool json) {
  const bool warning = kind.severity == diag::Severity::warning, error = kind.severity == diag::Severity::error;
  const std::string text = with_gaps(kind.format);
  if (!json) {
    fmt::print("{} {} ({})\n  {}\n", kind.code, kind.name,
               warning ? "warning"
               : error ? "error"
                       : "not supported yet",
               text);
    if (const diag::Explanation* more = diag::explanation(kind)) {
      fmt::print("\n{}\n", more->text);
      print_repair(*more);
    }
    std::vector<const Phrase*> rows = phrases_of(kind);
    if (rows.empty()) return;
    constexpr size_t kShown = 3;
    rows.resize(std::min(rows.size(), kShown));
    fmt::print("\nOften it is a word of another language or library; `mtlc explain WORD` knows many:\n");
    print_phrases(rows, false);
    return;
  }
  nlohmann::ordered_json line{{"event", "explain"},
                              {"code", kind.code},
                              {"name", kind.name},
                              {"severity", warning ? "warning"
                                           : error ? "error"
                                                   : "unsupported"},
                              {"text", text}};
  if (const diag::Explanation* more = diag::explanation(kind)) {
    line["about"] = more->text;
    if (!more->mistake.empty()) line["mistake"] = more->mistake, line["repair"] = more->repair;
  }
  fmt::print("{}\n", line.dump());
}

void print_example(const std::string& place, const std::string& example, const char* indent) {
  for (const Piece& piece : pieces_of(place, example)) {
    const std::string where = place_text(piece.place);
    for (const std::string& line : split(piece.code, "\n")) fmt::print("{}{}\n", indent, line);
    if (!where.empty() && piece.place != "value") fmt::print("{}  ({})\n", indent, where);
  }
}

std::set<std::string> words_of(std::string_view text) {
  std::set<std::string> words;
  std::string word;
  for (const char c : std::string(text) + " ") {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (letter) word += c;
    if (!letter) words.insert(std::exchange(word, ""));
  }
  return words;
}

// What the names of the program mean in which short examples stand (grammar/README.md, "Short blocks").
void print_legend(std::string_view example) {
  const std::set<std::string> words = words_of(example);
  constexpr std::pair<const char*, const char*> kNames[] = {{"h", "`h` is f32[T, 32]"},
                                                            {"r", "`r` is f32[32]"},
                                                            {"news", "`news` is a source of texts"},
                                                            {"encoder", "`encoder` is a shared layer"}};
  std::vector<std::string> meanings;
  for (const auto& [name, meaning] : kNames)
    if (words.contains(name)) meanings.emplace_back(meaning);
  if (!meanings.empty()) fmt::print("  where {}\n", join(meanings, ", ", " and "));
}

void print_topic(const Topic& topic, bool json) {
  if (json) {
    nlohmann::ordered_json line{
        {"event", "explain"}, {"name", topic.name}, {"severity", topic.kind}, {"text", topic.about}};
    const auto add = [&](const char* key, const std::string& text) {
      if (!text.empty()) line[key] = text;
    };
    add("form", topic.form);
    add("default", topic.initial);
    add(topic.kind == "metric" ? "targets" : "unit", topic.unit);
    add("shape", topic.shape);
    add("example", topic.example);
    if (!topic.supported) line["supported"] = false;
    fmt::print("{}\n", line.dump());
    return;
  }
  fmt::print("{} ({}{})\n", topic.name, topic.kind, topic.supported ? "" : ", not supported yet");
  if (!topic.form.empty()) fmt::print("  {}\n", topic.form);
  fmt::print("  {}\n", topic.about);
  if (!topic.shape.empty()) fmt::print("  shape of the result: {}\n", topic.shape);
  if (!topic.initial.empty()) fmt::print("  default: {}\n", topic.initial);
  if (!topic.unit.empty()) fmt::print("  {}: {}\n", topic.kind == "metric" ? "targets" : "unit", topic.unit);
  if (topic.example.empty()) return;
  fmt::print("  example:\n");
  print_example(topic.place, topic.example, "    ");
  print_legend(topic.example);
}

// All that has this name: `mean` is a primitive and a metric of a model. `ops.lstm` is also asked for as `lstm`.
std::vector<Topic> topics_of(const std::string& name) {
  std::vector<Topic> found;
  for (const Part& part : reference()) {
    if (part.repeats) continue;
    for (const Topic& topic : part.topics)
      if (topic.name == name || topic.name == "ops." + name) found.push_back(topic);
  }
  std::stable_partition(found.begin(), found.end(), [](const Topic& topic) { return topic.supported; });
  return found;
}

// Settings whose form has this word: `patience` is written in `stop`.
std::vector<Topic> topics_with(const std::string& word) {
  std::vector<Topic> found;
  for (const Part& part : reference()) {
    if (part.repeats || part.name.starts_with("std.") || part.name == "commands") continue;
    for (const Topic& topic : part.topics)
      if (words_of(topic.form).contains(word)) found.push_back(topic);
  }
  constexpr size_t kTellsSomething = 6;  // `name` stands in many
  if (found.size() > kTellsSomething) found.clear();
  return found;
}

}  // namespace

int run_explain(const Options& options) {
  const std::string& asked = options.file;
  if (const std::vector<Topic> topics = topics_of(asked); !topics.empty()) {
    for (const Topic& topic : topics) print_topic(topic, options.json);
    return kGood;
  }
  std::vector<std::string> names;
  for (const diag::Kind* kind : diag::all_kinds()) {
    if (same_word(asked, kind->code) || same_word(asked, kind->name)) {
      print_kind(*kind, options.json);
      return kGood;
    }
    names.emplace_back(kind->name);
  }
  const std::vector<const Phrase*> rows = phrases_for(asked);
  const std::vector<Topic> topics = topics_with(asked);
  if (!rows.empty()) print_phrases(rows, options.json);
  for (const Topic& topic : topics) print_topic(topic, options.json);
  if (!rows.empty() || !topics.empty()) return kGood;
  Front front(options);
  for (const Part& part : reference())
    for (const Topic& topic : part.topics)
      if (!part.repeats) names.push_back(topic.name);
  const auto near = nearest(asked, names);
  front.emitter()
      .report(diag::UnknownCode, excerpt(asked))
      .help(near ? "did you mean `" + *near + "`?" : "a message has its code in brackets: error[E0312]");
  front.flush_reports();
  return kUserError;
}

}  // namespace mtl::driver
