// Reads the inputs of `mtlc predict` part by part.
#include "runtime/data/input.h"

#include <algorithm>
#include <filesystem>

#include "runtime/data/fit.h"
#include "runtime/data/keep.h"
#include "runtime/data/stage.h"
#include "runtime/data/text.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

// A line can stand for an example if the asked-for columns, but labels, all come from one text.
bool check_lines_possible(const SourcePlan& plan, diag::Emitter& emitter) {
  const ColumnSpec* text = nullptr;
  std::string fault;
  for (const ColumnPlan& column : plan.columns) {
    if (!column.active || column.is_target_only()) continue;
    if (column.spec->kind != ValueKind::token) {
      fault = "column `" + column.spec->name + "` is no text";
    } else if (column.spec->binding.cross) {
      fault = "column `" + column.spec->name + "` is joined of several";
    } else if (column.base_levels > 1) {
      fault = "column `" + column.spec->name + "` is a sequence of sequences";
    } else if (text && !text->binding.reads_same(column.spec->binding)) {
      fault = "`" + text->name + "` and `" + column.spec->name + "` are different texts";
    }
    text = column.spec;
  }
  if (!text && fault.empty()) fault = "it has no text column";
  if (fault.empty()) return true;
  emitter.report(diag::RawTextNotPossible, plan.spec->name, fault)
      .help("`--format source` reads the source's own format, " + std::string(format_name(plan.spec->format)));
  return false;
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

bool is_asked_for(const ColumnPlan& column, const std::vector<std::string>& columns) {
  return std::find(columns.begin(), columns.end(), column.spec->name) != columns.end();
}

}  // namespace

struct InputReader::State {
  const Fitted& fitted;
  const InputSettings settings;
  SkipBudget& budget;
  diag::Emitter& emitter;
  SourcePlan plan;
  KeptColumns kept;
  ReadState reading;
  bool begun = false;
  int64_t records = 0;  // bad ones included
};

// One part of the input on its way.
class InputReader::Part {
 public:
  Part(State& state, bool last)
      : state_(state),
        rows_(state.settings.path, state.emitter, state.budget),
        stager_(state.plan, interners_, staged_) {
    state.reading.last = last;
    const bool lines = state.settings.format != RawFormat::source;
    stager_.set_options({.use = FileUse::prediction,
                         .words_of_lines = lines,
                         .characters_of_lines = lines && has_character_tokens(state.plan, state.fitted),
                         .keeps_words = state.settings.keeps_tokens});
    stager_.begin_file(state.settings.path);
  }

  bool stage(std::string_view text) {
    if (!state_.begun && text.starts_with("\xEF\xBB\xBF")) {
      out_.taken = 3;
      text.remove_prefix(3);
    }
    if (!state_.begun && !check_compression(text, rows_)) return false;
    if (state_.plan.spec->format != Format::lines && is_folder(state_.settings.path)) {
      rows_.bad_file(diag::DataFileIsFolder, 0, "", "", rows_.path());
      return false;
    }
    state_.begun = state_.begun || !text.empty();
    const size_t taken = state_.settings.format != RawFormat::source ? stage_lines(text)
                         : state_.plan.spec->format == Format::lines ? stage_files(text)
                                                                     : stage_records(text);
    rows_.report_blank();
    out_.taken += taken;
    if (state_.settings.keeps_text) out_.rest = text.substr(copied_, taken - copied_);
    out_.separator = state_.reading.separator;
    return !rows_.failed();
  }

  std::optional<RawInput> encode() {
    if (staged_.examples > 0 &&
        !data::encode(state_.plan, staged_, state_.fitted, interners_, "", out_.split, state_.emitter))
      return std::nullopt;
    return std::move(out_);
  }

 private:
  size_t stage_lines(std::string_view text) {
    text = whole_lines(text, state_.reading.last);
    Lines lines(text, state_.reading.lines);
    std::string_view line;
    Record record;
    while (!rows_.stopped() && lines.next(line)) {
      record.line = lines.number();
      record.text = line;
      if (state_.settings.format == RawFormat::lines && trim(line).empty()) {
        note(record).text = line;
      } else {
        if (!check_text(line, record.line, rows_)) {
          note(record).bad = true;
        } else {
          add(record);
        }
        out_.examples.back().text = line;
      }
    }
    state_.reading.lines = lines.number();
    if (state_.reading.last) check_empty("lines");
    return text.size();
  }

