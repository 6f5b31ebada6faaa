// What a generated batch knows of its columns: constant tables of how each is read, and the struct that encodes
// examples, counts rows and places buffers.
#include <fmt/format.h>

#include "compiler/aot/cpp_class.h"
#include "compiler/aot/cpp_names.h"
#include "compiler/aot/cpp_text.h"

namespace mtl::aot {

using data::Transform;
using data::ValueKind;
using program::Buffer;

namespace {

// Of runtime::deploy::Transform::Kind: the name in the language, but for `part` and three kinds of `fill`.
CppText enumerator(const Transform& transform) {
  switch (transform.kind) {
    case Transform::Kind::fill_number:
      return "fill_number";
    case Transform::Kind::fill_mean:
      return "fill_mean";
    case Transform::Kind::fill_text:
      return "fill_text";
    case Transform::Kind::part:
      return "part";
    default:
      return own_name(data::transform_name(transform));
  }
}

CppText double_text(double x) {
  return code("{:.17g}", x);
}

// The tables that a deploy::ColumnSpec points to, then the spec.
class SpecText {
 public:
  SpecText(const CppModel& model, const CppSource& source) : model_(model), source_(source) {}

  CppText spec(const CppText& name, const data::ColumnPlan& plan, bool keeps_ranges) {
    const data::ColumnSpec& column = *plan.spec;
    name_ = name;
    out_ = "";
    const CppText transforms = transform_table(column);
    const CppText stats = stats_text(column);
    const CppText missing = texts("Missing", source_.spec->missing);
    const std::vector<double> marks =
        plan.reads_numbers() ? data::missing_numbers(*source_.spec) : std::vector<double>{};
    const CppText missing_numbers = numbers("MissingNumbers", marks);
    std::vector<int64_t> limits;
    std::vector<const char*> last, empty;
    for (const int index : plan.dims) {
      const data::DimPlan& dim = source_.plan.dims[index];
      limits.push_back(dim.limit);
      last.push_back(dim.keep_last ? "true" : "false");
      empty.push_back(dim.allow_empty ? "true" : "false");
    }
    const char* kind = column.kind == ValueKind::token      ? "token"
                       : column.kind == ValueKind::category ? "category"
                       : column.kind == ValueKind::boolean  ? "boolean"
                                                            : "number";
    const bool lower =
        column.kind == ValueKind::token ? model_.fitted->vocabs.at(column.vocab).lowercase : column.lowercase;
    const bool apart = column.kind == ValueKind::category && !column.fixed.empty();
    const bool sentence = plan.per_token && column.kind == ValueKind::token;
    out_ += code(
        "constexpr runtime::deploy::ColumnSpec {}{{{}, runtime::deploy::ColumnSpec::Kind::{}, {}, {}, {}, {}, {}, {}, "
        "{}, {}, {}, "
        "{{{}}}, {{{}}}, {{{}}}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}}};\n",
        name, string_literal(column.name), kind, lower, apart, sentence, plan.width, plan.cells(), column.binding.cross,
        data::hash_count(column), plan.dims.size(), plan.base_levels, joined(limits, ", "), joined(last, ", "),
        joined(empty, ", "), transforms, column.transforms.size(), stats, missing, source_.spec->missing.size(),
        missing_numbers, marks.size(), source_.spec->trim, string_literal(source_.spec->decimal),
        string_literal(source_.spec->thousands), keeps_ranges);
    return out_;
  }

