// Static values: everything that is known before anything runs, and the rules by which they are computed.
//
// Used for constants, settings and families here, and by elaborate for static arguments, loop bounds, shapes and
// conditions inside bodies. Names come from a StaticScope, so each user decides what a name means in its place.
// There are two binding times: values known from the source, and values that wait for the data (|en|). The latter
// carry `from_data`, also when the data is loaded and their number is known, so that `if |en| > 3` is the same error
// with and without data.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "compiler/syntax/ast.h"
#include "compiler/types/dim.h"
#include "support/diag/emitter.h"

namespace mtl::sema {

// How a parameter starts. Without formulas: elaborate turns it into elaborate::Init.
struct Initializer {
  enum class Kind : uint8_t {
    zeros,
    ones,
    constant,
    normal,
    uniform,
    glorot_uniform,
    he_normal,
    orthogonal,
    one_hot_mix
  } kind = Kind::zeros;
  double a = 0, b = 0;  // constant: a; normal: mean a, deviation b; uniform: a to b; one_hot_mix: a
  bool operator==(const Initializer&) const = default;
};

struct Fraction {  // 10% is 0.1
  double value = 0;
  bool operator==(const Fraction&) const = default;
};
struct Open {  // a truth value or number that waits for the data; its text is for messages
  std::string text;
  bool operator==(const Open&) const = default;
};

struct StaticValue {
  using List = std::vector<StaticValue>;
  using ListPtr = std::shared_ptr<const List>;
  std::variant<int64_t, double, bool, std::string, Fraction, ListPtr, Initializer, types::Dim, Open> value;
  bool from_data = false;
  int depth = 0;  // how deep lists are nested in it

  static StaticValue list(List items);
  // A size: `known` if the data is loaded, else the atom `name` ("|en|").
  static StaticValue size(const std::string& name, std::optional<int64_t> known);

  bool is_int() const { return std::holds_alternative<int64_t>(value); }
  bool is_bool() const { return std::holds_alternative<bool>(value); }
  bool is_text() const { return std::holds_alternative<std::string>(value); }
  bool is_list() const { return std::holds_alternative<ListPtr>(value); }
  bool is_initializer() const { return std::holds_alternative<Initializer>(value); }
  bool is_open() const { return std::holds_alternative<Open>(value); }
  bool is_number() const;                    // int, float or fraction, known
  std::optional<int64_t> as_int() const;     // an int, also of a size whose number is known
  std::optional<double> as_number() const;   // int, float, fraction, known size
  std::optional<types::Dim> as_dim() const;  // an int or a size
  const List& items() const;                 // MTL_CHECKs that it is a list
  const std::string& string() const;         // MTL_CHECKs

  std::string text() const;       // as in a source: 128, 0.1, "books", [1, 2], 2 * |en|; long lists are cut
  const char* type_name() const;  // "int", "float", "bool", "string", "fraction", "list", "initializer", "size"
  bool operator==(const StaticValue& other) const;
};

// What names mean in one place.
class StaticScope {
 public:
  virtual ~StaticScope() = default;
  virtual std::optional<StaticValue> lookup(const std::string& name) const = 0;
  // |a.b|, |en|; nullopt: there is no such size here (the evaluator reports it).
  virtual std::optional<StaticValue> size(const syntax::SizeExpr&) const { return std::nullopt; }
  // What is in scope, for "did you mean".
  virtual std::vector<std::string> names() const { return {}; }
  // Reports a name that `lookup` does not know; true if it said something better than "unknown name".
  virtual bool explain_unknown(const std::string&, SourceRange, diag::Emitter&) const { return false; }
};

// Ends every evaluation: steps over a whole compilation, elements of one list, depth of one expression.
struct StaticBudget {
  int64_t steps = 10'000'000;
  static constexpr int64_t kListElements = 1'000'000;
  static constexpr int kDepth = 400;
  static constexpr int kNesting = 200;        // of lists (and, in elaborate, of layers) as values
  static constexpr size_t kString = 1 << 20;  // bytes of one string
  bool exhausted = false;                     // reported once
};

// Computes `expr`. nullopt after a report (or silently on ErrorExpr and after `budget` is exhausted).
class StaticEvaluator {
 public:
  StaticEvaluator(diag::Emitter& emitter, StaticBudget& budget) : emitter_(emitter), budget_(budget) {}

