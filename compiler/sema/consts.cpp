// Constants are computed on demand, so their order in the file does not matter; a constant that is asked for while it
// is being computed closes a circle. The text of a --set is parsed as an expression of its own, so its errors have a
// place, and has to keep the kind of the value that stands in the file.
#include "compiler/sema/consts.h"

#include <algorithm>
#include <set>

#include "compiler/syntax/parse.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::ConstDecl;

class Consts {
 public:
  Consts(CheckedFile& file, diag::Emitter& emitter) : file_(file), emitter_(emitter), evaluator_(emitter, budget_) {}

  const StaticValue* value(const ConstDecl& decl, UnitId unit) {
    if (const auto at = file_.consts.find(&decl); at != file_.consts.end()) return &at->second;
    if (failed_.contains(&decl)) return nullptr;
    if (const auto begin = std::find(stack_.begin(), stack_.end(), &decl); begin != stack_.end()) {
      report_circle(begin);
      return nullptr;
    }
    if (!decl.value) return nullptr;
    stack_.push_back(&decl);
    std::optional<StaticValue> value = evaluator_.evaluate(*decl.value, Scope(*this, unit));
    stack_.pop_back();
    if (value && value->from_data) {
      emitter_.report(diag::WaitsForData, "a constant", value->text()).at(decl.value->range);
      value.reset();
    }
    if (!value) {
      failed_.insert(&decl);
      return nullptr;
    }
    return &file_.consts.emplace(&decl, std::move(*value)).first->second;
  }

  StaticEvaluator& evaluator() { return evaluator_; }

 private:
  class Scope : public StaticScope {
   public:
    Scope(Consts& consts, UnitId unit) : consts_(consts), unit_(unit), top_(consts.file_, unit) {}
    std::optional<StaticValue> lookup(const std::string& name) const override {
      const Found* found = consts_.file_.find(unit_, name);
      if (found == nullptr || found->kind != DeclKind::constant) return std::nullopt;
      const StaticValue* value = consts_.value(found->as<ConstDecl>(), found->unit);
      return value ? std::optional(*value) : std::nullopt;
    }
    std::optional<StaticValue> size(const syntax::SizeExpr& size) const override { return top_.size(size); }
    std::vector<std::string> names() const override { return top_.names(); }
    bool explain_unknown(const std::string& name, SourceRange range, diag::Emitter& emitter) const override {
      return top_.explain_unknown(name, range, emitter);
    }

   private:
    Consts& consts_;
    UnitId unit_;
    TopScope top_;
  };

  void report_circle(std::vector<const ConstDecl*>::const_iterator begin) {
    std::vector<std::string> names;
    for (auto at = begin; at != stack_.end(); ++at) {
      names.push_back((*at)->name.text);
      failed_.insert(*at);
    }
    names.push_back((*begin)->name.text);
    emitter_.report(diag::ConstCycle, join(names, " -> ", " -> ")).at((*begin)->name.range);
  }

  CheckedFile& file_;
  diag::Emitter& emitter_;
  StaticBudget budget_;
  StaticEvaluator evaluator_;
  std::vector<const ConstDecl*> stack_;
  std::set<const ConstDecl*> failed_;
};

// `given` in the kind of `old`; nullopt if it is of another kind. An int stands for a float, a list of ints for one of
// floats.
std::optional<StaticValue> keep_kind(const StaticValue& old, const StaticValue& given) {
  if (std::holds_alternative<double>(old.value)) {
    const std::optional<double> number = given.as_number();
    return number && !given.from_data ? std::optional(StaticValue{*number}) : std::nullopt;
  }
  if (std::holds_alternative<Fraction>(old.value)) {
    const std::optional<double> number = given.as_number();
    if (!number || given.is_int()) return std::nullopt;
    return StaticValue{Fraction{*number}};
  }
  if (old.value.index() != given.value.index()) return std::nullopt;
  if (!old.is_list() || old.items().empty()) return given;
  StaticValue::List items;
  for (const StaticValue& item : given.items()) {
    std::optional<StaticValue> kept = keep_kind(old.items()[0], item);
    if (!kept) return std::nullopt;
    items.push_back(std::move(*kept));
  }
  return StaticValue::list(std::move(items));
}

