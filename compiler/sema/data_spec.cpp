// See data_spec.h. A declaration is read the same way for `check` (where only its reports count) and for describe().
#include "compiler/sema/data_spec.h"

#include <algorithm>
#include <map>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/sema/column_spec.h"
#include "compiler/sema/settings.h"
#include "data/plan.h"

namespace mtl::sema {
namespace {

using data::SourceSpec;
using data::VocabSpec;

std::optional<VocabSpec> read_vocab(const CheckedFile& file, UnitId unit, const syntax::VocabDecl& decl,
                                    DeclFacts& facts, diag::Emitter& emitter) {
  static const std::vector<std::string> known{"lowercase", "min_count", "max_size", "embeddings", "tokenizer"};
  SettingReader reader(file, unit, emitter);
  VocabSpec vocab;
  vocab.name = decl.name.text;
  vocab.range = decl.name.range;
  std::vector<std::string> seen;
  bool good = true;
  for (const syntax::Setting& setting : decl.settings) {
    if (!reader.known_setting(setting.name, "a vocabulary", known, seen)) {
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
    if (decl_.family) {
      // Its strings speak of the member, so nothing in it can be computed; whoever uses it is told.
      facts_.unsupported.push_back({&diag::UnsupportedFamily, source_.name, decl_.name.range, {}});
      return std::nullopt;
    }
    settings();
    columns();
    if (!good_) return std::nullopt;
    if (!data::plan_source(source_, emitter_)) return std::nullopt;
    return std::move(source_);
  }

 private:
  void settings() {
    static const std::vector<std::string> known{"format",    "train",   "dev",     "test", "header",
                                                "separator", "missing", "holdout", "folds"};
    for (const syntax::Setting& setting : decl_.settings) {
      if (std::find(known.begin(), known.end(), setting.name.text) == known.end() && setting.value &&
          is_binding(*setting.value)) {
        good_ = false;
        const std::string& name = setting.name.text;
        emitter_.report(diag::UnknownSetting, "a data source", name)
            .at(setting.name.range)
            .help("a column has a type: `" + name + " : label = ...`, or `f32`, `bool`, `category`, `token(...)`");
      } else if (!reader_.known_setting(setting.name, "a data source", known, seen_)) {
        good_ = false;
      } else if (setting.value && !is_broken(*setting.value)) {
        one(setting.name.text, *setting.value);
      }
    }
    for (const char* needed : {"format", "train"}) {
      if (has(needed)) continue;
      good_ = false;
      emitter_.report(diag::MissingSetting, "data source `" + source_.name + "`", needed).at(decl_.name.range);
    }
    for (const auto& [a, b] : {std::pair("dev", "holdout"), {"dev", "folds"}, {"holdout", "folds"}}) {
      if (!has(a) || !has(b)) continue;
      good_ = false;
      emitter_.report(diag::ExclusiveSettings, a, b).at(range_of(b)).label(range_of(a), "set here");
    }
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
    if (name == "header") {
      source_.header = reader_.boolean(value, name);
      good_ = good_ && source_.header;
      return;
    }
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

  void format(const syntax::Expr& value) {
    static const std::vector<std::string> known{"conll", "conllu", "tsv", "csv", "jsonl", "npz"};
    const std::optional<Word> word = reader_.word(value, "format", known);
    if (!word) {
      good_ = false;
      return;
    }
    format_known_ = true;
    if (word->name == "npz") {
      facts_.unsupported.push_back({&diag::UnsupportedChoice, "npz", value.range, {}});
      good_ = false;
      return;
    }
    source_.format = word->name == "conll"    ? data::Format::conll
                     : word->name == "conllu" ? data::Format::conllu
                     : word->name == "tsv"    ? data::Format::tsv
                     : word->name == "csv"    ? data::Format::csv
                                              : data::Format::jsonl;
  }

  // holdout = 10% or a number of examples
  void holdout(const syntax::Expr& expr) {
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
      emitter_.report(diag::WrongForm, "holdout", "holdout = 10%` or `holdout = 500").at(expr.range);
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
      std::optional<data::ColumnSpec> column = read_column(file_, unit_, decl, reader_, facts_);
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
    emitter_.report(diag::MissingSetting, "data source `" + source_.name + "`", "name : type = column(...)")
        .at(decl_.name.range);
  }

  const CheckedFile& file_;
  UnitId unit_;
  const syntax::DataDecl& decl_;
  DeclFacts& facts_;
  diag::Emitter& emitter_;
  SettingReader reader_;
  SourceSpec source_;
  std::vector<std::string> seen_;
  bool format_known_ = false;
  bool good_ = true;
};

}  // namespace

void check_vocab(const CheckedFile& file, UnitId unit, const syntax::VocabDecl& decl, DeclFacts& facts,
                 diag::Emitter& emitter) {
  read_vocab(file, unit, decl, facts, emitter);
}

void check_source(const CheckedFile& file, UnitId unit, const syntax::DataDecl& decl, DeclFacts& facts,
                  diag::Emitter& emitter) {
  SourceReader(file, unit, decl, facts, emitter).read();
}

std::optional<data::Spec> describe_data(const CheckedFile& file, diag::Emitter& emitter) {
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
        if (source) spec.sources.push_back(std::move(*source));
      }
    }
  }
  return good ? std::optional(std::move(spec)) : std::nullopt;
}

}  // namespace mtl::sema
