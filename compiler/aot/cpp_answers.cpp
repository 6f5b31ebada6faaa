// What a generated class knows of its tasks: the columns and steps that each wants, and how its answer is read from the
// buffers after they have run.
#include <fmt/format.h>

#include "compiler/aot/cpp_class.h"
#include "compiler/aot/cpp_text.h"
#include "compiler/program/kernel_facts.h"

namespace mtl::aot {

using program::Buffer;
using training::TargetKind;

namespace {

// Where a task's outputs are, as C++.
struct Outputs {
  CppText predict, head;  // "batch.b.predict_slots"
  CppText head_rows;      // how many rows `head` has
  int64_t width = 1;      // numbers of a row of `predict`
  bool several = false;   // an example may have any number of rows
  CppText rows;           // their space: "T"
};

Outputs outputs_of(const CppSource& source, const CppTask& task) {
  const CppProgram& steps = *source.steps;
  const std::string& name = task.info->name;
  const Buffer* said = steps.output("predict." + name);
  Outputs out;
  out.predict = "batch.b." + steps.member(Buffer::Kind::output, "predict." + name);
  out.head = "batch.b." + steps.member(Buffer::Kind::output, "head." + name);
  out.width = program::elements(said->shape);
  out.several = task.info->per_position || said->space != steps.spaces().front();
  out.rows = steps.rows_member(said->space);
  const types::SpaceId head_space = steps.output("head." + name)->space;
  out.head_rows = head_space == types::kUniform
                      ? CppText("size_t{1}")
                      : "static_cast<size_t>(batch.rows." + steps.rows_member(head_space) + ".rows)";
  return out;
}

CppText distribution_text(const CppTask& task, const Outputs& o) {
  if (!task.has_distribution) return "";
  constexpr const char* kOne =
      "  runtime::softmax_row(@head@ + begin * @width@, @width@, answer.probability.data());\n";
  constexpr const char* kSeveral = R"(
  answer.probability.resize((end - begin) * @width@);
  for (size_t r = begin; r < end; ++r)
    runtime::softmax_row(@head@ + r * @width@, @width@, answer.probability.data() + (r - begin) * @width@);
)";
  return fill(o.several ? kSeveral : kOne, {{"head", o.head}, {"width", code("{}", task.scores)}});
}

CppText label_text(const CppTask& task, const Outputs& o) {
  if (!o.several)
    return code("  answer.label = static_cast<{}>({}[begin]);\n", task.label, o.predict) + distribution_text(task, o);
  constexpr const char* kLabels = R"(
  answer.labels.clear();
  for (size_t r = begin; r < end; ++r) answer.labels.push_back(static_cast<@label@>(@predict@[r]));
)";
  constexpr const char* kSpans = R"(
  answer.spans.clear();
  runtime::deploy::for_each_span(
      end - begin, {runtime::deploy::SpanForm::Mark::@mark@, @separator@[0], @lower@},
      [&](size_t t) { return name(answer.labels[t]); },
      [&](size_t first, size_t last, std::string_view label) {
        answer.spans.push_back({@skipped@static_cast<int64_t>(first), @skipped@static_cast<int64_t>(last), label@range@});
      });
)";
  const CppText labels = fill(kLabels, {{"label", task.label}, {"predict", o.predict}}) + distribution_text(task, o);
  if (!task.spans) return labels;
  const CppText range = !task.has_ranges
                            ? ""
                            : ", answer.offsets.empty() ? TextRange{} : TextRange{answer.offsets[first].begin, "
                              "answer.offsets[last - 1].end}";
  constexpr const char* kMarks[] = {"before", "behind", "alone"};
  return labels + fill(kSpans, {{"mark", kMarks[static_cast<size_t>(task.spans->mark)]},
                                {"separator", string_literal(std::string(1, task.spans->separator))},
                                {"lower", task.spans->lower ? "true" : "false"},
                                {"skipped", task.skips ? "answer.skipped + " : ""},
                                {"range", range}});
}

