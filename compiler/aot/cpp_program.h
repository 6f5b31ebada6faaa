// A lowered program as C++: a function for each step, the buffers that they work on, and which steps a task needs.
//
// Predictions of all tasks of a source are one program, so that the trunk is there once; the method of one task runs
// the steps that its outputs depend on.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/aot/cpp_text.h"
#include "compiler/codegen/object.h"
#include "compiler/program/program.h"
#include "support/base/source.h"

namespace mtl::aot {

class CppProgram {
 public:
  // `params`: member names of the weights, by path. `source`: the data source that the program reads.
  CppProgram(const program::Program& program, std::string source, const std::map<std::string, CppText>& params,
             const SourceMap& sources);

  const std::string& source() const { return source_; }
  const program::Program& program() const { return program_; }
  // Member names of Rows, by space; those of used spaces, parents first.
  const std::vector<types::SpaceId>& spaces() const { return spaces_; }
  CppText rows_member(types::SpaceId space) const;
  // The member of Buffers that holds an output or an input, "predict.intent", "snips.words".
  CppText member(program::Buffer::Kind kind, const std::string& name) const;
  const program::Buffer* output(const std::string& name) const;
  // Numbers of the steps that these outputs depend on, in order.
  std::vector<size_t> steps_for(const std::vector<std::string>& outputs) const;
  const CppText& step_name(size_t step) const { return step_names_[step]; }
  std::vector<std::string> kernels() const;  // of the runtime that are called

  // Weights of wide layers and recurrences are packed once, when they are loaded.
  struct Panels {
    CppText member;  // of the weights
    CppText floats;  // how many, in C++
    CppText pack;    // the statement that packs them to `next`
  };
  std::vector<Panels> panels() const;

  // Text of the generated files.
  CppText rows_struct() const;
  CppText buffers_struct() const;
  CppText step_declarations() const;
  CppText step_definitions() const;
  // The same with loops that stand in an object file: `table` is what calls loop number i, "loops[i]".
  CppText object_step_definitions(const std::vector<codegen::ObjectLoop>& loops) const;
  CppText placement() const;  // place() and workspace_bytes()

 private:
  struct Slot {
    types::SpaceId space = 0;
    int64_t width = 0;  // elements of a row
  };
  void find_spaces();
  void name_steps();
  void name_buffers();
  void plan_slots();
  uint32_t storage(uint32_t buffer) const;
  std::vector<uint32_t> reads(const program::Step& step) const;
  std::vector<uint32_t> writes(const program::Step& step) const;
  CppText owner_of(uint32_t buffer) const;
  CppText wanted_step_name(const program::Step& step) const;
  CppText expression(uint32_t buffer) const;
  CppText shape_comment(const program::Buffer& buffer) const;
  CppText constants() const;
  CppText loop_call_body(const program::LoopKernel& kernel, const codegen::ObjectLoop& loop, size_t number) const;
  CppText definition(size_t step, const CppText& body, bool loop) const;
  CppText call_body(size_t step) const;
  CppText call_tables(const program::Call& call) const;
  CppText place_text(SourceRange range) const;
  bool in_arena(uint32_t buffer) const;
  std::optional<Panels> panels_of(size_t step) const;

  const program::Program& program_;
  std::string source_;
  std::map<std::string, CppText> params_;
  const SourceMap& sources_;
  std::vector<types::SpaceId> spaces_;
  std::vector<CppText> step_names_;
  std::vector<CppText> members_;  // by buffer
  std::vector<Slot> slots_;
  std::vector<int> slot_of_;  // by buffer; -1: none
};

}  // namespace mtl::aot