 private:
  CppText texts(const CppText& what, const std::vector<std::string>& values) {
    if (values.empty()) return "nullptr";
    std::vector<CppText> items;
    for (const std::string& value : values) items.push_back(string_literal(value));
    out_ += code("constexpr const char* {}{}[] = {{{}}};\n", name_, what, joined(items, ", "));
    return name_ + what;
  }
  CppText numbers(const CppText& what, const std::vector<double>& values) {
    if (values.empty()) return "nullptr";
    std::vector<CppText> items;
    for (double value : values) items.push_back(double_text(value));
    out_ += code("constexpr double {}{}[] = {{{}}};\n", name_, what, joined(items, ", "));
    return name_ + what;
  }
  CppText transform_table(const data::ColumnSpec& column) {
    if (column.transforms.empty()) return "nullptr";
    CppText items;
    for (size_t i = 0; i < column.transforms.size(); ++i) {
      const Transform& t = column.transforms[i];
      const CppText list = texts("Texts" + code("{}", i), t.texts);
      const bool text = t.kind == Transform::Kind::split || t.kind == Transform::Kind::fill_text;
      items += code("    {{runtime::deploy::Transform::Kind::{}, {}, {}, {}, {}}},\n", enumerator(t),
                    text ? string_literal(t.text) : "nullptr", list, t.texts.size(), t.count);
    }
    out_ += code("constexpr runtime::deploy::Transform {}Transforms[] = {{\n{}}};\n", name_, items);
    return name_ + "Transforms";
  }
  CppText stats_text(const data::ColumnSpec& column) {
    const auto found = model_.fitted->numbers.find(source_.spec->name + "." + column.name);
    if (found == model_.fitted->numbers.end()) return "{}";
    const data::NumberStats& s = found->second;
    const std::vector<double> edges = s.bin_edges.empty() ? std::vector<double>{} : s.bin_edges[0];
    const CppText mean = numbers("Mean", s.mean), deviation = numbers("Deviation", s.deviation),
                  minimum = numbers("Minimum", s.minimum), maximum = numbers("Maximum", s.maximum),
                  fill = numbers("Fill", s.fill), bins = numbers("Edges", edges);
    return code("{{{}, {}, {}, {}, {}, {}, {}}}", mean, deviation, minimum, maximum, fill, bins, edges.size());
  }

