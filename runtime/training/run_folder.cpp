// A checkpoint is a safetensors file: "weights/PATH", "best/PATH", "optimizer/0", ..., and its counters as one JSON
// text in the metadata. Read back, everything is checked; the trainer compares shapes with the model at hand.
#include "runtime/training/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/model/write_file.h"
#include "support/base/json.h"
#include "support/diag/kinds/model.h"

namespace mtl::training {

namespace {

using nlohmann::json;

constexpr const char* kKey = "mtlc.checkpoint";
constexpr int kVersion = 4;

bool whole(const json& object, const char* key, int64_t& out) {
  if (!object.contains(key) || !object[key].is_number_integer()) return false;
  out = object[key].get<int64_t>();
  return out >= 0;
}

// A number that is none is null in JSON.
bool read_numbers(const json& object, const char* key, std::vector<double>& out) {
  if (!object.contains(key) || !object[key].is_array()) return false;
  for (const json& value : object[key]) {
    if (!value.is_number() && !value.is_null()) return false;
    out.push_back(value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>());
  }
  return true;
}

// Lists of lists of `size` texts.
bool read_texts(const json& object, const char* key, size_t size, std::vector<std::vector<std::string>>& out) {
  if (!object.contains(key) || !object[key].is_array()) return false;
  for (const json& item : object[key]) {
    if (!item.is_array() || item.size() != size) return false;
    out.emplace_back();
    for (const json& text : item) {
      if (!text.is_string()) return false;
      out.back().push_back(text.get<std::string>());
    }
  }
  return true;
}

bool read_facts(const json& state, RunFacts& out) {
  std::vector<std::vector<std::string>> facts, sources, sets;
  if (!read_texts(state, "facts", 3, facts) || !read_texts(state, "sources", 2, sources) ||
      !read_texts(state, "sets", 2, sets))
    return false;
  for (const auto& fact : facts) out.facts.push_back({fact[0], fact[1], fact[2]});
  for (const auto& source : sources) out.sources.emplace_back(source[0], source[1]);
  for (const auto& set : sets) out.sets.emplace_back(set[0], set[1]);
  return true;
}

bool read_counters(const json& state, Checkpoint& out) {
  int64_t version = 0;
  bool good = state.is_object() && whole(state, "version", version) && version == kVersion &&
              whole(state, "epoch", out.epoch) && whole(state, "steps_done", out.steps_done) &&
              whole(state, "updates", out.updates) && whole(state, "batches", out.batches) &&
              whole(state, "best_epoch", out.best_epoch) && whole(state, "waited", out.waited) &&
              whole(state, "examples", out.examples) && read_numbers(state, "losses", out.losses) &&
              read_numbers(state, "loss_counts", out.loss_counts) &&
              read_numbers(state, "first_losses", out.first_losses);
  for (const char* key : {"best_value", "seconds", "epoch_seconds"})
    good = good && state.contains(key) && state[key].is_number();
  good = good && read_facts(state, out.about);
  for (const char* key : {"counts", "cursors"}) good = good && state.contains(key) && state[key].is_array();
  if (!good) return false;
  out.best_value = state["best_value"].get<double>();
  out.seconds = state["seconds"].get<double>();
  out.epoch_seconds = state["epoch_seconds"].get<double>();
  for (const json& count : state["counts"]) {
    if (!count.is_number_integer() || count.get<int64_t>() < 0) return false;
    out.counts.push_back(count.get<int64_t>());
  }
  for (const json& cursor : state["cursors"]) {
    Stream::Cursor mine;
    if (!cursor.is_object() || !whole(cursor, "pass", mine.pass) || !whole(cursor, "at", mine.at)) return false;
    out.cursors.push_back(mine);
  }
  return true;
}

using Blocks = std::map<std::string, std::vector<float>>;

bool read_deferred(const Blocks& seen, const Blocks& rates, std::vector<runtime::RowTable::Deferred>& out) {
  for (size_t i = 0; i < std::max(seen.size(), rates.size()); ++i) {
    const auto mine = seen.find(std::to_string(i)), rate = rates.find(std::to_string(i));
    if (mine == seen.end() || rate == rates.end()) return false;
    out.push_back({{}, rate->second});
    const auto most = static_cast<float>(rate->second.size());
    for (const float count : mine->second) {
      if (!(count >= 0 && count <= most)) return false;
      out.back().seen.push_back(static_cast<int32_t>(count));
    }
  }
  return true;
}

}  // namespace

bool write_checkpoint(const std::string& path, const Checkpoint& checkpoint, std::string& why) {
  json facts = json::array();
  for (const Fact& fact : checkpoint.about.facts) facts.push_back({fact.name, fact.value, fact.hash});
  model::TensorFile file;
  json cursors = json::array();
  for (const Stream::Cursor& cursor : checkpoint.cursors) cursors.push_back({{"pass", cursor.pass}, {"at", cursor.at}});
  const json state = {{"version", kVersion},
                      {"epoch", checkpoint.epoch},
                      {"steps_done", checkpoint.steps_done},
                      {"losses", checkpoint.losses},
                      {"loss_counts", checkpoint.loss_counts},
                      {"first_losses", checkpoint.first_losses},
                      {"examples", checkpoint.examples},
                      {"epoch_seconds", checkpoint.epoch_seconds},
                      {"updates", checkpoint.updates},
                      {"batches", checkpoint.batches},
                      {"best_epoch", checkpoint.best_epoch},
                      {"waited", checkpoint.waited},
                      {"best_value", checkpoint.best_value},
                      {"seconds", checkpoint.seconds},
                      {"facts", facts},
                      {"sources", checkpoint.about.sources},
                      {"sets", checkpoint.about.sets},
                      {"counts", checkpoint.counts},
                      {"cursors", cursors}};
  file.metadata[kKey] = state.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto add = [&](const char* prefix, const std::vector<model::Tensor>& tensors) {
    for (const model::Tensor& tensor : tensors)
      file.tensors.push_back({prefix + tensor.name, tensor.dims, tensor.values});
  };
  add("weights/", checkpoint.weights);
  add("best/", checkpoint.best);
  for (size_t i = 0; i < checkpoint.optimizer.size(); ++i)
    file.tensors.push_back({"optimizer/" + std::to_string(i),
                            {static_cast<int64_t>(checkpoint.optimizer[i].size())},
                            checkpoint.optimizer[i]});
  for (size_t i = 0; i < checkpoint.deferred.size(); ++i) {  // counts of steps are below 2^15: floats hold them
    const auto& [seen, rates] = checkpoint.deferred[i];
    add("seen/", {{std::to_string(i), {std::ssize(seen)}, {seen.begin(), seen.end()}}});
    add("rates/", {{std::to_string(i), {std::ssize(rates)}, rates}});
  }
  return model::write_safetensors(path, file, why);
}

std::optional<Checkpoint> read_checkpoint(const std::string& path, std::string& why) {
  auto file = model::read_safetensors(path, why);
  if (!file) return std::nullopt;
  Checkpoint out;
  const auto text = file->metadata.find(kKey);
  const auto counters = parse_json(text == file->metadata.end() ? "" : text->second);
  if (!counters || !read_counters(*counters, out)) {
    why = "it is no checkpoint of this version of mtlc, or it is damaged";
    return std::nullopt;
  }
  Blocks blocks, seen, rates;
  for (model::Tensor& tensor : file->tensors) {
    const size_t slash = tensor.name.find('/');
    const std::string prefix = tensor.name.substr(0, slash);
    tensor.name = slash == std::string::npos ? "" : tensor.name.substr(slash + 1);
    if (prefix == "weights")
      out.weights.push_back(std::move(tensor));
    else if (prefix == "best")
      out.best.push_back(std::move(tensor));
    else if (prefix == "optimizer")
      blocks[tensor.name] = std::move(tensor.values);
    else if (prefix == "seen")
      seen[tensor.name] = std::move(tensor.values);
    else if (prefix == "rates")
      rates[tensor.name] = std::move(tensor.values);
  }
  if (!read_deferred(seen, rates, out.deferred)) {
    why = "what it says of the rows of tables is damaged";
    return std::nullopt;
  }
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto found = blocks.find(std::to_string(i));
    if (found == blocks.end()) {
      why = "it lacks a part of the optimizer's state";
      return std::nullopt;
    }
    out.optimizer.push_back(found->second);
  }
  return out;
}

