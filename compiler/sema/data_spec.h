// `vocab` and `data` declarations: their checks, and what they say as plain data (support/settings/data_spec.h).
#pragma once
#include <optional>

#include "compiler/sema/facts.h"
#include "support/settings/data_spec.h"

namespace mtl::sema {

// Reports everything that is wrong with one declaration; notes what it uses and what is not supported yet.
void check_vocab(const CheckedFile& file, UnitId unit, const syntax::VocabDecl& decl, DeclFacts& facts,
                 diag::Emitter& emitter);
void check_source(const CheckedFile& file, UnitId unit, const syntax::DataDecl& decl, DeclFacts& facts,
                  diag::Emitter& emitter);

// The sources and vocabularies that the chosen model reaches, in file order. nullopt after errors.
std::optional<data::Spec> describe_data(const CheckedFile& file, diag::Emitter& emitter);

}  // namespace mtl::sema
