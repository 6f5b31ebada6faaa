// A lowered program as C++: a function for each step, the buffers that they work on, and which steps a task needs.
//
// Predictions of all tasks of a source are one program, so that the trunk is there once; the method of one task runs
// the steps that its outputs depend on.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compiler/base/source.h"
#include "compiler/codegen/object.h"
#include "compiler/program/program.h"

namespace mtl::aot {

class CppProgram {
 public:
  // `params`: member names of the weights, by path. `source`: the data source that the program reads.
  CppProgram(const program::Program& program, std::string source, const std::map<std::string, std::string>& params,
             const SourceMap& sources);

  const std::string& source() const { return source_; }
  const program::Program& program() const { return program_; }
  // Member names of Rows, by space; those of used spaces, parents first.
  const std::vector<types::SpaceId>& spaces() const { return spaces_; }
  std::string rows_member(types::SpaceId space) const;
  // The member of Buffers that holds an output or an input, "predict.intent", "snips.words".
  std::string member(program::Buffer::Kind kind, const std::string& name) const;
  const program::Buffer* output(const std::string& name) const;
  // Numbers of the steps that these outputs depend on, in order.
  std::vector<size_t> steps_for(const std::vector<std::string>& outputs) const;
  const std::string& step_name(size_t step) const { return step_names_[step]; }
  std::vector<std::string> kernels() const;  // of the runtime that are called

  // Weights of wide layers and recurrences are packed once, when they are loaded.
  struct Panels {
    std::string member;  // of the weights
    std::string floats;  // how many, in C++
    std::string pack;    // the statement that packs them to `next`
  };
  std::vector<Panels> panels() const;

  // Text of the generated files.
  std::string rows_struct() const;
  std::string buffers_struct() const;
  std::string step_declarations() const;
  std::string step_definitions() const;
  // The same with loops that stand in an object file: `table` is what calls loop number i, "loops[i]".
  std::string object_step_definitions(const std::vector<codegen::ObjectLoop>& loops) const;
  std::string placement() const;  // place() and workspace_bytes()

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
  std::string owner_of(uint32_t buffer) const;
  std::string wanted_step_name(const program::Step& step) const;
  std::string expression(uint32_t buffer) const;
  std::string shape_comment(const program::Buffer& buffer) const;
  std::string constants() const;
  std::string loop_call_body(const program::LoopKernel& kernel, const codegen::ObjectLoop& loop, size_t number) const;
  std::string definition(size_t step, const std::string& body, bool loop) const;
  std::string call_body(size_t step) const;
  std::string call_tables(const program::Call& call) const;
  std::string place_text(SourceRange range) const;
  bool in_arena(uint32_t buffer) const;
  std::optional<Panels> panels_of(size_t step) const;

  const program::Program& program_;
  std::string source_;
  std::map<std::string, std::string> params_;
  const SourceMap& sources_;
  std::vector<types::SpaceId> spaces_;
  std::vector<std::string> step_names_;
  std::vector<std::string> members_;  // by buffer
  std::vector<Slot> slots_;
  std::vector<int> slot_of_;  // by buffer; -1: none
};

}  // namespace mtl::aot
