// The `require` statements of a model: who shares which parameters, and how many there are.
#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "compiler/elaborate/elaborate.h"
#include "compiler/ops/flops.h"
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
  // gate@intent.weight: the grammar reads a product.
  if (const auto* copy = std::get_if<BinaryExpr>(&expr.node); copy && copy->op == BinaryOp::matmul) {
    std::vector<std::string> below;
    if (!path_of(*copy->left, out) || !path_of(*copy->right, below)) return false;
    out.back() += "@" + below.front();
    out.insert(out.end(), below.begin() + 1, below.end());
    return true;
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
      if (name && name->name == "flops") return check_flops(expr, *compare, *call);
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

  // Also true where the limit is not a number, which it reports.
  bool holds(const Expr& expr, const BinaryExpr& compare, int64_t value, const sema::StaticValue& limit) {
    const auto answer = statics_.binary(compare.op, sema::StaticValue{value}, limit, expr.range);
    if (!answer || !answer->is_bool()) return good_ = false, true;
    return std::get<bool>(answer->value);
  }

  // Of the prediction of a task, or of all tasks together, for one example with sequences of the given lengths.
  void check_flops(const Expr& expr, const BinaryExpr& compare, const CallExpr& call) {
    const auto* of = std::get_if<NameExpr>(&call.arguments[0].value->node);
    std::vector<ir::Value> values;
    bool there = false;
    for (const TaskInfo& task : model_.tasks) {
      if (!of || (of->name != "model" && of->name != task.name)) continue;
      there = true;
      for (const ir::Output& output : model_.graph.outputs) {
        if (output.name == "predict." + task.name) values.push_back(output.value);
      }
    }
    const auto limit = statics_.evaluate(*compare.right, sema::TopScope(file_, 0));
    if (!limit) good_ = false;
    if (!there || !limit) return;
    const types::Dim flops = ops::flops(model_.graph, values);
    std::map<std::string, int64_t> lengths;
    for (size_t i = 1; i < call.arguments.size(); ++i) {
      const syntax::Argument& argument = call.arguments[i];
      const auto length = statics_.evaluate(*argument.value, sema::TopScope(file_, 0));
      if (length && length->as_int() && *length->as_int() >= 0) {
        lengths[argument.name->text] = *length->as_int();
      } else {
        if (length)
          fail(argument.value->range, diag::StaticWrongType, "a length", length->type_name(), "a whole number");
        good_ = false;
        return;
      }
    }
    const std::optional<types::Dim> known = with_lengths(flops, lengths, call);
    if (!known || !known->constant() || holds(expr, compare, known->value(), *limit)) return;
    diag::Report report = fail(expr.range, diag::FlopsCount, known->value());
    if (!flops.constant()) std::move(report).note("they are " + flops.text());
  }

  // Nullopt after a report: a dimension has no length, or a length is of no dimension.
  std::optional<types::Dim> with_lengths(const types::Dim& flops, const std::map<std::string, int64_t>& lengths,
                                         const CallExpr& call) {
    std::set<std::string> ragged;
    types::Dim known = 0;
    for (const auto& [atoms, coefficient] : flops.terms()) {
      types::Dim term = coefficient;
      for (const std::string& atom : atoms) {
        const auto length = lengths.find(atom);
        if (atom.front() != '|') ragged.insert(atom);
        term = term * (length == lengths.end() ? types::Dim::atom(atom) : types::Dim(length->second));
      }
      known = known + term;
    }
    for (const std::string& dim : ragged) {
      if (lengths.count(dim)) continue;
      fail(call.callee->range, diag::FlopsLength, "they depend on `" + dim + "`, and no length is given for it")
          .help("write `" + dim + " = 50` behind the task");
      return std::nullopt;
    }
    const auto is_ragged = [&](const std::string& name) {
      for (types::SpaceId id = 0; id < model_.graph.spaces.size(); ++id) {
        if (model_.graph.spaces[id].dim == name && !model_.graph.spaces[id].length) return true;
      }
      return false;
    };
    for (size_t i = 1; i < call.arguments.size(); ++i) {
      const Name& name = *call.arguments[i].name;
      if (is_ragged(name.text)) continue;
      const std::vector<std::string> dims(ragged.begin(), ragged.end());
      fail(name.range, diag::FlopsLength, "`" + name.text + "` does not name a dimension of a sequence")
          .help(dims.empty() ? "" : "they depend on `" + join(dims, "`, `", "` and `") + "`");
      return std::nullopt;
    }
    return known;
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
    if (!total.constant() || holds(expr, compare, total.value(), *limit)) return;  // without data it is not known
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
