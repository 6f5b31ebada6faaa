// The order of the checks: files, constants, families, the chosen model, names of every body, circles of modules,
// settings of data and training, and last what the chosen model uses that is not supported yet.
#include "compiler/sema/check.h"

#include <algorithm>
#include <functional>
#include <set>

#include "compiler/sema/checked.h"
#include "compiler/sema/consts.h"
#include "compiler/sema/data_spec.h"
#include "compiler/sema/families.h"
#include "compiler/sema/load.h"
#include "compiler/sema/names.h"
#include "compiler/sema/path_statements.h"
#include "compiler/sema/task_metrics.h"
#include "compiler/sema/train_config.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

void choose_model(CheckedFile& file, const CheckOptions& options, diag::Emitter& emitter) {
  std::vector<std::string> names;
  std::vector<const syntax::Decl*> models;
  for (const syntax::Decl& decl : file.units[0]->tree.decls) {
    const auto* model = std::get_if<syntax::ModelDecl>(&decl.node);
    if (model == nullptr) continue;
    models.push_back(&decl);
    names.push_back(model->name.text);
  }
  const auto choose = [&](const syntax::Decl* decl) {
    file.model_decl = decl;
    file.model = &std::get<syntax::ModelDecl>(decl->node);
  };
  if (options.model.empty()) {
    if (models.size() == 1) choose(models[0]);
    if (models.size() > 1) emitter.report(diag::SeveralModels, join(names)).at(models[1]->range);
    return;
  }
  for (size_t i = 0; i < models.size(); ++i) {
    if (names[i] == options.model) return choose(models[i]);
  }
  const std::optional<std::string> near = nearest(options.model, names);
  std::string help;
  if (near) help = "did you mean `" + *near + "`?";
  if (!near && !names.empty()) help = "it has " + join(names, ", ", " and ");
  emitter.report(diag::NoSuchModel, options.model).help(help);
}

class Checker {
 public:
  Checker(CheckedFile& file, const SourceMap& sources, diag::Emitter& emitter)
      : file_(file), sources_(sources), emitter_(emitter) {}

  void names() {
    for (UnitId unit = 0; unit < file_.units.size(); ++unit) {
      for (const syntax::Decl& decl : file_.units[unit]->tree.decls) check(decl, unit);
    }
  }

  // Modules, functions and criteria form no circle.
  void circles() {
    std::vector<const syntax::Decl*> stack;
    std::set<const syntax::Decl*> done;
    const std::function<void(const syntax::Decl*)> visit = [&](const syntax::Decl* decl) {
      if (done.contains(decl) || name_of(*decl) == nullptr) return;
      const auto begin = std::find(stack.begin(), stack.end(), decl);
      if (begin != stack.end()) {
        std::vector<std::string> names;
        for (auto at = begin; at != stack.end(); ++at) names.push_back(name_of(**at)->text);
        names.push_back(name_of(*decl)->text);
        emitter_.report(diag::ModuleCycle, join(names, " -> ", " -> ")).at(name_of(*decl)->range);
        return;
      }
      stack.push_back(decl);
      for (const syntax::Decl* used : in_order(facts_[decl].uses)) visit(used);
      stack.pop_back();
      done.insert(decl);
    };
    for (const auto& unit : file_.units) {
      for (const syntax::Decl& decl : unit->tree.decls) visit(&decl);
    }
  }

  // Everything that the chosen model refers to, by any number of steps.
  std::set<const syntax::Decl*> reached() {
    std::set<const syntax::Decl*> reached;
    std::vector<const syntax::Decl*> open;
    if (file_.model_decl != nullptr) open.push_back(file_.model_decl);
    while (!open.empty()) {
      const syntax::Decl* decl = open.back();
      open.pop_back();
      if (!reached.insert(decl).second) continue;
      for (const syntax::Decl* used : facts_[decl].uses) open.push_back(used);
    }
    return reached;
  }

  void unsupported() {
    for (const syntax::Decl* decl : reached()) {
      for (const Unsupported& item : facts_[decl].unsupported) {
        emitter_.report(*item.kind, item.what).at(item.range).help(item.help);
      }
    }
    for (const syntax::Decl& decl : file_.units[0]->tree.decls) {
      const auto* sweep = std::get_if<syntax::SweepDecl>(&decl.node);
      if (sweep != nullptr) emitter_.report(diag::SweepIgnored, sweep->name.text).at(sweep->name.range);
    }
  }

