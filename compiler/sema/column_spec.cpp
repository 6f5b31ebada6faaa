// See column_spec.h. What has to fit together (levels of sequence, number of columns, formats) is checked by
// data::plan_source on the whole source.
#include "compiler/sema/column_spec.h"

#include <algorithm>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using data::Binding;
using data::ColumnSpec;
using data::Transform;
using data::ValueKind;
using syntax::TypeExpr;

const std::vector<std::string>& bindings() {
  static const std::vector<std::string> known{"column", "columns", "comment", "field", "array", "offsets"};
  return known;
}

class ColumnReader {
 public:
  ColumnReader(const CheckedFile& file, UnitId unit, const syntax::ColumnDecl& decl, SettingReader& reader,
               DeclFacts& facts)
      : file_(file), unit_(unit), decl_(decl), reader_(reader), emitter_(reader.emitter()), facts_(facts) {}

  std::optional<ColumnSpec> read() {
    column_.name = decl_.name.text;
    column_.range = decl_.range;
    if (decl_.type.error) good_ = false;
    if (!decl_.type.error) type();
    if (decl_.binding && !is_broken(*decl_.binding)) {
      const std::vector<const syntax::Expr*> parts = pipeline(*decl_.binding);
      binding(*parts[0]);
      for (size_t i = 1; i < parts.size(); ++i) transform(*parts[i]);
    } else {
      good_ = false;
    }
    return good_ ? std::optional(std::move(column_)) : std::nullopt;
  }

 private:
  void unsupported(const diag::Kind& kind, std::string what, SourceRange range) {
    facts_.unsupported.push_back({&kind, std::move(what), range, {}});
    good_ = false;
  }
  diag::Report fail(const diag::Kind& kind, std::string a, std::string b) {
    good_ = false;
    return emitter_.report(kind, std::move(a), std::move(b));
  }

  // ---- type ----

  void type() {
    static const std::vector<std::string> known{"token", "category", "label", "labels", "bool", "f32", "index", "span"};
    const TypeExpr& type = decl_.type;
    const std::string& name = type.name.text;
    if (name == "index" || name == "span") return unsupported(diag::UnsupportedType, name, type.range);
    if (name == "token")
      column_.kind = ValueKind::token;
    else if (name == "category")
      column_.kind = ValueKind::category;
    else if (name == "label")
      column_.kind = ValueKind::label;
    else if (name == "labels")
      column_.kind = ValueKind::labels;
    else if (name == "bool")
      column_.kind = ValueKind::boolean;
    else if (name == "f32")
      column_.kind = ValueKind::number;
    else {
      const std::optional<std::string> near = nearest(name, known);
      good_ = false;
      emitter_.report(diag::UnknownType, name)
          .at(type.name.range)
          .help(near ? "did you mean `" + *near + "`?" : "columns are " + join(known, ", ", " or "));
      return;
    }
    arguments();
    dims();
  }

  void arguments() {
    const TypeExpr& type = decl_.type;
    if (column_.kind == ValueKind::token) return vocabulary();
    if (!type.has_arguments) return;
    if (column_.kind != ValueKind::label && column_.kind != ValueKind::labels) {
      return (void)fail(diag::WrongForm, type.name.text, type.name.text).at(type.range);
    }
    const bool one = type.arguments.size() == 1;
    const auto* member = one ? std::get_if<syntax::MemberExpr>(&type.arguments[0]->node) : nullptr;
    const auto* source = member ? std::get_if<syntax::NameExpr>(&member->base->node) : nullptr;
    if (source != nullptr) return labels_of(source->name, member->member.text, type.arguments[0]->range);
    for (const syntax::ExprPtr& argument : type.arguments) {
      std::optional<std::vector<std::string>> texts = reader_.texts(*argument, type.name.text);
      if (!texts) {
        good_ = false;
        return;
      }
      for (std::string& text : *texts) {
        const std::vector<std::string>& have = column_.fixed_labels;
        if (std::find(have.begin(), have.end(), text) != have.end()) {
          fail(diag::DuplicateName, "label", text).at(argument->range);
        }
        column_.fixed_labels.push_back(std::move(text));
      }
    }
  }

