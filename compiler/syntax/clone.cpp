// One overload for each kind of node. What holds no other nodes is copied as it is.
#include "compiler/syntax/clone.h"

#include <type_traits>
#include <utility>

namespace mtl::syntax {
namespace {

std::vector<Argument> clone_arguments(const std::vector<Argument>& arguments) {
  std::vector<Argument> out;
  for (const Argument& argument : arguments) out.push_back({argument.name, clone(argument.value)});
  return out;
}

struct ExprCloner {
  using Node = decltype(Expr::node);
  Node operator()(const ListExpr& e) const {
    ListExpr out;
    out.table = e.table;
    for (const ExprPtr& item : e.items) out.items.push_back(clone(item));
    return out;
  }
  Node operator()(const GeneratorExpr& e) const {
    GeneratorExpr out{clone(e.item), {}};
    for (const GeneratorExpr::Clause& clause : e.clauses) out.clauses.push_back({clause.variable, clone(clause.in)});
    return out;
  }
  Node operator()(const IfExpr& e) const { return IfExpr{clone(e.condition), clone(e.then), clone(e.otherwise)}; }
  Node operator()(const MemberExpr& e) const { return MemberExpr{clone(e.base), e.member}; }
  Node operator()(const CallExpr& e) const { return CallExpr{clone(e.callee), clone_arguments(e.arguments)}; }
  Node operator()(const IndexExpr& e) const {
    IndexExpr out{clone(e.base), {}};
    for (const IndexExpr::Item& item : e.items) out.items.push_back({item.kind, clone(item.value), item.range});
    return out;
  }
  Node operator()(const UnaryExpr& e) const { return UnaryExpr{e.op, clone(e.operand)}; }
  Node operator()(const BinaryExpr& e) const { return BinaryExpr{e.op, clone(e.left), clone(e.right), e.op_range}; }
  template <class Leaf>
  Node operator()(const Leaf& e) const {
    static_assert(std::is_copy_constructible_v<Leaf>);
    return e;
  }
};

TypeExpr clone_type(const TypeExpr& type) {
  TypeExpr out;
  out.name = type.name;
  for (const ExprPtr& argument : type.arguments) out.arguments.push_back(clone(argument));
  out.settings = clone_arguments(type.settings);
  out.has_arguments = type.has_arguments;
  for (const TypeExpr::DimItem& item : type.dims)
    out.dims.push_back({item.kind, clone(item.size), item.inner, item.outer, item.range});
  out.has_dims = type.has_dims;
  out.range = type.range;
  out.error = type.error;
  return out;
}

DeclName clone_name(const DeclName& name) {
  DeclName out{name.name, {}};
  for (const DeclName::Index& index : name.indices) out.indices.push_back({index.variable, clone(index.count)});
  return out;
}

struct StmtCloner {
  using Node = decltype(Stmt::node);
  Node operator()(const ErrorStmt& s) const { return s; }
  Node operator()(const LayerStmt& s) const { return LayerStmt{s.owner, clone_name(s.name), clone(s.value)}; }
  Node operator()(const ParamStmt& s) const {
    return ParamStmt{s.owner, s.state, clone_name(s.name), clone_type(s.type), clone(s.init)};
  }
  Node operator()(const LetStmt& s) const {
    return LetStmt{s.name, s.type ? std::optional(clone_type(*s.type)) : std::nullopt, clone(s.value)};
  }
  Node operator()(const VarStmt& s) const { return VarStmt{s.name, clone(s.value)}; }
  Node operator()(const AssignStmt& s) const { return AssignStmt{s.name, clone(s.value)}; }
  Node operator()(const ForStmt& s) const { return ForStmt{s.variable, clone(s.in), clone(s.body)}; }
  Node operator()(const IfStmt& s) const {
    IfStmt out;
    for (const IfStmt::Branch& branch : s.branches)
      out.branches.push_back({clone(branch.condition), clone(branch.body)});
    return out;
  }
  Node operator()(const ReturnStmt& s) const {
    ReturnStmt out{clone(s.single), {}};
    for (const ReturnStmt::Field& field : s.fields) out.fields.push_back({field.name, clone(field.value)});
    return out;
  }
  Node operator()(const PenaltyStmt& s) const { return PenaltyStmt{clone(s.value)}; }
  Node operator()(const MonitorStmt& s) const { return MonitorStmt{s.name, clone(s.value)}; }
  Node operator()(const UpdateStmt& s) const { return UpdateStmt{s.name, clone(s.value)}; }
  Node operator()(const RequireStmt& s) const { return RequireStmt{clone(s.condition)}; }
};

std::optional<Family> clone_family(const std::optional<Family>& family) {
  if (!family) return std::nullopt;
  return Family{family->variable, clone(family->in)};
}

std::optional<ColumnRef> clone_column(const std::optional<ColumnRef>& ref) {
  if (!ref) return std::nullopt;
  return ColumnRef{ref->source, clone(ref->member), ref->column, ref->range};
}

}  // namespace

Expr clone(const Expr& expr) {
  return {expr.range, std::visit(ExprCloner{}, expr.node)};
}

ExprPtr clone(const ExprPtr& expr) {
  return expr ? std::make_unique<Expr>(clone(*expr)) : nullptr;
}

Body clone(const Body& body) {
  Body out;
  for (const Stmt& stmt : body) out.push_back({stmt.range, stmt.doc, std::visit(StmtCloner{}, stmt.node)});
  return out;
}

Pattern clone(const Pattern& pattern) {
  Pattern out;
  out.range = pattern.range;
  for (const PatternSegment& segment : pattern.segments)
    out.segments.push_back({segment.text, clone(segment.index), segment.task, clone(segment.task_member)});
  return out;
}

std::vector<Pattern> clone(const std::vector<Pattern>& patterns) {
  std::vector<Pattern> out;
  for (const Pattern& pattern : patterns) out.push_back(clone(pattern));
  return out;
}

std::vector<Setting> clone(const std::vector<Setting>& settings) {
  std::vector<Setting> out;
  for (const Setting& setting : settings) out.push_back({setting.name, clone(setting.value), setting.range});
  return out;
}

DataDecl clone(const DataDecl& decl) {
  DataDecl out{decl.name, clone_family(decl.family), clone(decl.settings), {}};
  for (const ColumnDecl& column : decl.columns)
    out.columns.push_back({column.name, clone_type(column.type), clone(column.binding), column.range, column.doc});
  return out;
}

TaskDecl clone(const TaskDecl& decl) {
  return {decl.name, clone_family(decl.family), clone_column(decl.predicts), clone_column(decl.when), clone(decl.body),
          decl.error};
}

std::vector<Expr*> children(Expr& expr) {
  std::vector<Expr*> out;
  const auto add = [&](const ExprPtr& child) {
    if (child) out.push_back(child.get());
  };
  if (auto* list = std::get_if<ListExpr>(&expr.node)) {
    for (const ExprPtr& item : list->items) add(item);
  } else if (auto* generator = std::get_if<GeneratorExpr>(&expr.node)) {
    add(generator->item);
    for (const GeneratorExpr::Clause& clause : generator->clauses) add(clause.in);
  } else if (auto* choice = std::get_if<IfExpr>(&expr.node)) {
    for (const ExprPtr* part : {&choice->condition, &choice->then, &choice->otherwise}) add(*part);
  } else if (auto* member = std::get_if<MemberExpr>(&expr.node)) {
    add(member->base);
  } else if (auto* call = std::get_if<CallExpr>(&expr.node)) {
    add(call->callee);
    for (const Argument& argument : call->arguments) add(argument.value);
  } else if (auto* index = std::get_if<IndexExpr>(&expr.node)) {
    add(index->base);
    for (const IndexExpr::Item& item : index->items) add(item.value);
  } else if (auto* unary = std::get_if<UnaryExpr>(&expr.node)) {
    add(unary->operand);
  } else if (auto* binary = std::get_if<BinaryExpr>(&expr.node)) {
    add(binary->left);
    add(binary->right);
  }
  return out;
}

}  // namespace mtl::syntax
