// See settings.h.
#include "compiler/sema/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "compiler/sema/train_tables.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string choices(const std::vector<std::string>& known, std::string_view word, std::string_view noun) {
  if (const std::optional<std::string> near = nearest(word, known)) return "did you mean `" + *near + "`?";
  if (known.empty()) return {};
  return std::string(noun) + join(known, ", ", " and ");
}

std::string help_for_argument(const std::string& given, const std::vector<std::string>& names) {
  const std::string said =
      given.size() > 2 && nearest(given, names) ? "" : syntax::advice(syntax::PhrasePlace::argument, given);
  if (names.empty()) return "it takes none";
  return said.empty() ? choices(names, given, "it takes ") : said + "; it takes " + join(names, ", ", " and ");
}

// `"adam"`, `torch.optim.Adam(...)`: the word of the table that is meant.
std::optional<std::string> word_in(const syntax::Expr& expr, const std::vector<std::string>& known) {
  const auto meant = [&](const std::string& word) {
    return std::find(known.begin(), known.end(), word) != known.end() ? word : nearest(word, known);
  };
  if (const auto* call = std::get_if<syntax::CallExpr>(&expr.node)) return word_in(*call->callee, known);
  if (const auto* member = std::get_if<syntax::MemberExpr>(&expr.node)) return meant(member->member.text);
  const auto* text = std::get_if<syntax::StringExpr>(&expr.node);
  return text && text->parts.size() == 1 ? meant(text->parts[0].text) : std::nullopt;
}

std::string quoted(std::string_view what) {
  return "`" + std::string(what) + "`";
}

// `data/train.conll` without quotes, which reads as a quotient: the text that is meant, if a path of names can be it.
std::optional<std::string> unquoted_path(const syntax::Expr& expr) {
  if (const auto* name = std::get_if<syntax::NameExpr>(&expr.node)) return name->name;
  if (const auto* number = std::get_if<syntax::IntExpr>(&expr.node)) return std::to_string(number->value);
  if (const auto* member = std::get_if<syntax::MemberExpr>(&expr.node)) {
    const std::optional<std::string> base = unquoted_path(*member->base);
    return base ? std::optional(*base + "." + member->member.text) : std::nullopt;
  }
  const auto* binary = std::get_if<syntax::BinaryExpr>(&expr.node);
  const bool divides = binary != nullptr && binary->op == syntax::BinaryOp::divide;
  if (!divides && !(binary != nullptr && binary->op == syntax::BinaryOp::subtract)) return std::nullopt;
  const std::optional<std::string> left = unquoted_path(*binary->left), right = unquoted_path(*binary->right);
  return left && right ? std::optional(*left + (divides ? "/" : "-") + *right) : std::nullopt;
}
}  // namespace

const Range kPositive{0, kInfinity, true, true, "above 0"};
const Range kNotNegative{0, kInfinity, false, true, "0 or more"};
const Range kBelowOne{0, 1, false, true, "from 0 to below 1"};
const Range kOpenUnit{0, 1, true, true, "between 0 and 1"};
const Range kAnyNumber{-kInfinity, kInfinity, true, true, "finite"};

bool Range::holds(double number) const {
  const bool above = open_low ? number > low : number >= low;
  const bool below = open_high ? number < high : number <= high;
  return above && below;
}

const std::vector<std::string>& balancing_methods() {
  static const std::vector<std::string> names = names_of(balancing_entries());
  return names;
}

const std::vector<std::string>& train_settings() {
  static const std::vector<std::string> names = names_of(train_entries());
  return names;
}

const std::vector<std::string>& task_settings() {
  static const std::vector<std::string> names = names_of(task_entries());
  return names;
}

const syntax::Expr* Bound::operator[](std::string_view name) const {
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return values[i];
  }
  MTL_CHECK(false, "an argument that is not in the table of its word");
}

bool is_broken(const syntax::Expr& expr) {
  return std::holds_alternative<syntax::ErrorExpr>(expr.node);
}

std::optional<Word> as_word(const syntax::Expr& expr) {
  if (const auto* name = std::get_if<syntax::NameExpr>(&expr.node)) {
    return Word{name->name, expr.range, nullptr, expr.range};
  }
  const auto* call = std::get_if<syntax::CallExpr>(&expr.node);
  const auto* callee = call ? std::get_if<syntax::NameExpr>(&call->callee->node) : nullptr;
  if (callee == nullptr) return std::nullopt;
  return Word{callee->name, call->callee->range, &call->arguments, expr.range};
}

std::vector<const syntax::Expr*> pipeline(const syntax::Expr& expr) {
  std::vector<const syntax::Expr*> parts;
  const syntax::Expr* at = &expr;
  while (const auto* pipe = std::get_if<syntax::BinaryExpr>(&at->node)) {
    if (pipe->op != syntax::BinaryOp::pipe) break;
    parts.push_back(pipe->right.get());
    at = pipe->left.get();
  }
  parts.push_back(at);
  std::reverse(parts.begin(), parts.end());
  return parts;
}

SettingReader::SettingReader(const CheckedFile& file, UnitId unit, diag::Emitter& emitter)
    : file_(file), scope_(file_, unit), emitter_(emitter), evaluator_(emitter, budget_) {}

