// See task_metrics.h.
#include "compiler/sema/task_metrics.h"

#include <algorithm>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::MemberExpr;
using syntax::NameExpr;
using training::Metric;
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

// Metrics of a kind of target; the first `defaults` of them are the default.
struct MetricTable {
  std::vector<Metric> metrics;
  size_t defaults;
};

const MetricTable& metrics_of(const TargetForm& form) {
  static const MetricTable label{{Metric::accuracy, Metric::macro_f1, Metric::micro_f1}, 2};
  static const MetricTable labels_of_positions{{Metric::accuracy, Metric::span_f1, Metric::macro_f1, Metric::micro_f1},
                                               1};
  static const MetricTable labels{{Metric::micro_f1, Metric::macro_f1, Metric::exact_match}, 3};
  static const MetricTable boolean{{Metric::accuracy, Metric::f1, Metric::auc}, 3};
  static const MetricTable number{{Metric::mae, Metric::rmse, Metric::r2, Metric::pearson}, 4};
  switch (form.kind) {
    case TargetKind::label:
      return form.per_position() ? labels_of_positions : label;
    case TargetKind::labels:
      return labels;
    case TargetKind::boolean:
      return boolean;
    case TargetKind::number:
      return number;
  }
  return label;
}

std::string target_text(const TargetForm& form) {
  switch (form.kind) {
    case TargetKind::label:
      return form.per_position() ? "label[" + join(form.ragged) + "]" : "label";
    case TargetKind::labels:
      return "labels";
    case TargetKind::boolean:
      return "bool";
    case TargetKind::number:
      return "f32";
  }
  return "";
}

std::optional<TargetForm> form_of(const CheckedFile& file, const syntax::TaskDecl& task) {
  if (!task.predicts) return std::nullopt;
  const syntax::ColumnDecl* column = file.column(task.predicts->source.text, task.predicts->column.text);
  return column ? target_form(*column) : std::nullopt;
}

class MetricReader {
 public:
  MetricReader(const CheckedFile& file, const syntax::ModelDecl& model, diag::Emitter& emitter)
      : file_(file), model_(model), emitter_(emitter) {}

  // A word that has to be a metric of this target.
  std::optional<Metric> metric(const std::string& name, const TargetForm& form, SourceRange range) {
    const std::vector<Metric>& known = metrics_of(form).metrics;
    const std::optional<Metric> metric = training::metric_from_name(name);
    if (metric && std::find(known.begin(), known.end(), *metric) != known.end()) return metric;
    std::vector<std::string> names;
    for (const Metric candidate : known) names.emplace_back(training::metric_name(candidate));
    const std::optional<std::string> near = nearest(name, names);
    emitter_.report(diag::UnknownMetric, target_text(form), name)
        .at(range)
        .help(near ? "did you mean `" + *near + "`?" : "its metrics are " + join(names, ", ", " and "));
    return std::nullopt;
  }

  // intent.accuracy; adds "intent.accuracy" to `out`.
  bool task_metric(const MemberExpr& node, SourceRange range, std::vector<std::string>& out) {
    const auto* base = std::get_if<NameExpr>(&node.base->node);
    if (base == nullptr) return wrong(range);
    const syntax::TaskDecl* task = find_task(model_, base->name);
    if (task == nullptr) return unknown_task(base->name, node.base->range);
    if (task->family) return false;  // not supported yet, said elsewhere
    if (!task->predicts) {
      emitter_.report(diag::MetricWithoutTarget, base->name).at(range);
      return false;
    }
    const std::optional<TargetForm> form = form_of(file_, *task);
    if (!form || !metric(node.member.text, *form, node.member.range)) return false;
    out.push_back(base->name + "." + node.member.text);
    return true;
  }

  bool unknown_task(const std::string& name, SourceRange range) {
    const std::vector<std::string> names = task_names(model_);
    const std::optional<std::string> near = nearest(name, names);
    emitter_.report(diag::UnknownTaskHere, name)
        .at(range)
        .help(near ? "did you mean `" + *near + "`?" : "the tasks are " + join(names, ", ", " and "));
    return false;
  }

  bool wrong(SourceRange range) {
    emitter_.report(diag::NotAMetric)
        .at(range)
        .help("write `TASK.METRIC`, `mean(TASK.METRIC, ...)` or the name of a metric of the model");
    return false;
  }

  bool mean(const syntax::CallExpr& node, bool model_metrics_too, std::vector<std::string>& out) {
    bool good = true;
    for (const syntax::Argument& argument : node.arguments) {
      const syntax::Expr& value = *argument.value;
      const auto* member = std::get_if<MemberExpr>(&value.node);
      const auto* name = std::get_if<NameExpr>(&value.node);
      if (argument.name) {
        good = wrong(argument.name->range);
      } else if (member != nullptr) {
        good = task_metric(*member, value.range, out) && good;
      } else if (name != nullptr && model_metrics_too) {
        good = model_metric(name->name, value.range, out) && good;
      } else if (!is_broken(value)) {
        good = wrong(value.range);
      }
    }
    if (node.arguments.empty()) return false;
    return good;
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
    emitter_.report(diag::UnknownModelMetric, name)
        .at(range)
        .help(near ? "did you mean `" + *near + "`?"
                   : "write `TASK.METRIC`, or declare `metric " + name + " = ...` in the model");
    return false;
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
      if (task->family) return false;
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

}  // namespace

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
  const MetricTable& table = metrics_of(*form);
  bool good = true;
  const auto add = [&](const syntax::Expr& expr) {
    if (is_broken(expr)) return void(good = false);
    const auto* name = std::get_if<NameExpr>(&expr.node);
    if (name == nullptr) {
      emitter.report(diag::WrongForm, "metric", "metric = [accuracy]").at(expr.range);
      return void(good = false);
    }
    const std::optional<Metric> metric = reader.metric(name->name, *form, expr.range);
    if (!metric) return void(good = false);
    const bool doubled = std::find(out.metrics.begin(), out.metrics.end(), *metric) != out.metrics.end();
    if (doubled) {
      emitter.report(diag::DoubledSetting, name->name).at(expr.range);
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
    const std::optional<Metric> metric = training::metric_from_name(name.substr(dot + 1));
    if (metric && std::find(out.metrics.begin(), out.metrics.end(), *metric) == out.metrics.end()) {
      out.metrics.push_back(*metric);
    }
  }
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
  if (const auto* member = std::get_if<MemberExpr>(&expr.node)) {
    good = reader.task_metric(*member, expr.range, ref.names);
  } else if (const auto* name = std::get_if<NameExpr>(&expr.node)) {
    good = reader.model_metric(name->name, expr.range, ref.names);
  } else if (callee != nullptr && callee->name == "mean" && !call->arguments.empty()) {
    good = reader.mean(*call, true, ref.names);
  } else {
    reader.wrong(expr.range);
  }
  return good ? std::optional(std::move(ref)) : std::nullopt;
}

void check_metrics(const CheckedFile& file, UnitId, const syntax::ModelDecl& model, DeclFacts&,
                   diag::Emitter& emitter) {
  model_metrics(file, model, emitter);
  for (const syntax::ModelItem& item : model.items) {
    const auto* task = std::get_if<syntax::TaskDecl>(&item.node);
    if (task == nullptr || task->family) continue;
    std::vector<const syntax::Expr*> settings;
    collect_settings(task->body, settings);
    for (const syntax::Expr* setting : settings) task_metrics(file, model, *task, setting, emitter);
  }
}

}  // namespace mtl::sema
