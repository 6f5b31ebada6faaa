// Which ids a value can hold, and whether they stay inside what they index: an id behind the end of a table would read
// other memory. While sizes wait for the data this says nothing; with the data they are numbers, and it is asked again.
#include "compiler/elaborate/tensors/ids.h"

#include <limits>

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

IdSetPtr set_of_op(const std::string& name, Dim size) {
  IdSet set;
  set.text = "`" + name + "`";
  set.size = std::move(size);
  return std::make_shared<const IdSet>(std::move(set));
}

std::string numbers_of_ids(const IdSetPtr& set) {
  if (!set || !set->constant) return "`float(x)` makes numbers of ids";
  return "an int makes ids; `" + (set->size - Dim(1)).text() + ".0` is a number";
}

std::optional<Tensor> constant_id(TensorContext& ctx, int64_t id, const At& at) {
  // Below 0 is what "missing" is inside; a table answers it with zeros, which nobody asks for by writing a number.
  if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
    ctx.report(at, diag::IdOutOfRange, id).help(id < 0 ? "a number with a point, such as `-1.0`, is no id" : "");
    return std::nullopt;
  }
  ir::Value node = emit(ctx, "constant_i32", {}, at, {{"value", id}});
  if (!node.valid()) return std::nullopt;
  IdSet set;
  set.size = Dim(id + 1);
  set.constant = true;
  return Tensor{node, std::make_shared<const IdSet>(std::move(set)), nullptr};
}

std::optional<IdSetPtr> join_sets(TensorContext& ctx, const IdSetPtr& a, const IdSetPtr& b, const At& at) {
  if (!a || !b) return nullptr;
  if (a == b || (!a->key.empty() && a->key == b->key)) return a;
  if (!a->key.empty() && !b->key.empty()) {
    ctx.report(at, diag::TwoSets, a->text, b->text);
    return std::nullopt;
  }
  if (a->ragged || b->ragged) return a->ragged ? a : b;
  const auto difference = (a->size - b->size).constant();
  const IdSetPtr& larger = difference && *difference < 0 ? b : a;
  if (a->constant && b->constant) return larger;
  if (a->constant || b->constant) {
    const IdSetPtr &named = a->constant ? b : a, &constant = a->constant ? a : b;
    if (!ids_fit(ctx, constant, named->size, "the size of " + named->text, at)) return std::nullopt;
    return named;
  }
  IdSet set;
  set.text = a->text == b->text ? a->text : a->text + " and " + b->text;
  set.size = difference ? larger->size : Dim::atom("max(" + a->size.text() + ", " + b->size.text() + ")");
  return std::make_shared<const IdSet>(std::move(set));
}

bool ids_fit(TensorContext& ctx, const IdSetPtr& set, const Dim& size, const std::string& what, const At& at) {
  if (!set) {
    ctx.report(at, diag::NotSupportedYet, "an index by ids whose set is not known");
    return false;
  }
  if (set->ragged) {
    ctx.report(at, diag::SetSize, set->text, "the length of `" + ctx.spaces()[*set->ragged].dim + "`", what,
               size.text());
    return false;
  }
  const auto too_many = (set->size - size).constant();
  if (!too_many || *too_many <= 0) return true;
  if (set->constant) {
    ctx.report(at, diag::IdOutside, (set->size - Dim(1)).text(), what, size.text());
    return false;
  }
  diag::Report made = ctx.report(at, diag::SetSize, set->text, set->size.text(), what, size.text());
  for (std::string& note : size_notes(ctx, set->size.text())) std::move(made).note(std::move(note));
  return false;
}

bool table_fits(TensorContext& ctx, const IdSetPtr& set, const Dim& size, const std::string& what, const At& at) {
  if (!ids_fit(ctx, set, size, what, at)) return false;
  const auto beyond = set->classes ? (size - set->size).constant() : std::nullopt;
  if (!beyond || *beyond == 0) return true;
  diag::Report made = ctx.report(at, diag::SetSize, set->text, set->size.text(), what, size.text());
  for (std::string& note : size_notes(ctx, set->size.text())) std::move(made).note(std::move(note));
  std::move(made).help("a table of classes has an entry for each of them, in the order of their frequency in train");
  return false;
}

bool set_has_size(TensorContext& ctx, const IdSet& set, const Dim& size, const std::string& what, const At& at) {
  if (size.equals(set.size) != types::Answer::no) return true;
  ctx.report(at, diag::SetSize, set.text, set.size.text(), what, size.text());
  return false;
}

}  // namespace mtl::elaborate
