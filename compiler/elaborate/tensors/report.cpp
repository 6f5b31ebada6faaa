// Where a mistake stands: a user is shown his own line, not the one of the library that it led to.
#include "compiler/elaborate/tensors/report.h"

namespace mtl::elaborate {

std::vector<SourceRange> user_calls(const Frame& frame, SourceRange range) {
  std::vector<SourceRange> calls;
  for (const Frame* at = &frame; at; range = at->call, at = at->caller) {
    if (!at->library) calls.push_back(range);
  }
  return calls;
}

SourceRange user_range(const TensorContext& ctx, const Frame& frame, SourceRange range, std::string& note) {
  if (!frame.library || !frame.caller) return range;
  // Of a static argument alone, `width` in the library: where the user gave it.
  const Binding* argument =
      range.valid() && ctx.reports.emitter.sources() ? frame.argument(text_at(ctx, range)) : nullptr;
  const bool given = argument && argument->value.range.valid() && !in_library(ctx, argument->value.range);
  const Frame* user = &frame;
  SourceRange place = range;
  while (user->library && user->caller) {
    place = user->call;
    user = user->caller;
  }
  const SourceMap* sources = ctx.reports.emitter.sources();
  note = "in " + frame.title;
  if (sources && range.valid()) {
    const SourceFile& file = sources->file(range.file);
    note += ", " + file.path() + ":" + std::to_string(file.locate(range.begin).line);
  }
  return given ? argument->value.range : place;
}

bool in_library(const TensorContext& ctx, SourceRange range) {
  for (const auto& unit : ctx.file.units) {
    if (unit->tree.file == range.file) return unit->library;
  }
  return false;
}

std::string text_at(const TensorContext& ctx, SourceRange range) {
  const SourceMap* sources = ctx.reports.emitter.sources();
  if (!sources || !range.valid()) return "";
  return sources->file(range.file).text().substr(range.begin, range.end - range.begin);
}

diag::Report TensorContext::place_report(diag::Report made, const Frame& frame, SourceRange range) {
  reports.failed = true;
  std::string note;
  diag::Report placed = std::move(made).at(user_range(*this, frame, range, note));
  return note.empty() ? std::move(placed) : std::move(placed).note(note);
}

std::string type_text(const TensorContext& ctx, const syntax::TypeExpr& type) {
  return text_at(ctx, type.range);
}

}  // namespace mtl::elaborate
