// First values that the data decides. What the labels of the task at hand say is a state: it is read before training,
// goes with the model and is not trained.
#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>

#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/bodies/layer_primitives.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/bodies/params.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

namespace {
using Call = PrimitiveCall;
}

struct LayerPrimitives::Labels {
  static Value state_of_labels(BodyContext& ctx, Call& c, const char* name, Init init, std::vector<Dim> dims) {
    const TaskInfo& task = c.at.frame.task->info;
    init.from = task.source + "." + task.target;
    init.when = task.when;
    init.dim = task.target_dim;
    PlacePtr place = child(c.at.frame.place, name, syntax::Owner::enclosing, c.at.range, c.at.frame);
    return parameter(ctx, place, std::move(dims), Value{FromLabels{init}}, nullptr, true, c.at);
  }
  // The word of argument `name` as a number of `known`; nullopt after a report.
  // `besides`: what else it may be.
  static std::optional<size_t> choice(BodyContext& ctx, Call& c, const char* name, const char* setting,
                                      std::initializer_list<std::string_view> known, const char* besides = nullptr) {
    const StaticValue* word = c.find(name)->as_static();
    const std::string text = word && word->is_text() ? word->string() : "";
    const auto found = std::find(known.begin(), known.end(), text);
    if (found != known.end()) return static_cast<size_t>(found - known.begin());
    static const std::map<std::string, std::string> kOtherNames = {
        {"iob", "bio"},     {"iob2", "bio"},   {"bio2", "bio"},    {"bio1", "iob1"},   {"bioes", "iobes"},
        {"bilou", "iobes"}, {"bmes", "iobes"}, {"bmeso", "iobes"}, {"bmewo", "iobes"}, {"bioul", "iobes"}};
    std::string meant = text;
    std::transform(meant.begin(), meant.end(), meant.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    if (const auto other = kOtherNames.find(meant); other != kOtherNames.end()) meant = other->second;
    if (std::find(known.begin(), known.end(), meant) != known.end()) {
      ctx.report(c.at, diag::UnknownChoice, setting, text).help("write \"" + meant + "\"");
      return std::nullopt;
    }
    std::vector<std::string> quoted;
    for (const std::string_view one : known) quoted.push_back('"' + std::string(one) + '"');
    if (besides) quoted.emplace_back(besides);
    ctx.report(c.at, diag::UnknownChoice, setting, text)
        .help("write " + join(quoted, ", ", " or ") + " or leave it out");
    return std::nullopt;
  }
  static bool in_task_on(BodyContext& ctx, Call& c, std::initializer_list<training::TargetKind> kinds,
                         const char* wanted) {
    const TaskInfo* task = c.at.frame.task ? &c.at.frame.task->info : nullptr;
    if (task && !task->target.empty() && std::find(kinds.begin(), kinds.end(), task->kind) != kinds.end()) return true;
    ctx.report(c.at, diag::NeedsLabels, std::string(c.primitive.name), wanted);
    return false;
  }

  static Value positive_share(BodyContext& ctx, Call& c) {
    using training::TargetKind;
    if (!in_task_on(ctx, c, {TargetKind::boolean, TargetKind::labels}, "a `bool` or `labels` column")) return {};
    if (!choice(ctx, c, "weights", "class_weights", {"balanced"})) return {};
    Init init;
    init.kind = Init::Kind::positive_share;
    return state_of_labels(ctx, c, "positive_share", init, c.at.frame.task->target_type.dims);
  }
  static Value vectors(BodyContext& ctx, Call& c) {
    Value others = *c.find("init");
    if (const Callable* callable = others.callable(); callable && !callable->static_function.empty())
      others = call_static(ctx, callable->static_function, {}, c.at_argument("init"));
    if (others.poisoned()) return {};
    const StaticValue* known = others.as_static();
    MTL_CHECK(known && known->is_initializer(), "an argument of `embed` that is declared an initializer");
    return Value{Vectors{*known}, c.at.range};
  }
  // {"rare": 5.0, "often": 1.0}
  static bool named_weights(BodyContext& ctx, Call& c, const StaticValue& table, Init& init) {
    for (const StaticValue& entry : table.items()) {
      const std::string& name = entry.items()[0].string();
      const double weight = *entry.items()[1].as_number();
      const bool doubled =
          std::any_of(init.named.begin(), init.named.end(), [&](const auto& n) { return n.first == name; });
      if (doubled) {
        ctx.report(c.at, diag::DoubledArgument, name);
        return false;
      }
      if (!(weight >= 0) || std::isinf(weight)) {
        ctx.report(c.at, diag::NumberOutside, "class_weights", "0 or more", entry.items()[1].text());
        return false;
      }
      init.named.emplace_back(name, weight);
    }
    return true;
  }
  static Value class_weights(BodyContext& ctx, Call& c) {
    if (!in_task_on(ctx, c, {training::TargetKind::label}, "a `label` column")) return {};
    Init init;
    init.kind = Init::Kind::class_weights;
    const StaticValue* given = c.find("weights")->as_static();
    if (given && given->is_list()) {
      if (!named_weights(ctx, c, *given, init)) return {};
    } else if (!choice(ctx, c, "weights", "class_weights", {"balanced"}, "a table, {\"name\": 2.0},")) {
      return {};
    }
    return state_of_labels(ctx, c, "class_weights", init, {c.at.frame.task->info.classes});
  }
  static Value tag_rules(BodyContext& ctx, Call& c, const char* name, Init::Kind kind, size_t rank) {
    if (!in_task_on(ctx, c, {training::TargetKind::label}, "a `label` column")) return {};
    const auto scheme = choice(ctx, c, "scheme", "constrain", {"bio", "iobes", "iob1"});
    if (!scheme) return {};
    Init init;
    init.kind = kind;
    init.scheme = static_cast<training::TagScheme>(*scheme);
    return state_of_labels(ctx, c, name, init, std::vector<Dim>(rank, c.at.frame.task->info.classes));
  }
  static Value tag_transitions(BodyContext& ctx, Call& c) {
    return tag_rules(ctx, c, "allowed", Init::Kind::tag_transitions, 2);
  }
  static Value tag_starts(BodyContext& ctx, Call& c) {
    return tag_rules(ctx, c, "allowed_first", Init::Kind::tag_starts, 1);
  }
  static Value tag_ends(BodyContext& ctx, Call& c) {
    return tag_rules(ctx, c, "allowed_last", Init::Kind::tag_ends, 1);
  }
};

const LayerPrimitives::Table& LayerPrimitives::labels() {
  using P = Labels;
  static const Table table = {{"ops.positive_share", P::positive_share}, {"ops.vectors", P::vectors},
                              {"ops.class_weights", P::class_weights},   {"ops.tag_transitions", P::tag_transitions},
                              {"ops.tag_starts", P::tag_starts},         {"ops.tag_ends", P::tag_ends}};
  return table;
}

}  // namespace mtl::elaborate
