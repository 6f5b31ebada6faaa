// See path_statements.h.
#include "compiler/sema/path_statements.h"

#include <algorithm>

#include "compiler/sema/families.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {

bool PathPatterns::check_root(const syntax::Pattern& pattern) {
  const std::string& root = pattern.segments[0].text;
  if (root == "*" || root == "**" || root.empty()) return true;
  std::vector<std::string> names;
  for (const syntax::ModelItem& item : model_.items) {
    if (const auto* task = std::get_if<syntax::TaskDecl>(&item.node)) names.push_back(task->name.text);
    const auto* stmt = std::get_if<syntax::Stmt>(&item.node);
    const auto* layer = stmt ? std::get_if<syntax::LayerStmt>(&stmt->node) : nullptr;
    const auto* param = stmt ? std::get_if<syntax::ParamStmt>(&stmt->node) : nullptr;
    if (layer != nullptr) names.push_back(layer->name.name.text);
    if (param != nullptr) names.push_back(param->name.name.text);
    const auto* setting = stmt ? std::get_if<syntax::AssignStmt>(&stmt->node) : nullptr;
    if (setting != nullptr && setting->name.text == "balance") names.push_back("balance");  // what it owns
  }
  if (std::find(names.begin(), names.end(), root) != names.end()) return true;
  const std::optional<std::string> near = nearest(root, names);
  reader_.emitter()
      .report(diag::PatternNamesNothing, root)
      .at(pattern.range)
      .help(near ? "did you mean `" + *near + "`?" : "");
  return false;
}

std::vector<std::string> PathPatterns::texts(const syntax::Pattern& pattern) {
  std::vector<std::string> out{""};
  for (const syntax::PatternSegment& segment : pattern.segments) {
    std::vector<std::string> ends{segment.text};
    if (segment.task) ends[0] += "@" + segment.task->text;
    if (segment.index) ends = indexed(ends[0], *segment.index);
    std::vector<std::string> longer;
    for (const std::string& begin : out) {
      for (const std::string& end : ends) longer.push_back(begin.empty() ? end : begin + "." + end);
    }
    out = std::move(longer);
  }
  return out;
}

std::vector<std::string> PathPatterns::indexed(const std::string& name, const syntax::Expr& index) {
  const std::optional<StaticValue> value = reader_.value(index);
  std::vector<std::string> out;
  if (value && value->is_int()) out.push_back(name + "." + value->text());
  if (value && value->is_text()) out.push_back(name + "." + member_word(value->string()));
  if (value && value->is_list()) {
    for (const StaticValue& item : value->items()) out.push_back(name + "." + item.text());
  }
  if (out.empty() && value) {
    reader_.emitter()
        .report(diag::StaticWrongType, "an index", value->type_name(), "an int, a range or a string")
        .at(index.range);
  }
  return out;
}

namespace {
// One path without wildcards; empty after a report.
std::string one_path(PathPatterns& paths, const syntax::Pattern& pattern, diag::Emitter& emitter) {
  if (pattern.segments.empty()) return "";
  const auto wild = [](const syntax::PatternSegment& part) { return part.text == "*" || part.text == "**"; };
  const bool any = std::any_of(pattern.segments.begin(), pattern.segments.end(), wild);
  const std::vector<std::string> texts = any ? std::vector<std::string>{} : paths.texts(pattern);
  if (texts.size() == 1) return paths.check_root(pattern) ? texts[0] : "";
  if (any || texts.size() > 1)
    emitter.report(diag::WrongForm, "tie", "tie decoder.out.weight = decoder.word.weight")
        .at(pattern.range)
        .help("each side is one path; it stands for everything below it");
  return "";
}

}  // namespace

PathStatements path_statements(const CheckedFile& file, UnitId unit, const syntax::ModelDecl& model,
                               diag::Emitter& emitter) {
  SettingReader reader(file, unit, emitter);
  PathPatterns paths(model, reader);
  PathStatements out;
  for (const syntax::ModelItem& item : model.items) {
    if (const auto* stmt = std::get_if<syntax::TieStmt>(&item.node)) {
      Tie tie{one_path(paths, stmt->left, emitter), one_path(paths, stmt->right, emitter), item.range, stmt->left.range,
              stmt->right.range};
      if (!tie.left.empty() && !tie.right.empty()) out.ties.push_back(std::move(tie));
    }
    const auto* wrap = std::get_if<syntax::WrapStmt>(&item.node);
    if (wrap == nullptr || wrap->target.segments.empty() || !wrap->with || !paths.check_root(wrap->target)) continue;
    out.wraps.push_back({paths.texts(wrap->target), wrap->with.get(), item.range, wrap->target.range});
  }
  return out;
}

}  // namespace mtl::sema
