// What runs along a ragged dimension: recurrences, windows, attention, conditional random fields; and the rest of
// `ops`. The sequence is the first of the two dimensions of the operand.
#include <algorithm>

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/ids.h"
#include "compiler/elaborate/tensors/lengths.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/pairs.h"
#include "compiler/elaborate/tensors/primitives.h"
#include "compiler/elaborate/tensors/random_keys.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
using Call = PrimitiveCall;
}

struct Primitives::Sequences {
  // The operand as a sequence of vectors, f32[T, D]; invalid after a report.
  static ir::Value vectors_of(Call& c, const std::string& name) {
    ir::Value x = tensor(c, name);
    if (!need_numbers(c.ctx, x, c.at_argument(name), "`" + std::string(c.primitive.name) + "`")) return {};
    const std::vector<Axis> axes = elaborate::axes(c.ctx, x, c.at.frame);
    if (axes.size() == 2 && !axes[1].ragged) return x;
    c.ctx.report(c.at, diag::NotASequence, std::string(c.primitive.name), shape_text(c.ctx, x, c.at.frame));
    return {};
  }
  static bool is_ragged(const Call& c, ir::Value x) { return c.ctx.type(x).rank() == 1; }
  // Where the sequence has a fixed length, its positions become rows (a fixed space is segmented like a ragged one),
  // and put_back() undoes it.
  static ir::Value sequence_of(Call& c, const std::string& name) {
    ir::Value x = vectors_of(c, name);
    if (!x.valid() || is_ragged(c, x)) return x;
    return emit(c.ctx, "map_in", {x}, c.at, {{"count", int64_t{1}}});
  }
  static Value put_back(Call& c, ir::Value y, const char* of = "x") {
    // A position of fixed sequences keeps its name; its features are new.
    DimNames known = names(c, of);
    if (!known.empty()) known.back().clear();
    if (y.valid() && c.ctx.spaces()[c.ctx.type(y).space].fixed && c.ctx.type(y).space != c.at.frame.base) {
      y = emit(c.ctx, "map_out", {y}, c.at, {{"count", int64_t{1}}});
    }
    const bool alike = y.valid() && known.size() == static_cast<size_t>(c.ctx.type(y).rank());
    return result(y, c, nullptr, alike ? std::move(known) : DimNames{});
  }

  // A weight, or a list of one for each direction.
  static std::vector<ir::Value> directions(Call& c, const std::string& name) {
    std::vector<ir::Value> each;
    const Value* value = c.find(name);
    if (!value) return each;
    if (!std::holds_alternative<ListPtr>(value->v)) return {tensor(c, name)};
    for (const Value& item : *std::get<ListPtr>(value->v)) each.push_back(to_tensor(c.ctx, item, c.at_argument(name)));
    return each;
  }

  // Gates of one step times hidden units: [gates * H, D] and [gates * H, H].
  static Value recurrence(Call& c, int64_t gates) {
    const ir::Value x = sequence_of(c, "x");
    const std::vector<ir::Value> w_ih = directions(c, "weight_ih"), w_hh = directions(c, "weight_hh");
    const std::vector<ir::Value> b_ih = directions(c, "bias_ih"), b_hh = directions(c, "bias_hh");
    auto reverse = flag(c, "reverse", false);
    if (!x.valid() || !reverse) return {};
    const size_t count = w_ih.size();
    const bool even = (count == 1 || count == 2) && w_hh.size() == count && (b_ih.empty() || b_ih.size() == count) &&
                      (b_hh.empty() || b_hh.size() == count);
    if (!even) {
      c.ctx.report(c.at, diag::DirectionsDiffer, std::string(c.primitive.name));
      return {};
    }
    std::vector<ir::Value> operands;
    Dim hidden;
    for (size_t i = 0; i < count; ++i) {
      if (!w_hh[i].valid() || c.ctx.type(w_hh[i]).rank() != 2) return {};
      hidden = c.ctx.type(w_hh[i]).dims[1];
      ir::Value g = emit(c.ctx, "linear", {x, w_ih[i]}, c.at);
      if (!b_ih.empty()) g = emit(c.ctx, "add", {g, b_ih[i]}, c.at);
      // The hidden part of a GRU's new gate takes its bias inside the reset gate, so it stays apart.
      if (gates == 4 && !b_hh.empty()) g = emit(c.ctx, "add", {g, b_hh[i]}, c.at);
      operands.push_back(g);
      operands.push_back(w_hh[i]);
      if (gates == 3) operands.push_back(b_hh.empty() ? zeros(c, Dim(3) * hidden) : b_hh[i]);
    }
    const ir::Attr units = hidden.constant() ? ir::Attr(*hidden.constant()) : ir::Attr(std::vector<Dim>{hidden});
    return put_back(
        c, emit(c.ctx, gates == 4 ? "lstm" : "gru", operands, c.at, {{"hidden", units}, {"reverse", *reverse}}));
  }
  static ir::Value zeros(Call& c, const Dim& size) {
    return emit(c.ctx, "full", {}, c.at, {{"value", 0.0}, {"dims", std::vector<Dim>{size}}});
  }
  static Value lstm(Call& c) { return recurrence(c, 4); }
  static Value gru(Call& c) { return recurrence(c, 3); }

