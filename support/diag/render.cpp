// Diagnostics as text for people:
//
//   error[E0312]: message
//     --> file.mtl:24:14
//      |
//   24 |     source line
//      |     ^^^^^^ primary label
//      = note: ...
//      = help: ...
#include <algorithm>
#include <map>

#include "support/base/text.h"
#include "support/diag/emitter.h"
#include "support/diag/text_cells.h"

namespace mtl::diag {
namespace {

constexpr uint32_t kLabelLimit = 100;  // a label that would pass this column stands on a line of its own
constexpr uint32_t kLineLimit = 160;   // longer source lines are cut to a window around the underline
constexpr uint32_t kWindowLead = 40;
constexpr size_t kLineBytes = 4096;  // of a longer line only a window of so many bytes is looked at

struct Palette {
  const char *error = "", *warning = "", *rule = "", *bold = "", *off = "";
};

Palette palette(bool color) {
  if (!color) return {};
  return {"\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m"};
}

// One underline on one line: in bytes of the line, and in columns of the display once it is drawn.
struct Mark {
  uint32_t begin, end;
  const Label* label;
};

struct Snippet {
  FileId file = 0;
  std::map<uint32_t, std::vector<Mark>> lines;
};

Mark make_mark(const SourceFile& file, uint32_t line, const Label& label) {
  const uint32_t start = file.line_start(line);
  return {label.range.begin - start, std::max(label.range.begin, label.range.end) - start, &label};
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// The bytes around the first mark of a long line, or all of a short one; whole code points.
struct Window {
  size_t begin = 0;
  std::string_view text;
  bool cut_after = false;
};

Window window_of(std::string_view line, const std::vector<Mark>& marks) {
  if (line.size() <= kLineBytes) return {0, line, false};
  size_t first = marks.empty() ? 0 : line.size();
  for (const Mark& mark : marks) first = std::min<size_t>(first, mark.begin);
  size_t begin = first > kLineBytes / 2 ? std::min(first - kLineBytes / 2, line.size() - kLineBytes) : 0;
  size_t end = begin + kLineBytes;
  while (begin > 0 && begin < end && is_continuation(line[begin])) ++begin;
  while (end < line.size() && end > begin && is_continuation(line[end])) --end;
  return {begin, line.substr(begin, end - begin), end < line.size()};
}

// Files in the order in which labels mention them, the primary one first.
std::vector<Snippet> make_snippets(const Diagnostic& diagnostic, const SourceMap& sources) {
  std::vector<Snippet> snippets;
  for (const bool primary : {true, false}) {
    for (const Label& label : diagnostic.labels) {
      if (label.primary != primary || !label.range.valid()) continue;
      auto it = std::find_if(snippets.begin(), snippets.end(), [&](auto& s) { return s.file == label.range.file; });
      if (it == snippets.end()) it = snippets.insert(snippets.end(), Snippet{label.range.file, {}});
      const SourceFile& file = sources.file(label.range.file);
      const uint32_t line = file.locate(label.range.begin).line;
      it->lines[line].push_back(make_mark(file, line, label));
    }
  }
  return snippets;
}

class Drawing {
 public:
  Drawing(const Diagnostic& diagnostic, const SourceMap& sources, bool color)
      : diagnostic_(diagnostic),
        sources_(sources),
        colors_(palette(color)),
        snippets_(make_snippets(diagnostic, sources)) {
    for (const Snippet& snippet : snippets_) {
      if (!snippet.lines.empty()) widen(snippet.lines.rbegin()->first);
    }
    for (const FilePlace& place : diagnostic.files) {
      if (!place.line_text.empty()) widen(place.line);
    }
  }

  std::string draw() {
    const bool warning = diagnostic_.kind->severity == Severity::warning;
    accent_ = warning ? colors_.warning : colors_.error;
    out_ += std::string(accent_) + (warning ? "warning[" : "error[") + diagnostic_.kind->code + "]" + colors_.off +
            colors_.bold + ": " + diagnostic_.message + colors_.off + "\n";
    for (size_t i = 0; i < snippets_.size(); ++i) draw_snippet(snippets_[i], i == 0);
    for (size_t i = 0; i < diagnostic_.files.size(); ++i) draw_place(diagnostic_.files[i], i == 0 && snippets_.empty());
    for (const std::string& note : diagnostic_.notes) draw_footer("note", note);
    for (const std::string& help : diagnostic_.helps) draw_footer("help", help);
    return std::move(out_);
  }

 private:
  void widen(uint64_t line) { gutter_ = std::max(gutter_, std::to_string(line).size()); }

  std::string blank_gutter(char sign) const {
    return std::string(gutter_ + 1, ' ') + colors_.rule + sign + colors_.off;
  }

  std::string numbered_gutter(uint64_t line) const {
    const std::string number = std::to_string(line);
    return colors_.rule + std::string(gutter_ - number.size(), ' ') + number + " |" + colors_.off;
  }

  void draw_arrow(bool first, const std::string& place) {
    out_ += std::string(gutter_, ' ') + colors_.rule + (first ? "--> " : "::: ") + colors_.off + place + "\n";
  }

  void draw_snippet(const Snippet& snippet, bool first) {
    const SourceFile& file = sources_.file(snippet.file);
    const Label* lead = nullptr;
    for (const auto& [number, marks] : snippet.lines) {
      for (const Mark& mark : marks) {
        if (!lead || (mark.label->primary && !lead->primary)) lead = mark.label;
      }
    }
    const LineColumn at = file.locate(lead->range.begin);
    draw_arrow(first, printable(file.path()) + ":" + std::to_string(at.line) + ":" + std::to_string(at.column));
    out_ += blank_gutter('|') + "\n";
    uint32_t previous = 0;
    for (const auto& [number, marks] : snippet.lines) {
      if (previous != 0 && number == previous + 2) draw_source(previous + 1, file.line(previous + 1), {});
      if (previous != 0 && number > previous + 2) out_ += std::string(colors_.rule) + "..." + colors_.off + "\n";
      draw_source(number, file.line(number), marks);
      previous = number;
    }
  }

  void draw_source(uint64_t number, std::string_view text, std::vector<Mark> marks) {
    const Window window = window_of(text, marks);
    const TextCells cells(window.text);
    for (Mark& mark : marks) {
      const auto column = [&](uint32_t byte) {
        return cells.column(static_cast<uint32_t>(
            std::clamp(size_t{byte}, window.begin, window.begin + window.text.size()) - window.begin));
      };
      mark = {column(mark.begin), std::max(column(mark.end), column(mark.begin) + 1), mark.label};
    }
    uint32_t from = 0;
    if (cells.width() > kLineLimit && !marks.empty() && marks[0].begin > kWindowLead)
      from = marks[0].begin - kWindowLead;
    const uint32_t to = std::min(cells.width(), from + kLineLimit);
    const std::string lead = from > 0 || window.begin > 0 ? "..." : "";
    const std::string line = lead + cells.slice(from, to) + (to < cells.width() || window.cut_after ? "..." : "");
    out_ += numbered_gutter(number) + (line.empty() ? "" : " ") + line + "\n";
    for (Mark& mark : marks) {
      const auto shift = [&](uint32_t column) {
        return std::clamp(column, from, to + 1) - from + static_cast<uint32_t>(lead.size());
      };
      mark = {shift(mark.begin), std::max(shift(mark.end), shift(mark.begin) + 1), mark.label};
    }
    draw_marks(std::move(marks));
  }

  void draw_marks(std::vector<Mark> marks) {
    if (marks.empty()) return;
    std::sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) { return a.begin < b.begin; });
    std::string signs(std::max_element(marks.begin(), marks.end(), [](auto& a, auto& b) { return a.end < b.end; })->end,
                      ' ');
    for (const bool primary : {false, true}) {
      for (const Mark& mark : marks) {
        if (mark.label->primary != primary) continue;
        std::fill(signs.begin() + mark.begin, signs.begin() + mark.end, primary ? '^' : '-');
      }
    }
    const Mark& last = marks.back();
    const uint32_t inline_end = static_cast<uint32_t>(gutter_ + 4 + signs.size()) + display_width(last.label->text);
    const bool alone = marks.size() == 1 || last.begin >= marks[marks.size() - 2].end;
    const bool in_line = alone && inline_end <= kLabelLimit && last.end == signs.size();
    out_ += blank_gutter('|') + " " + paint(signs);
    if (in_line && !last.label->text.empty()) out_ += " " + tint(*last.label, last.label->text);
    out_ += "\n";
    if (in_line) marks.pop_back();
    for (auto mark = marks.rbegin(); mark != marks.rend(); ++mark) draw_hanging(marks, *mark);
  }

