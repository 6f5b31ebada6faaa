// mtlc explain: what a code means.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/model.h"
#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"

namespace mtl::driver {
namespace {

// The format of a message with dots for what is filled in.
std::string with_gaps(std::string_view format) {
  std::string out;
  for (size_t i = 0; i < format.size(); ++i) {
    const bool doubled = i + 1 < format.size() && format[i + 1] == format[i];
    if (format[i] == '{' && !doubled) {
      out += "...";
      i = std::min(format.find('}', i), format.size());
      continue;
    }
    out += format[i];
    if (doubled && (format[i] == '{' || format[i] == '}')) ++i;
  }
  return out;
}

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

void print_kind(const diag::Kind& kind, bool json) {
  const bool warning = kind.severity == diag::Severity::warning, error = kind.severity == diag::Severity::error;
  const std::string text = with_gaps(kind.format);
  if (!json) {
    fmt::print("{} {} ({})\n  {}\n", kind.code, kind.name,
               warning ? "warning"
               : error ? "error"
                       : "not supported yet",
               text);
    return;
  }
  const nlohmann::ordered_json line{{"event", "explain"},
                                    {"code", kind.code},
                                    {"name", kind.name},
                                    {"severity", warning ? "warning"
                                                 : error ? "error"
                                                         : "unsupported"},
                                    {"text", text}};
  fmt::print("{}\n", line.dump());
}

}  // namespace

int run_explain(const Options& options) {
  const std::string& asked = options.file;
  std::vector<std::string> names;
  for (const diag::Kind* kind : diag::all_kinds()) {
    if (same_word(asked, kind->code) || same_word(asked, kind->name)) {
      print_kind(*kind, options.json);
      return kGood;
    }
    names.emplace_back(kind->name);
  }
  Front front(options);
  const auto near = nearest(asked, names);
  front.emitter()
      .report(diag::UnknownCode, excerpt(asked))
      .help(near ? "did you mean `" + *near + "`?" : "a message has its code in brackets: error[E0312]");
  front.flush_reports();
  return kUserError;
}

}  // namespace mtl::driver
