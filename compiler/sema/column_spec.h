// One column of a source: its type, its binding and its transforms. A part of data_spec.
#pragma once
#include <optional>
#include <string>

#include "compiler/sema/facts.h"
#include "compiler/sema/settings.h"
#include "support/settings/data_spec.h"

namespace mtl::sema {

// `trim`: of the source. nullopt after a report, or if the column is of a kind that is not supported yet (noted in
// `facts`).
std::optional<data::ColumnSpec> read_column(const CheckedFile& file, UnitId unit, const syntax::ColumnDecl& decl,
                                            SettingReader& reader, bool trim, DeclFacts& facts);

// `column("x") |> ...`: what a column is read from.
bool is_binding(const syntax::Expr& expr);

}  // namespace mtl::sema
