// Reads `optimizer = ...` by the rows of train_tables.cpp. Ranges of the parameters are those of torch.optim.
#include "compiler/sema/optimizer_setting.h"

#include <algorithm>

#include "compiler/sema/train_tables.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using runtime::OptimizerRule;
using training::OptimizerConfig;

// "lr, beta1": the names between the commas.
std::vector<std::string> parameters_of(const OptimizerRow& row) {
  return split(row.parameters, ", ");
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
  static const std::vector<std::string> names = names_of(optimizers());
  const std::optional<Word> word = reader.word(expr, "optimizer", names);
  if (!word) return std::nullopt;
  const OptimizerRow& row = *find_row(optimizers(), word->name);
  const std::vector<std::string> parameters = parameters_of(row);
  const std::optional<Bound> bound = reader.bind(*word, parameters);
  if (!bound) return std::nullopt;
  OptimizerConfig out;
  out.settings.rule = row.rule;
  out.settings.epsilon = row.epsilon;
  out.settings.momentum = row.momentum;
  out.lr = row.lr;
  out.weight_decay = row.weight_decay;
  bool good = true;
  for (const std::string& name : parameters) {
    if (const syntax::Expr* value = (*bound)[name]) good = read_parameter(name, *value, reader, out) && good;
  }
  const bool by_sgd = row.rule == OptimizerRule::sgd && out.settings.momentum > 0;
  if (by_sgd) out.settings.rule = OptimizerRule::momentum;
  if (good && out.settings.nesterov && out.settings.momentum == 0) {
    reader.emitter().report(diag::MissingArgument, "nesterov", "momentum").at((*bound)["nesterov"]->range);
    return std::nullopt;
  }
  const bool beta_twice = std::find(parameters.begin(), parameters.end(), "betas") != parameters.end() &&
                          (*bound)["betas"] && ((*bound)["beta1"] || (*bound)["beta2"]);
  if (beta_twice) {
    reader.emitter().report(diag::ExclusiveSettings, "beta1, beta2", "betas").at((*bound)["betas"]->range);
    return std::nullopt;
  }
  return good ? std::optional(out) : std::nullopt;
}

}  // namespace mtl::sema
