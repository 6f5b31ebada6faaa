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

std::string numbers_of_ids(const IdSetPtr& set) {
  if (!set || !set->constant) return "`float(x)` makes numbers of ids";
  return "an int makes ids; `" + (set->size - Dim(1)).text() + ".0` is a number";
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

std::optional<IdSetPtr> Elaborator::join_sets(const IdSetPtr& a, const IdSetPtr& b, const At& at) {
  if (!a || !b) return nullptr;
  if (a == b || (!a->key.empty() && a->key == b->key)) return a;
  if (!a->key.empty() && !b->key.empty()) {
    report(at, diag::TwoSets, a->text, b->text);
    return std::nullopt;
  }
  if (a->ragged || b->ragged) return a->ragged ? a : b;
  const auto difference = (a->size - b->size).constant();
  const IdSetPtr& larger = difference && *difference < 0 ? b : a;
  if (a->constant && b->constant) return larger;
  if (a->constant || b->constant) {
    const IdSetPtr &named = a->constant ? b : a, &constant = a->constant ? a : b;
    if (!ids_fit(constant, named->size, "the size of " + named->text, at)) return std::nullopt;
    return named;
  }
  IdSet set;
  set.text = a->text == b->text ? a->text : a->text + " and " + b->text;
  set.size = difference ? larger->size : Dim::atom("max(" + a->size.text() + ", " + b->size.text() + ")");
  return std::make_shared<const IdSet>(std::move(set));
}

bool Elaborator::settle_constants(const std::vector<syntax::Parameter>& inputs, std::vector<Value>& values,
                                  Frame& callee, const At& at) {
  for (const auto& [name, set] : callee.sets) sets_of_layers_.emplace(set_path(callee, name), set);
  for (size_t i = 0; i < inputs.size(); ++i) {
    auto* tensor = std::get_if<Tensor>(&values[i].v);
    if (!tensor || !tensor->ids || !tensor->ids->constant || inputs[i].type.arguments.empty()) continue;
    const auto* name = std::get_if<syntax::NameExpr>(&inputs[i].type.arguments[0]->node);
    if (!name || !is_dimension_name(name->name)) continue;
    const Binding* bound = callee.find(name->name);
    if (!bound) {
      callee.unsized.insert(name->name);
      continue;
    }
    const auto size = bound->value.as_static() ? bound->value.as_static()->as_dim() : std::nullopt;
    const At here{at.frame, values[i].range.valid() ? values[i].range : at.range};
    if (size && !ids_fit(tensor->ids, *size, "`" + name->name + "`", here)) return false;
    if (auto set = callee.sets.find(name->name); set != callee.sets.end()) tensor->ids = set->second;
  }
  return true;
}

std::string Elaborator::set_path(const Frame& callee, const std::string& name) const {
  // A function owns nothing: each of its calls is by itself.
  const bool layer = callee.kind == Frame::Kind::module || callee.kind == Frame::Kind::criterion;
  return (layer && callee.place ? path_of(callee.place) : "call " + std::to_string(callee.id)) + " " + name;
}

Value Elaborator::size_of_others(const std::string& name, const At& at) {
  const auto known = sets_of_layers_.find(set_path(at.frame, name));
  if (known != sets_of_layers_.end()) {
    const IdSet& set = *known->second;
    at.frame.sets.emplace(name, known->second);
    return set.ragged ? Value{RaggedDim{*set.ragged}} : Value{StaticValue{set.size, true}};
  }
  waits_ = true;
  report(at, diag::SetNotSized, name, at.frame.title)
      .help("ids of a column say it, in this call or in another one of the same layer");
  return {};
}

IdSetPtr Elaborator::set_of_size(const syntax::Expr& size, Frame& frame) {
  if (const auto* name = std::get_if<syntax::NameExpr>(&size.node)) {
    const auto set = frame.sets.find(name->name);
    return set != frame.sets.end() ? set->second : nullptr;
  }
  const auto* set = std::get_if<syntax::SizeExpr>(&size.node);
  if (!set || set->member) return nullptr;
  const std::string& first = set->path.front();
  if (set->path.size() == 2) {
    const syntax::ColumnDecl* column = file_.column(first, set->path[1]);
    return column ? set_of_column(first, *column) : nullptr;
  }
  if (const Binding* bound = frame.find(first)) return bound->value.tensor() ? bound->value.tensor()->ids : nullptr;
  const sema::Found* found = file_.find(frame.unit, first);
  return found && found->kind == sema::DeclKind::vocab ? set_of_vocab(first) : nullptr;
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

bool Elaborator::table_fits(const IdSetPtr& set, const Dim& size, const std::string& what, const At& at) {
  if (!ids_fit(set, size, what, at)) return false;
  const auto beyond = set->classes ? (size - set->size).constant() : std::nullopt;
  if (!beyond || *beyond == 0) return true;
  diag::Report made = report(at, diag::SetSize, set->text, set->size.text(), what, size.text());
  for (std::string& note : size_notes(set->size.text())) std::move(made).note(std::move(note));
  std::move(made).help("a table of classes has an entry for each of them, in the order of their frequency in train");
  return false;
}

}  // namespace mtl::elaborate
