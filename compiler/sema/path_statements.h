// Statements on paths: patterns as plain text, and the statements of a model that change which layers and parameters
// there are: `tie` and `wrap`. What training does with paths is in train_config.h.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "compiler/sema/settings.h"

namespace mtl::sema {

// Patterns of a model, as training::match_path reads them.
class PathPatterns {
 public:
  PathPatterns(const syntax::ModelDecl& model, SettingReader& reader) : model_(model), reader_(reader) {}
  // False after a report: the first part of the pattern is no layer, parameter or task of the model.
  bool check_root(const syntax::Pattern& pattern);
  // Indices are numbers between dots; a range of indices gives one pattern each. Empty after a report.
  std::vector<std::string> texts(const syntax::Pattern& pattern);

 private:
  std::vector<std::string> indexed(const std::string& name, const syntax::Expr& index);

  const syntax::ModelDecl& model_;
  SettingReader& reader_;
};

// tie out.weight = word.weight: what `left` would be is `right`.
struct Tie {
  std::string left, right;  // paths
  SourceRange range, left_range, right_range;
};

// wrap encoder.layer.* with lora(8): the module is put around each layer whose whole path a pattern matches.
struct Wrap {
  std::vector<std::string> patterns;
  const syntax::Expr* with = nullptr;
  SourceRange range, target_range;
};

struct PathStatements {
  std::vector<Tie> ties;
  std::vector<Wrap> wraps;
};

// Of a model in a unit of the file; reports mistakes, the same ones each time.
PathStatements path_statements(const CheckedFile& file, UnitId unit, const syntax::ModelDecl& model,
                               diag::Emitter& emitter);

}  // namespace mtl::sema
