// Initialisers, with PyTorch's meaning of fans: a weight is [out, in, receptive field...].
//   glorot_uniform  U(-a, a), a = sqrt(6 / (fan_in + fan_out))      Glorot & Bengio 2010
//   he_normal       N(0, 2 / fan_in)                                He et al. 2015
//   orthogonal      rows (or columns, where there are fewer) of a random matrix, made orthonormal; Saxe et al. 2014
#include "runtime/training/initialise.h"

#include <algorithm>
#include <cmath>

#include "runtime/core/random.h"
#include "runtime/data/unknown.h"
#include "runtime/training/labels.h"
#include "runtime/training/spans.h"
#include "runtime/training/unknown.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

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
  for (int64_t row = 0; row < entry.dims[0]; ++row)
    if (const float* vector = vectors.find(static_cast<size_t>(row)))
      std::copy_n(vector, vectors.width, out + row * vectors.width);
}

// Train's labels of a task, and by row whether it counts for the task (empty: all do).
struct TrainLabels {
  const data::Column* column = nullptr;
  std::vector<bool> counts;
};

TrainLabels train_labels(const Init& init, const data::Dataset& data) {
  const size_t dot = init.from.find('.');
  const data::Source* source = find_source(data, init.from.substr(0, dot));
  MTL_CHECK(source != nullptr, "the source of a task");
  elaborate::TaskInfo task;
  task.when = init.when;
  task.target_dim = init.dim;
  task.per_position = !init.dim.empty();
  return {&source->train.columns.at(init.from.substr(dot + 1)), rows_that_count(source->train, task)};
}

// By class: yes / labelled; 1/2, with which both weigh 1, for one that train never or always has.
void positive_share(const Init& init, const data::Dataset& data, const model::Entry& entry, float* out) {
  const auto [column, counts] = train_labels(init, data);
  MTL_CHECK(column->width == entry.size, "a share for each class");
  for (int64_t k = 0; k < entry.size; ++k) {
    double yes = 0, labelled = 0;
    for (size_t row = 0; row < column->numbers.size() / static_cast<size_t>(entry.size); ++row) {
      const float truth = column->numbers[row * static_cast<size_t>(entry.size) + static_cast<size_t>(k)];
      if (std::isnan(truth) || (!counts.empty() && !counts[row])) continue;
      yes += truth;
      ++labelled;
    }
    out[k] = yes > 0 && yes < labelled ? static_cast<float>(yes / labelled) : 0.5f;
  }
}

// compute_class_weight("balanced") of scikit-learn, where only classes that train has count. No row has the others.
void class_weights(const Init& init, const data::Dataset& data, const model::Entry& entry, float* out) {
  if (!init.named.empty()) {
    std::fill(out, out + entry.size, 1.0f);
    const data::IdSet& set = data.fitted.sets.at(init.from);
    for (const auto& [name, weight] : init.named) out[set.id_of(name)] = static_cast<float>(weight);
    return;
  }
  const auto [column, counts] = train_labels(init, data);
  std::vector<double> rows(static_cast<size_t>(entry.size));
  double labelled = 0, present = 0;
  for (size_t row = 0; row < column->ids.size(); ++row) {
    const int32_t id = column->ids[row];
    if (id < 0 || (!counts.empty() && !counts[row])) continue;
    MTL_CHECK(id < entry.size, "a weight for each class");
    present += rows[static_cast<size_t>(id)]++ == 0;
    ++labelled;
  }
  for (int64_t k = 0; k < entry.size; ++k) {
    const double mine = rows[static_cast<size_t>(k)];
    out[k] = mine > 0 ? static_cast<float>(labelled / (present * mine)) : 1.0f;
  }
}

std::vector<SpanTag> read_tags(const std::vector<std::string>& names) {
  const SpanForm form = find_span_form(names).value_or(SpanForm());
  std::vector<SpanTag> tags;
  for (const std::string& name : names) tags.push_back(runtime::deploy::read_span_tag(name, form));
  return tags;
}

