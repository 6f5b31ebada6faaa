// The elaborator: an interpreter of bodies that builds the graph.
//
// One object for one call of elaborate(). Tasks are computed one after the other, each with its own version of every
// value. Every node goes through emit(), which answers the same operation on the same operands with the same node: so
// "the same call of the same layer on the same input" is one node whichever task asked for it. Parts:
//
//   expressions.cpp   an expression to a Value           statements.cpp   bodies, loops, declarations
//   names.cpp         what a name means                  operators.cpp    arithmetic, comparisons, `@`
//   call.cpp          arguments to parameters            apply.cpp        modules: dimensions, mapping, results
//   layers.cpp        descriptions to layers             params.cpp       paths and parameters
//   emit.cpp          nodes, shapes, messages            primitives*.cpp  the table of primitive operations
//   ids.cpp           sets of ids and their bounds       lengths.cpp      ragged dimensions joined and cut
//   stacks.cpp        a dimension before ragged ones     dim_names.cpp    which dimension `A` means
//   pairs.cpp         a sequence for each of positions   transposed.cpp   transposes of sequences and pairs
//   task.cpp          heads and settings                 loss.cpp         losses, masks, the objective
//   indices.cpp       positions, slices, rows by ids
//   unused.cpp        what no task reaches, by itself
//   leaks.cpp         heads that read their targets      ranges.cpp       scores and probabilities
#pragma once
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "compiler/diag/emitter.h"
#include "compiler/elaborate/elaborate.h"
#include "compiler/elaborate/frame.h"
#include "compiler/ir/builder.h"

namespace mtl::elaborate {

struct PrimitiveCall;

// What is known of a task; the rest of TaskInfo is copied out at the end.
struct TaskState {
  const syntax::TaskDecl* decl = nullptr;
  TaskInfo info;
  Frame frame;
  enum class Stage : uint8_t { fresh, running, done, failed } stage = Stage::fresh;
  std::map<std::string, const syntax::Expr*> settings;
  Value head;  // as written
  const syntax::Expr* head_expr = nullptr;
  ir::Value scores;        // after the shape check
  ir::Value target, mask;  // of the target column: cleaned values, 1 where it is labelled
  ir::Value when;          // 1 where it counts; invalid: everywhere
  types::Type target_type;
  IdSetPtr target_set;
  ir::Value predict, loss;
  ir::Value weighted;  // `loss` as it enters the objective
  ir::Value count;     // how many rows `loss` is the mean of
  ir::Value weight;    // of each of them, if that is not the same always
  bool judged = false, judging = false;
  bool reading_loss = false;  // columns read now count as missing where they are NaN
  std::vector<ir::Value> loss_masks;
  SourceRange criterion;                                  // where `loss` names the one that is being applied
  std::map<std::string, std::vector<SourceRange>> reads;  // where columns are read, by name
  std::vector<size_t> answers;                            // tasks whose `answer` is read
};

// Dimensions are `dimension`, `dimension + step`, ..; ints `count`, `count + more`, ..
struct MadeUpSizes {
  std::array<int64_t, 8> dimensions, counts;
};

struct NumberRange {
  double low = 0, high = 0;
};

// Numbers from `begin` on, along some dimension, are of the ids of a set: `each` numbers of each.
struct IdRange {
  std::string set;
  int64_t begin = 0, each = 1;
};
using HotRanges = std::map<ir::Value, std::vector<IdRange>>;  // along the last dimension of what `one_hot` makes

// The input of a parameter, by path.
struct ParamRecord {
  ParamInfo info;
  IdSetPtr table;
  SourceRange call;                // the user's call that fixed its dimensions
  std::vector<SourceRange> calls;  // that and those around it, innermost first
  bool shared = false;
  PlacePtr private_at;  // whose word made it a copy of one task
  int task = -1;        // which
};

// What an attempt leaves for the next one. A path may be written in front of the call that makes its parameter, a
// constant id in front of the call that says of which set: see elaborate().
struct KnownLayers {
  std::map<std::string, ParamRecord> params;  // by path
  std::map<std::string, IdSetPtr> sets;       // path of a layer and `K`
  size_t size() const { return params.size() + sets.size(); }
};

class Elaborator {
 public:
  Elaborator(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter,
             const KnownLayers& known);
  std::optional<ElaboratedModel> run();
  bool waits() const { return waits_ && !out_of_budget_; }  // for something that is not known yet
  void tell(KnownLayers& known) const;
  // A module, function or criterion that no model has to reach; `said` hears what is wrong with it.
  static void run_by_itself(const sema::CheckedFile& file, const ElaborateOptions& options, const sema::Found& found,
                            const MadeUpSizes& sizes, diag::Emitter& said);

