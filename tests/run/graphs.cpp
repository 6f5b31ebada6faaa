// Builds the graphs, and fills parameters and batches from a seed.
#include "tests/run/graphs.h"

#include <cmath>
#include <limits>

#include "compiler/ops/sample.h"
#include "compiler/passes/pipeline.h"
#include "runtime/core/random.h"

namespace mtl::tests {

using ir::SpaceRef;
using ir::Value;
using types::Dim;
using types::SpaceId;

Maker::Maker() : build(made_.graph) {
  made_.graph.spaces = ops::sample_spaces();
  const ops::SampleSpaces ids = ops::sample_ids(made_.graph.spaces);
  s = ids.s;
  t = ids.t;
  c = ids.c;
  made_.batch.spaces = ops::sample_host_spaces(made_.graph.spaces);
  made_.batch.seed = 11;
  made_.batch.step = 5;
  made_.batch.scalars["progress"] = 0.5;
}

Maker::Maker(int64_t examples, int64_t longest, uint64_t seed) : Maker() {
  seed_ = seed;
  int64_t parents = 1;
  for (SpaceId id : {s, t, c}) {
    ops::HostSpace& host = made_.batch.spaces[id];
    const ops::HostSpace above = made_.batch.spaces[made_.graph.spaces[id].parent];
    host = {};
    host.rows = 0;
    host.offsets = {0};
    for (int64_t p = 0; p < parents; ++p) {
      const int64_t n = id == s   ? examples
                        : id == t ? 1 + static_cast<int64_t>(next() * static_cast<double>(longest))
                                  : 2;
      for (int64_t i = 0; i < n; ++i) {
        host.parent.push_back(static_cast<int32_t>(p));
        host.position.push_back(static_cast<int32_t>(i));
        host.identity.push_back(id == s ? runtime::example_identity(i) : runtime::child_identity(above.identity[p], i));
      }
      host.rows += n;
      host.offsets.push_back(static_cast<int32_t>(host.rows));
    }
    parents = host.rows;
  }
}

double Maker::next() {
  return runtime::random_unit(
      runtime::random_bits(runtime::random_stream(seed_, 0, 99), static_cast<uint32_t>(counter_++)));
}

Value Maker::param(const std::string& path, Dims dims) {
  const Value value = build.param(path, dims);
  auto [at, added] = made_.batch.params.emplace(path, std::vector<double>());
  if (!added) return value;
  at->second.resize(static_cast<size_t>(types::product(dims).value()));
  const double scale = dims.size() > 1 ? 2 / std::sqrt(static_cast<double>(dims.back().value())) : 1;
  for (double& x : at->second) x = static_cast<float>((next() - 0.5) * scale);
  made_.params.push_back(path);
  return value;
}

Value Maker::numbers(const std::string& name, SpaceId space, Dims dims, bool with_missing) {
  std::vector<double>& values = made_.batch.inputs[name];
  values.resize(static_cast<size_t>(made_.batch.spaces[space].rows * types::product(dims).value()));
  for (double& x : values) {
    x = static_cast<float>(next() * 2 - 1);
    if (with_missing && next() < 0.25) x = std::numeric_limits<double>::quiet_NaN();
  }
  return build.input(name, {types::DType::f32, space, dims});
}

Value Maker::ids(const std::string& name, SpaceId space, int64_t below, Dims dims) {
  std::vector<double>& values = made_.batch.inputs[name];
  values.resize(static_cast<size_t>(made_.batch.spaces[space].rows * types::product(dims).value()));
  for (double& x : values)
    x = next() < 0.15 ? -1 - std::floor(next() * 2) : std::floor(next() * static_cast<double>(below));
  return build.input(name, {types::DType::i32, space, dims});
}

std::vector<Value> Maker::all(const std::string& name, std::vector<Value> operands, ir::Attrs attrs) {
  return *build.make(name, std::move(operands), std::move(attrs));
}

Value Maker::mean_pool(Value x) {
  const SpaceId space = build.type(x).space;
  const Value length = op("length", {}, {{"space", SpaceRef{space}}});
  const Value sum = segment_sum(x, made_.graph.spaces[space].parent);
  return build.div(sum, build.reshape(op("max", {length, build.constant(1)}), Dims(build.type(x).dims.size(), 1)));
}

Value Maker::affine(const std::string& path, Value x, int64_t in, int64_t out) {
  return build.add(op("linear", {x, param(path + ".weight", {out, in})}), param(path + ".bias", {out}));
}

Value Maker::cross_entropy(Value scores, Value target) {
  const Value labelled = op("ge", {target, build.constant_i32(0)});
  const Value picked = build.neg(op("pick", {op("log_softmax", {scores}), target}));
  const Value sum = segment_sum(build.where(labelled, picked, build.constant(0)), types::kUniform);
  const Value count = segment_sum(op("to_f32", {labelled}), types::kUniform);
  return build.div(sum, op("max", {count, build.constant(1)}));
}

Value Maker::layer_norm(const std::string& path, Value x, int64_t width) {
  return build.add(build.mul(op("normalize", {x}, {{"eps", 1e-5}}), param(path + ".weight", {width})),
                   param(path + ".bias", {width}));
}

TestGraph Maker::finish(bool gradients) {
  std::vector<std::string> names;
  for (const ir::Output& output : made_.graph.outputs) names.push_back(output.name);
  TestGraph out = made_;
  for (SpaceId id = static_cast<SpaceId>(out.batch.spaces.size()); id < out.graph.spaces.size(); ++id) {  // fixed ones
    const ops::HostSpace& above = out.batch.spaces[out.graph.spaces[id].parent];
    const int64_t n = out.graph.spaces[id].fixed->value();
    ops::HostSpace host;
    host.rows = above.rows * n;
    for (int64_t r = 0; r < host.rows; ++r) {
      host.parent.push_back(static_cast<int32_t>(r / n));
      host.position.push_back(static_cast<int32_t>(r % n));
      host.identity.push_back(runtime::child_identity(above.identity[r / n], r % n));
    }
    for (int64_t p = 0; p <= above.rows; ++p) host.offsets.push_back(static_cast<int32_t>(p * n));
    out.batch.spaces.push_back(std::move(host));
  }
  out.graph = passes::run_pipeline(out.graph, names, gradients ? out.params : std::vector<std::string>{}, {});
  return out;
}

namespace {

TestGraph text_heads() {  // a sentence head and a token head on shared words
  Maker m;
  const Value words = m.op("gather", {m.param("embed", {9, 6}), m.ids("s.words", m.t, 9)});
  const Value hidden = m.op("relu", {m.affine("bottom", words, 6, 5)});
  const Value tokens = m.affine("tags", hidden, 5, 4);
  const Value sentence = m.affine("intent", m.mean_pool(hidden), 5, 3);
  const Value loss = m.cross_entropy(tokens, m.ids("s.tags", m.t, 4));
  const Value other = m.cross_entropy(sentence, m.ids("s.intent", m.s, 3));
  m.output("loss.tags", loss);
  m.output("loss.intent", other);
  m.output("predict.tags", m.op("argmax", {tokens}));
  m.output("objective", m.build.add(loss, m.build.mul(other, m.build.constant(0.5))));
  return m.finish(true);
}

TestGraph transformer_layer() {
  Maker m;
  const Value x =
      m.build.add(m.op("gather", {m.param("embed", {9, 8}), m.ids("s.words", m.t, 9)}),
                  m.op("gather", {m.param("place", {16, 8}), m.op("position", {}, {{"space", SpaceRef{m.t}}})}));
  const Value q = m.affine("q", x, 8, 8), k = m.affine("k", x, 8, 8), v = m.affine("v", x, 8, 8);
  const Value y =
      m.all("attention", {q, k, v}, {{"heads", int64_t{2}}, {"causal", false}, {"key", int64_t{77}}, {"rate", 0.0}})[0];
  const Value mixed = m.op("dropout", {m.affine("out", y, 8, 8)}, {{"rate", 0.3}, {"key", int64_t{1234}}});
  const Value normed = m.layer_norm("norm1", m.build.add(x, mixed), 8);
  const Value wide = m.op("gelu", {m.affine("ff1", normed, 8, 20)});
  const Value top = m.layer_norm("norm2", m.build.add(normed, m.affine("ff2", wide, 20, 8)), 8);
  const Value loss = m.cross_entropy(m.affine("head", top, 8, 5), m.ids("s.tags", m.t, 5));
  m.output("objective", loss);
  return m.finish(true);
}

TestGraph attention_pool() {  // softmax over the tokens of each sentence, by segment ops
  Maker m;
  const Value x = m.numbers("s.x", m.t, {6});
  const Value score = m.build.reshape(m.affine("score", m.op("tanh", {m.affine("key", x, 6, 7)}), 7, 1), {});
  const Value largest = m.all("segment_max", {score}, {{"to", SpaceRef{m.s}}})[0];
  const Value weight = m.op("exp", {m.build.sub(score, m.op("stop_gradient", {largest}))});
  const Value total = m.segment_sum(weight, m.s);
  const Value share = m.build.div(weight, total);
  const Value pooled = m.segment_sum(m.build.mul(m.build.reshape(share, {1}), x), m.s);
  const Value target = m.numbers("s.y", m.s, {2}, true);
  const Value error = m.build.sub(m.affine("head", pooled, 6, 2), target);
  const Value known = m.op("not", {m.op("is_nan", {target})});
  const Value squared = m.build.where(known, m.op("square", {error}), m.build.constant(0));
  m.output("pooled", pooled);
  m.output("objective", m.build.div(m.build.sum(m.segment_sum(squared, types::kUniform), {0}), m.build.constant(7)));
  return m.finish(true);
}

TestGraph characters() {  // convolution over characters, pooled by maximum into tokens
  Maker m;
  const Value chars = m.op("gather", {m.param("chars", {7, 4}), m.ids("s.chars", m.c, 7)});
  const Value windows = m.op("windows", {chars}, {{"size", int64_t{3}}, {"before", int64_t{1}}});
  const Value conv = m.affine("conv", m.build.reshape(windows, {12}), 12, 6);
  const Value word = m.all("segment_max", {conv}, {{"to", SpaceRef{m.t}}})[0];
  const Value both = m.op("concat", {word, m.numbers("s.x", m.t, {3})}, {{"axis", int64_t{0}}});
  const Value edge = m.op("last", {m.op("tanh", {m.affine("mix", both, 9, 5)})}, {{"to", SpaceRef{m.s}}});
  m.output("objective", m.cross_entropy(m.affine("head", edge, 5, 3), m.ids("s.y", m.s, 3)));
  return m.finish(true);
}

TestGraph mapped() {  // a module over a static dimension: fixed spaces; experts mixed by a gate
  Maker m;
  const Value x = m.numbers("s.x", m.s, {3, 5});
  const Value rows = m.op("map_in", {x}, {{"count", int64_t{1}}});
  const Value hidden =
      m.op("dropout", {m.op("sigmoid", {m.affine("each", rows, 5, 4)})}, {{"rate", 0.5}, {"key", int64_t{5}}});
  const Value back = m.op("map_out", {hidden}, {{"count", int64_t{1}}});
  const Value flat = m.build.reshape(x, {15});
  const Value gate = m.op("softmax", {m.affine("gate", flat, 15, 3)});
  const Value mixed = m.build.sum(m.build.mul(back, m.build.reshape(gate, {3, 1})), {0});
  const Value turned = m.op("transpose", {back}, {{"perm", std::vector<Dim>{1, 0}}});
  const Value picked = m.op("slice", {turned}, {{"axis", int64_t{0}}, {"start", int64_t{1}}, {"stop", int64_t{3}}});
  m.output("turned", turned);
  const Value scores = m.build.add(m.affine("head", mixed, 4, 3), m.build.sum(picked, {0}));
  m.output("objective", m.cross_entropy(scores, m.ids("s.y", m.s, 3)));
  return m.finish(true);
}

TestGraph fixed_sequence() {  // what runs along a sequence, along a static dimension
  Maker m;
  const Value x = m.op("map_in", {m.numbers("s.x", m.s, {4, 6})}, {{"count", int64_t{1}}});
  const Value q = m.affine("q", x, 6, 6), k = m.affine("k", x, 6, 6), v = m.affine("v", x, 6, 6);
  const Value seen =
      m.all("attention", {q, k, v}, {{"heads", int64_t{2}}, {"causal", true}, {"key", int64_t{7}}, {"rate", 0.1}})[0];
  const Value near = m.op("windows", {seen}, {{"size", int64_t{3}}, {"before", int64_t{1}}});
  const Value conv = m.affine("conv", m.build.reshape(near, {18}), 18, 5);
  const Value lstm = m.all("lstm",
                           {m.affine("in", conv, 5, 12), m.param("w", {12, 3}), m.affine("in_reverse", conv, 5, 12),
                            m.param("w_reverse", {12, 3})},
                           {{"hidden", int64_t{3}}, {"reverse", false}})[0];
  const Value gru = m.all("gru", {m.affine("gates", lstm, 6, 9), m.param("u", {9, 3}), m.param("c", {9})},
                          {{"hidden", int64_t{3}}, {"reverse", true}})[0];
  const Value back = m.op("map_out", {gru}, {{"count", int64_t{1}}});
  m.output("rows", back);
  const Value scores = m.affine("head", m.build.reshape(back, {12}), 12, 3);
  m.output("objective", m.cross_entropy(scores, m.ids("s.y", m.s, 3)));
  return m.finish(true);
}

TestGraph wide_rows() {  // long vectors, odd widths, sums over the first axis
  Maker m(19, 5, 3);
  const Value x = m.numbers("s.x", m.t, {131});
  const Value normed = m.layer_norm("norm", m.affine("up", x, 131, 200), 200);
  const Value grid = m.build.reshape(m.op("silu", {normed}), {8, 25});
  const Value sums = m.build.sum(grid, {0});
  const Value extremes = m.op("max", {grid}, {{"axes", std::vector<Dim>{1}}, {"keep", false}});
  const Value both = m.op("concat", {sums, extremes}, {{"axis", int64_t{0}}});
  m.output("places", m.op("argmax", {grid}, {{"axis", int64_t{0}}}));
  m.output("places of last", m.op("argmin", {grid}, {{"axis", int64_t{1}}}));
  m.output("objective", m.cross_entropy(m.affine("head", both, 33, 72), m.ids("s.y", m.t, 72)));
  return m.finish(true);
}

}  // namespace

std::vector<NamedGraph> model_graphs() {
  std::vector<NamedGraph> graphs;
  graphs.push_back({"text heads", text_heads()});
  graphs.push_back({"transformer layer", transformer_layer()});
  graphs.push_back({"attention pool", attention_pool()});
  graphs.push_back({"characters", characters()});
  graphs.push_back({"mapped", mapped()});
  graphs.push_back({"wide rows", wide_rows()});
  graphs.push_back({"fixed sequence", fixed_sequence()});
  return graphs;
}

TestGraph bow_graph(int64_t examples, int64_t longest, int64_t words, int64_t width, int64_t hidden) {
  Maker m(examples, longest, 17);
  const Value embedded = m.op("gather", {m.param("embed", {words, width}), m.ids("s.words", m.t, words)});
  const Value h = m.op("relu", {m.affine("bottom", embedded, width, hidden)});
  const Value tags = m.cross_entropy(m.affine("tags", h, hidden, 72), m.ids("s.tags", m.t, 72));
  const Value intent = m.cross_entropy(m.affine("intent", m.mean_pool(h), hidden, 7), m.ids("s.intent", m.s, 7));
  m.output("loss.tags", tags);
  m.output("loss.intent", intent);
  m.output("objective", m.build.add(tags, intent));
  return m.finish(true);
}

namespace {

// Grows a pool of values by random ops; what does not fit is left out.
class RandomOps {
 public:
  explicit RandomOps(uint64_t seed) : m_(5, 4, seed), seed_(seed) {
    pool_ = {m_.numbers("s.a", m_.s, {4, 3}), m_.numbers("s.b", m_.t, {12}), m_.numbers("s.c", m_.t, {}),
             m_.numbers("s.d", m_.c, {3}),    m_.param("p", {4, 3}),         m_.param("q", {3}),
             m_.numbers("s.e", m_.t, {2, 20})};
  }

