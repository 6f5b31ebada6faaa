// Opens a .mtl file or a model file for a command, and reports what is wrong with it.
#include "compiler/driver/front.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "compiler/driver/terminal.h"
#include "compiler/elaborate/elaborate.h"
#include "runtime/training/run_folder.h"
#include "support/base/private_folder.h"
#include "support/diag/kinds/model.h"

namespace mtl::driver {

namespace fs = std::filesystem;

std::string default_cache_dir() {
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != 0)
    return (fs::path(xdg) / "mtlc").string();
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != 0)
    return (fs::path(home) / ".cache" / "mtlc").string();
  return "";
}

bool Front::open(bool needs_model) {
  file_ = sema::check(options_.file, sources_, {options_.model, options_.sets, {}}, emitter_);
  const bool only_modules = file_ && file_->model == nullptr;
  if (only_modules && !needs_model) return !emitter_.has_errors();
  return describe();
}

std::optional<model::ModelFile> Front::open_model() {
  std::string why;
  std::optional<model::ModelFile> model = model::load_model(options_.file, why);
  if (!model) {
    std::error_code ignored;
    const fs::path path = options_.file, inside = path / "model.safetensors";
    if (fs::is_directory(path, ignored)) why = "it is a folder";
    diag::Report report = emitter_.report(diag::CannotLoadModel, options_.file, why);
    if (fs::exists(inside, ignored)) std::move(report).help("a run folder holds its model: `" + inside.string() + "`");
    const std::string earlier = training::newest_earlier(path.parent_path().string(), path.filename().string());
    if (!earlier.empty() && !fs::exists(path, ignored))
      std::move(report).help("the last run there left none; of the one before: `" + earlier + "`");
    const fs::path beside = path.parent_path() / "model.safetensors";
    if (path.filename() == "checkpoint.safetensors" && fs::exists(beside, ignored))
      std::move(report).help("a checkpoint is for `--resume`; the model is `" + beside.string() + "`");
    if (path.extension() != ".safetensors" && fs::path(options_.input).extension() == ".safetensors")
      std::move(report).help("the model comes first: `mtlc predict MODEL FILE`");
    if (path.extension() == ".mtl")
      std::move(report).help("`mtlc run` trains it and writes the model, runs/NAME/model.safetensors");
    return std::nullopt;
  }
  sema::CheckOptions check{model->model, model->sets, {}};
  if (options_.source.empty()) check.texts.insert(model->sources.begin(), model->sources.end());
  file_ = !options_.source.empty() ? sema::check(options_.source, sources_, check, emitter_)
                                   : sema::check_text(model->sources.front().first, model->sources.front().second,
                                                      sources_, check, emitter_);
  if (!describe()) return std::nullopt;
  return model;
}

bool Front::describe() {
  if (file_ && !emitter_.has_errors()) program_ = elaborate::describe(*file_, emitter_);
  return program_.has_value() && !emitter_.has_errors();
}

data::LoadOptions Front::load_options(bool need_test) {
  data::LoadOptions load;
  load.data_dir = data_dir();
  load.cache_dir = data_cache();
  load.skip_bad_rows = options_.skip_bad_rows;
  load.need_test = need_test;
  return load;
}

bool Front::load(bool need_test) {
  dataset_ = data::load(program_->data, load_options(need_test), emitter_);
  return dataset_.has_value() && !emitter_.has_errors();
}

training::Elaborator Front::symbolic_elaborator() {
  return [this](const elaborate::ElaborateOptions& options) { return elaborate::elaborate(*file_, options, emitter_); };
}

training::Elaborator Front::elaborator(const data::Fitted& fitted) {
  return training::make_elaborator(*file_, program_->data, fitted, emitter_);
}

std::vector<std::string> Front::task_names() const {
  std::vector<std::string> names;
  for (const syntax::ModelItem& item : file_->model->items)
    if (const auto* task = std::get_if<syntax::TaskDecl>(&item.node)) names.push_back(task->name.text);
  return names;
}

void Front::flush_reports() {
  failed_ |= emitter_.has_errors();
  for (const diag::Diagnostic& d : emitter_.sorted()) {
    if (options_.json) {
      fmt::print("{}\n", diag::render_json(d, sources_));
    } else {
      fmt::print(stderr, "{}\n", diag::render(d, sources_, use_color(stderr, options_.color)));
    }
  }
  emitter_.clear();
}

std::string Front::data_dir() const {
  if (!options_.data_dir.empty()) return options_.data_dir;
  if (options_.command == "eval") return ".";
  const std::string folder = fs::path(options_.file).parent_path().string();
  return folder.empty() ? "." : folder;
}

std::string Front::cache(const char* part) {
  if (options_.no_cache) return "";
  const std::string base = options_.cache_dir.empty() ? default_cache_dir() : options_.cache_dir;
  if (base.empty()) return "";
  const std::string folder = (fs::path(base) / part).string();
  std::string unsafe;
  if (PrivateFolder::open(folder, unsafe) || unsafe.empty()) return folder;
  emitter_.report(diag::CacheNotPrivate, folder, unsafe)
      .help("`chmod 700` for a folder of yours that you trust, `--cache DIR` for another one");
  return "";
}

}  // namespace mtl::driver