 private:
  friend struct Primitives;

  // ---- expressions.cpp
  Value evaluate(const syntax::Expr& expr, Frame& frame);
  // What is called: a task's name is no callee, so there it does not hide a function of the same name.
  Value evaluate_callee(const syntax::Expr& expr, Frame& frame);
  Value evaluate_node(const syntax::Expr& expr, Frame& frame);
  Value evaluate_size(const syntax::SizeExpr& node, SourceRange range, Frame& frame);
  Value evaluate_list(const syntax::ListExpr& node, SourceRange range, Frame& frame);
  Value evaluate_generator(const syntax::GeneratorExpr& node, SourceRange range, Frame& frame);
  bool generate(const syntax::GeneratorExpr& node, size_t clause, Frame& frame, std::vector<Value>& out);
  Value evaluate_if(const syntax::IfExpr& node, Frame& frame);
  Value evaluate_index(const syntax::IndexExpr& node, SourceRange range, Frame& frame);
  std::optional<Value> path_below(const PathRef& path, std::span<const syntax::IndexExpr::Item> items, const At& at);
  Value evaluate_unary(const syntax::UnaryExpr& node, SourceRange range, Frame& frame);
  Value evaluate_binary(const syntax::BinaryExpr& node, SourceRange range, Frame& frame, const syntax::Expr& expr);
  Value make_list(std::vector<Value> items, SourceRange range, Frame& frame);
  // With a wanted form; nullopt after a report.
  std::optional<bool> condition(const syntax::Expr& expr, Frame& frame, std::string_view what);
  std::optional<int64_t> integer(const Value& value, const At& at, std::string_view what);
  std::optional<std::vector<Value>> items(const Value& value, const At& at);

  // ---- names.cpp
  Value name(const std::string& name, SourceRange range, Frame& frame, bool tasks = true);
  Value unknown_name(const std::string& name, SourceRange range, Frame& frame);
  Value model_name(const std::string& name, SourceRange range, Frame& frame, bool& found);
  Value model_variable(const std::string& name, SourceRange range, const Frame& frame);
  void run_in_model(const syntax::Stmt& stmt, std::map<std::string, Binding>& scope);
  Value member(const syntax::MemberExpr& node, SourceRange range, Frame& frame);
  Value column(const std::string& source, const syntax::Name& column, SourceRange range, Frame& frame);
  Value task_member(size_t task, const syntax::Name& member, SourceRange range, Frame& frame);
  Value layer_member(const PlacePtr& place, const syntax::Name& member, SourceRange range, Frame& frame);
  std::optional<StaticValue> size_of_column(const std::string& source, const std::string& column, Frame& frame);
  IdSetPtr set_of_column(const std::string& source, const syntax::ColumnDecl& column);
  IdSetPtr set_of_vocab(const std::string& vocab);
  SpaceId space_of_column(const std::string& source, const syntax::ColumnDecl& column, std::vector<Dim>& fixed);

  // ---- statements.cpp
  // False: stop (returned, or an error that makes the rest pointless).
  bool run_body(const syntax::Body& body, Frame& frame);
  bool run_statement(const syntax::Stmt& stmt, Frame& frame);
  void declare_layer(const syntax::LayerStmt& stmt, SourceRange range, Frame& frame);
  LayerPtr declare_array(const syntax::LayerStmt& stmt, size_t index, const PlacePtr& place, Frame& frame);
  LayerPtr declare_one(const syntax::LayerStmt& stmt, const PlacePtr& place, Frame& frame);
  void declare_param(const syntax::ParamStmt& stmt, SourceRange range, Frame& frame);
  bool run_for(const syntax::ForStmt& stmt, SourceRange range, Frame& frame);
  bool run_if(const syntax::IfStmt& stmt, Frame& frame);
  void run_return(const syntax::ReturnStmt& stmt, SourceRange range, Frame& frame);
  void run_let(const syntax::LetStmt& stmt, Frame& frame);
  void run_update(const syntax::UpdateStmt& stmt, Frame& frame);
  bool run_require(const syntax::RequireStmt& stmt, Frame& frame);
  void say_failed(const syntax::Expr& condition, Frame& frame);
  bool spend_statement(SourceRange range, Frame& frame);

