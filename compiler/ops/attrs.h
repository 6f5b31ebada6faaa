// Reading attributes of nodes. A missing attribute without a default is a bug of whoever built the node.
#pragma once
#include <optional>
#include <string>

#include "compiler/ir/graph.h"
#include "support/base/check.h"

namespace mtl::ops {

using ir::Attrs;
using types::Dim;

template <class T>
const T* find_attr(const Attrs& attrs, const char* name) {
  const auto at = attrs.find(name);
  if (at == attrs.end()) return nullptr;
  const T* value = std::get_if<T>(&at->second);
  MTL_CHECK(value, std::string("attribute `") + name + "` is of another kind");
  return value;
}
template <class T>
const T& need_attr(const Attrs& attrs, const char* name) {
  const T* value = find_attr<T>(attrs, name);
  MTL_CHECK(value, std::string("attribute `") + name + "` is missing");
  return *value;
}

inline bool attr_bool(const Attrs& attrs, const char* name, bool otherwise = false) {
  const bool* value = find_attr<bool>(attrs, name);
  return value ? *value : otherwise;
}
inline int64_t attr_int(const Attrs& attrs, const char* name) {
  return need_attr<int64_t>(attrs, name);
}
inline int64_t attr_int(const Attrs& attrs, const char* name, int64_t otherwise) {
  const int64_t* value = find_attr<int64_t>(attrs, name);
  return value ? *value : otherwise;
}
// Numbers: an int will do.
inline double attr_number(const Attrs& attrs, const char* name, std::optional<double> otherwise = std::nullopt) {
  const auto at = attrs.find(name);
  if (at == attrs.end()) {
    MTL_CHECK(otherwise.has_value(), std::string("attribute `") + name + "` is missing");
    return *otherwise;
  }
  if (const int64_t* value = std::get_if<int64_t>(&at->second)) return static_cast<double>(*value);
  return need_attr<double>(attrs, name);
}
// Sizes: an int, or a list of one dim (which may be a symbol).
inline Dim attr_dim(const Attrs& attrs, const char* name, std::optional<Dim> otherwise = std::nullopt) {
  const auto at = attrs.find(name);
  if (at == attrs.end()) {
    MTL_CHECK(otherwise.has_value(), std::string("attribute `") + name + "` is missing");
    return *otherwise;
  }
  if (const int64_t* value = std::get_if<int64_t>(&at->second)) return Dim(*value);
  const auto& dims = need_attr<std::vector<Dim>>(attrs, name);
  MTL_CHECK(dims.size() == 1, std::string("attribute `") + name + "` is one size");
  return dims.front();
}
inline const std::vector<Dim>& attr_dims(const Attrs& attrs, const char* name) {
  return need_attr<std::vector<Dim>>(attrs, name);
}
inline const std::string& attr_text(const Attrs& attrs, const char* name) {
  return need_attr<std::string>(attrs, name);
}
inline types::SpaceId attr_space(const Attrs& attrs, const char* name) {
  return need_attr<ir::SpaceRef>(attrs, name).id;
}
// Keys of random streams are 64 bits, kept as an int.
inline uint64_t attr_key(const Attrs& attrs) {
  return static_cast<uint64_t>(attr_int(attrs, "key", 0));
}

}  // namespace mtl::ops
