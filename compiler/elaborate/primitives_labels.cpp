// What the labels of the task at hand say, as a state: it is read from the data before training, goes with the model
// and is not trained.
#include <algorithm>
#include <initializer_list>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/primitives.h"

namespace mtl::elaborate {

namespace {
using Call = PrimitiveCall;
}

struct Primitives::Labels {
  static Value state_of_labels(Call& c, const char* name, Init init, std::vector<Dim> dims) {
    const TaskInfo& task = c.e.tasks_[c.e.current_task_].info;
    init.from = task.source + "." + task.target;
    PlacePtr place = c.e.child(c.at.frame.place, name, syntax::Owner::enclosing, c.at.range, c.at.frame);
    return c.e.parameter(place, std::move(dims), Value{FromLabels{init}}, nullptr, true, c.at);
  }
  // The word of argument `name` as a number of `known`; nullopt after a report.
  static std::optional<size_t> choice(Call& c, const char* name, const char* setting,
                                      std::initializer_list<std::string_view> known) {
    const StaticValue* word = c.find(name)->as_static();
    const std::string text = word && word->is_text() ? word->string() : "";
    const auto found = std::find(known.begin(), known.end(), text);
    if (found != known.end()) return static_cast<size_t>(found - known.begin());
    std::vector<std::string> quoted;
    for (const std::string_view one : known) quoted.push_back('"' + std::string(one) + '"');
    c.e.report(c.at, diag::UnknownChoice, setting, text)
        .help("write " + join(quoted, ", ", " or ") + " or leave it out");
    return std::nullopt;
  }
  static bool in_task_on(Call& c, std::initializer_list<training::TargetKind> kinds, const char* wanted) {
    const int current = c.e.current_task_;
    const TaskInfo* task = current < 0 ? nullptr : &c.e.tasks_[current].info;
    if (task && !task->target.empty() && std::find(kinds.begin(), kinds.end(), task->kind) != kinds.end()) return true;
    c.e.report(c.at, diag::NeedsLabels, std::string(c.primitive.name), wanted);
    return false;
  }

  static Value positive_share(Call& c) {
    using training::TargetKind;
    if (!in_task_on(c, {TargetKind::boolean, TargetKind::labels}, "a `bool` or `labels` column")) return {};
    if (!choice(c, "weights", "class_weights", {"balanced"})) return {};
    Init init;
    init.kind = Init::Kind::positive_share;
    return state_of_labels(c, "positive_share", init, c.e.tasks_[c.e.current_task_].target_type.dims);
  }
  static Value tag_rules(Call& c, const char* name, Init::Kind kind, size_t rank) {
    if (!in_task_on(c, {training::TargetKind::label}, "a `label` column")) return {};
    const auto scheme = choice(c, "scheme", "constrain", {"bio", "iobes", "iob1"});
    if (!scheme) return {};
    Init init;
    init.kind = kind;
    init.scheme = static_cast<training::TagScheme>(*scheme);
    return state_of_labels(c, name, init, std::vector<Dim>(rank, c.e.tasks_[c.e.current_task_].info.classes));
  }
  static Value tag_transitions(Call& c) { return tag_rules(c, "allowed", Init::Kind::tag_transitions, 2); }
  static Value tag_starts(Call& c) { return tag_rules(c, "allowed_first", Init::Kind::tag_starts, 1); }
  static Value tag_ends(Call& c) { return tag_rules(c, "allowed_last", Init::Kind::tag_ends, 1); }
};

const Primitives::Table& Primitives::labels() {
  using P = Labels;
  static const Table table = {{"ops.positive_share", P::positive_share},
                              {"ops.tag_transitions", P::tag_transitions},
                              {"ops.tag_starts", P::tag_starts},
                              {"ops.tag_ends", P::tag_ends}};
  return table;
}

}  // namespace mtl::elaborate
