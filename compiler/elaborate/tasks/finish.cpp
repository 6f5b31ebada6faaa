// The end of an elaboration: outputs, what each task reads and trains, metrics over several tasks, warnings.
#include "compiler/elaborate/tasks/finish.h"

#include <algorithm>

#include "compiler/elaborate/bodies/names.h"
#include "compiler/elaborate/tasks/leaks.h"
#include "compiler/elaborate/tasks/penalties.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/id_rows.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/ranges.h"
#include "compiler/elaborate/tensors/report.h"
#include "compiler/ops/op.h"
#include "compiler/sema/task_metrics.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
void warn(TaskContext& ctx);

// Calls `visit` for every node that `from` depends on. With `trained`, only where a gradient can go; never beyond what
// is in `except`.
template <class F>
void walk(const ir::Graph& graph, const std::vector<ir::Value>& from, bool trained, F visit,
          const std::vector<ir::Value>& except = {}) {
  std::vector<char> seen(graph.nodes.size(), 0);
  for (ir::Value value : except)
    if (value.valid()) seen[value.node] = 1;
  std::vector<ir::NodeId> open;
  const auto push = [&](ir::Value value) {
    if (!value.valid() || seen[value.node]) return;
    seen[value.node] = 1;
    open.push_back(value.node);
  };
  for (ir::Value value : from) push(value);
  while (!open.empty()) {
    const ir::Node& node = graph.nodes[open.back()];
    open.pop_back();
    visit(node);
    if (trained && (node.op->name == std::string("stop_gradient") || node.types.front().dtype == types::DType::i32))
      continue;
    for (ir::Value operand : node.operands) push(operand);
  }
}
const std::string& text_attr(const ir::Node& node, const char* name) {
  return std::get<std::string>(node.attrs.at(name));
}
}  // namespace

std::set<std::string> reached(const TaskContext& ctx, const std::vector<ir::Value>& from, bool trained) {
  std::set<std::string> paths;
  walk(ctx.nodes.graph, from, trained, [&](const ir::Node& node) {
    const std::string op = node.op->name;
    if (op == "param" || (op == "state" && !trained)) paths.insert(text_attr(node, "path"));
  });
  return paths;
}

bool depends_on(const TaskContext& ctx, ir::Value value, ir::Value on, const std::vector<ir::Value>& except) {
  bool found = false;
  const ir::Node* wanted = &ctx.nodes.graph.nodes[on.node];
  walk(
      ctx.nodes.graph, {value}, false, [&](const ir::Node& node) { found = found || &node == wanted; }, except);
  return found;
}

std::set<std::string> inputs_of(const TaskContext& ctx, const std::vector<ir::Value>& from,
                                const std::vector<ir::Value>& except) {
  std::set<std::string> names;
  const auto add = [&](const ir::Node& node) {
    if (node.op->name != std::string("input")) return;
    const std::string& name = text_attr(node, "name");
    names.insert(name.substr(name.find('.') + 1));
  };
  walk(ctx.nodes.graph, from, false, add, except);
  return names;
}

namespace {
// The columns that a task's values are computed from. Where a dimension enters without any (`positions(T)`), the first
// column that has it is read for its length.
std::vector<std::string> columns_read(TaskContext& ctx, const TaskInfo& info, const std::vector<ir::Value>& from) {
  const std::set<std::string> read = inputs_of(ctx, from);
  std::vector<std::string> all(read.begin(), read.end());
  const DataDecl* source = ctx.file.source(info.source);
  if (!source) return all;
  std::set<SpaceId> needed, known;
  walk(ctx.nodes.graph, from, false, [&](const ir::Node& node) {
    for (const types::Type& type : node.types) needed.merge(ctx.spaces().data_dims(type.space));
    for (const auto& [name, attr] : node.attrs) {
      if (const auto* space = std::get_if<ir::SpaceRef>(&attr)) needed.merge(ctx.spaces().data_dims(space->id));
    }
  });
  std::vector<Dim> fixed;
  for (const bool more : {false, true}) {
    for (const ColumnDecl& column : source->columns) {
      const std::set<SpaceId> has = ctx.spaces().data_dims(space_of_column(ctx, info.source, column, fixed));
      const bool lacks =
          std::any_of(has.begin(), has.end(), [&](SpaceId s) { return needed.count(s) && !known.count(s); });
      const bool added = more && lacks && column.name.text != info.target;
      if (added) all.push_back(column.name.text);
      if (added || read.count(column.name.text)) known.insert(has.begin(), has.end());
    }
  }
  return all;
}
}  // namespace

