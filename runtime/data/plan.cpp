// Checks bindings, transforms and types against each other, and plans how cells become values.
#include "runtime/data/plan.h"

#include <algorithm>
#include <set>

#include "runtime/data/text.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

bool works_on_numbers(Transform::Kind kind) {
  switch (kind) {
    case Transform::Kind::bins:
    case Transform::Kind::standardize:
    case Transform::Kind::minmax:
    case Transform::Kind::log1p:
    case Transform::Kind::fill_number:
    case Transform::Kind::fill_mean:
      return true;
    default:
      return false;
  }
}

class Planner {
 public:
  Planner(const SourceSpec& source, diag::Emitter& emitter) : source_(source), emitter_(emitter) {
    plan_.spec = &source;
  }

  std::optional<SourcePlan> run() {
    for (const ColumnSpec& column : source_.columns) plan_column(column);
    if (!good_) return std::nullopt;
    return std::move(plan_);
  }

 private:
  template <class... Args>
  void fail(const ColumnSpec& column, std::string help, const diag::Kind& kind, Args&&... args) {
    good_ = false;
    diag::Report report = emitter_.report(kind, std::forward<Args>(args)...);
    if (column.range.valid()) std::move(report).at(column.range);
    std::move(report).help(std::move(help));
  }

  void plan_column(const ColumnSpec& column) {
    ColumnPlan out;
    out.spec = &column;
    out.is_comment = column.binding.kind == Binding::Kind::comment;
    const bool conll = source_.format == Format::conll || source_.format == Format::conllu;
    out.per_token = conll && !out.is_comment;
    for (const int64_t dim : column.fixed) out.width *= dim;
    if (!check_binding(column) || !check_transforms(column, out)) return;
    find_dims(column, out);
    if (!check_levels(column, out)) return;
    note_dims(column, out);
    plan_.columns.push_back(std::move(out));
  }

  bool check_binding(const ColumnSpec& column) {
    using Kind = Binding::Kind;
    const Kind kind = column.binding.kind;
    const bool by_number = kind == Kind::index || kind == Kind::indices;
    const bool by_name = kind == Kind::name || kind == Kind::names;
    std::string what, help;
    switch (source_.format) {
      case Format::conll:
        if (by_name) what = "a name", help = "write the number of the column, from 0: `column(0)`";
        break;
      case Format::tsv:
      case Format::csv:
        if (kind == Kind::comment) what = "`comment(...)`", help = "write `column(...)`";
        if (by_name && !source_.header.value_or(true)) {
          what = "a name (the source says `header = false`)",
          help = "write the number of the column, from 0: `column(0)`";
        }
        break;
      case Format::jsonl:
        if (by_number) what = "the number of a column", help = "write a key: `column(\"text\")`, or `field(\"a.b\")`";
        if (kind == Kind::comment) what = "`comment(...)`", help = "write a key: `column(\"text\")`";
        break;
      case Format::lines:
        if (kind != Kind::file) what = "a column", help = "name the column's file: `file(\"seq.in\")`";
        break;
      case Format::conllu:
        break;
    }
    if (kind == Kind::file && source_.format != Format::lines) what = "`file(...)`", help = "write `column(...)`";
    if (kind == Kind::field && source_.format != Format::jsonl) what = "`field(...)`", help = "write `column(...)`";
    if (column.binding.cross && !column.groups && column.kind != ValueKind::token &&
        column.kind != ValueKind::category) {
      fail(column, "", diag::ColumnShapeMismatch, column.name,
           "is `" + kind_name(column.kind) + "`, and `cross` makes texts: the type has to be `category` or `token`");
      return false;
    }
    if (what.empty()) return true;
    fail(column, help, diag::BindingNotOfFormat, column.name, what, format_name(source_.format));
    return false;
  }