  TestGraph make() {
    for (int step = 0; step < 30; ++step) grow();
    auto last = [&](size_t i) { return pool_[pool_.size() - 1 - i]; };
    for (size_t i = 0; i < 6; ++i) m_.output("out" + std::to_string(i), last(i));
    Value total = m_.build.constant(0);
    for (size_t i = 0; i < 4; ++i) {
      Value part = m_.op("tanh", {last(i)});
      if (type(part).space != types::kUniform) part = m_.segment_sum(part, types::kUniform);
      total = m_.build.add(total, m_.build.sum_to(part, {types::DType::f32, types::kUniform, {}}));
    }
    m_.output("objective", total);
    return m_.finish(true);
  }

 private:
  using Made = Result<std::vector<Value>, ir::ShapeError>;

  uint64_t draw(uint64_t below) { return runtime::mix64(seed_ * 1000 + counter_++) % below; }
  Value any() { return pool_[draw(pool_.size())]; }
  const types::Type& type(Value v) const { return m_.build.type(v); }
  SpaceId parent(Value v) { return m_.made().graph.spaces[type(v).space].parent; }

  void grow() {
    Made made = op_on(any());
    if (!made || made.value().empty()) return;
    Value value = made.value()[0];
    if (types::product(type(value).dims).value() > 200) return;
    if (draw(3) == 0) value = m_.op("tanh", {value});
    pool_.push_back(m_.build.mul(value, m_.build.constant(0.5)));
  }