namespace {

namespace fs = std::filesystem;

constexpr const char* kEarlier = "earlier";
constexpr const char* kFiles[] = {"model.safetensors", "checkpoint.safetensors", "metrics.jsonl", "train.log"};

// The highest number of a folder in earlier/; 0: there is none.
int64_t last_earlier(const fs::path& folder) {
  int64_t last = 0;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder / kEarlier, ignored)) {
    const std::string name = entry.path().filename().string();
    int64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool good = error == std::errc() && end == name.data() + name.size() && number < INT64_MAX;
    if (good) last = std::max(last, number);
  }
  return last;
}

// Logs that a run of ours left without having trained anything.
bool is_log_of_nothing(const fs::path& folder) {
  std::error_code ignored;
  if (fs::exists(folder / kFiles[0], ignored) || fs::exists(folder / kFiles[1], ignored)) return false;
  if (!fs::is_regular_file(fs::symlink_status(folder / kFiles[2], ignored))) return false;
  std::ifstream metrics(folder / kFiles[2]);
  std::string line;
  std::getline(metrics, line);
  const auto first = parse_json(line);
  return first && first->is_object() && first->contains("event") && (*first)["event"] == "start";
}

}  // namespace

std::string newest_earlier(const std::string& run_folder, const std::string& name) {
  std::error_code ignored;
  for (int64_t i = last_earlier(run_folder); i > 0; --i) {
    const fs::path path = fs::path(run_folder) / kEarlier / std::to_string(i) / name;
    if (fs::exists(path, ignored)) return path.string();
  }
  return "";
}

