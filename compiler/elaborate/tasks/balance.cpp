// See balance.h.
#include "compiler/elaborate/tasks/balance.h"

#include <algorithm>
#include <utility>

#include "compiler/elaborate/bodies/apply.h"
#include "compiler/elaborate/bodies/balancing.h"
#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/tasks/finish.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
At at_balance(TaskContext& ctx) {
  return {ctx.model.frame, ctx.objective.balance_setting->range};
}

ir::Value scalar(TaskContext& ctx, const std::string& name, const At& at) {
  return emit(ctx, "scalar", {}, at, {{"name", name}});
}

// One number for each task; where it has no row in the batch, the mean of the others.
ir::Value losses_of(TaskContext& ctx, const Balancing& balancing, const std::vector<ir::Value>& losses,
                    const std::vector<ir::Value>& counted, const At& at) {
  ir::Value sum, count;
  for (size_t i = 0; i < losses.size(); ++i) {
    const ir::Value part = emit(ctx, "mul", {losses[i], counted[i]}, at);
    sum = i == 0 ? part : emit(ctx, "add", {sum, part}, at);
    count = i == 0 ? counted[i] : emit(ctx, "add", {count, counted[i]}, at);
  }
  const ir::Value mean = emit(ctx, "div", {sum, emit(ctx, "max", {count, constant(ctx, 1, at)}, at)}, at);
  std::vector<ir::Value> all;
  for (size_t i = 0; i < losses.size(); ++i) all.push_back(if_present(ctx, balancing.present[i], losses[i], mean, at));
  return emit(ctx, "stack", all, at, {{"axis", int64_t{0}}});
}

Frame frame_of_balancer(TaskContext& ctx, Balancing& balancing, const LayerPtr& balancer) {
  const BalancerDecl& decl = balancer->module->as<BalancerDecl>();
  ctx.layers.applied.insert(balancer->module->decl);
  auto owner = std::make_shared<Place>();
  owner->parent = ctx.model.root;
  owner->name = "balance";
  owner->range = decl.name.range;
  Frame frame;
  frame.kind = Frame::Kind::balancer;
  frame.unit = balancer->module->unit;
  frame.library = ctx.file.units[frame.unit]->library;
  frame.title = "balancer `" + decl.name.text + "`";
  frame.declared_at = decl.name.range;
  frame.balancing = &balancing;
  frame.place = owner;
  frame.declared = declared_in(ctx, decl.body);
  frame.scopes.emplace_back();
  for (const auto& [name, value] : balancer->statics) frame.bind(name, value);
  return frame;
}

// What the balancer says, by task; empty after a report.
std::vector<ir::Value> shares_of(TaskContext& ctx, const BalancerDecl& decl, Value said, const Balancing& balancing,
                                 const std::vector<ir::Value>& after) {
  const At at = at_balance(ctx);
  if (said.poisoned()) return {};
  const ir::Value all = to_tensor(ctx, said, at);
  if (!all.valid()) return {};
  const auto count = static_cast<int64_t>(balancing.tasks.size());
  const types::Type& type = ctx.type(all);
  if (type.dtype != types::DType::f32 || type.rank() != 1 || type.dims[0] != Dim(count)) {
    ctx.report(at, diag::BalancerResult, decl.name.text, shape_text(ctx, all, ctx.model.frame), count)
        .label(decl.name.range, "declared here");
    return {};
  }
  for (const ir::Value value : after) {
    const auto reads = [&](ir::Value v) { return depends_on(ctx, v, value, {}); };
    if (ctx.options.after ||
        (!reads(all) && std::none_of(balancing.penalties.begin(), balancing.penalties.end(), reads)))
      continue;
    ctx.report(at, diag::AfterTooEarly, decl.name.text)
        .label(decl.name.range, "declared here")
        .help("`losses` are those of the step itself");
    return {};
  }
  std::vector<ir::Value> shares;
  for (size_t i = 0; i < balancing.tasks.size(); ++i) {
    const ir::Value share = part_of_task(ctx, all, i, at);
    shares.push_back(if_present(ctx, balancing.present[i], share, constant(ctx, 0, at), at));
  }
  return shares;
}

// Of a state that each task has for itself: those of tasks that take part.
void set_states(TaskContext& ctx, const Balancing& balancing) {
  const At at = at_balance(ctx);
  const auto set = [&](ir::Value state, ir::Value next) {
    const auto& path = std::get<std::string>(ctx.nodes.graph.node(state).attrs.at("path"));
    ctx.updates[path] = {next};
  };
  for (const auto& [state, next] : balancing.updates) {
    const auto copies = balancing.copies.find(state);
    if (copies == balancing.copies.end()) {
      set(state, next);
      continue;
    }
    for (size_t i = 0; i < copies->second.size(); ++i) {
      const ir::Value mine = copies->second[i];
      const ir::Value wanted = if_present(ctx, balancing.present[i], part_of_task(ctx, next, i, at), mine, at);
      if (wanted.valid()) set(mine, wanted);
    }
  }
}

