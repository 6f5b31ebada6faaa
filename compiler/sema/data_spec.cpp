// See data_spec.h. A declaration is read the same way for `check` (where only its reports count) and for describe().
#include "compiler/sema/data_spec.h"

#include <algorithm>
#include <map>

#include "compiler/sema/column_spec.h"
#include "compiler/sema/data_tables.h"
#include "compiler/sema/settings.h"
#include "compiler/sema/task_metrics.h"
#include "runtime/data/plan.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using data::SourceSpec;
using data::VocabSpec;

std::optional<VocabSpec> read_vocab(const CheckedFile& file, UnitId unit, const syntax::VocabDecl& decl,
                                    DeclFacts& facts, diag::Emitter& emitter) {
  static const std::vector<std::string> known = names_of(vocab_settings());
  SettingReader reader(file, unit, emitter);
  VocabSpec vocab;
  vocab.name = decl.name.text;
  vocab.range = decl.name.range;
  std::vector<std::string> seen;
  bool good = true;
  for (const syntax::Setting& setting : decl.settings) {
    if (!reader.known_setting(setting.name, "a vocabulary", syntax::PhrasePlace::vocab, known, seen, setting.value)) {
      good = false;
      continue;
    }
    if (!setting.value) continue;
    const std::string& name = setting.name.text;
    if (name == "lowercase") {
      const std::optional<bool> value = reader.boolean(*setting.value, name);
      good = good && value;
      vocab.lowercase = value.value_or(false);
    } else if (name == "min_count" || name == "max_size") {
      const std::optional<int64_t> value = reader.integer(*setting.value, name, 1);
      good = good && value;
      if (name == "min_count") vocab.min_count = value.value_or(1);
      if (name == "max_size") vocab.max_size = value;
    } else if (name == "embeddings") {
      const std::optional<std::string> value = reader.text(*setting.value, name);
      good = good && value;
      vocab.embeddings = value.value_or("");
    } else if (name == "keep") {
      const std::optional<Word> word = as_word(*setting.value);
      const bool all = word && word->name == "all" && word->arguments == nullptr;
      const std::optional<int64_t> value =
          all ? std::optional<int64_t>(INT32_MAX) : reader.integer(*setting.value, name, 0);
      good = good && value;
      vocab.keep = std::min<int64_t>(value.value_or(0), INT32_MAX);
    } else if (name == "unknown") {
      const std::optional<double> share = reader.number(*setting.value, name, kBelowOne);
      good = good && share;
      vocab.unknown = share.value_or(0);
    } else {
      facts.unsupported.push_back({&diag::UnsupportedSetting, name, setting.range, {}});
      good = false;
    }
  }
  return good ? std::optional(std::move(vocab)) : std::nullopt;
}

class SourceReader {
 public:
  SourceReader(const CheckedFile& file, UnitId unit, const syntax::DataDecl& decl, DeclFacts& facts,
               diag::Emitter& emitter)
      : file_(file), unit_(unit), decl_(decl), facts_(facts), emitter_(emitter), reader_(file, unit, emitter) {}

  std::optional<SourceSpec> read() {
    source_.name = decl_.name.text;
    source_.range = decl_.name.range;
    settings();
    columns();
    check_holdout_by();
    if (!good_) return std::nullopt;
    if (!data::plan_source(source_, emitter_)) return std::nullopt;
    return std::move(source_);
  }

 private:
  void settings() {
    static const std::vector<std::string> known = names_of(data_settings());
    bool all_known = true;
    for (const syntax::Setting& setting : decl_.settings) {
      if (std::find(known.begin(), known.end(), setting.name.text) == known.end() && setting.value &&
          is_binding(*setting.value)) {
        good_ = all_known = false;
        const std::string& name = setting.name.text;
        emitter_.report(diag::UnknownSetting, "a data source", name)
            .at(setting.name.range)
            .help("a column has a type: `" + name + " : label = ...`, or `f32`, `bool`, `category`, `token(...)`");
      } else if (!reader_.known_setting(setting.name, "a data source", syntax::PhrasePlace::data, known, seen_,
                                        setting.value)) {
        good_ = all_known = false;
      } else if (setting.value && !is_broken(*setting.value)) {
        one(setting.name.text, *setting.value);
      }
    }
    for (const char* needed : {"format", "train"}) {
      if (has(needed) || !all_known) continue;  // what is not known may be the one that is needed
      good_ = false;
      diag::Report report = emitter_.report(diag::MissingSetting, "data source `" + source_.name + "`", needed);
      if (has("format"))  // it is written there
        std::move(report)
            .at(range_of("format"), "`" + std::string(needed) + " = ...` is missing here")
            .label(decl_.name.range, "");
      else
        std::move(report).at(decl_.name.range);
    }
    for (const auto& [a, b] : {std::pair("dev", "holdout"), {"dev", "folds"}, {"holdout", "folds"}}) {
      if (!has(a) || !has(b)) continue;
      good_ = false;
      emitter_.report(diag::ExclusiveSettings, a, b).at(range_of(b)).label(range_of(a), "set here");
    }
    check_number_marks();
    trim_texts();
    const bool table = source_.format == data::Format::tsv || source_.format == data::Format::csv;
    const bool separates = table || source_.format == data::Format::conll;
    for (const auto& [name, allowed, formats] :
         {std::tuple("header", table, "tsv and csv"), {"separator", separates, "tsv, csv and conll"}}) {
      if (!has(name) || allowed || !format_known_) continue;
      good_ = false;
      emitter_.report(diag::SettingNotOfFormat, name, formats).at(range_of(name));
    }
  }