std::optional<StaticValue> SettingReader::value(const syntax::Expr& expr) {
  return evaluator_.evaluate(expr, scope_);
}

std::optional<int64_t> SettingReader::integer(const syntax::Expr& expr, std::string_view what, int64_t low) {
  const std::optional<StaticValue> found = value(expr);
  if (!found || !evaluator_.require_now(*found, expr.range, quoted(what))) return std::nullopt;
  const std::optional<int64_t> number = found->is_int() ? found->as_int() : std::nullopt;
  if (!number) {
    emitter_.report(diag::StaticWrongType, quoted(what), found->type_name(), "an int").at(expr.range);
    return std::nullopt;
  }
  constexpr int64_t kMost = 1000000000000;  // so that sums of them are numbers too
  if (*number > kMost) {
    emitter_.report(diag::NumberOutside, what, "at most 1000000000000", found->text()).at(expr.range);
    return std::nullopt;
  }
  if (*number >= low) return number;
  emitter_
      .report(diag::NumberOutside, what,
              low == 1   ? "1 or more"
              : low == 0 ? "0 or more"
                         : std::to_string(low) + " or more",
              found->text())
      .at(expr.range);
  return std::nullopt;
}

std::optional<StaticValue> SettingReader::number_value(const syntax::Expr& expr, std::string_view what) {
  std::optional<StaticValue> found = value(expr);
  if (!found || !evaluator_.require_now(*found, expr.range, quoted(what))) return std::nullopt;
  if (found->as_number()) return found;
  emitter_.report(diag::StaticWrongType, quoted(what), found->type_name(), "a number").at(expr.range);
  return std::nullopt;
}

bool SettingReader::check_range(const StaticValue& number, SourceRange at, std::string_view what, const Range& range) {
  if (range.holds(*number.as_number())) return true;
  emitter_.report(diag::NumberOutside, what, range.text, number.text()).at(at);
  return false;
}

bool SettingReader::check32(const StaticValue& number, SourceRange at, std::string_view what, const Range& range) {
  if (!check_range(number, at, what, range)) return false;
  const double exact = *number.as_number();
  const bool infinite = std::abs(exact) > std::numeric_limits<float>::max();
  const float held = infinite ? std::numeric_limits<float>::infinity() : static_cast<float>(exact);
  if (range.holds(held)) return true;
  std::array<char, 32> nearest;
  const auto end = std::to_chars(nearest.data(), nearest.data() + nearest.size(), held).ptr;
  emitter_.report(diag::NumberOutside, what, range.text, number.text())
      .at(at)
      .note("training keeps it as a 32-bit number, and there it is " +
            (infinite ? "infinite: they end at 3.4e38" : std::string(nearest.data(), end)));
  return false;
}

std::optional<double> SettingReader::number(const syntax::Expr& expr, std::string_view what, const Range& range) {
  const std::optional<StaticValue> found = number_value(expr, what);
  return found && check_range(*found, expr.range, what, range) ? found->as_number() : std::nullopt;
}

std::optional<double> SettingReader::number32(const syntax::Expr& expr, std::string_view what, const Range& range) {
  const std::optional<StaticValue> found = number_value(expr, what);
  return found && check32(*found, expr.range, what, range) ? found->as_number() : std::nullopt;
}

std::optional<bool> SettingReader::boolean(const syntax::Expr& expr, std::string_view what) {
  return evaluator_.condition(expr, scope_, quoted(what));
}

bool SettingReader::lacks_quotes(const syntax::Expr& expr, std::string_view what) {
  const auto* name = std::get_if<syntax::NameExpr>(&expr.node);
  const bool meant = name != nullptr && (scope_.lookup(name->name) || nearest(name->name, scope_.names()));
  const std::optional<std::string> path = meant ? std::nullopt : unquoted_path(expr);
  if (!path || std::holds_alternative<syntax::IntExpr>(expr.node)) return false;
  static const std::map<std::string, std::string> kSeparators{
      {"tab", "\\t"}, {"comma", ","}, {"semicolon", ";"}, {"space", " "}, {"pipe", "|"}};
  const auto separator = what == "separator" ? kSeparators.find(*path) : kSeparators.end();
  const std::string text = separator == kSeparators.end() ? *path : separator->second;
  emitter_.report(diag::StaticWrongType, quoted(what), "text without quotes", "a string")
      .at(expr.range)
      .help("write `" + std::string(what) + " = \"" + text + "\"`");
  return true;
}

std::optional<std::string> SettingReader::text(const syntax::Expr& expr, std::string_view what) {
  if (lacks_quotes(expr, what)) return std::nullopt;
  const std::optional<StaticValue> found = value(expr);
  if (!found) return std::nullopt;
  if (found->is_text()) return found->string();
  emitter_.report(diag::StaticWrongType, quoted(what), found->type_name(), "a string").at(expr.range);
  return std::nullopt;
}