  // ---- layers.cpp
  LayerPtr as_layer(const Value& value, const At& at);
  LayerPtr instantiate(const LayerPtr& term, const PlacePtr& place, const At& at);
  LayerPtr compose(const Value& left, const Value& right, const At& at);
  // A new description, partial or composition; null after a report if it is nested too deep.
  LayerPtr finished(std::shared_ptr<Layer> layer, const At& at);
  // A layer for a description that is applied at `where`, the same at each visit.
  LayerPtr unnamed(const LayerPtr& description, const void* where, size_t ordinal, const At& at);
  PlacePtr child(const PlacePtr& parent, const std::string& name, syntax::Owner word, SourceRange range, Frame& frame);
  std::string fresh_name(const PlacePtr& parent, const std::string& base, const std::set<std::string>& taken);
  Value apply(const LayerPtr& layer, std::vector<Argument> arguments, const void* where, const At& at);
  Value apply_parts(const Layer& layer, std::vector<Argument> arguments, const void* where, size_t& ordinal,
                    const At& at);
  Value apply_array(const Layer& layer, const std::vector<Argument>& arguments, const void* where, const At& at);

  // ---- call.cpp
  Value call(const Value& callee, std::vector<Argument> arguments, const void* where, const At& at);
  Value call_expr(const syntax::CallExpr& node, const syntax::Expr& expr, Frame& frame);
  Value describe_layer(const sema::Found& found, std::vector<Argument> arguments, const At& at);
  Value call_function(const sema::Found& found, std::vector<Argument> arguments, const At& at);
  Value call_primitive(const sema::Primitive& primitive, std::vector<Argument> arguments, const At& at);
  Value call_static(const std::string& function, const std::vector<Argument>& arguments, const At& at);
  bool all_static(const std::vector<Argument>& arguments) const;
  // Arguments in the order of `names`; a parameter without one is empty. False after a report.
  bool bind_arguments(const std::vector<std::string>& names, size_t skip, std::vector<Argument> arguments,
                      const std::string& callee, std::vector<std::optional<Argument>>& out, const At& at);
  Value static_argument(const syntax::Parameter& parameter, Value value, const At& at, const std::string& help = {});

  // ---- apply.cpp
  struct Signature {  // what is known of one call of a module, function or criterion
    std::string callee;
    std::optional<std::vector<Axis>> rest;  // what `...` stands for
    std::vector<Axis> extra;                // the dimensions that it is mapped over
    std::string extra_of;                   // the input that has them
    DimNames extra_names;                   // of the static ones
    std::vector<bool> mapped;               // by input
    SpaceId space = types::kUniform;        // of results of a mapped call
    int64_t fixed = 0;                      // how many of `extra` are static
  };
  Value apply_instance(const LayerPtr& layer, std::vector<Argument> arguments, const At& at);
  struct Judgement {  // what a criterion says; poisoned parts are missing
    Value loss, predict;
  };
  Judgement judge(const LayerPtr& criterion, std::vector<Argument> arguments, const At& at);
  Frame frame_of(const LayerPtr& layer, const At& at);
  Value run_callable(const std::vector<syntax::Parameter>& inputs, std::vector<std::optional<Argument>> bound,
                     const syntax::Body& body, const std::optional<syntax::ResultType>& result, Frame callee,
                     const std::string& name, const At& at);
  // Solves the dimensions of the inputs and binds them in `callee`.
  bool enter(const std::vector<syntax::Parameter>& inputs, std::vector<std::optional<Argument>>& bound, Frame& callee,
             Signature& signature, const At& at);
  const std::set<std::string>& declared_in(const syntax::Body& body);
  // ---- signature.cpp
  diag::Report input_mismatch(const syntax::Parameter& parameter, const Signature& signature, const std::string& found,
                              const At& at);
  bool match_input(const syntax::Parameter& parameter, size_t index, Value& value, Frame& callee, Signature& signature,
                   const At& at);
  bool set_has_size(const IdSet& set, const Dim& size, const std::string& what, const At& at);
  bool match_set(const syntax::Parameter& parameter, Tensor& tensor, Frame& callee, Signature& signature, const At& at);
  // `K` of f32[K, D] is the set of a table that is given there.
  void declare_ids(const syntax::TypeExpr& declared, Tensor& tensor, Frame& frame);
  bool match_table(const syntax::Parameter& parameter, const Tensor& tensor, Frame& callee, const At& at);
  // `introduces`: an input, whose names are new.
  bool match_axis(const syntax::TypeExpr::DimItem& item, const Axis& axis, std::string& why, Frame& callee,
                  bool introduces);
  std::optional<SpaceId> rows_of_call(const std::vector<Value>& values, SpaceId space, const Signature& signature,
                                      const At& at);
  bool map_inputs(std::vector<Value>& values, Frame& callee, Signature& signature, const At& at);
  Value map_result(Value result, const Signature& signature, const At& at);
  bool check_type(const syntax::TypeExpr& type, const Value& value, Frame& frame, const Signature* signature,
                  const diag::Kind& kind, const At& at);
  Value check_result(const std::optional<syntax::ResultType>& result, Value value, Frame& frame,
                     const Signature& signature, const At& at);
  std::optional<Axis> dim_of(const syntax::TypeExpr::DimItem& item, Frame& frame);
  std::string text_at(SourceRange range) const;  // as it is written
  std::string type_text(const syntax::TypeExpr& type) const { return text_at(type.range); }

