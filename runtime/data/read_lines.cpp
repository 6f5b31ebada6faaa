// `lines`: a file of plain lines for each column, in one folder; line i of every file is example i.
#include <algorithm>
#include <deque>
#include <filesystem>

#include "runtime/data/record.h"
#include "runtime/data/text.h"
#include "support/diag/kinds/data.h"

namespace mtl::data {

std::vector<std::string> file_names(const SourceSpec& source) {
  std::vector<std::string> names;
  for (const ColumnSpec& column : source.columns) {
    for (const std::string& name : column.binding.names) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return names;
}

std::vector<std::string> data_files(const SourceSpec& source, const std::vector<std::string>& split) {
  if (source.format != Format::lines) return split;
  std::vector<std::string> files;
  for (const std::string& folder : split) {
    for (const std::string& name : file_names(source)) files.push_back((std::filesystem::path(folder) / name).string());
  }
  return files;
}

std::optional<uint64_t> count_line_records(const std::vector<LineText>& texts, diag::Emitter& emitter) {
  std::vector<uint64_t> counts, ends;  // all lines, and the last one that is not blank
  for (const LineText& text : texts) {
    Lines lines(text.text);
    ends.push_back(0);
    for (std::string_view line; lines.next(line);) {
      if (!trim_blanks(line).empty()) ends.back() = lines.number();
    }
    counts.push_back(lines.number());
  }
  if (texts.empty()) return 0;
  const size_t longest = static_cast<size_t>(std::max_element(ends.begin(), ends.end()) - ends.begin());
  const size_t shortest = static_cast<size_t>(std::min_element(counts.begin(), counts.end()) - counts.begin());
  if (counts[shortest] >= ends[longest]) return ends[longest];
  emitter
      .report(diag::LineCountsDiffer, texts[longest].path, count_of(ends[longest], "line"), texts[shortest].path,
              counts[shortest])
      .in_file(texts[longest].path, counts[shortest] + 1)
      .help("line i of each file is example i; blank lines count, but for those at the end");
  return std::nullopt;
}

void read_line_texts(const std::vector<LineText>& texts, uint64_t count, uint64_t before, Rows& rows,
                     const Sink& sink) {
  Layout layout;
  std::vector<Lines> lines;
  std::vector<std::string> paths;
  for (const LineText& text : texts) {
    layout.names.push_back(text.name);
    lines.emplace_back(text.text);
    paths.push_back(text.path);
    rows.set_path(text.path);
    if (!check_compression(text.text, rows)) return;
  }
  layout.width = texts.size();
  if (texts.empty() || !sink.layout(layout)) return;
  Record record;
  record.width = texts.size();
  record.paths = &paths;
  record.cells.resize(texts.size());
  record.line = before;
  while (record.line < before + count && !rows.stopped()) {
    ++record.line;
    bool good = true;
    for (size_t i = 0; i < lines.size(); ++i) {
      lines[i].next(record.cells[i]);
      rows.set_path(paths[i]);
      good = check_text(record.cells[i], record.line, rows) && good;
    }
    if (good)
      sink.record(record);
    else
      sink.skip(record.line, {});
  }
}

void read_lines(const SourceSpec& source, const std::string& folder, const LinesOptions& options, Rows& rows,
                const Sink& sink, diag::Emitter& emitter) {
  std::deque<FileText> files;
  std::vector<LineText> texts;
  const size_t errors = emitter.error_count();
  for (const std::string& name : file_names(source)) {
    const std::string path = (std::filesystem::path(folder) / name).string();
    const auto any = [&](const auto& does) {
      return std::any_of(source.columns.begin(), source.columns.end(), [&](const ColumnSpec& column) {
        return column.binding.names.front() == name && does(column);
      });
    };
    std::error_code ignored;
    if (!any(options.reads) || (!any(options.needs) && !std::filesystem::exists(path, ignored))) continue;
    auto file = FileText::open(path, options.named, emitter, options.root);
    if (!file) continue;
    files.push_back(std::move(*file));
    texts.push_back({name, path, files.back().text()});
  }
  const auto count = emitter.error_count() > errors ? std::nullopt : count_line_records(texts, emitter);
  if (!count) return rows.fail();
  read_line_texts(texts, *count, 0, rows, sink);
}

}  // namespace mtl::data
