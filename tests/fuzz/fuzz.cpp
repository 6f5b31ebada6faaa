// What reads bytes that others wrote, for libFuzzer. MTL_FUZZ names the reader: source, json, model, data, vectors or
// cache. Whatever comes in, a reader gives an answer or a reason; the sanitizers and libFuzzer see everything else.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>

#include "compiler/elaborate/elaborate.h"
#include "compiler/sema/check.h"
#include "compiler/sema/checked.h"
#include "runtime/data/cache.h"
#include "runtime/data/load.h"
#include "runtime/model/model_file.h"
#include "runtime/model/safetensors.h"
#include "support/base/json.h"

namespace {

using namespace mtl;

// A folder in memory, where there is such, that goes with the process.
class Folder {
 public:
  Folder() {
    const char* base = std::filesystem::is_directory("/dev/shm") ? "/dev/shm" : "/tmp";
    std::string pattern = std::string(base) + "/mtl-fuzz-XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string path(const std::string& name) const { return path_ + "/" + name; }
  std::string write(const std::string& name, std::string_view bytes) const {
    std::ofstream(path(name), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path(name);
  }

 private:
  std::string path_;
};

const Folder& folder() {
  static const Folder folder;
  return folder;
}

// A program whose data is read again and again.
struct Program {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  data::Spec spec;

  explicit Program(const std::string& text) {
    const auto file = sema::check_text("fuzz.mtl", text, sources, {}, emitter);
    const auto described = file ? elaborate::describe(*file, emitter) : std::nullopt;
    if (!described) {
      for (const auto& d : emitter.sorted()) std::fputs(diag::render(d, sources, false).c_str(), stderr);
      std::abort();
    }
    spec = described->data;
  }
  std::optional<data::Dataset> load() {
    emitter.clear();
    data::LoadOptions options;
    options.data_dir = folder().path("");
    options.need_test = false;
    auto dataset = data::load(spec, options, emitter);
    for (const auto& d : emitter.sorted()) diag::render(d, sources, false);
    return dataset;
  }
};

void source(std::string_view bytes) {
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const auto file = sema::check_text("main.mtl", std::string(bytes), sources, {}, emitter);
  if (file && file->model != nullptr && elaborate::describe(*file, emitter)) {
    elaborate::ElaborateOptions options;
    options.training = true;
    elaborate::elaborate(*file, options, emitter);
  }
  for (const auto& d : emitter.sorted()) diag::render(d, sources, true);
}

void json(std::string_view bytes) {
  static_cast<void>(parse_json(bytes));
}

void model(std::string_view bytes) {
  std::string why;
  const std::string path = folder().write("model.safetensors", bytes);
  model::read_safetensors(path, why);
  model::load_model(path, why);
  data::fitted_from_json(bytes, why);  // vocabularies, labels and tokenizers of a model file
}

constexpr const char* kModel =
    "model m { task y predicts rows.y { head = rows.x |> linear(|target|) } train { epochs = 1 } }\n";

// The first byte says which format the rest has.
void data_file(std::string_view bytes) {
  static const auto make = [](const std::string& format, const std::string& x, const std::string& y) {
    return std::make_unique<Program>("data rows { format = " + format + ", train = \"train\"\n  x : f32[2] = " + x +
                                     "\n  y : label = " + y + "\n w : label = " + y + " }\n" + kModel);
  };
  static const std::unique_ptr<Program> tables[] = {
      make("csv", "columns(\"a\", \"b\") |> standardize", "column(\"y\")"),
      make("tsv", "columns(\"a\", \"b\")", "column(\"y\")"), make("jsonl", "column(\"x\")", "column(\"y\")")};
  static Program conll(
      "use std.sequence\nvocab en { }\ndata rows { format = conll, train = \"train\"\n  x : token(en)[T] = column(0)\n "
      " t : label[T] = column(1)\n"
      "  y : label = comment(\"y\") }\nmodel m { task y predicts rows.y { head = rows.x |> embed(2) |> mean(over = T) "
      "|> linear(|target|) }\n"
      "  train { epochs = 1 } }\n");
  if (bytes.empty()) return;
  folder().write("train", bytes.substr(1));
  const auto kind = static_cast<unsigned char>(bytes[0]) % 4;
  (kind == 3 ? conll : *tables[kind]).load();
}

constexpr const char* kText =
    "use std.sequence\nvocab en { embeddings = \"vectors\", keep = 3 }\ndata rows { format = conll, train = \"train\"\n"
    "  x : token(en)[T] = column(0)\n  y : label = comment(\"y\") }\nmodel m { task y predicts rows.y {\n"
    "  head = rows.x |> embed(2) |> mean(over = T) |> linear(|target|) } train { epochs = 1 } }\n";

void vectors(std::string_view bytes) {
  static Program program(kText);
  static const std::string train = folder().write("train", "# y = a\nplay\nsome\n\n# y = b\nstop\n\n");
  folder().write("vectors", bytes);
  program.load();
}

// What comes in is a cache file without its header, which is put in front of it: a fuzzer would not find its checksum.
void cache(std::string_view bytes) {
  static Program program(std::string("data rows { format = csv, train = \"train\"\n x : f32[2] = columns(\"a\", "
                                     "\"b\")\n y : label = column(\"y\") }\n") +
                         kModel);
  const std::string path = folder().write("rows.cache", data::cache_header(bytes) + std::string(bytes));
  data::read_cache(path, "key", program.spec);
}

const std::map<std::string, std::function<void(std::string_view)>> kReaders = {
    {"source", source}, {"json", json}, {"model", model}, {"data", data_file}, {"vectors", vectors}, {"cache", cache}};
std::function<void(std::string_view)> reader;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("MTL_FUZZ");
  const auto found = kReaders.find(name == nullptr ? "" : name);
  if (found == kReaders.end()) {
    std::fputs("MTL_FUZZ is source, json, model, data, vectors or cache\n", stderr);
    std::exit(2);
  }
  reader = found->second;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* bytes, size_t size) {
  reader(std::string_view(reinterpret_cast<const char*>(bytes), size));
  return 0;
}
