// Types: which set in parentheses, which shape in brackets.
#include "compiler/syntax/tree_builder.h"
#include "support/diag/kinds/syntax.h"

namespace mtl::syntax {

TypeExpr TreeBuilder::type(Tok::TypeContext* context) {
  TypeExpr out;
  out.range = range(context);
  out.error = broken(context) || name(context->name()).text.empty();
  if (!context) return out;
  out.name = name(context->name());
  if (auto* arguments = context->typeArguments()) {
    out.has_arguments = true;
    for (Tok::ArgContext* one : arguments->arg()) {
      if (one->name())
        out.settings.push_back({name(one->name()), expr(one->expr())});
      else
        out.arguments.push_back(expr(one->expr()));
    }
    out.error = out.error || broken(arguments);
  }
  if (auto* dims = context->typeDims()) {
    out.has_dims = true;
    for (Tok::DimContext* one : dims->dim()) out.dims.push_back(dim(one));
    out.error = out.error || broken(dims);
    for (size_t i = 1; i < out.dims.size(); ++i) {
      if (out.dims[i].kind != TypeExpr::DimItem::Kind::rest) continue;
      emitter_.report(diag::EllipsisPlace)
          .at(out.dims[i].range)
          .help("dimensions are known from the last one on: write `" + out.name.text + "[..., D]`");
      out.error = true;
    }
  }
  return out;
}

std::optional<TypeExpr> TreeBuilder::optional_type(Tok::TypeContext* context) {
  if (!context) return std::nullopt;
  return type(context);
}

TypeExpr::DimItem TreeBuilder::dim(Tok::DimContext* context) {
  TypeExpr::DimItem out;
  out.range = range(context);
  if (context->ELLIPSIS()) {
    out.kind = TypeExpr::DimItem::Kind::rest;
  } else if (context->OF()) {
    out.kind = TypeExpr::DimItem::Kind::of;
    out.inner = name(context->name(0));
    out.outer = name(context->name(1));
  } else {
    out.kind = TypeExpr::DimItem::Kind::size;
    out.size = expr(context->expr());
  }
  return out;
}

std::optional<ResultType> TreeBuilder::result(Tok::ResultContext* context) {
  if (!context) return std::nullopt;
  ResultType out;
  out.single = optional_type(context->type());
  for (Tok::FieldContext* field : context->field()) {
    out.fields.push_back({name(field->name()), type(field->type())});
  }
  return out;
}

}  // namespace mtl::syntax
