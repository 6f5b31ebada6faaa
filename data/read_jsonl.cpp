// JSON lines: an object on every line that is not empty.
#include <nlohmann/json.hpp>

#include "compiler/diag/kinds/data.h"
#include "data/record.h"
#include "data/text.h"

namespace mtl::data {
namespace {

using Json = nlohmann::json;

// Finds where and why a text is not JSON; the parser itself only says that it is not.
struct FaultFinder : nlohmann::json_sax<Json> {
  size_t place = 0;
  std::string too_large;  // the number that is the fault
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool string(string_t&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_object(std::size_t) override { return true; }
  bool key(string_t&) override { return true; }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t position, const std::string& token, const nlohmann::detail::exception& why) override {
    constexpr int kNumberOverflow = 406;
    place = position;
    if (why.id == kNumberOverflow) too_large = token;
    return false;
  }
};

void report_fault(std::string_view line, uint64_t number, Rows& rows) {
  FaultFinder finder;
  Json::sax_parse(line.begin(), line.end(), &finder);
  if (!finder.too_large.empty()) {
    rows.bad(diag::JsonNumberTooLarge, number, line, "", excerpt(finder.too_large, 40));
    return;
  }
  const size_t at = finder.place > 0 ? finder.place - 1 : 0;
  rows.bad(diag::BadJson, number, line, "",
           finder.place > line.size()
               ? "it ends too early"
               : "unexpected `" + excerpt(line.substr(at), 12) + "` at column " + std::to_string(at + 1));
}

}  // namespace

void read_jsonl(std::string_view text, Rows& rows, const Sink& sink) {
  if (!sink.layout({})) return;
  Lines lines(text);
  std::string_view line;
  Record record;
  while (!rows.stopped() && lines.next(line)) {
    if (trim(line).empty() || !check_text(line, lines.number(), rows)) continue;
    const Json json = Json::parse(line.begin(), line.end(), nullptr, false);
    if (json.is_discarded()) {
      report_fault(line, lines.number(), rows);
      continue;
    }
    if (!json.is_object()) {
      rows.bad(diag::BadJson, lines.number(), line, "each line of a jsonl file is one object, {\"text\": ...}",
               std::string("an object was expected, found ") + json.type_name());
      continue;
    }
    record.line = lines.number();
    record.text = line;
    record.json = &json;
    sink.record(record);
  }
}

}  // namespace mtl::data
