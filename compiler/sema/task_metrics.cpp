// See task_metrics.h.
#include "compiler/sema/task_metrics.h"

#include <algorithm>

#include "compiler/sema/metric_path.h"
#include "compiler/sema/metric_tables.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::MemberExpr;
using syntax::NameExpr;
using training::Metric;
using training::MetricScale;
using training::TargetKind;

const syntax::TaskDecl* find_task(const syntax::ModelDecl& model, const std::string& name) {
  for (const syntax::ModelItem& item : model.items) {
    const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
    if (task != nullptr && task->name.text == name) return task;
  }
  return nullptr;
}

std::vector<std::string> task_names(const syntax::ModelDecl& model) {
  std::vector<std::string> names;
  for (const syntax::ModelItem& item : model.items) {
    if (const auto* task = std::get_if<syntax::TaskDecl>(&item.node)) names.push_back(task->name.text);
  }
  return names;
}

std::vector<std::string> metric_names(const syntax::ModelDecl& model) {
  std::vector<std::string> names;
  for (const syntax::ModelItem& item : model.items) {
    if (const auto* metric = std::get_if<syntax::MetricDecl>(&item.node)) names.push_back(metric->name.text);
  }
  return names;
}

std::optional<TargetForm> form_of(const CheckedFile& file, const syntax::TaskDecl& task) {
  if (!task.predicts) return std::nullopt;
  const syntax::ColumnDecl* column = file.column(task.predicts->source.text, task.predicts->column.text);
  return column ? target_form(*column) : std::nullopt;
}

// Every `metric = ...` of a task, whatever static `if` it stands in.
void collect_settings(const syntax::Body& body, std::vector<const syntax::Expr*>& out) {
  for (const syntax::Stmt& stmt : body) {
    if (const auto* assign = std::get_if<syntax::AssignStmt>(&stmt.node)) {
      if (assign->name.text == "metric" && assign->value) out.push_back(assign->value.get());
    } else if (const auto* choice = std::get_if<syntax::IfStmt>(&stmt.node)) {
      for (const syntax::IfStmt::Branch& branch : choice->branches) collect_settings(branch.body, out);
    }
  }
}

// auc(...), null if it is not.
const syntax::CallExpr* as_auc_call(const syntax::Expr& expr) {
  const auto* call = std::get_if<syntax::CallExpr>(&expr.node);
  const auto* callee = call ? std::get_if<NameExpr>(&call->callee->node) : nullptr;
  return callee != nullptr && callee->name == "auc" ? call : nullptr;
}

// The calls of auc among its metrics.
std::vector<const syntax::CallExpr*> auc_calls(const syntax::TaskDecl& task) {
  std::vector<const syntax::Expr*> settings;
  collect_settings(task.body, settings);
  std::vector<const syntax::CallExpr*> calls;
  const auto add = [&](const syntax::Expr& expr) {
    if (const syntax::CallExpr* call = as_auc_call(expr)) calls.push_back(call);
  };
  for (const syntax::Expr* setting : settings) {
    add(*setting);
    if (const auto* list = std::get_if<syntax::ListExpr>(&setting->node))
      for (const syntax::ExprPtr& item : list->items) add(*item);
  }
  return calls;
}

bool has_groups(const syntax::TaskDecl& task) {
  return !auc_calls(task).empty();
}

class MetricReader {
 public:
  MetricReader(const CheckedFile& file, const syntax::ModelDecl& model, diag::Emitter& emitter)
      : file_(file), model_(model), emitter_(emitter) {}

  // A word that has to be a metric of this target.
  std::optional<Metric> metric(const std::string& name, const TargetForm& form, SourceRange range) {
    const std::vector<Metric>& known = metrics_of(form).metrics;
    const std::optional<Metric> metric = training::metric_from_name(name);
    const bool grouped = metric == Metric::gauc && form.kind == TargetKind::boolean;
    if (grouped) {
      emitter_.report(diag::GroupsNotSaid, "gauc")
          .at(range)
          .help("write `auc(by = SOURCE.COLUMN)` among the task's metrics");
      return std::nullopt;
    }
    if (metric && std::find(known.begin(), known.end(), *metric) != known.end()) return metric;
    std::vector<std::string> names;
    for (const Metric candidate : known) names.emplace_back(training::metric_name(candidate));
    const std::optional<std::string> near = nearest(name, names);
    const std::string said = metric_advice(name, form);
    emitter_.report(diag::UnknownMetric, target_text(form), name)
        .at(range)
        .help(!said.empty() ? said
              : near        ? "did you mean `" + *near + "`?"
                            : "its metrics are " + join(names, ", ", " and "));
    return std::nullopt;
  }

