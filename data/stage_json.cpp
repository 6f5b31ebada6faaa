// Staging of JSON objects: the value of a key or a field path, arrays as sequences.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/diag/kinds/data.h"
#include "data/stage.h"
#include "data/text.h"

namespace mtl::data {
namespace {

using Json = nlohmann::json;

// "a.b.0": keys and array indices; a key that holds dots as a whole goes first. nullptr: absent.
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
  const std::vector<std::string>& missing_marks;
  std::string expected;  // set on a fault
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
      const std::string& text = json.get_ref<const std::string&>();
      const bool missing = std::find(missing_marks.begin(), missing_marks.end(), text) != missing_marks.end();
      pieces.items.push_back(missing ? std::string_view() : std::string_view(text));
      return true;
    }
    if (json.is_number() || json.is_boolean()) {
      pieces.items.push_back(made.emplace_back(json.dump()));
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

  // `limits`: by level; 0 is none.
  bool levels(const Json& json, size_t level, size_t count, const std::vector<int64_t>& limits) {
    if (level == count) return scalar(json);
    const bool set = column.makes_set(static_cast<int>(level));
    if (set && json.is_null()) {
      pieces.lengths[level].push_back(kMissingRow);
      return true;
    }
    if (!set && column.makes_row(static_cast<int>(level))) return fixed(json, level);
    if (!json.is_array()) return fail(json, "an array");
    pieces.lengths[level].push_back(static_cast<int32_t>(json.size()));
    int64_t taken = 0;
    for (const Json& element : json) {
      if (limits[level] > 0 && taken++ >= limits[level]) break;
      if (!levels(element, level + 1, count, limits)) return false;
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

bool Stager::collect_json(size_t c, const Record& record, Rows& rows) {
  const ColumnPlan& column = plan_.columns[c];
  const Binding& binding = column.spec->binding;
  Pieces& pieces = pieces_[c];
  std::vector<int64_t> limits;
  for (int level = 0; level <= column.base_levels; ++level)
    limits.push_back(limit_of(column, static_cast<size_t>(level)));
  Collector collector{column, pieces, made_, plan_.spec->missing, {}, nullptr};
  for (const std::string& name : binding.names) {
    const Json* value = nullptr;
    if (binding.kind == Binding::Kind::field) {
      value = find_field(*record.json, name);
    } else if (const auto found = record.json->find(name); found != record.json->end()) {
      value = &*found;
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
        good = collector.levels(*value, 0, static_cast<size_t>(column.base_levels), limits);
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
  return true;
}

}  // namespace mtl::data
