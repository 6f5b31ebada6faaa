// Statements and declarations as text.
#include "compiler/syntax/print_ast.h"

#include <algorithm>

namespace mtl::syntax {
namespace {

std::string string_literal(const std::string& text) {
  return print(Expr{{}, StringExpr{{StringExpr::Part{text, false}}}});
}

std::string owner_word(Owner owner) {
  return owner == Owner::shared ? "shared " : owner == Owner::private_ ? "private " : "";
}

std::string parameters(const std::vector<Parameter>& list) {
  std::string out = "(";
  for (const Parameter& parameter : list) {
    out += (out.size() > 1 ? ", " : "") + parameter.name.text + ": " + print(parameter.type);
    if (parameter.default_value) out += " = " + print(*parameter.default_value);
  }
  return out + ")";
}

std::string result(const std::optional<ResultType>& type) {
  if (!type) return {};
  if (type->single) return " -> " + print(*type->single);
  std::string out;
  for (const ResultType::Field& field : type->fields) {
    out += (out.empty() ? "" : ", ") + field.name.text + ": " + print(field.type);
  }
  return " -> (" + out + ")";
}

std::string family(const std::optional<Family>& made) {
  return made ? "[" + made->variable.text + " in " + print(*made->in) + "]" : "";
}

std::string decl_name(const DeclName& name) {
  std::string out = name.name.text;
  for (const DeclName::Index& index : name.indices) {
    out += "[" + (index.variable ? index.variable->text + " in " : "") + print(*index.count) + "]";
  }
  return out;
}

std::string column(const ColumnRef& ref) {
  return ref.source.text + (ref.member ? "[" + print(*ref.member) + "]" : "") +
         (ref.column.text.empty() ? "" : "." + ref.column.text);
}

std::string exceptions(const std::vector<Pattern>& patterns) {
  if (patterns.empty()) return {};
  std::string out;
  for (const Pattern& pattern : patterns) out += (out.empty() ? "" : ", ") + print(pattern);
  return " except [" + out + "]";
}

class Printer {
 public:
  std::string take() { return std::move(out_); }

  void decl(const Decl& decl) {
    doc(decl.doc);
    std::visit([&](const auto& node) { (*this)(node); }, decl.node);
  }

  // ---- declarations ----
  void operator()(const UseDecl& d) {
    if (!d.file.empty()) return line("use " + string_literal(d.file));
    std::string path;
    for (const Name& part : d.path) path += (path.empty() ? "" : ".") + part.text;
    line("use " + path);
  }
  void operator()(const ConstDecl& d) { line("const " + d.name.text + " = " + print(*d.value)); }
  void operator()(const VocabDecl& d) { settings("vocab " + d.name.text, d.settings); }
  void operator()(const SweepDecl& d) { settings("sweep " + d.name.text, d.settings); }
  void operator()(const DataDecl& d) {
    open("data " + d.name.text + family(d.family));
    for (const Setting& setting : d.settings) line(setting.name.text + " = " + print(*setting.value));
    for (const ColumnDecl& c : d.columns) {
      doc(c.doc);
      line(c.name.text + " : " + print(c.type) + " = " + print(*c.binding));
    }
    close();
  }
  void operator()(const ModuleDecl& d) {
    body("module " + d.name.text + parameters(d.statics) + parameters(d.inputs) + result(d.result), d.body);
  }
  void operator()(const FunctionDecl& d) {
    body("function " + d.name.text + parameters(d.inputs) + result(d.result), d.body);
  }
  void operator()(const CriterionDecl& d) {
    body("criterion " + d.name.text + parameters(d.statics) + parameters(d.inputs), d.body);
  }
  void operator()(const BalancerDecl& d) {
    body("balancer " + d.name.text + parameters(d.statics) + parameters(d.inputs) + result(d.result), d.body);
  }
  void operator()(const ModelDecl& d) {
    open("model " + d.name.text);
    for (const ModelItem& item : d.items) {
      if (!std::holds_alternative<Stmt>(item.node)) doc(item.doc);
      std::visit([&](const auto& node) { (*this)(node); }, item.node);
    }
    close();
  }