  // Of `lines`: a folder of the source's files, or the lines of the one file that is needed.
  size_t stage_files(std::string_view text) {
    Sink sink;
    sink.layout = [&](const Layout& layout) {
      return state_.kept.place(layout, rows_) && stager_.begin_rows(layout, rows_);
    };
    sink.record = [&](const Record& record) {
      ++state_.records;
      add(record);
    };
    sink.skipped = [&](uint64_t line, std::string_view) {
      ++state_.records;
      Record record;
      record.line = line;
      note(record).bad = true;
      out_.examples.back().kept = state_.kept.none();
    };
    const SourceSpec& source = *state_.plan.spec;
    const auto reads = [&](const ColumnSpec& spec) {
      return std::any_of(state_.plan.columns.begin(), state_.plan.columns.end(),
                         [&](const ColumnPlan& column) { return column.spec == &spec && column.active; });
    };
    const auto needed = [&](const ColumnSpec& spec) {
      return reads(spec) && spec.kind != ValueKind::label && spec.kind != ValueKind::labels;
    };
    const std::string& path = state_.settings.path;
    if (is_folder(path)) {
      read_lines(source, path, {reads, needed, {}}, rows_, sink, state_.emitter);
    } else {
      std::vector<std::string> names;
      for (const ColumnSpec& column : source.columns) {
        const std::string& name = column.binding.names.front();
        if (needed(column) && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
      }
      if (names.size() != 1) {
        state_.emitter.report(diag::FolderOfLinesExpected, source.name)
            .help("it needs " + join(names) + ", and may lack the files of labels");
        rows_.fail();
        return text.size();
      }
      text = whole_lines(text, state_.reading.last);
      const std::vector<LineText> texts{{names[0], path, text}};
      const uint64_t count = count_line_records(texts, state_.emitter).value_or(0);
      read_line_texts(texts, count, state_.reading.lines, rows_, sink);
      state_.reading.lines += count;
    }
    if (state_.reading.last) check_empty("lines");
    return text.size();
  }

  size_t stage_records(std::string_view text) {
    Sink sink;
    sink.layout = [&](const Layout& layout) {
      return state_.kept.place(layout, rows_) && stager_.begin_rows(layout, rows_);
    };
    sink.record = [&](const Record& record) {
      add(record);
      note_text(record.whole);
      for (const std::string_view line : record.token_text)
        out_.examples.back().token_starts.push_back(static_cast<size_t>(line.data() - record.whole.data()));
    };
    sink.skipped = [&](uint64_t line, std::string_view whole) {
      Record record;
      record.line = line;
      note(record).bad = true;
      out_.examples.back().kept = state_.kept.none();
      note_text(whole);
    };
    const ReadSettings settings = read_settings(*state_.plan.spec);
    const size_t taken = read_part(settings, text, state_.reading, rows_, sink);
    if (state_.reading.last) check_empty(records_name(settings.format));
    return taken;
  }

  void check_empty(std::string_view what) {
    const bool none = state_.records == 0 && !state_.settings.may_be_empty;
    if (none && !rows_.failed()) rows_.bad_file(diag::NoDataRecords, 0, "", "", rows_.path(), what);
  }

  RawExample& note(const Record& record) {
    RawExample& example = out_.examples.emplace_back();
    example.line = record.line;
    return example;
  }

  void note_text(std::string_view whole) {
    ++state_.records;
    copied_ += whole.size();
    if (state_.settings.keeps_text) out_.examples.back().text = whole;
  }

  void add(const Record& record) {
    RawExample& example = note(record);
    if (state_.settings.format == RawFormat::source) {
      example.kept = state_.kept.of(record);
    } else {
      ++state_.records;
    }
    example.row = staged_.examples;
    if (!stager_.add(record, rows_)) {
      example.bad = true;
      example.row = -1;
    } else if (state_.settings.keeps_tokens) {
      for (size_t c = 0; c < state_.plan.columns.size(); ++c) note_tokens(c, example);
    }
  }

  void note_tokens(size_t c, RawExample& example) const {
    const ColumnPlan& column = state_.plan.columns[c];
    const Pieces& pieces = stager_.pieces(c);
    if (!column.active || column.is_target_only() || pieces.missing || column.dims.empty()) return;
    const auto note = [&](int dim, const std::vector<std::string_view>& texts) {
      const std::string& path = state_.plan.dims[static_cast<size_t>(dim)].path;
      if (texts.empty() || example.tokens.count(path) > 0) return;
      Tokens& tokens = example.tokens[path];
      tokens.texts.assign(texts.begin(), texts.end());
      find_pieces(pieces.raw, texts, tokens.places);
      if (!tokens.places.empty()) tokens.raw = pieces.raw;
    };
    if (column.per_token) example.token_dim = state_.plan.dims[static_cast<size_t>(column.dims[0])].path;
    note(column.dims[0], pieces.words);
    const bool one_each = !column.inner_level && column.width == 1;
    if (column.dims.size() > 1 && one_each) note(column.dims.back(), pieces.items);
  }

  State& state_;
  Rows rows_;
  Interners interners_;
  Staged staged_;
  Stager stager_;
  RawInput out_;
  size_t copied_ = 0;  // bytes that the texts of examples take
};

InputReader::InputReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
InputReader::~InputReader() = default;

std::unique_ptr<InputReader> InputReader::open(const SourceSpec& source, const Fitted& fitted,
                                               const InputSettings& settings, SkipBudget& budget,
                                               diag::Emitter& emitter) {
  auto plan = plan_source(source, emitter);
  if (!plan) return nullptr;
  for (ColumnPlan& column : plan->columns) column.active = is_asked_for(column, settings.columns);
  if (settings.format != RawFormat::source && !check_lines_possible(*plan, emitter)) return nullptr;
  KeptColumns kept(source.format, source.trim, settings.keep);
  auto state = std::make_unique<State>(
      State{fitted, settings, budget, emitter, std::move(*plan), std::move(kept), {}, false, 0});
  return std::unique_ptr<InputReader>(new InputReader(std::move(state)));
}

std::optional<RawInput> InputReader::read(std::string_view text, bool last) {
  Part part(*state_, last);
  if (!part.stage(text)) return std::nullopt;
  return part.encode();
}

std::vector<std::string> InputReader::never_kept() const {
  return state_->kept.never_found();
}

std::optional<RawInput> encode_text(const SourceSpec& source, const Fitted& fitted,
                                    const std::vector<std::string>& columns, RawFormat format, std::string_view text,
                                    const std::string& path, diag::Emitter& emitter) {
  InputSettings settings;
  settings.columns = columns;
  settings.format = format;
  settings.path = path;
  settings.keeps_text = settings.keeps_tokens = true;
  SkipBudget budget;
  const auto reader = InputReader::open(source, fitted, settings, budget, emitter);
  return reader ? reader->read(text, true) : std::nullopt;
}

bool has_character_tokens(const SourcePlan& plan, const Fitted& fitted) {
  constexpr double kNearlyAll = 0.8;
  for (const ColumnPlan& column : plan.columns) {
    if (!column.per_token || column.spec->kind != ValueKind::token || column.levels() != 1) continue;
    const std::vector<std::string>& names = fitted.vocabs.at(column.spec->vocab).names;  // "<unk>" and others
    const auto characters = std::count_if(names.begin(), names.end(), [](const std::string& name) {
      size_t end = 0;
      if (!name.empty()) next_code_point(name, end);
      return end == name.size();
    });
    return names.size() > 1 && static_cast<double>(characters) >= kNearlyAll * static_cast<double>(names.size() - 1);
  }
  return false;
}

bool takes_blank_lines(const SourceSpec& source, const std::vector<std::string>& columns) {
  diag::Emitter silent(nullptr);
  const auto plan = plan_source(source, silent);
  return plan && std::all_of(plan->columns.begin(), plan->columns.end(), [&](const ColumnPlan& column) {
           return !is_asked_for(column, columns) || column.is_target_only() || may_be_empty(*plan, column);
         });
}

}  // namespace mtl::data