bool RunFolder::move_earlier() {
  std::error_code error, ignored;
  if (is_log_of_nothing(path_)) return true;
  if (fs::is_symlink(fs::path(path_) / kEarlier, ignored)) {
    emitter_->report(diag::CannotWriteFile, "`" + path_ + "/" + kEarlier +
                                                "` is a link, where the files of the run before would go: remove it");
    return false;
  }
  for (const char* name : kFiles) {
    const fs::path from = fs::path(path_) / name;
    if (!fs::is_regular_file(from, ignored)) continue;
    if (moved_to_.empty()) moved_to_ = (fs::path(path_) / kEarlier / std::to_string(last_earlier(path_) + 1)).string();
    fs::create_directories(moved_to_, error);
    if (!error) fs::rename(from, fs::path(moved_to_) / name, error);
    if (!error) continue;
    emitter_->report(diag::CannotWriteFile, "cannot move `" + from.string() + "`, of an earlier run, to `" + moved_to_ +
                                                "`: " + error.message());
    return false;
  }
  return true;
}

void RunFolder::remove_leftovers() {
  std::error_code ignored;
  std::vector<fs::path> left;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_, ignored))
    for (const char* file : kFiles)
      if (model::is_left_of(entry.path().filename().string(), file) &&
          entry.symlink_status(ignored).type() == fs::file_type::regular)
        left.push_back(entry.path());
  for (const fs::path& file : left) fs::remove(file, ignored);
}

namespace {

// Links are not followed: the file that one leads to is none of a run's. Neither is a pipe or a device; without
// O_NONBLOCK a pipe would keep us waiting for a reader.
std::FILE* open_log(const std::string& path, bool go_on, std::string& why) {
  const int mode = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (go_on ? O_APPEND : O_TRUNC);
  const int file = ::open(path.c_str(), mode, 0666);
  struct stat status {};
  if (file >= 0 && ::fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
    if (std::FILE* log = ::fdopen(file, go_on ? "a" : "w")) return log;
  }
  why = errno == ELOOP ? "it is a symbolic link" : std::strerror(errno);
  if ((file >= 0 && !S_ISREG(status.st_mode)) || errno == ENXIO) why = "it is not a plain file: remove it";
  if (file >= 0) ::close(file);
  return nullptr;
}

// Whether a line of metrics.jsonl is of what a run had done at this update; half a line is of nothing.
bool is_done(const std::string& line, int64_t updates) {
  const auto event = parse_json(line);
  if (!event || !event->is_object()) return false;
  if (event->contains("event") && (*event)["event"] == "start") return true;
  for (const char* key : {"update", "updates"})  // of steps and epochs; of ends
    if (event->contains(key) && (*event)[key].is_number_integer()) return (*event)[key].get<int64_t>() <= updates;
  return true;
}

}  // namespace