  bool check_transforms(const ColumnSpec& column, ColumnPlan& out) {
    std::set<Transform::Kind> seen;
    const Transform* numeric = nullptr;  // the last transform of numbers
    const Transform* before = nullptr;
    for (const Transform& transform : column.transforms) {
      const Transform::Kind kind = transform.kind;
      std::string fault;
      if (splits_text(kind) && numeric)
        fault = "parts a text and stands behind `" + std::string(transform_name(*numeric)) + "`, which takes numbers";
      if (works_on_numbers(kind)) numeric = &transform;
      if (out.is_bins) fault = "stands behind `bins`, which ends the list";
      if (seen.count(Transform::Kind::hash) > 0 && kind != Transform::Kind::limit)
        fault = "stands behind `hash`, which makes ids of texts";
      if (kind == Transform::Kind::part && (before == nullptr || !splits_text(before->kind)))
        fault = "takes a piece: it stands right behind the `split`, `words` or `characters` that makes the pieces";
      if (kind == Transform::Kind::bins) {
        out.is_bins = true;
        if (fault.empty()) fault = bins_fault(column, transform);
      } else if (works_on_numbers(kind)) {
        const bool before_bins = has_bins(column);
        const bool truth = column.kind == ValueKind::boolean && kind == Transform::Kind::fill_number;
        if (column.kind != ValueKind::number && !before_bins && !truth) fault = "is for numbers";
      } else if (kind == Transform::Kind::hash) {
        if (column.kind != ValueKind::token && column.kind != ValueKind::category)
          fault = "makes ids: the type has to be `category` or `token`";
        else
          fault = settings_fault(column);
      } else if (kind == Transform::Kind::is) {
        if (column.kind != ValueKind::boolean) fault = "makes truth values: the type has to be `bool`";
      } else if (kind == Transform::Kind::limit) {
        if (transform.count < 1) fault = "needs a number from 1 on";
      } else if (kind == Transform::Kind::fill_text && (column.kind == ValueKind::number || has_bins(column))) {
        fault = "fills in a text: a number takes `fill(0.0)` or `fill(mean)`";
      }
      const bool repeatable = splits_text(kind) || kind == Transform::Kind::limit || kind == Transform::Kind::part;
      if (fault.empty() && !repeatable && seen.count(kind) > 0) fault = "stands there twice";
      seen.insert(kind);
      before = &transform;
      if (fault.empty()) continue;
      fail(column, "", diag::TransformNotOfColumn, column.name, transform_name(transform), fault);
      return false;
    }
    return true;
  }

  static std::string bins_fault(const ColumnSpec& column, const Transform& transform) {
    const bool own_set = column.fixed_labels.empty() && column.labels_of.empty();
    if (column.kind != ValueKind::category && (column.kind != ValueKind::label || !own_set))
      return "makes classes: the type has to be `label` or `category`";
    if (column.kind == ValueKind::category && !column.fixed.empty())
      return "takes one column: write a `category` for each";
    if (transform.numbers.empty() && transform.count < 2) return "needs at least 2 classes";
    return settings_fault(column);
  }

  // Where no values are kept, none is unknown.
  static std::string settings_fault(const ColumnSpec& column) {
    const char* setting = column.min_count > 1 ? "min_count"
                          : column.max_size    ? "max_size"
                          : column.unknown > 0 ? "unknown"
                                               : nullptr;
    return setting == nullptr ? "" : "has no unknown values, so `" + std::string(setting) + "` does not fit";
  }

  // The dimensions of the column, made where they are new.
  void find_dims(const ColumnSpec& column, ColumnPlan& out) {
    std::string path;
    int parent = -1;
    for (const std::string& name : column.ragged) {
      path += (path.empty() ? "" : ".") + name;
      auto found = std::find_if(plan_.dims.begin(), plan_.dims.end(), [&](const DimPlan& d) { return d.path == path; });
      if (found == plan_.dims.end()) {
        plan_.dims.push_back({path, parent});
        found = std::prev(plan_.dims.end());
      }
      parent = static_cast<int>(found - plan_.dims.begin());
      out.dims.push_back(parent);
    }
  }

