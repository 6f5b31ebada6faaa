// See not_supported.h.
#include "compiler/sema/not_supported.h"

namespace mtl::sema {

std::span<const std::string_view> planned_names() {
  static constexpr std::string_view names[] = {"batch_norm", "conv2d",    "resnet",   "segnet",   "bert",
                                               "decoder",    "adashare",  "biaffine", "bilinear", "tree",
                                               "next_token", "span_ends", "copy"};
  return names;
}

std::span<const std::string_view> planned_files() {
  static constexpr std::string_view names[] = {"std.vision", "std.parsing"};
  return names;
}

std::span<const NotSupported> not_supported() {
  static constexpr NotSupported rows[] = {
      // ---- declarations ----
      {.feature = "a balancer that reads `gram`, products of the tasks' gradients",
       .code = "E0903",
       .instead = "one that reads `losses`",
       .place = "declaration",
       .example = "balancer mine()(losses: f32[N], gram: f32[N, N]) -> f32[N] { return gram @ losses }\n@@model "
                  "balance = mine()"},
      {.feature = "`sweep`: it is read and ignored",
       .code = "W0100",
       .instead = "a `const` and `--set name=value` in a loop of the shell",
       .place = "declaration",
       .example = "sweep sizes { width = [64, 128] }"},
      {.feature = "the library files `std.vision` and `std.parsing`",
       .code = "E0900",
       .place = "declaration",
       .example = "use std.vision"},
      // ---- statements ----
      {.feature = "`project`", .code = "E0901", .place = "model", .example = "project encoder onto max_norm(3.0)"},
      // ---- types and targets ----
      {.feature = "`[S of T]`: positions that belong to positions of another dimension",
       .code = "E0905",
       .place = "data",
       .example =
           "pieces : token(en)[S of T] = column(0)\n@@model task extra predicts news.score { head = r |> linear(1) }"},
      {.feature = "targets of type `token(V)[T]`",
       .code = "E0904",
       .instead = "a `label[T]` column",
       .place = "model",
       .example = "task extra predicts news.words { head = h |> linear(|target|) }"},
      {.feature = "`previous` of a target that is a sequence",
       .code = "E0906",
       .place = "model",
       .example = "task extra predicts news.tags { head = encoder(previous) |> linear(|target|) }"},
      // ---- names ----
      {.feature = "`|batch|` and `batch.index`", .code = "E0906", .place = "value", .example = "full(1.0, [|batch|])"},
      {.feature = "`per =` of reductions", .code = "E0940", .place = "value", .example = "mean(h, per = T)"},
      // ---- forms of ragged dimensions ----
      {.feature = "slices, `concat` and `pad` of a dimension in which another is nested",
       .code = "E0940",
       .place = "value",
       .example = "encoder(news.letters)[1..]"},
      {.feature = "a head or an output of pairs, f32[T, T] or f32[Q, C]",
       .code = "E0940",
       .instead = "a reduction over one of the two",
       .place = "model",
       .example = "task shown { head = h @ transpose(h) }"},
      {.feature = "a head that is a stack of sequences, f32[2, T, D]",
       .code = "E0940",
       .instead = "`mix` or `over = 0` in front",
       .place = "model",
       .example = "task shown { head = stack([h, h]) }"},
      {.feature = "a target with a dimension nested in another, label[T, C]",
       .code = "E0940",
       .place = "data",
       .example = "inner : label[T, C] = column(0) |> characters\n@@model task more predicts news.inner { head = "
                  "encoder(news.letters) |> linear(|target|) }"},
      {.feature = "products and `transpose` of a sequence with one that is nested in it",
       .code = "E0940",
       .place = "value",
       .example = "sum(h @ transpose(encoder(news.letters)))"},
      {.feature = "`full` with a fixed dimension between ragged ones",
       .code = "E0940",
       .place = "value",
       .example = "full(0.5, [T, 4, C])"},
      {.feature = "an index by ids of a dimension in which another is nested",
       .code = "E0940",
       .place = "value",
       .example = "encoder(news.letters)[news.words]"},
      {.feature = "`top_k` over a ragged dimension",
       .code = "E0940",
       .place = "value",
       .example = "top_k(h[..., 0], 2).values"},
      {.feature = "`transpose` of one vector",
       .code = "E0940",
       .instead = "`reshape(x, [n, 1])`",
       .place = "value",
       .example = "transpose(r)"},
      {.feature = "an index by ids behind another dimension",
       .code = "E0940",
       .instead = "`transpose` in front of the index",
       .place = "value",
       .example = "full(0.5, [4, 4])[0..2, argmax(h[..., 0..4])]"},
      {.feature = "f32[3, 1] beside f32[Q]: a literal 1 that a ragged dimension repeats behind a fixed one",
       .code = "E0940",
       .place = "value",
       .example = "full(0.5, [3, 1]) * h[..., 0]"},
      {.feature = "`div` and `mod` of a ragged dimension",
       .code = "E0940",
       .place = "value",
       .example = "full(1.0, [div(T, 2)])"}};
  return rows;
}

}  // namespace mtl::sema
