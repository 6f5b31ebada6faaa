// Staging of JSON objects: the value of a key or a field path, arrays as sequences.
#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "runtime/data/stage.h"
#include "runtime/data/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

using Json = nlohmann::json;

// The value of a key, blanks around which do not count if `trims`. nullptr: absent.
const Json* find_key(const Json& object, const std::string& name, bool trims) {
  if (const auto found = object.find(name); found != object.end()) return &*found;
  if (!trims) return nullptr;
  const std::string_view bare = trim_blanks(name);
  for (auto item = object.begin(); item != object.end(); ++item) {
    if (trim_blanks(item.key()) == bare) return &*item;
  }
  return nullptr;
}

// "a.b" of "a.b.c" if that is an object here; "": the record itself.
std::string object_above(const Json& object, const std::string& path) {
  const size_t dot = path.rfind('.');
  if (dot == std::string::npos) return "";
  const Json* const found = find_field(object, path.substr(0, dot));
  return found != nullptr && found->is_object() ? path.substr(0, dot) : "";
}

std::string found_text(const Json& json) {
  return std::string(json.type_name()) + " `" + excerpt(json.dump(), 40) + "`";
}

struct Collector {
  const ColumnPlan& column;
  Pieces& pieces;
  std::deque<std::string>& made;
  const std::function<std::string_view(std::string_view)>& value_of;
  std::string_view decimal;  // of the source: texts of numbers are read with it
  std::string expected;      // set on a fault
  const Json* fault = nullptr;

  bool fail(const Json& json, std::string what) {
    expected = std::move(what);
    fault = &json;
    return false;
  }

  bool scalar(const Json& json) {
    if (json.is_null()) {
      pieces.items.emplace_back();
      return true;
    }
    if (json.is_string()) {
      pieces.items.push_back(value_of(json.get_ref<const std::string&>()));
      return true;
    }
    if (json.is_number() || json.is_boolean()) {
      std::string& text = made.emplace_back(json.dump());
      const size_t point = column.reads_numbers() ? text.find('.') : std::string::npos;
      if (point != std::string::npos) text.replace(point, 1, decimal);
      pieces.items.push_back(value_of(text));
      return true;
    }
    return fail(json, "a text, a number or a truth value");
  }

  // The elements of one row, f32[2, 3]: in a flat array or in nested ones of that shape; a lone one needs no array.
  bool fixed(const Json& json, size_t level) {
    const std::vector<int64_t>& shape = column.spec->fixed;
    const size_t before = pieces.items.size();
    const bool nested = json.is_array() && shape.size() > 1 && !json.empty() && json[0].is_array();
    const bool lone = !json.is_array() && column.width == 1;
    if (nested || lone) {
      if (!shaped(json, lone ? shape.size() : 0)) return false;
    } else {
      if (!json.is_array()) return fail(json, "an array");
      for (const Json& element : json) {
        if (!scalar(element)) return false;
      }
    }
    pieces.lengths[level].push_back(static_cast<int32_t>(pieces.items.size() - before));
    return true;
  }

  // The part of a nested array that dimension `dim` of the shape begins.
  bool shaped(const Json& json, size_t dim) {
    const std::vector<int64_t>& shape = column.spec->fixed;
    if (dim == shape.size()) return scalar(json);
    if (!json.is_array() || static_cast<int64_t>(json.size()) != shape[dim])
      return fail(json,
                  "an array of " + std::to_string(shape[dim]) + (dim + 1 == shape.size() ? " values" : " arrays"));
    for (const Json& element : json) {
      if (!shaped(element, dim + 1)) return false;
    }
    return true;
  }

  // `kept`: by level, which of so many elements `limit` leaves.
  template <class Kept>
  bool levels(const Json& json, size_t level, size_t count, const Kept& kept) {
    if (level == count) return scalar(json);
    const bool set = column.makes_set(static_cast<int>(level));
    if (set && json.is_null()) {
      pieces.lengths[level].push_back(kMissingRow);
      return true;
    }
    if (!set && column.makes_row(static_cast<int>(level))) return fixed(json, level);
    if (!json.is_array()) return fail(json, "an array");
    pieces.lengths[level].push_back(static_cast<int32_t>(json.size()));
    const auto [begin, end] = kept(level, json.size());
    for (size_t i = begin; i < end; ++i) {
      if (!levels(json[i], level + 1, count, kept)) return false;
    }
    return true;
  }
};

