// Parts of the file behind the public header; cpp_source.cpp puts them together.
#pragma once
#include <string>
#include <vector>

#include "compiler/aot/cpp_model.h"

namespace mtl::aot {

// cpp_columns.cpp: how columns are read; the struct that encodes examples, counts rows and places buffers.
CppText column_tables(const CppModel& model, const CppSource& source);
CppText batch_struct(const CppModel& model, const CppSource& source);
// Statements that declare a deploy::LengthSum `sum` of this length over the ragged dimensions below `parent`, whose
// rows are members of `rows`.
CppText length_sum(const CppSource& source, types::SpaceId parent, const types::Dim& length, const CppText& rows,
                   const CppText& indent);
// cpp_source.cpp: what is packed when weights are loaded, each once.
std::vector<CppProgram::Panels> panels_of(const CppModel& model);
// cpp_answers.cpp: which columns and steps a task wants, and how its answer is read from the buffers.
CppText answer_functions(const CppSource& source);

}  // namespace mtl::aot
