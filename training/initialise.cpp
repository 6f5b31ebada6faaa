// Initialisers, with PyTorch's meaning of fans: a weight is [out, in, receptive field...].
//   glorot_uniform  U(-a, a), a = sqrt(6 / (fan_in + fan_out))      Glorot & Bengio 2010
//   he_normal       N(0, 2 / fan_in)                                He et al. 2015
//   orthogonal      rows (or columns, where there are fewer) of a random matrix, made orthonormal; Saxe et al. 2014
#include "training/initialise.h"

#include <algorithm>
#include <cmath>

#include "compiler/base/check.h"
#include "compiler/diag/kinds/model.h"
#include "runtime/deploy/spans.h"
#include "runtime/random.h"
#include "training/labels.h"

namespace mtl::training {

namespace {

using elaborate::Init;
using elaborate::ParamInfo;
using runtime::deploy::SpanTag;

// The numbers of one path.
class Draw {
 public:
  Draw(uint64_t seed, const std::string& path)
      : stream_(runtime::random_stream(seed, 0, runtime::hash_text(path.data(), path.size()))) {}
  double unit(int64_t i) const { return runtime::random_unit(bits(i, 0)); }
  // Box & Muller 1958; one number of each pair is used.
  double normal(int64_t i) const {
    const double u = 1.0 - runtime::random_unit(bits(i, 0));  // (0, 1]
    const double v = runtime::random_unit(bits(i, 1));
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * M_PI * v);
  }

