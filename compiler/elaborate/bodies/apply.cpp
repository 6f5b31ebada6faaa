// Modules, functions and criteria at work: a frame for the body, the inputs bound to their dimensions, the results.
#include "compiler/elaborate/bodies/apply.h"

#include "compiler/elaborate/bodies/across.h"
#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/bodies/dim_bindings.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/id_sets.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/bodies/mapped_stacks.h"
#include "compiler/elaborate/bodies/signature.h"
#include "compiler/elaborate/bodies/statements.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/primitives.h"
#include "compiler/elaborate/tensors/ranges.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/transposed.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
constexpr int kCallDepth = 200;

void collect_declared(const Body& body, std::set<std::string>& names) {
  for (const Stmt& stmt : body) {
    if (const auto* layer = std::get_if<LayerStmt>(&stmt.node)) names.insert(layer->name.name.text);
    if (const auto* param = std::get_if<ParamStmt>(&stmt.node)) names.insert(param->name.name.text);
    if (const auto* loop = std::get_if<ForStmt>(&stmt.node)) collect_declared(loop->body, names);
    if (const auto* choice = std::get_if<IfStmt>(&stmt.node)) {
      for (const IfStmt::Branch& branch : choice->branches) collect_declared(branch.body, names);
    }
  }
}

// Inputs of a function that are known before anything runs.
bool is_static_type(const TypeExpr& type) {
  static const std::set<std::string> kTypes = {"int", "float", "string", "initializer", "layer", "list"};
  return kTypes.count(type.name.text) > 0;
}
}  // namespace

const std::set<std::string>& declared_in(BodyContext& ctx, const Body& body) {
  auto [it, fresh] = ctx.layers.declared.try_emplace(&body);
  if (fresh) collect_declared(body, it->second);
  return it->second;
}

namespace {
Frame frame_of(BodyContext& ctx, const LayerPtr& layer, const At& at) {
  ctx.layers.applied.insert(layer->module->decl);
  Frame callee;
  callee.task = at.frame.task;
  if (callee.task && layer->place) comes_by(ctx, plain_path_of(layer->place), *callee.task);
  const bool criterion = layer->module->kind == sema::DeclKind::criterion;
  callee.kind = criterion ? Frame::Kind::criterion : Frame::Kind::module;
  callee.unit = layer->module->unit;
  callee.library = ctx.file.units[callee.unit]->library;
  callee.title = (criterion ? "criterion `" : "module `") + layer->name() + "`";
  callee.declared_at =
      criterion ? layer->module->as<CriterionDecl>().name.range : layer->module->as<ModuleDecl>().name.range;
  callee.place = layer->place;
  callee.declared =
      declared_in(ctx, criterion ? layer->module->as<CriterionDecl>().body : layer->module->as<ModuleDecl>().body);
  callee.scopes.emplace_back();
  for (const auto& [name, value] : layer->statics) {
    const LayerPtr* argument = value.layer();
    if (argument && has_description(**argument)) {
      // "A description becomes one layer, named after the argument, of each module that applies it."
      auto described = std::make_shared<Layer>(**argument);
      described->argument_place = child(layer->place, name, Owner::enclosing, layer->range, callee);
      callee.bind(name, Value{LayerPtr(described), value.range});
    } else {
      callee.bind(name, value);
    }
  }
  return callee;
}

// Solves the dimensions of the inputs and binds them in `callee`.
bool enter(BodyContext& ctx, const std::vector<Parameter>& inputs, std::vector<std::optional<Argument>>& bound,
           Frame& callee, Signature& signature, const At& at) {
  callee.caller = &at.frame;
  callee.call = at.range;
  callee.depth = at.frame.depth + 1;
  callee.id = ++ctx.budget.calls;
  callee.base = at.frame.base;
  callee.stream = at.frame.stream;
  if (callee.scopes.empty()) callee.scopes.emplace_back();
  if (callee.depth > kCallDepth) {
    ctx.report(at, diag::TooDeep, callee.title);
    return false;
  }
  std::vector<Value> values(inputs.size());
  signature.mapped.assign(inputs.size(), false);
  // Inputs that are given first: their dimensions may size the defaults of the others.
  for (const bool given : {true, false}) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (bound[i].has_value() != given) continue;
      if (!given && !inputs[i].default_value) {
        ctx.report(at, diag::MissingArgument, signature.callee, inputs[i].name.text);
        return false;
      }
      const SourceRange range = given ? bound[i]->range : at.range;
      values[i] = given ? bound[i]->value : evaluate(ctx, *inputs[i].default_value, callee);
      if (values[i].poisoned()) continue;
      const At here{at.frame, range};
      if (is_static_type(inputs[i].type)) {
        values[i] = static_argument(ctx, inputs[i], values[i], here);
      } else if (!match_input(ctx, inputs[i], i, values[i], callee, signature, here)) {
        return false;
      }
    }
  }
  if (!settle_constants(ctx, inputs, values, callee, at) || !map_inputs(ctx, values, callee, signature, at))
    return false;
  for (size_t i = 0; i < inputs.size(); ++i) callee.bind(inputs[i].name.text, values[i]);
  return true;
}
}  // namespace

