// The class behind the header: columns are encoded, rows counted, steps run, answers read from the buffers.
#include <fmt/format.h>

#include "compiler/aot/cpp_expr.h"
#include "compiler/aot/cpp_model.h"
#include "compiler/aot/cpp_names.h"

namespace mtl::aot {

using data::Transform;
using data::ValueKind;
using program::Buffer;
using training::TargetKind;

namespace {

std::string bools(const std::vector<bool>& values) {
  std::string out;
  for (bool value : values) out += std::string(out.empty() ? "" : ", ") + (value ? "true" : "false");
  return out;
}

// ---- constant tables

const char* transform_kind(Transform::Kind kind) {
  switch (kind) {
    case Transform::Kind::split:
      return "split";
    case Transform::Kind::words:
      return "words";
    case Transform::Kind::characters:
      return "characters";
    case Transform::Kind::limit:
      return "limit";
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
      return "fill_number";
    case Transform::Kind::fill_mean:
      return "fill_mean";
    case Transform::Kind::fill_text:
      return "fill_text";
  }
  return "";
}

std::string double_text(double x) {
  return fmt::format("{:.17g}", x);
}

// The tables that a deploy::ColumnSpec points to, then the spec.
class SpecText {
 public:
  SpecText(const CppModel& model, const CppSource& source) : model_(model), source_(source) {}

  std::string spec(const std::string& name, const data::ColumnPlan& plan) {
    const data::ColumnSpec& column = *plan.spec;
    name_ = name;
    out_.clear();
    const std::string transforms = transform_table(column);
    const std::string stats = stats_text(column);
    const std::string missing = texts("Missing", source_.spec->missing);
    std::string limits = "0, 0", empty = "false, false";
    if (!plan.dims.empty()) {
      const auto dim = [&](size_t i) { return i < plan.dims.size() ? &source_.plan.dims[plan.dims[i]] : nullptr; };
      limits = fmt::format("{}, {}", dim(0)->limit, dim(1) ? dim(1)->limit : 0);
      empty = fmt::format("{}, {}", dim(0)->allow_empty, dim(1) && dim(1)->allow_empty);
    }
    const char* kind = column.kind == ValueKind::token      ? "token"
                       : column.kind == ValueKind::category ? "category"
                       : column.kind == ValueKind::boolean  ? "boolean"
                                                            : "number";
    const bool lower = column.kind == ValueKind::token && model_.fitted->vocabs.at(column.vocab).lowercase;
    const bool apart = column.kind == ValueKind::category && !column.fixed.empty();
    const bool sentence = plan.per_token && column.kind == ValueKind::token;
    out_ += fmt::format(
        "constexpr runtime::deploy::ColumnSpec {}{{{}, runtime::deploy::ColumnSpec::Kind::{}, {}, {}, {}, {}, {}, {}, "
        "{{{}}}, {{{}}}, {}, {}, {}, {}, {}}};\n",
        name, quoted(column.name), kind, lower, apart, sentence, plan.width, plan.dims.size(), plan.base_levels, limits,
        empty, transforms, column.transforms.size(), stats, missing, source_.spec->missing.size());
    return out_;
  }

 private:
  std::string texts(const std::string& what, const std::vector<std::string>& values) {
    if (values.empty()) return "nullptr";
    std::vector<std::string> items;
    for (const std::string& value : values) items.push_back(quoted(value));
    out_ += fmt::format("constexpr const char* {}{}[] = {{{}}};\n", name_, what, fmt::join(items, ", "));
    return name_ + what;
  }
  std::string numbers(const std::string& what, const std::vector<double>& values) {
    if (values.empty()) return "nullptr";
    std::vector<std::string> items;
    for (double value : values) items.push_back(double_text(value));
    out_ += fmt::format("constexpr double {}{}[] = {{{}}};\n", name_, what, fmt::join(items, ", "));
    return name_ + what;
  }
  std::string transform_table(const data::ColumnSpec& column) {
    if (column.transforms.empty()) return "nullptr";
    std::string items;
    for (size_t i = 0; i < column.transforms.size(); ++i) {
      const Transform& t = column.transforms[i];
      const std::string list = texts("Texts" + std::to_string(i), t.texts);
      const bool text = t.kind == Transform::Kind::split || t.kind == Transform::Kind::fill_text;
      items += fmt::format("    {{runtime::deploy::Transform::Kind::{}, {}, {}, {}}},\n", transform_kind(t.kind),
                           text ? quoted(t.text) : "nullptr", list, t.texts.size());
    }
    out_ += fmt::format("constexpr runtime::deploy::Transform {}Transforms[] = {{\n{}}};\n", name_, items);
    return name_ + "Transforms";
  }
  std::string stats_text(const data::ColumnSpec& column) {
    const auto found = model_.fitted->numbers.find(source_.spec->name + "." + column.name);
    if (found == model_.fitted->numbers.end()) return "{}";
    const data::NumberStats& s = found->second;
    const std::vector<double> edges = s.bin_edges.empty() ? std::vector<double>{} : s.bin_edges[0];
    const std::string mean = numbers("Mean", s.mean), deviation = numbers("Deviation", s.deviation),
                      minimum = numbers("Minimum", s.minimum), maximum = numbers("Maximum", s.maximum),
                      fill = numbers("Fill", s.fill), bins = numbers("Edges", edges);
    return fmt::format("{{{}, {}, {}, {}, {}, {}, {}}}", mean, deviation, minimum, maximum, fill, bins, edges.size());
  }