  bool has(std::string_view name) const { return std::find(seen_.begin(), seen_.end(), name) != seen_.end(); }
  SourceRange range_of(std::string_view name) const {
    for (const syntax::Setting& setting : decl_.settings) {
      if (setting.name.text == name) return setting.range;
    }
    return decl_.name.range;
  }

  void one(const std::string& name, const syntax::Expr& value) {
    if (name == "format") return format(value);
    if (name == "holdout") return holdout(value);
    if (name == "train" || name == "dev" || name == "test" || name == "missing") {
      std::optional<std::vector<std::string>> texts = reader_.texts(value, name);
      good_ = good_ && texts;
      if (!texts) return;
      SourceRange ignored;
      const bool no_file =
          name != "missing" && (texts->empty() || std::find(texts->begin(), texts->end(), "") != texts->end());
      if (no_file) {
        good_ = false;
        emitter_.report(diag::WrongForm, name, name + " = \"file\"` or `" + name + " = [\"file\", \"file\"]")
            .at(value.range);
      }
      (name == "train"  ? source_.train_range
       : name == "dev"  ? source_.dev_range
       : name == "test" ? source_.test_range
                        : ignored) = value.range;
      (name == "train"  ? source_.train
       : name == "dev"  ? source_.dev
       : name == "test" ? source_.test
                        : source_.missing) = std::move(*texts);
      return;
    }
    if (name == "header" || name == "trim") {
      const std::optional<bool> choice = reader_.boolean(value, name);
      good_ = good_ && choice;
      if (name == "header") source_.header = choice;
      if (name == "trim") source_.trim = choice.value_or(true);
      return;
    }
    if (name == "decimal" || name == "thousands") return number_mark(name, value);
    if (name == "folds") {
      const std::optional<int64_t> folds = reader_.integer(value, name, 2);
      good_ = good_ && folds;
      source_.folds = folds.value_or(0);
      return;
    }
    const std::optional<std::string> separator = reader_.text(value, name);
    good_ = good_ && separator;
    source_.separator = separator.value_or("");
    if (separator && separator->empty()) {
      good_ = false;
      emitter_.report(diag::WrongForm, name, "separator = \";\"").at(value.range);
    }
  }

  // decimal = ",", thousands = ".": one character that no number contains by itself
  void number_mark(const std::string& name, const syntax::Expr& value) {
    const std::optional<std::string> mark = reader_.text(value, name);
    good_ = good_ && mark;
    if (!mark) return;
    size_t end = 0;
    if (!mark->empty()) data::next_code_point(*mark, end);
    const bool one = !mark->empty() && end == mark->size();
    const bool letter =
        one && ((*mark >= "0" && *mark <= "9") || *mark == "-" || *mark == "+" || data::lower_text(*mark) == "e");
    if (!one || letter) {
      good_ = false;
      emitter_.report(diag::WrongForm, name, name + (name == "decimal" ? " = \",\"" : " = \".\"")).at(value.range);
      return;
    }
    (name == "decimal" ? source_.decimal : source_.thousands) = *mark;
  }

  void check_number_marks() {
    if (source_.decimal != source_.thousands) return;
    good_ = false;
    const char* const at = has("thousands") ? "thousands" : "decimal";
    emitter_.report(diag::SameNumberMarks, source_.decimal)
        .at(range_of(at))
        .help(source_.decimal == "." ? "`decimal = \",\"` says that a comma is in front of the fraction" : "");
  }

  // The texts of the program are compared with values of the file, which blanks around them are no part of.
  void trim_texts() {
    if (!source_.trim) return;
    for (std::string& mark : source_.missing) mark = data::trim_blanks(mark);
  }