  // intent.accuracy; adds "intent.accuracy" to `out`.
  bool task_metric(const MetricPath& path, SourceRange range, std::vector<std::string>& out) {
    const MemberExpr& node = *path.metric;
    const auto* base = std::get_if<NameExpr>(&node.base->node);
    if (base == nullptr) return wrong(range);
    const syntax::TaskDecl* task = find_task(model_, base->name);
    if (task == nullptr) return unknown_task(base->name, node.base->range);
    if (node.member.text == "loss" && path.column.empty()) {
      out.push_back(base->name + ".loss");
      return true;
    }
    if (!task->predicts) {
      emitter_.report(diag::MetricWithoutTarget, base->name).at(range);
      return false;
    }
    const std::optional<TargetForm> form = form_of(file_, *task);
    const bool grouped = node.member.text == "gauc" && has_groups(*task);
    if (!form || (!grouped && !metric(node.member.text, *form, node.member.range))) return false;
    const bool has_columns = form->kind == TargetKind::boolean || form->kind == TargetKind::number;
    if (!path.column.empty() && !has_columns) return wrong(range);
    out.push_back(base->name + "." + node.member.text + (path.column.empty() ? "" : "." + path.column));
    return true;
  }

  // auc(by = log.user); the column.
  std::optional<std::string> group(const syntax::CallExpr& call, const syntax::TaskDecl& task, const TargetForm& form,
                                   SourceRange range) {
    const auto wrong = [&]() -> std::optional<std::string> {
      emitter_.report(diag::WrongForm, "auc", "auc(by = " + task.predicts->source.text + ".COLUMN)").at(range);
      return std::nullopt;
    };
    if (form.kind != TargetKind::boolean) {
      metric("auc", form, range);
      return std::nullopt;
    }
    const bool one = call.arguments.size() == 1 && call.arguments[0].name && call.arguments[0].name->text == "by";
    const auto* member = one ? std::get_if<MemberExpr>(&call.arguments[0].value->node) : nullptr;
    const auto* source = member ? std::get_if<NameExpr>(&member->base->node) : nullptr;
    if (source == nullptr) return wrong();
    const std::string &mine = task.predicts->source.text, &name = member->member.text;
    if (source->name != mine) {
      emitter_.report(diag::GroupsOfOtherSource, source->name + "." + name, mine).at(call.arguments[0].value->range);
      return std::nullopt;
    }
    const syntax::ColumnDecl* column = file_.column(mine, name);
    if (column == nullptr) {
      std::vector<std::string> names;
      for (const syntax::ColumnDecl& other : file_.source(mine)->columns) names.push_back(other.name.text);
      const std::optional<std::string> near = nearest(name, names);
      emitter_.report(diag::UnknownColumn, mine, name)
          .at(member->member.range)
          .help(near ? "did you mean `" + *near + "`?" : "its columns are " + join(names, ", ", " and "));
      return std::nullopt;
    }
    const std::string& type = column->type.name.text;
    const bool ids = type == "category" || type == "label" || type == "token";
    if (ids && column->type.dims.empty()) return name;
    emitter_.report(diag::NoGroups, mine + "." + name, type + (ids ? "[...]" : ""))
        .at(call.arguments[0].value->range)
        .label(column->type.range, "declared here")
        .help("a `category` column has one value an example");
    return std::nullopt;
  }

  bool unknown_task(const std::string& name, SourceRange range) {
    const std::vector<std::string> names = task_names(model_);
    const std::optional<std::string> near = nearest(name, names);
    emitter_.report(diag::UnknownTaskHere, name)
        .at(range)
        .help(near ? "did you mean `" + *near + "`?" : "the tasks are " + join(names, ", ", " and "));
    return false;
  }

