// Modules, functions and criteria at work: a frame for the body, the inputs bound to their dimensions, the results.
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
constexpr int kCallDepth = 200;

void collect_declared(const Body& body, std::set<std::string>& names) {
  for (const Stmt& stmt : body) {
    if (const auto* layer = std::get_if<LayerStmt>(&stmt.node)) names.insert(layer->name.name.text);
    if (const auto* param = std::get_if<ParamStmt>(&stmt.node)) names.insert(param->name.text);
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

const std::set<std::string>& Elaborator::declared_in(const Body& body) {
  auto [it, fresh] = declared_.try_emplace(&body);
  if (fresh) collect_declared(body, it->second);
  return it->second;
}

Frame Elaborator::frame_of(const LayerPtr& layer, const At& at) {
  applied_.insert(layer->module->decl);
  Frame callee;
  const bool criterion = layer->module->kind == sema::DeclKind::criterion;
  callee.kind = criterion ? Frame::Kind::criterion : Frame::Kind::module;
  callee.unit = layer->module->unit;
  callee.library = file_.units[callee.unit]->library;
  callee.title = (criterion ? "criterion `" : "module `") + layer->name() + "`";
  callee.declared_at =
      criterion ? layer->module->as<CriterionDecl>().name.range : layer->module->as<ModuleDecl>().name.range;
  callee.place = layer->place;
  callee.declared =
      declared_in(criterion ? layer->module->as<CriterionDecl>().body : layer->module->as<ModuleDecl>().body);
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
  (void)at;
  return callee;
}

bool Elaborator::enter(const std::vector<Parameter>& inputs, std::vector<std::optional<Argument>>& bound, Frame& callee,
                       Signature& signature, const At& at) {
  callee.caller = &at.frame;
  callee.call = at.range;
  callee.depth = at.frame.depth + 1;
  callee.id = ++calls_;
  callee.base = at.frame.base;
  callee.stream = at.frame.stream;
  if (callee.scopes.empty()) callee.scopes.emplace_back();
  if (callee.depth > kCallDepth) {
    report(at, diag::TooDeep, callee.title);
    return false;
  }
  std::vector<Value> values(inputs.size());
  signature.mapped.assign(inputs.size(), false);
  // Inputs that are given first: their dimensions may size the defaults of the others.
  for (const bool given : {true, false}) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (bound[i].has_value() != given) continue;
      if (!given && !inputs[i].default_value) {
        report(at, diag::MissingArgument, signature.callee, inputs[i].name.text);
        return false;
      }
      const SourceRange range = given ? bound[i]->range : at.range;
      values[i] = given ? bound[i]->value : evaluate(*inputs[i].default_value, callee);
      if (values[i].poisoned()) continue;
      const At here{at.frame, range};
      if (is_static_type(inputs[i].type)) {
        values[i] = static_argument(inputs[i], values[i], here);
      } else if (!match_input(inputs[i], i, values[i], callee, signature, here)) {
        return false;
      }
    }
  }
  if (!settle_constants(inputs, values, callee, at) || !map_inputs(values, callee, signature, at)) return false;
  for (size_t i = 0; i < inputs.size(); ++i) callee.bind(inputs[i].name.text, values[i]);
  return true;
}

Value Elaborator::run_callable(const std::vector<Parameter>& inputs, std::vector<std::optional<Argument>> bound,
                               const Body& body, const std::optional<ResultType>& result, Frame callee,
                               const std::string& name, const At& at) {
  Signature signature;
  signature.callee = name;
  for (auto& argument : bound) {
    if (argument) argument->value = as_stack(argument->value, {at.frame, argument->range});
    if (argument && argument->value.poisoned()) return {};
  }
  if (const std::vector<Value*> slots = stacks_to_map(inputs, bound, at.frame); !slots.empty())
    return each_part(slots, at, [&] { return run_callable(inputs, bound, body, result, callee, name, at); });
  if (!enter(inputs, bound, callee, signature, at)) return {};
  run_body(body, callee);
  if (!callee.returned) {
    if (!failed_) {
      failed_ = true;  // it is the module that is wrong, wherever it is called
      const SourceRange last = body.empty() ? callee.declared_at : body.back().range;
      emitter_.report(diag::NoResult, callee.title)
          .at({last.file, last.end, last.end})
          .label(callee.declared_at, "declared here")
          .label(at.range, "called here");
    }
    return {};
  }
  Value value = check_result(result, callee.result, callee, signature, at);
  forget_names(value, callee);
  return map_result(std::move(value), signature, at);
}

Value Elaborator::apply_instance(const LayerPtr& layer, std::vector<Argument> arguments, const At& at) {
  if (layer->module->kind == sema::DeclKind::criterion) return judge(layer, std::move(arguments), at).loss;
  const ModuleDecl& decl = layer->module->as<ModuleDecl>();
  std::vector<std::optional<Argument>> bound;
  if (!bind_arguments(names_of(decl.inputs), 0, std::move(arguments), layer->name(), bound, at)) return {};
  return run_callable(decl.inputs, std::move(bound), decl.body, decl.result, frame_of(layer, at), layer->name(), at);
}

Elaborator::Judgement Elaborator::judge(const LayerPtr& criterion, std::vector<Argument> arguments, const At& at) {
  const CriterionDecl& decl = criterion->module->as<CriterionDecl>();
  Signature signature;
  signature.callee = criterion->name();
  std::vector<std::optional<Argument>> bound;
  if (!bind_arguments(names_of(decl.inputs), 0, std::move(arguments), criterion->name(), bound, at)) return {};
  Frame callee = frame_of(criterion, at);
  if (!enter(decl.inputs, bound, callee, signature, at)) return {};
  if (!bound.empty() && bound[0]) warn_of_scores(*criterion, bound[0]->value, {at.frame, bound[0]->range});
  run_body(decl.body, callee);
  Judgement judgement;
  if (auto it = callee.assigned.find("loss"); it != callee.assigned.end()) {
    judgement.loss = map_result(it->second, signature, at);
  }
  if (auto it = callee.assigned.find("predict"); it != callee.assigned.end()) {
    judgement.predict = map_result(it->second, signature, at);
  }
  return judgement;
}

}  // namespace mtl::elaborate