// By task of the step; empty after a report.
std::vector<ir::Value> balance(TaskContext& ctx, Balancing& balancing) {
  const LayerPtr& balancer = ctx.objective.balancer;
  const BalancerDecl& decl = balancer->module->as<BalancerDecl>();
  const At at = at_balance(ctx);
  std::vector<ir::Value> now, before, after, counted;
  ctx.objective.reads_after = std::any_of(decl.inputs.begin(), decl.inputs.end(),
                                          [](const Parameter& input) { return input.name.text == "after"; });
  for (const TaskState* task : balancing.tasks) {
    const std::string& name = task->info.name;
    balancing.present.push_back(emit(ctx, "ne", {task->count, constant(ctx, 0, at)}, at));
    counted.push_back(emit(ctx, "min", {task->count, constant(ctx, 1, at)}, at));
    now.push_back(emit(ctx, "stop_gradient", {task->weighted}, at));
    before.push_back(ctx.options.after ? scalar(ctx, "before." + name, at) : now.back());
    if (ctx.objective.reads_after) after.push_back(ctx.options.after ? now.back() : scalar(ctx, "after." + name, at));
  }
  std::vector<std::optional<Argument>> inputs;
  for (const Parameter& input : decl.inputs) {
    const std::string& name = input.name.text;
    ir::Value value;
    if (name == "losses") {
      value = losses_of(ctx, balancing, before, counted, at);
      const auto* size = input.type.dims.size() == 1 && input.type.dims[0].size
                             ? std::get_if<NameExpr>(&input.type.dims[0].size->node)
                             : nullptr;
      if (size) balancing.dimension = size->name;
    } else if (name == "after") {
      value = losses_of(ctx, balancing, after, counted, at);
    } else if (name == "present") {
      value = emit(ctx, "stack", counted, at, {{"axis", int64_t{0}}});
    } else if (name == "epoch") {
      value = ctx.options.training ? scalar(ctx, "epoch", at) : constant(ctx, 1, at);
    }
    if (!value.valid()) {
      ctx.report(at, diag::NotSupportedYet, "the input `" + name + "` of a balancer");
      return {};
    }
    inputs.emplace_back(Argument{name, Value{Tensor{value, nullptr, nullptr}}, at.range});
  }
  Value said = run_callable(ctx, decl.inputs, std::move(inputs), decl.body, decl.result,
                            frame_of_balancer(ctx, balancing, balancer), decl.name.text, at);
  std::vector<ir::Value> shares = shares_of(ctx, decl, std::move(said), balancing, after);
  if (!shares.empty() && ctx.options.after == ctx.objective.reads_after) set_states(ctx, balancing);
  return shares;
}
}  // namespace

void read_balance(TaskContext& ctx) {
  if (!ctx.objective.balance_setting) return;
  const At at = at_balance(ctx);
  const Expr* callee = ctx.objective.balance_setting;
  std::vector<Argument> arguments;
  if (const auto* call = std::get_if<CallExpr>(&callee->node)) {
    callee = call->callee.get();
    arguments = arguments_of(ctx, *call, ctx.model.frame);
  }
  const auto* name = std::get_if<NameExpr>(&callee->node);
  const sema::Found* found = name ? ctx.file.find(0, name->name) : nullptr;
  if (!found || found->kind != sema::DeclKind::balancer) {
    ctx.report(at, diag::NotSupportedYet, "`balance = " + (name ? name->name : std::string("...")) + "`");
    return;
  }
  const Value described = describe_layer(ctx, *found, std::move(arguments), at);
  if (described.layer()) ctx.objective.balancer = *described.layer();
}

void make_objective(TaskContext& ctx) {
  Balancing balancing;
  for (TaskState& task : ctx.model.tasks) {
    if (task.loss.valid() && ctx.options.objective_tasks.count(task.info.name)) balancing.tasks.push_back(&task);
  }
  if (balancing.tasks.empty()) return;
  std::vector<ir::Value> shares;
  if (ctx.objective.balancer) {
    shares = balance(ctx, balancing);
    if (shares.empty()) return;
  }
  const At at{ctx.model.frame, ctx.file.model->name.range};
  ir::Value sum;
  for (size_t i = 0; i < balancing.tasks.size(); ++i) {
    ir::Value part = balancing.tasks[i]->weighted;
    if (!shares.empty()) {
      part = emit(ctx, "mul", {shares[i], part}, at);
      ctx.objective.shares[balancing.tasks[i]] = shares[i];
    }
    sum = i == 0 ? part : emit(ctx, "add", {sum, part}, at);
  }
  for (const ir::Value penalty : balancing.penalties) sum = emit(ctx, "add", {sum, penalty}, at);
  ctx.objective.value = sum;
}

}  // namespace mtl::elaborate
