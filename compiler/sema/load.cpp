// Units are loaded depth first. A unit that is still on the stack when it is used again closes a circle; one that is
// finished is shared.
#include "compiler/sema/load.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "compiler/sema/library.h"
#include "compiler/sema/not_supported.h"
#include "compiler/syntax/parse.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

constexpr const char* kPrelude = "std.prelude";

struct DeclHead {
  const syntax::Name* name = nullptr;
  DeclKind kind = DeclKind::constant;
};

DeclHead head_of(const syntax::Decl& decl) {
  struct Visitor {
    DeclHead operator()(const syntax::UseDecl&) const { return {}; }
    DeclHead operator()(const syntax::ConstDecl& d) const { return {&d.name, DeclKind::constant}; }
    DeclHead operator()(const syntax::VocabDecl& d) const { return {&d.name, DeclKind::vocab}; }
    DeclHead operator()(const syntax::DataDecl& d) const { return {&d.name, DeclKind::data}; }
    DeclHead operator()(const syntax::ModuleDecl& d) const { return {&d.name, DeclKind::module}; }
    DeclHead operator()(const syntax::FunctionDecl& d) const { return {&d.name, DeclKind::function}; }
    DeclHead operator()(const syntax::CriterionDecl& d) const { return {&d.name, DeclKind::criterion}; }
    DeclHead operator()(const syntax::BalancerDecl& d) const { return {&d.name, DeclKind::balancer}; }
    DeclHead operator()(const syntax::ModelDecl& d) const { return {&d.name, DeclKind::model}; }
    DeclHead operator()(const syntax::SweepDecl& d) const { return {&d.name, DeclKind::sweep}; }
  };
  return std::visit(Visitor{}, decl.node);
}

class Loader {
 public:
  Loader(const std::map<std::string, std::string>& texts, SourceMap& sources, CheckedFile& file, diag::Emitter& emitter)
      : texts_(texts), sources_(sources), file_(file), emitter_(emitter) {}

  UnitId add(const std::string& name, const std::string& path, std::string text, bool library) {
    const UnitId id = static_cast<UnitId>(file_.units.size());
    file_.units.push_back(std::make_unique<Unit>());
    Unit& unit = *file_.units.back();
    unit.name = name;
    unit.library = library;
    by_name_[key_of(name, library)] = id;
    stack_.push_back(id);
    unit.tree = syntax::parse(sources_.add(path, std::move(text)), tokens_left_, emitter_);
    declare(unit, id);
    for (const syntax::Decl& decl : unit.tree.decls) {
      if (const auto* use = std::get_if<syntax::UseDecl>(&decl.node)) open(*use, decl.range, id, path);
    }
    stack_.pop_back();
    return id;
  }

  size_t duplicates() const { return duplicates_; }  // names that are declared twice, all reported

  void open_prelude() {
    for (const LibraryFile& library : library_files()) {
      if (library.name == kPrelude) file_.prelude = add_library(library);
    }
  }

 private:
  // A user's file is known by its real place, whatever way leads to it.
  static std::string key_of(const std::string& name, bool library) {
    if (library) return name;
    std::error_code error;
    const std::filesystem::path real = std::filesystem::weakly_canonical(name, error);
    return "file:" + (error ? name : real.string());
  }

  void declare(Unit& unit, UnitId id) {
    for (const syntax::Decl& decl : unit.tree.decls) {
      const DeclHead head = head_of(decl);
      if (head.name == nullptr || head.name->text.empty()) continue;
      const auto [at, is_new] = unit.own.try_emplace(head.name->text, Found{&decl, id, head.kind});
      if (is_new) continue;
      ++duplicates_;
      emitter_.report(diag::DuplicateName, kind_name(head.kind), head.name->text)
          .at(head.name->range)
          .label(head_of(*at->second.decl).name->range, "it is already a " + std::string(kind_name(at->second.kind)));
    }
  }

  UnitId add_library(const LibraryFile& library) {
    std::string path(library.name);
    for (char& letter : path) letter = letter == '.' ? '/' : letter;
    return add(std::string(library.name), path + ".mtl", std::string(library.text), true);
  }

  void open(const syntax::UseDecl& use, SourceRange range, UnitId from, const std::string& from_path) {
    if (tokens_left_ == 0) return;  // reported
    std::optional<UnitId> opened = use.file.empty() ? open_library(use, range) : open_file(use, range, from_path);
    if (!opened) return;
    std::vector<UnitId>& uses = file_.units[from]->uses;
    if (std::find(uses.begin(), uses.end(), *opened) == uses.end() && *opened != from) uses.push_back(*opened);
  }

