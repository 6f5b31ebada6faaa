// The `require` statements of a model: who shares which parameters, and how many there are.
#include <algorithm>
#include <functional>

#include "compiler/elaborate/elaborate.h"
#include "compiler/ops/op.h"
#include "compiler/sema/checked.h"
#include "support/base/text.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"
#include "support/settings/train_config.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {

// As training::match_path reads it.
bool path_of(const Expr& expr, std::vector<std::string>& out) {
  if (const auto* name = std::get_if<NameExpr>(&expr.node)) return out.push_back(name->name), true;
  if (const auto* wild = std::get_if<WildcardExpr>(&expr.node)) return out.push_back(wild->deep ? "**" : "*"), true;
  if (const auto* member = std::get_if<MemberExpr>(&expr.node)) {
    return path_of(*member->base, out) && (out.push_back(member->member.text), true);
  }
  if (const auto* index = std::get_if<IndexExpr>(&expr.node)) {
    const auto* place = index->items.size() == 1 && index->items[0].value
                            ? std::get_if<IntExpr>(&index->items[0].value->node)
                            : nullptr;
    return path_of(*index->base, out) && place && (out.push_back(std::to_string(place->value)), true);
  }
  return false;
}

class Requirements {
 public:
  Requirements(const sema::CheckedFile& file, const ElaboratedModel& model, const training::TrainConfig& train,
               diag::Emitter& emitter)
      : file_(file), model_(model), train_(train), emitter_(emitter), statics_(emitter, budget_) {}

  bool run() {
    for (const syntax::ModelItem& item : file_.model->items) {
      const auto* stmt = std::get_if<Stmt>(&item.node);
      const auto* require = stmt ? std::get_if<RequireStmt>(&stmt->node) : nullptr;
      if (require) check(*require->condition);
    }
    return good_;
  }

 private:
  using Params = std::vector<const ParamInfo*>;

  template <class... Args>
  diag::Report fail(SourceRange range, const diag::Kind& kind, Args&&... args) {
    good_ = false;
    return emitter_.report(kind, std::forward<Args>(args)...).at(range);
  }

  void check(const Expr& expr) {
    if (const auto* both = std::get_if<BinaryExpr>(&expr.node); both && both->op == BinaryOp::logical_and) {
      check(*both->left);
      check(*both->right);
      return;
    }
    if (const auto* call = std::get_if<CallExpr>(&expr.node)) {
      const auto* name = std::get_if<NameExpr>(&call->callee->node);
      if (name && (name->name == "shares" || name->name == "separate"))
        return check_sharing(expr, *call, name->name == "shares");
    }
    if (const auto* compare = std::get_if<BinaryExpr>(&expr.node)) {
      const auto* call = std::get_if<CallExpr>(&compare->left->node);
      const auto* name = call ? std::get_if<NameExpr>(&call->callee->node) : nullptr;
      if (name && name->name == "parameters") return check_count(expr, *compare, *call);
      if (name && name->name == "flops") {
        fail(expr.range, diag::NotSupportedYet, "`flops`");
        return;
      }
    }
    auto holds = statics_.condition(expr, sema::TopScope(file_, 0), "a requirement");
    if (!holds) good_ = false;
    if (holds && !*holds) fail(expr.range, diag::RequirementFails, "the model", "this condition does not hold");
  }

  // Parameters below the path; nullopt after a report.
  std::optional<Params> below(const Expr& expr) {
    std::vector<std::string> parts;
    if (!path_of(expr, parts)) {
      fail(expr.range, diag::NotAPath, "this");
      return std::nullopt;
    }
    const std::string pattern = join(parts, ".", ".");
    Params found;
    std::vector<std::string> paths;
    for (const ParamInfo& param : model_.params) {
      paths.push_back(param.path);
      if (pattern == "model" || training::match_path(pattern, param.path)) found.push_back(&param);
    }
    if (!found.empty() || pattern == "model") return found;
    fail(expr.range, diag::NothingBelowPath, pattern).help(training::help_for_path(pattern, paths));
    return std::nullopt;
  }

  std::optional<std::vector<std::string>> tasks_of(const Expr& expr) {
    std::vector<std::string> tasks;
    const auto* list = std::get_if<ListExpr>(&expr.node);
    for (size_t i = 0; list && i < list->items.size(); ++i) {
      const auto* name = std::get_if<NameExpr>(&list->items[i]->node);
      if (!name || !file_.task(name->name)) {
        fail(list->items[i]->range, diag::UnknownTaskHere, name ? name->name : "this");
        return std::nullopt;
      }
      const bool here = std::any_of(model_.tasks.begin(), model_.tasks.end(),
                                    [&](const TaskInfo& task) { return task.name == name->name; });
      if (here) tasks.push_back(name->name);
    }
    if (!list) {
      fail(expr.range, diag::NotATaskList);
      return std::nullopt;
    }
    return tasks;
  }