  // Do file and transforms give as many levels of sequence as the type has?
  bool check_levels(const ColumnSpec& column, ColumnPlan& out) {
    int splits = 0;
    for (size_t i = 0; i < column.transforms.size(); ++i) splits += makes_level(column.transforms, i) ? 1 : 0;
    const int ragged = static_cast<int>(column.ragged.size());
    const bool cross = column.binding.cross;
    const size_t elements = cross ? 1 : std::max(column.binding.indices.size(), column.binding.names.size());
    const bool json = source_.format == Format::jsonl;
    const bool from_one_cell = !column.fixed.empty() && elements == 1 && (json || out.per_token + splits > ragged);
    out.base_levels = out.per_token ? 1 : 0;
    if (json) out.base_levels = std::max(0, ragged + (column.kind == ValueKind::labels || from_one_cell) - splits);
    const int given = out.base_levels + splits;
    out.inner_level = given == ragged + 1 && (column.kind == ValueKind::labels || from_one_cell);
    if (given != ragged + (out.inner_level ? 1 : 0)) {
      fail(column, level_help(column, out, given), diag::ColumnShapeMismatch, column.name, level_fault(given, ragged));
      return false;
    }
    if (!from_one_cell && static_cast<int64_t>(elements) != out.width) {
      const bool more = static_cast<int64_t>(elements) < out.width;
      fail(column, more ? "each is listed, as in `columns(0, 1)` of an `f32[2]`" : "", diag::WrongValueCount,
           column.name, count_of(static_cast<size_t>(out.width), "column"), std::to_string(elements));
      return false;
    }
    const bool parts = std::any_of(column.transforms.begin(), column.transforms.end(),
                                   [](const Transform& t) { return splits_text(t.kind); });
    if (cross && (parts || (json && out.base_levels > 0))) {
      fail(column, "", diag::ColumnShapeMismatch, column.name,
           parts ? "splits what `cross` has joined" : "crosses arrays: `cross` joins texts and numbers");
      return false;
    }
    if (elements > 1 && (splits > 0 || (json && out.base_levels > 0))) {
      fail(column, "", diag::ColumnShapeMismatch, column.name,
           splits > 0 ? "splits the texts of several columns: bind one column"
                      : "joins the arrays of several keys: bind one key that holds them");
      return false;
    }
    return check_limits(column, out);
  }

  static std::string level_fault(int given, int ragged) {
    const auto sequences = [](int n) {
      return n == 0   ? std::string("one value")
             : n == 1 ? std::string("a sequence")
                      : "a sequence of depth " + std::to_string(n);
    };
    return "is declared as " + sequences(ragged) + " for each example, and its binding gives " + sequences(given);
  }
  static std::string level_help(const ColumnSpec& column, const ColumnPlan& out, int given) {
    const int ragged = static_cast<int>(column.ragged.size());
    if (given < ragged && !out.per_token) return "split its text: `|> split(\" \")`, `|> words` or `|> characters`";
    if (given > ragged && out.per_token && ragged == 0) {
      return "a column of a CoNLL file has a value for each token: `" + kind_name(column.kind) +
             "[T]`; a value for the sentence is a `comment(\"...\")`";
    }
    if (given > ragged && !column.transforms.empty() && splits_text(column.transforms.back().kind))
      return "`|> first`, `|> last` or `|> part(2)` takes one of the pieces";
    return "";
  }

  bool check_limits(const ColumnSpec& column, const ColumnPlan& out) {
    int level = out.base_levels;
    for (size_t i = 0; i < column.transforms.size(); ++i) {
      const Transform& transform = column.transforms[i];
      level += makes_level(column.transforms, i) ? 1 : 0;
      if (transform.kind != Transform::Kind::limit) continue;
      if (level == 0 || level > static_cast<int>(out.dims.size())) {
        fail(column, "", diag::TransformNotOfColumn, column.name, "limit", "cuts a sequence, and here is none");
        return false;
      }
      DimPlan& dim = plan_.dims[static_cast<size_t>(out.dims[static_cast<size_t>(level - 1)])];
      if (dim.limit > 0 && dim.keep_last != transform.keep_last) {
        fail(column, "write the same `keep` in both; one `limit` cuts all columns of its dimension",
             diag::LimitsOfTwoEnds, dim.path, dim.limited_by->name, dim.keep_last ? "last" : "first", column.name,
             transform.keep_last ? "last" : "first");
        return false;
      }
      dim.limit = dim.limit == 0 ? transform.count : std::min(dim.limit, transform.count);
      dim.keep_last = transform.keep_last;
      dim.limited_by = &column;
    }
    return true;
  }

