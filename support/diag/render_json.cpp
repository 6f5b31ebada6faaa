// Diagnostics for machines: one JSON object on one line, without the line end.
#include <nlohmann/json.hpp>

#include "support/diag/emitter.h"

namespace mtl::diag {
namespace {

using nlohmann::ordered_json;

const char* word_for(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::unsupported:
      return "unsupported";
    case Severity::warning:
      return "warning";
  }
  return "error";
}

ordered_json place_of(SourceRange range, const SourceMap& sources) {
  const SourceFile& file = sources.file(range.file);
  const LineColumn begin = file.locate(range.begin);
  const LineColumn end = file.locate(range.end);
  return {{"file", file.path()},      {"line", begin.line},    {"column", begin.column}, {"end_line", end.line},
          {"end_column", end.column}, {"offset", range.begin}, {"end_offset", range.end}};
}

}  // namespace

std::string render_json(const Diagnostic& diagnostic, const SourceMap& sources) {
  ordered_json out;
  out["code"] = diagnostic.kind->code;
  out["name"] = diagnostic.kind->name;
  out["severity"] = word_for(diagnostic.kind->severity);
  out["message"] = diagnostic.message;
  ordered_json labels = ordered_json::array();
  for (const Label& label : diagnostic.labels) {
    if (!label.range.valid()) continue;
    ordered_json place = place_of(label.range, sources);
    place["text"] = label.text;
    place["primary"] = label.primary;
    labels.push_back(std::move(place));
  }
  out["labels"] = std::move(labels);
  ordered_json files = ordered_json::array();
  for (const FilePlace& place : diagnostic.files) {
    files.push_back({{"file", place.path}, {"line", place.line}, {"text", place.line_text}});
  }
  out["files"] = std::move(files);
  out["notes"] = diagnostic.notes;
  out["helps"] = diagnostic.helps;
  return out.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace mtl::diag
