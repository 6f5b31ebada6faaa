// See start_values.h. A `load` statement needs all that it names; `--from` takes what there is.
#include "runtime/training/start_values.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "runtime/core/deploy/weights_file.h"
#include "runtime/data/cache.h"
#include "runtime/training/start_file.h"
#include "runtime/training/start_names.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

ParamRows rows_of_shape(const std::vector<int64_t>& dims) {
  ParamRows rows;
  for (const int64_t dim : dims) rows.axes.push_back({dim, {}, {}, true});
  return rows;
}

std::string text_of_shape(const std::vector<int64_t>& dims) {
  return shape_text(rows_of_shape(dims));
}

bool depends_on_sets(const ParamRows& rows) {
  return std::any_of(rows.axes.begin(), rows.axes.end(),
                     [](const ParamAxis& axis) { return !axis.known || !axis.blocks.empty() || !axis.others.empty(); });
}

// "load encoder[0..2]" has several patterns.
std::string title_of(const LoadConfig& load) {
  return "load " + join(load.patterns, ", ", " and ");
}

class Starter {
 public:
  Starter(const TrainInput& input, Session& session, diag::Emitter& emitter)
      : input_(input), session_(session), emitter_(emitter), rows_(rows_of(session.params(), nullptr, fitted())) {}

  std::optional<StartValues> load(const LoadConfig& load, Fact& fact);
  std::optional<StartValues> warm_start(const std::string& path);

 private:
  const data::Fitted& fitted() const { return input_.dataset.fitted; }
  std::unique_ptr<StartFile> open(const std::string& path, const std::string& name, std::string& why);
  bool take(const StartFile& file, const model::Tensor& tensor, StartValues::Param& param);
  bool load_one(const LoadConfig& load, const StartFile& file, const std::vector<size_t>& found,
                StartValues::Param& param);
  void report_missing(const LoadConfig& load, const StartFile& file, const StartNames& names,
                      const std::vector<std::string>& missing);
  void count_left(const StartFile& file, const std::vector<bool>& used, StartValues& out) const;

  const TrainInput& input_;
  Session& session_;
  diag::Emitter& emitter_;
  RowsByPath rows_;
  bool symbolic_ = false;
};

// With the first model of ours, whose numbers our own parameters hold is found out.
std::unique_ptr<StartFile> Starter::open(const std::string& path, const std::string& name, std::string& why) {
  auto file = read_start_file(path, name, why);
  if (!file || !file->ours || symbolic_) return file;
  symbolic_ = true;
  const auto symbolic = input_.symbolic ? all_params(input_.symbolic) : std::nullopt;
  rows_ = rows_of(session_.params(), symbolic ? &*symbolic : nullptr, fitted());
  return file;
}

// False, and why in `param.note`, if the tensor cannot be that parameter.
bool Starter::take(const StartFile& file, const model::Tensor& tensor, StartValues::Param& param) {
  const model::Entry& entry = *session_.weights().find(param.path);
  const ParamRows& mine = rows_.at(param.path);
  float* out = session_.weights().of(entry);
  if (!file.ours) {
    param.note = text_of_shape(entry.dims) + " here, " + text_of_shape(tensor.dims) + " in the file";
    if (entry.dims != tensor.dims) return false;
    param.note.clear();
    std::copy(tensor.values.begin(), tensor.values.end(), out);
    param.taken = entry.size;
    return true;
  }
  const ParamRows shape = rows_of_shape(tensor.dims);
  const auto known = file.rows.find(tensor.name);
  const bool described = known != file.rows.end() && shape_text(known->second) == shape_text(shape);
  if (!described && depends_on_sets(mine)) {
    param.note = "the program in the file does not say whose numbers it holds";
    return false;
  }
  const ParamRows& theirs = described ? known->second : shape;
  const auto match = match_rows({mine, fitted()}, {theirs, file.fitted}, param.note);
  if (!match) return false;
  param.note = join(match->part, ", ", " and ");
  param.taken = copy_matched(*match, theirs, tensor.values.data(), out);
  return true;
}

