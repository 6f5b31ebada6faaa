// Puts the files of a package together: generated sources, the copy of runtime/core, weights.
#include "compiler/aot/package.h"

#include <algorithm>
#include <set>

#include "compiler/aot/cpp_text.h"
#include "compiler/aot/runtime_sources.h"
#include "runtime/model/write_weights.h"

namespace mtl::aot {
namespace {

// FNV-1a, 64 bits.
uint64_t hash_of(const std::string& text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return hash;
}

// Files of runtime/core/kernels that the called kernels are in.
std::set<std::string> kernel_files(const CppModel& model) {
  static const std::set<std::string> kOfRows = {"windows",   "scatter_rows", "move_rows",   "concat_rows",
                                                "copy_rows", "swap_rows",    "gather_rows", "repeat_pairs"};
  std::set<std::string> files;
  for (const CppSource& source : model.sources) {
    for (const std::string& kernel : source.steps->kernels()) {
      if (kernel.rfind("matmul", 0) == 0) files.insert("runtime/core/kernels/matmul.cpp");
      if (kOfRows.count(kernel)) files.insert({"runtime/core/kernels/rows.cpp", "runtime/core/kernels/rows.h"});
      if (kernel == "attention")
        files.insert({"runtime/core/kernels/attention.cpp", "runtime/core/kernels/attention.h"});
      if (kernel.rfind("crf", 0) == 0) files.insert({"runtime/core/kernels/crf.cpp", "runtime/core/kernels/crf.h"});
      if (kernel == "svd_values") files.insert("runtime/core/kernels/svd.cpp");
      if (kernel == "lstm_scan")
        files.insert({"runtime/core/kernels/lstm.cpp", "runtime/core/kernels/scan.cpp", "runtime/core/kernels/scan.h"});
      if (kernel == "gru_scan")
        files.insert({"runtime/core/kernels/gru.cpp", "runtime/core/kernels/scan.cpp", "runtime/core/kernels/scan.h"});
    }
  }
  return files;
}

// The copy of the runtime, in the package's namespace and folder.
void add_runtime(const CppModel& model, std::vector<PackageFile>& files) {
  const std::set<std::string> kernels = kernel_files(model);
  for (const RuntimeSource& source : runtime_sources()) {
    const std::string path(source.path);
    const bool kernel = path.rfind("runtime/core/kernels/", 0) == 0 && path != "runtime/core/kernels/all.h" &&
                        path != "runtime/core/kernels/packed.h";
    if (kernel && kernels.count(path) == 0) continue;
    CppText text = replaced(source.text, "mtl::runtime", model.name + "::runtime");
    text = replaced(text, "#include \"runtime/", "#include \"" + model.name + "/runtime/");
    files.push_back({model.name + "/" + own_name(path), text});
  }
}

std::string weights_of(const CppModel& model) {
  using runtime::deploy::SectionData;
  using Kind = runtime::deploy::SectionSpec::Kind;
  std::vector<SectionData> sections;
  for (const CppWeight& weight : model.weights)
    sections.push_back({weight.path, Kind::numbers, weight.values, static_cast<size_t>(weight.size), {}});
  for (const auto& vocabulary : model.vocabularies)
    sections.push_back({vocabulary.key, Kind::vocabulary, nullptr, 0, vocabulary.set->names});
  return runtime::deploy::weights_bytes(model.fingerprint, sections);
}

}  // namespace

std::vector<PackageFile> make_package(CppModel& model) {
  std::vector<PackageFile> files;
  model.fingerprint = 0;
  const CppText steps = steps_source_text(model);
  model.fingerprint = hash_of(steps.str() + source_text(model).str());
  const CppText& n = model.name;
  const auto local = [&](const CppText& text) {
    return replaced(text, "#include \"runtime/", "#include \"" + n + "/runtime/");
  };
  files.push_back({n + "/" + n + ".h", local(header_text(model))});
  files.push_back({n + "/" + n + ".cpp", local(source_text(model))});
  files.push_back({n + "/" + n + "_steps.h", local(steps_header_text(model))});
  files.push_back({n + "/" + n + "_steps.cpp", local(steps)});
  files.push_back({n + "/" + n + "_c.h", c_header_text(model)});
  files.push_back({n + "/" + n + "_c.cpp", c_source_text(model)});
  for (const CppSource& source : model.sources) {
    for (const CppObject& object : source.objects) files.push_back({n + "/" + object.file, object.code.bytes});
  }
  if (model.embedded) files.push_back({n + "/" + n + "_embedded.cpp", embedded_text(model)});
  add_runtime(model, files);
  std::vector<CppText> sources;
  for (const PackageFile& file : files) {
    if (file.path.ends_with(".cpp") || file.path.ends_with(".o")) sources.push_back(own_name(file.path));
  }
  std::string weights = weights_of(model);
  files.push_back({n + ".json", manifest_text(model, weights)});
  files.push_back({n + ".weights", std::move(weights)});
  files.push_back({"CMakeLists.txt", cmake_text(model, sources)});
  files.push_back({"cmake/" + n + "Config.cmake.in", cmake_config_text(model)});
  files.push_back({"main.cpp", main_text(model)});
  files.push_back({"README.md", readme_text(model)});
  return files;
}

}  // namespace mtl::aot
