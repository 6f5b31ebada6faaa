// An expression to a Value: what is static is computed, what is not becomes nodes, layers stay descriptions until they
// are declared or applied.
#pragma once
#include "compiler/elaborate/bodies/context.h"

namespace mtl::elaborate {

Value evaluate(BodyContext& ctx, const syntax::Expr& expr, Frame& frame);
// What is called: a task's name is no callee, so there it does not hide a function of the same name.
Value evaluate_callee(BodyContext& ctx, const syntax::Expr& expr, Frame& frame);
Value evaluate_node(BodyContext& ctx, const syntax::Expr& expr, Frame& frame);
Value evaluate_size(BodyContext& ctx, const syntax::SizeExpr& node, SourceRange range, Frame& frame);
Value evaluate_list(BodyContext& ctx, const syntax::ListExpr& node, SourceRange range, Frame& frame);
Value evaluate_generator(BodyContext& ctx, const syntax::GeneratorExpr& node, SourceRange range, Frame& frame);
bool generate(BodyContext& ctx, const syntax::GeneratorExpr& node, size_t clause, Frame& frame,
              std::vector<Value>& out);
Value evaluate_if(BodyContext& ctx, const syntax::IfExpr& node, Frame& frame);
Value evaluate_index(BodyContext& ctx, const syntax::IndexExpr& node, SourceRange range, Frame& frame);
std::optional<Value> path_below(BodyContext& ctx, const PathRef& path, std::span<const syntax::IndexExpr::Item> items,
                                const At& at);
Value evaluate_unary(BodyContext& ctx, const syntax::UnaryExpr& node, SourceRange range, Frame& frame);
Value evaluate_binary(BodyContext& ctx, const syntax::BinaryExpr& node, SourceRange range, Frame& frame,
                      const syntax::Expr& expr);
Value make_list(BodyContext& ctx, std::vector<Value> items, SourceRange range, Frame& frame);
// With a wanted form; nullopt after a report.
std::optional<bool> condition(BodyContext& ctx, const syntax::Expr& expr, Frame& frame, std::string_view what);

}  // namespace mtl::elaborate