  // `text`: what stands there in quotes.
  bool wrong(SourceRange range, const std::string& text = {}) {
    const std::string said =
        text.find('.') != text.npos ? "write `" + text + "`, without quotes" : metric_of_a_task(text);
    emitter_.report(diag::NotAMetric)
        .at(range)
        .help(!said.empty() ? said
                            : "write `TASK.METRIC`, `TASK.METRIC.COLUMN`, `mean(TASK.METRIC, ...)` or the name of a "
                              "metric of the model");
    return false;
  }

  bool mean(const syntax::CallExpr& node, bool model_metrics_too, std::vector<std::string>& out) {
    bool good = true;
    for (const syntax::Argument& argument : node.arguments) {
      const syntax::Expr& value = *argument.value;
      const MetricPath path = metric_path(value);
      const auto* name = std::get_if<NameExpr>(&value.node);
      if (argument.name) {
        good = wrong(argument.name->range);
      } else if (path.metric != nullptr) {
        good = task_metric(path, value.range, out) && good;
      } else if (name != nullptr && model_metrics_too) {
        good = model_metric(name->name, value.range, out) && good;
      } else if (!is_broken(value)) {
        good = wrong(value.range);
      }
      if (good && out.size() > 1 && !same_scale(out.front(), out.back(), value.range)) return false;
    }
    if (node.arguments.empty()) return false;
    return good;
  }

  MetricScale scale(const std::string& name) {
    for (const syntax::ModelItem& item : model_.items) {
      const auto* metric = std::get_if<syntax::MetricDecl>(&item.node);
      if (metric == nullptr || metric->name.text != name || !metric->value) continue;
      const auto* call = std::get_if<syntax::CallExpr>(&metric->value->node);
      const bool some = call != nullptr && !call->arguments.empty();
      const MemberExpr* first = some ? metric_path(*call->arguments[0].value).metric : nullptr;
      return first ? training::scale_of("." + first->member.text, {}) : MetricScale::score;  // all_correct
    }
    return training::scale_of(name, {});
  }

  // Of scores and errors, a mean is of neither.
  bool same_scale(const std::string& first, const std::string& other, SourceRange range) {
    const MetricScale one = scale(first), two = scale(other);
    const auto target_of = [&](const std::string& name) -> std::string {
      const syntax::TaskDecl* task = find_task(model_, name.substr(0, name.find('.')));
      return task && task->predicts ? task->predicts->source.text + "." + task->predicts->column.text : "";
    };
    const std::string mine = target_of(first), theirs = target_of(other);
    const bool units = one == MetricScale::error && mine != theirs && !mine.empty() && !theirs.empty();
    if (one == two && !units) return true;
    const bool errors = one == MetricScale::error || two == MetricScale::error;
    emitter_.report(diag::MixedMetrics, first, scale_text(one), other, scale_text(two))
        .at(range)
        .help(errors ? "name one of them, or take `r2` for the error: it has no unit, and more is better"
                     : "name one of them, or the metrics of all tasks, or the losses of all");
    return false;
  }

  bool model_metric(const std::string& name, SourceRange range, std::vector<std::string>& out) {
    const std::vector<std::string> names = metric_names(model_);
    if (std::find(names.begin(), names.end(), name) != names.end()) {
      out.push_back(name);
      return true;
    }
    const syntax::TaskDecl* task = find_task(model_, name);
    if (task != nullptr) {
      const std::optional<TargetForm> form = form_of(file_, *task);
      const std::string first = form ? training::metric_name(metrics_of(*form).metrics[0]) : "METRIC";
      emitter_.report(diag::NotAMetric).at(range).help("`" + name + "` is a task; write `" + name + "." + first + "`");
      return false;
    }
    const std::optional<std::string> near = nearest(name, names);
    const std::string said = metric_of_a_task(name);
    emitter_.report(diag::UnknownModelMetric, name)
        .at(range)
        .help(near            ? "did you mean `" + *near + "`?"
              : !said.empty() ? said
                              : "write `TASK.METRIC`, or declare `metric " + name + " = ...` in the model");
    return false;
  }

  // `val_loss`, `accuracy`: of which task, is not said.
  std::string metric_of_a_task(const std::string& name) {
    for (const std::string& task : task_names(model_)) {
      const std::optional<TargetForm> form = form_of(file_, *find_task(model_, task));
      const std::string metric = form ? metric_in_habit(name, *form) : "";
      if (!metric.empty()) return "write `" + task + "." + metric + "`: it is measured on dev";
    }
    return "";
  }

