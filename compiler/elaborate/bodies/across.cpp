// See across.h.
#include "compiler/elaborate/bodies/across.h"

#include <algorithm>

#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/stacks.h"
#include "compiler/elaborate/tensors/versions.h"
#include "compiler/ops/op.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
// A task without a loss has no private copies.
bool is_trained(const TaskState& task) {
  if (!task.decl) return true;  // of a module that is tried by itself
  bool has_loss = task.decl->predicts.has_value();
  for (const syntax::Stmt& stmt : task.decl->body) {
    const auto* setting = std::get_if<syntax::AssignStmt>(&stmt.node);
    if (!setting || setting->name.text != "loss") continue;
    const auto* word = std::get_if<syntax::NameExpr>(&setting->value->node);
    has_loss = !word || word->name != "none";
  }
  return has_loss;
}

std::set<std::string> trained_tasks(const BodyContext& ctx) {
  std::set<std::string> names;
  for (const TaskState& task : ctx.model.tasks) {
    if (is_trained(task)) names.insert(task.info.name);
  }
  return names;
}

std::vector<std::string> in_order(const BodyContext& ctx, const std::set<std::string>& names) {
  std::vector<std::string> ordered;
  for (const TaskState& task : ctx.model.tasks) {
    if (names.count(task.info.name)) ordered.push_back(task.info.name);
  }
  return ordered;
}

std::set<std::string> reaching(BodyContext& ctx, const std::string& path) {
  const auto known = ctx.reach.known.find(path);
  const std::set<std::string> tasks = known != ctx.reach.known.end() ? known->second : trained_tasks(ctx);
  ctx.reach.said[path] = tasks;
  return tasks;
}

// Null: no module, but the model or a task.
const Place* module_of(const Frame& frame) {
  return frame.place && frame.place->parent && !frame.place->task ? frame.place.get() : nullptr;
}

std::vector<std::string> tasks_here(BodyContext& ctx, const Frame& frame) {
  return in_order(ctx, module_of(frame) ? reaching(ctx, plain_path_of(frame.place)) : trained_tasks(ctx));
}

// False after a report.
bool in_task(BodyContext& ctx, const At& at, const std::string& what) {
  if (at.frame.task && is_trained(*at.frame.task)) return true;
  const std::string who = at.frame.task ? "task `" + at.frame.task->info.name + "` has no loss" : "there is none here";
  ctx.report(at, diag::OfNoTask, what, who).help("a task that is trained has versions, and a place among them");
  return false;
}

// The tasks whose versions are asked for: of a module those that reach it, elsewhere those that own the copies.
std::vector<std::string> owners(BodyContext& ctx, ir::Value value, const At& at, bool parameter) {
  if (module_of(at.frame) && !parameter) return tasks_here(ctx, at.frame);
  std::set<std::string> tasks = trained_tasks(ctx);
  for (const std::string& place : copies_in(ctx, value, at.frame.task->info.name)) {
    const std::set<std::string> by = reaching(ctx, place);
    std::erase_if(tasks, [&](const std::string& task) { return by.count(task) == 0; });
  }
  return in_order(ctx, tasks);
}

std::optional<std::vector<std::string>> listed_tasks(BodyContext& ctx, PrimitiveCall& c) {
  const At at = c.at_argument("tasks");
  auto listed = items(ctx, *c.find("tasks"), at);
  if (!listed) return std::nullopt;
  std::set<std::string> names;
  for (const Value& item : *listed) {
    const auto* task = std::get_if<TaskRef>(&item.v);
    if (!task) {
      if (!item.poisoned()) ctx.report(at, diag::NotATaskOfAcross, item.kind()).help("write `[ner, pos]`");
      return std::nullopt;
    }
    names.insert(ctx.model.tasks[task->index].info.name);
  }
  return in_order(ctx, names);
}

// A part of a stack is a stack or a tensor; the versions of the whole are those of its parts.
std::optional<std::vector<Value>> versions_of(BodyContext& ctx, const Value& value,
                                              const std::vector<std::string>& tasks, const At& at) {
  std::vector<Value> out;
  const Stack* stack = stack_in(value);
  if (!stack) {
    const Tensor& tensor = *value.tensor();
    for (const ir::Value node : versions(ctx, tensor.node, at.frame.task->info.name, tasks, at))
      out.push_back(Value{Tensor{node, tensor.ids, tensor.table, tensor.dims}, at.range});
    return out.empty() ? std::nullopt : std::optional(std::move(out));
  }
  std::vector<std::vector<Value>> by_task(tasks.size());
  for (const Value& part : *stack->parts) {
    auto each = versions_of(ctx, part, tasks, at);
    if (!each) return std::nullopt;
    for (size_t i = 0; i < tasks.size(); ++i) by_task[i].push_back((*each)[i]);
  }
  for (std::vector<Value>& parts : by_task) out.push_back(stack_of(ctx, std::move(parts), at));
  return out;
}
}  // namespace

void comes_by(BodyContext& ctx, const std::string& path, const TaskState& task) {
  if (is_trained(task)) ctx.reach.found[path].insert(task.info.name);
}