void tag_rules(const Init& init, const std::vector<std::string>& names, const model::Entry& entry, float* out) {
  const std::vector<SpanTag> tags = read_tags(names);
  const auto value = [&](const SpanTag* from, const SpanTag* to) {
    return may_follow(init.scheme, from, to) ? 0.0f : Init::kForbidden;
  };
  const size_t count = tags.size();
  MTL_CHECK(entry.dims[0] == std::ssize(tags), "a row for each tag");
  for (size_t i = 0; i < count; ++i) {
    if (init.kind == Init::Kind::tag_starts) out[i] = value(nullptr, &tags[i]);
    if (init.kind == Init::Kind::tag_ends) out[i] = value(&tags[i], nullptr);
    if (init.kind != Init::Kind::tag_transitions) continue;
    for (size_t j = 0; j < count; ++j) out[i * count + j] = value(&tags[i], &tags[j]);
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
    case Init::Kind::one_hot_mix: {
      const int64_t tasks = std::ssize(init.tasks), own = static_cast<int64_t>(init.b);
      const int64_t places = entry.dims.back() / tasks;  // of each task
      const double share = init.a / static_cast<double>(places);
      const double rest = tasks > 1 ? (1 - init.a) / static_cast<double>(places * (tasks - 1)) : 0;
      return each([&](int64_t i) { return i % entry.dims.back() / places == own ? share : rest; });
    }
    case Init::Kind::positive_share:
      return positive_share(init, data, entry, out);
    case Init::Kind::class_weights:
      return class_weights(init, data, entry, out);
    case Init::Kind::tag_transitions:
    case Init::Kind::tag_starts:
    case Init::Kind::tag_ends:
      return tag_rules(init, data.fitted.sets.at(init.from).names, entry, out);
  }
}

// What was drawn for ids that train does not have would stay a random answer. A start that is the same for all rows,
// `ones()`, is theirs too.
void clear_unknown(const ParamInfo& param, const data::Fitted& fitted, const model::Entry& entry, float* out) {
  const Init::Kind kind = param.init.kind;
  if (!param.trained || kind == Init::Kind::ones || kind == Init::Kind::constant) return;
  for (const elaborate::IdAxis& ids : param.ids) {
    const data::IdSet* set = data::find_set(fitted, ids.set);
    if (set == nullptr) continue;
    int64_t blocks = 1, width = 1;  // in front of the axis, behind it
    for (int d = 0; d < std::ssize(entry.dims); ++d) {
      if (d < ids.axis) blocks *= entry.dims[static_cast<size_t>(d)];
      if (d > ids.axis) width *= entry.dims[static_cast<size_t>(d)];
    }
    const int64_t size = entry.dims[static_cast<size_t>(ids.axis)];
    for (const int32_t id : set->unknown_ids())
      for (int64_t block = 0; block < blocks && ids.begin + (id + 1) * ids.each <= size; ++block)
        std::fill_n(out + (block * size + ids.begin + id * ids.each) * width, ids.each * width, 0.0f);
  }
}

}  // namespace

void initialise(const std::vector<ParamInfo>& params, const data::Dataset& data, uint64_t seed,
                model::Weights& weights) {
  for (const ParamInfo& param : params) {
    const model::Entry* entry = weights.find(param.path);
    MTL_CHECK(entry != nullptr, "a parameter that the weights hold");
    fill(param.init, data, Draw(seed, param.path), *entry, weights.of(*entry));
    clear_unknown(param, data.fitted, *entry, weights.of(*entry));
    if (!param.init.vectors.empty()) known_vectors(data.fitted, param.init.vectors, *entry, weights.of(*entry));
  }
}