  // ---- dim_names.cpp
  DimNames dim_names(const Tensor& tensor) const;  // one entry for each static dimension
  DimNames dim_names(const Value& value) const;    // none of what is no tensor
  DimNames shape_names(const Value& shape) const;  // of a list of sizes, `[A, 3]`
  // Of what operands are broadcast or joined to.
  DimNames joined_names(ir::Value result, const std::vector<const Value*>& operands) const;
  DimNames names_without(const Tensor& of, const std::vector<int>& axes, const Frame& frame) const;  // reduced
  DimNames product_names(const Value& a, const Value& b, const Frame& frame) const;
  // Gives the dimensions of `tensor` the names of the type that it was matched with; `all`: one of its own where the
  // type has none, so that no other name of the signature means that dimension.
  void name_dimensions(Tensor& tensor, const std::vector<syntax::TypeExpr::DimItem>& items, Frame& frame, bool all);
  // Of dimensions of size 1: those that the type does not write as `1`.
  void mark_ones(Value& value, const std::vector<syntax::TypeExpr::DimItem>& items, Frame& frame);
  bool may_repeat(const Value& left, const Value& right, const std::string& what, const At& at);
  void forget_names(Value& value, const Frame& callee) const;  // those of a call that has ended
  // "the 8 in it is `B`", of dimensions that are as long but are others; empty if there are none.
  std::string other_names(const Tensor& x, const Dim& size, const Frame& frame) const;
  // The places among the static dimensions of `x` that a name, or the size alone, means.
  std::vector<int> axes_named(const Tensor& x, const std::optional<DimName>& name, const Dim& size) const;

  // ---- params.cpp
  std::string path_of(const PlacePtr& place) const;        // with the copy of the current task
  std::string plain_path_of(const PlacePtr& place) const;  // "bottom.gate"
  Value parameter(const PlacePtr& place, std::vector<Dim> dims, const Value& init, IdSetPtr table, bool state,
                  const At& at);
  void other_shape(const ParamRecord& record, const std::vector<Dim>& dims, const At& at);
  // Made already, or by an earlier attempt and from now on there too; the end of `params_` otherwise.
  std::map<std::string, ParamRecord>::iterator find_parameter(const std::string& path);
  // A parameter whose rows are looked up by ids of a set; what else it may be is passed over.
  Tensor parameter_at(const PathRef& path, const At& at);  // with its table; invalid after a report
  std::optional<Init> initial(const Value& init, const IdSetPtr& table, const std::vector<Dim>& dims, const At& at);
  bool may_own(const PlacePtr& place, const At& at);

  // ---- emit.cpp
  std::vector<ir::Value> emit_all(const std::string& op, const std::vector<ir::Value>& operands, ir::Attrs attrs,
                                  const At& at);
  // The first result; invalid after a report, and silently if an operand is invalid.
  ir::Value emit(const std::string& op, const std::vector<ir::Value>& operands, const At& at, ir::Attrs attrs = {});
  // False after a report: a dimension below 1, or more numbers than can be addressed.
  bool sizes_fit(const std::string& op, const std::vector<ir::Value>& results, const At& at);
  bool at_least_one(const Dim& size, const At& at);
  ir::Value constant(double value, const At& at);
  ir::Value truth(bool value, const At& at);
  ir::Value to_tensor(const Value& value, const At& at);  // numbers become constants
  ir::Value to_truth(const Value& value, const At& at);
  std::vector<Axis> axes(ir::Value value, const Frame& frame) const;
  std::string shape_text(ir::Value value, const Frame& frame, const IdSetPtr& ids = nullptr) const;
  std::string axes_text(const std::vector<Axis>& axes) const;
  std::string axis_text(const Axis& axis) const;
  std::string value_text(const Value& value, const Frame& frame) const;
  // Ragged dimensions of `space` below `base`, outermost first.
  std::vector<SpaceId> ragged_below(SpaceId space, SpaceId base) const;
  ir::Value with_rank(ir::Value value, int rank, const At& at);  // literal 1 in front
  ir::Value to_space(ir::Value value, SpaceId space, const At& at);
  ir::Value as_numbers(ir::Value value, const At& at);  // f32
  // False after a report, and silently if it is invalid: ids, and truth values, which count in `+`, `*` and sums alone.
  bool need_numbers(ir::Value value, const At& at, const std::string& what);
  std::vector<std::string> size_notes(const std::string& message) const;
  const types::Type& type(ir::Value value) const { return builder_.type(value); }
  types::Spaces& spaces() { return graph_.spaces; }

