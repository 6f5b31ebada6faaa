// Paths of layers and parameters, and the parameters that have been made, by path.
#include "compiler/elaborate/tensors/parameters.h"

#include <algorithm>
#include <utility>

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/ties.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

// The place whose word decides; null if none does.
const Place* deciding(const Place* place) {
  for (; place; place = place->parent.get()) {
    if (place->word != syntax::Owner::enclosing) return place;
    if (place->task) return nullptr;
  }
  return nullptr;
}

std::string path_of(const PlacePtr& place, const TaskState* task) {
  const Place* word = deciding(place.get());
  std::string path;
  for (const Place* at = place.get(); at && at->parent; at = at->parent.get()) {
    std::string part = at->name;
    if (at == word && word->word == syntax::Owner::private_ && task) part += "@" + task->info.name;
    path = path.empty() ? part : part + "." + path;
  }
  return path;
}

std::string plain_path_of(const PlacePtr& place) {
  std::string path;
  for (const Place* at = place.get(); at && at->parent; at = at->parent.get()) {
    path = path.empty() ? at->name : at->name + "." + path;
  }
  return path;
}

std::string copy_path(const std::string& path, const std::string& from, const std::string& to) {
  const std::string mark = "@" + from;
  const size_t begin = path.find(mark), end = begin + mark.size();
  if (begin == std::string::npos || (end < path.size() && path[end] != '.')) return path;
  return path.substr(0, begin) + "@" + to + path.substr(end);
}

std::map<std::string, ParamRecord>::iterator find_parameter(TensorContext& ctx, const std::string& path) {
  const auto made = ctx.parameters.records.find(path);
  if (made != ctx.parameters.records.end()) return made;
  const auto known = ctx.parameters.known.params.find(path);
  if (known == ctx.parameters.known.params.end()) return ctx.parameters.records.end();
  ctx.parameters.order.push_back(path);
  return ctx.parameters.records.emplace(path, known->second).first;
}

bool others_own(const TensorContext& ctx, const std::string& path) {
  return std::any_of(ctx.parameters.records.begin(), ctx.parameters.records.end(),
                     [&](const auto& known) { return known.second.private_at && known.second.plain == path; });
}

namespace {
// A path as it is written says nothing of the words in the bodies on the way: what is private there has the copy of the
// task at hand.
std::map<std::string, ParamRecord>::iterator find_copy(TensorContext& ctx, const PathRef& path, const TaskState* task) {
  if (const auto it = find_parameter(ctx, path_of(path.place, task)); it != ctx.parameters.records.end()) return it;
  const std::string plain = plain_path_of(path.place);
  for (const auto* records : {&std::as_const(ctx.parameters.records), &ctx.parameters.known.params}) {
    for (const auto& [name, record] : *records) {
      const bool own = record.task.empty() || (task && record.task == task->info.name);
      if (own && record.plain == plain) return find_parameter(ctx, std::string(name));
    }
  }
  return ctx.parameters.records.end();
}
}  // namespace

Tensor parameter_at(TensorContext& ctx, const PathRef& path, const At& at) {
  const Tied tied = tied_parameter(ctx, path.place, at.frame.task);
  const auto it = tied.record ? find_parameter(ctx, tied.record->info.path) : find_copy(ctx, path, at.frame.task);
  if (it != ctx.parameters.records.end()) {
    const ParamInfo& info = it->second.info;
    const char* op = info.trained ? "param" : "state";
    return {emit(ctx, op, {}, at, {{"path", info.path}, {"dims", info.dims}}), nullptr, it->second.table};
  }
  const std::string wanted = plain_path_of(path.place);
  if (ctx.parameters.by_task && others_own(ctx, wanted)) {
    ctx.parameters.absent = true;
    return {};
  }
  ctx.reports.waits = true;
  std::vector<std::string> known;
  for (size_t end = wanted.rfind('.'); end != std::string::npos && end > 0 && known.empty();) {  // the nearest ones
    for (const auto& [name, record] : ctx.parameters.records) {
      if (name.rfind(wanted.substr(0, end + 1), 0) == 0 && known.size() < 5) known.push_back("`" + name + "`");
    }
    end = wanted.rfind('.', end - 1);
  }
  ctx.report(at, diag::NoSuchParameter, wanted)
      .help(known.empty() ? "a call of its layer makes it, which must not need it first"
                          : (known.size() == 1 ? "there is " : "there are ") + join(known, ", ", " and "));
  return {};
}

}  // namespace mtl::elaborate