  const CppModel& model_;
  const CppSource& source_;
  std::string name_, out_;
};

std::string spec_name(const CppSource& source, const std::string& column) {
  return "k" + camel_case(source.name) + camel_case(column);
}

bool restores(const CppModel& model, const CppTask& task) {
  return task.column && task.info->kind == TargetKind::number &&
         model.fitted->numbers.count(task.info->source + "." + task.info->target) > 0;
}

std::string tables(const CppModel& model) {
  std::string out = "// What a weights file has to hold.\nconstexpr runtime::deploy::SectionSpec kSections[] = {\n";
  for (const CppWeight& w : model.weights)
    out += fmt::format("    {{{}, runtime::deploy::SectionSpec::Kind::numbers, {}}},\n", quoted(w.path), w.size);
  for (const auto& v : model.vocabularies)
    out +=
        fmt::format("    {{{}, runtime::deploy::SectionSpec::Kind::vocabulary, {}}},\n", quoted(v.key), v.set->size());
  out += "};\n// Of the program below: weights of another one are refused.\n" +
         fmt::format("constexpr uint64_t kFingerprint = {:#x};\n\n", model.fingerprint);
  for (const CppSource& source : model.sources) {
    SpecText specs(model, source);
    for (const CppColumn& column : source.columns) out += specs.spec(spec_name(source, column.name), *column.plan);
    for (const CppTask& task : source.tasks) {
      if (restores(model, task)) {
        for (const data::ColumnPlan& plan : source.plan.columns) {
          if (plan.spec == task.column) out += specs.spec("k" + task.answer + "Target", plan);
        }
      }
      if (task.classes.empty()) continue;
      std::vector<std::string> names;
      for (const std::string& name : task.classes) names.push_back(quoted(name));
      out += fmt::format("constexpr std::string_view k{}Names[] = {{{}}};\n", task.label, fmt::join(names, ", "));
    }
  }
  return out;
}

// ---- a source's columns, rows and buffers

std::string adder(const CppColumn& column, bool ids) {
  const std::string value = "example." + (ids && !column.ids_type.empty() ? column.name : column.field);
  if (ids && !column.ids_type.empty()) {
    if (column.plan->levels() == 2)
      return fmt::format("{0}.add_ids({1}.data(), {1}.size(), {1}_lengths.data(), {1}_lengths.size())", column.name,
                         value);
    return fmt::format("{}.add_ids({}.data(), {}.size())", column.name, value, value);
  }
  const std::string& type = column.field_type;
  if (type == "std::string") return fmt::format("{}.add_text({})", column.name, value);
  if (type == "bool") return fmt::format("{}.add_truth({})", column.name, value);
  if (type == "double") return fmt::format("{}.add_number({})", column.name, value);
  if (type.find("double") != std::string::npos)
    return fmt::format("{0}.add_numbers({1}.data(), {1}.size())", column.name, value);
  if (type.rfind("std::array", 0) == 0) return fmt::format("{0}.add_texts({1}.data(), {1}.size())", column.name, value);
  return fmt::format("{}.add_texts({})", column.name, value);
}

// Rows of each space from the first column at hand that has it.
std::string rows_text(const CppSource& source) {
  const CppProgram& steps = *source.steps;
  std::string out;
  for (types::SpaceId id : steps.spaces()) {
    const types::Space& space = source.program->spaces[id];
    const std::string member = steps.rows_member(id);
    if (space.parent == types::kUniform && !space.fixed) {
      out += fmt::format("    {0}.set_examples(static_cast<int64_t>(count));\n", member);
    } else if (space.fixed) {
      const std::string parent = space.parent == types::kUniform ? "" : steps.rows_member(space.parent) + ", ";
      out += fmt::format("    {}.set_fixed({}{});\n", member, parent, space.fixed->value());
    } else {
      std::string checks, first;
      int first_level = 0;
      std::string chain;
      for (size_t c = 0; c < source.columns.size(); ++c) {
        const CppColumn& column = source.columns[c];
        for (size_t level = 0; level < column.spaces.size(); ++level) {
          if (column.spaces[level] != id) continue;
          chain += fmt::format("{}if (needed[{}]) {{\n      {}.set_lengths({}, {}.lengths({}));\n    }}",
                               chain.empty() ? "    " : " else ", c, member, steps.rows_member(space.parent),
                               column.name, level);
          if (!first.empty())
            checks += fmt::format("    if (needed[{}]) runtime::deploy::check_same_lengths({}, {}, {}, {});\n", c,
                                  first, first_level, column.name, level);
          if (first.empty()) {
            first = column.name;
            first_level = static_cast<int>(level);
          }
        }
      }
      out += chain + (chain.empty() ? "" : "\n") +
             (checks.empty() ? "" : fmt::format("    if (needed_all(needed)) {{\n{}    }}\n", checks));
    }
    out += fmt::format("    rows.{0} = {0}.view();\n", member);
  }
  return out;
}

std::string state_struct(const CppModel& model, const CppSource& source) {
  const CppProgram& steps = *source.steps;
  std::string columns, inits, adds, add_ids, clears, inputs;
  for (size_t c = 0; c < source.columns.size(); ++c) {
    const CppColumn& column = source.columns[c];
    columns += fmt::format("  runtime::deploy::Column {};\n", column.name);
    const std::string names =
        column.vocabulary < 0 ? "" : fmt::format(", file.vocabulary({})", model.weights.size() + column.vocabulary);
    inits += fmt::format(", {}({}{})", column.name, spec_name(source, column.name), names);
    adds += fmt::format("    if (needed[{}]) {};\n", c, adder(column, false));
    add_ids += fmt::format("    if (needed[{}]) {};\n", c, adder(column, true));
    clears += fmt::format("    {}.clear();\n", column.name);
    const std::string member = steps.member(Buffer::Kind::input, source.spec->name + "." + column.plan->spec->name);
    if (member.empty()) continue;
    const bool numbers = column.plan->holds_numbers() && !column.plan->is_bins;
    inputs += fmt::format("    b.{} = {}.{}().data();\n", member, column.name, numbers ? "numbers" : "ids");
  }
  std::string spaces;
  for (types::SpaceId id : steps.spaces())
    spaces += fmt::format("  runtime::deploy::RowSpace {};\n", steps.rows_member(id));
  std::string out = fmt::format(
      "// The columns, rows and buffers of a batch of `{0}`.\nstruct {1}Batch {{\n"
      "  explicit {1}Batch(const internal::Weights& weights, const runtime::deploy::WeightsFile& file)\n      : "
      "w(weights){2} {{\n    (void)file;\n  }}\n\n"
      "  void clear() {{\n{3}  }}\n\n"
      "  // `needed`: by column, whether the task at hand reads it.\n"
      "  void add(const {4}& example, const bool* needed) {{\n    (void)example, (void)needed;\n{5}  }}\n",
      source.spec->name, camel_case(source.name), inits, clears, source.example, adds);
  if (!source.ids.empty())
    out += fmt::format("  void add(const {}& example, const bool* needed) {{\n{}  }}\n", source.ids, add_ids);
  std::string bind = rows_text(source);
  const std::string all = "needed_all(needed)";
  for (size_t at; (at = bind.find("    if (" + all + ") {\n")) != std::string::npos;) {
    bind.erase(at, std::string("    if (" + all + ") {\n").size());
    const size_t end = bind.find("    }\n    rows.", at);
    bind.erase(end, 6);
  }
  out += fmt::format(
      "\n  // Lays a batch of `count` examples out in memory.\n  void bind(size_t count, const bool* needed) {{\n    "
      "(void)needed;\n{}{}"
      "    arena.reserve(internal::{}::arena_floats(rows) * sizeof(float));\n    "
      "workspace.reserve(internal::{}::workspace_bytes(rows));\n"
      "    internal::{}::place(rows, static_cast<float*>(arena.data()), b);\n  }}\n\n",
      bind, inputs, source.name, source.name, source.name);
  out += "  const internal::Weights& w;\n" + columns + spaces +
         fmt::format("  internal::{0}::Rows rows;\n  internal::{0}::Buffers b;\n", source.name) +
         "  runtime::deploy::Memory arena, workspace;\n};\n";
  return out;
}

// ---- answers

std::string take_text(const CppModel& model, const CppSource& source, const CppTask& task) {
  const CppProgram& steps = *source.steps;
  const elaborate::TaskInfo& info = *task.info;
  const std::string predict = "batch.b." + steps.member(Buffer::Kind::output, "predict." + info.name);
  const std::string head = "batch.b." + steps.member(Buffer::Kind::output, "head." + info.name);
  const Buffer* said = steps.output("predict." + info.name);
  const int64_t width = program::elements(said->shape);
  const bool rows = info.per_position || said->space != steps.spaces().front();
  std::string out = fmt::format(
      "// The answer for example `i` of a batch that `{}` has been run on.\nvoid take(const {}Batch& batch, size_t i, "
      "{}& answer) {{\n",
      task.name, camel_case(source.name), task.answer);
  if (rows) {
    const std::string space = steps.rows_member(said->space);
    out += fmt::format(
        "  const size_t begin = static_cast<size_t>(batch.rows.{0}.offsets[i]), end = "
        "static_cast<size_t>(batch.rows.{0}.offsets[i + 1]);\n",
        space);
  } else {
    out += "  const size_t begin = i, end = i + 1;\n";
  }
  const std::string first = width == 1 ? "begin" : fmt::format("begin * {}", width),
                    last = width == 1 ? "end" : fmt::format("end * {}", width);
  if (!task.has_target) {
    out += fmt::format("  answer.values.assign({0} + {1}, {0} + {2});\n", predict, first, last);
    return out + "}\n";
  }
  const auto restored = [&](const std::string& element, const std::string& value) {
    return restores(model, task)
               ? fmt::format("runtime::deploy::restore_number(k{}Target, {}, {})", task.answer, element, value)
               : "static_cast<double>(" + value + ")";
  };
  switch (info.kind) {
    case TargetKind::label:
      if (rows) {
        out += fmt::format(
            "  answer.labels.clear();\n  for (size_t r = begin; r < end; ++r) "
            "answer.labels.push_back(static_cast<{}>({}[r]));\n",
            task.label, predict);
        if (task.spans)
          out += fmt::format(
              "  answer.spans.clear();\n  runtime::deploy::for_each_span(end - begin, [&](size_t t) {{ return "
              "name(answer.labels[t]); }},\n"
              "                                 [&](size_t b, size_t e, std::string_view label) {{\n"
              "                                   answer.spans.push_back({{static_cast<int64_t>(b), "
              "static_cast<int64_t>(e), label}});\n"
              "                                 }});\n");
      } else {
        out += fmt::format("  answer.label = static_cast<{}>({}[begin]);\n  (void)end;\n", task.label, predict);
      }
      break;
    case TargetKind::labels:
      out += fmt::format(
          "  answer.labels.clear();\n  (void)end;\n  for (size_t c = 0; c < {0}; ++c) {{\n    answer.probability[c] = "
          "{1}[begin * {0} + c];\n"
          "    if (answer.probability[c] >= 0.5f) answer.labels.push_back(static_cast<{2}>(c));\n  }}\n",
          width, predict, task.label);
      break;
    case TargetKind::boolean:
      if (rows) {
        out += fmt::format(
            "  answer.values.clear();\n  answer.probability.assign({0} + begin, {0} + end);\n  for (float p : "
            "answer.probability) answer.values.push_back(p >= 0.5f);\n",
            predict);
      } else {
        out += fmt::format(
            "  answer.probability = {}[begin];\n  answer.value = answer.probability >= 0.5f;\n  (void)end;\n", predict);
      }
      break;
    case TargetKind::number:
      if (rows) {
        out += fmt::format(
            "  answer.values.clear();\n  for (size_t e = {}; e < {}; ++e) answer.values.push_back({});\n", first, last,
            restored(width == 1 ? "0" : fmt::format("static_cast<int64_t>(e % {})", width), predict + "[e]"));
      } else if (task.scores > 1) {
        out += fmt::format("  (void)end;\n  for (size_t c = 0; c < {0}; ++c) answer.values[c] = {1};\n", width,
                           restored("static_cast<int64_t>(c)", fmt::format("{}[begin * {} + c]", predict, width)));
      } else {
        out += fmt::format("  answer.value = {};\n  (void)end;\n", restored("0", predict + "[begin]"));
      }
      break;
  }
  if (task.has_scores && info.kind != TargetKind::number) {
    if (rows) {
      out += fmt::format("  answer.scores.assign({0} + begin * {1}, {0} + end * {1});\n", head, task.scores);
    } else {
      out += fmt::format("  std::copy_n({0} + begin * {1}, {1}, answer.scores.begin());\n", head, task.scores);
    }
  }
  return out + "}\n";
}

std::string run_text(const CppSource& source, const std::string& method, const std::vector<size_t>& steps,
                     const std::vector<bool>& needs) {
  std::string out = fmt::format("constexpr bool k{0}Needs[] = {{{1}}};\n\nvoid run_{2}({3}Batch& batch) {{\n",
                                camel_case(method), bools(needs), method, camel_case(source.name));
  out += "  [[maybe_unused]] void* workspace = batch.workspace.data();\n";
  for (size_t step : steps)
    out += fmt::format("  internal::{}::{}(batch.w, batch.rows, batch.b, workspace);\n", source.name,
                       source.steps->step_name(step));
  return out + "}\n";
}

std::string batch_call(const CppSource& source, const std::string& method, const std::string& answer,
                       const std::string& example) {
  return fmt::format(
      "void Context::{0}(const {1}* examples, size_t count, {2}* answers) {{\n"
      "  in_batches(state_->{3}, k{4}Needs, examples, count, answers, run_{0});\n}}\n"
      "{2} Context::{0}(const {1}& example) {{\n  {2} answer;\n  {0}(&example, 1, &answer);\n  return answer;\n}}\n",
      method, example, answer, source.name, camel_case(method));
}

std::string methods_text(const CppSource& source) {
  std::string out;
  for (const std::string& example : {source.example, source.ids}) {
    if (example.empty()) continue;
    for (const CppTask& task : source.tasks) out += batch_call(source, task.name, task.answer, example);
    if (source.tasks.size() > 1) out += batch_call(source, source.all, source.answers, example);
  }
  return out;
}

std::string answers_text(const CppModel& model, const CppSource& source) {
  std::string out;
  std::vector<bool> all(source.columns.size());
  for (const CppTask& task : source.tasks) {
    out += take_text(model, source, task) + "\n" + run_text(source, task.name, task.steps, task.needs) + "\n";
    for (size_t c = 0; c < all.size(); ++c) all[c] = all[c] || task.needs[c];
  }
  if (source.tasks.size() < 2) return out;
  out += fmt::format("void take(const {}Batch& batch, size_t i, {}& answer) {{\n", camel_case(source.name),
                     source.answers);
  for (const CppTask& task : source.tasks) out += fmt::format("  take(batch, i, answer.{});\n", task.name);
  return out + "}\n\n" + run_text(source, source.all, source.all_steps, all) + "\n";
}

// Recurrent weights in the order in which the steps stream them.
std::string packing_text(const CppModel& model) {
  std::string sizes, packs;
  for (const CppSource& source : model.sources) {
    for (const CppProgram::Panels& p : source.steps->panels()) {
      std::vector<std::string> weights;
      for (const std::string& member : p.weights) weights.push_back("w." + member);
      const std::string shape = fmt::format("{}, {}, {}", p.hidden, p.directions, p.gates);
      sizes += fmt::format("{}runtime::kernels::gate_panels_floats({})", sizes.empty() ? "" : " + ", shape);
      packs += fmt::format(
          "    const float* const {0}_of[] = {{{1}}};\n    runtime::kernels::pack_gate_panels({0}_of, {2}, next);\n"
          "    w.{0} = next;\n    next += runtime::kernels::gate_panels_floats({2});\n",
          p.member, fmt::join(weights, ", "), shape);
    }
  }
  if (packs.empty()) return "";
  return "    panels.reserve((" + sizes +
         ") * sizeof(float));\n    float* next = static_cast<float*>(panels.data());\n" + packs;
}

}  // namespace

std::string source_text(const CppModel& model) {
  const std::string& n = model.name;
  std::string out = fmt::format(
      "// The class behind {0}.h. Generated.\n#include \"{0}/{0}.h\"\n\n#include <algorithm>\n#include "
      "<iterator>\n\n#include \"{0}/{0}_steps.h\"\n#include \"runtime/deploy/columns.h\"\n"
      "#include \"runtime/deploy/memory.h\"\n#include \"runtime/deploy/rows.h\"\n#include "
      "\"runtime/deploy/spans.h\"\n#include \"runtime/deploy/weights_file.h\"\n#include "
      "\"runtime/kernels/packed.h\"\n#include \"runtime/text.h\"\n\n"
      "namespace {0} {{\n\nnamespace {{\n\n{1}\n// Examples of one run of the steps.\nconstexpr size_t kBatch = "
      "32;\n\n",
      n, tables(model));
  std::string weights, members, inits, from_text;
  if (!model.cpus.empty())
    weights += fmt::format(
        "    if (!internal::processor_suits())\n      throw LoadError(\"{}: this processor has none of {}\");\n", n,
        fmt::join(model.cpus, ", "));
  for (size_t i = 0; i < model.weights.size(); ++i)
    weights += fmt::format("    w.{} = file.numbers({});\n", model.weights[i].member, i);
  const std::string packing = packing_text(model);
  weights += packing;
  for (const CppSource& source : model.sources) {
    out += state_struct(model, source) + "\n" + answers_text(model, source);
    members += fmt::format("  {}Batch {};\n", camel_case(source.name), source.name);
    inits += fmt::format("{} {}(model.weights, model.file)", inits.empty() ? ":" : ",", source.name);
    if (!source.from_line) continue;
    const CppColumn& column = source.columns.front();
    from_text += fmt::format("{0} {0}::from_text(std::string_view line) {{\n  {0} example;\n", source.example);
    from_text += column.field_type == "std::string"
                     ? fmt::format("  example.{} = std::string(line);\n", column.field)
                     : fmt::format(
                           "  std::vector<std::string_view> words;\n  runtime::split_words(line, words);\n  "
                           "example.{}.assign(words.begin(), words.end());\n",
                           column.field);
    from_text += "  return example;\n}\n\n";
  }
  out +=
      "template <class Batch, class Example, class Answer>\nvoid in_batches(Batch& batch, const bool* needed, const "
      "Example* examples, size_t count, Answer* answers,\n"
      "                void (*run)(Batch&)) {\n  for (size_t begin = 0; begin < count; begin += kBatch) {\n    const "
      "size_t size = std::min(kBatch, count - begin);\n    batch.clear();\n"
      "    for (size_t i = 0; i < size; ++i) batch.add(examples[begin + i], needed);\n    batch.bind(size, needed);\n  "
      "  run(batch);\n"
      "    for (size_t i = 0; i < size; ++i) take(batch, i, answers[begin + i]);\n  }\n}\n\n}  // namespace\n\n";
  for (const CppSource& source : model.sources) {
    for (const CppTask& task : source.tasks) {
      if (!task.label.empty())
        out += fmt::format(
            "std::string_view name({0} label) {{\n  const auto i = static_cast<size_t>(label);\n  return i < {1} ? "
            "k{0}Names[i] : std::string_view();\n}}\n\n",
            task.label, task.classes.size());
    }
  }
  out += from_text;
  out += fmt::format(
      "struct Model::State {{\n  explicit State(runtime::deploy::WeightsFile opened) : file(std::move(opened)) {{\n    "
      "internal::Weights& w = weights;\n{0}  }}\n"
      "  runtime::deploy::WeightsFile file;\n  internal::Weights weights;\n  runtime::deploy::Memory panels;  // "
      "recurrent weights, packed once\n}};\n\n"
      "Model::Model(const std::string& path)\n    : "
      "state_(std::make_unique<State>(runtime::deploy::WeightsFile::open(path.c_str(), kFingerprint, kSections, "
      "std::size(kSections)))) {{}}\n"
      "Model::Model(const void* weights, size_t size)\n    : "
      "state_(std::make_unique<State>(runtime::deploy::WeightsFile::view(weights, size, kFingerprint, kSections, "
      "std::size(kSections)))) {{}}\n"
      "Model::~Model() = default;\n\n"
      "struct Context::State {{\n  explicit State(const Model::State& model) {1} {{}}\n{2}}};\n\n"
      "Context::Context(const Model& model) : state_(std::make_unique<State>(*model.state_)) {{}}\nContext::~Context() "
      "= default;\n\n",
      weights, inits, members);
  for (const CppSource& source : model.sources) out += methods_text(source);
  return out + "\n}  // namespace " + n + "\n";
}

}  // namespace mtl::aot
