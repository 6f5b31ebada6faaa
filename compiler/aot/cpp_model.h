// What a package offers, under the names that it has in C++: sources of examples with their fields, tasks with their
// answers, weights. Made once; cpp_header.cpp, cpp_source.cpp and package.cpp write it down.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compiler/aot/cpp_program.h"
#include "compiler/codegen/object.h"
#include "compiler/elaborate/elaborated.h"
#include "compiler/passes/freeze.h"
#include "runtime/data/dataset.h"
#include "runtime/data/plan.h"
#include "runtime/model/weights.h"
#include "runtime/training/spans.h"
#include "support/diag/emitter.h"

namespace mtl::aot {

struct CppColumn {
  const data::ColumnPlan* plan = nullptr;
  CppText name;        // of the column, as an identifier
  CppText field;       // of the example that it is read from; columns of one binding share it
  CppText field_type;  // "std::vector<std::string>"
  CppText ids_type;    // of a token column: "std::vector<int32_t>"; empty: ids stand for nothing here
  CppText lengths;     // of ids at two levels: "chars_lengths"
  CppText ranges;      // of texts that from_text cuts: "words_offsets", where they stand in the line; empty: none
  bool keeps_ranges = false;           // answers say where its texts stand in the one that they are cut from
  CppText spec;                        // the table of how it is read
  std::vector<types::SpaceId> spaces;  // of its levels
  int vocabulary = -1;                 // section of the weights
};

struct CppTask {
  const elaborate::TaskInfo* info = nullptr;
  CppText name;                      // the method: "intent"
  CppText answer;                    // "IntentAnswer"
  CppText label;                     // "IntentLabel"; empty: no classes
  std::vector<std::string> classes;  // as the data has them
  std::vector<CppText> enumerators;
  std::optional<training::SpanForm> spans;   // labels that mark stretches, and how
  bool skips = false;                        // it is about positions, and `limit` may cut those in front
  bool has_scores = false;                   // the head is kept beside the prediction
  bool has_distribution = false;             // the softmax of the head says how likely each class is
  bool has_ranges = false;                   // it is about parts of a text that the package may cut
  int64_t scores = 1;                        // of a row
  bool has_target = true;                    // false: the answer is the head
  const data::ColumnSpec* column = nullptr;  // of the target
  std::vector<size_t> steps;
  std::vector<bool> needs;  // by column of its source
  CppText needs_name;       // of the table that says so
  CppText restored_by;      // the table by which numbers get the data's own scale back; empty: they have it
};

// The loops of one source, compiled for one processor.
struct CppObject {
  CppText cpu, file;  // "x86-64-v3", "slu_snips_x86_64_v3.o"
  codegen::Object code;
};

struct CppSource {
  CppText name;                   // "snips", a namespace of the steps
  CppText example, ids, answers;  // "SnipsExample", "SnipsIds" (empty: no text), "SnipsAnswers"
  CppText batch;                  // "SnipsBatch", behind the header
  const data::SourceSpec* spec = nullptr;
  data::SourcePlan plan;
  std::vector<CppColumn> columns;
  std::vector<CppTask> tasks;
  CppText all, all_needs_name;  // the method of all tasks
  std::vector<size_t> all_steps;
  bool from_line = false;        // a line of text can stand for an example,
  bool from_characters = false;  // and is cut into characters,
  bool from_blank_line = true;   // and also one with nothing in it
  std::unique_ptr<program::Program> program;
  std::unique_ptr<CppProgram> steps;
  std::vector<CppObject> objects;  // by CppModel::cpus
};

struct CppWeight {
  std::string path;
  CppText member;
  std::vector<int64_t> dims;
  const float* values = nullptr;
  int64_t size = 0;
};

struct CppModel {
  CppText name;  // of the package and its namespace
  const data::Spec* spec = nullptr;
  const data::Fitted* fitted = nullptr;
  const elaborate::ElaboratedModel* elaborated = nullptr;
  const SourceMap* map = nullptr;
  std::vector<CppWeight> weights;
  std::map<std::string, passes::FrozenParam> frozen;  // what some of them point at
  std::map<std::string, CppText> members;             // of the weights, by path
  struct Vocabulary {
    std::string key;  // "en", "films.country"
    const data::IdSet* set = nullptr;
  };
  std::vector<Vocabulary> vocabularies;  // behind the weights in the file
  std::vector<CppSource> sources;
  std::vector<std::string> files;  // of the source on disk that it was made from
  std::vector<CppText> cpus;       // object form: of the compiled loops, best first; empty: loops are C++
  bool embedded = false;           // the weights are part of the library
  uint64_t fingerprint = 0;        // of the generated program: weights of another are refused
};

struct CppModelInput {
  std::string name;
  const data::Spec& spec;
  const data::Fitted& fitted;
  const elaborate::ElaboratedModel& model;  // without losses
  const model::Weights& weights;
  const SourceMap& sources;
};

// nullopt after a report.
std::optional<CppModel> make_cpp_model(const CppModelInput& input, diag::Emitter& emitter);

// Compiles the loops for these processors; false after a report.
bool compile_objects(CppModel& model, std::vector<std::string> cpus, diag::Emitter& emitter);

inline constexpr const char* kCompiler = "mtlc 0.1.0";
// `age : f32 = column("age")` as the program has it, on one line.
std::string declaration(const CppModel& model, const data::ColumnSpec& column);

// The public header, "slu.h"; the class behind it, "slu.cpp"; the steps, "slu_steps.h" and "slu_steps.cpp".
CppText header_text(const CppModel& model);
CppText source_text(const CppModel& model);
CppText steps_header_text(const CppModel& model);
CppText steps_source_text(const CppModel& model);
// "slu_c.h" and "slu_c.cpp": the same for other languages.
CppText c_header_text(const CppModel& model);
CppText c_source_text(const CppModel& model);

}  // namespace mtl::aot
