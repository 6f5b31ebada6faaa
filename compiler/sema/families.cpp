// Lists of families, copies of data sources, and the trees without families. See families.h.
#include "compiler/sema/families.h"

#include <algorithm>

#include "compiler/sema/family_statements.h"
#include "compiler/syntax/clone.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

bool is_word(std::string_view text) {
  const auto fits = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && std::all_of(text.begin(), text.end(), fits);
}

// Writes out the families of one unit after the other.
class Families {
 public:
  Families(CheckedFile& file, diag::Emitter& emitter) : file_(file), emitter_(emitter), evaluator_(emitter, steps_) {}

  void run() {
    for (UnitId unit = 0; unit < file_.units.size(); ++unit) collect(unit);
    std::vector<std::vector<syntax::Decl>> decls(file_.units.size());
    for (UnitId unit = 0; unit < file_.units.size(); ++unit) {
      for (syntax::Decl& decl : file_.units[unit]->tree.decls) write(decl, unit, decls[unit]);
    }
    for (UnitId unit = 0; unit < file_.units.size() && !sources_.empty(); ++unit) replace(unit, std::move(decls[unit]));
  }

 private:
  void collect(UnitId unit) {
    for (const syntax::Decl& decl : file_.units[unit]->tree.decls) {
      const auto* data = std::get_if<syntax::DataDecl>(&decl.node);
      if (data == nullptr || !data->family) continue;
      sources_.emplace(&decl,
                       read_family(file_, unit, FamilyOf::Kind::data, data->name, *data->family, evaluator_, emitter_));
    }
  }

  FamilyScope scope(UnitId unit) { return {file_, unit, sources_, budget_, evaluator_, emitter_}; }

  // The members of a family go to `out`; any other declaration is changed where it stands.
  void write(syntax::Decl& decl, UnitId unit, std::vector<syntax::Decl>& out) {
    const auto known = sources_.find(&decl);
    if (known == sources_.end()) {
      if (!file_.units[unit]->library) FamilyStatements(scope(unit)).declaration(decl);
      return;
    }
    const auto& data = std::get<syntax::DataDecl>(decl.node);
    const FamilyOf& family = known->second;
    emitter_.once_in(decl.range);
    for (size_t i = 0; i < family.texts.size(); ++i) {
      if (!budget_.spend(1 + (decl.range.end - decl.range.begin) / 8, data.family->in->range, emitter_)) return;
      syntax::DataDecl made = syntax::clone(data);
      made.family.reset();
      made.name.text = family.member(i);
      FamilyStatements(scope(unit)).member(made, data.family->variable, family.elements[i]);
      out.push_back({decl.range, decl.doc, std::move(made)});
    }
  }

  // Members stand in the place of their families. What is known of declarations by their addresses moves along.
  void replace(UnitId unit, std::vector<syntax::Decl> members) {
    Unit& one = *file_.units[unit];
    std::map<std::string, StaticValue> values;
    for (const syntax::Decl& decl : one.tree.decls) {
      const auto* constant = std::get_if<syntax::ConstDecl>(&decl.node);
      const auto value = constant ? file_.consts.find(constant) : file_.consts.end();
      if (value == file_.consts.end()) continue;
      values.emplace(constant->name.text, std::move(value->second));
      file_.consts.erase(value);
    }
    std::vector<syntax::Decl> decls;
    for (syntax::Decl& decl : one.tree.decls) {
      if (!sources_.contains(&decl)) {
        decls.push_back(std::move(decl));
        continue;
      }
      for (syntax::Decl& member : members) {
        if (member.range == decl.range) decls.push_back(std::move(member));
      }
    }
    const std::map<std::string, Found> before = std::move(one.own);
    one.own.clear();
    one.tree.decls = std::move(decls);
    for (const syntax::Decl& decl : one.tree.decls) declare(decl, unit, before, values);
  }

