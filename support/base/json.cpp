// Builds JSON values from events of the parser, so that depth, doubled keys and memory are checked as they come.
#include "support/base/json.h"

#include <vector>

#include "support/base/text.h"

namespace mtl {
namespace {

using Json = nlohmann::json;

constexpr size_t kDeepest = 128;
// Of a std::vector, a third of which is spare; and once more in a list that the destructor makes.
constexpr size_t kElement = sizeof(Json) * 5 / 2;
constexpr size_t kMemoryPerByte = 20, kFreeMemory = size_t{64} << 10;

// Makes the value from the parser's events, so that a bad text ends the parser before it has taken memory.
class Builder : public nlohmann::json_sax<Json> {
 public:
  explicit Builder(std::string_view text) : text_(text), memory_left_(kFreeMemory + kMemoryPerByte * text.size()) {}

  Json root;
  JsonFault fault;

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return take(sizeof value + value.size()) && put(std::move(value)); }
  bool binary(binary_t&) override { return fail("it holds binary data"); }
  bool start_object(size_t) override { return take(2 * sizeof(Json::object_t)) && open(Json::object()); }
  bool start_array(size_t) override { return take(2 * sizeof(Json::array_t)) && open(Json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    constexpr size_t kNode = 32;  // of a std::map, beside key and value
    if (open_.back()->contains(name)) return fail("its key `" + excerpt(name, 40) + "` is there twice");
    if (!take(kNode + sizeof name + name.size())) return false;
    key_ = std::move(name);
    return true;
  }
  bool parse_error(size_t place, const std::string& token, const nlohmann::detail::exception& why) override {
    constexpr int kNumberOverflow = 406;
    if (why.id == kNumberOverflow) fault.too_large = token;
    if (place > text_.size()) return fail("it ends too early");
    const size_t at = place > 0 ? place - 1 : 0;
    return fail("unexpected `" + excerpt(text_.substr(at), 12) + "` at column " + std::to_string(at + 1));
  }

 private:
  bool fail(std::string what) {
    fault.what = std::move(what);
    return false;
  }

  bool take(size_t bytes) {
    if (bytes > memory_left_) return fail("its value takes more than 20 times its size");
    memory_left_ -= bytes;
    return true;
  }

  Json* place(Json&& value) {
    if (open_.empty()) {
      root = std::move(value);
      return &root;
    }
    Json& parent = *open_.back();
    if (parent.is_object()) return &(parent[key_] = std::move(value));
    parent.push_back(std::move(value));
    return &parent.back();
  }

  bool put(Json value) {
    if (!take(kElement)) return false;
    place(std::move(value));
    return true;
  }

  bool open(Json value) {
    if (open_.size() == kDeepest) return fail("it is nested deeper than 128");
    if (!take(kElement)) return false;
    open_.push_back(place(std::move(value)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  std::string_view text_;
  size_t memory_left_;
  std::vector<Json*> open_;  // from the root to the innermost: a parent changes only when its child is closed
  std::string key_;          // of the entry that comes next
};

}  // namespace

Result<Json, JsonFault> parse_json(std::string_view text) {
  Builder builder(text);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) return builder.fault;
  return std::move(builder.root);
}

}  // namespace mtl