  template <class... Args>
  diag::Report report(const At& at, const diag::Kind& kind, Args&&... args) {
    return report_at(at.frame, at.range, kind, std::forward<Args>(args)...);
  }
  template <class... Args>
  diag::Report report_at(const Frame& frame, SourceRange range, const diag::Kind& kind, Args&&... args) {
    failed_ = true;
    std::string note;
    SourceRange user = user_range(frame, range, note);
    diag::Report made = emitter_.report(kind, std::forward<Args>(args)...).at(user);
    if (note.empty()) return made;
    return std::move(made).note(note);
  }
  // The user's places of something that happened in `frame`: itself and the calls around it, innermost first.
  static std::vector<SourceRange> user_calls(const Frame& frame, SourceRange range);
  // The user's place for something that happened in `frame`: the call of the library if it was inside.
  SourceRange user_range(const Frame& frame, SourceRange range, std::string& note) const;

  // ---- operators.cpp
  Value binary_values(syntax::BinaryOp op, const Value& left, const Value& right, const At& at);
  bool kinds_fit(syntax::BinaryOp op, const Value& left, const Value& right, ir::Value x, ir::Value y, const At& at);
  bool comparable(const Value& left, const Value& right, ir::Value x, ir::Value y, const At& at);
  ir::Value binary(const std::string& op, ir::Value a, ir::Value b, const At& at);
  ir::Value power(ir::Value a, const Value& exponent, const At& at);
  bool repeat_ones(ir::Value& value, ir::Value& other, const At& at);
  bool align(ir::Value& a, ir::Value& b, const std::string& what, const At& at);
  ir::Value matmul(ir::Value a, ir::Value b, const At& at);
  ir::Value matmul_matrices(ir::Value a, ir::Value b, const At& at);
  ir::Value matmul_rows(ir::Value a, ir::Value b, const At& at);
  ir::Value dot_last(ir::Value a, ir::Value b, const At& at);
  ir::Value transposed(ir::Value matrix, const At& at);

  // ---- indices.cpp
  Value index_tensor(const Tensor& tensor, std::span<const syntax::IndexExpr::Item> items, const At& at);
  Value index_transposed(const Value& value, std::span<const syntax::IndexExpr::Item> items, const At& at);
  bool innermost(ir::Value x, int axis, const std::string& what, const At& at);
  ir::Value row_at(ir::Value x, const Value& index, const At& at);
  Value index_axis(const Tensor& tensor, int axis, const Value& index, const At& at, bool& dropped);
  Value slice_axis(const Tensor& tensor, int axis, const Value& from, const Value& to, const At& at);
  Value index_ids(const Tensor& tensor, int axis, const Tensor& ids, const At& at);
  Value rows_of_table(const Tensor& tensor, const Tensor& ids, const At& at);
  Value rows_of_matrix(const Tensor& tensor, const Tensor& ids, const At& at);
  Value rows_by_ids(const Tensor& tensor, const Tensor& ids, const At& at);
  Value pairs_by_ids(const Tensor& tensor, ir::Value rows, const Tensor& ids, const At& at);
  Value gather_rows(const Tensor& tensor, ir::Value rows, const Tensor& ids, const DimNames& of_row, const At& at);