CppText labels_text(const CppTask& task, const Outputs& o) {
  constexpr const char* kForm = R"(
  answer.labels.clear();
  for (size_t c = 0; c < @width@; ++c) {
    answer.probability[c] = @predict@[begin * @width@ + c];
    if (answer.probability[c] >= 0.5f) answer.labels.push_back(static_cast<@label@>(c));
  }
)";
  return fill(kForm, {{"width", code("{}", o.width)}, {"predict", o.predict}, {"label", task.label}});
}

CppText boolean_text(const Outputs& o) {
  constexpr const char* kOne = R"(
  answer.probability = @predict@[begin];
  answer.value = answer.probability >= 0.5f;
)";
  constexpr const char* kWide = R"(
  for (size_t e = 0; e < @width@; ++e) {
    answer.probability[e] = @predict@[begin * @width@ + e];
    answer.values[e] = answer.probability[e] >= 0.5f;
  }
)";
  constexpr const char* kSeveral = R"(
  answer.probability.assign(@predict@ + begin * @width@, @predict@ + end * @width@);
  answer.values.clear();
  for (float p : answer.probability) answer.values.push_back(p >= 0.5f);
)";
  const char* form = o.several ? kSeveral : o.width > 1 ? kWide : kOne;
  return fill(form, {{"predict", o.predict}, {"width", code("{}", o.width)}});
}

CppText number_text(const CppTask& task, const Outputs& o) {
  const auto restored = [&](const CppText& element, const CppText& value) {
    if (task.restored_by.empty()) return "static_cast<double>(" + value + ")";
    return code("runtime::deploy::restore_number({}, {}, {})", task.restored_by, element, value);
  };
  const CppText width = code("{}", o.width);
  const CppText element = o.width == 1 ? "0" : "static_cast<int64_t>(e % " + width + ")";
  if (o.several)
    return code(
        "  answer.values.clear();\n  for (size_t e = begin * {0}; e < end * {0}; ++e) answer.values.push_back({1});\n",
        width, restored(element, o.predict + "[e]"));
  if (o.width == 1) return code("  answer.value = {};\n", restored("0", o.predict + "[begin]"));
  return code("  for (size_t e = 0; e < {0}; ++e) answer.values[e] = {1};\n", width,
              restored("static_cast<int64_t>(e)", code("{}[begin * {} + e]", o.predict, width)));
}

CppText scores_text(const CppTask& task, const Outputs& o) {
  if (!task.has_scores) return "";
  const char* form = o.several ? "  answer.scores.assign({0} + begin * {1}, {0} + end * {1});\n"
                               : "  std::copy_n({0} + begin * {1}, {1}, answer.scores.begin());\n";
  return code(fmt::runtime(form), o.head, task.scores);
}

CppText answer_text(const CppTask& task, const Outputs& o) {
  if (!task.has_target)
    return code("  answer.values.assign({0} + begin * {1}, {0} + end * {1});\n", o.predict, o.width);
  switch (task.info->kind) {
    case TargetKind::label:
      return label_text(task, o) + scores_text(task, o);
    case TargetKind::labels:
      return labels_text(task, o) + scores_text(task, o);
    case TargetKind::boolean:
      return boolean_text(o) + scores_text(task, o);
    case TargetKind::number:
      return number_text(task, o);
  }
  return "";
}

// An answer is made of scores that are numbers. Those of a label are in the head, of which `predict` is the argmax: its
// rows are those of the answer, or, as in `mtlc predict`, all.
CppText check_text(const CppTask& task, const Outputs& o) {
  const bool label = task.has_target && task.info->kind == TargetKind::label;
  const int64_t width = label ? task.scores : o.width;
  if (label && !task.has_scores)
    return code("  runtime::deploy::check_scores({}, {} * {}, {});\n", o.head, o.head_rows, width,
                string_literal(task.info->name));
  return code("  runtime::deploy::check_scores({0} + begin * {1}, (end - begin) * {1}, {2});\n",
              label ? o.head : o.predict, width, string_literal(task.info->name));
}

