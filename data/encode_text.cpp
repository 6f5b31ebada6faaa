// What `mtlc predict` reads: raw lines, or text in the source's own format whose label columns may be absent.
#include <algorithm>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/data.h"
#include "data/fit.h"
#include "data/load.h"
#include "data/stage.h"
#include "data/text.h"

namespace mtl::data {
namespace {

bool same_binding(const ColumnSpec& a, const ColumnSpec& b) {
  return a.binding.kind == b.binding.kind && a.binding.indices == b.binding.indices &&
         a.binding.names == b.binding.names;
}

// A line can stand for an example if the asked-for columns, but labels, all come from one text.
bool check_lines_possible(const SourcePlan& plan, diag::Emitter& emitter) {
  const ColumnSpec* text = nullptr;
  std::string fault;
  for (const ColumnPlan& column : plan.columns) {
    if (!column.active || column.is_target_only()) continue;
    if (column.spec->kind != ValueKind::token) {
      fault = "column `" + column.spec->name + "` is no text";
    } else if (column.base_levels > 1) {
      fault = "column `" + column.spec->name + "` is a sequence of sequences";
    } else if (text && !same_binding(*text, *column.spec)) {
      fault = "`" + text->name + "` and `" + column.spec->name + "` are different texts";
    }
    text = column.spec;
  }
  if (!text && fault.empty()) fault = "it has no text column";
  if (fault.empty()) return true;
  emitter.report(diag::RawTextNotPossible, plan.spec->name, fault)
      .help("give it a file of the source's own format, " + std::string(format_name(plan.spec->format)));
  return false;
}

class TextEncoder {
 public:
  TextEncoder(const SourcePlan& plan, RawFormat format, std::string_view path, diag::Emitter& emitter)
      : plan_(plan),
        format_(format),
        emitter_(emitter),
        rows_(std::string(path), emitter, budget_),
        stager_(plan_, interners_, staged_) {
    stager_.set_options({.absent_allowed = true, .words_of_lines = format != RawFormat::source, .keeps_words = true});
    stager_.begin_file(std::string(path));
  }

  bool stage(std::string_view text) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (format_ != RawFormat::source) {
      stage_lines(text);
    } else {
      const Sink sink{[&](const Layout& layout) { return stager_.begin_rows(layout, rows_); },
                      [&](const Record& record) { add(record); }};
      read_records(read_settings(*plan_.spec), text, rows_, sink);
    }
    return !rows_.failed();
  }

  std::optional<RawInput> encode(const Fitted& fitted) {
    RawInput out;
    if (!data::encode(plan_, staged_, fitted, interners_, "", out.split, emitter_)) return std::nullopt;
    out.examples = std::move(examples_);
    return out;
  }

 private:
  void stage_lines(std::string_view text) {
    Lines lines(text);
    std::string_view line;
    Record record;
    while (!rows_.stopped() && lines.next(line)) {
      const bool skipped = format_ == RawFormat::lines && trim(line).empty();
      if (skipped || !check_text(line, lines.number(), rows_)) continue;
      record.line = lines.number();
      record.text = line;
      add(record);
    }
    if (examples_.empty() && !rows_.failed()) rows_.bad_file(diag::NoDataRecords, 0, "", "", rows_.path(), "lines");
  }

  void add(const Record& record) {
    if (!stager_.add(record, rows_)) return;
    RawExample example;
    example.line = record.line;
    for (const std::string_view line : record.token_text) example.token_lines.emplace_back(line);
    for (size_t c = 0; c < plan_.columns.size(); ++c) note_words(c, example);
    examples_.push_back(std::move(example));
  }

  void note_words(size_t c, RawExample& example) const {
    const ColumnPlan& column = plan_.columns[c];
    const Pieces& pieces = stager_.pieces(c);
    if (!column.active || column.is_target_only() || pieces.missing || column.dims.empty()) return;
    const auto note = [&](int dim, const std::vector<std::string_view>& texts) {
      const std::string& path = plan_.dims[static_cast<size_t>(dim)].path;
      if (!texts.empty()) example.words.try_emplace(path, texts.begin(), texts.end());
    };
    if (column.per_token) example.token_dim = plan_.dims[static_cast<size_t>(column.dims[0])].path;
    note(column.dims[0], pieces.words);
    const bool one_each = !column.inner_level && column.width == 1;
    if (column.dims.size() > 1 && one_each) note(column.dims.back(), pieces.items);
  }

  const SourcePlan& plan_;
  RawFormat format_;
  diag::Emitter& emitter_;
  SkipBudget budget_;
  Rows rows_;
  Interners interners_;
  Staged staged_;
  Stager stager_;
  std::vector<RawExample> examples_;
};

bool is_asked_for(const ColumnPlan& column, const std::vector<std::string>& columns) {
  return std::find(columns.begin(), columns.end(), column.spec->name) != columns.end();
}

}  // namespace

bool takes_blank_lines(const SourceSpec& source, const std::vector<std::string>& columns) {
  diag::Emitter silent(nullptr);
  const auto plan = plan_source(source, silent);
  return plan && std::all_of(plan->columns.begin(), plan->columns.end(), [&](const ColumnPlan& column) {
           return !is_asked_for(column, columns) || column.is_target_only() || may_be_empty(*plan, column);
         });
}

std::optional<RawInput> encode_text(const Spec& spec, const SourceSpec& source, const Fitted& fitted,
                                    const std::vector<std::string>& columns, RawFormat format, std::string_view text,
                                    std::string_view path, diag::Emitter& emitter) {
  (void)spec;
  auto plan = plan_source(source, emitter);
  if (!plan) return std::nullopt;
  for (ColumnPlan& column : plan->columns) {
    column.active = is_asked_for(column, columns);
  }
  if (format != RawFormat::source && !check_lines_possible(*plan, emitter)) return std::nullopt;
  TextEncoder encoder(*plan, format, path, emitter);
  if (!encoder.stage(text)) return std::nullopt;
  return encoder.encode(fitted);
}

}  // namespace mtl::data
