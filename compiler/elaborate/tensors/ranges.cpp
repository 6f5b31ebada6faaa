// What numbers a value can be, as far as the ops that it is made by say: enough to tell a score from a probability.
#include "compiler/elaborate/tensors/ranges.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/ops/attrs.h"
#include "compiler/ops/op.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int kRangeDepth = 100;  // ops between a head and what bounds it

using Range = NumberRange;
using MaybeRange = std::optional<Range>;

double times(double a, double b) {
  return a == 0 || b == 0 ? 0 : a * b;  // also of infinities, which are ends that are not reached
}

Range product(const Range& a, const Range& b) {
  const auto ends = {times(a.low, b.low), times(a.low, b.high), times(a.high, b.low), times(a.high, b.high)};
  return {std::min(ends), std::max(ends)};
}

template <class F>
Range rising(const Range& x, F f) {
  return {f(x.low), f(x.high)};
}

MaybeRange of_unary(const std::string& op, const Range& x) {
  if (op == "neg") return Range{-x.high, -x.low};
  if (op == "exp") return rising(x, [](double v) { return std::exp(v); });
  if (op == "tanh") return rising(x, [](double v) { return std::tanh(v); });
  if (op == "relu") return rising(x, [](double v) { return std::max(v, 0.0); });
  if (op == "softplus") return rising(x, [](double v) { return v > 30 ? v : std::log1p(std::exp(v)); });
  if (op == "abs" || op == "square") {
    const double low = x.low <= 0 && x.high >= 0 ? 0 : std::min(std::abs(x.low), std::abs(x.high));
    const double high = std::max(std::abs(x.low), std::abs(x.high));
    return op == "abs" ? Range{low, high} : Range{low * low, high * high};
  }
  return std::nullopt;
}

MaybeRange of_binary(const std::string& op, const Range& a, const Range& b) {
  if (op == "add") return Range{a.low + b.low, a.high + b.high};
  if (op == "sub") return Range{a.low - b.high, a.high - b.low};
  if (op == "mul") return product(a, b);
  if (op == "max") return Range{std::max(a.low, b.low), std::max(a.high, b.high)};
  if (op == "min") return Range{std::min(a.low, b.low), std::min(a.high, b.high)};
  if (op == "div" && b.low == b.high && b.low != 0) return product(a, {1 / b.low, 1 / b.low});
  return std::nullopt;
}

// The result has no other numbers than the operands.
bool only_moves(const std::string& op) {
  static const std::set<std::string> kOps = {
      "gather",    "gather_rows", "reshape",     "transpose",     "broadcast",
      "slice",     "concat",      "stack",       "map_in",        "map_out",
      "to_space",  "first",       "last",        "segment_max",   "segment_min",
      "copy_rows", "swap_rows",   "mean",        "max",           "min",
      "pick",      "concat_rows", "move_rows",   "stop_gradient", "reverse_gradient",
      "where",     "to_f32",      "repeat_pairs"};
  return kOps.count(op) > 0;
}