bool Starter::load_one(const LoadConfig& load, const StartFile& file, const std::vector<size_t>& found,
                       StartValues::Param& param) {
  const model::Tensor& tensor = file.tensors[found[0]];
  if (found.size() > 1) {
    emitter_.report(diag::TensorAmbiguous, excerpt(tensor.name), excerpt(file.tensors[found[1]].name), param.path)
        .at(load.range)
        .help("a `strip` or `rename` that keeps them apart");
    return false;
  }
  if (const std::string bad = not_finite(tensor); !bad.empty()) {
    emitter_.report(diag::CannotReadTensors, printable(load.file), "`" + excerpt(tensor.name) + "` of it has " + bad)
        .at(load.range);
    return false;
  }
  if (take(file, tensor, param)) return true;
  const model::Entry& entry = *session_.weights().find(param.path);
  if (entry.dims != tensor.dims) {
    emitter_
        .report(diag::TensorShape, param.path, text_of_shape(entry.dims), excerpt(tensor.name),
                text_of_shape(tensor.dims))
        .at(load.range)
        .help("`except " + param.path + "` leaves it as it is drawn");
  } else {
    emitter_
        .report(diag::CannotReadTensors, printable(load.file),
                "whose numbers `" + excerpt(tensor.name) + "` has is not the same: " + param.note)
        .at(load.range);
  }
  return false;
}

void Starter::report_missing(const LoadConfig& load, const StartFile& file, const StartNames& names,
                             const std::vector<std::string>& missing) {
  const auto quoted = [](const std::vector<std::string>& all) { return "`" + join(all, "`, `", "` and `") + "`"; };
  const std::vector<std::string> near = names.near(missing[0]);
  std::vector<std::string> some;
  for (size_t i = 0; i < std::min<size_t>(file.tensors.size(), 5); ++i)
    some.push_back("`" + excerpt(file.tensors[i].name) + "`");
  diag::Report report = emitter_.report(diag::TensorMissing, printable(load.file), missing[0]).at(load.range);
  std::move(report).note("looked for: " + quoted(names.tried(missing[0])));
  if (missing.size() > 1)
    std::move(report).note("neither for " + excerpt(quoted({missing.begin() + 1, missing.end()}), 200));
  if (!load.strip.empty() && std::none_of(file.tensors.begin(), file.tensors.end(), [&](const model::Tensor& tensor) {
        return tensor.name.starts_with(load.strip);
      }))
    std::move(report).note("no name of the file begins with `" + printable(load.strip) + "`");
  std::move(report).help(!near.empty()  ? "near are " + join(near, ", ", " and ")
                         : some.empty() ? "the file has no tensors"
                                        : "its first names are " + join(some, ", ", " and "));
}

void Starter::count_left(const StartFile& file, const std::vector<bool>& used, StartValues& out) const {
  for (size_t i = 0; i < used.size(); ++i)
    if (!used[i]) out.left.push_back(file.tensors[i].name);
}