bool misjudged_reach(const BodyContext& ctx) {
  return std::any_of(ctx.reach.said.begin(), ctx.reach.said.end(), [&](const auto& said) {
    const auto found = ctx.reach.found.find(said.first);
    return found != ctx.reach.found.end() && found->second != said.second;
  });
}

Value number_of_tasks(BodyContext& ctx, const At& at) {
  return StaticValue{static_cast<int64_t>(tasks_here(ctx, at.frame).size())};
}

Value task_index(BodyContext& ctx, const At& at) {
  if (!in_task(ctx, at, "`task.index`")) return {};
  const std::vector<std::string> tasks = tasks_here(ctx, at.frame);
  const ir::Value index = index_among(ctx, at.frame.task->info.name, tasks, at);
  auto set = std::make_shared<IdSet>();
  set->text = "tasks";
  set->size = Dim(static_cast<int64_t>(tasks.size()));
  return index.valid() ? Value{Tensor{index, set, nullptr}, at.range} : Value{};
}

Value across(BodyContext& ctx, PrimitiveCall& c) {
  if (!in_task(ctx, c.at, "`across`")) return {};
  Value value = *c.find("value");
  const bool path = std::holds_alternative<PathRef>(value.v);
  if (path) value = Value{parameter_at(ctx, std::get<PathRef>(value.v), c.at), value.range};
  if (!stack_in(value) && !value.tensor()) {
    const ir::Value node = to_tensor(ctx, value, c.at_argument("value"));
    value = Value{Tensor{node, nullptr, nullptr}, value.range};
  }
  const Value* first = &value;
  while (const Stack* stack = stack_in(*first)) first = &stack->parts->front();
  const ir::Value node = first->tensor() ? first->tensor()->node : ir::Value{};
  if (!node.valid()) return {};
  const std::string op = ctx.nodes.graph.node(node).op->name;
  std::vector<std::string> tasks = owners(ctx, node, c.at, path || op == "param" || op == "state");
  if (c.find("tasks")) {
    auto listed = listed_tasks(ctx, c);
    if (!listed) return {};
    tasks = std::move(*listed);
  }
  auto each = versions_of(ctx, value, tasks, c.at);
  return each && !each->empty() ? stack_of(ctx, std::move(*each), c.at) : Value{};
}

// The parameters below the place of a layer that have been made; of private ones, the copy of the task at hand.
Value weights(BodyContext& ctx, PrimitiveCall& c) {
  const Value& given = *c.find("layer");
  const LayerPtr* layer = given.layer();
  const auto* path = std::get_if<PathRef>(&given.v);
  PlacePtr place = path ? path->place : nullptr;
  if (layer) place = (*layer)->place ? (*layer)->place : (*layer)->argument_place;
  if (!place) {
    ctx.report(c.at_argument("layer"), diag::NotALayer, given.kind());
    return {};
  }
  const std::string path_of_layer = plain_path_of(place), below = path_of_layer + ".";
  const std::string task = c.at.frame.task ? c.at.frame.task->info.name : "";
  std::set<std::string> paths, owned, all;
  const auto collect = [&](const std::map<std::string, ParamRecord>& records) {
    for (const auto& [name, record] : records) {
      if (!record.info.trained || record.plain.rfind(below, 0) != 0) continue;
      all.insert(record.plain);
      if (!record.task.empty() && record.task != task) continue;
      paths.insert(name);
      owned.insert(record.plain);
    }
  };
  collect(ctx.parameters.known.params);
  collect(ctx.parameters.records);
  if (ctx.parameters.by_task && owned != all) {
    ctx.parameters.absent = true;
    return {};
  }
  if (paths.empty()) {
    ctx.reports.waits = true;
    ctx.report(c.at_argument("layer"), diag::NoSuchParameter, path_of_layer)
        .help("a call of the layer makes its parameters");
    return {};
  }
  std::vector<Value> out;
  for (const std::string& name : paths) {
    const auto it = find_parameter(ctx, name);
    const ParamInfo& info = it->second.info;
    const ir::Value node = emit(ctx, "param", {}, c.at, {{"path", info.path}, {"dims", info.dims}});
    if (!node.valid()) return {};
    out.push_back(Value{Tensor{node, nullptr, it->second.table}, c.at.range});
  }
  return Value{std::make_shared<const std::vector<Value>>(std::move(out)), c.at.range};
}

std::optional<Init> own_share(BodyContext& ctx, double share, const std::vector<Dim>& dims, const At& at) {
  if (!in_task(ctx, at, "`one_hot_mix`")) return std::nullopt;
  Init init;
  init.kind = Init::Kind::one_hot_mix;
  init.a = share;
  init.tasks = tasks_here(ctx, at.frame);
  const auto own = std::find(init.tasks.begin(), init.tasks.end(), at.frame.task->info.name);
  init.b = static_cast<double>(own - init.tasks.begin());
  const auto width = dims.empty() ? std::nullopt : dims.back().constant();
  const int64_t tasks = std::ssize(init.tasks);
  if (width && tasks > 0 && *width % tasks == 0) return init;
  ctx.report(at, diag::NotByTask, width ? std::to_string(*width) : "open", tasks)
      .help("the last dimension is `|tasks|`, or some places for each task: `2 * |tasks|`");
  return std::nullopt;
}

}  // namespace mtl::elaborate