  void format(const syntax::Expr& value) {
    static const std::vector<std::string> known = names_of(formats());
    const std::optional<Word> word = reader_.word(value, "format", known);
    if (!word) {
      good_ = false;
      return;
    }
    format_known_ = true;
    const FormatRow& row = *find_row(formats(), word->name);
    if (!row.supported) {
      facts_.unsupported.push_back({&diag::UnsupportedChoice, word->name, value.range, {}});
      good_ = false;
      return;
    }
    source_.format = row.format;
  }

  // holdout = last(10%), last(500), last(10%, by = time)
  void holdout_last(const Word& word) {
    const std::optional<Bound> bound = reader_.bind(word, {"size", "by"}, 1);
    if (!bound) {
      good_ = false;
      return;
    }
    source_.holdout_last = true;
    holdout_size(*(*bound)["size"], "holdout = last(10%)` or `holdout = last(500)");
    const syntax::Expr* by = (*bound)["by"];
    if (by == nullptr || is_broken(*by)) return;
    const auto* name = std::get_if<syntax::NameExpr>(&by->node);
    if (name == nullptr) {
      good_ = false;
      emitter_.report(diag::WrongForm, "by", "holdout = last(10%, by = COLUMN)").at(by->range);
      return;
    }
    source_.holdout_by = name->name;
    holdout_by_range_ = by->range;
  }

  // Behind the columns: `by` names one of them that has one number for each example.
  void check_holdout_by() {
    if (source_.holdout_by.empty()) return;
    const auto found = std::find_if(source_.columns.begin(), source_.columns.end(),
                                    [&](const data::ColumnSpec& c) { return c.name == source_.holdout_by; });
    const bool known = std::any_of(decl_.columns.begin(), decl_.columns.end(),
                                   [&](const syntax::ColumnDecl& c) { return c.name.text == source_.holdout_by; });
    if (known && found == source_.columns.end()) return;  // a column that has been reported
    if (!known) {
      std::vector<std::string> names;
      for (const syntax::ColumnDecl& column : decl_.columns) names.push_back(column.name.text);
      const std::optional<std::string> near = nearest(source_.holdout_by, names);
      emitter_.report(diag::UnknownColumn, source_.name, source_.holdout_by)
          .at(holdout_by_range_)
          .help(near ? "did you mean `" + *near + "`?" : "its columns are " + join(names));
    } else {
      const bool one = found->ragged.empty() && found->fixed.empty();
      if (found->kind == data::ValueKind::number && one) return;
      emitter_.report(diag::HoldoutByNoNumber, found->name)
          .at(holdout_by_range_)
          .label(found->range, "declared here")
          .help("`" + found->name + "_order : f32 = column(...)` reads the column once more, as a number");
    }
    good_ = false;
  }

  // holdout = 10% or a number of examples
  void holdout(const syntax::Expr& expr) {
    const std::optional<Word> word = as_word(expr);
    if (word && word->name == "last" && word->arguments != nullptr) return holdout_last(*word);
    holdout_size(expr, "holdout = 10%` or `holdout = 500");
  }

  void holdout_size(const syntax::Expr& expr, const char* usage) {
    const std::optional<StaticValue> value = reader_.value(expr);
    if (!value) {
      good_ = false;
      return;
    }
    if (const auto* fraction = std::get_if<Fraction>(&value->value)) {
      source_.holdout_fraction = fraction->value;
      if (fraction->value > 0 && fraction->value < 1) return;
      emitter_.report(diag::NumberOutside, "holdout", "above 0% and below 100%", value->text()).at(expr.range);
    } else if (value->is_int()) {
      source_.holdout_count = *value->as_int();
      if (source_.holdout_count >= 1) return;
      emitter_.report(diag::NumberOutside, "holdout", "1 or more", value->text()).at(expr.range);
    } else {
      emitter_.report(diag::WrongForm, "holdout", usage).at(expr.range);
    }
    good_ = false;
  }

  void columns() {
    std::map<std::string, SourceRange> names;
    std::map<std::string, std::string> paths;  // dimension -> what it stands in
    for (const syntax::ColumnDecl& decl : decl_.columns) {
      const auto [at, is_new] = names.try_emplace(decl.name.text, decl.name.range);
      if (!is_new) {
        good_ = false;
        emitter_.report(diag::DuplicateName, "column", decl.name.text)
            .at(decl.name.range)
            .label(at->second, "it is already a column");
      }
      std::optional<data::ColumnSpec> column = read_column(file_, unit_, decl, reader_, source_.trim, facts_);
      good_ = good_ && column;
      if (!column) continue;
      std::string outer;
      for (const std::string& dim : column->ragged) {
        const auto [known, first] = paths.try_emplace(dim, outer);
        if (!first && known->second != outer) {
          facts_.unsupported.push_back({&diag::UnsupportedChoice, dim, decl.type.range,
                                        "inside another dimension it has lengths of its own; use two names"});
          good_ = false;
        }
        outer += (outer.empty() ? "" : ".") + dim;
      }
      source_.columns.push_back(std::move(*column));
    }
    if (!decl_.columns.empty()) return;
    good_ = false;
    diag::Report report =
        emitter_.report(diag::MissingSetting, "data source `" + source_.name + "`", "name : type = column(...)");
    if (decl_.settings.empty())
      std::move(report).at(decl_.name.range);
    else  // they are written there
      std::move(report).at(decl_.settings.back().range, "no column behind this").label(decl_.name.range, "");
  }

