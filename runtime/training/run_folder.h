// The files of a run: model.safetensors (the kept weights), checkpoint.safetensors (to resume from), metrics.jsonl and
// train.log. Models and checkpoints are written aside and renamed, and what a killed run left of that is removed by the
// next one; the two logs grow line by line. They are of one run:
// a new one moves those of the run before into earlier/1, earlier/2, ..., which are run folders themselves.
#pragma once
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/model/model_file.h"
#include "runtime/optimizers/optimizer.h"
#include "runtime/training/run_facts.h"
#include "runtime/training/sources.h"
#include "support/diag/emitter.h"

namespace mtl::training {

// Everything that a run is made of between two steps.
struct Checkpoint {
  std::vector<model::Tensor> weights, best;           // best is empty before the first dev evaluation
  std::vector<std::vector<float>> optimizer;          // Optimizer::blocks(), each in the layout of the weights
  std::vector<int64_t> counts;                        // Optimizer::counts()
  std::vector<runtime::RowTable::Deferred> deferred;  // Optimizer::deferred()
  std::vector<Stream::Cursor> cursors;
  int64_t epoch = 0;       // the one at hand, from 0
  int64_t steps_done = 0;  // of it
  // What the steps of this epoch have summed up so far: losses of the tasks and of how many rows each, and more.
  std::vector<double> losses, loss_counts;
  std::vector<double> first_losses;  // of each task in the first step of the run that had it; NaN: none yet
  int64_t examples = 0;
  double epoch_seconds = 0;
  int64_t updates = 0, batches = 0;  // of the run
  int64_t best_epoch = 0, waited = 0;
  double best_value = 0;
  double seconds = 0;
  RunFacts about;
};

bool write_checkpoint(const std::string& path, const Checkpoint& checkpoint, std::string& why);
std::optional<Checkpoint> read_checkpoint(const std::string& path, std::string& why);

class RunFolder {
 public:
  // Makes the folder, and moves what an earlier run left aside; with `resume`, it has to be there with a checkpoint,
  // and the logs go on instead of starting anew. nullptr after reports.
  static std::unique_ptr<RunFolder> open(const std::string& path, bool resume, diag::Emitter& emitter);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  std::string model_path() const { return path_ + "/model.safetensors"; }
  std::string checkpoint_path() const { return path_ + "/checkpoint.safetensors"; }
  // Where the files of the run before are now; empty: there was none, or nothing was trained in it.
  const std::string& moved_to() const { return moved_to_; }
  // Takes steps, epochs and ends behind this update out of metrics.jsonl: a run that is resumed there writes them
  // again. False after a report.
  bool cut_metrics(int64_t updates);
  // One line each; a disk that is full is warned of once.
  void metrics(std::string_view json);
  void log(std::string_view line);

 private:
  RunFolder(std::string path, diag::Emitter& emitter) : path_(std::move(path)), emitter_(&emitter) {}
  void append(std::FILE*& file, const std::string& name, std::string_view line);
  bool move_earlier();
  void remove_leftovers();
  bool open_logs(bool go_on);

  std::string path_, moved_to_;
  diag::Emitter* emitter_;
  std::FILE* metrics_ = nullptr;
  std::FILE* log_ = nullptr;
  int lock_ = -1;
};

// The newest of the earlier runs of a run folder that left a file `name`: the path of that; empty: there is none.
std::string newest_earlier(const std::string& run_folder, const std::string& name);

}  // namespace mtl::training