  // A label below its underline, with bars for those that are still to come.
  void draw_hanging(const std::vector<Mark>& marks, const Mark& mark) {
    if (mark.label->text.empty()) return;
    for (const std::string& line : lines_of(mark.label->text)) {
      std::string lead(mark.begin, ' ');
      for (const Mark& other : marks) {
        if (other.begin < mark.begin && !other.label->text.empty()) lead[other.begin] = '|';
      }
      out_ += blank_gutter('|') + " " + lead + tint(*mark.label, line) + "\n";
    }
  }

  std::string tint(const Label& label, const std::string& text) const {
    return (label.primary ? accent_ : colors_.rule) + text + colors_.off;
  }

  std::string paint(const std::string& signs) const {
    if (*colors_.off == '\0') return signs;
    std::string out;
    for (size_t i = 0; i < signs.size();) {
      size_t end = i;
      while (end < signs.size() && signs[end] == signs[i]) ++end;
      const std::string run = signs.substr(i, end - i);
      out += signs[i] == ' ' ? run : (signs[i] == '^' ? accent_ : colors_.rule) + run + colors_.off;
      i = end;
    }
    return out;
  }

  void draw_place(const FilePlace& place, bool first) {
    draw_arrow(first, place.line > 0 ? place.path + ":" + std::to_string(place.line) : place.path);
    if (place.line_text.empty()) return;
    out_ += blank_gutter('|') + "\n";
    draw_source(place.line, place.line_text, {});
  }

  static std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines(1);
    for (const char c : text) {
      if (c == '\n') {
        lines.emplace_back();
      } else {
        lines.back() += c;
      }
    }
    return lines;
  }

  void draw_footer(const std::string& word, const std::string& text) {
    const std::vector<std::string> lines = lines_of(text);
    out_ += blank_gutter('=') + " " + colors_.bold + word + colors_.off + ": " + lines[0] + "\n";
    for (size_t i = 1; i < lines.size(); ++i) out_ += std::string(gutter_ + 5 + word.size(), ' ') + lines[i] + "\n";
  }

  const Diagnostic& diagnostic_;
  const SourceMap& sources_;
  Palette colors_;
  std::vector<Snippet> snippets_;
  size_t gutter_ = 1;
  const char* accent_ = "";
  std::string out_;
};

}  // namespace

std::string render(const Diagnostic& diagnostic, const SourceMap& sources, bool color) {
  return Drawing(diagnostic, sources, color).draw();
}

}  // namespace mtl::diag
