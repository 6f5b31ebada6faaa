// Paths of layers and parameters, and the parameters that have been made, by path.
#include "compiler/elaborate/tensors/parameters.h"

#include "compiler/elaborate/tensors/emit.h"
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

std::map<std::string, ParamRecord>::iterator find_parameter(TensorContext& ctx, const std::string& path) {
  const auto made = ctx.parameters.records.find(path);
  if (made != ctx.parameters.records.end()) return made;
  const auto known = ctx.parameters.known.params.find(path);
  if (known == ctx.parameters.known.params.end()) return ctx.parameters.records.end();
  ctx.parameters.order.push_back(path);
  return ctx.parameters.records.emplace(path, known->second).first;
}

Tensor parameter_at(TensorContext& ctx, const PathRef& path, const At& at) {
  if (const auto it = find_parameter(ctx, path_of(path.place, at.frame.task)); it != ctx.parameters.records.end()) {
    const ParamInfo& info = it->second.info;
    const char* op = info.trained ? "param" : "state";
    return {emit(ctx, op, {}, at, {{"path", info.path}, {"dims", info.dims}}), nullptr, it->second.table};
  }
  ctx.reports.waits = true;
  const std::string wanted = plain_path_of(path.place);
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
