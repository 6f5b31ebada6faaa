// The state of emitting one kernel, shared by the files that emit its parts:
//   emit_kernel.cpp   the function and its loops over rows, segments or columns
//   emit_body.cpp     one row: stages, loop nests, reductions, stores
//   emit_reduce.cpp   reductions over static dimensions
//   emit_lanes.cpp    small rows, 16 at a time
//   emit_value.cpp    one value at one point of a nest
//   emit_apply.cpp    scalar functions
//   emit_rows.cpp     rows of spaces: addresses of operand rows, parents, segments, random numbers
#pragma once
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <map>
#include <vector>

#include "compiler/codegen/math.h"
#include "compiler/codegen/schedule.h"

namespace mtl::codegen {

inline constexpr int kLanes = 16;  // of a full vector; the back end splits it on narrower machines
inline constexpr int64_t kColumnBlock = 64;

// Where a nest is: an index per dimension; the one along `vector_dim` is that of lane 0.
struct Point {
  const Nest* nest = nullptr;
  std::vector<llvm::Value*> index;  // i64; linear nests have one
  int vector_dim = -1;              // -1: a single element
  int lanes = 1;
  llvm::Value* mask = nullptr;  // null: all lanes
  std::map<InstrId, llvm::Value*> memo;
};

// A block of rows, one a lane (emit_lanes.cpp).
struct Lanes {
  llvm::Value* first = nullptr;                   // i64: the row of lane 0
  llvm::Value* mask = nullptr;                    // null: all lanes
  std::map<types::SpaceId, llvm::Value*> rows;    // row numbers by space, i64 each
  std::vector<std::vector<llvm::Value*>> values;  // by instruction and element
};

// Fields of runtime::SpaceView, each of 8 bytes.
enum Field : unsigned { kRows = 0, kOffsets = 2, kParent = 3, kPosition = 4, kIdentity = 6 };

// A reduction's running value in one slot of an unrolled loop: allocas, which become registers.
struct Accumulator {
  InstrId reduce = 0;
  int slot = 0;
  llvm::Type* type = nullptr;
  llvm::Value* value = nullptr;
  llvm::Value* index = nullptr;  // argmax, argmin
};

class Emitter {
 public:
  Emitter(llvm::Module& module, const Program& program, const LoopKernel& kernel, const Schedule& schedule,
          const std::string& name);
  void emit();

 private:
  // ---- emit_kernel.cpp
  void emit_prologue();
  void emit_row_form();
  void emit_segment_form();
  void emit_column_form();
  void emit_flat();
  void emit_column_block(llvm::Value* column, int64_t width);
  // for (i = begin; i < end; i += step) body(i)
  void loop(llvm::Value* begin, llvm::Value* end, int64_t step, const std::function<void(llvm::Value*)>& body);

  // ---- emit_lanes.cpp
  void emit_lanes();
  void emit_lane_block(llvm::Value* row, llvm::Value* mask);
  void emit_lane_instr(InstrId id, Lanes& lanes);
  void emit_lane_load(const Instr& instr, std::vector<llvm::Value*>& out, Lanes& lanes);
  void emit_lane_table(const Instr& instr, std::vector<llvm::Value*>& out, Lanes& lanes);
  void emit_lane_random(InstrId id, std::vector<llvm::Value*>& out, Lanes& lanes);
  void emit_lane_reduce(const Instr& instr, std::vector<llvm::Value*>& out, Lanes& lanes);
  Point lane_point(const Lanes& lanes);
  llvm::Value* lane_rows(types::SpaceId space, Lanes& lanes);
  llvm::Value* lane_column(types::SpaceId space, unsigned field, llvm::Value* rows, Lanes& lanes);
  llvm::Value* lane_gather(types::DType dtype, llvm::Value* addresses, llvm::Value* mask);
  llvm::Value* lane_identity(types::SpaceId space, Lanes& lanes);
  llvm::Value* lane_position(Lanes& lanes);

  // ---- emit_rows.cpp
  void begin_row(llvm::Value* row);  // addresses and random streams of the row
  llvm::Value* space_field(types::SpaceId space, unsigned field, llvm::Type* type);
  llvm::Value* row_count(types::SpaceId space);
  llvm::Value* parent_row(types::SpaceId space, llvm::Value* row);
  llvm::Value* ancestor_row(types::SpaceId space, llvm::Value* row, types::SpaceId target);
  llvm::Value* position_of(types::SpaceId space, llvm::Value* row);
  llvm::Value* first_row(types::SpaceId space, types::SpaceId target, llvm::Value* row);
  llvm::Value* identity_of(types::SpaceId space, llvm::Value* row);
  llvm::Value* mix64(llvm::Value* x);
  llvm::Value* mix32(llvm::Value* x);
  llvm::Value* operand_row(const program::KernelOperand& operand, llvm::Value* row);
  llvm::Value* zeros();  // address of a row of zeros, long enough for any operand
  llvm::Value* row_address(llvm::Value* base, llvm::Value* row, int64_t row_elements);