  void note_dims(const ColumnSpec& column, const ColumnPlan& out) {
    for (size_t level = 0; level < out.dims.size(); ++level) {
      DimPlan& dim = plan_.dims[out.dims[level]];
      dim.columns.emplace_back(plan_.columns.size(), static_cast<int>(level));
      dim.allow_empty = dim.allow_empty || column.allow_empty || column.binding.allow_empty;
    }
  }

  const SourceSpec& source_;
  diag::Emitter& emitter_;
  SourcePlan plan_;
  bool good_ = true;
};

// "feats.Case" is the value of Case in FEATS; FEATS and MISC hold such pairs.
bool names_feature(std::string_view name) {
  const std::string field = lower_text(name.substr(0, name.find('.')));
  return name.find('.') != std::string_view::npos && (field == "feats" || field == "misc");
}
std::string feature_of(const std::string& name) {
  return names_feature(name) ? name.substr(name.find('.') + 1) : "";
}
// The field of CoNLL-U that a name says in any case; another name as it stands.
std::string field_of(const std::string& name) {
  const int column = conllu_column(names_feature(name) ? name.substr(0, name.find('.')) : name);
  return column < 0 ? name : conllu_names()[static_cast<size_t>(column)];
}

// The cell of one name or number, or -1 after reporting.
class Placer {
 public:
  Placer(const SourcePlan& plan, const Layout& layout, FileUse use, Rows& rows)
      : plan_(plan), layout_(layout), use_(use), rows_(rows) {}

  int by_name(const std::string& bound, bool absent_allowed) {
    std::string name(plan_.spec->trim ? trim_blanks(bound) : bound);
    if (plan_.spec->format == Format::conllu) name = field_of(name);
    const auto found = std::find(layout_.names.begin(), layout_.names.end(), name);
    if (found == layout_.names.end()) {
      if (absent_allowed) return -1;
      std::vector<std::string> names = layout_.names;
      const bool universal = plan_.spec->format == Format::conllu;
      for (std::string& known : names) known = universal ? lower_text(known) : known;
      const auto near = nearest(universal ? lower_text(name) : name, names);
      std::string help = near ? "did you mean `" + *near + "`?" : "";
      if (universal) {  // its columns have names, but no line that says them
        help += (help.empty() ? "the" : " The") + (" columns of CoNLL-U are " + join(layout_.names));
        rows_.bad_file(diag::UnknownDataColumn, 0, "", help, "column", name);
        return -1;
      }
      if (!near) help = "its columns are " + excerpt(join(layout_.names), 200);
      if (!near && looks_like_data())
        help = "the first line looks like data: a header was expected, " + expected_names() + help_for_no_header();
      if (const std::string other = other_format(); !near && !other.empty())
        help = other;
      else if (!near && layout_.names.size() == 1)
        help += help_for_one_cell(layout_.names[0]);
      const std::string of_targets = help_for_targets();
      if (near && !of_targets.empty()) help += " And" + of_targets.substr(1);
      if (!near) help += of_targets;
      rows_.bad_file(diag::UnknownDataColumn, layout_.line, header(), help, "column", name);
      return -1;
    }
    if (std::find(found + 1, layout_.names.end(), name) != layout_.names.end()) {
      rows_.bad_file(diag::DoubleDataColumn, layout_.line, header(), "", name);
      return -1;
    }
    return static_cast<int>(found - layout_.names.begin());
  }

  int by_number(const std::string& column, int64_t number, bool absent_allowed) {
    const auto width = static_cast<int64_t>(layout_.width);
    if (number >= 0 && number < width) return static_cast<int>(number);
    if (absent_allowed) return -1;
    std::string help = "columns are counted from 0";
    if (width == 1 && plan_.spec->format != Format::conllu) help += help_for_one_cell("");
    rows_.bad_file(diag::DataColumnOutOfRange, layout_.line, "", help + help_for_targets(), column, number,
                   count_of(layout_.width, "cell"));
    return -1;
  }