namespace {

// Sequences of train whose tags break the scheme. A position without a label may be anything, and where `limit` cuts,
// no sequence begins or ends.
struct Broken {
  int64_t count = 0, all = 0;
  std::string first;  // "`I-a` begins a sequence"
};

std::string say_broken(const std::vector<std::string>& names, int32_t from, int32_t to) {
  const auto quoted = [&](int32_t id) { return "`" + names[static_cast<size_t>(id)] + "`"; };
  if (from < 0) return quoted(to) + " begins a sentence";
  return to < 0 ? quoted(from) + " ends a sentence" : quoted(to) + " follows " + quoted(from);
}

Broken count_broken(const data::Split& split, const data::Column& column, const std::vector<std::string>& names,
                    TagScheme scheme) {
  const std::vector<SpanTag> tags = read_tags(names);
  const std::vector<int32_t>& offsets = split.ragged.at(column.dim).offsets;
  const bool keep_last = split.ragged.at(column.dim).keep_last;
  Broken broken;
  for (size_t s = 0; s + 1 < offsets.size(); ++s) {
    const int32_t begin = offsets[s], end = offsets[s + 1];
    const bool cut = s + 1 < column.cut_starts.size() && column.cut_starts[s] < column.cut_starts[s + 1];
    ++broken.all;
    for (int32_t i = begin; i <= end && begin < end; ++i) {
      const bool first = i == begin, last = i == end;
      const int32_t from = first ? -1 : column.ids[static_cast<size_t>(i - 1)];
      const int32_t to = last ? -1 : column.ids[static_cast<size_t>(i)];
      if ((!first && from < 0) || (!last && to < 0) || (cut && (keep_last ? first : last))) continue;
      if (may_follow(scheme, first ? nullptr : &tags[static_cast<size_t>(from)],
                     last ? nullptr : &tags[static_cast<size_t>(to)]))
        continue;
      if (broken.count++ == 0) broken.first = say_broken(names, from, to);
      break;
    }
  }
  return broken;
}

// Reports the first label that the scheme does not have and returns false, or returns true.
bool check_names(const ParamInfo& param, const std::vector<std::string>& names, diag::Emitter& emitter) {
  const std::vector<SpanTag> tags = read_tags(names);
  for (size_t i = 0; i < tags.size(); ++i) {
    const char mark = tags[i].mark;
    const bool marks_end = mark == 'E' || mark == 'S';
    if (names[i] == "O" || names[i] == "o") continue;
    if (mark != 'O' && (param.init.scheme == TagScheme::iobes || !marks_end)) continue;
    emitter.report(diag::NoTagOfScheme, names[i], param.init.from, kTagSchemes[static_cast<size_t>(param.init.scheme)])
        .at(param.range)
        .help(marks_end ? "write `constrain = \"iobes\"`" : "leave `constrain` out: these labels mark no stretches");
    return false;
  }
  return true;
}

// Reports sentences of train whose tags the scheme forbids, where predictions could never be right, and returns false.
bool check_sequences(const ParamInfo& param, const data::Dataset& data, const std::vector<std::string>& names,
                     diag::Emitter& emitter) {
  const size_t dot = param.init.from.find('.');
  const data::Source* source = find_source(data, param.init.from.substr(0, dot));
  if (source == nullptr) return true;
  const auto column = source->train.columns.find(param.init.from.substr(dot + 1));
  if (column == source->train.columns.end() || column->second.dim.empty()) return true;
  const Broken broken = count_broken(source->train, column->second, names, param.init.scheme);
  if (broken.count == 0) return true;
  std::string help = "leave `constrain` out, or mend the labels";
  for (const TagScheme other : {TagScheme::bio, TagScheme::iobes, TagScheme::iob1}) {
    if (count_broken(source->train, column->second, names, other).count > 0) continue;
    help = std::string("write `constrain = \"") + kTagSchemes[static_cast<size_t>(other)] + "\"`: all of them fit it";
    break;
  }
  emitter
      .report(diag::TagsBreakScheme, broken.count, broken.all, param.init.from,
              kTagSchemes[static_cast<size_t>(param.init.scheme)])
      .at(param.range)
      .note("in the first of them " + broken.first)
      .help(help);
  return false;
}

}  // namespace

bool check_tags(const std::vector<ParamInfo>& params, const data::Dataset& data, diag::Emitter& emitter) {
  for (const ParamInfo& param : params) {
    if (param.init.kind != Init::Kind::tag_transitions) continue;
    const std::vector<std::string>& names = data.fitted.sets.at(param.init.from).names;
    if (!check_names(param, names, emitter) || !check_sequences(param, data, names, emitter)) return false;
  }
  return true;
}

bool check_class_weights(const std::vector<ParamInfo>& params, const data::Dataset& data, diag::Emitter& emitter) {
  for (const ParamInfo& param : params) {
    if (param.init.kind != Init::Kind::class_weights) continue;
    const data::IdSet& set = data.fitted.sets.at(param.init.from);
    for (const auto& [name, weight] : param.init.named) {
      if (set.id_of(name) >= 0) continue;
      const auto near = nearest(name, set.names);
      emitter.report(diag::UnknownClass, excerpt(name), "class_weights", param.init.from)
          .at(param.range)
          .help(near ? "did you mean `" + *near + "`?"
                     : "its classes are " + excerpt(join(set.names, ", ", " and "), 200));
      return false;
    }
  }
  return true;
}

}  // namespace mtl::training