  // ---- emit_body.cpp
  using Index = std::vector<llvm::Value*>;
  void emit_row_body();
  void emit_scalar_store(uint32_t store);
  void start_segment_stores();
  struct NestLoops {
    Shape extents;
    int vector_dim = 0;
    int64_t extent = 0;        // of the vector dimension
    std::vector<int> reduced;  // the other dimensions that reductions of the nest reduce
  };
  void emit_nest(const Nest& nest);
  void emit_across(const Nest& nest, const NestLoops& loops, Index& index);
  void emit_along(const Nest& nest, const NestLoops& loops, Index& index);
  void over_dims(const std::vector<int>& dims, const Shape& extents, Index& index, size_t from,
                 const std::function<void()>& body);
  // Calls body(point, slot) for the chunks of the vector dimension; slot tells accumulators apart.
  void over_chunks(const Nest& nest, Index& index, int vector_dim, int64_t extent, int unroll,
                   const std::function<void(Point&, int)>& body);
  void emit_roots(Point& point, const std::vector<Accumulator>& accumulators, int slot);
  void store_value(uint32_t store, llvm::Value* value, Point& point);
  int unroll_of(const Nest& nest) const;

  // ---- emit_reduce.cpp
  std::vector<Accumulator> make_accumulators(const Nest& nest, const std::vector<int>& lanes_of_slots);
  void start(const Accumulator& accumulator);
  void accumulate(const Accumulator& to, Point& point);
  // All slots of one reduction, as one number.
  llvm::Value* finish(const std::vector<Accumulator>& slots);
  llvm::Value* finish_arg(const std::vector<Accumulator>& slots);
  void put_reduced(InstrId id, llvm::Value* value, Point& point);
  llvm::Value* combine(program::Reduce reduce, llvm::Value* a, llvm::Value* b);
  llvm::Constant* reduce_identity(program::Reduce reduce, llvm::Type* type);
  llvm::Value* horizontal(program::Reduce reduce, llvm::Value* vector);

  // ---- emit_apply.cpp
  llvm::Value* apply(program::Fn fn, std::vector<llvm::Value*> args);
  llvm::Value* apply_unary(program::Fn fn, llvm::Value* a);
  llvm::Value* apply_binary(program::Fn fn, llvm::Value* a, llvm::Value* b);
  llvm::Value* truth(llvm::Value* bit);
  llvm::Value* nonzero(llvm::Value* x);

  // ---- emit_value.cpp
  llvm::Value* value_at(InstrId id, Point& point);
  llvm::Value* compute_at(InstrId id, Point& point);
  llvm::Value* read(llvm::Value* base, types::DType dtype, llvm::Value* offset, int64_t stride, Point& point);
  void write(llvm::Value* base, llvm::Value* value, llvm::Value* offset, int64_t stride, Point& point);
  // Element offset of the point in a value of `shape` laid out with `strides`, and the step from lane to lane.
  std::pair<llvm::Value*, int64_t> locate(const Shape& shape, const Shape& strides, int64_t offset, Point& point);
  llvm::Value* base_of(InstrId id);  // address of a value in memory
  llvm::Value* random_at(const Instr& instr, InstrId id, Point& point);
  llvm::Value* unit_of(llvm::Value* bits);  // runtime::random_unit
  llvm::Value* constant_value(const Instr& instr);
  llvm::Value* step_scalar(uint32_t number);
  llvm::Value* scalar_value(InstrId id);
  void emit_scalar(InstrId id);
  llvm::Value* splat(llvm::Value* value, int lanes);
  llvm::Type* type_of(types::DType dtype, int lanes);
  llvm::Value* lane_numbers(int lanes);  // i32 0, 1, ...
  llvm::Value* lane_mask(int64_t count, int lanes);
  llvm::Value* number(int64_t value) { return b_.getInt64(static_cast<uint64_t>(value)); }
  llvm::AllocaInst* entry_alloca(llvm::Type* type, const char* name, uint64_t align = 4);

  const Instr& at(InstrId id) const { return kernel_.instrs[id]; }
  int64_t row_elements(uint32_t buffer) const { return program::elements(program_.buffers[buffer].shape); }

  llvm::Module& module_;
  llvm::LLVMContext& context_;
  const Program& program_;
  const LoopKernel& kernel_;
  const Schedule& schedule_;
  llvm::IRBuilder<> b_;
  Math math_;
  llvm::Function* function_ = nullptr;
  llvm::Value* spaces_ = nullptr;
  llvm::Value* step_ = nullptr;
  std::vector<llvm::Value*> operand_base_, store_base_;  // whole buffers
  std::vector<llvm::Value*> operand_row_, store_row_;    // at the row
  std::vector<llvm::Value*> best_;                       // segment arg stores: scratch of best values
  std::vector<llvm::Value*> stream_;                     // random instructions: stream of the kernel
  std::vector<std::pair<llvm::Value*, llvm::Value*>> random_row_;
  std::vector<llvm::Value*> scalars_;  // values of one element; rows of gathers
  llvm::Value* row_ = nullptr;
  llvm::Value* segment_begin_ = nullptr;
  llvm::Value* scratch_ = nullptr;
  bool accumulate_stores_ = false;
};

}  // namespace mtl::codegen
