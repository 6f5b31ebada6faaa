// The abstract syntax tree: what a user wrote, one struct per construct, no behaviour.
//
// Built by parse(); read by sema and elaborate. Broken parts are Error nodes, on which every later check is
// silent. Expressions and statements are variants: visit them with std::visit or std::get_if.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "support/base/source.h"

// One line for each construct reads as the table that it is.
// clang-format off
namespace mtl::syntax {

struct Name {
  std::string text;
  SourceRange range;
};

struct Expr;
struct Stmt;
using ExprPtr = std::unique_ptr<Expr>;
using Body = std::vector<Stmt>;

// ---- expressions ----

struct ErrorExpr {};
struct NameExpr { std::string name; };
struct IntExpr { int64_t value; };          // also 2M, 64k
struct FloatExpr { double value; };
struct PercentExpr { double fraction; };    // 10% is 0.1
struct BoolExpr { bool value; };
struct StringExpr {
  struct Part {
    std::string text;       // escapes resolved
    bool is_name = false;   // "{d}": a static name
  };
  std::vector<Part> parts;
};
// |atis.slots|, |en|, |tasks|, |target|, |review[d].mood|
struct SizeExpr {
  std::vector<std::string> path;
  std::optional<std::string> member;  // d, or with its quotes "sci-fi"
};
struct ListExpr {
  std::vector<ExprPtr> items;
  bool table = false;  // {"a": 1, "b": 2}: items are lists of a string and a value
};
struct GeneratorExpr {  // [item for i in xs for j in ys]
  struct Clause { Name variable; ExprPtr in; };
  ExprPtr item;
  std::vector<Clause> clauses;
};
struct IfExpr { ExprPtr condition, then, otherwise; };
struct MemberExpr { ExprPtr base; Name member; };
struct Argument {
  std::optional<Name> name;
  ExprPtr value;
};
struct CallExpr { ExprPtr callee; std::vector<Argument> arguments; };
struct IndexExpr {
  struct Item {
    enum class Kind : uint8_t { ellipsis, at, from } kind;  // `...`, `i` (or a range a..b), `a..`
    ExprPtr value;
    SourceRange range;
  };
  ExprPtr base;
  std::vector<Item> items;
};
enum class UnaryOp : uint8_t { negate, logical_not };
enum class BinaryOp : uint8_t {
  power, multiply, divide, matmul, add, subtract, range,
  equal, not_equal, less, less_equal, greater, greater_equal,
  logical_and, logical_or, compose, pipe
};
struct UnaryExpr { UnaryOp op; ExprPtr operand; };
struct BinaryExpr { BinaryOp op; ExprPtr left, right; SourceRange op_range; };
struct WildcardExpr { bool deep; };  // * and **; only in the paths of `require`

struct Expr {
  SourceRange range;
  std::variant<ErrorExpr, NameExpr, IntExpr, FloatExpr, PercentExpr, BoolExpr, StringExpr, SizeExpr, ListExpr,
               GeneratorExpr, IfExpr, MemberExpr, CallExpr, IndexExpr, UnaryExpr, BinaryExpr, WildcardExpr>
      node;
};

// ---- types ----

struct TypeExpr {
  struct DimItem {
    enum class Kind : uint8_t { rest, size, of } kind;  // `...`, an expression, `S of T`
    ExprPtr size;
    Name inner, outer;  // of
    SourceRange range;
  };
  Name name;                        // f32, bool, token, id, label, list, layer, int, ...
  std::vector<ExprPtr> arguments;   // token(en), label("neg", "pos"), id(K)
  std::vector<Argument> settings;   // category(unknown = 1%)
  bool has_arguments = false;
  std::vector<DimItem> dims;        // also list[layer], as one size
  bool has_dims = false;
  SourceRange range;
  bool error = false;
};

struct Parameter {
  Name name;
  TypeExpr type;
  ExprPtr default_value;  // may be null
};

struct ResultType {
  struct Field { Name name; TypeExpr type; };
  std::optional<TypeExpr> single;
  std::vector<Field> fields;
};

// ---- statements ----

enum class Owner : uint8_t { enclosing, shared, private_ };

// a[n]: n layers;  a[i in xs]: one for each i
struct DeclName {
  struct Index { std::optional<Name> variable; ExprPtr count; };
  Name name;
  std::vector<Index> indices;
};
struct LayerStmt { Owner owner; DeclName name; ExprPtr value; };  // layer / shared / private name = ...
struct ParamStmt {
  Owner owner;
  bool state;
  DeclName name;  // with indices: a family of parameters
  TypeExpr type;
  ExprPtr init;
};
struct LetStmt { Name name; std::optional<TypeExpr> type; ExprPtr value; };
struct VarStmt { Name name; ExprPtr value; };
struct AssignStmt { Name name; ExprPtr value; };  // a `var` in a body, a setting in a task or criterion
struct ForStmt { Name variable; ExprPtr in; Body body; };
struct IfStmt {
  struct Branch { ExprPtr condition; Body body; };  // a null condition is `else`
  std::vector<Branch> branches;
};
struct ReturnStmt {
  struct Field { Name name; ExprPtr value; };
  ExprPtr single;  // or
  std::vector<Field> fields;
};
struct PenaltyStmt { ExprPtr value; };
struct MonitorStmt { Name name; ExprPtr value; };
struct UpdateStmt { Name name; ExprPtr value; };
struct RequireStmt { ExprPtr condition; };
struct ErrorStmt {};

struct Stmt {
  SourceRange range;
  std::string doc;
  std::variant<ErrorStmt, LayerStmt, ParamStmt, LetStmt, VarStmt, AssignStmt, ForStmt, IfStmt, ReturnStmt, PenaltyStmt,
               MonitorStmt, UpdateStmt, RequireStmt>
      node;
};

// ---- declarations ----

struct Setting { Name name; ExprPtr value; SourceRange range; };

struct Family { Name variable; ExprPtr in; };  // data review[d in domains]

struct UseDecl {
  std::vector<Name> path;  // std.sequence, or
  std::string file;        // "path.mtl"
};
struct ConstDecl { Name name; ExprPtr value; };
struct VocabDecl { Name name; std::vector<Setting> settings; };
struct ColumnDecl { Name name; TypeExpr type; ExprPtr binding; SourceRange range; std::string doc; };
struct DataDecl {
  Name name;
  std::optional<Family> family;
  std::vector<Setting> settings;
  std::vector<ColumnDecl> columns;
};
struct ModuleDecl {
  Name name;
  std::vector<Parameter> statics, inputs;
  std::optional<ResultType> result;
  Body body;
};
struct FunctionDecl { Name name; std::vector<Parameter> inputs; std::optional<ResultType> result; Body body; };
struct CriterionDecl { Name name; std::vector<Parameter> statics, inputs; Body body; };
struct BalancerDecl {
  Name name;
  std::vector<Parameter> statics, inputs;
  std::optional<ResultType> result;
  Body body;
};
struct SweepDecl { Name name; std::vector<Setting> settings; };

// review[d].label: `member` is a word, a string or an int; null without brackets
struct ColumnRef { Name source; ExprPtr member; Name column; SourceRange range; };
struct PatternSegment { std::string text; /* name, * or ** */ ExprPtr index; std::optional<Name> task; ExprPtr task_member; };
struct Pattern { std::vector<PatternSegment> segments; SourceRange range; };

struct TaskDecl {
  Name name;
  std::optional<Family> family;
  std::optional<ColumnRef> predicts;
  std::optional<ColumnRef> when;
  Body body;  // settings are AssignStmt
  bool error = false;  // reported: the body is missing
};
struct MetricDecl { Name name; ExprPtr value; };
struct TieStmt { Pattern left, right; };
struct LoadStmt {
  Pattern target;
  std::string file;
  std::vector<Pattern> except;
  std::vector<Setting> settings;
  std::vector<std::pair<std::string, std::string>> renames;
};
struct FreezeStmt {
  Pattern target;
  std::vector<Pattern> except;
  enum class Until : uint8_t { never, epoch, step } until = Until::never;
  ExprPtr limit;
};
struct WrapStmt { Pattern target; ExprPtr with; };
struct ProjectStmt { Pattern target; ExprPtr onto; };
// batch = 16, batch[news] = 16, batch[review[books]] = 16
struct TrainSetting { Name name; std::optional<Name> source; ExprPtr member; ExprPtr value; SourceRange range; };
struct TrainGroup { Pattern target; std::vector<Setting> settings; SourceRange range; };
struct TrainBlock { std::vector<TrainSetting> settings; std::vector<TrainGroup> groups; };

struct ModelItem {
  SourceRange range;
  std::string doc;
  std::variant<TaskDecl, MetricDecl, TieStmt, LoadStmt, FreezeStmt, WrapStmt, ProjectStmt, TrainBlock, Stmt> node;
};
struct ModelDecl { Name name; std::vector<ModelItem> items; };

struct Decl {
  SourceRange range;
  std::string doc;
  std::variant<UseDecl, ConstDecl, VocabDecl, DataDecl, ModuleDecl, FunctionDecl, CriterionDecl, BalancerDecl,
               ModelDecl, SweepDecl>
      node;
};

struct File {
  FileId file = 0;
  std::vector<Decl> decls;
};

}  // namespace mtl::syntax
