// A checked file: every tree in reach (the user's file, the files it uses, the library), who sees which name, the
// chosen model and the values of the constants. Made by check(); read by describe() and elaborate().
//
// There is one namespace at the top of each file. A name means, in this order: the file's own declaration, one of a
// file that it uses, one of the prelude. Every body belongs to a unit, and its names are looked up from there.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "compiler/sema/statics.h"
#include "compiler/syntax/ast.h"

namespace mtl::sema {

enum class DeclKind : uint8_t { constant, vocab, data, module, function, criterion, balancer, model, sweep };
const char* kind_name(DeclKind kind);  // "constant", "vocabulary", "data source", "module", ...

using UnitId = uint32_t;  // 0 is the main file

// A declaration and the unit that it stands in.
struct Found {
  const syntax::Decl* decl = nullptr;
  UnitId unit = 0;
  DeclKind kind = DeclKind::constant;
  template <class T>
  const T& as() const {
    return std::get<T>(decl->node);
  }
};

struct Unit {
  std::string name;  // "std.sequence", "std.prelude"; of a user's file its path
  bool library = false;
  syntax::File tree;
  std::map<std::string, Found> own;  // declarations by name
  std::vector<UnitId> uses;          // opened by `use`, in order
};

struct CheckedFile {
  std::vector<std::unique_ptr<Unit>> units;  // [0] is the main file
  std::optional<UnitId> prelude;
  const syntax::ModelDecl* model = nullptr;  // of the main file; nullptr: the file has none
  const syntax::Decl* model_decl = nullptr;
  std::map<const syntax::ConstDecl*, StaticValue> consts;  // all that could be computed, --set applied
  std::set<const syntax::Decl*> reached;                   // what the chosen model refers to, by any number of steps

  // What `name` means at the top level of `unit`; nullptr if nothing (or if two used files both have it).
  const Found* find(UnitId unit, std::string_view name) const;
  // `sequence.lstm`: a declaration of a used file, by the last part of its name.
  const Found* find_in(UnitId unit, std::string_view file, std::string_view name) const;
  bool opens(UnitId unit, std::string_view file) const;  // `sequence` names a used file
  // The used files that declare `name`: more than one is why `find` has no answer.
  std::vector<std::string> files_with(UnitId unit, std::string_view name) const;
  // The value of a constant seen from `unit`.
  const StaticValue* constant(UnitId unit, std::string_view name) const;
  // Names visible from `unit` of one of these kinds, for "did you mean".
  std::vector<std::string> visible(UnitId unit, const std::vector<DeclKind>& kinds) const;

  const syntax::DataDecl* source(std::string_view name) const;  // of the main file or the files it uses
  const syntax::VocabDecl* vocab(std::string_view name) const;
  const syntax::ColumnDecl* column(std::string_view source, std::string_view column) const;
  const syntax::TaskDecl* task(std::string_view name) const;  // of the chosen model
};

// The static names at the top of a unit: its constants, and sizes |source.column|, |vocab| as atoms or, where
// `size_of` knows them, numbers.
class TopScope : public StaticScope {
 public:
  using SizeOf = std::function<std::optional<int64_t>(const std::string& path)>;
  TopScope(const CheckedFile& file, UnitId unit, SizeOf size_of = {})
      : file_(file), unit_(unit), size_of_(std::move(size_of)) {}
  std::optional<StaticValue> lookup(const std::string& name) const override;
  std::optional<StaticValue> size(const syntax::SizeExpr& size) const override;
  std::vector<std::string> names() const override;
  bool explain_unknown(const std::string& name, SourceRange range, diag::Emitter& emitter) const override;

 private:
  const CheckedFile& file_;
  UnitId unit_;
  SizeOf size_of_;
};

}  // namespace mtl::sema