bool RunFolder::open_logs(bool go_on) {
  for (const auto& [log, name] : {std::pair(&metrics_, "/metrics.jsonl"), std::pair(&log_, "/train.log")}) {
    std::string why;
    *log = open_log(path_ + name, go_on, why);
    if (*log != nullptr) continue;
    emitter_->report(diag::CannotWriteFile, "cannot create `" + path_ + name + "`: " + why);
    return false;
  }
  return true;
}

bool RunFolder::cut_metrics(int64_t updates) {
  const std::string path = path_ + "/metrics.jsonl";
  std::string line, why;
  bool all = true;
  auto kept = model::FileWriter::open(path, why);
  std::ifstream lines(path, std::ios::binary);
  while (kept && std::getline(lines, line)) {
    if (lines.eof() || !is_done(line, updates))
      all = false;
    else if (!kept->write(line + "\n", why))
      kept.reset();
  }
  if (all && kept) return true;
  if (kept && kept->commit(why)) {
    std::fclose(metrics_);
    metrics_ = open_log(path, true, why);
    if (metrics_ != nullptr) return true;
    why = "cannot open `" + path + "`: " + why;
  }
  emitter_->report(diag::CannotWriteFile, why);
  return false;
}

std::unique_ptr<RunFolder> RunFolder::open(const std::string& path, bool resume, diag::Emitter& emitter) {
  std::error_code error, ignored;
  if (resume) {
    const bool folder = std::filesystem::is_directory(path, ignored);
    const std::string checkpoint = path + "/checkpoint.safetensors";
    if (!std::filesystem::exists(checkpoint, ignored)) {
      diag::Report report = emitter.report(diag::CannotResume, folder ? checkpoint : path,
                                           folder ? "there is no such file" : "there is no such folder");
      const fs::path earlier = newest_earlier(path, "checkpoint.safetensors");
      if (!earlier.empty())
        std::move(report).help("an earlier run can be resumed: `--run-dir " + earlier.parent_path().string() + "`");
      else
        std::move(report).help(
            "`--run-dir` names the folder of a run that was stopped; without `--resume` a new one begins");
      return nullptr;
    }
  }
  std::filesystem::create_directories(path, error);
  if (error || !std::filesystem::is_directory(path, error)) {
    // What is in the way may be the folder's own name or one of those above it.
    std::filesystem::path there = path;
    while (there.has_relative_path() && !std::filesystem::exists(there, ignored)) there = there.parent_path();
    const bool file = std::filesystem::exists(there, ignored) && !std::filesystem::is_directory(there, ignored);
    emitter.report(diag::CannotMakeFolder, path,
                   file || !error ? "there is a file `" + there.string() + "`" : error.message());
    return nullptr;
  }
  std::unique_ptr<RunFolder> folder(new RunFolder(path, emitter));
  // Held until this process ends, however it does.
  folder->lock_ = ::open((path + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (folder->lock_ < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO)) {
    emitter.report(diag::CannotWriteFile, "`" + path + "/.lock` is a link or a folder, not a file: remove it");
    return nullptr;
  }
  const bool locked = folder->lock_ >= 0 && ::flock(folder->lock_, LOCK_EX | LOCK_NB) == 0;
  if (folder->lock_ >= 0 && !locked && errno == EWOULDBLOCK) {
    emitter.report(diag::RunFolderInUse, path).help("give this one a folder of its own: `--run-dir DIR`");
    return nullptr;
  }
  if (locked) folder->remove_leftovers();
  if ((!resume && !folder->move_earlier()) || !folder->open_logs(resume)) return nullptr;
  return folder;
}

RunFolder::~RunFolder() {
  for (std::FILE* file : {metrics_, log_})
    if (file != nullptr) std::fclose(file);
  if (lock_ >= 0) ::close(lock_);
}

void RunFolder::append(std::FILE*& file, const std::string& name, std::string_view line) {
  if (file == nullptr) return;
  const bool good = std::fwrite(line.data(), 1, line.size(), file) == line.size() && std::fputc('\n', file) != EOF &&
                    std::fflush(file) == 0;
  if (good) return;
  emitter_->report(diag::LogNotWritten, "cannot write `" + path_ + "/" + name + "`: " + std::strerror(errno));
  std::fclose(file);
  file = nullptr;
}

void RunFolder::metrics(std::string_view json) {
  append(metrics_, "metrics.jsonl", json);
}
void RunFolder::log(std::string_view line) {
  append(log_, "train.log", line);
}

}  // namespace mtl::training
