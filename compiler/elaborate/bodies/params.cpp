// Paths and parameters: who owns what.
//
// The nearest word wins, going out from the parameter. `private`: a copy for each task, whose path has @task after
// the name that the word stands at; `shared`: one copy, whatever is around it.
#include "compiler/elaborate/bodies/params.h"

#include "compiler/elaborate/bodies/across.h"
#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/id_rows.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/elaborate/tensors/ties.h"
#include "compiler/elaborate/tensors/words.h"
#include "compiler/ops/op.h"
#include "runtime/core/random.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using syntax::Owner;

namespace {
bool may_own(BodyContext& ctx, const PlacePtr& place, const At& at) {
  const Place* root = place.get();
  for (const Place* step = place.get(); step && step->parent; step = step->parent.get()) {
    root = step;
    if (!step->function.empty()) {
      ctx.report(at, diag::OwnedByFunction, step->name, step->function)
          .help("make it a module, or take the layer as an input, `tower: layer`");
      return false;
    }
    if (!step->in_loop) continue;
    ctx.report({at.frame, at.range}, diag::OwnedInLoop, step->name)
        .help("declare an array of layers in front of the loop, `layer " + step->name + "[n] = ...`, and index it");
    return false;
  }
  if (root->task || deciding(place.get())) return true;
  MTL_CHECK(root->unnamed, "a layer of a model says `shared` or `private`");
  ctx.report(at, diag::UnnamedAtModel, root->written)
      .help("write `shared NAME = " + root->written + "(...)` and apply the name");
  return false;
}

std::optional<Init> initial(BodyContext& ctx, const Value& init, const IdSetPtr& table, const std::vector<Dim>& dims,
                            const At& at) {
  Init out;
  if (const auto* labels = std::get_if<FromLabels>(&init.v)) return labels->init;
  if (const auto* vectors = std::get_if<Vectors>(&init.v)) {
    auto start = initial(ctx, Value{vectors->others}, table, dims, at);
    const std::string prefix = "vocab ";
    if (!start || !table || table->key.rfind(prefix, 0) != 0 || !ctx.options.vectors_of) return start;
    const std::string vocab = table->key.substr(prefix.size());
    auto width = ctx.options.vectors_of(vocab);
    if (!width) return start;
    if (dims.size() != 2 || dims[1].equals(Dim(*width)) == types::Answer::no) {
      ctx.report(at, diag::VectorWidth, vocab, *width, dims.size() == 2 ? dims[1].text() : "other");
      return std::nullopt;
    }
    start->vectors = vocab;
    return start;
  }
  const StaticValue* known = init.as_static();
  Value called;
  if (const Callable* callable = init.callable(); callable && !callable->static_function.empty()) {
    called = call_static(ctx, callable->static_function, {}, at);
    known = called.as_static();
    if (!known) return std::nullopt;
  }
  if (!known || !known->is_initializer()) {
    ctx.report(at, diag::NotAnInitializer, known ? known->text() : init.kind())
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
      return own_share(ctx, given.a, dims, at);
  }
  return out;
}

// Marks the two calls of the user where the ways to the parameter part.
void other_shape(BodyContext& ctx, const ParamRecord& record, const std::vector<Dim>& dims, const At& at) {
  const auto text = [&](const std::vector<Dim>& sizes) {
    std::vector<Axis> all;
    for (const Dim& size : sizes) all.push_back({std::nullopt, size});
    return "f32" + axes_text(ctx, all);
  };
  const std::vector<SourceRange> calls = user_calls(at.frame, at.range);
  size_t i = 0;
  while (i + 1 < std::min(calls.size(), record.calls.size()) && calls[i] == record.calls[i]) ++i;
  std::string note;
  user_range(ctx, at.frame, at.range, note);
  ctx.reports.failed = true;
  diag::Report made =
      ctx.reports.emitter.report(diag::ParameterShape, record.info.path, text(dims), text(record.info.dims));
  std::move(made).at(calls[i]).label(record.calls[i], "this call makes it " + text(record.info.dims));
  if (!note.empty()) std::move(made).note(note);
  std::move(made).help("the dimensions of a parameter are fixed by all calls of its layer together");
}
}  // namespace

Value parameter(BodyContext& ctx, const PlacePtr& place, std::vector<Dim> dims, const Value& init, IdSetPtr table,
                bool state, const At& at) {
  if (!may_own(ctx, place, at)) return {};
  const Tied tied = tied_parameter(ctx, place, at.frame.task);
  if (tied.tie && !tied_alike(ctx, tied, dims, state)) return {};
  const std::string path = tied.record ? tied.record->info.path : path_of(place, at.frame.task);
  auto it = ctx.parameters.records.find(path);
  std::string ignored;
  const SourceRange call = user_range(ctx, at.frame, at.range, ignored);
  if (it == ctx.parameters.records.end()) {
    auto start = initial(ctx, init, table, dims, at);
    if (!start) return {};
    const Place* word = deciding(place.get());
    ParamRecord record{
        {path, dims, *start, {}, !state, {}, call}, table, call, user_calls(at.frame, at.range), place->range,
        word && word->word == Owner::shared,        {}};
    for (PlacePtr step = place; step && word && word->word == Owner::private_; step = step->parent) {
      if (step.get() == word) record.private_at = step;
    }
    if (record.private_at && at.frame.task) record.task = at.frame.task->info.name;
    if (start->kind == Init::Kind::one_hot_mix && !record.private_at) {
      ctx.report(at, diag::OfNoTask, "`one_hot_mix`", "`" + path + "` is of all tasks that reach it")
          .help("declare it with `private param`");
      return {};
    }
    record.plain = plain_path_of(place);
    for (const Place* step = place.get(); step; step = step->parent.get()) {
      if (step->task && record.block.empty() && !record.shared) record.block = step->name;
    }
    it = ctx.parameters.records.emplace(path, std::move(record)).first;
    ctx.parameters.order.push_back(path);
  }
  ParamRecord& record = it->second;
  if (!tied.tie && record.declared != place->range) {  // `w1`, and `w[k in 0..2]`
    ctx.report({at.frame, place->range}, diag::DoubledPath, path).label(record.declared, "declared here");
    return {};
  }
  if (record.private_at && at.frame.task) comes_by(ctx, plain_path_of(record.private_at), *at.frame.task);
  bool same = record.info.dims.size() == dims.size();
  for (size_t i = 0; same && i < dims.size(); ++i) same = record.info.dims[i].equals(dims[i]) != types::Answer::no;
  if (!same) {
    other_shape(ctx, record, dims, at);
    return {};
  }
  if (table && record.table && table->key != record.table->key) {
    ctx.report(at, diag::WrongIds, table->text, record.table->text)
        .label(record.call, "a table for " + record.table->text);
    return {};
  }
  ir::Value node = emit(ctx, state ? "state" : "param", {}, at, {{"path", path}, {"dims", record.info.dims}});
  if (table && !table->key.empty() && !state && node.valid()) note_ids(ctx, node, 0, {{table->key, 0}});
  return node.valid() ? Value{Tensor{node, nullptr, table}, at.range} : Value{};
}

}  // namespace mtl::elaborate
