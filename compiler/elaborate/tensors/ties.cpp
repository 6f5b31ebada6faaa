// See ties.h.
#include "compiler/elaborate/tensors/ties.h"

#include <algorithm>

#include "compiler/elaborate/tensors/parameters.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
size_t parts_in(const std::string& path) {
  return static_cast<size_t>(std::count(path.begin(), path.end(), '.')) + 1;
}

// "out.linear@b.weight" below "out": "linear@b.weight"; empty where the pattern is the whole path.
std::string below(const std::string& pattern, const std::string& path) {
  const std::vector<std::string> parts = split(path, ".");
  return join(std::vector<std::string>(parts.begin() + static_cast<std::ptrdiff_t>(parts_in(pattern)), parts.end()),
              ".", ".");
}

std::vector<std::string> known_paths(const TensorContext& ctx) {
  std::vector<std::string> paths;
  for (const auto& [path, record] : ctx.parameters.records) paths.push_back(path);
  for (const auto& [path, record] : ctx.parameters.known.params) {
    if (!ctx.parameters.records.count(path)) paths.push_back(path);
  }
  return paths;
}

template <class... Args>
diag::Report refuse(TensorContext& ctx, SourceRange range, const diag::Kind& kind, Args&&... args) {
  ctx.reports.failed = true;
  return ctx.reports.emitter.report(kind, std::forward<Args>(args)...).at(range);
}

const sema::Tie* tie_of(TensorContext& ctx, const std::string& path) {
  const sema::Tie* found = nullptr;
  for (size_t i = 0; i < ctx.parameters.ties.size(); ++i) {
    const sema::Tie& tie = ctx.parameters.ties[i];
    if (parts_in(tie.left) > parts_in(path) || !training::match_path(tie.left, path)) continue;
    ctx.parameters.ties_met.insert(i);
    if (found) {
      refuse(ctx, tie.range, diag::TiedTwice, path).label(found->range, "tied here");
    } else {
      found = &tie;
    }
  }
  return found;
}

// The path of the parameter that `pattern` is for `task`; empty: there is none, or none yet.
std::string resolve(const TensorContext& ctx, const std::string& pattern, const TaskState* task) {
  for (const std::string& path : known_paths(ctx)) {
    const auto made = ctx.parameters.records.find(path);
    const ParamRecord& record =
        made != ctx.parameters.records.end() ? made->second : ctx.parameters.known.params.at(path);
    const bool named = pattern.find('@') != std::string::npos;
    const bool own = named || record.task.empty() || (task && record.task == task->info.name);
    if (own && parts_in(pattern) == parts_in(path) && training::match_path(pattern, path)) return path;
  }
  return "";
}
}  // namespace

Tied tied_parameter(TensorContext& ctx, const PlacePtr& place, const TaskState* task) {
  std::string path = path_of(place, task);
  const sema::Tie* first = tie_of(ctx, path);
  if (!first) return {};
  const sema::Tie* last = first;  // whose right side has the storage
  size_t steps = 0;
  for (const sema::Tie* tie = first; tie; tie = tie_of(ctx, path)) {
    last = tie;
    if (++steps > ctx.parameters.ties.size()) {
      refuse(ctx, first->range, diag::TieInCircle, first->left);
      return {};
    }
    const std::string rest = below(tie->left, path);
    path = tie->right + (rest.empty() ? "" : "." + rest);
  }
  const std::string found = resolve(ctx, path, task);
  if (found.empty()) {
    ctx.reports.waits = true;  // for the call that makes it
    const bool of_others = others_own(ctx, path) && task;
    refuse(ctx, last->right_range, diag::NothingBelowPath, path)
        .help(of_others ? "task `" + task->info.name + "` does not reach it, so it has no copy to be one with"
                        : training::help_for_path(path, known_paths(ctx)));
    return {};
  }
  ParamRecord& record = find_parameter(ctx, found)->second;
  const Place* word = deciding(place.get());
  const bool one_for_all = word && word->word == syntax::Owner::shared;
  if (one_for_all && !record.task.empty() && path.find('@') == std::string::npos) {
    refuse(ctx, first->range, diag::TieOfCopies, first->left, path)
        .help("declare both with one word, or name a copy, `" + record.info.path + "`");
    return {};
  }
  return {first, &record};
}

bool tied_alike(TensorContext& ctx, const Tied& tied, const std::vector<Dim>& dims, bool state) {
  const auto text = [](const std::vector<Dim>& sizes, bool of_state) {
    std::vector<std::string> all;
    for (const Dim& size : sizes) all.push_back(size.text());
    return std::string(of_state ? "a state of " : "") + "f32" + (all.empty() ? "" : "[" + join(all) + "]");
  };
  const std::vector<Dim>& other = tied.record->info.dims;
  const bool other_state = !tied.record->info.trained;
  bool same = other.size() == dims.size() && other_state == state;
  for (size_t i = 0; same && i < dims.size(); ++i) same = other[i].equals(dims[i]) != types::Answer::no;
  if (same) return true;
  diag::Report made = refuse(ctx, tied.tie->range, diag::TieShapes, tied.tie->left, text(dims, state),
                             tied.record->info.path, text(other, other_state));
  if (tied.record->call.valid()) std::move(made).label(tied.record->call, "made here");
  return false;
}

void refuse_idle_ties(TensorContext& ctx) {
  for (size_t i = 0; i < ctx.parameters.ties.size(); ++i) {
    const sema::Tie& tie = ctx.parameters.ties[i];
    if (ctx.parameters.ties_met.count(i)) continue;
    refuse(ctx, tie.left_range, diag::NothingBelowPath, tie.left)
        .help(training::help_for_path(tie.left, known_paths(ctx)));
  }
}

}  // namespace mtl::elaborate