  // Where columns have numbers, nothing asks for a name of the header; and it may be the first row.
  void check_header() {
    const SourceSpec& spec = *plan_.spec;
    if (layout_.names.empty() || spec.header || (spec.format != Format::tsv && spec.format != Format::csv)) return;
    const ColumnPlan* number = nullptr;
    std::string cell;
    for (const ColumnPlan& column : plan_.columns) {
      if (!column.active) continue;
      if (!column.spec->binding.names.empty()) return;
      for (const int64_t index : column.spec->binding.indices) {
        if (column.spec->kind != ValueKind::number || static_cast<size_t>(index) >= layout_.names.size()) continue;
        const std::string& name = layout_.names[static_cast<size_t>(index)];
        if (number == nullptr && parse_number(name, number_format(spec))) number = &column, cell = name;
      }
    }
    if (number == nullptr) return;
    rows_.bad_file(diag::DataAsHeader, layout_.line, header(),
                   "`header = false` in the source says that the file has none; `header = true` says that this is one",
                   cell, number->spec->name);
  }

 private:
  // What the first line is of, if it is no header of a table.
  std::string other_format() const {
    const std::string first = layout_.names.empty() ? "" : lower_text(layout_.names[0]);
    if (first.starts_with("<!doctype") || first.starts_with("<html") || first.starts_with("<?xml"))
      return "the file is a web page, not a table";
    if (first.starts_with("version https://git-lfs"))
      return "the file is a pointer of Git LFS: `git lfs pull` fetches what it stands for";
    if (first.starts_with("sep=")) return "the first line is one of Excel's: the header has to be the first";
    if (first.starts_with("#")) return "a table has no comments: the header has to be its first line";
    if (plan_.spec->format == Format::tsv && first.size() > 2 && first.front() == '"' && first.back() == '"')
      return "a tsv keeps quotation marks; `format = csv` with `separator = \"\\t\"` reads quoted cells";
    return help_for_json(first);
  }

  // A header of one cell: another separator, most likely the one that stands in it.
  static std::string help_for_one_cell(const std::string& cell) {
    for (const auto& [separator, written] : {std::pair{';', ";"}, {'\t', "\\t"}, {',', ","}, {'|', "|"}}) {
      if (cell.find(separator) != std::string::npos)
        return std::string("; `separator = \"") + written + "\"` in the source parts them";
    }
    return "; `separator = ...` in the source says how cells are parted";
  }

  // Whether a name of the header is a number, empty, or there twice.
  bool looks_like_data() const {
    for (size_t i = 0; i < layout_.names.size(); ++i) {
      const std::string& name = layout_.names[i];
      const auto behind = layout_.names.begin() + static_cast<std::ptrdiff_t>(i) + 1;
      if (name.empty() || parse_number(name, number_format(*plan_.spec)) ||
          std::find(behind, layout_.names.end(), name) != layout_.names.end())
        return true;
    }
    return false;
  }

  // The columns that are read, in the order of the source.
  std::string expected_names() const {
    std::vector<std::string> names;
    for (const ColumnPlan& column : plan_.columns) {
      if (!column.active) continue;
      for (const std::string& name : column.spec->binding.names)
        if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    return excerpt(join(names), 200);
  }

  // The line of names as the file has it, but for quotes and blanks.
  std::string header() const {
    const std::string& given = plan_.spec->separator;
    const std::string separator = !given.empty() ? given : plan_.spec->format == Format::csv ? "," : "\t";
    return join(layout_.names, separator, separator);
  }

  std::string help_for_no_header() const {
    const bool may = use_ == FileUse::training && plan_.spec->header.value_or(true);
    return may ? "; `header = false` says that there is none, and columns are numbers then, `column(0)`" : "";
  }

  std::string help_for_targets() const {
    return use_ == FileUse::evaluation ? "; if it is a target: a file without targets is for `mtlc predict`" : "";
  }

  const SourcePlan& plan_;
  const Layout& layout_;
  FileUse use_;
  Rows& rows_;
};

}  // namespace

bool ColumnPlan::keeps_empty(int level, const std::vector<std::string>& missing) const {
  if (makes_row(level)) return spec->kind != ValueKind::labels;
  const bool bag = spec->kind == ValueKind::token || (spec->kind == ValueKind::category && !is_bins);
  return !bag && level + 1 == levels() && std::find(missing.begin(), missing.end(), "") != missing.end();
}