std::optional<StartValues> Starter::load(const LoadConfig& load, Fact& fact) {
  std::string why;
  const auto file = open(data::join_path(input_.data_dir, load.file), load.file, why);
  if (!file) {
    emitter_.report(diag::CannotReadTensors, printable(load.file), why).at(load.range);
    return std::nullopt;
  }
  StartValues out{title_of(load), load.file, {}, {}};
  std::vector<std::string> paths, names, missing;
  for (const elaborate::ParamInfo& param : session_.params())
    if (loads(load, param.path) && !rows_.at(param.path).of_data) paths.push_back(param.path);
  for (const model::Tensor& tensor : file->tensors) names.push_back(tensor.name);
  const StartNames found(load, names, paths);
  for (const std::string& path : paths)
    if (found.find(path).empty()) missing.push_back(path);
  if (!missing.empty()) {
    report_missing(load, *file, found, missing);
    return std::nullopt;
  }
  std::vector<bool> used(names.size(), false);
  bool good = true;
  std::string hashes;
  for (const std::string& path : paths) {
    const model::Entry& entry = *session_.weights().find(path);
    out.params.push_back({path, entry.size, 0, ""});
    const std::vector<size_t> places = found.find(path);
    for (const size_t place : places) used[place] = true;
    good = load_one(load, *file, places, out.params.back()) && good;
    hashes += std::to_string(runtime::deploy::weights_checksum(session_.weights().of(entry),
                                                               static_cast<size_t>(entry.size) * sizeof(float)));
  }
  count_left(*file, used, out);
  fact.name = "`" + title_of(load) + "`";
  fact.value = "of `" + load.file + "`";
  if (!load.strip.empty()) fact.value += ", strip " + load.strip;
  for (const auto& [from, to] : load.renames) fact.value += ", rename " + from + " = " + to;
  if (!load.except.empty()) fact.value += ", except " + join(load.except);
  fact.hash = std::to_string(runtime::deploy::weights_checksum(hashes.data(), hashes.size()));
  return good ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<StartValues> Starter::warm_start(const std::string& path) {
  std::string why;
  const auto file = open(path, path, why);
  if (!file) {
    std::error_code ignored;
    const bool is_run = std::filesystem::exists(path + "/model.safetensors", ignored);
    emitter_.report(diag::CannotLoadModel, path, is_run ? "it is a folder" : why)
        .help(is_run ? "a run folder holds its model: `" + path + "/model.safetensors`" : "");
    return std::nullopt;
  }
  StartValues out{"--from", path, {}, {}};
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < file->tensors.size(); ++i) places[file->tensors[i].name] = i;
  std::vector<bool> used(file->tensors.size(), false);
  int64_t taken = 0;
  for (const elaborate::ParamInfo& info : session_.params()) {
    StartValues::Param param{info.path, session_.weights().find(info.path)->size, 0, ""};
    auto place = places.find(info.path);
    if (place == places.end()) place = places.find(without_task(info.path));
    const ParamRows& rows = rows_.at(info.path);
    const bool has_rows =
        std::any_of(rows.axes.begin(), rows.axes.end(), [](const ParamAxis& axis) { return !axis.blocks.empty(); });
    if (place == places.end()) {
      param.note = "not in the file";
    } else if (rows.of_data) {
      used[place->second] = true;
      param.note = "follows from the data";
    } else if (!file->ours && has_rows) {
      param.note = "the file does not say whose rows it has";
    } else {
      const model::Tensor& tensor = file->tensors[place->second];
      if (const std::string bad = not_finite(tensor); !bad.empty()) {
        emitter_.report(diag::CannotLoadModel, path, "`" + excerpt(tensor.name) + "` of it has " + bad);
        return std::nullopt;
      }
      used[place->second] = take(*file, tensor, param);
    }
    taken += param.taken;
    out.params.push_back(std::move(param));
  }
  count_left(*file, used, out);
  if (taken > 0) return out;
  std::vector<std::string> names;
  for (const std::string& name : out.left) names.push_back("`" + excerpt(name) + "`");
  emitter_.report(diag::NothingTaken, path)
      .note(names.empty() ? "it has no tensors" : "its tensors are " + excerpt(join(names), 200))
      .help("`--from` takes parameters of the same paths; `load` in the model renames them");
  return std::nullopt;
}

}  // namespace

bool start_from_files(const TrainInput& input, const std::string& from, Session& session,
                      std::vector<StartValues>& start, std::vector<Fact>& facts, diag::Emitter& emitter) {
  if (input.config.loads.empty() && from.empty()) return true;
  Starter starter(input, session, emitter);
  bool good = true;
  for (const LoadConfig& load : input.config.loads) {
    auto values = starter.load(load, facts.emplace_back());
    good = good && values;
    if (values) start.push_back(std::move(*values));
  }
  if (!good || from.empty()) return good;
  auto values = starter.warm_start(from);
  if (values) start.push_back(std::move(*values));
  return values.has_value();
}

std::vector<elaborate::ParamInfo> drawn_params(const std::vector<elaborate::ParamInfo>& params,
                                               const std::vector<StartValues>& start) {
  std::set<std::string> taken;
  for (const StartValues& values : start)
    for (const StartValues::Param& param : values.params)
      if (param.taken > 0) taken.insert(param.path);
  std::vector<elaborate::ParamInfo> drawn;
  for (const elaborate::ParamInfo& param : params)
    if (taken.count(param.path) == 0) drawn.push_back(param);
  return drawn;
}

}  // namespace mtl::training
