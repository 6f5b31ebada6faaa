// Chooses the reader of a format.
#include "runtime/data/record.h"
#include "runtime/data/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {

ReadSettings read_settings(const SourceSpec& source) {
  return {source.format, source.separator, source.header.value_or(true), source.trim};
}

std::string help_for_json(std::string_view text) {
  text = trim_blanks(text);
  if (!text.starts_with('{') && !text.starts_with('[')) return "";
  text = trim_blanks(text.substr(1));
  const bool goes_on = text.empty() || std::string_view("\"{[]}").find(text[0]) != std::string_view::npos;
  return goes_on ? "it looks like JSON; `format = jsonl` reads a file with one object in each line" : "";
}

std::string_view records_name(Format format) {
  switch (format) {
    case Format::conll:
    case Format::conllu:
      return "sentences";
    case Format::tsv:
    case Format::csv:
      return "rows";
    case Format::jsonl:
      return "objects";
    case Format::lines:
      return "lines";
  }
  return "";
}

std::string_view format_name(Format format) {
  switch (format) {
    case Format::conll:
      return "conll";
    case Format::conllu:
      return "conllu";
    case Format::tsv:
      return "tsv";
    case Format::csv:
      return "csv";
    case Format::jsonl:
      return "jsonl";
    case Format::lines:
      return "lines";
  }
  return "";
}

void read_records(const ReadSettings& settings, std::string_view text, Rows& rows, const Sink& sink) {
  size_t records = 0;
  bool refused = false;
  Sink counting;
  counting.layout = [&](const Layout& layout) {
    refused = !sink.layout(layout);
    return !refused;
  };
  counting.record = [&](const Record& record) {
    ++records;
    sink.record(record);
  };
  if (!check_compression(text, rows)) return;
  ReadState state;
  read_part(settings, text, state, rows, counting);
  rows.report_blank();
  if (records == 0 && !refused && !rows.failed()) {
    rows.bad_file(diag::NoDataRecords, 0, "", "", rows.path(), records_name(settings.format));
  }
}

size_t read_part(const ReadSettings& settings, std::string_view text, ReadState& state, Rows& rows, const Sink& sink) {
  switch (settings.format) {
    case Format::conll:
    case Format::conllu:
      return read_conll(settings, text, state, rows, sink);
    case Format::tsv:
      return read_tsv(settings, text, state, rows, sink);
    case Format::csv:
      return read_csv(settings, text, state, rows, sink);
    case Format::jsonl:
      return read_jsonl(text, state, rows, sink);
    case Format::lines:  // several files: read_lines
      break;
  }
  return text.size();
}

std::string_view whole_lines(std::string_view text, bool last) {
  return last ? text : text.substr(0, text.rfind('\n') + 1);  // npos + 1 is 0
}

}  // namespace mtl::data
