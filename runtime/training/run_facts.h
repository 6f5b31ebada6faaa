// What a run depends on, as facts with names: a run that is resumed has to agree in all of them, or it would go on as
// neither the one nor the other. How long it trains (`epochs`, `steps`, `stop`) is none of them.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "runtime/training/compile.h"
#include "runtime/training/train.h"
#include "support/settings/train_config.h"

namespace mtl::training {

struct Fact {
  std::string name;   // "`lr`", "column `log.x` of train"
  std::string value;  // "0.001", "200 values"
  std::string hash;   // of what is too long to be shown; empty: the value says it all
};

struct RunFacts {
  std::vector<Fact> facts;
  std::vector<std::pair<std::string, std::string>> sources;  // texts, to say where the computation differs
  std::vector<std::pair<std::string, std::string>> sets;
};

// nullopt after reports (the model does not elaborate for training).
std::optional<RunFacts> facts_of(const TrainInput& input, const TrainConfig& config, const MetricRef& best_by,
                                 Session& session);

// "`lr` was 0.001 and is 0.002; ...", the first few; empty: they agree.
std::string difference(const RunFacts& then, const RunFacts& now);

}  // namespace mtl::training
