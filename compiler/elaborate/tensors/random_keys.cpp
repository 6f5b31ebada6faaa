// Keys of random streams: a draw depends on the layer and the call that asks for it, and on nothing else of the
// program.
#include "compiler/elaborate/tensors/random_keys.h"

#include "compiler/elaborate/tensors/parameters.h"
#include "runtime/core/random.h"

namespace mtl::elaborate {

namespace {
// Keys of random streams: whose they are, and the number of the distinct call there.
int64_t random_key(TensorContext& ctx, const std::string& owner, const std::vector<ir::Value>& operands) {
  auto [it, fresh] = ctx.random.calls.try_emplace({owner, operands}, 0);
  if (fresh) it->second = ctx.random.counts[owner]++;
  const std::string text = owner + "#" + std::to_string(it->second);
  return static_cast<int64_t>(runtime::hash_text(text.data(), text.size()));
}
}  // namespace

// Of masks: the path of the layer and the place in its body, so that one layer called twice on one input draws once,
// and an edit elsewhere changes nothing. `resample` adds a stream.
int64_t mask_key(TensorContext& ctx, const std::vector<ir::Value>& operands, const At& at) {
  std::string path = path_of(at.frame.place, at.frame.task) + at.frame.stream;
  std::map<uint32_t, int64_t>& places = ctx.random.places[path];
  const int64_t place = places.emplace(at.range.begin, static_cast<int64_t>(places.size())).first->second;
  return random_key(ctx, path + "#" + std::to_string(place), operands);
}

// Of noise: drawn once for each computation of what lends its shape, wherever it is written. A task's own block adds
// nothing to the path, so that tasks share what is drawn for a value that they share.
int64_t noise_key(TensorContext& ctx, std::string_view op, ir::Value operand, const At& at) {
  std::string path = at.frame.place->task ? "" : path_of(at.frame.place, at.frame.task);
  return random_key(ctx, path + at.frame.stream + "#" + std::string(op), {operand});
}

}  // namespace mtl::elaborate