  void vocabulary() {
    const TypeExpr& type = decl_.type;
    const auto* name = type.arguments.size() == 1 ? std::get_if<syntax::NameExpr>(&type.arguments[0]->node) : nullptr;
    if (name == nullptr) return (void)fail(diag::WrongForm, "token", "token(VOCABULARY)").at(type.range);
    const Found* found = file_.find(unit_, name->name);
    if (found != nullptr && found->kind == DeclKind::vocab) {
      facts_.uses.insert(found->decl);
      column_.vocab = name->name;
      return;
    }
    good_ = false;
    const std::optional<std::string> near = nearest(name->name, file_.visible(unit_, {DeclKind::vocab}));
    emitter_.report(diag::UnknownVocab, name->name)
        .at(type.arguments[0]->range)
        .help(near ? "did you mean `" + *near + "`?" : "declare it: `vocab " + name->name + " { }`");
  }

  void labels_of(const std::string& source, const std::string& column, SourceRange range) {
    const Found* found = file_.find(unit_, source);
    if (found == nullptr || found->kind != DeclKind::data) {
      good_ = false;
      const std::optional<std::string> near = nearest(source, file_.visible(unit_, {DeclKind::data}));
      emitter_.report(diag::UnknownSource, source).at(range).help(near ? "did you mean `" + *near + "`?" : "");
      return;
    }
    facts_.uses.insert(found->decl);
    for (const syntax::ColumnDecl& other : found->as<syntax::DataDecl>().columns) {
      if (other.name.text != column) continue;
      const std::string& kind = other.type.name.text;
      if ((kind == "label" || kind == "labels") && &other != &decl_) {
        column_.labels_of = source + "." + column;
      } else {
        good_ = false;
        emitter_.report(diag::NoLabelSet, source + "." + column).at(range).label(other.range, "declared here");
      }
      return;
    }
    fail(diag::UnknownColumn, source, column).at(range);
  }

