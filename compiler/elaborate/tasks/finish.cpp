// The end of an elaboration: outputs, what each task reads and trains, metrics over several tasks, warnings.
#include <algorithm>

#include "compiler/diag/kinds/elaborate.h"
#include "compiler/elaborate/elaborator.h"
#include "compiler/ops/op.h"
#include "compiler/sema/task_metrics.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
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

std::set<std::string> Elaborator::reached(const std::vector<ir::Value>& from, bool trained) const {
  std::set<std::string> paths;
  walk(graph_, from, trained, [&](const ir::Node& node) {
    const std::string op = node.op->name;
    if (op == "param" || (op == "state" && !trained)) paths.insert(text_attr(node, "path"));
  });
  return paths;
}

bool Elaborator::depends_on(ir::Value value, ir::Value on, const std::vector<ir::Value>& except) const {
  bool found = false;
  const ir::Node* wanted = &graph_.nodes[on.node];
  walk(
      graph_, {value}, false, [&](const ir::Node& node) { found = found || &node == wanted; }, except);
  return found;
}

std::set<std::string> Elaborator::inputs_of(const std::vector<ir::Value>& from,
                                            const std::vector<ir::Value>& except) const {
  std::set<std::string> names;
  const auto add = [&](const ir::Node& node) {
    if (node.op->name != std::string("input")) return;
    const std::string& name = text_attr(node, "name");
    names.insert(name.substr(name.find('.') + 1));
  };
  walk(graph_, from, false, add, except);
  return names;
}

// The columns that a task's values are computed from. Where a dimension enters without any (`positions(T)`), the first
// column that has it is read for its length.
std::vector<std::string> Elaborator::columns_read(const TaskInfo& info, const std::vector<ir::Value>& from) {
  const std::set<std::string> read = inputs_of(from);
  std::vector<std::string> all(read.begin(), read.end());
  const DataDecl* source = file_.source(info.source);
  if (!source) return all;
  std::set<SpaceId> needed, known;
  walk(graph_, from, false, [&](const ir::Node& node) {
    for (const types::Type& type : node.types) needed.merge(spaces().data_dims(type.space));
    for (const auto& [name, attr] : node.attrs) {
      if (const auto* space = std::get_if<ir::SpaceRef>(&attr)) needed.merge(spaces().data_dims(space->id));
    }
  });
  std::vector<Dim> fixed;
  for (const bool more : {false, true}) {
    for (const ColumnDecl& column : source->columns) {
      const std::set<SpaceId> has = spaces().data_dims(space_of_column(info.source, column, fixed));
      const bool lacks =
          std::any_of(has.begin(), has.end(), [&](SpaceId s) { return needed.count(s) && !known.count(s); });
      const bool added = more && lacks && column.name.text != info.target;
      if (added) all.push_back(column.name.text);
      if (added || read.count(column.name.text)) known.insert(has.begin(), has.end());
    }
  }
  return all;
}

void Elaborator::read_model_metrics() {
  auto metrics = sema::model_metrics(file_, *file_.model, emitter_);
  if (!metrics) {
    failed_ = true;
    return;
  }
  metrics_ = std::move(*metrics);
}

void Elaborator::finish_updates() {
  const At at{model_frame_, file_.model->name.range};
  for (const auto& [path, calls] : updates_) {
    ir::Value sum = calls.front();
    for (size_t i = 1; i < calls.size(); ++i) sum = emit("add", {sum, calls[i]}, at);
    ir::Value count = with_rank(constant(static_cast<double>(calls.size()), at), type(sum).rank(), at);
    graph_.outputs.push_back({"update " + path, calls.size() == 1 ? sum : emit("div", {sum, count}, at)});
  }
}

ElaboratedModel Elaborator::finish() {
  ElaboratedModel model;
  model.name = file_.model->name.text;
  model.balance = balance_;
  model.metrics = metrics_;
  std::map<std::string, std::vector<std::string>> readers;
  for (TaskState& task : tasks_) {
    if (!selected(task)) continue;
    graph_.outputs.push_back({"head." + task.info.name, task.scores});
    graph_.outputs.push_back({"predict." + task.info.name, task.predict});
    if (task.loss.valid()) {
      graph_.outputs.push_back({"loss." + task.info.name, task.loss});
      graph_.outputs.push_back({"count." + task.info.name, task.count});
      if (task.weight.valid()) graph_.outputs.push_back({"weight." + task.info.name, task.weight});
    }
    const ir::Node& predict = graph_.node(task.predict);
    task.info.softmax = predict.op->name == std::string_view("argmax") && predict.operands[0] == task.scores;
    task.info.inputs = columns_read(task.info, {task.scores, task.predict});
    for (const std::string& path : reached({task.scores, task.predict, task.loss}, false))
      readers[path].push_back(task.info.name);
    model.tasks.push_back(task.info);
  }
  if (objective_.valid()) graph_.outputs.push_back({"objective", objective_});
  finish_updates();
  note_hot_weights();
  for (const std::string& path : param_order_) {
    ParamInfo info = params_.at(path).info;
    info.tasks = readers[path];
    if (info.tasks.empty() && params_.at(path).private_at && path.find('@') != std::string::npos) {
      const std::string task = path.substr(path.find('@') + 1);  // a balancer's own
      info.tasks.push_back(task.substr(0, task.find('.')));
    }
    model.params.push_back(std::move(info));
  }
  if (options_.tasks.empty() && options_.losses) warn();
  model.applied = std::move(applied_);
  model.graph = std::move(graph_);
  return model;
}