  Facts& facts() { return facts_; }

 private:
  static const syntax::Name* name_of(const syntax::Decl& decl) {
    if (const auto* module = std::get_if<syntax::ModuleDecl>(&decl.node)) return &module->name;
    if (const auto* function = std::get_if<syntax::FunctionDecl>(&decl.node)) return &function->name;
    if (const auto* criterion = std::get_if<syntax::CriterionDecl>(&decl.node)) return &criterion->name;
    return nullptr;
  }

  static std::vector<const syntax::Decl*> in_order(const std::set<const syntax::Decl*>& decls) {
    std::vector<const syntax::Decl*> ordered(decls.begin(), decls.end());
    std::sort(ordered.begin(), ordered.end(), [](const syntax::Decl* a, const syntax::Decl* b) {
      return std::pair(a->range.file, a->range.begin) < std::pair(b->range.file, b->range.begin);
    });
    return ordered;
  }

  void check(const syntax::Decl& decl, UnitId unit) {
    DeclFacts& facts = facts_[&decl];
    const auto checker = [&](Place place) { return BodyChecker(file_, unit, place, facts, sources_, emitter_); };
    struct Visitor {
      Checker& self;
      UnitId unit;
      DeclFacts& facts;
      const decltype(checker)& make;
      void operator()(const syntax::UseDecl&) const {}
      void operator()(const syntax::ConstDecl& node) const {
        const bool capital = !node.name.text.empty() && node.name.text[0] >= 'A' && node.name.text[0] <= 'Z';
        if (capital) {
          self.emitter_.report(diag::CapitalName, "a constant", node.name.text).at(node.name.range);
        }
      }
      void operator()(const syntax::VocabDecl& node) const {
        check_vocab(self.file_, unit, node, facts, self.emitter_);
      }
      void operator()(const syntax::DataDecl& node) const {
        check_source(self.file_, unit, node, facts, self.emitter_);
      }
      void operator()(const syntax::ModuleDecl& node) const { make(Place::module).module(node); }
      void operator()(const syntax::FunctionDecl& node) const { make(Place::function).function(node); }
      void operator()(const syntax::CriterionDecl& node) const { make(Place::criterion).criterion(node); }
      void operator()(const syntax::BalancerDecl& node) const { make(Place::balancer).balancer(node); }
      void operator()(const syntax::ModelDecl& node) const {
        make(Place::model).model(node);
        check_metrics(self.file_, unit, node, facts, self.emitter_);
        check_train(self.file_, unit, node, facts, self.emitter_);
        path_statements(self.file_, unit, node, self.emitter_);
      }
      void operator()(const syntax::SweepDecl&) const {}
    };
    std::visit(Visitor{*this, unit, facts, checker}, decl.node);
  }

  CheckedFile& file_;
  const SourceMap& sources_;
  diag::Emitter& emitter_;
  Facts facts_;
};

}  // namespace

std::unique_ptr<CheckedFile> check_text(const std::string& path, std::string text, SourceMap& sources,
                                        const CheckOptions& options, diag::Emitter& emitter) {
  auto file = std::make_unique<CheckedFile>();
  // What could not be read, or opened, declares nothing. Names that lack it, settings that a block is without and
  // constants that cannot be computed would be consequences, and often stand in front of their cause.
  if (!load_units(path, std::move(text), options.texts, sources, *file, emitter)) return nullptr;
  compute_consts(*file, options, sources, emitter);
  expand_families(*file, emitter);
  choose_model(*file, options, emitter);
  Checker checker(*file, sources, emitter);
  checker.names();
  checker.circles();
  checker.unsupported();
  file->reached = checker.reached();
  if (emitter.has_errors()) return nullptr;
  return file;
}

std::unique_ptr<CheckedFile> check(const std::string& path, SourceMap& sources, const CheckOptions& options,
                                   diag::Emitter& emitter) {
  std::string why;
  std::optional<std::string> text = read_file(path, why);
  if (!text) {
    emitter.report(diag::CannotReadFile, path, why);
    return nullptr;
  }
  return check_text(path, std::move(*text), sources, options, emitter);
}

}  // namespace mtl::sema