  static Value svd_values(Call& c) {
    const ir::Value x = tensor(c, "x");
    return x.valid() ? result(emit(c.ctx, "svd_values", {x}, c.at), c) : Value{};
  }
  static Value windows(Call& c) {
    const ir::Value x = sequence_of(c, "x");
    auto size = integer(c, "size", 1);
    if (!x.valid() || !size) return {};
    auto before = integer(c, "before", (*size - 1) / 2);
    if (!before) return {};
    return put_back(c, emit(c.ctx, "windows", {x}, c.at, {{"size", *size}, {"before", *before}}));
  }
  // PyTorch's Conv1d with padding "same": weight[out, in, k] flattens onto the window's [in, k].
  static Value conv1d(Call& c) {
    const ir::Value x = sequence_of(c, "x");
    ir::Value weight = tensor(c, "weight");
    if (!x.valid() || !weight.valid()) return {};
    const std::vector<Dim> dims = c.ctx.type(weight).dims;
    if (dims.size() != 3 || !dims[2].constant()) {
      c.ctx.report(c.at, diag::ShapeMismatch, "`conv1d`",
                   "a weight is f32[out, in, size], not " + shape_text(c.ctx, weight, c.at.frame));
      return {};
    }
    const int64_t size = dims[2].value();
    ir::Value window = emit(c.ctx, "windows", {x}, c.at, {{"size", size}, {"before", (size - 1) / 2}});
    if (!window.valid()) return {};
    const Dim near = types::product(c.ctx.type(window).dims);
    window = emit(c.ctx, "reshape", {window}, c.at, {{"dims", std::vector<Dim>{near}}});
    weight = emit(c.ctx, "reshape", {weight}, c.at, {{"dims", std::vector<Dim>{dims[0], dims[1] * dims[2]}}});
    ir::Value y = emit(c.ctx, "linear", {window, weight}, c.at);
    if (c.find("bias")) y = emit(c.ctx, "add", {y, tensor(c, "bias")}, c.at);
    return put_back(c, y);
  }

  // Queries, keys and values as rows below the same rows; empty after a report.
  static std::vector<ir::Value> queries_keys_values(Call& c) {
    std::vector<ir::Value> all;
    std::optional<SpaceId> above = types::kUniform;
    for (const char* name : {"query", "key", "value"}) {
      ir::Value x = vectors_of(c, name);
      if (!x.valid()) return {};
      const SpaceId space = c.ctx.type(x).space;
      if (above) above = c.ctx.spaces().join(*above, is_ragged(c, x) ? c.ctx.spaces()[space].parent : space);
      all.push_back(x);
    }
    if (!above) {
      c.ctx.report(c.at, diag::NotSupportedYet, "`attention` over sequences of different rows");
      return {};
    }
    for (ir::Value& x : all) x = is_ragged(c, x) ? copy_rows(c.ctx, x, *above, c.at) : as_rows(c.ctx, x, *above, c.at);
    for (const ir::Value x : all) {
      if (!x.valid()) return {};
    }
    if (c.ctx.type(all[1]).space == c.ctx.type(all[2]).space) return all;
    const auto text = [&](const char* name) { return shape_text(c.ctx, tensor(c, name), c.at.frame); };
    c.ctx.report(c.at, diag::ShapeMismatch, "`attention`", "key is " + text("key") + ", value is " + text("value"));
    return {};
  }
  static Value attention(Call& c) {
    const std::vector<ir::Value> qkv = queries_keys_values(c);
    auto heads = integer(c, "heads", 1);
    auto drop = number(c, "drop", 0);
    auto causal = flag(c, "causal", false);
    if (qkv.empty() || !heads || !drop || !causal) return {};
    for (ir::Value x : qkv) {
      const Dim width = c.ctx.type(x).dims.back();
      if (*heads >= 1 && (!width.constant() || width.value() % *heads == 0)) continue;
      c.ctx.report(c.at, diag::HeadsDoNotDivide, *heads, width.text())
          .help(width.constant() ? divisors_text(width.value(), *heads) : "");
      return {};
    }
    const double rate = c.ctx.options.training ? *drop : 0;
    const int64_t key = rate > 0 ? mask_key(c.ctx, qkv, c.at) : 0;
    ir::Value seen =
        emit(c.ctx, "attention", qkv, c.at, {{"heads", *heads}, {"causal", *causal}, {"rate", rate}, {"key", key}});
    return put_back(c, seen, "query");
  }