  std::optional<training::ModelMetric> declaration(const syntax::MetricDecl& decl) {
    training::ModelMetric out;
    out.name = decl.name.text;
    if (!decl.value || is_broken(*decl.value)) return std::nullopt;
    const auto* call = std::get_if<syntax::CallExpr>(&decl.value->node);
    const auto* callee = call ? std::get_if<NameExpr>(&call->callee->node) : nullptr;
    const std::string function = callee ? callee->name : "";
    const bool empty = call == nullptr || call->arguments.empty();
    if (empty || (function != "mean" && function != "all_correct")) {
      emitter_.report(diag::WrongForm, "metric", "all_correct([task, task])` or `mean(task.metric, task.metric)")
          .at(decl.value->range);
      return std::nullopt;
    }
    out.kind = function == "mean" ? training::ModelMetric::Kind::mean : training::ModelMetric::Kind::all_correct;
    const bool good = function == "mean" ? mean(*call, false, out.values) : all_correct(*call, decl.value->range, out);
    return good ? std::optional(std::move(out)) : std::nullopt;
  }

 private:
  // all_correct([intent, slots]), all_correct([arcs, rels], per = T)
  bool all_correct(const syntax::CallExpr& node, SourceRange range, training::ModelMetric& out) {
    SettingReader reader(file_, 0, emitter_);
    const std::optional<Bound> bound = reader.bind({"all_correct", range, &node.arguments, range}, {"tasks", "per"}, 1);
    if (!bound) return false;
    const auto* list = std::get_if<syntax::ListExpr>(&(*bound)["tasks"]->node);
    if (list == nullptr || list->items.empty()) {
      emitter_.report(diag::NotATaskList).at((*bound)["tasks"]->range);
      return false;
    }
    std::string source;
    const syntax::DataDecl* data = nullptr;
    for (const syntax::ExprPtr& item : list->items) {
      const auto* name = std::get_if<NameExpr>(&item->node);
      if (name == nullptr) {
        emitter_.report(diag::NotATaskList).at(item->range);
        return false;
      }
      const syntax::TaskDecl* task = find_task(model_, name->name);
      if (task == nullptr) return unknown_task(name->name, item->range);
      const std::optional<TargetForm> form = form_of(file_, *task);
      if (!form) {
        if (!task->predicts) emitter_.report(diag::MetricWithoutTarget, name->name).at(item->range);
        return false;
      }
      if (form->kind == TargetKind::number) {
        emitter_.report(diag::UnknownMetric, "f32", "all_correct")
            .at(item->range)
            .help("a number is never exactly right");
        return false;
      }
      if (!source.empty() && task->predicts->source.text != source) {
        emitter_.report(diag::MetricSources, source, task->predicts->source.text).at(item->range);
        return false;
      }
      source = task->predicts->source.text;
      data = file_.source(source);
      out.tasks.push_back(name->name);
    }
    const syntax::Expr* per = (*bound)["per"];
    return per == nullptr || per_dimension(*per, *data, source, out);
  }

  bool per_dimension(const syntax::Expr& expr, const syntax::DataDecl& data, const std::string& source,
                     training::ModelMetric& out) {
    const auto* member = std::get_if<MemberExpr>(&expr.node);
    const auto* name = member ? nullptr : std::get_if<NameExpr>(&expr.node);
    out.per = member ? member->member.text : name ? name->name : "";
    for (const std::string& task : out.tasks) {
      const std::optional<TargetForm> form = form_of(file_, *find_task(model_, task));
      const bool has = form && std::find(form->ragged.begin(), form->ragged.end(), out.per) != form->ragged.end();
      if (has) continue;
      emitter_.report(diag::MetricPer, task, source, out.per).at(expr.range).label(data.name.range, "declared here");
      return false;
    }
    return true;
  }

  const CheckedFile& file_;
  const syntax::ModelDecl& model_;
  diag::Emitter& emitter_;
};

