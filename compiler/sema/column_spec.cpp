// See column_spec.h. What has to fit together (levels of sequence, number of columns, formats) is checked by
// data::plan_source on the whole source.
#include "compiler/sema/column_spec.h"

#include <algorithm>
#include <map>

#include "compiler/sema/data_tables.h"
#include "runtime/data/plan.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using data::Binding;
using data::ColumnSpec;
using data::Transform;
using data::ValueKind;
using syntax::TypeExpr;

constexpr int64_t kMostPieces = 1000000;

const std::vector<std::string>& binding_names() {
  static const std::vector<std::string> known = names_of(bindings());
  return known;
}

class ColumnReader {
 public:
  ColumnReader(const CheckedFile& file, UnitId unit, const syntax::ColumnDecl& decl, SettingReader& reader, bool trim,
               DeclFacts& facts)
      : file_(file),
        unit_(unit),
        decl_(decl),
        reader_(reader),
        emitter_(reader.emitter()),
        facts_(facts),
        trim_(trim) {}

  std::optional<ColumnSpec> read() {
    column_.name = decl_.name.text;
    column_.range = decl_.range;
    if (decl_.type.error) good_ = false;
    if (!decl_.type.error) type();
    if (decl_.binding && !is_broken(*decl_.binding)) {
      const std::vector<const syntax::Expr*> parts = pipeline(*decl_.binding);
      for (const syntax::Expr* part : parts) {
        const std::optional<Word> word = as_word(*part);
        has_bins_ = has_bins_ || (word && word->name == "bins");
      }
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

  // A text that is compared with values of the file.
  std::string value_text(const std::string& text) const { return std::string(trim_ ? data::trim_blanks(text) : text); }

  // ---- type ----

  void type() {
    static const std::vector<std::string> known = names_of(column_types());
    const TypeExpr& type = decl_.type;
    const std::string& name = type.name.text;
    const ColumnTypeRow* row = find_row(column_types(), name);
    if (row == nullptr) {
      const std::optional<std::string> near = nearest(name, known);
      const std::string said = syntax::advice(syntax::PhrasePlace::type, name);
      good_ = false;
      emitter_.report(diag::UnknownType, name)
          .at(type.name.range)
          .help(!said.empty() ? said
                : near        ? "did you mean `" + *near + "`?"
                              : "columns are " + join(known, ", ", " or "));
      return;
    }
    if (!row->supported) return unsupported(diag::UnsupportedType, name, type.range);
    column_.kind = row->kind;
    arguments();
    dims();
  }

  void arguments() {
    const TypeExpr& type = decl_.type;
    if (column_.kind == ValueKind::category && type.arguments.empty()) return category_settings();
    if (!type.settings.empty()) {
      const char* form = column_.kind == ValueKind::token   ? "token(VOCABULARY)"
                         : column_.kind == ValueKind::label ? "label(\"a\", \"b\")"
                                                            : "";
      fail(diag::WrongForm, type.name.text, *form ? form : type.name.text).at(type.range);
    }
    if (column_.kind == ValueKind::token) return vocabulary();
    if (!type.has_arguments) return;
    if (column_.kind == ValueKind::category) {
      return (void)fail(diag::WrongForm, "category", "category(min_count = 2, unknown = 1%)").at(type.range);
    }
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
      for (const std::string& label : *texts) {
        std::string text = value_text(label);
        const std::vector<std::string>& have = column_.fixed_labels;
        if (std::find(have.begin(), have.end(), text) != have.end()) {
          fail(diag::DuplicateName, "label", text).at(argument->range);
        }
        column_.fixed_labels.push_back(std::move(text));
      }
    }
  }

  void category_settings() {
    std::vector<std::string> seen;
    for (const syntax::Argument& setting : decl_.type.settings) {
      if (!reader_.known_setting(*setting.name, "a category", syntax::PhrasePlace::vocab,
                                 names_of(sema::category_settings()), seen, setting.value) ||
          !setting.value) {
        good_ = false;
      } else if (setting.name->text == "min_count") {
        const std::optional<int64_t> count = reader_.integer(*setting.value, "min_count", 1);
        good_ = good_ && count;
        column_.min_count = count.value_or(1);
      } else if (setting.name->text == "max_size") {
        const std::optional<int64_t> size = reader_.integer(*setting.value, "max_size", 1);
        good_ = good_ && size;
        column_.max_size = size;
      } else if (setting.name->text == "lowercase") {
        const std::optional<bool> lower = reader_.boolean(*setting.value, "lowercase");
        good_ = good_ && lower;
        column_.lowercase = lower.value_or(false);
      } else {
        const std::optional<double> share = reader_.number(*setting.value, "unknown", kBelowOne);
        good_ = good_ && share;
        column_.unknown = share.value_or(0);
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
    const std::optional<Word> word = reader_.word(expr, "binding", binding_names());
    if (!word) {
      good_ = false;
      return;
    }
    const std::string& name = word->name;
    if (!find_row(bindings(), name)->supported) return unsupported(diag::UnsupportedChoice, name, word->range);
    if (word->arguments == nullptr) {
      const bool text = name == "comment" || name == "field" || name == "file";
      return (void)fail(diag::WrongForm, name,
                        name + (text               ? "(\"name\")"
                                : name == "column" ? "(0)"
                                                   : "(0, 1)"))
          .at(expr.range);
    }
    if (name == "columns" || name == "cross") return many(*word);
    if (name == "column" && word->arguments->size() > 1 && !(*word->arguments)[1].name) {
      good_ = false;
      emitter_.report(diag::TooManyArguments, name, "1 column")
          .at((*word->arguments)[1].value->range)
          .help("several make a row: `columns(\"a\", \"b\")`");
      return;
    }
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
                     : word == "file"  ? Binding::Kind::file
                                       : Binding::Kind::name;
      binding.names = {value->string()};
    } else if (word == "column" && value->is_int()) {
      binding.kind = Binding::Kind::index;
      binding.indices = {column_number(*value->as_int(), expr.range)};
    } else {
      const char* usage = word == "column"  ? "column(0)` or `column(\"name\")"
                          : word == "field" ? "field(\"a.b\")"
                          : word == "file"  ? "file(\"seq.in\")"
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

  // cross("a", "b"), columns("a", "b"), columns(0, 5), columns("x1".."x8", "y"), columns(0..4)
  void many(const Word& word) {
    std::vector<StaticValue> values;
    for (const syntax::Argument& argument : *word.arguments) {
      if (argument.name) {
        fail(diag::UnknownArgument, word.name, argument.name->text).at(argument.name->range);
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
    const bool cross = word.name == "cross";
    if (!pure || (cross && values.size() < 2))
      return (void)fail(diag::WrongForm, word.name, word.name + "(0, 5)` or `" + word.name + "(\"a\", \"b\")")
          .at(word.whole);
    binding.cross = cross;
    binding.kind = binding.names.empty() ? Binding::Kind::indices : Binding::Kind::names;
  }

  // ---- transforms ----

  // A transform by the name that another tool has for it: says ours.
  bool knows_otherwise(const syntax::Expr& expr) {
    static const std::map<std::string_view, const char*> ours{
        {"tokenize", "`words` cuts a text into words, `split(\" \")` at blanks"},
        {"tokens", "`words` cuts a text into words, `split(\" \")` at blanks"},
        {"chars", "`characters`"},
        {"lower", "`lowercase = true` is a setting: `vocab words { lowercase = true }`, `category(lowercase = true)`"},
        {"lowercase", "it is a setting: `vocab words { lowercase = true }`, `category(lowercase = true)`"},
        {"head", "`first` is the first piece of a cell; `limit(20)` keeps the first positions"},
        {"tail", "`last` is the last piece of a cell; `limit(20, keep = last)` keeps the last positions"},
        {"nth", "`part(2)` is a piece of a cell, from 0"},
        {"index", "`part(2)` is a piece of a cell, from 0"},
        {"get", "`part(2)` is a piece of a cell, from 0"},
        {"truncate", "`limit(256)` cuts the end, `limit(256, keep = last)` the beginning"},
        {"max_length", "`limit(256)` cuts the end, `limit(256, keep = last)` the beginning"},
        {"pad", "nothing is padded: lengths may differ; `limit(256)` cuts"},
        {"cross", "it stands in front of the transforms: `cross(\"city\", \"hour\") |> hash(100k)`"},
        {"hashing", "`hash(100k)` makes one of so many ids of any text"},
        {"hash_bucket", "`hash(100k)` makes one of so many ids of any text"},
        {"bucketize", "`bins([18, 35, 60])` has bounds of its own, `bins(10)` quantiles"},
        {"digitize", "`bins([18, 35, 60])` has bounds of its own, `bins(10)` quantiles"},
        {"cut", "`bins([18, 35, 60])` has bounds of its own, `bins(10)` quantiles"},
        {"qcut", "`bins([18, 35, 60])` has bounds of its own, `bins(10)` quantiles"},
        {"normalize", "`standardize` has mean 0 and deviation 1, `minmax` goes from 0 to 1"},
        {"scale", "`standardize` has mean 0 and deviation 1, `minmax` goes from 0 to 1"},
        {"zscore", "`standardize` has mean 0 and deviation 1"},
        {"StandardScaler", "`standardize` has mean 0 and deviation 1"},
        {"MinMaxScaler", "`minmax` goes from 0 to 1"},
        {"char", "`characters`"},
        {"one_hot", "labels and categories are ids already; `one_hot(x, |source.column|)` is for the model"},
        {"strip", "blanks at both ends do not count anyway"},
        {"trim", "blanks at both ends do not count anyway; `trim = false` in the source says that they do"},
        {"stopwords", "nothing leaves words out: those that say little get small weights"},
        {"log", "`log1p` is log(1 + x)"},
        {"fillna", "`fill(0.0)`, `fill(mean)` or `fill(\"none\")` puts something in the place of missing values"},
        {"impute", "`fill(0.0)`, `fill(mean)` or `fill(\"none\")` puts something in the place of missing values"},
        {"default", "`fill(0.0)`, `fill(mean)` or `fill(\"none\")` puts something in the place of missing values"},
        {"embed", "it is a layer of the model: `layer e = embed(32)`, `e(source.column)`"}};
    const std::optional<Word> word = as_word(expr);
    const auto found = word ? ours.find(word->name) : ours.end();
    if (found == ours.end()) return false;
    good_ = false;
    emitter_.report(diag::UnknownChoice, "transform", word->name).at(word->range).help(found->second);
    return true;
  }

  void transform(const syntax::Expr& expr) {
    static const std::vector<std::string> known = names_of(transforms());
    if (knows_otherwise(expr)) return;
    const std::optional<Word> word = reader_.word(expr, "transform", known);
    if (!word) {
      good_ = false;
      return;
    }
    const TransformRow& row = *find_row(transforms(), word->name);
    if (!row.supported) return unsupported(diag::UnsupportedChoice, word->name, word->whole);
    Transform transform;
    transform.kind = row.kind;
    transform.range = word->whole;
    arguments_of(*word, transform);
    column_.transforms.push_back(std::move(transform));
  }

  void arguments_of(const Word& word, Transform& transform) {
    using Kind = Transform::Kind;
    switch (transform.kind) {
      case Kind::is:
        return truths(word, transform);
      case Kind::split:
        return separator(word, transform);
      case Kind::part:
        return part(word, transform);
      case Kind::limit:
        return limit(word, transform);
      case Kind::hash:
        return hash(word, transform);
      case Kind::bins:
        return bins(word, transform);
      case Kind::fill_number:
      case Kind::fill_mean:
      case Kind::fill_text:
        return fill(word, transform);
      case Kind::words:
      case Kind::characters:
      case Kind::standardize:
      case Kind::minmax:
      case Kind::log1p:
        good_ = reader_.bind(word, {}).has_value() && good_;
        return;
    }
  }

  // first, last, part(2)
  void part(const Word& word, Transform& transform) {
    if (word.name != "part") {
      transform.count = word.name == "first" ? 0 : -1;
      good_ = reader_.bind(word, {}).has_value() && good_;
      return;
    }
    const std::optional<Bound> bound = reader_.bind(word, {"index"}, 1);
    const std::optional<int64_t> index =
        bound ? reader_.integer(*(*bound)["index"], word.name, -kMostPieces) : std::nullopt;
    good_ = good_ && index;
    transform.count = index.value_or(0);
  }

  void hash(const Word& word, Transform& transform) {
    const std::optional<Bound> bound = reader_.bind(word, {"count"}, 1);
    const std::optional<int64_t> count = bound ? reader_.integer(*(*bound)["count"], "hash", 2) : std::nullopt;
    good_ = good_ && count;
    transform.count = count.value_or(0);
    if (transform.count > INT32_MAX) {
      good_ = false;
      emitter_.report(diag::NumberOutside, "hash", "at most 2147483647", transform.count).at(word.whole);
    }
  }

  // limit(20), limit(20, keep = last)
  void limit(const Word& word, Transform& transform) {
    const std::optional<Bound> bound = reader_.bind(word, {"count", "keep"}, 1);
    const std::optional<int64_t> count = bound ? reader_.integer(*(*bound)["count"], "limit", 1) : std::nullopt;
    good_ = good_ && count;
    transform.count = count.value_or(0);
    const syntax::Expr* keep = bound ? (*bound)["keep"] : nullptr;
    if (keep == nullptr) return;
    const std::optional<Word> end = reader_.word(*keep, "keep", {"first", "last"});
    good_ = good_ && end;
    transform.keep_last = end && end->name == "last";
  }

  // bins(10), or bins([18, 35, 60]): below 18, 18 to below 35, ...
  void bins(const Word& word, Transform& transform) {
    const std::optional<Bound> bound = reader_.bind(word, {"bounds"}, 1);
    const std::optional<StaticValue> value = bound ? reader_.value(*(*bound)["bounds"]) : std::nullopt;
    if (!value) {
      good_ = false;
      return;
    }
    const syntax::Expr& expr = *(*bound)["bounds"];
    if (!value->is_list()) {
      const std::optional<int64_t> count = reader_.integer(expr, "bins", 2);
      good_ = good_ && count;
      transform.count = count.value_or(0);
      return;
    }
    for (const StaticValue& item : value->items()) {
      const std::optional<double> number = item.as_number();
      if (!number) return (void)fail(diag::WrongForm, "bins", "bins(10)` or `bins([18, 35, 60])").at(expr.range);
      if (!transform.numbers.empty() && !(transform.numbers.back() < *number)) {
        const StaticValue& before = value->items()[transform.numbers.size() - 1];
        return (void)fail(diag::BoundsNotRising, item.text(), before.text())
            .at(expr.range)
            .help("each bound begins a class, which ends before the next bound");
      }
      transform.numbers.push_back(*number);
    }
    if (transform.numbers.empty()) fail(diag::WrongForm, "bins", "bins(10)` or `bins([18, 35, 60])").at(expr.range);
  }

  void truths(const Word& word, Transform& transform) {
    if (word.arguments != nullptr) {
      for (const syntax::Argument& argument : *word.arguments) {
        std::optional<std::vector<std::string>> texts = reader_.texts(*argument.value, "is");
        good_ = good_ && texts;
        if (!texts) continue;
        for (const std::string& text : *texts) transform.texts.push_back(value_text(text));
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
      transform.text = value_text(value->string());
    } else {
      good_ = false;
      if (value) emitter_.report(diag::WrongForm, "fill", "fill(0.0)`, `fill(mean)` or `fill(\"none\")").at(expr.range);
    }
    const bool text_column = column_.kind == ValueKind::token || column_.kind == ValueKind::category ||
                             column_.kind == ValueKind::label || column_.kind == ValueKind::labels;
    if (number && text_column && !has_bins_)
      fail(diag::WrongForm, "fill", "fill(\"" + value->text() + "\")").at(expr.range);
  }

  const CheckedFile& file_;
  UnitId unit_;
  const syntax::ColumnDecl& decl_;
  SettingReader& reader_;
  diag::Emitter& emitter_;
  DeclFacts& facts_;
  bool trim_;
  ColumnSpec column_;
  bool has_bins_ = false;  // the cells are numbers, whatever the type
  bool good_ = true;
};

}  // namespace

std::optional<ColumnSpec> read_column(const CheckedFile& file, UnitId unit, const syntax::ColumnDecl& decl,
                                      SettingReader& reader, bool trim, DeclFacts& facts) {
  return ColumnReader(file, unit, decl, reader, trim, facts).read();
}

bool is_binding(const syntax::Expr& expr) {
  const std::optional<Word> word = as_word(*pipeline(expr).front());
  return word && word->arguments != nullptr && find_row(bindings(), word->name) != nullptr;
}

}  // namespace mtl::sema
