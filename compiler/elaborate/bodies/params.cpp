// Paths and parameters: who owns what.
//
// The nearest word wins, going out from the parameter. `private`: a copy for each task, whose path has @task after
// the name that the word stands at; `shared`: one copy, whatever is around it.
#include "compiler/base/check.h"
#include "compiler/base/text.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/ops/op.h"
#include "runtime/random.h"

namespace mtl::elaborate {

using syntax::Owner;

namespace {
// The place whose word decides; null if none does.
const Place* deciding(const Place* place) {
  for (; place; place = place->parent.get()) {
    if (place->word != Owner::enclosing) return place;
    if (place->task) return nullptr;
  }
  return nullptr;
}
}  // namespace

std::string Elaborator::path_of(const PlacePtr& place) const {
  const Place* word = deciding(place.get());
  std::string path;
  for (const Place* at = place.get(); at && at->parent; at = at->parent.get()) {
    std::string part = at->name;
    if (at == word && word->word == Owner::private_ && current_task_ >= 0)
      part += "@" + tasks_[current_task_].info.name;
    path = path.empty() ? part : part + "." + path;
  }
  return path;
}

std::string Elaborator::plain_path_of(const PlacePtr& place) const {
  std::string path;
  for (const Place* at = place.get(); at && at->parent; at = at->parent.get()) {
    path = path.empty() ? at->name : at->name + "." + path;
  }
  return path;
}

bool Elaborator::may_own(const PlacePtr& place, const At& at) {
  const Place* root = place.get();
  for (const Place* step = place.get(); step && step->parent; step = step->parent.get()) {
    root = step;
    if (!step->function.empty()) {
      report(at, diag::OwnedByFunction, step->name, step->function)
          .help("make it a module, or take the layer as an input, `tower: layer`");
      return false;
    }
    if (!step->in_loop) continue;
    report_at(at.frame, at.range, diag::OwnedInLoop, step->name)
        .help("declare an array of layers in front of the loop, `layer " + step->name + "[n] = ...`, and index it");
    return false;
  }
  if (root->task || deciding(place.get())) return true;
  MTL_CHECK(root->unnamed, "a layer of a model says `shared` or `private`");
  report(at, diag::UnnamedAtModel, root->written)
      .help("write `shared NAME = " + root->written + "(...)` and apply the name");
  return false;
}

std::optional<Init> Elaborator::initial(const Value& init, const IdSetPtr& table, const std::vector<Dim>& dims,
                                        const At& at) {
  Init out;
  if (const auto* labels = std::get_if<FromLabels>(&init.v)) return labels->init;
  if (const auto* vectors = std::get_if<Vectors>(&init.v)) {
    auto start = initial(Value{vectors->others}, table, dims, at);
    const std::string prefix = "vocab ";
    if (!start || !table || table->key.rfind(prefix, 0) != 0 || !options_.vectors_of) return start;
    const std::string vocab = table->key.substr(prefix.size());
    auto width = options_.vectors_of(vocab);
    if (!width) return start;
    if (dims.size() != 2 || dims[1].equals(Dim(*width)) == types::Answer::no) {
      report(at, diag::VectorWidth, vocab, *width, dims.size() == 2 ? dims[1].text() : "other");
      return std::nullopt;
    }
    start->vectors = vocab;
    return start;
  }
  const StaticValue* known = init.as_static();
  Value called;
  if (const Callable* callable = init.callable(); callable && !callable->static_function.empty()) {
    called = call_static(callable->static_function, {}, at);
    known = called.as_static();
    if (!known) return std::nullopt;
  }
  if (!known || !known->is_initializer()) {
    report(at, diag::NotAnInitializer, known ? known->text() : init.kind())
        .help(known && known->as_number() ? "write `constant(" + known->text() + ")`" : "");
    return std::nullopt;
  }
  using Kind = sema::Initializer::Kind;
  const auto& given = std::get<sema::Initializer>(known->value);
  out.a = given.a;
  out.b = given.b;
  switch (given.kind) {
    case Kind::zeros:
      out.kind = Init::Kind::zeros;
      break;
    case Kind::ones:
      out.kind = Init::Kind::ones;
      break;
    case Kind::constant:
      out.kind = Init::Kind::constant;
      break;
    case Kind::normal:
      out.kind = Init::Kind::normal;
      break;
    case Kind::uniform:
      out.kind = Init::Kind::uniform;
      break;
    case Kind::glorot_uniform:
      out.kind = Init::Kind::glorot_uniform;
      break;
    case Kind::he_normal:
      out.kind = Init::Kind::he_normal;
      break;
    case Kind::orthogonal:
      out.kind = Init::Kind::orthogonal;
      break;
    case Kind::one_hot_mix:
      report(at, diag::NotSupportedYet, "`one_hot_mix`");
      return std::nullopt;
  }
  return out;
}

// Marks the two calls of the user where the ways to the parameter part.
void Elaborator::other_shape(const ParamRecord& record, const std::vector<Dim>& dims, const At& at) {
  const auto text = [&](const std::vector<Dim>& sizes) {
    std::vector<Axis> all;
    for (const Dim& size : sizes) all.push_back({std::nullopt, size});
    return "f32" + axes_text(all);
  };
  const std::vector<SourceRange> calls = user_calls(at.frame, at.range);
  size_t i = 0;
  while (i + 1 < std::min(calls.size(), record.calls.size()) && calls[i] == record.calls[i]) ++i;
  std::string note;
  user_range(at.frame, at.range, note);
  failed_ = true;
  diag::Report made = emitter_.report(diag::ParameterShape, record.info.path, text(dims), text(record.info.dims));
  std::move(made).at(calls[i]).label(record.calls[i], "this call makes it " + text(record.info.dims));
  if (!note.empty()) std::move(made).note(note);
  std::move(made).help("the dimensions of a parameter are fixed by all calls of its layer together");
}

Value Elaborator::parameter(const PlacePtr& place, std::vector<Dim> dims, const Value& init, IdSetPtr table, bool state,
                            const At& at) {
  if (!may_own(place, at)) return {};
  const std::string path = path_of(place);
  auto it = params_.find(path);
  std::string ignored;
  const SourceRange call = user_range(at.frame, at.range, ignored);
  if (it == params_.end()) {
    auto start = initial(init, table, dims, at);
    if (!start) return {};
    const Place* word = deciding(place.get());
    ParamRecord record{{path, dims, *start, {}, !state, {}, call}, table, call, user_calls(at.frame, at.range),
                       word && word->word == Owner::shared,        {}};
    for (PlacePtr step = place; step && word && word->word == Owner::private_; step = step->parent) {
      if (step.get() == word) record.private_at = step;
    }
    if (record.private_at) record.task = current_task_;
    it = params_.emplace(path, std::move(record)).first;
    param_order_.push_back(path);
  }
  ParamRecord& record = it->second;
  bool same = record.info.dims.size() == dims.size();
  for (size_t i = 0; same && i < dims.size(); ++i) same = record.info.dims[i].equals(dims[i]) != types::Answer::no;
  if (!same) {
    other_shape(record, dims, at);
    return {};
  }
  if (table && record.table && table->key != record.table->key) {
    report(at, diag::WrongIds, table->text, record.table->text).label(record.call, "a table for " + record.table->text);
    return {};
  }
  ir::Value node = emit(state ? "state" : "param", {}, at, {{"path", path}, {"dims", record.info.dims}});
  if (table && !table->key.empty() && !state && node.valid()) note_ids(node, 0, {{table->key, 0}});
  return node.valid() ? Value{Tensor{node, nullptr, table}, at.range} : Value{};
}

std::map<std::string, ParamRecord>::iterator Elaborator::find_parameter(const std::string& path) {
  const auto made = params_.find(path);
  if (made != params_.end()) return made;
  const auto known = known_.params.find(path);
  if (known == known_.params.end()) return params_.end();
  param_order_.push_back(path);
  return params_.emplace(path, known->second).first;
}

Tensor Elaborator::parameter_at(const PathRef& path, const At& at) {
  if (const auto it = find_parameter(path_of(path.place)); it != params_.end()) {
    const ParamInfo& info = it->second.info;
    const char* op = info.trained ? "param" : "state";
    return {emit(op, {}, at, {{"path", info.path}, {"dims", info.dims}}), nullptr, it->second.table};
  }
  waits_ = true;
  const std::string wanted = plain_path_of(path.place);
  std::vector<std::string> known;
  for (size_t end = wanted.rfind('.'); end != std::string::npos && end > 0 && known.empty();) {  // the nearest ones
    for (const auto& [name, record] : params_) {
      if (name.rfind(wanted.substr(0, end + 1), 0) == 0 && known.size() < 5) known.push_back("`" + name + "`");
    }
    end = wanted.rfind('.', end - 1);
  }
  report(at, diag::NoSuchParameter, wanted)
      .help(known.empty() ? "a call of its layer makes it, which must not need it first"
                          : (known.size() == 1 ? "there is " : "there are ") + join(known, ", ", " and "));
  return {};
}

// Keys of random streams: whose they are, and the number of the distinct call there.
int64_t Elaborator::random_key(const std::string& owner, const std::vector<ir::Value>& operands) {
  auto [it, fresh] = random_calls_.try_emplace({owner, operands}, 0);
  if (fresh) it->second = random_counts_[owner]++;
  const std::string text = owner + "#" + std::to_string(it->second);
  return static_cast<int64_t>(runtime::hash_text(text.data(), text.size()));
}

// Of masks: the path of the layer and the place in its body, so that one layer called twice on one input draws once,
// and an edit elsewhere changes nothing. `resample` adds a stream.
int64_t Elaborator::mask_key(const std::vector<ir::Value>& operands, const At& at) {
  std::string path = path_of(at.frame.place) + at.frame.stream;
  std::map<uint32_t, int64_t>& places = random_places_[path];
  const int64_t place = places.emplace(at.range.begin, static_cast<int64_t>(places.size())).first->second;
  return random_key(path + "#" + std::to_string(place), operands);
}

// Of noise: drawn once for each computation of what lends its shape, wherever it is written. A task's own block adds
// nothing to the path, so that tasks share what is drawn for a value that they share.
int64_t Elaborator::noise_key(std::string_view op, ir::Value operand, const At& at) {
  std::string path = at.frame.place->task ? "" : path_of(at.frame.place);
  return random_key(path + at.frame.stream + "#" + std::string(op), {operand});
}

}  // namespace mtl::elaborate