  static Value dropout(Call& c) {
    ir::Value x = tensor(c, "x");
    auto rate = number(c, "rate", 0);
    if (!x.valid() || !rate) return Value{};
    if (*rate < 0 || *rate >= 1) {
      c.ctx.report(c.at_argument("rate"), diag::BadRate, c.find("rate")->as_static()->text());
      return Value{};
    }
    if (!c.ctx.options.training || *rate == 0) return c.bound.at("x").value;
    ir::Value dropped = emit(c.ctx, "dropout", {x}, c.at, {{"rate", *rate}, {"key", mask_key(c.ctx, {x}, c.at)}});
    return result(dropped, c, nullptr, names(c, "x"));
  }
  static Value layer_norm(Call& c) {
    auto eps = number(c, "eps", 1e-5);
    if (!eps) return Value{};
    return result(emit(c.ctx, "normalize", {tensor(c, "x")}, c.at, {{"eps", *eps}}), c, nullptr, names(c, "x"));
  }
  static ir::Value scores_of(Call& c) {
    ir::Value scores = tensor(c, "scores");
    if (!scores.valid()) return {};
    const std::vector<Axis> axes = elaborate::axes(c.ctx, scores, c.at.frame);
    if (axes.size() == 2 && axes[0].ragged && !axes[1].ragged) return scores;
    c.ctx.report(c.at, diag::NotASequence, std::string(c.primitive.name), shape_text(c.ctx, scores, c.at.frame));
    return {};
  }
  static Value crf_score(Call& c) {
    const std::vector<ir::Value> operands = {scores_of(c), tensor(c, "tags"), tensor(c, "transitions"),
                                             tensor(c, "start"), tensor(c, "end")};
    if (!operands[0].valid() || !operands[1].valid()) return Value{};
    const Dim classes = c.ctx.type(operands[0]).dims.back();
    const bool ids = c.ctx.type(operands[1]).dtype == types::DType::i32;  // if not, the op's own rule says so
    if (ids && !ids_fit(c.ctx, set_of(c, "tags"), classes, "the number of scores", c.at_argument("tags")))
      return Value{};
    return result(emit(c.ctx, "crf_score", operands, c.at), c);
  }
  static Value crf_logpartition(Call& c) {
    const std::vector<ir::Value> operands = {scores_of(c), tensor(c, "transitions"), tensor(c, "start"),
                                             tensor(c, "end")};
    return result(emit(c.ctx, "crf_logpartition", operands, c.at), c);
  }
  static Value crf_decode(Call& c) {
    ir::Value scores = scores_of(c);
    if (!scores.valid()) return {};
    const IdSetPtr set = set_of_op("crf_decode", c.ctx.type(scores).dims.back());
    const std::vector<ir::Value> operands = {scores, tensor(c, "transitions"), tensor(c, "start"), tensor(c, "end")};
    return result(emit(c.ctx, "crf_decode", operands, c.at), c, set);
  }
};

const Primitives::Table& Primitives::sequences() {
  using P = Sequences;
  static const Table table = {{"ops.lstm", P::lstm},         {"ops.gru", P::gru},
                              {"svd_values", P::svd_values}, {"ops.windows", P::windows},
                              {"ops.conv1d", P::conv1d},     {"attention", P::attention},
                              {"ops.dropout", P::dropout},   {"ops.layer_norm", P::layer_norm},
                              {"crf_score", P::crf_score},   {"crf_logpartition", P::crf_logpartition},
                              {"crf_decode", P::crf_decode}};
  return table;
}

}  // namespace mtl::elaborate