std::optional<std::vector<std::string>> SettingReader::texts(const syntax::Expr& expr, std::string_view what) {
  if (lacks_quotes(expr, what)) return std::nullopt;
  const std::optional<StaticValue> found = value(expr);
  if (!found) return std::nullopt;
  if (found->is_text()) return std::vector<std::string>{found->string()};
  std::vector<std::string> out;
  bool good = found->is_list();
  if (good) {
    for (const StaticValue& item : found->items()) {
      good = good && item.is_text();
      if (good) out.push_back(item.string());
    }
  }
  if (good) return out;
  emitter_
      .report(diag::StaticWrongType, quoted(what), found->is_list() ? "a list of something else" : found->type_name(),
              "a string or a list of strings")
      .at(expr.range)
      .help(what == "label" || what == "labels" ? "classes are those of train, or have names: `" + std::string(what) +
                                                      "(\"a\", \"b\")`; how many there are is not said"
                                                : "");
  return std::nullopt;
}

std::optional<Word> SettingReader::word(const syntax::Expr& expr, std::string_view what,
                                        const std::vector<std::string>& known) {
  if (is_broken(expr)) return std::nullopt;
  std::optional<Word> word = as_word(expr);
  if (!word) {
    const std::optional<std::string> meant = word_in(expr, known);
    emitter_.report(diag::NeedsWord, what)
        .at(expr.range)
        .help(meant               ? "write `" + *meant + "`: a word, without quotes or prefix"
              : known.size() == 1 ? "write `" + known[0] + "(...)`"
                                  : "it is one of " + join(known, ", ", " and "));
    return std::nullopt;
  }
  if (std::find(known.begin(), known.end(), word->name) != known.end()) return word;
  emitter_.report(diag::UnknownChoice, what, word->name)
      .at(word->range)
      .help(known.size() == 1 ? "write `" + known[0] + "(...)`" : choices(known, word->name, "it is one of "));
  return std::nullopt;
}

std::optional<Bound> SettingReader::bind(const Word& word, const std::vector<std::string>& names, size_t required) {
  Bound bound{names, std::vector<const syntax::Expr*>(names.size(), nullptr)};
  static const std::vector<syntax::Argument> nothing;
  const std::vector<syntax::Argument>& arguments = word.arguments ? *word.arguments : nothing;
  size_t position = 0;
  for (const syntax::Argument& argument : arguments) {
    size_t at = position;
    if (argument.name) {
      at = std::find(names.begin(), names.end(), argument.name->text) - names.begin();
      if (at == names.size()) {
        emitter_.report(diag::UnknownArgument, word.name, argument.name->text)
            .at(argument.name->range)
            .help(help_for_argument(argument.name->text, names));
        return std::nullopt;
      }
    } else {
      ++position;
    }
    if (at >= names.size()) {
      emitter_.report(diag::TooManyArguments, word.name, count_of(names.size(), "argument"))
          .at(argument.value->range)
          .help(names.empty() ? "" : "they are " + join(names, ", ", " and "));
      return std::nullopt;
    }
    if (bound.values[at] != nullptr) {
      emitter_.report(diag::DoubledArgument, names[at]).at(argument.value->range);
      return std::nullopt;
    }
    bound.values[at] = argument.value.get();
  }
  for (size_t i = 0; i < required; ++i) {
    if (bound.values[i] != nullptr) continue;
    emitter_.report(diag::MissingArgument, word.name, names[i]).at(word.whole);
    return std::nullopt;
  }
  return bound;
}

std::string text_of(const syntax::ExprPtr& expr, const diag::Emitter& emitter) {
  if (!expr || !expr->range.valid() || emitter.sources() == nullptr) return "";
  const std::string_view text = emitter.sources()->file(expr->range.file).text();
  return std::string(text.substr(expr->range.begin, expr->range.end - expr->range.begin));
}

std::string help_for_setting(syntax::PhrasePlace place, const std::string& name, const std::vector<std::string>& known,
                             const std::string& value) {
  using syntax::PhrasePlace;
  if (std::string said = syntax::advice(place, name, value); !said.empty()) return said;
  if (const std::optional<std::string> near = nearest(name, known)) return "did you mean `" + *near + "`?";
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (place != PhrasePlace::train && has(train_settings()))
    return "it is a setting of training: write `train { " + name + " = ... }` in the model";
  if (place != PhrasePlace::task && has(task_settings()))
    return "it is a setting of a task: write `task NAME predicts ... { " + name + " = ... }`";
  return "its settings are " + join(known, ", ", " and ");
}

bool SettingReader::known_setting(const syntax::Name& name, std::string_view of, syntax::PhrasePlace place,
                                  const std::vector<std::string>& known, std::vector<std::string>& seen,
                                  const syntax::ExprPtr& value) {
  if (name.text.empty()) return false;
  if (std::find(known.begin(), known.end(), name.text) == known.end()) {
    emitter_.report(diag::UnknownSetting, of, name.text)
        .at(name.range)
        .help(help_for_setting(place, name.text, known, text_of(value, emitter_)));
    return false;
  }
  if (std::find(seen.begin(), seen.end(), name.text) != seen.end()) {
    emitter_.report(diag::DoubledSetting, name.text).at(name.range);
    return false;
  }
  seen.push_back(name.text);
  return true;
}

}  // namespace mtl::sema