// What stands at each place of an array.
void note_words(const Json& array, std::deque<std::string>& made, std::vector<std::string_view>& words) {
  for (const Json& element : array) {
    const bool text = element.is_string();
    words.push_back(text ? std::string_view(element.get_ref<const std::string&>()) : made.emplace_back(element.dump()));
  }
}

}  // namespace

const Json* find_field(const Json& object, std::string_view path) {
  const Json* at = &object;
  while (!path.empty()) {
    if (at->is_object()) {
      if (const auto whole = at->find(std::string(path)); whole != at->end()) return &*whole;
    }
    const size_t dot = path.find('.');
    const std::string step(path.substr(0, dot));
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
    if (at->is_object()) {
      const auto found = at->find(step);
      if (found == at->end()) return nullptr;
      at = &*found;
    } else if (at->is_array()) {
      const auto index = parse_number(step);
      if (!index || *index < 0 || *index >= static_cast<double>(at->size()) || step.find('.') != std::string::npos)
        return nullptr;
      at = &(*at)[static_cast<size_t>(*index)];
    } else {
      return nullptr;
    }
  }
  return at;
}

bool Stager::collect_json(size_t c, const Record& record, Rows& rows) {
  const ColumnPlan& column = plan_.columns[c];
  const Binding& binding = column.spec->binding;
  Pieces& pieces = pieces_[c];
  const auto kept = [&](size_t level, size_t length) {
    const auto limit = static_cast<size_t>(limit_of(column, level));
    const size_t begin = skipped_of(column, level, length);
    return std::pair(begin, limit == 0 ? length : std::min(length, begin + limit));
  };
  const std::function<std::string_view(std::string_view)> value_of_text = [&](std::string_view text) {
    if (pieces.raw.empty()) pieces.raw = text;
    return value_of(column, text);
  };
  Collector collector{column, pieces, made_, value_of_text, number_format_.decimal, {}, nullptr};
  for (const std::string& name : binding.names) {
    const Json* value = nullptr;
    if (binding.kind == Binding::Kind::field) {
      value = find_field(*record.json, name);
    } else {
      value = find_key(*record.json, name, plan_.spec->trim);
    }
    if (value) key_found_[c] = true;
    if (value && !value->is_null()) {
      // One class of a set needs no array, where the file has them: a text that `split` parts is none of them.
      const bool lone_class = column.base_levels > 0 && column.makes_set(0) && value->is_string();
      bool good = true;
      if (lone_class) {
        pieces.lengths[0].push_back(1);
        good = collector.scalar(*value);
      } else {
        good = collector.levels(*value, 0, static_cast<size_t>(column.base_levels), kept);
      }
      if (good && options_.keeps_words && value->is_array() && column.base_levels > 0)
        note_words(*value, made_, pieces.words);
      if (good) continue;
      rows.bad(diag::WrongJsonValue, record.line, record.text, "", column.spec->name, collector.expected,
               found_text(*collector.fault));
      return false;
    }
    if (!key_found_[c]) {
      if (find_field(*record.json, name) != nullptr) note_key(name);  // a key that only `field` goes into
      const bool goes_into = binding.kind == Binding::Kind::field;
      const std::string above = goes_into ? object_above(*record.json, name) : "";
      for (const auto& item : find_field(*record.json, above)->items())
        note_key(above.empty() ? item.key() : above + "." + item.key());
    }
    if (column.base_levels > 0) {
      pieces.missing = true;
      pieces.items.assign(1, std::string_view());
      return true;
    }
    pieces.items.emplace_back();
  }
  if (binding.cross) cross_cells(pieces.items, 0);
  return true;
}

}  // namespace mtl::data