NumberFormat number_format(const SourceSpec& source) {
  return {source.decimal, source.thousands};
}

std::vector<double> missing_numbers(const SourceSpec& source) {
  std::vector<double> numbers;
  for (const std::string& mark : source.missing) {
    auto number = parse_number(mark, number_format(source));
    if (!number) number = parse_number(mark);  // as numbers are written in programs
    if (number) numbers.push_back(*number);
  }
  return numbers;
}

bool may_be_empty(const SourcePlan& plan, const ColumnPlan& column) {
  return !column.dims.empty() && plan.dims[static_cast<size_t>(column.dims[0])].allow_empty;
}

std::optional<SourcePlan> plan_source(const SourceSpec& source, diag::Emitter& emitter) {
  return Planner(source, emitter).run();
}

std::optional<std::vector<Placement>> place_columns(const SourcePlan& plan, const Layout& layout, FileUse use,
                                                    Rows& rows) {
  std::vector<Placement> out(plan.columns.size());
  Placer placer(plan, layout, use, rows);
  placer.check_header();
  if (rows.stopped()) return std::nullopt;
  for (size_t c = 0; c < plan.columns.size(); ++c) {
    const ColumnPlan& column = plan.columns[c];
    const Binding& binding = column.spec->binding;
    if (plan.spec->format == Format::jsonl || column.is_comment || !column.active) continue;
    const bool may_lack = use == FileUse::prediction && column.is_target_only();
    std::vector<int>& cells = out[c].cells;
    for (const std::string& name : binding.names) {
      cells.push_back(placer.by_name(name, may_lack));
      if (plan.spec->format == Format::conllu) out[c].features.push_back(feature_of(name));
    }
    if (binding.names.empty()) {
      for (const int64_t number : binding.indices)
        cells.push_back(placer.by_number(column.spec->name, number, may_lack));
    }
    if (rows.stopped()) return std::nullopt;
    if (std::find(cells.begin(), cells.end(), -1) != cells.end()) {
      cells.clear();
      out[c].absent = true;
    }
  }
  return out;
}

std::string_view transform_name(const Transform& transform) {
  switch (transform.kind) {
    case Transform::Kind::split:
      return "split";
    case Transform::Kind::words:
      return "words";
    case Transform::Kind::characters:
      return "characters";
    case Transform::Kind::part:
      return transform.count == 0 ? "first" : transform.count == -1 ? "last" : "part";
    case Transform::Kind::limit:
      return "limit";
    case Transform::Kind::hash:
      return "hash";
    case Transform::Kind::is:
      return "is";
    case Transform::Kind::bins:
      return "bins";
    case Transform::Kind::standardize:
      return "standardize";
    case Transform::Kind::minmax:
      return "minmax";
    case Transform::Kind::log1p:
      return "log1p";
    case Transform::Kind::fill_number:
    case Transform::Kind::fill_mean:
    case Transform::Kind::fill_text:
      return "fill";
  }
  return "";
}

bool splits_text(Transform::Kind kind) {
  return kind == Transform::Kind::split || kind == Transform::Kind::words || kind == Transform::Kind::characters;
}

bool makes_level(const std::vector<Transform>& transforms, size_t i) {
  const bool taken = i + 1 < transforms.size() && transforms[i + 1].kind == Transform::Kind::part;
  return splits_text(transforms[i].kind) && !taken;
}

bool has_bins(const ColumnSpec& column) {
  return std::any_of(column.transforms.begin(), column.transforms.end(),
                     [](const Transform& t) { return t.kind == Transform::Kind::bins; });
}

int64_t hash_count(const ColumnSpec& column) {
  for (const Transform& transform : column.transforms) {
    if (transform.kind == Transform::Kind::hash) return transform.count;
  }
  return 0;
}

std::string kind_name(ValueKind kind) {
  switch (kind) {
    case ValueKind::token:
      return "token";
    case ValueKind::category:
      return "category";
    case ValueKind::label:
      return "label";
    case ValueKind::labels:
      return "labels";
    case ValueKind::boolean:
      return "bool";
    case ValueKind::number:
      return "f32";
  }
  return "";
}

}  // namespace mtl::data
