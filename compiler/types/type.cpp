// Row spaces and the two spellings of a type. See type.h.
#include "compiler/types/type.h"

#include <algorithm>

#include "support/base/check.h"

namespace mtl::types {

std::string_view dtype_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "f32";
    case DType::i32:
      return "i32";
    case DType::boolean:
      return "bool";
  }
  MTL_CHECK(false, "dtype out of range");
}

Spaces::Spaces() : spaces_(1) {}

SpaceId Spaces::add_source(const std::string& source) {
  for (SpaceId id = 1; id < spaces_.size(); ++id) {
    if (spaces_[id].name == source) return id;
  }
  Space space;
  space.name = source;
  space.source = source;
  spaces_.push_back(std::move(space));
  return static_cast<SpaceId>(spaces_.size() - 1);
}

SpaceId Spaces::add_ragged(SpaceId parent, const std::string& dim) {
  for (SpaceId id = 1; id < spaces_.size(); ++id) {
    const Space& known = spaces_[id];
    if (known.parent == parent && known.dim == dim && !dim.empty() && !known.copies) return id;
  }
  const std::string& above = spaces_[parent].name;
  return add_below(parent, above.empty() ? dim : above + "." + dim, dim);
}

SpaceId Spaces::add_below(SpaceId parent, std::string name, std::string dim) {
  Space space;
  space.name = std::move(name);
  space.parent = parent;
  space.source = spaces_[parent].source;
  space.dim = std::move(dim);
  space.depth = spaces_[parent].depth + (space.dim.empty() ? 0 : 1);
  spaces_.push_back(std::move(space));
  return static_cast<SpaceId>(spaces_.size() - 1);
}

SpaceId Spaces::add_fixed(SpaceId parent, const Dim& rows) {
  for (SpaceId id = 1; id < spaces_.size(); ++id) {
    if (spaces_[id].parent == parent && spaces_[id].fixed == rows) return id;
  }
  const SpaceId id = add_below(parent, spaces_[parent].name + "[" + rows.text() + "]", "");
  spaces_[id].fixed = rows;
  return id;
}

std::optional<SpaceId> Spaces::ragged_child(SpaceId parent, const std::string& dim) const {
  for (SpaceId id = 1; id < spaces_.size(); ++id) {
    if (spaces_[id].parent == parent && spaces_[id].dim == dim && !spaces_[id].length) return id;
  }
  return std::nullopt;
}

std::set<SpaceId> Spaces::data_dims(SpaceId id) const {
  std::set<SpaceId> found;
  for (; id != kUniform; id = spaces_[id].parent) {
    const Space& space = spaces_[id];
    if (space.length) {
      for (const auto& [atoms, coefficient] : space.length->variable_part().terms()) {
        if (const auto part = ragged_child(space.parent, atoms.front())) found.merge(data_dims(*part));
      }
    } else if (space.copies) {
      found.merge(data_dims(*space.copies));
    } else if (!space.dim.empty()) {
      found.insert(id);
    }
  }
  return found;
}

std::optional<SpaceId> Spaces::find_length(SpaceId parent, const Dim& length) const {
  if (auto known = ragged_child(parent, length.text())) return known;
  for (SpaceId id = 1; id < spaces_.size(); ++id) {
    if (spaces_[id].parent == parent && (spaces_[id].length == length || spaces_[id].fixed == length)) return id;
  }
  return std::nullopt;
}

SpaceId Spaces::add_length(SpaceId parent, const Dim& length) {
  if (auto known = find_length(parent, length)) return *known;
  bool ragged = false;
  for (const auto& [atoms, coefficient] : length.terms()) {
    for (const std::string& atom : atoms) ragged = ragged || atom.front() != '|';
  }
  if (!ragged) return add_fixed(parent, length);
  const SpaceId id = add_below(parent, spaces_[parent].name + ".(" + length.text() + ")", length.text());
  spaces_[id].length = length;
  return id;
}

SpaceId Spaces::add_copies(SpaceId parent, SpaceId space) {
  const Space of = spaces_[space];
  if (of.parent == parent) return space;
  if (of.copies) return add_copies(parent, *of.copies);
  MTL_CHECK(is_ancestor(of.parent, parent), "rows of " + of.name + " for each of " + spaces_[parent].name);
  if (of.fixed) return add_fixed(parent, *of.fixed);
  if (of.length) {  // a sum of the same dimensions, which are pairs there
    for (const auto& [atoms, factor] : of.length->terms()) {
      for (const std::string& atom : atoms)
        if (const auto part = ragged_child(of.parent, atom)) add_copies(parent, *part);
    }
    return add_length(parent, *of.length);
  }
  for (SpaceId id = 1; id < spaces_.size(); ++id) {
    if (spaces_[id].parent == parent && spaces_[id].copies == space) return id;
  }
  const SpaceId id = add_below(parent, spaces_[parent].name + ".{" + of.name + "}", of.dim);
  spaces_[id].copies = space;
  return id;
}