 private:
  static constexpr int kRowBits = 24;
  uint32_t bits(int64_t i, uint32_t which) const {
    const uint64_t row = runtime::random_row(stream_, static_cast<uint64_t>(i) >> kRowBits);
    return runtime::random_bits(row, 2 * static_cast<uint32_t>(i & ((1 << kRowBits) - 1)) + which);
  }
  uint64_t stream_;
};

struct Fans {
  double in = 1, out = 1;
};
Fans fans_of(const std::vector<int64_t>& dims) {
  if (dims.empty()) return {};
  if (dims.size() == 1) return {static_cast<double>(dims[0]), static_cast<double>(dims[0])};
  double field = 1;
  for (size_t i = 2; i < dims.size(); ++i) field *= static_cast<double>(dims[i]);
  return {static_cast<double>(dims[1]) * field, static_cast<double>(dims[0]) * field};
}

// Gram-Schmidt, twice over each vector (Giraud et al. 2005: twice is enough).
void orthogonal(const Draw& draw, const model::Entry& entry, float* out) {
  const int64_t rows = entry.dims.empty() ? 1 : entry.dims[0];
  const int64_t columns = rows == 0 ? 0 : entry.size / rows;
  const bool by_rows = rows <= columns;
  const int64_t count = std::min(rows, columns), length = std::max(rows, columns);
  std::vector<std::vector<double>> vectors(static_cast<size_t>(count),
                                           std::vector<double>(static_cast<size_t>(length)));
  for (int64_t v = 0; v < count; ++v) {
    auto& mine = vectors[static_cast<size_t>(v)];
    for (int64_t i = 0; i < length; ++i) mine[static_cast<size_t>(i)] = draw.normal(v * length + i);
    for (int pass = 0; pass < 2; ++pass)
      for (int64_t u = 0; u < v; ++u) {
        const auto& other = vectors[static_cast<size_t>(u)];
        double dot = 0;
        for (size_t i = 0; i < mine.size(); ++i) dot += mine[i] * other[i];
        for (size_t i = 0; i < mine.size(); ++i) mine[i] -= dot * other[i];
      }
    double norm = 0;
    for (double x : mine) norm += x * x;
    for (double& x : mine) x /= std::sqrt(norm);
    for (int64_t i = 0; i < length; ++i)
      out[by_rows ? v * columns + i : i * columns + v] = static_cast<float>(mine[static_cast<size_t>(i)]);
  }
}

// Rows of words that the file of vectors knows; the others stay as drawn.
void known_vectors(const data::Fitted& fitted, const std::string& vocab, const model::Entry& entry, float* out) {
  const auto found = fitted.vectors.find(vocab);
  if (found == fitted.vectors.end()) return;
  const auto& vectors = found->second;
  MTL_CHECK(entry.dims.size() == 2 && entry.dims[1] == vectors.width, "a table as wide as its vectors");
  const int64_t rows = std::min<int64_t>(entry.dims[0], static_cast<int64_t>(vectors.known.size()));
  for (int64_t row = 0; row < rows; ++row)
    if (vectors.known[static_cast<size_t>(row)])
      std::copy_n(vectors.values.data() + row * vectors.width, vectors.width, out + row * vectors.width);
}

// By class: yes / labelled; 1/2, with which both weigh 1, for one that train never or always has.
void positive_share(const data::Dataset& data, const std::string& path, const model::Entry& entry, float* out) {
  const size_t dot = path.find('.');
  const data::Source* source = find_source(data, path.substr(0, dot));
  MTL_CHECK(source != nullptr, "the source of a task");
  const data::Column& column = source->train.columns.at(path.substr(dot + 1));
  MTL_CHECK(column.width == entry.size, "a share for each class");
  for (int64_t k = 0; k < entry.size; ++k) {
    double yes = 0, labelled = 0;
    for (size_t i = static_cast<size_t>(k); i < column.numbers.size(); i += static_cast<size_t>(entry.size)) {
      if (std::isnan(column.numbers[i])) continue;
      yes += column.numbers[i];
      ++labelled;
    }
    out[k] = yes > 0 && yes < labelled ? static_cast<float>(yes / labelled) : 0.5f;
  }
}

// BIO: inside a stretch one is only behind a tag of its kind. IOBES: besides, a stretch goes on until its end is
// marked.
bool may_follow(const SpanTag& from, const SpanTag& to, bool with_ends) {
  const bool open = from.mark == 'B' || from.mark == 'I';
  if (to.mark == 'I' || to.mark == 'E') return open && from.kind == to.kind;
  return !open || !with_ends;
}
void tag_rules(const Init& init, const std::vector<std::string>& names, const model::Entry& entry, float* out) {
  std::vector<SpanTag> tags;
  for (const std::string& name : names) tags.push_back(runtime::deploy::read_span_tag(name));
  const auto value = [](bool allowed) { return allowed ? 0.0f : Init::kForbidden; };
  const size_t count = tags.size();
  MTL_CHECK(entry.dims[0] == std::ssize(tags), "a row for each tag");
  for (size_t i = 0; i < count; ++i) {
    const bool is_open = tags[i].mark == 'B' || tags[i].mark == 'I';
    if (init.kind == Init::Kind::tag_starts) out[i] = value(tags[i].mark != 'I' && tags[i].mark != 'E');
    if (init.kind == Init::Kind::tag_ends) out[i] = value(!init.with_ends || !is_open);
    if (init.kind != Init::Kind::tag_transitions) continue;
    for (size_t j = 0; j < count; ++j) out[i * count + j] = value(may_follow(tags[i], tags[j], init.with_ends));
  }
}

void fill(const Init& init, const data::Dataset& data, const Draw& draw, const model::Entry& entry, float* out) {
  const auto each = [&](auto value) {
    for (int64_t i = 0; i < entry.size; ++i) out[i] = static_cast<float>(value(i));
  };
  const Fans fans = fans_of(entry.dims);
  switch (init.kind) {
    case Init::Kind::zeros:
      return each([](int64_t) { return 0.0; });
    case Init::Kind::ones:
      return each([](int64_t) { return 1.0; });
    case Init::Kind::constant:
      return each([&](int64_t) { return init.a; });
    case Init::Kind::normal:
      return each([&](int64_t i) { return init.a + init.b * draw.normal(i); });
    case Init::Kind::uniform:
      return each([&](int64_t i) { return init.a + (init.b - init.a) * draw.unit(i); });
    case Init::Kind::glorot_uniform: {
      const double bound = std::sqrt(6.0 / (fans.in + fans.out));
      return each([&](int64_t i) { return bound * (2.0 * draw.unit(i) - 1.0); });
    }
    case Init::Kind::he_normal: {
      const double deviation = std::sqrt(2.0 / fans.in);
      return each([&](int64_t i) { return deviation * draw.normal(i); });
    }
    case Init::Kind::orthogonal:
      return orthogonal(draw, entry, out);
    case Init::Kind::vectors:
      each([&](int64_t i) { return draw.normal(i); });
      return known_vectors(data.fitted, init.from, entry, out);
    case Init::Kind::positive_share:
      return positive_share(data, init.from, entry, out);
    case Init::Kind::tag_transitions:
    case Init::Kind::tag_starts:
    case Init::Kind::tag_ends:
      return tag_rules(init, data.fitted.sets.at(init.from).names, entry, out);
  }
}

}  // namespace

void initialise(const std::vector<ParamInfo>& params, const data::Dataset& data, uint64_t seed,
                model::Weights& weights) {
  for (const ParamInfo& param : params) {
    const model::Entry* entry = weights.find(param.path);
    MTL_CHECK(entry != nullptr, "a parameter that the weights hold");
    fill(param.init, data, Draw(seed, param.path), *entry, weights.of(*entry));
  }
}

bool check_tags(const std::vector<ParamInfo>& params, const data::Fitted& fitted, diag::Emitter& emitter) {
  for (const ParamInfo& param : params) {
    if (param.init.kind != Init::Kind::tag_transitions) continue;
    for (const std::string& name : fitted.sets.at(param.init.from).names) {
      const char mark = runtime::deploy::read_span_tag(name).mark;
      const bool marks_end = mark == 'E' || mark == 'S';
      if (name == "O" || (mark != 'O' && (param.init.with_ends || !marks_end))) continue;
      const char* scheme = param.init.with_ends ? "iobes" : "bio";
      emitter.report(diag::NoTagOfScheme, name, param.init.from, scheme)
          .at(param.range)
          .help(marks_end ? "write `constrain = \"iobes\"`" : "leave `constrain` out: these labels mark no stretches");
      return false;
    }
  }
  return true;
}

}  // namespace mtl::training