// nullopt: not known. What a trained parameter enters by a sum or a product can be any number.
MaybeRange range_of(const TensorContext& ctx, ir::Value value, std::map<ir::Value, MaybeRange>& known, int depth) {
  if (!value.valid() || depth > kRangeDepth) return std::nullopt;
  if (const auto found = known.find(value); found != known.end()) return found->second;
  const ir::Node& node = ctx.nodes.graph.node(value);
  const std::string op = node.op->name;
  MaybeRange& result = known[value];
  if (ctx.type(value).dtype == types::DType::boolean || op == "sigmoid" || op == "softmax") return result = Range{0, 1};
  if (op == "log_softmax") return result = Range{-kInf, 0};
  if (op == "param") return result = Range{-kInf, kInf};
  if (op == "constant") {
    const double number = ops::attr_number(node.attrs, "value");
    return result = Range{number, number};
  }
  std::vector<MaybeRange> operands;
  for (const ir::Value operand : node.operands) operands.push_back(range_of(ctx, operand, known, depth + 1));
  if (operands.empty()) return std::nullopt;
  const auto any = [](const MaybeRange& range) { return range && range->low == -kInf && range->high == kInf; };
  if (op == "linear" || op == "matmul" || op == "sum" || op == "segment_sum" || op == "dropout")
    return known[value] =
               std::any_of(operands.begin(), operands.end(), any) ? MaybeRange(Range{-kInf, kInf}) : std::nullopt;
  const bool free_sum = op == "add" || op == "sub";
  if (free_sum && std::any_of(operands.begin(), operands.end(), any)) return known[value] = Range{-kInf, kInf};
  const size_t first = op == "where" ? 1 : 0,
               end = op == "pick" || op == "gather" || op == "gather_rows" ? 1 : operands.size();
  const bool moves = only_moves(op) && (operands.size() == 1 || (op != "max" && op != "min"));
  MaybeRange made;
  if (moves) {
    made = operands[first];
    for (size_t i = first + 1; made && i < end; ++i) {
      if (!operands[i]) made.reset();
      if (made) made = Range{std::min(made->low, operands[i]->low), std::max(made->high, operands[i]->high)};
    }
  } else if (operands.size() == 1 && operands[0]) {
    made = of_unary(op, *operands[0]);
  } else if (operands.size() == 2 && operands[0] && operands[1]) {
    made = of_binary(op, *operands[0], *operands[1]);
  }
  return known[value] = made;
}
}  // namespace

NumberRange bounds_of(const TensorContext& ctx, ir::Value value) {
  std::map<ir::Value, MaybeRange> known;
  return range_of(ctx, value, known, 0).value_or(NumberRange{-kInf, kInf});
}

// The library's criteria that take one and are given the other: both train, and neither learns.
void warn_of_scores(TensorContext& ctx, const Layer& criterion, const Value& scores, const At& at) {
  const Tensor* tensor = scores.tensor();
  const bool whole = ctx.options.losses && ctx.options.tasks.empty();  // other graphs of the model say the same
  if (!tensor || !whole || !ctx.file.prelude || criterion.module->unit != *ctx.file.prelude) return;
  const std::string name = criterion.name();
  std::map<ir::Value, MaybeRange> known;
  const MaybeRange range = range_of(ctx, tensor->node, known, 0);
  if (!range || range->low == range->high) return;
  const bool probability = range->low >= 0 && range->high <= 1;
  if (name == "log_loss" && !probability) {
    const bool any = range->low == -kInf && range->high == kInf;
    const auto end = [](double x, const std::string& sign) {
      return std::isinf(x) ? sign + "infinity" : fmt::format("{:.4g}", x);
    };
    const std::string numbers =
        any ? "can be any number" : "goes from " + end(range->low, "-") + " to " + end(range->high, "");
    ctx.reports.emitter.report(diag::LossOfScore, name, numbers)
        .at(at.range)
        .help("end the head with `sigmoid`, or leave the loss to `binary_cross_entropy()`, which takes any number");
  }
  const bool scores_wanted = name == "binary_cross_entropy" || name == "cross_entropy" || name == "focal";
  // `log_softmax` in front of `cross_entropy` changes nothing.
  const bool binary = name == "binary_cross_entropy", never_below = range->low >= 0, never_above = range->high <= 0;
  if (!probability && ((binary && (never_below || never_above)) || (name == "cross_entropy" && never_below)))
    ctx.reports.emitter.report(diag::OneSidedScores, name, never_below ? "below" : "above")
        .at(at.range)
        .help(std::string(!binary       ? "classes could not be ruled out"
                          : never_below ? "it would never say `false`"
                                        : "it would never say `true`") +
              ": end the head with the last `linear(...)`");
  if (scores_wanted && probability)
    ctx.reports.emitter.report(diag::LossOfProbability, name)
        .at(at.range)
        .help(name == "binary_cross_entropy" ? "leave `sigmoid` out of the head, or write `loss = log_loss()`"
                                             : "leave `softmax` out of the head");
}

}  // namespace mtl::elaborate