bool Elaborator::in_library(SourceRange range) const {
  for (const auto& unit : file_.units) {
    if (unit->tree.file == range.file) return unit->library;
  }
  return false;
}

// "A task without a loss has no private copies; it reaches shared layers only": nobody would train them.
void Elaborator::refuse_untrained_copies() {
  std::set<std::pair<const Place*, int>> said;
  for (const std::string& path : param_order_) {
    const ParamRecord& record = params_.at(path);
    if (record.task < 0 || tasks_[record.task].info.has_loss || !tasks_[record.task].judged) continue;
    if (!said.emplace(record.private_at.get(), record.task).second) continue;
    failed_ = true;
    diag::Report made =
        emitter_.report(diag::CopyWithoutLoss, tasks_[record.task].info.name, plain_path_of(record.private_at))
            .at(record.call);
    if (record.private_at->range.valid() && !in_library(record.private_at->range))
      std::move(made).label(record.private_at->range, "one for each task that is trained");
    std::move(made).help("serve the head of a task that is trained, `OTHER.head`, or give this task a loss");
  }
}

void Elaborator::warn() {
  warn_of_same_columns();
  for (const auto& [name, item] : items_) {
    if (item.used || !std::holds_alternative<LayerStmt>(item.stmt->node)) continue;
    const auto& layer = std::get<LayerStmt>(item.stmt->node);
    if (layer.name.name.text == name) emitter_.report(diag::LayerNotUsed, name).at(layer.name.name.range);
  }
  bool any_shared = false;
  std::set<std::string> trained;
  std::map<std::string, std::pair<PlacePtr, std::set<std::string>>> copies;
  for (const auto& [path, record] : params_) {
    any_shared = any_shared || record.shared;
    if (!record.private_at || path.rfind("balance.", 0) == 0) continue;
    auto& [place, tasks] = copies[plain_path_of(record.private_at)];
    place = record.private_at;
    const std::string task = path.substr(path.find('@') + 1);
    tasks.insert(task.substr(0, task.find('.')));
  }
  std::set<const Place*> said;
  for (const auto& [path, copy] : copies) {
    if (copy.second.size() != 1 || tasks_.size() < 2) continue;
    // Of a private layer inside the library, the user knows the layer that it is in.
    const Place* place = copy.first.get();
    while (in_library(place->range) && place->parent && place->parent->parent) place = place->parent.get();
    if (!place->range.valid() || in_library(place->range) || !said.insert(place).second) continue;
    emitter_.report(diag::PrivateOfOneTask, path, *copy.second.begin()).at(place->range);
  }
  for (const TaskState& task : tasks_) {
    const std::set<std::string> paths = reached({task.loss}, true);
    trained.insert(paths.begin(), paths.end());
    if (!task.loss.valid() || !any_shared) continue;
    const bool shares =
        std::any_of(paths.begin(), paths.end(), [&](const std::string& path) { return params_.at(path).shared; });
    if (!shares) emitter_.report(diag::TaskSharesNothing, task.info.name).at(task.info.range);
  }
  std::set<std::string> untrained;  // one warning for a layer
  for (const std::string& path : param_order_) {
    const ParamRecord& record = params_.at(path);
    if (!record.info.trained || trained.count(path) || path.rfind("balance.", 0) == 0) continue;
    std::string layer = path.substr(0, path.rfind('.'));
    const auto below = trained.lower_bound(layer + ".");  // some of the layer is trained: it is this parameter alone
    if (below != trained.end() && below->rfind(layer + ".", 0) == 0) layer = path;
    if (untrained.insert(layer).second) emitter_.report(diag::ParameterNotTrained, layer).at(record.call);
  }
}

}  // namespace mtl::elaborate