  Made op_on(Value x) {
    static constexpr const char* kUnary[] = {"neg", "tanh", "relu", "sigmoid", "square", "abs", "gelu", "sign"};
    static constexpr const char* kBinary[] = {"add", "sub", "mul", "max", "min", "lt"};
    const uint64_t choice = draw(11);
    if (choice < 2) return m_.build.make(kUnary[draw(8)], {x});
    if (choice < 5) return m_.build.make(kBinary[draw(6)], {x, any()});
    return choice < 8 ? static_op_on(x, choice) : row_op_on(x, choice);
  }

  Made static_op_on(Value x, uint64_t choice) {
    const int rank = type(x).rank();
    if (rank == 0) return std::vector<Value>{};
    const auto axis = static_cast<int64_t>(draw(rank));
    if (choice == 5) return m_.build.make(draw(2) ? "softmax" : "log_softmax", {x}, {{"axis", axis}});
    if (choice == 6) {
      return m_.build.make(draw(2) ? "sum" : "mean", {x}, {{"axes", std::vector<Dim>{axis}}, {"keep", draw(2) == 0}});
    }
    if (rank == 2) return m_.build.make("transpose", {x}, {{"perm", std::vector<Dim>{1, 0}}});
    if (type(x).dims[0].value() == 12) return std::vector<Value>{m_.build.reshape(x, {4, 3})};
    return std::vector<Value>{};
  }

  Made row_op_on(Value x, uint64_t choice) {
    const SpaceId space = type(x).space;
    const ir::Attrs to = {{"to", SpaceRef{space == types::kUniform ? types::kUniform : parent(x)}}};
    if (choice == 8 && space != types::kUniform) return m_.build.make("segment_sum", {x}, to);
    if (choice == 9 && space != types::kUniform && space != m_.s) return m_.build.make("segment_max", {x}, to);
    const int rank = type(x).rank();
    if (choice < 10 || rank == 0) return std::vector<Value>{};
    return m_.build.make("concat", {x, x}, {{"axis", static_cast<int64_t>(draw(rank))}});
  }

  Maker m_;
  uint64_t seed_;
  uint64_t counter_ = 0;
  std::vector<Value> pool_;
};

}  // namespace

TestGraph random_graph(uint64_t seed) {
  return RandomOps(seed).make();
}

}  // namespace mtl::tests
