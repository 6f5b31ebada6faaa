// Files as text, their lines, and what becomes of bad rows.
//
// A file is read whole, and views into it live as long as the FileText does. It is not mapped: another process that
// truncates a mapped file ends this one.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/base/text.h"
#include "support/diag/emitter.h"

namespace mtl::data {

inline constexpr size_t kLongestLine = size_t{64} << 20;

// A part of a file, for messages: its line, from 1, and the text to show. Without a path: of the file that is read.
struct TextPlace {
  uint64_t line = 0;
  std::string_view text;
  std::string_view path = {};
};

class FileText {
 public:
  // Reports and returns nullopt if there is no such file, it is a folder, or empty. `range`: who asks for it.
  // `root`: the folder that the file has to be in, whatever links lead to it; empty: it may be anywhere.
  static std::optional<FileText> open(const std::string& path, SourceRange range, diag::Emitter& emitter,
                                      const std::string& root = {});
  std::string_view text() const;  // without a byte order mark

 private:
  FileText() = default;
  std::string read_;
};

// The lines of a file that is too large to be held, from a buffer that is as large as the longest of them.
class LineStream {
 public:
  // As FileText::open.
  static std::optional<LineStream> open(const std::string& path, SourceRange range, diag::Emitter& emitter);
  LineStream(LineStream&& other) noexcept;
  LineStream& operator=(LineStream&&) = delete;
  ~LineStream();
  // False at the end. The line holds until the next call.
  bool next(std::string_view& line);
  uint64_t number() const { return number_; }  // of the last line, from 1
  // Behind the last line: whether there was another reason to end, which is reported.
  bool failed(diag::Emitter& emitter) const;

 private:
  explicit LineStream(int file, std::string path) : file_(file), path_(std::move(path)) {}
  bool fill();

  int file_;
  std::string path_, buffer_;
  size_t at_ = 0;        // of the next line in the buffer
  bool at_end_ = false;  // of the file
  char ending_ = '\n';
  uint64_t number_ = 0;
  int error_ = 0;  // errno; EFBIG: a line is too long
};

// Allowance for `--skip-bad-rows`, shared by all files of a load.
struct SkipBudget {
  int64_t left = 0;
  int64_t skipped = 0;
  std::string first_path;
  uint64_t first_line = 0;
  std::vector<std::string> faults = {};  // the first few, "line 4: the cell of column `x` is empty"
};

// Where the readers of one file put bad rows. After a few of them reading stops: the rest would say the same.
class Rows {
 public:
  Rows(std::string path, diag::Emitter& emitter, SkipBudget& budget)
      : path_(std::move(path)), emitter_(emitter), budget_(budget) {}

  // A row that cannot be used. It is skipped and counted while the budget lasts, else reported.
  template <class... Args>
  void bad(const diag::Kind& kind, uint64_t line, std::string_view text, std::string help, Args&&... args) {
    if (budget_.left > 0) {
      diag::Emitter aside(nullptr);
      if (budget_.faults.size() < kShownFaults) aside.report(kind, std::forward<Args>(args)...);
      skip(line, aside);
      return;
    }
    ++errors_;
    diag::Report report = emitter_.report(kind, std::forward<Args>(args)...)
                              .in_file(path_, line, excerpt(text, kShownCharacters))
                              .help(std::move(help));
    if (budget_.skipped > 0 && errors_ == 1) std::move(report).note(skipped_before());
  }
  template <class... Args>
  void bad(const diag::Kind& kind, const TextPlace& place, std::string help, Args&&... args) {
    if (!place.path.empty()) path_ = place.path;
    bad(kind, place.line, place.text, std::move(help), std::forward<Args>(args)...);
  }
  // What is wrong with the file as a whole ends the reading.
  template <class... Args>
  void bad_file(const diag::Kind& kind, uint64_t line, std::string_view text, std::string help, Args&&... args) {
    errors_ += kErrorsPerFile;
    emitter_.report(kind, std::forward<Args>(args)...)
        .in_file(path_, line, excerpt(text, kShownCharacters))
        .help(std::move(help));
  }
  // A row of separators alone is no example; `report_blank` says how many there were.
  void blank(uint64_t line) {
    if (blank_rows_++ == 0) first_blank_ = line;
  }
  void report_blank();
  bool stopped() const { return errors_ >= kErrorsPerFile; }
  bool failed() const { return errors_ > 0; }
  void fail() { errors_ += kErrorsPerFile; }  // it has been reported
  void set_path(const std::string& path) { path_ = path; }
  bool skips() const { return budget_.left > 0; }
  const std::string& path() const { return path_; }

 private:
  static constexpr int kErrorsPerFile = 3;
  static constexpr size_t kShownCharacters = 120;
  static constexpr size_t kShownFaults = 10;
  void skip(uint64_t line, const diag::Emitter& said);
  std::string skipped_before() const;

  std::string path_;
  diag::Emitter& emitter_;
  SkipBudget& budget_;
  int errors_ = 0;
  size_t blank_rows_ = 0;
  uint64_t first_blank_ = 0;
};

// Reports a NUL byte, bytes that are not UTF-8, and hostile length; true if the text is good.
bool check_text(std::string_view text, uint64_t line, Rows& rows);

// False after a report if the file is compressed.
bool check_compression(std::string_view text, Rows& rows);
// Files of old Macs end lines with CR alone: makes them LF, unless there are LFs inside.
void use_line_feeds(std::string& text);

// Line after line, LF or CRLF.
class Lines {
 public:
  // `before`: how many lines of the file are in front of `text`.
  explicit Lines(std::string_view text, uint64_t before = 0) : text_(text), number_(before) {}
  bool next(std::string_view& line);
  uint64_t number() const { return number_; }                               // of the last line, from 1
  size_t taken() const { return at_ < text_.size() ? at_ : text_.size(); }  // bytes up to the next line

 private:
  std::string_view text_;
  size_t at_ = 0;
  uint64_t number_ = 0;
};

}  // namespace mtl::data