class Overrides {
 public:
  Overrides(CheckedFile& file, SourceMap& sources, diag::Emitter& emitter)
      : file_(file), sources_(sources), emitter_(emitter) {}

  void apply(const std::string& name, const std::string& text) {
    const auto& own = file_.units[0]->own;
    const auto found = own.find(name);
    if (found == own.end() || found->second.kind != DeclKind::constant) return unknown(name);
    const ConstDecl& decl = found->second.as<ConstDecl>();
    diag::Emitter quiet(&sources_);  // the constant's own errors are reported when all are computed
    Consts consts(file_, quiet);
    const StaticValue* old = consts.value(decl, 0);
    if (old == nullptr) return;
    const StaticValue before = *old;
    file_.consts.erase(&decl);
    std::optional<StaticValue> value;
    const bool bare = before.is_text() && (text.empty() || text.front() != '"');
    if (bare) {
      value = StaticValue{text};
    } else {
      value = parse(name, text);
      if (!value) return;
      const StaticValue given = *value;
      value = keep_kind(before, given);
      if (!value) {
        emitter_.report(diag::SetWrongKind, name, before.text(), before.type_name(), given.text(), given.type_name())
            .at(decl.name.range, "declared here");
        return;
      }
    }
    chosen_[&decl] = std::move(*value);
  }

  void finish() {
    file_.consts.clear();  // what was computed for its kind used the old values
    for (auto& [decl, value] : chosen_) file_.consts.emplace(decl, std::move(value));
  }

 private:
  void unknown(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& [own, found] : file_.units[0]->own) {
      if (found.kind == DeclKind::constant) names.push_back(own);
    }
    const std::optional<std::string> near = nearest(name, names);
    std::string help;
    if (near) {
      help = "did you mean `--set " + *near + "=...`?";
    } else if (!names.empty()) {
      help = "the constants are " + join(names, ", ", " and ");
    } else {
      help = "the file has no constants: `const " + name + " = ...`";
    }
    emitter_.report(diag::SetUnknownConst, name).help(help);
  }

  std::optional<StaticValue> parse(const std::string& name, const std::string& text) {
    const FileId id = sources_.add("--set " + name, "const " + name + " = " + text + "\n");
    diag::Emitter local(&sources_);
    const syntax::File tree = syntax::parse(id, local);
    const auto* decl = tree.decls.size() == 1 ? std::get_if<ConstDecl>(&tree.decls[0].node) : nullptr;
    std::optional<StaticValue> value;
    if (!local.has_errors() && decl != nullptr && decl->value) {
      StaticBudget budget;
      StaticEvaluator evaluator(local, budget);
      value = evaluator.evaluate(*decl->value, NoNames{});
    }
    if (!value) emitter_.report(diag::SetNotAValue, name, excerpt(text));
    return value;
  }

  class NoNames : public StaticScope {
   public:
    std::optional<StaticValue> lookup(const std::string&) const override { return std::nullopt; }
  };

  CheckedFile& file_;
  SourceMap& sources_;
  diag::Emitter& emitter_;
  std::map<const ConstDecl*, StaticValue> chosen_;
};

}  // namespace

void compute_consts(CheckedFile& file, const CheckOptions& options, SourceMap& sources, diag::Emitter& emitter) {
  Overrides overrides(file, sources, emitter);
  for (const auto& [name, text] : options.sets) overrides.apply(name, text);
  overrides.finish();
  Consts consts(file, emitter);
  for (UnitId unit = 0; unit < file.units.size(); ++unit) {
    for (const syntax::Decl& decl : file.units[unit]->tree.decls) {
      if (const auto* constant = std::get_if<ConstDecl>(&decl.node)) consts.value(*constant, unit);
    }
  }
}

}  // namespace mtl::sema
