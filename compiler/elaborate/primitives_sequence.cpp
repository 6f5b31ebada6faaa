// What runs along a ragged dimension: recurrences, windows, attention, conditional random fields; and the rest of
// `ops`. The sequence is the innermost ragged dimension of the operand.
#include "compiler/elaborate/primitives.h"

namespace mtl::elaborate {

namespace {
using Call = PrimitiveCall;
}

const Primitives::Table& Primitives::sequences() {
  // The operand as a sequence of vectors, f32[T, D]; invalid after a report.
  static const auto sequence = [](Call& c, const std::string& name) {
    ir::Value x = tensor(c, name);
    if (!x.valid()) return x;
    const std::vector<Axis> all = c.e.axes(x, c.at.frame);
    if (all.size() == 2 && all[0].ragged && !all[1].ragged) return x;
    const bool fixed = all.size() == 2 && !all[0].ragged;
    if (fixed) {
      c.e.report(c.at, diag::NotSupportedYet,
                 "a sequence of fixed length, " + c.e.shape_text(x, c.at.frame) + ", in `" +
                     std::string(c.primitive.name) + "`");
    } else {
      c.e.report(c.at, diag::NotASequence, std::string(c.primitive.name), c.e.shape_text(x, c.at.frame));
    }
    return ir::Value{};
  };
  // A weight, or a list of one for each direction.
  static const auto directions = [](Call& c, const std::string& name) {
    std::vector<ir::Value> each;
    const Value* value = c.find(name);
    if (!value) return each;
    if (!std::holds_alternative<ListPtr>(value->v)) return std::vector<ir::Value>{tensor(c, name)};
    for (const Value& item : *std::get<ListPtr>(value->v)) each.push_back(c.e.to_tensor(item, c.at_argument(name)));
    return each;
  };
  // Gates of one step times hidden units: [gates * H, D] and [gates * H, H].
  static const auto recurrence = [](Call& c, int64_t gates) {
    ir::Value x = sequence(c, "x");
    std::vector<ir::Value> w_ih = directions(c, "weight_ih"), w_hh = directions(c, "weight_hh");
    std::vector<ir::Value> b_ih = directions(c, "bias_ih"), b_hh = directions(c, "bias_hh");
    auto reverse = flag(c, "reverse", false);
    if (!x.valid() || !reverse) return Value{};
    const size_t count = w_ih.size();
    const bool even = (count == 1 || count == 2) && w_hh.size() == count && (b_ih.empty() || b_ih.size() == count) &&
                      (b_hh.empty() || b_hh.size() == count);
    if (!even) {
      c.e.report(c.at, diag::DirectionsDiffer, std::string(c.primitive.name));
      return Value{};
    }
    std::vector<ir::Value> operands;
    Dim hidden;
    for (size_t i = 0; i < count; ++i) {
      if (!w_hh[i].valid() || c.e.type(w_hh[i]).rank() != 2) return Value{};
      hidden = c.e.type(w_hh[i]).dims[1];
      ir::Value g = c.e.emit("linear", {x, w_ih[i]}, c.at);
      if (!b_ih.empty()) g = c.e.emit("add", {g, b_ih[i]}, c.at);
      // The hidden part of a GRU's new gate takes its bias inside the reset gate, so it stays apart.
      if (gates == 4 && !b_hh.empty()) g = c.e.emit("add", {g, b_hh[i]}, c.at);
      operands.push_back(g);
      operands.push_back(w_hh[i]);
      if (gates == 3) {
        ir::Value bias = b_hh.empty()
                             ? c.e.emit("full", {}, c.at, {{"value", 0.0}, {"dims", std::vector<Dim>{Dim(3) * hidden}}})
                             : b_hh[i];
        operands.push_back(bias);
      }
    }
    ir::Attr units = hidden.constant() ? ir::Attr(*hidden.constant()) : ir::Attr(std::vector<Dim>{hidden});
    return result(c.e.emit(gates == 4 ? "lstm" : "gru", operands, c.at, {{"hidden", units}, {"reverse", *reverse}}), c);
  };
  static const Run lstm = [](Call& c) { return recurrence(c, 4); };
  static const Run gru = [](Call& c) { return recurrence(c, 3); };
  static const auto windows_of = [](Call& c, ir::Value x, int64_t size, int64_t before) {
    return c.e.emit("windows", {x}, c.at, {{"size", size}, {"before", before}});
  };
  static const Run windows = [](Call& c) {
    ir::Value x = sequence(c, "x");
    auto size = integer(c, "size", 1);
    if (!x.valid() || !size) return Value{};
    auto before = integer(c, "before", (*size - 1) / 2);
    return before ? result(windows_of(c, x, *size, *before), c) : Value{};
  };
  // PyTorch's Conv1d with padding "same": weight[out, in, k] flattens onto the window's [in, k].
  static const Run conv1d = [](Call& c) {
    ir::Value x = sequence(c, "x"), weight = tensor(c, "weight");
    if (!x.valid() || !weight.valid()) return Value{};
    const std::vector<Dim> dims = c.e.type(weight).dims;
    if (dims.size() != 3 || !dims[2].constant()) {
      c.e.report(c.at, diag::ShapeMismatch, "`conv1d`",
                 "a weight is f32[out, in, size], not " + c.e.shape_text(weight, c.at.frame));
      return Value{};
    }
    const int64_t size = dims[2].value();
    ir::Value window = windows_of(c, x, size, (size - 1) / 2);
    if (!window.valid()) return Value{};
    const std::vector<Dim> near = c.e.type(window).dims;
    window = c.e.emit("reshape", {window}, c.at, {{"dims", std::vector<Dim>{types::product(near)}}});
    weight = c.e.emit("reshape", {weight}, c.at, {{"dims", std::vector<Dim>{dims[0], dims[1] * dims[2]}}});
    ir::Value y = c.e.emit("linear", {window, weight}, c.at);
    if (c.find("bias")) y = c.e.emit("add", {y, tensor(c, "bias")}, c.at);
    return result(y, c);
  };
  static const Run attention = [](Call& c) {
    ir::Value q = sequence(c, "query"), k = sequence(c, "key"), v = sequence(c, "value");
    auto heads = integer(c, "heads", 1);
    auto drop = number(c, "drop", 0);
    auto causal = flag(c, "causal", false);
    if (!q.valid() || !k.valid() || !v.valid() || !heads || !drop || !causal) return Value{};
    if (c.e.type(q).space != c.e.type(k).space || c.e.type(k).space != c.e.type(v).space) {
      c.e.report(c.at, diag::NotSupportedYet, "attention from one sequence to another");
      return Value{};
    }
    for (ir::Value x : {q, k, v}) {
      const Dim width = c.e.type(x).dims.back();
      if (*heads >= 1 && (!width.constant() || width.value() % *heads == 0)) continue;
      c.e.report(c.at, diag::HeadsDoNotDivide, *heads, width.text());
      return Value{};
    }
    const double rate = c.e.options_.training ? *drop : 0;
    const int64_t key = rate > 0 ? c.e.random_key({q, k, v}, c.at) : 0;
    return result(
        c.e.emit("attention", {q, k, v}, c.at, {{"heads", *heads}, {"causal", *causal}, {"rate", rate}, {"key", key}}),
        c);
  };
  static const Run dropout = [](Call& c) {
    ir::Value x = tensor(c, "x");
    auto rate = number(c, "rate", 0);
    if (!x.valid() || !rate) return Value{};
    if (*rate < 0 || *rate >= 1) {
      c.e.report(c.at, diag::BadRate, c.find("rate")->as_static()->text());
      return Value{};
    }
    if (!c.e.options_.training || *rate == 0) return c.bound.at("x").value;
    return result(c.e.emit("dropout", {x}, c.at, {{"rate", *rate}, {"key", c.e.random_key({x}, c.at)}}), c);
  };
  static const Run layer_norm = [](Call& c) {
    auto eps = number(c, "eps", 1e-5);
    return eps ? result(c.e.emit("normalize", {tensor(c, "x")}, c.at, {{"eps", *eps}}), c) : Value{};
  };
  static const auto crf = [](Call& c, const char* op, std::vector<ir::Value> operands, IdSetPtr set = nullptr) {
    return result(c.e.emit(op, operands, c.at), c, std::move(set));
  };
  static const Run crf_score = [](Call& c) {
    return crf(
        c, "crf_score",
        {sequence(c, "scores"), tensor(c, "tags"), tensor(c, "transitions"), tensor(c, "start"), tensor(c, "end")});
  };
  static const Run crf_logpartition = [](Call& c) {
    return crf(c, "crf_logpartition",
               {sequence(c, "scores"), tensor(c, "transitions"), tensor(c, "start"), tensor(c, "end")});
  };
  static const Run crf_decode = [](Call& c) {
    ir::Value scores = sequence(c, "scores");
    if (!scores.valid()) return Value{};
    auto set = std::make_shared<IdSet>();
    set->size = c.e.type(scores).dims.back();
    return crf(c, "crf_decode", {scores, tensor(c, "transitions"), tensor(c, "start"), tensor(c, "end")}, set);
  };
  // For the library: an argument that is known and has no effect yet.
  static const Run unsupported = [](Call& c) {
    const StaticValue* what = c.find("what")->as_static();
    c.e.report(c.at, diag::NotSupportedYet, what && what->is_text() ? "`" + what->string() + "`" : "this");
    return Value{};
  };
  static const Table table = {{"ops.unsupported", unsupported},
                              {"ops.lstm", lstm},
                              {"ops.gru", gru},
                              {"ops.windows", windows},
                              {"ops.conv1d", conv1d},
                              {"attention", attention},
                              {"ops.dropout", dropout},
                              {"ops.layer_norm", layer_norm},
                              {"crf_score", crf_score},
                              {"crf_logpartition", crf_logpartition},
                              {"crf_decode", crf_decode}};
  return table;
}

}  // namespace mtl::elaborate
