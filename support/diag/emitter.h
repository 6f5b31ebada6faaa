// The one way to report something to a user.
//
//   emitter.report(diag::ShapeMismatch, "26", "64").at(range).label(other, "declared here").help("write ...");
//
// The report is handed over when the returned Report dies. Severity and wording are in kinds/*.def, the constants
// in kinds/<phase>.h. Emitter counts,
// drops exact doubles, sorts by place and stops at 20 errors ("further errors are not shown").
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "support/diag/diagnostic.h"

namespace mtl::diag {

// The whole catalogue, for `mtlc explain` and the coverage test.
const std::vector<const Kind*>& all_kinds();

class Emitter;

class Report {
 public:
  Report(Emitter* emitter, Diagnostic diagnostic) : emitter_(emitter), diagnostic_(std::move(diagnostic)) {}
  Report(Report&& other) noexcept
      : emitter_(std::exchange(other.emitter_, nullptr)), diagnostic_(std::move(other.diagnostic_)) {}
  Report& operator=(Report&&) = delete;
  ~Report();
  Report&& at(SourceRange range, std::string label = {}) &&;  // primary place
  Report&& label(SourceRange range, std::string text) &&;     // a second fact
  Report&& in_file(std::string path, uint64_t line = 0, std::string line_text = {}) &&;
  Report&& note(std::string text) &&;
  Report&& help(std::string text) &&;  // empty text is ignored

 private:
  Emitter* emitter_;
  Diagnostic diagnostic_;
};

class Emitter {
 public:
  static constexpr size_t kErrorLimit = 20;
  explicit Emitter(const SourceMap* sources) : sources_(sources) {}
  template <class... Args>
  Report report(const Kind& kind, Args&&... args) {
    return make(kind, {to_text(std::forward<Args>(args))...});
  }
  void add(Diagnostic diagnostic);
  // What stands there is checked several times, once for each member of a family: of one kind of report at one place,
  // the first is kept.
  void once_in(SourceRange range) { once_.push_back(range); }
  bool has_errors() const { return errors_ > 0; }
  size_t error_count() const { return errors_; }
  // In order of place, errors and warnings together.
  std::vector<Diagnostic> sorted() const;
  const SourceMap* sources() const { return sources_; }
  void clear();

 private:
  static std::string to_text(std::string text) { return text; }
  static std::string to_text(const char* text) { return text; }
  static std::string to_text(std::string_view text) { return std::string(text); }
  template <class T>
  static std::string to_text(T number) {
    return std::to_string(number);
  }
  Report make(const Kind& kind, std::vector<std::string> args);

  const SourceMap* sources_;
  bool is_known(const Diagnostic& diagnostic) const;

  std::vector<Diagnostic> diagnostics_;
  std::vector<SourceRange> once_;
  size_t errors_ = 0;
};

// rustc-like text with the source line and the span underlined; `color` adds ANSI colours.
std::string render(const Diagnostic& diagnostic, const SourceMap& sources, bool color);
// One JSON object per diagnostic.
std::string render_json(const Diagnostic& diagnostic, const SourceMap& sources);

}  // namespace mtl::diag