  static bool reads(const ParamInfo& param, const std::string& task) {
    return std::find(param.tasks.begin(), param.tasks.end(), task) != param.tasks.end();
  }

  void check_sharing(const Expr& expr, const CallExpr& call, bool shares) {
    if (call.arguments.size() != 2) {
      fail(expr.range, diag::NotATaskList);
      return;
    }
    auto params = below(*call.arguments[0].value);
    auto tasks = tasks_of(*call.arguments[1].value);
    if (!params || !tasks) return;
    for (const ParamInfo* param : *params) {
      std::vector<std::string> in, out;
      for (const std::string& task : *tasks) (touches(*param, task, shares) ? in : out).push_back(task);
      if (shares && !out.empty()) {
        diag::Report report =
            fail(expr.range, diag::NotShared, param->path, in.empty() ? "none of them" : join(in), join(out));
        std::move(report).label(param->range, "");
        return;
      }
      if (!shares && in.size() > 1) {
        fail(expr.range, diag::NotSeparate, param->path, join(in, ", ", " and "));
        return;
      }
    }
  }

  // Reading is enough to share; to be separate is about training.
  bool touches(const ParamInfo& param, const std::string& task, bool shares) const {
    if (shares) return reads(param, task);
    if (!param.trained || training::is_frozen(train_, param.path) || !reads(param, task)) return false;
    for (const ir::Output& output : model_.graph.outputs) {
      if (output.name == "loss." + task) return trains(output.value, param.path);
    }
    return false;
  }

  bool trains(ir::Value loss, const std::string& path) const {
    std::vector<char> seen(model_.graph.nodes.size(), 0);
    std::vector<ir::NodeId> open = {loss.node};
    while (!open.empty()) {
      const ir::NodeId id = open.back();
      open.pop_back();
      if (seen[id]) continue;
      seen[id] = 1;
      const ir::Node& node = model_.graph.nodes[id];
      const std::string op = node.op->name;
      if (op == "param" && std::get<std::string>(node.attrs.at("path")) == path) return true;
      if (op == "stop_gradient" || node.types.front().dtype == types::DType::i32) continue;
      for (ir::Value operand : node.operands) open.push_back(operand.node);
    }
    return false;
  }

  void check_count(const Expr& expr, const BinaryExpr& compare, const CallExpr& call) {
    if (call.arguments.size() != 1) {
      fail(expr.range, diag::NotAPath, "this");
      return;
    }
    auto params = below(*call.arguments[0].value);
    auto limit = statics_.evaluate(*compare.right, sema::TopScope(file_, 0));
    if (!limit) good_ = false;
    if (!params || !limit) return;
    types::Dim total;
    std::vector<std::pair<int64_t, std::string>> largest;
    for (const ParamInfo* param : *params) {
      if (!param->trained) continue;
      const types::Dim size = types::product(param->dims);
      total = total + size;
      largest.emplace_back(size.constant().value_or(0), param->path);
    }
    if (!total.constant()) return;  // without data the number is not known
    auto holds = statics_.binary(compare.op, sema::StaticValue{total.value()}, *limit, expr.range);
    if (!holds || !holds->is_bool()) {
      good_ = false;
      return;
    }
    if (std::get<bool>(holds->value)) return;
    std::sort(largest.rbegin(), largest.rend());
    diag::Report report = fail(expr.range, diag::ParameterCount, total.value());
    for (size_t i = 0; i < std::min<size_t>(3, largest.size()); ++i) {
      std::move(report).note("`" + largest[i].second + "` has " + std::to_string(largest[i].first));
    }
  }

  const sema::CheckedFile& file_;
  const ElaboratedModel& model_;
  const training::TrainConfig& train_;
  diag::Emitter& emitter_;
  sema::StaticBudget budget_;
  sema::StaticEvaluator statics_;
  bool good_ = true;
};

}  // namespace

bool check_requirements(const sema::CheckedFile& file, const ElaboratedModel& model, const training::TrainConfig& train,
                        diag::Emitter& emitter) {
  return Requirements(file, model, train, emitter).run();
}

}  // namespace mtl::elaborate