  const CheckedFile& file_;
  UnitId unit_;
  const syntax::DataDecl& decl_;
  DeclFacts& facts_;
  diag::Emitter& emitter_;
  SettingReader reader_;
  SourceSpec source_;
  std::vector<std::string> seen_;
  SourceRange holdout_by_range_;
  bool format_known_ = false;
  bool good_ = true;
};

std::string ids_of(int64_t buckets) {
  return buckets > 0 ? std::to_string(buckets) + " ids by `hash`" : "its words";
}

// All columns of a vocabulary index one table: either all of them hash, to as many ids, or none does.
bool hash_vocabularies(data::Spec& spec, diag::Emitter& emitter) {
  bool good = true;
  for (VocabSpec& vocab : spec.vocabs) {
    std::string first;
    for (const SourceSpec& source : spec.sources) {
      for (const data::ColumnSpec& column : source.columns) {
        if (column.kind != data::ValueKind::token || column.vocab != vocab.name) continue;
        const int64_t buckets = data::hash_count(column);
        const std::string path = source.name + "." + column.name;
        const bool same = first.empty() || buckets == vocab.buckets;
        if (!same)
          emitter.report(diag::HashDiffers, vocab.name, ids_of(vocab.buckets), first, ids_of(buckets), path)
              .at(column.range)
              .help("write the same `hash(...)` in both, or take two vocabularies");
        good = good && same;
        if (first.empty()) vocab.buckets = buckets, first = path;
      }
    }
    const char* counts = vocab.min_count > 1         ? "min_count"
                         : vocab.unknown > 0         ? "unknown"
                         : vocab.max_size            ? "max_size"
                         : !vocab.embeddings.empty() ? "embeddings"
                                                     : nullptr;
    if (vocab.buckets == 0 || counts == nullptr) continue;
    emitter.report(diag::HashKeepsNoWords, counts, vocab.name, first).at(vocab.range);
    good = false;
  }
  return good;
}

}  // namespace

void check_vocab(const CheckedFile& file, UnitId unit, const syntax::VocabDecl& decl, DeclFacts& facts,
                 diag::Emitter& emitter) {
  read_vocab(file, unit, decl, facts, emitter);
}

void check_source(const CheckedFile& file, UnitId unit, const syntax::DataDecl& decl, DeclFacts& facts,
                  diag::Emitter& emitter) {
  SourceReader(file, unit, decl, facts, emitter).read();
}

// Groups are told apart by their text, also where train does not have it.
static void add_group_columns(const std::set<std::string>& groups, SourceSpec& source) {
  const size_t count = source.columns.size();
  for (size_t i = 0; i < count; ++i) {
    if (!groups.contains(source.name + "." + source.columns[i].name)) continue;
    data::ColumnSpec column = source.columns[i];
    column.name = group_column(column.name);
    column.kind = data::ValueKind::label;
    column.groups = true;
    column.vocab.clear();
    std::erase_if(column.transforms, [](const data::Transform& t) { return t.kind == data::Transform::Kind::hash; });
    source.columns.push_back(std::move(column));
  }
}

std::optional<data::Spec> describe_data(const CheckedFile& file, diag::Emitter& emitter) {
  const std::set<std::string> groups = group_columns(file);
  data::Spec spec;
  bool good = true;
  for (UnitId unit = 0; unit < file.units.size(); ++unit) {
    for (const syntax::Decl& decl : file.units[unit]->tree.decls) {
      if (!file.reached.contains(&decl)) continue;
      DeclFacts facts;
      if (const auto* node = std::get_if<syntax::VocabDecl>(&decl.node)) {
        std::optional<VocabSpec> vocab = read_vocab(file, unit, *node, facts, emitter);
        good = good && vocab;
        if (vocab) spec.vocabs.push_back(std::move(*vocab));
      } else if (const auto* data = std::get_if<syntax::DataDecl>(&decl.node)) {
        std::optional<SourceSpec> source = SourceReader(file, unit, *data, facts, emitter).read();
        good = good && source;
        if (source) add_group_columns(groups, *source);
        if (source) spec.sources.push_back(std::move(*source));
      }
    }
  }
  good = hash_vocabularies(spec, emitter) && good;
  return good ? std::optional(std::move(spec)) : std::nullopt;
}

}  // namespace mtl::sema