Value run_callable(BodyContext& ctx, const std::vector<Parameter>& inputs, std::vector<std::optional<Argument>> bound,
                   const Body& body, const std::optional<ResultType>& result, Frame callee, const std::string& name,
                   const At& at) {
  Signature signature;
  signature.callee = name;
  for (auto& argument : bound) {
    if (argument) argument->value = as_stack(ctx, argument->value, {at.frame, argument->range});
    if (argument && argument->value.poisoned()) return {};
  }
  if (const std::vector<Value*> slots = stacks_to_map(ctx, inputs, bound, at.frame); !slots.empty())
    return each_part(ctx, slots, at, [&] { return run_callable(ctx, inputs, bound, body, result, callee, name, at); });
  if (!enter(ctx, inputs, bound, callee, signature, at)) return {};
  run_body(ctx, body, callee);
  if (!callee.returned) {
    if (!ctx.reports.failed) {
      ctx.reports.failed = true;  // it is the module that is wrong, wherever it is called
      const SourceRange last = body.empty() ? callee.declared_at : body.back().range;
      ctx.reports.emitter.report(diag::NoResult, callee.title)
          .at({last.file, last.end, last.end})
          .label(callee.declared_at, "declared here")
          .label(at.range, "called here");
    }
    return {};
  }
  Value value = check_result(ctx, result, callee.result, callee, signature, at);
  forget_names(ctx, value, callee);
  return map_result(ctx, std::move(value), signature, at);
}

Value apply_instance(BodyContext& ctx, const LayerPtr& layer, std::vector<Argument> arguments, const At& at) {
  if (layer->module->kind == sema::DeclKind::criterion) return judge(ctx, layer, std::move(arguments), at).loss;
  const ModuleDecl& decl = layer->module->as<ModuleDecl>();
  std::vector<std::optional<Argument>> bound;
  if (!bind_arguments(ctx, names_of(decl.inputs), 0, std::move(arguments), layer->name(), bound, at)) return {};
  return run_callable(ctx, decl.inputs, std::move(bound), decl.body, decl.result, frame_of(ctx, layer, at),
                      layer->name(), at);
}

Judgement judge(BodyContext& ctx, const LayerPtr& criterion, std::vector<Argument> arguments, const At& at) {
  const CriterionDecl& decl = criterion->module->as<CriterionDecl>();
  Signature signature;
  signature.callee = criterion->name();
  std::vector<std::optional<Argument>> bound;
  if (!bind_arguments(ctx, names_of(decl.inputs), 0, std::move(arguments), criterion->name(), bound, at)) return {};
  Frame callee = frame_of(ctx, criterion, at);
  if (!enter(ctx, decl.inputs, bound, callee, signature, at)) return {};
  if (!bound.empty() && bound[0]) warn_of_scores(ctx, *criterion, bound[0]->value, {at.frame, bound[0]->range});
  run_body(ctx, decl.body, callee);
  Judgement judgement;
  if (auto it = callee.assigned.find("loss"); it != callee.assigned.end()) {
    judgement.loss = map_result(ctx, it->second, signature, at);
  }
  if (auto it = callee.assigned.find("predict"); it != callee.assigned.end()) {
    judgement.predict = map_result(ctx, it->second, signature, at);
  }
  return judgement;
}

}  // namespace mtl::elaborate
