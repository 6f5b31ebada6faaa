// Closed tables of settings, and a reader for their values. A setting's value is looked up by the kind of the setting
// and never in scope, so `const conll = 3` cannot change `format = conll`; only numbers and strings are static
// expressions that may name constants.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/sema/checked.h"
#include "compiler/syntax/phrases.h"

namespace mtl::sema {

const std::vector<std::string>& balancing_methods();
const std::vector<std::string>& task_settings();
const std::vector<std::string>& train_settings();

// A word with arguments: adamw(lr = 1e-3), conll, temperature(2).
struct Word {
  std::string name;
  SourceRange range;                                         // of the word alone
  const std::vector<syntax::Argument>* arguments = nullptr;  // null: no parentheses
  SourceRange whole;
};

// Arguments of a word, by the names of its parameters; missing ones are null.
struct Bound {
  std::vector<std::string> names;
  std::vector<const syntax::Expr*> values;
  const syntax::Expr* operator[](std::string_view name) const;
};

struct Range {  // of a number
  double low = 0, high = 0;
  bool open_low = false, open_high = false;  // the end itself is outside
  const char* text = "";                     // "above 0", "from 0 to below 1"
  bool holds(double number) const;
};
extern const Range kPositive, kNotNegative, kBelowOne, kOpenUnit, kAnyNumber;

class SettingReader {
 public:
  SettingReader(const CheckedFile& file, UnitId unit, diag::Emitter& emitter);

  // nullopt after a report (or silently on broken expressions).
  std::optional<StaticValue> value(const syntax::Expr& expr);
  std::optional<int64_t> integer(const syntax::Expr& expr, std::string_view what, int64_t low);
  std::optional<double> number(const syntax::Expr& expr, std::string_view what, const Range& range);
  // The same of one that training keeps in 32 bits: there, too, it has to be in the range.
  std::optional<double> number32(const syntax::Expr& expr, std::string_view what, const Range& range);
  bool check32(const StaticValue& number, SourceRange at, std::string_view what, const Range& range);
  std::optional<bool> boolean(const syntax::Expr& expr, std::string_view what);
  std::optional<std::string> text(const syntax::Expr& expr, std::string_view what);
  std::optional<std::vector<std::string>> texts(const syntax::Expr& expr, std::string_view what);  // one or a list
  // A word of a closed table, with or without arguments. `what` is the setting.
  std::optional<Word> word(const syntax::Expr& expr, std::string_view what, const std::vector<std::string>& known);
  // Its arguments, in the order of `names`; those from `required` on may be left out.
  std::optional<Bound> bind(const Word& word, const std::vector<std::string>& names, size_t required = 0);
  // A report unless every setting is in the table and stands once; true if this one is to be read.
  bool known_setting(const syntax::Name& name, std::string_view of, syntax::PhrasePlace place,
                     const std::vector<std::string>& known, std::vector<std::string>& seen,
                     const syntax::ExprPtr& value);

  StaticEvaluator& evaluator() { return evaluator_; }
  diag::Emitter& emitter() { return emitter_; }

 private:
  bool lacks_quotes(const syntax::Expr& expr, std::string_view what);  // true after a report
  std::optional<StaticValue> number_value(const syntax::Expr& expr, std::string_view what);
  bool check_range(const StaticValue& number, SourceRange at, std::string_view what, const Range& range);

  const CheckedFile& file_;
  TopScope scope_;
  StaticBudget budget_;
  diag::Emitter& emitter_;
  StaticEvaluator evaluator_;
};

// What to write instead of a setting that there is not: what the phrase book says, the nearest, the block that has it,
// or all that there are.
// `value`: what it is given, as it is written.
std::string help_for_setting(syntax::PhrasePlace place, const std::string& name, const std::vector<std::string>& known,
                             const std::string& value = {});
// An expression as the file has it; empty: there is none.
std::string text_of(const syntax::ExprPtr& expr, const diag::Emitter& emitter);
// The word of an expression of the form `name` or `name(...)`, whatever it is.
std::optional<Word> as_word(const syntax::Expr& expr);
// a |> b(1) |> c as its parts, from left to right.
std::vector<const syntax::Expr*> pipeline(const syntax::Expr& expr);
bool is_broken(const syntax::Expr& expr);

}  // namespace mtl::sema
