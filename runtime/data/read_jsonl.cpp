// JSON lines: an object on every line that is not empty.
#include "runtime/data/record.h"
#include "runtime/data/text.h"
#include "support/base/json.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {
namespace {

// What to do about a line that is no object of its own, by how it begins and ends.
std::string help_for_line(std::string_view line, uint64_t number) {
  line = trim(line);
  if (number == 1 && line.starts_with('['))
    return "the file is one array: `jq -c '.[]'` writes a line for each element";
  if (line == "{") return "each object stands on one line of its own: `jq -c .` writes it so";
  if (line.starts_with('{') && line.ends_with("},")) return "a line ends with its object, without a comma";
  if (line.find("NaN") != line.npos) return "JSON has no NaN: `null` is a missing value";
  if (line.starts_with("{'")) return "JSON takes double quotes";
  return "";
}

void report_fault(const JsonFault& fault, std::string_view line, uint64_t number, Rows& rows) {
  if (!fault.too_large.empty()) {
    rows.bad(diag::JsonNumberTooLarge, number, line, "", excerpt(fault.too_large, 40));
  } else {
    rows.bad(diag::BadJson, number, line, help_for_line(line, number), fault.what);
  }
}

}  // namespace

size_t read_jsonl(std::string_view text, ReadState& state, Rows& rows, const Sink& sink) {
  text = whole_lines(text, state.last);
  if (!sink.layout({})) return text.size();
  Lines lines(text, state.lines);
  std::string_view line;
  Record record;
  while (!rows.stopped() && lines.next(line)) {
    if (trim(line).empty()) continue;
    if (!check_text(line, lines.number(), rows)) {
      sink.skip(lines.number(), line);
      continue;
    }
    const auto parsed = parse_json(line);
    if (!parsed) {
      report_fault(parsed.error(), line, lines.number(), rows);
      sink.skip(lines.number(), line);
      continue;
    }
    const nlohmann::json& json = *parsed;
    if (!json.is_object()) {
      rows.bad(diag::BadJson, lines.number(), line, "each line of a jsonl file is one object, {\"text\": ...}",
               std::string("an object was expected, found ") + json.type_name());
      sink.skip(lines.number(), line);
      continue;
    }
    record.line = lines.number();
    record.text = line;
    record.json = &json;
    sink.record(record);
  }
  state.lines = lines.number();
  return text.size();
}

}  // namespace mtl::data