  // An already loaded unit; reports a circle.
  std::optional<UnitId> loaded(const std::string& key, SourceRange range, bool& circle) {
    const auto at = by_name_.find(key);
    if (at == by_name_.end()) return std::nullopt;
    const auto begin = std::find(stack_.begin(), stack_.end(), at->second);
    if (begin == stack_.end()) return at->second;
    circle = true;
    std::vector<std::string> names;
    for (auto unit = begin; unit != stack_.end(); ++unit) names.push_back(file_.units[*unit]->name);
    names.push_back(file_.units[*begin]->name);
    emitter_.report(diag::UseCycle, join(names, " -> ", " -> ")).at(range);
    return std::nullopt;
  }

  std::optional<UnitId> open_library(const syntax::UseDecl& use, SourceRange range) {
    if (use.path.empty()) return std::nullopt;  // broken, already reported
    std::vector<std::string> parts;
    for (const syntax::Name& part : use.path) parts.push_back(part.text);
    const std::string name = join(parts, ".", ".");
    bool circle = false;
    if (std::optional<UnitId> known = loaded(name, range, circle); known || circle) return known;
    std::vector<std::string> candidates;
    for (const LibraryFile& library : library_files()) {
      if (library.name == name) return add_library(library);
      candidates.emplace_back(library.name);
    }
    if (std::ranges::find(planned_files(), name) != planned_files().end()) {
      emitter_.report(diag::UnsupportedPrimitive, "use " + name).at(range);
      return std::nullopt;
    }
    const std::optional<std::string> near = nearest(name, candidates);
    std::string help =
        near ? "did you mean `use " + *near + "`?" : "a file beside this one is opened by its name: `use \"path.mtl\"`";
    if (!near && std::find(candidates.begin(), candidates.end(), "std." + name) != candidates.end()) {
      help = "did you mean `use std." + name + "`?";
    }
    emitter_.report(diag::UnknownLibrary, name).at(range).help(help);
    return std::nullopt;
  }

  std::optional<UnitId> open_file(const syntax::UseDecl& use, SourceRange range, const std::string& from_path) {
    constexpr size_t kNesting = 64;
    const std::filesystem::path beside = std::filesystem::path(from_path).parent_path() / use.file;
    const std::string path = beside.lexically_normal().string();
    bool circle = false;
    if (std::optional<UnitId> known = loaded(key_of(path, false), range, circle); known || circle) return known;
    if (stack_.size() > kNesting) {
      emitter_.report(diag::UseTooDeep).at(range);
      return std::nullopt;
    }
    std::string why;
    std::optional<std::string> text = read_text(path, why);
    if (text) return add(path, path, std::move(*text), false);
    emitter_.report(diag::CannotReadFile, path, why).at(range);
    return std::nullopt;
  }

  std::optional<std::string> read_text(const std::string& path, std::string& why) const {
    if (texts_.empty()) return read_file(path, why);
    const auto found = texts_.find(path);
    if (found != texts_.end()) return found->second;
    why = "the model file does not carry it";
    return std::nullopt;
  }

  const std::map<std::string, std::string>& texts_;
  SourceMap& sources_;
  CheckedFile& file_;
  diag::Emitter& emitter_;
  std::map<std::string, UnitId> by_name_;
  std::vector<UnitId> stack_;
  size_t tokens_left_ = syntax::kMaxTokens;
  size_t duplicates_ = 0;
};

}  // namespace

std::optional<std::string> read_file(const std::string& path, std::string& why) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    why = std::strerror(errno);
    return std::nullopt;
  }
  if (!S_ISREG(status.st_mode)) {  // a pipe could wait for ever, a device go on for ever
    why = S_ISDIR(status.st_mode) ? "it is a directory" : "it is not a plain file, but a pipe or a device";
    return std::nullopt;
  }
  constexpr int64_t kLimit = 4 << 20;  // the parser's, which need not see what it would refuse
  if (status.st_size > kLimit) {
    why = "it has " + std::to_string(status.st_size >> 20) + " MiB, and a program has at most 4";
    return std::nullopt;
  }
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in.peek() != std::ifstream::traits_type::eof()) text << in.rdbuf();
  if (!in && !in.eof()) {
    why = std::strerror(errno);
    return std::nullopt;
  }
  return text.str();
}

bool load_units(const std::string& path, std::string text, const std::map<std::string, std::string>& texts,
                SourceMap& sources, CheckedFile& file, diag::Emitter& emitter) {
  Loader loader(texts, sources, file, emitter);
  loader.add(path, path, std::move(text), false);
  loader.open_prelude();
  return emitter.error_count() <= loader.duplicates();
}

}  // namespace mtl::sema