  std::optional<StaticValue> evaluate(const syntax::Expr& expr, const StaticScope& scope);
  // With the wanted form; `what` opens the message: "the number of layers".
  std::optional<int64_t> integer(const syntax::Expr& expr, const StaticScope& scope, std::string_view what);
  std::optional<bool> condition(const syntax::Expr& expr, const StaticScope& scope, std::string_view what);

  // The rules by themselves, for elaborate, whose operands may be computed by other means.
  std::optional<StaticValue> unary(syntax::UnaryOp op, const StaticValue& operand, SourceRange range);
  std::optional<StaticValue> binary(syntax::BinaryOp op, const StaticValue& left, const StaticValue& right,
                                    SourceRange range);
  std::optional<StaticValue> element(const StaticValue& list, const StaticValue& index, SourceRange range);
  // A function of static values: len div mod min max abs sqrt exp log float, and the initialisers.
  struct Named {
    std::string name;  // empty: by position
    StaticValue value;
    SourceRange range;
  };
  std::optional<StaticValue> call(const std::string& function, const std::vector<Named>& arguments, SourceRange range);
  // The text of a string with its `{d}` filled in.
  std::optional<std::string> interpolate(const syntax::StringExpr& text, const StaticScope& scope, SourceRange range);
  // A list of known values; nullopt after a report if it is nested too deep.
  std::optional<StaticValue> list(StaticValue::List items, SourceRange range);
  // False after a report if a string got too long.
  bool string_fits(const std::string& text, SourceRange range);
  // Says that a value waits for the data where it may not; false if it did.
  bool require_now(const StaticValue& value, SourceRange range, std::string_view what);

  diag::Emitter& emitter() { return emitter_; }

 private:
  std::optional<StaticValue> dispatch(const syntax::Expr& expr, const StaticScope& scope);
  std::optional<StaticValue> name(const syntax::NameExpr& node, const StaticScope& scope, SourceRange range);
  std::optional<StaticValue> generate(const syntax::GeneratorExpr& node, const StaticScope& scope, SourceRange range);
  bool generate_from(const syntax::GeneratorExpr& node, size_t clause, const StaticScope& scope, StaticValue::List& out,
                     SourceRange range);
  std::optional<StaticValue> choose(const syntax::IfExpr& node, const StaticScope& scope);
  std::optional<StaticValue> call_expr(const syntax::CallExpr& node, const StaticScope& scope, SourceRange range);
  std::optional<StaticValue> index_expr(const syntax::IndexExpr& node, const StaticScope& scope, SourceRange range);
  std::optional<StaticValue> short_circuit(const syntax::BinaryExpr& node, const StaticScope& scope);
  bool step(SourceRange range, int64_t count = 1);

  diag::Emitter& emitter_;
  StaticBudget& budget_;
  int depth_ = 0;
};

// True for functions that `call` knows.
bool is_static_function(const std::string& name);
bool is_initializer(const std::string& name);

// A scope of one name in front of another scope: loop variables, family members.
class InnerScope : public StaticScope {
 public:
  InnerScope(const StaticScope& outer, std::string name, StaticValue value)
      : outer_(outer), name_(std::move(name)), value_(std::move(value)) {}
  std::optional<StaticValue> lookup(const std::string& name) const override {
    return name == name_ ? std::optional(value_) : outer_.lookup(name);
  }
  std::optional<StaticValue> size(const syntax::SizeExpr& size) const override { return outer_.size(size); }
  std::vector<std::string> names() const override;
  bool explain_unknown(const std::string& name, SourceRange range, diag::Emitter& emitter) const override {
    return outer_.explain_unknown(name, range, emitter);
  }

 private:
  const StaticScope& outer_;
  std::string name_;
  StaticValue value_;
};

}  // namespace mtl::sema
