// Names, defaults and ranges of the parameters are those of torch.optim; lamb follows You et al. 2020.
#include "compiler/sema/optimizer_setting.h"

#include <algorithm>

#include "compiler/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using runtime::OptimizerRule;
using training::OptimizerConfig;

struct Form {
  const char* name;
  OptimizerRule rule;
  std::vector<std::string> parameters;
  double lr, weight_decay;
  float epsilon, momentum;
};

const std::vector<Form>& forms() {
  static const std::vector<Form> table{
      {"sgd", OptimizerRule::sgd, {"lr", "momentum", "weight_decay", "nesterov", "lazy"}, 1e-3, 0, 1e-8f, 0},
      {"momentum",
       OptimizerRule::momentum,
       {"lr", "momentum", "weight_decay", "nesterov", "lazy"},
       1e-3,
       0,
       1e-8f,
       0.9f},
      {"adam",
       OptimizerRule::adam,
       {"lr", "beta1", "beta2", "eps", "weight_decay", "betas", "lazy"},
       1e-3,
       0,
       1e-8f,
       0},
      {"adamw",
       OptimizerRule::adamw,
       {"lr", "beta1", "beta2", "eps", "weight_decay", "betas", "lazy"},
       1e-3,
       1e-2,
       1e-8f,
       0},
      {"adagrad", OptimizerRule::adagrad, {"lr", "eps", "weight_decay", "lazy"}, 1e-2, 0, 1e-10f, 0},
      {"rmsprop",
       OptimizerRule::rmsprop,
       {"lr", "alpha", "eps", "weight_decay", "momentum", "lazy"},
       1e-2,
       0,
       1e-8f,
       0},
      {"lamb",
       OptimizerRule::lamb,
       {"lr", "beta1", "beta2", "eps", "weight_decay", "betas", "lazy"},
       1e-3,
       0,
       1e-6f,
       0},
  };
  return table;
}

// betas = [0.9, 0.98]
bool read_betas(const syntax::Expr& expr, SettingReader& reader, runtime::OptimizerSettings& settings) {
  const std::optional<StaticValue> value = reader.value(expr);
  if (!value) return false;
  const bool pair =
      value->is_list() && value->items().size() == 2 && value->items()[0].is_number() && value->items()[1].is_number();
  if (!pair) {
    reader.emitter().report(diag::WrongForm, "betas", "betas = [0.9, 0.999]").at(expr.range);
    return false;
  }
  for (const StaticValue& item : value->items()) {
    if (!reader.check32(item, expr.range, "betas", kBelowOne)) return false;
  }
  settings.beta1 = static_cast<float>(*value->items()[0].as_number());
  settings.beta2 = static_cast<float>(*value->items()[1].as_number());
  return true;
}

bool read_flag(const syntax::Expr& expr, const std::string& name, SettingReader& reader, bool& into) {
  const std::optional<bool> flag = reader.boolean(expr, name);
  if (flag) into = *flag;
  return flag.has_value();
}

bool read_parameter(const std::string& name, const syntax::Expr& expr, SettingReader& reader, OptimizerConfig& out) {
  runtime::OptimizerSettings& settings = out.settings;
  if (name == "betas") return read_betas(expr, reader, settings);
  if (name == "nesterov") return read_flag(expr, name, reader, settings.nesterov);
  if (name == "lazy") return read_flag(expr, name, reader, out.lazy);
  const bool unit = name == "beta1" || name == "beta2" || name == "momentum" || name == "alpha";
  const std::optional<double> number = reader.number32(expr, name,
                                                       unit                     ? kBelowOne
                                                       : name == "weight_decay" ? kNotNegative
                                                                                : kPositive);
  if (!number) return false;
  if (name == "lr") out.lr = *number;
  if (name == "weight_decay") out.weight_decay = *number;
  if (name == "beta1") settings.beta1 = static_cast<float>(*number);
  if (name == "beta2") settings.beta2 = static_cast<float>(*number);
  if (name == "eps") settings.epsilon = static_cast<float>(*number);
  if (name == "momentum") settings.momentum = static_cast<float>(*number);
  if (name == "alpha") settings.alpha = static_cast<float>(*number);
  return true;
}

}  // namespace

std::optional<OptimizerConfig> read_optimizer(const syntax::Expr& expr, SettingReader& reader) {
  std::vector<std::string> names;
  for (const Form& form : forms()) names.emplace_back(form.name);
  const std::optional<Word> word = reader.word(expr, "optimizer", names);
  if (!word) return std::nullopt;
  const Form& form = *std::find_if(forms().begin(), forms().end(), [&](const Form& f) { return word->name == f.name; });
  const std::optional<Bound> bound = reader.bind(*word, form.parameters);
  if (!bound) return std::nullopt;
  OptimizerConfig out;
  out.settings.rule = form.rule;
  out.settings.epsilon = form.epsilon;
  out.settings.momentum = form.momentum;
  out.lr = form.lr;
  out.weight_decay = form.weight_decay;
  bool good = true;
  for (const std::string& name : form.parameters) {
    if (const syntax::Expr* value = (*bound)[name]) good = read_parameter(name, *value, reader, out) && good;
  }
  const bool by_sgd = form.rule == OptimizerRule::sgd && out.settings.momentum > 0;
  if (by_sgd) out.settings.rule = OptimizerRule::momentum;
  if (good && out.settings.nesterov && out.settings.momentum == 0) {
    reader.emitter().report(diag::MissingArgument, "nesterov", "momentum").at((*bound)["nesterov"]->range);
    return std::nullopt;
  }
  const bool beta_twice = std::find(form.parameters.begin(), form.parameters.end(), "betas") != form.parameters.end() &&
                          (*bound)["betas"] && ((*bound)["beta1"] || (*bound)["beta2"]);
  if (beta_twice) {
    reader.emitter().report(diag::ExclusiveSettings, "beta1, beta2", "betas").at((*bound)["betas"]->range);
    return std::nullopt;
  }
  return good ? std::optional(out) : std::nullopt;
}

}  // namespace mtl::sema
