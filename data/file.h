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

#include "compiler/base/text.h"
#include "compiler/diag/emitter.h"

namespace mtl::data {

inline constexpr size_t kLongestLine = size_t{64} << 20;

class FileText {
 public:
  // Reports and returns nullopt if there is no such file, it is a folder, or empty. `range`: who asks for it.
  static std::optional<FileText> open(const std::string& path, SourceRange range, diag::Emitter& emitter);
  std::string_view text() const;  // without a byte order mark

 private:
  FileText() = default;
  std::string read_;
};

// Allowance for `--skip-bad-rows`, shared by all files of a load.
struct SkipBudget {
  int64_t left = 0;
  int64_t skipped = 0;
  std::string first_path;
  uint64_t first_line = 0;
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
      skip(line);
      return;
    }
    ++errors_;
    diag::Report report = emitter_.report(kind, std::forward<Args>(args)...)
                              .in_file(path_, line, excerpt(text, kShownCharacters))
                              .help(std::move(help));
    if (budget_.skipped > 0 && errors_ == 1) std::move(report).note(skipped_before());
  }
  // What is wrong with the file as a whole ends the reading.
  template <class... Args>
  void bad_file(const diag::Kind& kind, uint64_t line, std::string_view text, std::string help, Args&&... args) {
    errors_ += kErrorsPerFile;
    emitter_.report(kind, std::forward<Args>(args)...)
        .in_file(path_, line, excerpt(text, kShownCharacters))
        .help(std::move(help));
  }
  bool stopped() const { return errors_ >= kErrorsPerFile; }
  bool failed() const { return errors_ > 0; }
  bool skips() const { return budget_.left > 0; }
  const std::string& path() const { return path_; }

 private:
  static constexpr int kErrorsPerFile = 3;
  static constexpr size_t kShownCharacters = 120;
  void skip(uint64_t line);
  std::string skipped_before() const;

  std::string path_;
  diag::Emitter& emitter_;
  SkipBudget& budget_;
  int errors_ = 0;
};

// Reports a NUL byte, bytes that are not UTF-8, and hostile length; true if the text is good.
bool check_text(std::string_view text, uint64_t line, Rows& rows);

// Line after line, LF or CRLF.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  bool next(std::string_view& line);
  uint64_t number() const { return number_; }  // of the last line, from 1

 private:
  std::string_view text_;
  size_t at_ = 0;
  uint64_t number_ = 0;
};

}  // namespace mtl::data