  void declare(const syntax::Decl& decl, UnitId unit, const std::map<std::string, Found>& before,
               std::map<std::string, StaticValue>& values) {
    std::map<std::string, Found>& own = file_.units[unit]->own;
    const auto add = [&](const syntax::Name& name, DeclKind kind) {
      own.try_emplace(name.text, Found{&decl, unit, kind});
    };
    std::visit(
        [&](const auto& node) {
          if constexpr (requires { node.name; }) {
            const auto known = before.find(node.name.text);
            const bool is_data = std::is_same_v<std::decay_t<decltype(node)>, syntax::DataDecl>;
            if (known != before.end() || is_data) add(node.name, is_data ? DeclKind::data : known->second.kind);
          }
        },
        decl.node);
    const auto* constant = std::get_if<syntax::ConstDecl>(&decl.node);
    const auto value = constant ? values.find(constant->name.text) : values.end();
    if (value != values.end()) file_.consts.emplace(constant, value->second);
  }

  CheckedFile& file_;
  diag::Emitter& emitter_;
  StaticBudget steps_;
  StaticEvaluator evaluator_;
  FamilyBudget budget_;
  FamiliesByDecl sources_;
};

}  // namespace

std::string member_word(std::string_view element) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : element) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_word({&c, 1}) || c == '-' || byte >= 0x80) {
      out += c;
    } else {
      out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return out;
}

std::optional<std::string> member_text(const StaticValue& element) {
  if (element.from_data) return std::nullopt;
  if (element.is_text() && !element.string().empty()) return element.string();
  if (element.is_int() && *element.as_int() >= 0) return std::to_string(*element.as_int());
  return std::nullopt;
}

std::string FamilyOf::written(size_t index) const {
  return name.text + "[" + (is_word(texts[index]) ? texts[index] : "\"" + texts[index] + "\"") + "]";
}

bool FamilyBudget::spend(int64_t count, SourceRange range, diag::Emitter& emitter) {
  if (left_ >= count) return left_ -= count, true;
  left_ = 0;
  emitter.report(diag::StaticBudgetExceeded, "the families, written out, are too long").at(range);
  return false;
}

FamilyOf read_family(const CheckedFile& file, UnitId unit, FamilyOf::Kind kind, const syntax::Name& name,
                     const syntax::Family& family, StaticEvaluator& evaluator, diag::Emitter& emitter) {
  FamilyOf out{kind, name, {}, {}, true};
  const SourceRange range = family.in->range;
  const std::optional<StaticValue> list = evaluator.evaluate(*family.in, TopScope(file, unit));
  if (!list) return out;
  if (!list->is_list()) {
    emitter
        .report(diag::StaticWrongType, "what the family `" + name.text + "` is made from", list->type_name(), "a list")
        .at(range)
        .help("write `" + family.variable.text + " in [\"a\", \"b\"]`, a range or a constant that is a list");
    return out;
  }
  if (list->items().empty()) {
    emitter.report(diag::FamilyEmpty, name.text, list->text()).at(range).help("name at least one element");
    return out;
  }
  if (list->items().size() > FamilyBudget::kMembers) {
    emitter
        .report(diag::StaticBudgetExceeded, "the family `" + name.text + "` has " +
                                                std::to_string(list->items().size()) + " members, and " +
                                                std::to_string(FamilyBudget::kMembers) + " is the most")
        .at(range);
    return out;
  }
  for (const StaticValue& item : list->items()) {
    const std::optional<std::string> text = member_text(item);
    if (!text) {
      emitter.report(diag::FamilyElement, item.text())
          .at(range)
          .help("a list of words, `[\"books\", \"dvd\"]`, or of whole numbers, `0..4`");
      return FamilyOf{kind, name, {}, {}, true};
    }
    if (std::find(out.texts.begin(), out.texts.end(), *text) != out.texts.end()) {
      emitter.report(diag::FamilyDoubled, name.text, *text)
          .at(range)
          .help("each element names one member: leave one out");
      return FamilyOf{kind, name, {}, {}, true};
    }
    out.texts.push_back(*text);
    out.elements.push_back(item);
  }
  out.broken = false;
  return out;
}

void expand_families(CheckedFile& file, diag::Emitter& emitter) {
  Families(file, emitter).run();
}

}  // namespace mtl::sema
