// TODO purpose.
#pragma once
#include "compiler/elaborate/tensors/context.h"

namespace mtl::elaborate {

bool innermost(TensorContext& ctx, ir::Value x, int axis, const std::string& what, const At& at);
ir::Value row_at(TensorContext& ctx, ir::Value x, const Value& index, const At& at);
Value slice_axis(TensorContext& ctx, const Tensor& tensor, int axis, const Value& from, const Value& to, const At& at);
Value index_ids(TensorContext& ctx, const Tensor& tensor, int axis, const Tensor& ids, const At& at);
Value rows_of_table(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at);
Value rows_of_matrix(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at);
Value rows_by_ids(TensorContext& ctx, const Tensor& tensor, const Tensor& ids, const At& at);
Value pairs_by_ids(TensorContext& ctx, const Tensor& tensor, ir::Value rows, const Tensor& ids, const At& at);
Value gather_rows(TensorContext& ctx, const Tensor& tensor, ir::Value rows, const Tensor& ids, const DimNames& of_row,
                  const At& at);
Value index_axis(TensorContext& ctx, const Tensor& tensor, int axis, const Value& index, const At& at, bool& dropped);

}  // namespace mtl::elaborate