// The expression behind `on =` of the train block; null if there is none.
const syntax::Expr* stop_expr(const syntax::ModelDecl& model) {
  for (const syntax::ModelItem& item : model.items) {
    const auto* train = std::get_if<syntax::TrainBlock>(&item.node);
    if (train == nullptr) continue;
    for (const syntax::TrainSetting& setting : train->settings) {
      if (setting.name.text != "stop" || !setting.value) continue;
      const std::optional<Word> word = as_word(*setting.value);
      if (!word || word->arguments == nullptr) continue;
      for (const syntax::Argument& argument : *word->arguments) {
        if (argument.name && argument.name->text == "on") return argument.value.get();
      }
    }
  }
  return nullptr;
}

// Where nothing says what the best epoch is chosen by, several tasks are judged by the mean of a score of each
// (runtime/training/selection.h), so each has to have one.
void add_score(const syntax::ModelDecl& model, const TargetForm& form, std::vector<Metric>& metrics) {
  const auto is_score = [](Metric metric) { return training::metric_scale(metric) == MetricScale::score; };
  if (metrics.empty() || std::any_of(metrics.begin(), metrics.end(), is_score)) return;
  if (stop_expr(model) != nullptr || task_names(model).size() < 2) return;
  const std::vector<Metric>& known = metrics_of(form).metrics;
  metrics.push_back(*std::find_if(known.begin(), known.end(), is_score));
}

}  // namespace

std::string group_column(const std::string& column) {
  return column + " by";  // no name of the user's has a blank
}

std::set<std::string> group_columns(const CheckedFile& file) {
  std::set<std::string> columns;
  if (file.model == nullptr) return columns;
  for (const syntax::ModelItem& item : file.model->items) {
    const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
    if (task == nullptr || !task->predicts) continue;
    for (const syntax::CallExpr* call : auc_calls(*task)) {
      if (call->arguments.empty() || !call->arguments[0].value) continue;
      if (const auto* member = std::get_if<MemberExpr>(&call->arguments[0].value->node))
        columns.insert(task->predicts->source.text + "." + member->member.text);
    }
  }
  return columns;
}

std::optional<TargetForm> target_form(const syntax::ColumnDecl& column) {
  const std::string& type = column.type.name.text;
  TargetForm form;
  if (type == "label")
    form.kind = TargetKind::label;
  else if (type == "labels")
    form.kind = TargetKind::labels;
  else if (type == "bool")
    form.kind = TargetKind::boolean;
  else if (type == "f32")
    form.kind = TargetKind::number;
  else
    return std::nullopt;
  for (const syntax::TypeExpr::DimItem& dim : column.type.dims) {
    const auto* name = dim.size ? std::get_if<NameExpr>(&dim.size->node) : nullptr;
    if (name != nullptr && !name->name.empty() && name->name[0] >= 'A' && name->name[0] <= 'Z') {
      form.ragged.push_back(name->name);
    }
  }
  return form;
}

