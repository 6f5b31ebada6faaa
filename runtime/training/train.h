// The training loop: epochs of steps, dev after each, the best weights kept, test once at the end.
//
// A run is a function of the source, the data and the seed: the same bits on any number of threads, and the same
// whether it was interrupted and resumed or not.
#pragma once
#include <atomic>
#include <optional>
#include <string>

#include "compiler/sema/check.h"
#include "runtime/data/load.h"
#include "runtime/model/model_file.h"
#include "runtime/training/compile.h"
#include "runtime/training/report.h"
#include "support/base/source.h"
#include "support/diag/emitter.h"

namespace mtl::training {

struct TrainOptions {
  std::string run_dir;                             // made if it is missing
  std::string object_cache;                        // compiled loops; empty: none
  std::optional<uint64_t> seed;                    // instead of the file's
  bool resume = false;                             // from run_dir/checkpoint.safetensors
  const std::atomic<bool>* interrupted = nullptr;  // looked at after every step: true ends the run cleanly
  double checkpoint_every = 600;                   // seconds inside an epoch
  bool test = true;                                // evaluate test at the end
  int64_t max_updates = 0;                         // ends the run there, as if the last epoch were over; 0: no limit
  // Numbers to start from instead of the initialisers, by path; the rest is drawn (comparisons with other programs).
  std::vector<model::Tensor> initial;
  std::string from;  // a model whose parameters of the same paths it starts from; empty: none
};

struct TrainInput {
  Elaborator elaborator;
  std::function<bool(const elaborate::ElaboratedModel&)> requirements;  // `require` statements; may be empty
  const data::Spec& spec;
  const data::Dataset& dataset;
  const TrainConfig& config;
  model::ModelFile about;  // what the model file says besides weights: sources, model, sets
  std::string data_dir;    // that files of `load` are relative to
  Elaborator symbolic;     // with names in place of the sizes that data decides; reports nothing. May be empty
};

// nullopt after reports; what was best until then is in the run folder.
std::optional<TrainReport> train(const TrainInput& input, const TrainOptions& options, Observer& observer,
                                 diag::Emitter& emitter);

// The whole of `mtlc train`: describe, load the data, train.
std::optional<TrainReport> train_file(const sema::CheckedFile& file, const SourceMap& sources,
                                      const sema::CheckOptions& check, const data::LoadOptions& load,
                                      const TrainOptions& options, Observer& observer, diag::Emitter& emitter);

// The part of a model file that names its sources: texts of the user's files, main file first, by names relative to
// the main file's folder.
model::ModelFile about_model(const sema::CheckedFile& file, const SourceMap& sources, const sema::CheckOptions& check);

}  // namespace mtl::training
