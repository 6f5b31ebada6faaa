// What every command that reads a .mtl file starts with: the checked file, what it says about data and training,
// and, where the command needs it, the data.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "compiler/driver/options.h"
#include "compiler/elaborate/elaborated.h"
#include "compiler/sema/checked.h"
#include "runtime/data/dataset.h"
#include "runtime/data/load.h"
#include "runtime/model/model_file.h"
#include "runtime/training/compile.h"
#include "support/diag/emitter.h"

namespace mtl::driver {

class Front {
 public:
  explicit Front(const Options& options) : options_(options), emitter_(&sources_) {}
  // Reads and checks options.file. Without `needs_model`, a file of modules alone is well-formed, too.
  bool open(bool needs_model = true);
  // Reads options.file as a model file and checks the source that it carries (or options.source in its place); nothing
  // else is read from disk.
  std::optional<model::ModelFile> open_model();
  // Loads its data. The folder is --data or that of the file.
  bool load(bool need_test);
  // For `check`: sizes that the data decides are symbols.
  training::Elaborator symbolic_elaborator();
  training::Elaborator elaborator(const data::Fitted& fitted);

  // Prints what was reported so far and forgets it; with --json as JSON lines on stdout, else on stderr.
  void flush_reports();
  bool failed() const { return emitter_.has_errors() || failed_; }

  const sema::CheckedFile& file() const { return *file_; }
  std::vector<std::string> task_names() const;
  const elaborate::Program& program() const { return *program_; }
  data::Dataset& dataset() { return *dataset_; }
  diag::Emitter& emitter() { return emitter_; }
  const SourceMap& sources() const { return sources_; }
  data::LoadOptions load_options(bool need_test);
  const Options& options() const { return options_; }
  std::string data_dir() const;
  // Folders of caches; empty: none. One where other users can write is not used, which is reported.
  std::string data_cache() { return cache("data"); }
  std::string object_cache() { return cache("objects"); }

 private:
  bool describe();
  std::string cache(const char* part);

  const Options& options_;
  SourceMap sources_;
  diag::Emitter emitter_;
  bool failed_ = false;
  std::unique_ptr<sema::CheckedFile> file_;
  std::optional<elaborate::Program> program_;
  std::optional<data::Dataset> dataset_;
};

// Where caches go if --cache does not say: XDG_CACHE_HOME/mtlc or ~/.cache/mtlc.
std::string default_cache_dir();

}  // namespace mtl::driver