void read_model_metrics(TaskContext& ctx) {
  auto metrics = sema::model_metrics(ctx.file, *ctx.file.model, ctx.reports.emitter);
  if (!metrics) {
    ctx.reports.failed = true;
    return;
  }
  ctx.metrics = std::move(*metrics);
}

namespace {
void finish_updates(TaskContext& ctx) {
  const At at{ctx.model.frame, ctx.file.model->name.range};
  for (const auto& [path, calls] : ctx.updates) {
    ir::Value sum = calls.front();
    for (size_t i = 1; i < calls.size(); ++i) sum = emit(ctx, "add", {sum, calls[i]}, at);
    ir::Value count = with_rank(ctx, constant(ctx, static_cast<double>(calls.size()), at), ctx.type(sum).rank(), at);
    ctx.nodes.graph.outputs.push_back({"update " + path, calls.size() == 1 ? sum : emit(ctx, "div", {sum, count}, at)});
  }
}
}  // namespace

ElaboratedModel finish(TaskContext& ctx) {
  ElaboratedModel model;
  model.name = ctx.file.model->name.text;
  model.balanced = ctx.objective.balancer != nullptr;
  model.reads_after = ctx.objective.reads_after;
  model.metrics = ctx.metrics;
  std::map<std::string, std::vector<std::string>> readers;
  for (TaskState& task : ctx.model.tasks) {
    if (!ctx.selected(task)) continue;
    ctx.nodes.graph.outputs.push_back({"head." + task.info.name, task.scores});
    ctx.nodes.graph.outputs.push_back({"predict." + task.info.name, task.predict});
    if (task.loss.valid()) {
      ctx.nodes.graph.outputs.push_back({"loss." + task.info.name, task.loss});
      ctx.nodes.graph.outputs.push_back({"count." + task.info.name, task.count});
      if (task.weight.valid()) ctx.nodes.graph.outputs.push_back({"weight." + task.info.name, task.weight});
    }
    const ir::Node& predict = ctx.nodes.graph.node(task.predict);
    task.info.softmax = predict.op->name == std::string_view("argmax") && predict.operands[0] == task.scores;
    if (task.info.kind == training::TargetKind::number) {
      const NumberRange bounds = bounds_of(ctx, task.predict);
      task.info.low = bounds.low, task.info.high = bounds.high;
    }
    task.info.inputs = columns_read(ctx, task.info, {task.scores, task.predict});
    std::vector<ir::Value> values{task.scores, task.predict, task.loss};
    for (const Penalty& penalty : ctx.penalties) {
      if (penalty.task == &task) values.push_back(penalty.value);
    }
    for (const std::string& path : reached(ctx, values, false)) readers[path].push_back(task.info.name);
    model.tasks.push_back(task.info);
  }
  if (ctx.objective.value.valid()) ctx.nodes.graph.outputs.push_back({"objective", ctx.objective.value});
  for (const TaskState& task : ctx.model.tasks) {
    const auto share = ctx.objective.shares.find(&task);
    if (share == ctx.objective.shares.end()) continue;
    ctx.nodes.graph.outputs.push_back({"balance." + task.info.name, share->second});
    if (model.reads_after) ctx.nodes.graph.outputs.push_back({"weighted." + task.info.name, task.weighted});
  }
  finish_updates(ctx);
  if (ctx.options.training) add_monitors(ctx);
  note_hot_weights(ctx);
  for (const std::string& path : ctx.parameters.order) {
    ParamInfo info = ctx.parameters.records.at(path).info;
    info.tasks = readers[path];
    if (info.tasks.empty() && ctx.parameters.records.at(path).private_at && path.find('@') != std::string::npos) {
      const std::string task = path.substr(path.find('@') + 1);  // a balancer's own
      info.tasks.push_back(task.substr(0, task.find('.')));
    }
    model.params.push_back(std::move(info));
  }
  if (ctx.options.tasks.empty() && ctx.options.losses) warn(ctx);
  model.applied = std::move(ctx.layers.applied);
  model.graph = std::move(ctx.nodes.graph);
  return model;
}