  // ---- lengths.cpp
  Dim length_of(const Axis& axis) const;
  std::optional<Dim> as_length(const Value& value) const;  // of a size or a ragged dimension
  Axis axis_of(SpaceId parent, const Dim& length);         // ragged if a ragged dimension is in it
  ir::Value length_value(SpaceId space, const At& at);     // of a ragged dimension, as a number
  // `T + 1`, `Q + C`: a dimension again; nullopt: arithmetic on numbers.
  std::optional<Value> length_arithmetic(syntax::BinaryOp op, const Value& left, const Value& right, const At& at);
  std::optional<SpaceId> rows_of_data(SpaceId parent, const Dim& length);
  bool require_length(SpaceId parent, const Dim& rest, const At& at);  // false after a report: never holds
  ir::Value as_rows(ir::Value x, SpaceId parent, const At& at);        // a static dimension in front becomes rows
  ir::Value move_rows(ir::Value x, const Dim& skip, bool back, const Dim& length, const At& at);
  ir::Value slice_rows(ir::Value x, const Dim& start, const Dim& stop, const At& at);
  ir::Value concat_rows(const std::vector<ir::Value>& parts, size_t axis, const At& at);
  bool solve_dimension(const syntax::Expr& wanted, const Axis& given, Frame& callee);

  // ---- pairs.cpp
  ir::Value copy_rows(ir::Value x, SpaceId parent, const At& at);
  bool meet(ir::Value& a, ir::Value& b, const At& at);
  bool give_whole(Value& value, SpaceId base, const Signature& signature, const At& at);
  void dims_of_copies(Frame& callee, Signature& signature);
  std::optional<SpaceId> turned(SpaceId pairs);
  Value stack_of_mapped(ir::Value x, const Signature& signature, const At& at);
  std::optional<ir::Value> swapped(ir::Value x, const At& at);
  bool is_outer_of_pairs(ir::Value x, int axis, const At& at) const;
  ir::Value move_outer(ir::Value pairs, const std::string& what, const At& at,
                       const std::function<ir::Value(ir::Value)>& moves);
  std::optional<std::vector<int>> reduced_axes(Tensor& of, const Value* over, const At& at);

  // ---- transposed.cpp
  Value as_stack(const Value& value, const At& at);
  std::optional<Value> as_transposed(const Value& value, const At& at);
  Value binary_transposed(syntax::BinaryOp op, const Value& left, const Value& right, const At& at);
  Value transpose_last(const Tensor& x, const At& at);
  Value matmul_transposed(const Value& left, const Value& right, const At& at);
  Value times_transposed(ir::Value a, ir::Value sequence, const At& at);
  Value transposed_times(ir::Value sequence, ir::Value b, const At& at);

  // ---- stacks.cpp
  std::vector<Axis> value_axes(const Value& value, const Frame& frame) const;
  Value stack_of(std::vector<Value> parts, const At& at);
  Value each_part(const std::vector<Value*>& slots, const At& at, const std::function<Value()>& one);
  ir::Value beside(const Value& value, const At& at);
  Value apart(ir::Value rows, const At& at, const IdSetPtr& ids = nullptr);
  Value index_stack(const Value& value, std::span<const syntax::IndexExpr::Item> items, const At& at);
  Value parts_by_ids(const Value& value, const Tensor& ids, const At& at);
  Value binary_stacks(syntax::BinaryOp op, const Value& left, const Value& right, const At& at);
  bool match_stack(const syntax::Parameter& parameter, const Value& value, Frame& callee, Signature& signature,
                   const At& at);
  std::vector<Value*> stacks_to_map(const std::vector<syntax::Parameter>& inputs,
                                    std::vector<std::optional<Argument>>& bound, const Frame& frame) const;

  // ---- ids.cpp
  std::optional<Tensor> constant_id(int64_t id, const At& at);
  // The set of what holds ids of either; null if one has none. nullopt after a report: they are two sets.
  std::optional<IdSetPtr> join_sets(const IdSetPtr& a, const IdSetPtr& b, const At& at);
  // A constant is an id of whatever set `K` is: by the other inputs, else by the other calls of the layer, which
  // size_of_others() asks for once the body needs `K`.
  bool settle_constants(const std::vector<syntax::Parameter>& inputs, std::vector<Value>& values, Frame& callee,
                        const At& at);
  std::string set_path(const Frame& callee, const std::string& name) const;
  IdSetPtr set_of_size(const syntax::Expr& size, Frame& frame);  // `K`, `|en|`, `|d.tag|`; null: a size like any other
  Value size_of_others(const std::string& name, const At& at);
  // False after a report: ids of `set` can lie outside of what has `size` elements. `what`: "the number of rows".
  bool ids_fit(const IdSetPtr& set, const Dim& size, const std::string& what, const At& at);
  // The same of what is looked up by ids: where they are classes, it has no entry beyond them either.
  bool table_fits(const IdSetPtr& set, const Dim& size, const std::string& what, const At& at);

