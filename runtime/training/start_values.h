// First values that come from files: what `load` statements name, and what `--from` finds of the same paths. They take
// the places of what was drawn; `--from` comes last.
#pragma once
#include <string>
#include <vector>

#include "runtime/training/compile.h"
#include "runtime/training/run_facts.h"
#include "runtime/training/train.h"

namespace mtl::training {

// Fills weights of `session`, says what was taken in `start`, and what a resumed run has to agree in, in `facts`. False
// after reports.
bool start_from_files(const TrainInput& input, const std::string& from, Session& session,
                      std::vector<StartValues>& start, std::vector<Fact>& facts, diag::Emitter& emitter);
// Parameters of which nothing came from a file.
std::vector<elaborate::ParamInfo> drawn_params(const std::vector<elaborate::ParamInfo>& params,
                                               const std::vector<StartValues>& start);

}  // namespace mtl::training