  // ---- model items ----
  void operator()(const TaskDecl& t) {
    std::string head = "task " + t.name.text + family(t.family);
    if (t.predicts) head += " predicts " + column(*t.predicts);
    if (t.when) head += " when " + column(*t.when);
    body(head, t.body);
  }
  void operator()(const MetricDecl& m) { line("metric " + m.name.text + " = " + print(*m.value)); }
  void operator()(const TieStmt& t) { line("tie " + print(t.left) + " = " + print(t.right)); }
  void operator()(const LoadStmt& l) {
    const std::string head = "load " + print(l.target) + " from " + string_literal(l.file) + exceptions(l.except);
    if (l.settings.empty() && l.renames.empty()) return line(head);
    open(head);
    for (const Setting& setting : l.settings) line(setting.name.text + " = " + print(*setting.value));
    for (const auto& [from, to] : l.renames) line("rename " + string_literal(from) + " = " + string_literal(to));
    close();
  }
  void operator()(const FreezeStmt& f) {
    std::string text = "freeze " + print(f.target) + exceptions(f.except);
    if (f.until != FreezeStmt::Until::never && f.limit) {
      text += f.until == FreezeStmt::Until::epoch ? " until epoch " : " until step ";
      text += print(*f.limit);
    }
    line(text);
  }
  void operator()(const WrapStmt& w) { line("wrap " + print(w.target) + " with " + print(*w.with)); }
  void operator()(const ProjectStmt& p) { line("project " + print(p.target) + " onto " + print(*p.onto)); }
  void operator()(const TrainBlock& t) {
    open("train");
    for (const TrainSetting& setting : t.settings) {
      const std::string member = setting.member ? "[" + print(*setting.member) + "]" : "";
      const std::string source = setting.source ? "[" + setting.source->text + member + "]" : "";
      line(setting.name.text + source + " = " + print(*setting.value));
    }
    for (const TrainGroup& group : t.groups) settings("group " + print(group.target), group.settings);
    close();
  }

  // ---- statements ----
  void operator()(const Stmt& stmt) {
    doc(stmt.doc);
    std::visit([&](const auto& node) { (*this)(node); }, stmt.node);
  }
  void operator()(const ErrorStmt&) { line("// error"); }
  void operator()(const LayerStmt& s) {
    const std::string word = s.owner == Owner::enclosing ? "layer " : owner_word(s.owner);
    line(word + decl_name(s.name) + " = " + print(*s.value));
  }
  void operator()(const ParamStmt& s) {
    line(owner_word(s.owner) + (s.state ? "state " : "param ") + decl_name(s.name) + " : " + print(s.type) + " = " +
         print(*s.init));
  }
  void operator()(const LetStmt& s) {
    line("let " + s.name.text + (s.type ? " : " + print(*s.type) : "") + " = " + print(*s.value));
  }
  void operator()(const VarStmt& s) { line("var " + s.name.text + " = " + print(*s.value)); }
  void operator()(const AssignStmt& s) { line(s.name.text + " = " + print(*s.value)); }
  void operator()(const ForStmt& s) { body("for " + s.variable.text + " in " + print(*s.in), s.body); }
  void operator()(const IfStmt& s) {
    for (size_t i = 0; i < s.branches.size(); ++i) {
      const IfStmt::Branch& branch = s.branches[i];
      const std::string condition = branch.condition ? "if " + print(*branch.condition) : "";
      body((i > 0 ? "else " : "") + condition, branch.body);
    }
  }
  void operator()(const ReturnStmt& s) {
    if (s.single) return line("return " + print(*s.single));
    std::string fields;
    for (const ReturnStmt::Field& field : s.fields) {
      fields += (fields.empty() ? "" : ", ") + field.name.text + " = " + print(*field.value);
    }
    line("return (" + fields + ")");
  }
  void operator()(const PenaltyStmt& s) { line("penalty " + print(*s.value)); }
  void operator()(const MonitorStmt& s) { line("monitor " + s.name.text + " = " + print(*s.value)); }
  void operator()(const UpdateStmt& s) { line("update " + s.name.text + " = " + print(*s.value)); }
  void operator()(const RequireStmt& s) { line("require " + print(*s.condition)); }

 private:
  void line(const std::string& text) { out_ += std::string(2 * depth_, ' ') + text + "\n"; }
  void open(const std::string& head) {
    line(head + (head.ends_with(' ') ? "{" : " {"));
    ++depth_;
  }
  void close() {
    --depth_;
    line("}");
  }
  void doc(const std::string& text) {
    if (text.empty()) return;
    size_t begin = 0;
    for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
      line("/// " + text.substr(begin, end - begin));
    }
    line("/// " + text.substr(begin));
  }
  void settings(const std::string& head, const std::vector<Setting>& list) {
    open(head);
    for (const Setting& setting : list) line(setting.name.text + " = " + print(*setting.value));
    close();
  }
  void body(const std::string& head, const Body& statements) {
    open(head);
    for (const Stmt& stmt : statements) (*this)(stmt);
    close();
  }

  std::string out_;
  size_t depth_ = 0;
};

}  // namespace

std::string print(const Pattern& pattern) {
  std::string out;
  for (const PatternSegment& segment : pattern.segments) {
    out += (out.empty() ? "" : ".") + segment.text;
    if (segment.index) out += "[" + print(*segment.index) + "]";
    if (segment.task) out += "@" + segment.task->text;
    if (segment.task_member) out += "[" + print(*segment.task_member) + "]";
  }
  return out;
}

std::string print(const File& file) {
  Printer printer;
  for (const Decl& decl : file.decls) printer.decl(decl);
  return printer.take();
}

}  // namespace mtl::syntax
