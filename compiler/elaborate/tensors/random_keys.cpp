// Keys of random streams: a draw depends on the layer and the call that asks for it, and on nothing else of the
// program.
#include "compiler/elaborate/tensors/random_keys.h"

#include "compiler/elaborate/tensors/parameters.h"
#include "runtime/core/random.h"

namespace mtl::elaborate {

namespace {
using Draw = RandomKeys::Draw;

// The number of the distinct call; a version of a value of another task has the number of its original, if it is free.
int64_t random_key(TensorContext& ctx, Draw draw, const std::vector<ir::Value>& operands) {
  std::string owner = draw.path + draw.stream;
  if (draw.place) {
    std::map<uint32_t, int64_t>& places = ctx.random.places[owner];
    owner += "#" + std::to_string(places.emplace(*draw.place, static_cast<int64_t>(places.size())).first->second);
  }
  auto [it, fresh] = ctx.random.calls.try_emplace({owner, operands}, draw.number);
  if (fresh) {
    std::set<int64_t>& taken = ctx.random.taken[owner];
    while (!taken.insert(it->second).second) ++it->second;
  }
  draw.number = it->second;
  const std::string text = owner + "#" + std::to_string(it->second);
  const auto key = static_cast<int64_t>(runtime::hash_text(text.data(), text.size()));
  ctx.random.draws.emplace(key, std::move(draw));
  return key;
}
}  // namespace

// Of masks: the path of the layer and the place in its body, so that one layer called twice on one input draws once,
// and an edit elsewhere changes nothing. `resample` adds a stream.
int64_t mask_key(TensorContext& ctx, const std::vector<ir::Value>& operands, const At& at) {
  return random_key(ctx, {path_of(at.frame.place, at.frame.task), at.frame.stream, at.range.begin}, operands);
}

// Of noise: drawn once for each computation of what lends its shape, wherever it is written. A task's own block adds
// nothing to the path, so that tasks share what is drawn for a value that they share.
int64_t noise_key(TensorContext& ctx, std::string_view op, ir::Value operand, const At& at) {
  const std::string path = at.frame.place->task ? "" : path_of(at.frame.place, at.frame.task);
  return random_key(ctx, {path, at.frame.stream + "#" + std::string(op)}, {operand});
}

int64_t key_of_version(TensorContext& ctx, int64_t key, const std::vector<ir::Value>& operands, const std::string& from,
                       const std::string& to) {
  const auto known = ctx.random.draws.find(key);
  if (known == ctx.random.draws.end()) return key;
  Draw draw = known->second;
  draw.path = copy_path(draw.path, from, to);
  return random_key(ctx, std::move(draw), operands);
}

}  // namespace mtl::elaborate