std::optional<TaskMetrics> task_metrics(const CheckedFile& file, const syntax::ModelDecl& model,
                                        const syntax::TaskDecl& task, const syntax::Expr* setting,
                                        diag::Emitter& emitter) {
  TaskMetrics out;
  const std::optional<TargetForm> form = form_of(file, task);
  if (!form) {
    if (task.predicts || setting == nullptr) return out;  // a target that is not supported yet, or none
    emitter.report(diag::MetricWithoutTarget, task.name.text).at(setting->range);
    return std::nullopt;
  }
  MetricReader reader(file, model, emitter);
  const TargetMetrics& table = metrics_of(*form);
  bool good = true;
  const auto add = [&](const syntax::Expr& expr) {
    if (is_broken(expr)) return void(good = false);
    const auto* name = std::get_if<NameExpr>(&expr.node);
    const syntax::CallExpr* grouped = as_auc_call(expr);
    if (name == nullptr && grouped == nullptr) {
      emitter.report(diag::WrongForm, "metric", "metric = [accuracy]").at(expr.range);
      return void(good = false);
    }
    std::optional<Metric> metric;
    if (grouped == nullptr) {
      metric = reader.metric(name->name, *form, expr.range);
    } else if (const auto column = reader.group(*grouped, task, *form, expr.range)) {
      metric = Metric::gauc;
      out.group = group_column(*column);
    }
    if (!metric) return void(good = false);
    const bool doubled = std::find(out.metrics.begin(), out.metrics.end(), *metric) != out.metrics.end();
    if (doubled) {
      emitter.report(diag::DoubledSetting, training::metric_name(*metric)).at(expr.range);
      return void(good = false);
    }
    out.metrics.push_back(*metric);
  };
  if (setting == nullptr) {
    out.metrics.assign(table.metrics.begin(), table.metrics.begin() + static_cast<std::ptrdiff_t>(table.defaults));
    out.span_f1_if_tagged = form->kind == TargetKind::label && form->per_position();
  } else if (const auto* list = std::get_if<syntax::ListExpr>(&setting->node)) {
    for (const syntax::ExprPtr& item : list->items) add(*item);
  } else {
    add(*setting);
  }
  // What `stop` and the model's metrics ask of this task has to be computed.
  diag::Emitter quiet(emitter.sources());
  MetricReader silent(file, model, quiet);
  std::vector<std::string> wanted;
  for (const syntax::ModelItem& item : model.items) {
    const auto* metric = std::get_if<syntax::MetricDecl>(&item.node);
    const std::optional<training::ModelMetric> read = metric ? silent.declaration(*metric) : std::nullopt;
    if (read) wanted.insert(wanted.end(), read->values.begin(), read->values.end());
  }
  if (const syntax::Expr* stop = stop_expr(model)) {
    const std::optional<training::MetricRef> ref = metric_ref(file, model, *stop, quiet);
    if (ref) wanted.insert(wanted.end(), ref->names.begin(), ref->names.end());
  }
  for (const std::string& name : wanted) {
    const size_t dot = name.find('.');
    if (dot == std::string::npos || name.substr(0, dot) != task.name.text) continue;
    const std::optional<Metric> metric =
        training::metric_from_name(name.substr(dot + 1, name.find('.', dot + 1) - dot - 1));
    const bool grouped = metric == Metric::gauc;  // of the groups that the task itself names
    if (metric && !grouped && std::find(out.metrics.begin(), out.metrics.end(), *metric) == out.metrics.end()) {
      out.metrics.push_back(*metric);
    }
  }
  add_score(model, *form, out.metrics);
  return good ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<std::vector<training::ModelMetric>> model_metrics(const CheckedFile& file, const syntax::ModelDecl& model,
                                                                diag::Emitter& emitter) {
  MetricReader reader(file, model, emitter);
  std::vector<training::ModelMetric> out;
  bool good = true;
  for (const syntax::ModelItem& item : model.items) {
    const auto* decl = std::get_if<syntax::MetricDecl>(&item.node);
    if (decl == nullptr) continue;
    std::optional<training::ModelMetric> metric = reader.declaration(*decl);
    good = good && metric;
    if (metric) out.push_back(std::move(*metric));
  }
  return good ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<training::MetricRef> metric_ref(const CheckedFile& file, const syntax::ModelDecl& model,
                                              const syntax::Expr& expr, diag::Emitter& emitter) {
  MetricReader reader(file, model, emitter);
  training::MetricRef ref;
  if (is_broken(expr)) return std::nullopt;
  bool good = false;
  const auto* call = std::get_if<syntax::CallExpr>(&expr.node);
  const auto* callee = call ? std::get_if<NameExpr>(&call->callee->node) : nullptr;
  if (const MetricPath path = metric_path(expr); path.metric != nullptr) {
    good = reader.task_metric(path, expr.range, ref.names);
  } else if (const auto* name = std::get_if<NameExpr>(&expr.node)) {
    good = reader.model_metric(name->name, expr.range, ref.names);
  } else if (callee != nullptr && callee->name == "mean" && !call->arguments.empty()) {
    good = reader.mean(*call, true, ref.names);
  } else {
    const auto* text = std::get_if<syntax::StringExpr>(&expr.node);
    reader.wrong(expr.range, text && text->parts.size() == 1 ? text->parts[0].text : "");
  }
  return good ? std::optional(std::move(ref)) : std::nullopt;
}

void check_metrics(const CheckedFile& file, UnitId, const syntax::ModelDecl& model, DeclFacts&,
                   diag::Emitter& emitter) {
  model_metrics(file, model, emitter);
  for (const syntax::ModelItem& item : model.items) {
    const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
    if (task == nullptr) continue;
    std::vector<const syntax::Expr*> settings;
    collect_settings(task->body, settings);
    for (const syntax::Expr* setting : settings) task_metrics(file, model, *task, setting, emitter);
  }
}

}  // namespace mtl::sema
