// Each row of the phrase book, in a program: the mistake is one error that says what the row says, the repair compiles,
// and what is said begins as the repair does.
#include "compiler/syntax/phrases.h"

#include <catch2/catch.hpp>
#include <cctype>
#include <map>
#include <set>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/checked.h"
#include "tests/book/frame.h"

namespace mtl::elaborate {
namespace {

using syntax::Phrase;
using syntax::PhrasePlace;

std::string place_of(const Phrase& phrase) {
  switch (phrase.place) {
    case PhrasePlace::value:
    case PhrasePlace::member:
    case PhrasePlace::argument:
      return "value";
    case PhrasePlace::type:
    case PhrasePlace::declaration:
      return "declaration";
    case PhrasePlace::task:
      return "task";
    case PhrasePlace::train:
      return "train";
    case PhrasePlace::data:
      return "data";
    case PhrasePlace::vocab:
      return "vocab";
    case PhrasePlace::model:
    case PhrasePlace::statement:
      return "model";
  }
  return "";
}

struct Answer {
  size_t errors = 0;
  bool helped = false;
  std::string text;
};

Answer check(const std::string& program, std::string_view advice) {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  const auto file = sema::check_text("phrase.mtl", program, sources, {}, emitter);
  if (file && !emitter.has_errors() && describe(*file, emitter)) elaborate(*file, {.training = true}, emitter);
  Answer answer;
  for (const diag::Diagnostic& report : emitter.sorted()) {
    if (report.kind->severity == diag::Severity::warning) continue;
    ++answer.errors;
    answer.text += std::string(report.kind->code) + " " + report.message + "\n";
    for (const std::string& help : report.helps) {
      answer.helped = answer.helped || help.starts_with(advice);
      answer.text += "  help: " + help + "\n";
    }
  }
  return answer;
}

// The word with which the first code of a help begins.
std::string first_word(std::string_view advice) {
  std::string word;
  const size_t begin = advice.find('`');
  for (size_t i = begin + 1; begin != advice.npos && i < advice.size(); ++i) {
    if (!std::isalnum(static_cast<unsigned char>(advice[i])) && advice[i] != '_') break;
    word += advice[i];
  }
  return word;
}

TEST_CASE("each mistake of the phrase book is one error with its help, and each repair compiles") {
  std::set<std::pair<PhrasePlace, std::string_view>> seen;
  for (const Phrase& phrase : syntax::phrases()) {
    INFO(phrase.seen);
    CHECK(seen.insert({phrase.place, phrase.seen}).second);
    const Answer mistake = check(book::program_with(place_of(phrase), phrase.mistake), phrase.advice);
    {
      INFO(phrase.mistake << "\n" << mistake.text);
      CHECK(mistake.errors == 1);
      CHECK(mistake.helped);
    }
    const Answer repair = check(book::program_with(place_of(phrase), phrase.repair), phrase.advice);
    INFO(phrase.repair << "\n" << repair.text);
    CHECK(repair.errors == 0);
    const bool advised = phrase.advice.starts_with("write ");
    const std::string word = first_word(phrase.advice);
    if (advised && word.size() > 1 && !phrase.repair.empty()) CHECK(phrase.repair.find(word) != phrase.repair.npos);
  }
}

TEST_CASE("settings of training are known in other blocks, with a word about where they belong") {
  for (const PhrasePlace place : {PhrasePlace::task, PhrasePlace::model, PhrasePlace::declaration}) {
    CHECK(syntax::advice(place, "batch_size") == "write `batch = 32`; it belongs into the model's `train { ... }`");
  }
  CHECK(syntax::advice(PhrasePlace::train, "encoder").empty());
}

}  // namespace
}  // namespace mtl::elaborate
