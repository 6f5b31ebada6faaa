// From a CheckedFile to graphs: static values are computed, layers instantiated, bodies unrolled, shapes checked
// (by the ops' own shape rules, with the source ranges of both facts).
#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "compiler/elaborate/elaborated.h"
#include "compiler/sema/check.h"
#include "support/diag/emitter.h"
#include "support/settings/train_config.h"

namespace mtl::elaborate {

// Sources, vocabularies and the train block, needed before the data is loaded. nullopt after errors.
std::optional<Program> describe(const sema::CheckedFile& file, diag::Emitter& emitter);

struct ElaborateOptions {
  bool training = false;  // the static value of `training`: dropout is the identity without it
  // The size of |en|, |atis.slots|; nullopt: not loaded, stays a symbol (`mtlc check`).
  std::function<std::optional<int64_t>(const std::string& path)> size_of;
  // The columns of a vocabulary's pretrained vectors, if it has any (embed starts from them).
  std::function<std::optional<int64_t>(const std::string& vocab)> vectors_of;
  // The cells of the files' rows that a column is read from, "atis.slots"; empty: not known.
  std::function<std::vector<std::string>(const std::string& column)> cells_of;
  // Tasks that are summed in the output "objective"; empty: none.
  std::set<std::string> objective_tasks;
  // The graph of the balancer's updates after the step; see ElaboratedModel::reads_after.
  bool after = false;
  // Losses need the targets; `mtlc predict` has none.
  bool losses = true;
  // Only these tasks; empty: all.
  std::set<std::string> tasks;
};

// Modules, functions and criteria of the user's files besides `used`, each by itself on inputs of sizes that are made.
std::optional<ElaboratedModel> elaborate(const sema::CheckedFile& file, const ElaborateOptions& options,
                                         diag::Emitter& emitter);
// up: reports what no sizes would mend. The names of those that cannot be tried so, or not decided.
// Statements `require` of the model that can be decided; with data loaded, all of them. False after reports.
std::vector<std::string> check_unused(const sema::CheckedFile& file, const std::set<const syntax::Decl*>& used,
                                      diag::Emitter& emitter);
// Reports what is wrong with a `let` of the model that no task reads.
void check_unused_lets(const sema::CheckedFile& file, const ElaborateOptions& options, diag::Emitter& emitter);
// The `require` statements of the model; what `train` says is frozen trains for nobody.
bool check_requirements(const sema::CheckedFile& file, const ElaboratedModel& model, const training::TrainConfig& train,
                        diag::Emitter& emitter);

}  // namespace mtl::elaborate
