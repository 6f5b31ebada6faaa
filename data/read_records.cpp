#include "compiler/diag/kinds/data.h"
#include "data/record.h"

namespace mtl::data {

ReadSettings read_settings(const SourceSpec& source) {
  return {source.format, source.separator, source.header.value_or(true)};
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
  switch (settings.format) {
    case Format::conll:
    case Format::conllu:
      read_conll(settings, text, rows, counting);
      break;
    case Format::tsv:
      read_tsv(settings, text, rows, counting);
      break;
    case Format::csv:
      read_csv(settings, text, rows, counting);
      break;
    case Format::jsonl:
      read_jsonl(text, rows, counting);
      break;
  }
  if (records == 0 && !refused && !rows.failed()) {
    rows.bad_file(diag::NoDataRecords, 0, "", "", rows.path(), records_name(settings.format));
  }
}

}  // namespace mtl::data