CppText take_function(const CppSource& source, const CppTask& task) {
  constexpr const char* kForm = R"(
// The answer for example `i` of a batch that `@task@` has been run on.
void take(const @batch@& batch, size_t i, @answer@& answer) {
  const size_t begin = @begin@;
  [[maybe_unused]] const size_t end = @end@;
@body@}
)";
  const Outputs o = outputs_of(source, task);
  const CppText skipped = task.skips ? code("  answer.skipped = (*batch.skipped.{})[i];\n", o.rows) : "";
  const CppText ranges = task.has_ranges ? code(
                                               "  answer.offsets.clear();\n  if (batch.texts.{0} != nullptr) "
                                               "batch.texts.{0}->ranges(i, answer.offsets);\n",
                                               o.rows)
                                         : "";
  const CppText offsets = "static_cast<size_t>(batch.rows." + o.rows + ".offsets[i";
  return fill(kForm, {{"task", comment(task.info->name)},
                      {"batch", source.batch},
                      {"answer", task.answer},
                      {"begin", o.several ? offsets + "])" : "i"},
                      {"end", o.several ? offsets + " + 1])" : "i + 1"},
                      {"body", skipped + ranges + check_text(task, o) + answer_text(task, o)}});
}

CppText length_check(const CppSource& source, const CppTask& task, const elaborate::LengthRule& rule) {
  const types::SpaceId parent = source.program->spaces.find(rule.parent);
  return code(
      "  {{\n{}    runtime::deploy::check_length(batch.rows.{}, sum, {});\n  "
      "}}\n",
      length_sum(source, parent, rule.rest, "batch.rows", "    "), source.steps->rows_member(parent),
      string_literal(fmt::format("task `{}` needs `{}` to be at least {}", task.info->name,
                                 rule.rest.variable_part().text(), -rule.rest.constant_term())));
}

CppText run_function(const CppSource& source, const CppText& method, const CppText& needs_name,
                     const std::vector<size_t>& steps, const std::vector<bool>& needs,
                     const std::vector<const CppTask*>& tasks) {
  constexpr const char* kForm = R"(
constexpr bool @needs_name@[] = {@needs@};

void run_@method@(@batch@& batch) {
  [[maybe_unused]] void* workspace = batch.workspace.data();
@calls@}
)";
  std::vector<CppText> flags;
  for (bool need : needs) flags.push_back(need ? "true" : "false");
  if (flags.empty()) flags.push_back("false");
  CppText calls;
  for (const CppTask* task : tasks) {
    for (const elaborate::LengthRule& rule : task->info->lengths) calls += length_check(source, *task, rule);
  }
  for (size_t step : steps)
    calls += code("  internal::{}::{}(batch.w, batch.rows, batch.b, workspace);\n", source.name,
                  source.steps->step_name(step));
  return fill(kForm, {{"needs_name", needs_name},
                      {"needs", code("{}", joined(flags, ", "))},
                      {"method", method},
                      {"batch", source.batch},
                      {"calls", calls}});
}

}  // namespace

CppText answer_functions(const CppSource& source) {
  CppText out, takes;
  std::vector<bool> all(source.columns.size());
  std::vector<const CppTask*> tasks;
  for (const CppTask& task : source.tasks) {
    tasks.push_back(&task);
    out += take_function(source, task) + "\n" +
           run_function(source, task.name, task.needs_name, task.steps, task.needs, {&task}) + "\n";
    takes += code("  take(batch, i, answer.{});\n", task.name);
    for (size_t c = 0; c < all.size(); ++c) all[c] = all[c] || task.needs[c];
  }
  if (source.tasks.size() < 2) return out;
  out += code("void take(const {}& batch, size_t i, {}& answer) {{\n{}}}\n\n", source.batch, source.answers, takes);
  return out + run_function(source, source.all, source.all_needs_name, source.all_steps, all, tasks) + "\n";
}

}  // namespace mtl::aot
