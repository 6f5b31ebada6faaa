// Which ids a value can hold, and whether they stay inside what they index: an id behind the end of a table would read
// other memory. While sizes wait for the data this says nothing; with the data they are numbers, and it is asked again.
#include <limits>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

IdSetPtr set_of_op(const std::string& name, Dim size) {
  IdSet set;
  set.text = "`" + name + "`";
  set.size = std::move(size);
  return std::make_shared<const IdSet>(std::move(set));
}

std::optional<Tensor> Elaborator::constant_id(int64_t id, const At& at) {
  // Below 0 is what "missing" is inside; a table answers it with zeros, which nobody asks for by writing a number.
  if (id < 0 || id > std::numeric_limits<int32_t>::max()) {
    report(at, diag::IdOutOfRange, id).help(id < 0 ? "a number with a point, such as `-1.0`, is no id" : "");
    return std::nullopt;
  }
  ir::Value node = emit("constant_i32", {}, at, {{"value", id}});
  if (!node.valid()) return std::nullopt;
  IdSet set;
  set.size = Dim(id + 1);
  set.constant = true;
  return Tensor{node, std::make_shared<const IdSet>(std::move(set)), nullptr};
}

IdSetPtr Elaborator::join_sets(const IdSetPtr& a, const IdSetPtr& b) const {
  if (!a || !b) return nullptr;
  if (a == b || (!a->key.empty() && a->key == b->key)) return a;
  if (a->ragged || b->ragged) return a->ragged ? a : b;
  const auto difference = (a->size - b->size).constant();
  const IdSetPtr& larger = difference && *difference < 0 ? b : a;
  if (a->constant && b->constant) return larger;
  if (a->constant || b->constant) {
    const IdSetPtr& named = a->constant ? b : a;
    // Before the data is there nothing can be said of the constant.
    return !difference || named->size == larger->size ? named : larger;
  }
  IdSet set;
  set.text = a->text == b->text ? a->text : a->text + " and " + b->text;
  set.size = difference ? larger->size : Dim::atom("max(" + a->size.text() + ", " + b->size.text() + ")");
  return std::make_shared<const IdSet>(std::move(set));
}

bool Elaborator::ids_fit(const IdSetPtr& set, const Dim& size, const std::string& what, const At& at) {
  if (!set) {
    report(at, diag::NotSupportedYet, "an index by ids whose set is not known");
    return false;
  }
  if (set->ragged) {
    report(at, diag::SetSize, set->text, "the length of `" + spaces()[*set->ragged].dim + "`", what, size.text());
    return false;
  }
  const auto too_many = (set->size - size).constant();
  if (!too_many || *too_many <= 0) return true;
  if (set->constant) {
    report(at, diag::IdOutside, (set->size - Dim(1)).text(), what, size.text());
    return false;
  }
  diag::Report made = report(at, diag::SetSize, set->text, set->size.text(), what, size.text());
  for (std::string& note : size_notes(set->size.text())) std::move(made).note(std::move(note));
  return false;
}

}  // namespace mtl::elaborate
