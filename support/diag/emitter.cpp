// Collects reports, drops doubles, and stops at twenty errors.
#include "support/diag/emitter.h"

#include <fmt/args.h>
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>

#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::diag {
namespace {

const Label* primary_label(const Diagnostic& diagnostic) {
  for (const Label& label : diagnostic.labels) {
    if (label.primary) return &label;
  }
  return nullptr;
}

// Reports without a place in a source (data files, the command line) come last, in the order they were made.
std::tuple<uint32_t, uint32_t> sort_key(const Diagnostic& diagnostic) {
  const Label* label = primary_label(diagnostic);
  if (!label || !label->range.valid()) return {std::numeric_limits<uint32_t>::max(), 0};
  return {label->range.file, label->range.begin};
}

bool same(const Diagnostic& a, const Diagnostic& b) {
  if (a.kind != b.kind || a.message != b.message || a.files.size() != b.files.size()) return false;
  for (size_t i = 0; i < a.files.size(); ++i) {
    if (a.files[i].path != b.files[i].path || a.files[i].line != b.files[i].line) return false;
  }
  const Label* la = primary_label(a);
  const Label* lb = primary_label(b);
  if (!la || !lb) return la == lb;
  return la->range == lb->range;
}

// Whatever a report quotes, from a file, a model or the command line, a terminal can only show. Lines of notes are
// ours.
void make_printable(Diagnostic& diagnostic) {
  diagnostic.message = printable(diagnostic.message, "\n");
  for (Label& label : diagnostic.labels) label.text = printable(label.text, "\n");
  for (FilePlace& place : diagnostic.files) place.path = printable(place.path);
  for (std::string& note : diagnostic.notes) note = printable(note, "\n");
  for (std::string& help : diagnostic.helps) help = printable(help, "\n");
}

}  // namespace

Report::~Report() {
  if (emitter_) emitter_->add(std::move(diagnostic_));
}

Report&& Report::at(SourceRange range, std::string label) && {
  if (range.valid()) diagnostic_.labels.push_back({range, std::move(label), true});
  return std::move(*this);
}

Report&& Report::label(SourceRange range, std::string text) && {
  if (range.valid()) diagnostic_.labels.push_back({range, std::move(text), false});
  return std::move(*this);
}

Report&& Report::in_file(std::string path, uint64_t line, std::string line_text) && {
  diagnostic_.files.push_back({std::move(path), line, std::move(line_text)});
  return std::move(*this);
}

Report&& Report::note(std::string text) && {
  if (!text.empty()) diagnostic_.notes.push_back(std::move(text));
  return std::move(*this);
}

Report&& Report::help(std::string text) && {
  if (!text.empty()) diagnostic_.helps.push_back(std::move(text));
  return std::move(*this);
}

Report Emitter::make(const Kind& kind, std::vector<std::string> args) {
  MTL_CHECK(static_cast<int>(args.size()) == kind.arguments, std::string("number of arguments of ") + kind.name);
  fmt::dynamic_format_arg_store<fmt::format_context> store;
  for (const std::string& arg : args) store.push_back(printable(arg));
  Diagnostic diagnostic;
  diagnostic.kind = &kind;
  diagnostic.message = fmt::vformat(kind.format, store);
  return Report(this, std::move(diagnostic));
}

bool Emitter::is_known(const Diagnostic& diagnostic) const {
  const Label* label = primary_label(diagnostic);
  const bool once =
      label != nullptr && std::any_of(once_.begin(), once_.end(), [&](const SourceRange& range) {
        return range.file == label->range.file && range.begin <= label->range.begin && label->range.end <= range.end;
      });
  return std::any_of(diagnostics_.begin(), diagnostics_.end(), [&](const Diagnostic& earlier) {
    if (same(earlier, diagnostic)) return true;
    const Label* place = primary_label(earlier);
    return once && earlier.kind == diagnostic.kind && place != nullptr && place->range == label->range;
  });
}

void Emitter::add(Diagnostic diagnostic) {
  make_printable(diagnostic);
  const bool is_error = diagnostic.kind->severity != Severity::warning;
  if (is_error && errors_ >= kErrorLimit) {
    ++errors_;
    return;
  }
  if (is_known(diagnostic)) return;
  if (is_error) ++errors_;
  diagnostics_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Emitter::sorted() const {
  std::vector<Diagnostic> out = diagnostics_;
  std::stable_sort(out.begin(), out.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return sort_key(a) < sort_key(b); });
  if (errors_ > kErrorLimit) {
    Diagnostic rest;
    rest.kind = &TooManyErrors;
    rest.message = rest.kind->format;
    out.push_back(std::move(rest));
  }
  return out;
}

void Emitter::clear() {
  diagnostics_.clear();
  errors_ = 0;
}

}  // namespace mtl::diag
