// See versions.h.
#include "compiler/elaborate/tensors/versions.h"

#include <algorithm>
#include <string_view>

#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/parameters.h"
#include "compiler/elaborate/tensors/random_keys.h"
#include "compiler/ops/op.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"

namespace mtl::elaborate {

namespace {
// What a version is of: `*` where it is one of a finished `across`; otherwise "b|a,b,c", the place of task b of three.
constexpr const char* kAll = "*";

const std::string* text_attr(const ir::Node& node, const char* name) {
  const auto found = node.attrs.find(name);
  return found == node.attrs.end() ? nullptr : std::get_if<std::string>(&found->second);
}
bool is_op(const ir::Node& node, std::string_view op) {
  return node.op->name == op;
}
const ParamRecord* record_of(const TensorContext& ctx, const ir::Node& node) {
  if (!is_op(node, "param") && !is_op(node, "state")) return nullptr;
  const auto known = ctx.parameters.records.find(*text_attr(node, "path"));
  return known == ctx.parameters.records.end() ? nullptr : &known->second;
}

// Whether other tasks have other values of a node, for each node there is.
const std::vector<char>& dependence(TensorContext& ctx, const std::string& task) {
  std::vector<char>& depends = ctx.versions.depends[task];
  const auto& nodes = ctx.nodes.graph.nodes;
  for (size_t i = depends.size(); i < nodes.size(); ++i) {
    const ir::Node& node = nodes[i];
    const ParamRecord* record = record_of(ctx, node);
    bool own = record && ((record->private_at && record->task == task) || !record->block.empty());
    if (is_op(node, "version")) {
      own = text_attr(node, "of")->rfind(task + "|", 0) == 0;
    } else {
      own =
          own || std::any_of(node.operands.begin(), node.operands.end(), [&](ir::Value v) { return depends[v.node]; });
    }
    depends.push_back(own);
  }
  return depends;
}

// The nodes that a version differs in, operands first.
std::vector<ir::NodeId> differing(TensorContext& ctx, ir::Value value, const std::string& task) {
  const std::vector<char>& depends = dependence(ctx, task);
  std::set<ir::NodeId> found;
  std::vector<ir::NodeId> open;
  const auto push = [&](ir::Value v) {
    if (depends[v.node] && found.insert(v.node).second) open.push_back(v.node);
  };
  push(value);
  while (!open.empty()) {
    const ir::Node& node = ctx.nodes.graph.nodes[open.back()];
    open.pop_back();
    for (ir::Value operand : node.operands) push(operand);
  }
  return {found.begin(), found.end()};  // nodes stand behind their operands
}

// The copy of task `to` of a parameter; the end of the records after a report.
const ParamRecord* copy_of(TensorContext& ctx, const ParamRecord& of, const std::string& from, const std::string& to,
                           const At& at) {
  const std::string path = copy_path(of.info.path, from, to);
  auto it = find_parameter(ctx, path);
  if (it == ctx.parameters.records.end()) {
    ParamRecord copy = of;
    copy.info.path = path;
    copy.task = to;
    if (copy.info.init.kind == Init::Kind::one_hot_mix) {
      const std::vector<std::string>& tasks = copy.info.init.tasks;
      copy.info.init.b = static_cast<double>(std::find(tasks.begin(), tasks.end(), to) - tasks.begin());
    }
    ctx.parameters.order.push_back(path);
    it = ctx.parameters.records.emplace(path, std::move(copy)).first;
  }
  const std::vector<Dim>&left = of.info.dims, &right = it->second.info.dims;
  bool same = left.size() == right.size();
  for (size_t i = 0; same && i < left.size(); ++i) same = left[i].equals(right[i]) != types::Answer::no;
  const IdSetPtr &table = of.table, &other = it->second.table;  // sizes that the data decides may be the same
  const bool of_one_set = !table || !other || table->key == other->key;
  if (same && of_one_set) return &it->second;
  const auto text = [&](const std::vector<Dim>& dims, const IdSetPtr& set) {
    std::vector<std::string> sizes;
    for (const Dim& dim : dims) sizes.push_back(dim.text());
    return "f32[" + join(sizes, ", ") + "]" + (of_one_set || !set ? "" : " for " + set->text);
  };
  ctx.report(at, diag::CopiesDiffer, of.info.path, text(left, table), path, text(right, other))
      .help("make copies of one shape: what differs from task to task belongs into the tasks, in front or behind");
  return nullptr;
}

bool rebuild(TensorContext& ctx, ir::NodeId id, const std::string& from, const std::string& to,
             std::map<ir::NodeId, ir::NodeId>& known, const At& at) {
  const ir::Node node = ctx.nodes.graph.nodes[id];  // a copy: the graph grows
  std::vector<ir::Value> operands = node.operands;
  for (ir::Value& operand : operands) {
    if (const auto it = known.find(operand.node); it != known.end()) operand.node = it->second;
  }
  ir::Attrs attrs = node.attrs;
  if (is_op(node, "version")) {
    const std::string tasks = text_attr(node, "of")->substr(from.size() + 1);
    const ir::Value index = index_among(ctx, to, split(tasks, ","), at);
    if (index.valid()) known[id] = index.node;
    return index.valid();
  }
  if (const ParamRecord* record = record_of(ctx, node)) {
    const ParamRecord* copy = copy_of(ctx, *record, from, to, at);
    if (!copy) return false;
    attrs["path"] = copy->info.path;
  }
  if (const auto key = attrs.find("key"); key != attrs.end() && std::holds_alternative<int64_t>(key->second))
    key->second = key_of_version(ctx, std::get<int64_t>(key->second), operands, from, to);
  const std::vector<ir::Value> made = emit_all(ctx, node.op->name, operands, std::move(attrs), {at.frame, node.range});
  if (made.empty()) return false;
  known[id] = made.front().node;
  for (uint32_t i = 0; i < made.size(); ++i) {
    if (const auto hot = ctx.nodes.hot.find({id, i}); hot != ctx.nodes.hot.end())
      ctx.nodes.hot.emplace(made[i], std::vector<IdRange>(hot->second));
  }
  return true;
}

// False after a report: a layer of a task's own block has no versions.
bool all_have_versions(TensorContext& ctx, const std::vector<ir::NodeId>& nodes, const At& at) {
  for (const ir::NodeId id : nodes) {
    const ParamRecord* record = record_of(ctx, ctx.nodes.graph.nodes[id]);
    if (!record || record->block.empty()) continue;
    ctx.report(at, diag::AcrossOwnLayer, record->info.path, record->block)
        .label(record->call, "`" + record->info.path + "` is made here")
        .help("declare the layer at the model, `private NAME = ...`, so that each task has a copy");
    return false;
  }
  return true;
}
}  // namespace

std::set<std::string> copies_in(TensorContext& ctx, ir::Value value, const std::string& of) {
  std::set<std::string> places;
  for (const ir::NodeId id : differing(ctx, value, of)) {
    const ParamRecord* record = record_of(ctx, ctx.nodes.graph.nodes[id]);
    if (record && record->private_at) places.insert(plain_path_of(record->private_at));
  }
  return places;
}

ir::Value index_among(TensorContext& ctx, const std::string& task, const std::vector<std::string>& tasks,
                      const At& at) {
  const int64_t index = std::find(tasks.begin(), tasks.end(), task) - tasks.begin();
  const ir::Value number = emit(ctx, "constant_i32", {}, at, {{"value", index}});
  return emit(ctx, "version", {number}, at, {{"of", task + "|" + join(tasks, ",")}});
}

std::vector<ir::Value> versions(TensorContext& ctx, ir::Value value, const std::string& from,
                                const std::vector<std::string>& tasks, const At& at) {
  if (const auto known = ctx.versions.across.find({value, tasks}); known != ctx.versions.across.end())
    return known->second;
  const std::vector<ir::NodeId> nodes = differing(ctx, value, from);
  if (nodes.empty()) {
    ctx.report(at, diag::NothingPrivate, from)
        .help("declare a layer on the way as `private`; `stack` puts values that are the same beside each other");
    return {};
  }
  if (!all_have_versions(ctx, nodes, at)) return {};
  std::vector<ir::Value> plain, marked;
  for (const std::string& task : tasks) {
    ir::Value version = value;
    if (task != from) {
      std::map<ir::NodeId, ir::NodeId>& known = ctx.versions.rebuilt[{from, task}];
      for (const ir::NodeId id : nodes) {
        if (!known.count(id) && !rebuild(ctx, id, from, task, known, at)) return {};
      }
      version.node = known.at(value.node);
    }
    plain.push_back(version);
    marked.push_back(emit(ctx, "version", {version}, at, {{"of", std::string(kAll)}}));
    if (!marked.back().valid()) return {};
  }
  // The other tasks ask for the same.
  for (const ir::Value version : plain) ctx.versions.across[{version, tasks}] = marked;
  ctx.versions.across[{value, tasks}] = marked;
  return marked;
}

}  // namespace mtl::elaborate