  void dims() {
    for (const TypeExpr::DimItem& dim : decl_.type.dims) {
      if (dim.kind == TypeExpr::DimItem::Kind::of)
        return unsupported(diag::UnsupportedType, "[S of T]", decl_.type.range);
      if (dim.kind == TypeExpr::DimItem::Kind::rest || !dim.size || is_broken(*dim.size)) {
        const bool broken = dim.size && is_broken(*dim.size);
        if (!broken) fail(diag::WrongForm, "...", decl_.type.name.text + "[T, 64]").at(dim.range);
        good_ = false;
        return;
      }
      const auto* name = std::get_if<syntax::NameExpr>(&dim.size->node);
      const bool capital = name && !name->name.empty() && name->name[0] >= 'A' && name->name[0] <= 'Z';
      if (capital && column_.fixed.empty()) {
        column_.ragged.push_back(name->name);
      } else if (capital) {
        good_ = false;
        emitter_.report(diag::RaggedBehindStatic, name->name).at(dim.range);
      } else if (const std::optional<int64_t> size = reader_.integer(*dim.size, "dimension", 1)) {
        column_.fixed.push_back(*size);
      } else {
        good_ = false;
      }
    }
    const bool set = column_.kind == ValueKind::labels && !decl_.type.dims.empty();
    const bool grid = (column_.kind == ValueKind::label || column_.kind == ValueKind::token) && !column_.fixed.empty();
    if (set || grid)
      unsupported(diag::UnsupportedType, decl_.type.name.text + "[...] with these dimensions", decl_.type.range);
    for (size_t i = 0; i < column_.ragged.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (column_.ragged[i] == column_.ragged[j])
          fail(diag::DuplicateName, "dimension", column_.ragged[i]).at(decl_.type.range);
      }
    }
  }

  // ---- binding ----

  void binding(const syntax::Expr& expr) {
    const auto* computed = std::get_if<syntax::BinaryExpr>(&expr.node);
    if (computed != nullptr && is_binding(*computed->left)) {
      good_ = false;
      return (void)emitter_.report(diag::ColumnComputed)
          .at(expr.range)
          .help(
              "`column(...) |> is(\"yes\")` is a `bool`, `column(...) |> bins(10)` a class of numbers; what is "
              "computed "
              "belongs into the model");
    }
    const std::optional<Word> word = reader_.word(expr, "binding", bindings());
    if (!word) {
      good_ = false;
      return;
    }
    const std::string& name = word->name;
    if (name == "array" || name == "offsets") return unsupported(diag::UnsupportedChoice, name, word->range);
    if (word->arguments == nullptr) {
      const bool text = name == "comment" || name == "field";
      return (void)fail(diag::WrongForm, name,
                        name + (text               ? "(\"name\")"
                                : name == "column" ? "(0)"
                                                   : "(0, 1)"))
          .at(expr.range);
    }
    if (name == "columns") return many(*word);
    const std::optional<Bound> bound = reader_.bind(*word, {"name", "allow_empty"}, 1);
    if (!bound) {
      good_ = false;
      return;
    }
    if (const syntax::Expr* flag = (*bound)["allow_empty"]) {
      const std::optional<bool> allow = reader_.boolean(*flag, "allow_empty");
      good_ = good_ && allow;
      column_.allow_empty = column_.binding.allow_empty = allow.value_or(false);
    }
    one(name, *(*bound)["name"]);
  }

  void one(const std::string& word, const syntax::Expr& expr) {
    const std::optional<StaticValue> value = reader_.value(expr);
    Binding& binding = column_.binding;
    if (!value) {
      good_ = false;
    } else if (value->is_text() && !value->string().empty()) {
      binding.kind = word == "comment" ? Binding::Kind::comment
                     : word == "field" ? Binding::Kind::field
                                       : Binding::Kind::name;
      binding.names = {value->string()};
    } else if (word == "column" && value->is_int()) {
      binding.kind = Binding::Kind::index;
      binding.indices = {column_number(*value->as_int(), expr.range)};
    } else {
      const char* usage = word == "column"  ? "column(0)` or `column(\"name\")"
                          : word == "field" ? "field(\"a.b\")"
                                            : "comment(\"name\")";
      fail(diag::WrongForm, word, usage).at(expr.range);
    }
  }

  int64_t column_number(int64_t number, SourceRange range) {
    if (number < 0) {
      good_ = false;
      emitter_.report(diag::NumberOutside, "column", "0 or more", number).at(range);
    }
    return number;
  }

  // columns("a", "b"), columns(0, 5), columns("x1".."x8", "y"), columns(0..4)
  void many(const Word& word) {
    std::vector<StaticValue> values;
    for (const syntax::Argument& argument : *word.arguments) {
      if (argument.name) {
        fail(diag::UnknownArgument, "columns", argument.name->text).at(argument.name->range);
        continue;
      }
      const std::optional<StaticValue> value = reader_.value(*argument.value);
      if (!value) {
        good_ = false;
      } else if (value->is_list()) {
        values.insert(values.end(), value->items().begin(), value->items().end());
      } else {
        values.push_back(*value);
      }
    }
    if (!good_) return;
    Binding& binding = column_.binding;
    for (const StaticValue& value : values) {
      if (value.is_text()) binding.names.push_back(value.string());
      if (value.is_int()) binding.indices.push_back(column_number(*value.as_int(), word.whole));
    }
    const bool pure =
        !values.empty() && (binding.names.size() == values.size() || binding.indices.size() == values.size());
    if (!pure) return (void)fail(diag::WrongForm, "columns", "columns(0, 5)` or `columns(\"a\", \"b\")").at(word.whole);
    binding.kind = binding.names.empty() ? Binding::Kind::indices : Binding::Kind::names;
  }

  // ---- transforms ----

  void transform(const syntax::Expr& expr) {
    static const std::vector<std::string> known{"split", "words", "characters", "subwords",    "frame",  "limit",
                                                "is",    "bins",  "fill",       "standardize", "minmax", "log1p"};
    const std::optional<Word> word = reader_.word(expr, "transform", known);
    if (!word) {
      good_ = false;
      return;
    }
    const std::string& name = word->name;
    Transform transform;
    transform.range = word->whole;
    if (name == "subwords" || name == "frame") return unsupported(diag::UnsupportedChoice, name, word->whole);
    if (name == "is") {
      transform.kind = Transform::Kind::is;
      truths(*word, transform);
    } else if (name == "split") {
      transform.kind = Transform::Kind::split;
      separator(*word, transform);
    } else if (name == "limit" || name == "bins") {
      transform.kind = name == "limit" ? Transform::Kind::limit : Transform::Kind::bins;
      const std::optional<Bound> bound = reader_.bind(*word, {"count"}, 1);
      const std::optional<int64_t> count =
          bound ? reader_.integer(*(*bound)["count"], name, name == "bins" ? 2 : 1) : std::nullopt;
      good_ = good_ && count;
      transform.count = count.value_or(0);
    } else if (name == "fill") {
      fill(*word, transform);
    } else {
      transform.kind = name == "words"         ? Transform::Kind::words
                       : name == "characters"  ? Transform::Kind::characters
                       : name == "standardize" ? Transform::Kind::standardize
                       : name == "minmax"      ? Transform::Kind::minmax
                                               : Transform::Kind::log1p;
      good_ = reader_.bind(*word, {}).has_value() && good_;
    }
    column_.transforms.push_back(std::move(transform));
  }

  void truths(const Word& word, Transform& transform) {
    if (word.arguments != nullptr) {
      for (const syntax::Argument& argument : *word.arguments) {
        std::optional<std::vector<std::string>> texts = reader_.texts(*argument.value, "is");
        good_ = good_ && texts;
        if (texts) transform.texts.insert(transform.texts.end(), texts->begin(), texts->end());
      }
    }
    const bool empty = word.arguments == nullptr || word.arguments->empty();
    if (empty) fail(diag::WrongForm, "is", "is(\"yes\")").at(word.whole);
  }

  void separator(const Word& word, Transform& transform) {
    const std::optional<Bound> bound = reader_.bind(word, {"separator"}, 1);
    const std::optional<std::string> text = bound ? reader_.text(*(*bound)["separator"], "split") : std::nullopt;
    good_ = good_ && text;
    transform.text = text.value_or(" ");
    if (text && text->empty()) fail(diag::WrongForm, "split", "split(\" \")` or `characters").at(word.whole);
  }

  void fill(const Word& word, Transform& transform) {
    transform.kind = Transform::Kind::fill_number;
    const std::optional<Bound> bound = reader_.bind(word, {"value"}, 1);
    if (!bound) {
      good_ = false;
      return;
    }
    const syntax::Expr& expr = *(*bound)["value"];
    const auto* name = std::get_if<syntax::NameExpr>(&expr.node);
    if (name != nullptr && name->name == "mean") {
      transform.kind = Transform::Kind::fill_mean;
      return;
    }
    const std::optional<StaticValue> value = reader_.value(expr);
    const std::optional<double> number = value ? value->as_number() : std::nullopt;
    if (number) {
      transform.number = *number;
    } else if (value && value->is_text()) {
      transform.kind = Transform::Kind::fill_text;
      transform.text = value->string();
    } else {
      good_ = false;
      if (value) emitter_.report(diag::WrongForm, "fill", "fill(0.0)`, `fill(mean)` or `fill(\"none\")").at(expr.range);
    }
    const bool text_column = column_.kind == ValueKind::token || column_.kind == ValueKind::category ||
                             column_.kind == ValueKind::label || column_.kind == ValueKind::labels;
    if (number && text_column) fail(diag::WrongForm, "fill", "fill(\"" + value->text() + "\")").at(expr.range);
  }

  const CheckedFile& file_;
  UnitId unit_;
  const syntax::ColumnDecl& decl_;
  SettingReader& reader_;
  diag::Emitter& emitter_;
  DeclFacts& facts_;
  ColumnSpec column_;
  bool good_ = true;
};

}  // namespace

std::optional<ColumnSpec> read_column(const CheckedFile& file, UnitId unit, const syntax::ColumnDecl& decl,
                                      SettingReader& reader, DeclFacts& facts) {
  return ColumnReader(file, unit, decl, reader, facts).read();
}

bool is_binding(const syntax::Expr& expr) {
  const std::optional<Word> word = as_word(*pipeline(expr).front());
  return word && word->arguments != nullptr &&
         std::find(bindings().begin(), bindings().end(), word->name) != bindings().end();
}

}  // namespace mtl::sema