// "A task without a loss has no private copies; it reaches shared layers only": nobody would train them.
void refuse_untrained_copies(TaskContext& ctx) {
  std::set<std::pair<const Place*, std::string>> said;
  for (const std::string& path : ctx.parameters.order) {
    const ParamRecord& record = ctx.parameters.records.at(path);
    const auto task = std::find_if(ctx.model.tasks.begin(), ctx.model.tasks.end(),
                                   [&](const TaskState& one) { return one.info.name == record.task; });
    if (task == ctx.model.tasks.end() || task->info.has_loss || !task->judged) continue;
    if (!said.emplace(record.private_at.get(), record.task).second) continue;
    ctx.reports.failed = true;
    diag::Report made = ctx.reports.emitter.report(diag::CopyWithoutLoss, record.task, plain_path_of(record.private_at))
                            .at(record.call);
    if (record.private_at->range.valid() && !in_library(ctx, record.private_at->range))
      std::move(made).label(record.private_at->range, "one for each task that is trained");
    std::move(made).help("serve the head of a task that is trained, `OTHER.head`, or give this task a loss");
  }
}

namespace {
void warn(TaskContext& ctx) {
  warn_of_same_columns(ctx);
  for (const auto& [name, item] : ctx.model.items) {
    if (item.used || !std::holds_alternative<LayerStmt>(item.stmt->node)) continue;
    const auto& layer = std::get<LayerStmt>(item.stmt->node);
    if (layer.name.name.text == name) ctx.reports.emitter.report(diag::LayerNotUsed, name).at(layer.name.name.range);
  }
  bool any_shared = false;
  std::set<std::string> trained;
  std::map<std::string, std::pair<PlacePtr, std::set<std::string>>> copies;
  for (const auto& [path, record] : ctx.parameters.records) {
    any_shared = any_shared || record.shared;
    if (!record.private_at || path.rfind("balance.", 0) == 0) continue;
    auto& [place, tasks] = copies[plain_path_of(record.private_at)];
    place = record.private_at;
    const std::string task = path.substr(path.find('@') + 1);
    tasks.insert(task.substr(0, task.find('.')));
  }
  std::set<const Place*> said;
  for (const auto& [path, copy] : copies) {
    if (copy.second.size() != 1 || ctx.model.tasks.size() < 2) continue;
    // Of a private layer inside the library, the user knows the layer that it is in.
    const Place* place = copy.first.get();
    while (in_library(ctx, place->range) && place->parent && place->parent->parent) place = place->parent.get();
    if (!place->range.valid() || in_library(ctx, place->range) || !said.insert(place).second) continue;
    ctx.reports.emitter.report(diag::PrivateOfOneTask, path, *copy.second.begin()).at(place->range);
  }
  for (const TaskState& task : ctx.model.tasks) {
    const std::set<std::string> paths = reached(ctx, {task.loss}, true);
    trained.insert(paths.begin(), paths.end());
    if (!task.loss.valid() || !any_shared) continue;
    const bool shares = std::any_of(paths.begin(), paths.end(),
                                    [&](const std::string& path) { return ctx.parameters.records.at(path).shared; });
    if (!shares) ctx.reports.emitter.report(diag::TaskSharesNothing, task.info.name).at(task.info.range);
  }
  for (const Penalty& penalty : ctx.penalties) trained.merge(reached(ctx, {penalty.value}, true));
  warn_of_penalties(ctx);
  std::set<std::string> untrained;  // one warning for a layer
  for (const std::string& path : ctx.parameters.order) {
    const ParamRecord& record = ctx.parameters.records.at(path);
    if (!record.info.trained || trained.count(path) || path.rfind("balance.", 0) == 0) continue;
    std::string layer = path.substr(0, path.rfind('.'));
    const auto below = trained.lower_bound(layer + ".");  // some of the layer is trained: it is this parameter alone
    if (below != trained.end() && below->rfind(layer + ".", 0) == 0) layer = path;
    if (untrained.insert(layer).second) ctx.reports.emitter.report(diag::ParameterNotTrained, layer).at(record.call);
  }
}
}  // namespace

}  // namespace mtl::elaborate