  // ---- reductions, primitives*.cpp
  Tensor reduce(const std::string& what, const Tensor& of, const Value* over, const At& at);
  ir::Value reduce_axes(const std::string& what, ir::Value x, std::vector<int> axes, const At& at);
  ir::Value with_reduced(ir::Value reduced, ir::Value x, const std::vector<int>& axes, const At& at);
  ir::Value mean_of(ir::Value sum, ir::Value count, const At& at);
  ir::Value root(ir::Value sum, const At& at);
  ir::Value reduce_ragged(const std::string& what, ir::Value x, SpaceId space, const At& at);
  // The place of one dimension that `over` says; `name`: what messages call it.
  std::optional<int> axis_over(const Tensor& of, const Value& value, std::string& name, const At& at);
  // `over = T`, `over = 0`, `over = [0, T]`: places in axes(x); nullopt after a report. They go away: a dimension
  // before one that is nested in it does not, unless `reduces` is false.
  std::optional<std::vector<int>> over_axes(const Tensor& of, const Value* over, const At& at, bool reduces = true);
  Tensor softmax(const std::string& what, const Tensor& of, const Value* over, const At& at);
  Tensor softmax_over(const std::string& what, const Tensor& of, const std::vector<int>& over_all, const At& at);
  ir::Value mix(ir::Value weights, ir::Value values, const At& at);
  ir::Value mix_rows(ir::Value weights, ir::Value values, const At& at);
  ir::Value concat(const std::vector<Tensor>& given, const Value* over, const At& at);
  ir::Value stack(std::vector<ir::Value> parts, const At& at);
  Value run_primitive(PrimitiveCall& call);
  int64_t random_key(const std::string& owner, const std::vector<ir::Value>& operands);
  int64_t mask_key(const std::vector<ir::Value>& operands, const At& at);
  int64_t noise_key(std::string_view op, ir::Value operand, const At& at);

  // ---- task.cpp
  void collect_model();
  void collect_statement(const syntax::Stmt& stmt);
  bool run_head(size_t index);
  bool run_settings(TaskState& task, const syntax::Body& body);
  bool read_target(TaskState& task);
  bool read_output(TaskState& task);
  void read_mask(TaskState& task, ir::Value raw, bool ids, const At& at);
  bool check_head(TaskState& task, const syntax::Expr& expr);
  std::vector<Axis> target_axes(const TaskState& task);
  void wrong_head(TaskState& task, const std::vector<Axis>& wanted, ir::Value head, const At& at);
  void read_metrics(TaskState& task);
  std::optional<StaticValue> target_size(const TaskState& task);
  // ---- loss.cpp
  bool run_loss(size_t index);  // predictions too
  Judgement judge_task(TaskState& task);
  LayerPtr default_criterion(const TaskState& task, const At& at);
  bool predict_fits(const TaskState& task, const Value& value, const At& at);
  bool predict_reads_target(const TaskState& task, const Value& predict) const;
  void run_predict(TaskState& task, const Judgement& judgement, const At& at);
  bool loss_fits(const TaskState& task, ir::Value value, const char* what, const At& at);
  bool weight_fits(const TaskState& task, ir::Value weight, ir::Value loss, const At& at);
  void mean_loss(TaskState& task, ir::Value loss, const At& at);
  void note_weight(TaskState& task, ir::Value weight, ir::Value mask, ir::Value loss, const At& at);
  ir::Value loss_mask(TaskState& task, ir::Value loss, const At& at);
  ir::Value fit_mask(ir::Value mask, ir::Value loss, const At& at);
  ir::Value sum_all(ir::Value x, const At& at);
  void read_balance();
  void make_objective();
  // ---- leaks.cpp
  const TaskState* reader_of_target(const TaskState& task) const;
  bool head_is_blind(const TaskState& task);
  void warn_of_same_columns();
  // ---- ranges.cpp
  std::optional<NumberRange> range_of(ir::Value value, std::map<ir::Value, std::optional<NumberRange>>& known,
                                      int depth) const;
  void warn_of_scores(const Layer& criterion, const Value& scores, const At& at);
  // ---- unused.cpp
  Value made_up_input(const syntax::Parameter& parameter, Frame& frame, const std::function<int64_t()>& next);
  void run_alone(const sema::Found& found, const MadeUpSizes& sizes_made);
  // ---- id_rows.cpp
  void note_ids(ir::Value value, int axis, const std::vector<IdRange>& ranges);
  std::vector<IdRange> hot_ranges(const ir::Node& node, const HotRanges& known) const;
  void note_hot_weights();
  // ---- finish.cpp
  void read_model_metrics();
  ElaboratedModel finish();
  void finish_updates();
  void refuse_untrained_copies();
  void warn();
  bool in_library(SourceRange range) const;
  // Parameters that `from` depends on; `trained`: through gradients.
  std::set<std::string> reached(const std::vector<ir::Value>& from, bool trained) const;
  // Other than by the values in `except`.
  bool depends_on(ir::Value value, ir::Value on, const std::vector<ir::Value>& except) const;
  // Columns that `from` is computed from, other than by the values in `except`.
  std::set<std::string> inputs_of(const std::vector<ir::Value>& from, const std::vector<ir::Value>& except = {}) const;
  std::vector<std::string> columns_read(const TaskInfo& info, const std::vector<ir::Value>& from);
  bool selected(const TaskState& task) const {
    return options_.tasks.empty() || options_.tasks.count(task.info.name) > 0;
  }