  const CppModel& model_;
  const CppSource& source_;
  CppText name_, out_;
};

// How the value of a field becomes a row of its column.
CppText adder(const CppColumn& column, bool ids) {
  const bool by_ids = ids && !column.ids_type.empty();
  const CppText value = "example." + (by_ids ? column.name : column.field), &type = column.field_type;
  const CppText all = value + ".data(), " + value + ".size()";
  CppText call;
  if (by_ids) {
    const CppText lengths = "example." + column.lengths;
    call = "add_ids(" + all + (column.lengths.empty() ? "" : ", " + lengths + ".data(), " + lengths + ".size()") + ")";
  } else if (type == "std::string") {
    call = "add_text(" + value + ")";
  } else if (type == "bool") {
    call = "add_truth(" + value + ")";
  } else if (type == "double") {
    call = "add_number(" + value + ")";
  } else if (type.starts_with("std::array<bool")) {
    call = "add_truths(" + all + ")";
  } else if (type.contains("double")) {
    call = "add_numbers(" + all + ")";
  } else if (type.starts_with("std::array")) {
    call = "add_texts(" + all + ")";
  } else {
    call = "add_texts(" + value + (column.ranges.empty() ? "" : ", example." + column.ranges) + ")";
  }
  return "columns." + column.name + "." + call + ";";
}

// Columns that have a ragged dimension: which, and at what level.
std::vector<std::pair<size_t, size_t>> columns_of(const CppSource& source, types::SpaceId space) {
  std::vector<std::pair<size_t, size_t>> out;
  for (size_t c = 0; c < source.columns.size(); ++c) {
    const auto& spaces = source.columns[c].spaces;
    for (size_t level = 0; level < spaces.size(); ++level) {
      if (spaces[level] == space) out.emplace_back(c, level);
    }
  }
  return out;
}

// Whether answers have to know what `limit` cut in front of the rows of a space.
bool skips_positions(const CppSource& source, types::SpaceId space) {
  return std::any_of(source.tasks.begin(), source.tasks.end(), [&](const CppTask& task) {
    const Buffer* said = source.steps->output("predict." + task.info->name);
    return task.skips && said->space == space;
  });
}

// Whether answers have to know where the texts of a space stand.
bool has_ranges(const CppSource& source, types::SpaceId space) {
  return std::any_of(source.tasks.begin(), source.tasks.end(), [&](const CppTask& task) {
    return task.has_ranges && source.steps->output("predict." + task.info->name)->space == space;
  });
}

// Its rows, from the first column at hand that has it; of two that are at hand, the lengths are the same.
CppText ragged_text(const CppSource& source, types::SpaceId id) {
  const CppProgram& steps = *source.steps;
  const CppText member = steps.rows_member(id), parent = steps.rows_member(source.program->spaces[id].parent);
  const auto columns = columns_of(source, id);
  const bool skips = skips_positions(source, id), ranges = has_ranges(source, id);
  CppText choice, checks;
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto [c, level] = columns[i];
    const CppText name = "columns." + source.columns[c].name;
    CppText skipped = skips ? code("      skipped.{} = &{}.skipped();\n", member, name) : "";
    if (ranges) skipped += code("      texts.{} = &{};\n", member, name);
    choice += code("{}if (needed[{}]) {{\n      spaces.{}.set_lengths(spaces.{}, {}.lengths({}));\n{}    }}",
                   i == 0 ? "    " : " else ", c, member, parent, name, level, skipped);
    for (size_t j = i + 1; j < columns.size(); ++j) {
      const auto [d, other] = columns[j];
      checks += code("    if (needed[{}] && needed[{}]) runtime::deploy::check_same_lengths({}, {}, columns.{}, {});\n",
                     c, d, name, level, source.columns[d].name, other);
    }
  }
  return choice + (choice.empty() ? "" : "\n") + checks;
}

// Rows that follow from those of other dimensions, if the columns that have these are at hand.
CppText derived_text(const CppSource& source, types::SpaceId id) {
  const types::Spaces& spaces = source.program->spaces;
  const types::Space& space = spaces[id];
  const CppProgram& steps = *source.steps;
  CppText condition;
  for (const types::SpaceId data : spaces.data_dims(id)) {
    CppText any;
    for (const auto& [c, level] : columns_of(source, data)) any += code("{}needed[{}]", any.empty() ? "" : " || ", c);
    condition += (condition.empty() ? "(" : " && (") + any + ")";
  }
  CppText made;
  if (space.copies) {
    CppText up;
    const std::vector<types::SpaceId> path = spaces.path_up(id, spaces[*space.copies].parent);
    for (const types::SpaceId step : path) up += (up.empty() ? "&rows." : ", &rows.") + steps.rows_member(step);
    made = code(
        "      const runtime::SpaceView* const up[] = {{{}}};\n      spaces.{}.set_copies({{&rows.{}, up, {}}});\n", up,
        steps.rows_member(id), steps.rows_member(*space.copies), path.size());
  } else {
    made = code("{}      spaces.{}.set_sum(rows.{}, sum);\n",
                length_sum(source, space.parent, *space.length, "rows", "      "), steps.rows_member(id),
                steps.rows_member(space.parent));
  }
  return code("    if ({}) {{\n{}    }}\n", condition, made);
}

CppText rows_text(const CppSource& source) {
  const CppProgram& steps = *source.steps;
  CppText out;
  for (types::SpaceId id : steps.spaces()) {
    const types::Space& space = source.program->spaces[id];
    const CppText member = steps.rows_member(id);
    const bool top = space.parent == types::kUniform;
    if (space.fixed) {
      const CppText parent = top ? "" : "rows." + steps.rows_member(space.parent) + ", ";
      out += code("    spaces.{}.set_fixed({}{});\n", member, parent, space.fixed->value());
    } else if (top) {
      out += code("    spaces.{}.set_examples(static_cast<int64_t>(count));\n", member);
    } else {
      out += space.length || space.copies ? derived_text(source, id) : ragged_text(source, id);
    }
    out += code("    rows.{0} = spaces.{0}.view();\n", member);
  }
  return out;
}

constexpr const char* kBatch = R"(
// The columns, rows and buffers of a batch of `@source@`.
struct @batch@ {
  @batch@(const internal::Weights& weights, [[maybe_unused]] const runtime::deploy::WeightsFile& file)
      : w(weights)@inits@ {}

  void clear() {
@clears@  }
  // `needed`: by column, whether the task at hand reads it.
  void add([[maybe_unused]] const @example@& example, [[maybe_unused]] const bool* needed) {
@adds@  }
@ids@  // Lays a batch of `count` examples out in memory.
  void bind(size_t count, [[maybe_unused]] const bool* needed) {
@rows@@inputs@    arena.reserve(internal::@source_name@::arena_floats(rows) * sizeof(float));
    workspace.reserve(internal::@source_name@::workspace_bytes(rows));
    internal::@source_name@::place(rows, static_cast<float*>(arena.data()), b);
  }

