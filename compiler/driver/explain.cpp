// mtlc explain: what a code or a metric means, or what is written for a word of another language.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "compiler/base/text.h"
#include "compiler/diag/explanations.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/model.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/diag/kinds/syntax.h"
#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/syntax/phrases.h"
#include "training/config.h"

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
      if (!more->mistake.empty()) fmt::print("    {}\n    becomes\n    {}\n", more->mistake, more->repair);
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

void print_metric(training::Metric metric, bool json) {
  const char *name = training::metric_name(metric), *about = training::metric_about(metric);
  if (!json) {
    fmt::print("{} (metric)\n  {}\n", name, about);
    return;
  }
  const nlohmann::ordered_json line{{"event", "explain"}, {"name", name}, {"severity", "metric"}, {"text", about}};
  fmt::print("{}\n", line.dump());
}

}  // namespace

int run_explain(const Options& options) {
  const std::string& asked = options.file;
  if (const auto metric = training::metric_from_name(asked)) {
    print_metric(*metric, options.json);
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
  if (const std::vector<const Phrase*> rows = phrases_for(asked); !rows.empty()) {
    print_phrases(rows, options.json);
    return kGood;
  }
  Front front(options);
  const auto near = nearest(asked, names);
  front.emitter()
      .report(diag::UnknownCode, excerpt(asked))
      .help(near ? "did you mean `" + *near + "`?" : "a message has its code in brackets: error[E0312]");
  front.flush_reports();
  return kUserError;
}

}  // namespace mtl::driver