  const sema::CheckedFile& file_;
  const ElaborateOptions& options_;
  diag::Emitter& emitter_;
  sema::StaticBudget budget_;
  sema::StaticEvaluator statics_;
  ir::Graph graph_;
  ir::Builder builder_;
  const KnownLayers& known_;
  bool failed_ = false;
  bool waits_ = false;

  Frame model_frame_;
  std::vector<TaskState> tasks_;
  int current_task_ = -1;
  struct ModelItem {
    const syntax::Stmt* stmt = nullptr;
    bool busy = false;
    bool used = false;
    std::optional<Value> layer;  // of layers: the same for all tasks
    std::map<int, Value> let;    // by task
  };
  std::map<std::string, ModelItem> items_;
  // A model's `var`s, and the statements that give them values, in order: `var`, `name =`, `for`. The values behind
  // the first n of them, by (task, n).
  std::set<std::string> variables_;
  std::vector<const syntax::Stmt*> steps_;
  std::map<std::pair<int, size_t>, std::map<std::string, Binding>> stepped_;
  const syntax::Expr* balance_setting_ = nullptr;
  Balance balance_ = Balance::fixed;
  ir::Value objective_;
  std::map<std::string, std::vector<ir::Value>> updates_;  // state -> its next values, one for each distinct call
  PlacePtr root_;
  std::vector<training::ModelMetric> metrics_;

  using NodeKey = std::tuple<std::string, std::vector<ir::Value>, ir::Attrs>;
  std::map<NodeKey, ir::NodeId> memo_;
  std::map<std::string, ParamRecord> params_;  // by path
  std::vector<std::string> param_order_;
  std::map<std::string, IdSetPtr> sets_of_layers_;  // path of a layer and `K` -> its set
  std::map<std::pair<std::string, std::pair<const void*, size_t>>, std::string> unnamed_;  // (owner, place) -> name
  std::vector<SourceRange> reading_;  // where the values of the model that are being computed were asked for
  std::set<std::pair<uint32_t, std::string>> failed_requirements_;  // (place in the file, path of the layer)
  std::map<std::string, std::set<std::string>> names_below_;        // owner -> names of unnamed layers
  HotRanges hot_;                                                   // what `one_hot` made
  std::map<std::pair<std::string, std::vector<ir::Value>>, int64_t> random_calls_;
  std::map<std::string, int64_t> random_counts_;
  std::map<std::string, std::map<uint32_t, int64_t>> random_places_;
  std::map<const syntax::Body*, std::set<std::string>> declared_;
  std::map<int64_t, std::string> known_sizes_;  // "|atis.slots|", for notes
  std::map<std::string, IdSetPtr> sets_;
  std::set<const syntax::Decl*> applied_;
  bool empty_set_ = false;  // the data has a column or vocabulary without members
  uint32_t calls_ = 0;
  int64_t statements_ = 0;
  int64_t layers_ = 0;
  int64_t composed_ = 0;  // parts of compositions that were copied
  bool out_of_budget_ = false;
};

std::string op_text(const std::string& op, const At& at);  // "`+`", "matrix product", the primitive that was called
// "1, 2, 3, 4, 6 and 12 divide 12": of many those next to `near`.
std::string divisors_text(int64_t number, int64_t near);
std::string missing_argument(const Layer& partial);
std::vector<std::string> names_of(const std::vector<syntax::Parameter>& parameters);
// A source name with a capital letter: a dimension.
bool is_dimension_name(const std::string& name);

}  // namespace mtl::elaborate