  const internal::Weights& w;
  struct {
@columns@  } columns;
  struct {
@spaces@  } spaces;
@skipped@@texts@  internal::@source_name@::Rows rows;
  internal::@source_name@::Buffers b;
  runtime::deploy::Memory arena, workspace;
};
)";

}  // namespace

CppText length_sum(const CppSource& source, types::SpaceId parent, const types::Dim& length, const CppText& rows,
                   const CppText& indent) {
  CppText terms;
  size_t count = 0;
  for (const auto& [atoms, factor] : length.variable_part().terms()) {
    const types::SpaceId space = *source.program->spaces.ragged_child(parent, atoms[0]);
    terms += code("{}{{&{}.{}, {}}}", count++ == 0 ? "" : ", ", rows, source.steps->rows_member(space), factor);
  }
  return code(
      "{0}const runtime::deploy::LengthSum::Term terms[] = {{{1}}};\n{0}const runtime::deploy::LengthSum sum = {{{2}, "
      "terms, {3}}};\n",
      indent, terms, length.constant_term(), count);
}

CppText column_tables(const CppModel& model, const CppSource& source) {
  SpecText specs(model, source);
  CppText out;
  for (const CppColumn& column : source.columns) out += specs.spec(column.spec, *column.plan, column.keeps_ranges);
  for (const CppTask& task : source.tasks) {
    for (const data::ColumnPlan& plan : source.plan.columns) {
      if (!task.restored_by.empty() && plan.spec == task.column) out += specs.spec(task.restored_by, plan, false);
    }
  }
  return out;
}

CppText batch_struct(const CppModel& model, const CppSource& source) {
  CppText columns, inits, adds, add_ids, clears, inputs, spaces, skipped, texts;
  for (size_t c = 0; c < source.columns.size(); ++c) {
    const CppColumn& column = source.columns[c];
    const size_t section = model.weights.size() + static_cast<size_t>(std::max(column.vocabulary, 0));
    const CppText names = column.vocabulary < 0 ? "" : code(", file.vocabulary({})", section);
    columns += code("    runtime::deploy::Column {};\n", column.name);
    inits += code("{}runtime::deploy::Column({}{})", inits.empty() ? "" : ", ", column.spec, names);
    adds += code("    if (needed[{}]) {}\n", c, adder(column, false));
    add_ids += code("    if (needed[{}]) {}\n", c, adder(column, true));
    clears += code("    columns.{}.clear();\n", column.name);
    const CppText member = source.steps->member(Buffer::Kind::input, source.spec->name + "." + column.plan->spec->name);
    const bool numbers = column.plan->holds_numbers() && !column.plan->is_bins;
    if (!member.empty())
      inputs += code("    b.{} = columns.{}.{}().data();\n", member, column.name, numbers ? "numbers" : "ids");
  }
  for (types::SpaceId id : source.steps->spaces()) {
    spaces += code("    runtime::deploy::RowSpace {};\n", source.steps->rows_member(id));
    if (skips_positions(source, id))
      skipped += code("    const std::vector<int32_t>* {} = nullptr;\n", source.steps->rows_member(id));
  }
  for (types::SpaceId id : source.steps->spaces()) {
    if (has_ranges(source, id))
      texts += code("    const runtime::deploy::Column* {} = nullptr;\n", source.steps->rows_member(id));
  }
  if (!texts.empty()) texts = "  struct {\n" + texts + "  } texts;  // the columns that say what stands at positions\n";
  if (!skipped.empty()) skipped = "  struct {\n" + skipped + "  } skipped;  // by example: cut from the beginning\n";
  const CppText ids = source.ids.empty()
                          ? ""
                          : code("  void add(const {}& example, const bool* needed) {{\n{}  }}\n", source.ids, add_ids);
  return fill(kBatch, {{"source", comment(source.spec->name)},
                       {"source_name", source.name},
                       {"batch", source.batch},
                       {"inits", inits.empty() ? "" : ", columns{" + inits + "}"},
                       {"clears", clears},
                       {"example", source.example},
                       {"adds", adds},
                       {"ids", ids},
                       {"rows", rows_text(source)},
                       {"inputs", inputs},
                       {"columns", columns},
                       {"spaces", spaces},
                       {"skipped", skipped},
                       {"texts", texts}});
}

}  // namespace mtl::aot
