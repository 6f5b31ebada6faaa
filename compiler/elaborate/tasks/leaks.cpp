// Leaks: a head sees what is known at prediction, and its target is not. It reaches the head by its column, by what
// others compute from it, or by the answer of another task on the same column, which is the target while training.
#include "compiler/elaborate/tasks/leaks.h"

#include <algorithm>

#include "compiler/elaborate/tasks/finish.h"
#include "compiler/sema/data_spec.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
// The task whose head reads the target of `task`: itself, or one whose answer is in its head. (What other heads read is
// in the graph already, and so are answers outside of training.) Null: none does.
const TaskState* reader_of_target(const TaskContext& ctx, const TaskState& task) {
  std::vector<const TaskState*> open{&task};
  for (size_t i = 0; i < open.size(); ++i) {
    const TaskState& reader = *open[i];
    if (!reader.scores.valid()) continue;
    if (inputs_of(ctx, {reader.scores}).count(task.info.target)) return &reader;
    for (const TaskState* asked : reader.answers) {
      if (std::find(open.begin(), open.end(), asked) != open.end()) continue;
      if (asked->target.valid() && depends_on(ctx, reader.scores, asked->target, {})) open.push_back(asked);
    }
  }
  return nullptr;
}
}  // namespace

// False after a report.
bool head_is_blind(TaskContext& ctx, const TaskState& task) {
  if (task.info.target.empty()) return true;
  const TaskState* reader = reader_of_target(ctx, task);
  if (!reader) return true;
  const std::string& target = task.info.target;
  // Another head that is in this one may be the one that names the column.
  const auto names_it = [&](const TaskState& other) {
    return other.info.source == task.info.source && other.reads.count(target) && other.scores.valid() &&
           (&other == reader || depends_on(ctx, reader->scores, other.scores, {}));
  };
  if (!names_it(*reader)) {
    const auto found = std::find_if(ctx.model.tasks.begin(), ctx.model.tasks.end(), names_it);
    if (found != ctx.model.tasks.end()) reader = &*found;
  }
  SourceRange place = task.head_expr->range;
  if (const auto reads = reader->reads.find(target); reads != reader->reads.end()) {
    const SourceRange head = reader->head_expr->range;
    const auto inside = std::find_if(reads->second.begin(), reads->second.end(), [&](SourceRange read) {
      return read.file == head.file && read.begin >= head.begin && read.end <= head.end;
    });
    place = inside != reads->second.end() ? *inside : reads->second.front();
  }
  diag::Report made = ctx.reports.emitter.report(diag::HeadReadsTarget, task.info.name, task.info.source + "." + target)
                          .at(place)
                          .label(task.decl->predicts->range, "the target");
  ctx.reports.failed = true;
  if (reader != &task) std::move(made).note("by way of task `" + reader->info.name + "`");
  if (!reader->reads.count(target))
    std::move(made).note("the answer of a task is its target while training: `head` is what it gives always");
  std::move(made).help(
      "leave it out of the head, which has no target at prediction; `loss`, `weight` and criteria may read it");
  return false;
}

namespace {
// What a column is read from, as it would be written, by what tells it from others: its cell in the rows of the files,
// where they are known; else what is written.
std::map<std::string, std::string> places_of(const data::ColumnSpec& column, const std::vector<std::string>& cells) {
  using Kind = data::Binding::Kind;
  const data::Binding& binding = column.binding;
  const std::string word = binding.kind == Kind::comment ? "comment"
                           : binding.kind == Kind::field ? "field"
                           : binding.kind == Kind::file  ? "file"
                                                         : "column";
  std::vector<std::string> written;
  for (const int64_t index : binding.indices) written.push_back("(" + std::to_string(index) + ")");
  for (const std::string& name : binding.names) written.push_back("(\"" + name + "\")");
  std::map<std::string, std::string> places;
  for (size_t i = 0; i < written.size(); ++i) {
    const std::string as_written = binding.kind == Kind::field ? "column" : word;  // a key of JSON, both of them
    places.emplace(cells.size() == written.size() ? cells[i] : as_written + written[i], word + written[i]);
  }
  return places;
}

// Whether both columns begin with one `split` and take pieces of different number, `part(0)` and `part(1)` for
// instance. Of numbers from the two ends, 0 and -1, the length of the row decides; they are seldom one piece.
bool take_other_pieces(const data::ColumnSpec& a, const data::ColumnSpec& b) {
  using Kind = data::Transform::Kind;
  const auto takes_piece = [](const data::ColumnSpec& column) {
    return column.transforms.size() >= 2 && column.transforms[0].kind == Kind::split &&
           column.transforms[1].kind == Kind::part;
  };
  return takes_piece(a) && takes_piece(b) && a.transforms[0].text == b.transforms[0].text &&
         a.transforms[1].count != b.transforms[1].count;
}
}  // namespace

// Two names for one column of the files, one in the head and one of the target: it learns to copy. It can be meant (an
// autoencoder), so it is a warning.
void warn_of_same_columns(TaskContext& ctx) {
  diag::Emitter unheard = ctx.reports.emitter;
  const auto spec = sema::describe_data(ctx.file, unheard);
  if (!spec) return;
  for (const TaskState& task : ctx.model.tasks) {
    const auto source = std::find_if(spec->sources.begin(), spec->sources.end(),
                                     [&](const data::SourceSpec& one) { return one.name == task.info.source; });
    if (task.info.target.empty() || source == spec->sources.end()) continue;
    const auto find = [&](const std::string& name) {
      return std::find_if(source->columns.begin(), source->columns.end(),
                          [&](const data::ColumnSpec& one) { return one.name == name; });
    };
    const auto target = find(task.info.target);
    if (target == source->columns.end()) continue;
    const auto cells_of = [&](const std::string& name) {
      return ctx.options.cells_of ? ctx.options.cells_of(task.info.source + "." + name) : std::vector<std::string>();
    };
    const auto wanted = places_of(*target, cells_of(target->name));
    for (const std::string& name : inputs_of(ctx, {task.scores})) {
      const auto input = find(name);
      if (input == source->columns.end() || input == target || take_other_pieces(*input, *target)) continue;
      for (const auto& [key, place] : places_of(*input, cells_of(name))) {
        const auto same = wanted.find(key);
        if (same == wanted.end()) continue;
        auto report =
            ctx.reports.emitter.report(diag::TargetUnderOtherName, task.info.name, name, task.info.target, place)
                .at(input->range)
                .label(target->range, "the target")
                .help("leave `" + name + "` out of the head, unless it is meant to copy");
        if (same->second != place) std::move(report).note("`" + same->second + "` is `" + place + "` in these files");
        break;
      }
    }
  }
}

}  // namespace mtl::elaborate