bool Spaces::same_dim(SpaceId a, SpaceId b) const {
  const Space &x = spaces_[a], &y = spaces_[b];
  if (a == b) return true;
  if (x.dim.empty() || y.dim.empty() || x.length != y.length) return false;
  if (!x.length) return x.copies.value_or(a) == y.copies.value_or(b);
  for (const auto& [atoms, factor] : x.length->terms()) {  // the same sum of the same dimensions
    for (const std::string& atom : atoms) {
      const auto of_x = ragged_child(x.parent, atom), of_y = ragged_child(y.parent, atom);
      if (of_x.has_value() != of_y.has_value() || (of_x && !same_dim(*of_x, *of_y))) return false;
    }
  }
  return true;
}

std::vector<SpaceId> Spaces::path_up(SpaceId space, SpaceId ancestor) const {
  std::vector<SpaceId> path;
  for (SpaceId id = spaces_[space].parent; id != ancestor; id = spaces_[id].parent) {
    MTL_CHECK(id != kUniform, "path_up() to a space that is no ancestor");
    path.push_back(id);
  }
  return path;
}

Dim Spaces::length_of(SpaceId id) const {
  const Space& space = spaces_[id];
  if (space.fixed) return *space.fixed;
  return space.length ? *space.length : Dim::atom(space.dim);
}

SpaceId Spaces::find(const std::string& name) const {
  for (SpaceId id = 0; id < spaces_.size(); ++id) {
    if (spaces_[id].name == name) return id;
  }
  MTL_CHECK(false, "no row space is called `" + name + "`");
}

bool Spaces::is_ancestor(SpaceId ancestor, SpaceId space) const {
  while (space != kUniform) {
    if (space == ancestor) return true;
    space = spaces_[space].parent;
  }
  return ancestor == kUniform;
}

std::optional<SpaceId> Spaces::join(SpaceId a, SpaceId b) const {
  if (is_ancestor(a, b)) return b;
  if (is_ancestor(b, a)) return a;
  return std::nullopt;
}

std::vector<std::string> Spaces::ragged(SpaceId id) const {
  std::vector<std::string> names;
  for (; id != kUniform; id = spaces_[id].parent) {
    if (!spaces_[id].dim.empty()) names.push_back(spaces_[id].dim);
  }
  std::reverse(names.begin(), names.end());
  return names;
}

bool Spaces::operator==(const Spaces& other) const {
  return std::equal(spaces_.begin(), spaces_.end(), other.spaces_.begin(), other.spaces_.end(),
                    [](const Space& a, const Space& b) {
                      return a.name == b.name && a.parent == b.parent && a.source == b.source && a.dim == b.dim &&
                             a.fixed == b.fixed && a.length == b.length && a.copies == b.copies;
                    });
}

namespace {
std::string bracketed(const std::vector<std::string>& sizes) {
  if (sizes.empty()) return "";
  std::string text = "[";
  for (size_t i = 0; i < sizes.size(); ++i) text += (i ? ", " : "") + sizes[i];
  return text + "]";
}
}  // namespace

std::string graph_text(const Type& type, const Spaces& spaces) {
  std::string text(dtype_name(type.dtype));
  if (type.space != kUniform) text += "<" + spaces[type.space].name + ">";
  std::vector<std::string> sizes;
  for (const Dim& dim : type.dims) sizes.push_back(dim.text());
  return text + bracketed(sizes);
}

std::string source_text(const Type& type, const Spaces& spaces) {
  std::vector<std::string> sizes;
  for (SpaceId id = type.space; id != kUniform; id = spaces[id].parent) {
    const Space& space = spaces[id];
    if (space.fixed) {
      sizes.push_back(space.fixed->text());
    } else if (!space.dim.empty()) {
      sizes.push_back(space.dim);
    }
  }
  std::reverse(sizes.begin(), sizes.end());
  for (const Dim& dim : type.dims) sizes.push_back(dim.text());
  return std::string(dtype_name(type.dtype)) + bracketed(sizes);
}

}  // namespace mtl::types
