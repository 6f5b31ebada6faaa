// Names in expressions. See names.h.
#include "compiler/sema/names.h"

#include <algorithm>

#include "compiler/sema/library.h"
#include "compiler/sema/not_supported.h"
#include "compiler/syntax/phrases.h"
#include "support/base/text.h"
#include "support/diag/kinds/sema.h"

namespace mtl::sema {
namespace {

using syntax::NameExpr;

// Ragged dimensions that the columns of a source introduce.
std::vector<std::string> ragged_names(const syntax::DataDecl& data) {
  std::vector<std::string> names;
  for (const syntax::ColumnDecl& column : data.columns) {
    for (const syntax::TypeExpr::DimItem& dim : column.type.dims) {
      if (dim.kind == syntax::TypeExpr::DimItem::Kind::of) {
        names.push_back(dim.inner.text);
        names.push_back(dim.outer.text);
      }
      const auto* name = dim.size ? std::get_if<NameExpr>(&dim.size->node) : nullptr;
      if (name != nullptr && is_capital(name->name)) names.push_back(name->name);
    }
  }
  return names;
}

// What the language's library has and this compiler does not yet.
bool is_planned(const std::string& name) {
  return std::ranges::find(planned_names(), name) != planned_names().end();
}

// What `columns("age", "price") |> ...` reads.
std::set<std::string> names_in_file(const syntax::Expr& expr) {
  std::set<std::string> names;
  if (const auto* pipe = std::get_if<syntax::BinaryExpr>(&expr.node)) return names_in_file(*pipe->left);
  const auto* call = std::get_if<syntax::CallExpr>(&expr.node);
  for (size_t i = 0; call != nullptr && i < call->arguments.size(); ++i) {
    const auto* text = std::get_if<syntax::StringExpr>(&call->arguments[i].value->node);
    if (text != nullptr && text->parts.size() == 1 && !text->parts[0].is_name) names.insert(text->parts[0].text);
  }
  return names;
}

// The library file that declares `name`, if any: looked up in the text, as only errors ask for it.
std::string library_with(const std::string& name) {
  for (const LibraryFile& file : library_files()) {
    for (const char* keyword : {"module ", "function ", "criterion "}) {
      if (file.text.find(keyword + name + "(") != std::string_view::npos) return std::string(file.name);
    }
  }
  return {};
}

}  // namespace

std::string BodyChecker::source_of(SourceRange range) const {
  return sources_.file(range.file).text().substr(range.begin, range.end - range.begin);
}

// In the library a layer may take the name of a static argument, which from there on is the layer: parameters there
// have PyTorch's paths (`layers.0.self_attn`), arguments have PyTorch's names (`layers = 2`).
void BodyChecker::declare(const std::string& name, SourceRange range, LocalKind kind) {
  if (name.empty()) return;
  const Local* old = locals_.find(name);
  const bool replaces = old != nullptr && old->kind == LocalKind::static_value && kind == LocalKind::layer;
  if (!replaces || !file_.units[unit_]->library) locals_.declare({name, kind, range}, emitter_);
}

void BodyChecker::value(const syntax::Expr& expr) {
  struct Visitor {
    BodyChecker& self;
    SourceRange range;
    void operator()(const syntax::ErrorExpr&) const {}
    void operator()(const NameExpr& node) const { self.name_value(node.name, range); }
    void operator()(const syntax::IntExpr&) const {}
    void operator()(const syntax::FloatExpr&) const {}
    void operator()(const syntax::PercentExpr&) const {}
    void operator()(const syntax::BoolExpr&) const {}
    void operator()(const syntax::StringExpr& node) const { self.text(node, range); }
    void operator()(const syntax::SizeExpr& node) const { self.size(node, range); }
    void operator()(const syntax::ListExpr& node) const {
      for (const syntax::ExprPtr& item : node.items) self.value(*item);
    }
    void operator()(const syntax::GeneratorExpr& node) const { self.generator(node); }
    void operator()(const syntax::IfExpr& node) const {
      self.value(*node.condition);
      self.value(*node.then);
      self.value(*node.otherwise);
    }
    void operator()(const syntax::MemberExpr& node) const { self.member(node, range); }
    void operator()(const syntax::CallExpr& node) const { self.call(node); }
    void operator()(const syntax::IndexExpr& node) const { self.index(node); }
    void operator()(const syntax::UnaryExpr& node) const { self.value(*node.operand); }
    void operator()(const syntax::BinaryExpr& node) const {
      self.value(*node.left);
      self.value(*node.right);
    }
    void operator()(const syntax::WildcardExpr&) const {}
  };
  std::visit(Visitor{*this, expr.range}, expr.node);
}

// Words that mean something without a declaration.
bool BodyChecker::is_builtin(const std::string& name, SourceRange range) {
  if (name == "training" || name == "progress") return true;
  if (name == "model" && in_require_) return true;
  if ((name == "head" || name == "target") && in_loss_) return true;
  if (name == "previous" && place_ == Place::task) {
    unsupported(diag::UnsupportedName, "previous", range);
    return true;
  }
  return false;
}

bool BodyChecker::use_primitive(const std::string& name, bool in_ops, SourceRange range) {
  const Primitive* primitive = find_primitive(name, in_ops);
  if (primitive == nullptr) return false;
  if (!primitive->supported) {
    unsupported(diag::UnsupportedPrimitive, in_ops ? "ops." + name : name, range,
                syntax::advice(syntax::PhrasePlace::value, name));
  }
  return true;
}

bool BodyChecker::is_ambiguous(const std::string& name, SourceRange range) {
  const std::vector<std::string> files = file_.files_with(unit_, name);
  if (files.size() < 2) return false;
  std::vector<std::string> ways;
  for (const std::string& file : files) ways.push_back("`" + file + "." + name + "`");
  emitter_.report(diag::AmbiguousName, name).at(range).help("write " + join(ways, ", ", " or "));
  return true;
}

void BodyChecker::top_level_value(const Found& found, const std::string& name, SourceRange range) {
  facts_.uses.insert(found.decl);
  switch (found.kind) {
    case DeclKind::constant:
    case DeclKind::module:
    case DeclKind::function:
    case DeclKind::criterion:
      return;
    case DeclKind::data:
      emitter_.report(diag::NotAValue, name, "data source")
          .at(range)
          .help("its columns are values: `" + name + ".COLUMN`");
      return;
    case DeclKind::vocab:
      emitter_.report(diag::NotAValue, name, "vocabulary").at(range).help("its size is `|" + name + "|`");
      return;
    default:
      emitter_.report(diag::NotAValue, name, kind_name(found.kind)).at(range);
      return;
  }
}

void BodyChecker::name_value(const std::string& name, SourceRange range) {
  if (locals_.find(name) || is_builtin(name, range)) return;
  if (tasks_.contains(name)) {
    emitter_.report(diag::NotAValue, name, "task")
        .at(range)
        .help("`" + name + ".head` is its head, `" + name + ".answer` its target or prediction");
    return;
  }
  if (const Found* found = file_.find(unit_, name)) return top_level_value(*found, name, range);
  if (is_ambiguous(name, range) || use_primitive(name, false, range)) return;
  if (is_initializer(name)) {
    emitter_.report(diag::InitializerNeedsCall, name).at(range);
    return;
  }
  if (place_ == Place::task && is_capital(name)) {
    // Dimensions of the task's own source; without `predicts` any source that the task reads may be it.
    const syntax::DataDecl* own = task_->predicts ? file_.source(task_->predicts->source.text) : nullptr;
    if (own != nullptr && contains(ragged_names(*own), name)) return;
    for (const auto& [source, found] : file_.units[0]->own) {
      const bool any = !task_->predicts && found.kind == DeclKind::data;
      if (any && contains(ragged_names(found.as<syntax::DataDecl>()), name)) return;
    }
  }
  unknown(name, range, false);
}

void BodyChecker::callee_name(const std::string& name, SourceRange range) {
  if (const Local* local = locals_.find(name)) {
    if (local->kind == LocalKind::dimension)
      emitter_.report(diag::NotCallable, name, local_kind_name(local->kind)).at(range);
    return;
  }
  if (const Found* found = file_.find(unit_, name)) {
    facts_.uses.insert(found->decl);
    const bool callable =
        found->kind == DeclKind::module || found->kind == DeclKind::function || found->kind == DeclKind::criterion;
    if (!callable) emitter_.report(diag::NotCallable, name, std::string("a ") + kind_name(found->kind)).at(range);
    return;
  }
  if (is_ambiguous(name, range) || use_primitive(name, false, range) || is_static_function(name)) return;
  const bool of_require = name == "shares" || name == "separate" || name == "parameters" || name == "flops";
  if (of_require && place_ == Place::model) {
    emitter_.report(diag::OnlyInRequire, name).at(range);
    return;
  }
  unknown(name, range, true);
}

void BodyChecker::call(const syntax::CallExpr& node) {
  const auto* callee = std::get_if<NameExpr>(&node.callee->node);
  if (callee != nullptr) {
    callee_name(callee->name, node.callee->range);
  } else {
    value(*node.callee);
  }
  std::set<std::string> names;
  const bool of_tasks =
      callee != nullptr && callee->name == "across" && (place_ == Place::model || place_ == Place::task);
  for (const syntax::Argument& argument : node.arguments) {
    const bool second = &argument == node.arguments.data() + 1;
    if (of_tasks && (argument.name ? argument.name->text == "tasks" : second)) {
      task_list(*argument.value);
    } else {
      value(*argument.value);
    }
    if (!argument.name || argument.name->text.empty()) continue;
    if (!names.insert(argument.name->text).second) {
      emitter_.report(diag::DoubledArgument, argument.name->text).at(argument.name->range);
    }
  }
}

void report_unknown_column(const syntax::DataDecl& data, const syntax::Name& used, diag::Emitter& emitter) {
  std::vector<std::string> columns;
  const syntax::ColumnDecl* reader = nullptr;  // of what the file calls so
  for (const syntax::ColumnDecl& column : data.columns) {
    columns.push_back(column.name.text);
    if (column.binding && names_in_file(*column.binding).contains(used.text)) reader = &column;
  }
  const std::string& name = used.text;
  const std::string all = "its columns are " + join(columns, ", ", " and ");
  diag::Report report = emitter.report(diag::UnknownColumn, data.name.text, name);
  if (reader && nearest(name, std::vector{reader->name.text})) {
    // `osrt : label = column("sort")`: it is the declaration that is misspelled.
    std::move(report)
        .at(reader->name.range)
        .label(used.range, "used here")
        .help("did you mean `" + name + "`, as in the file?");
  } else if (const auto near = nearest(name, columns); near || reader || columns.empty()) {
    const std::string& meant = reader ? reader->name.text : near ? *near : name;
    std::move(report)
        .at(used.range)
        .label(data.name.range, "declared here")
        .help(reader ? "`" + name + "` of the file is read by `" + data.name.text + "." + meant + "`"
              : near ? "did you mean `" + data.name.text + "." + meant + "`?"
                     : "it has no columns");
  } else {  // nothing that it has is like it: what is missing is a declaration
    std::move(report)
        .at(data.columns.back().range, "the last of its columns")
        .label(used.range, "used here")
        .help(all + "; another one is declared here, `" + name + " : type = column(...)`");
  }
}

void BodyChecker::source_member(const Found& source, const syntax::Name& member, SourceRange range) {
  facts_.uses.insert(source.decl);
  const auto& data = source.as<syntax::DataDecl>();
  std::vector<std::string> columns;
  for (const syntax::ColumnDecl& column : data.columns) columns.push_back(column.name.text);
  const bool is_column = contains(columns, member.text);
  const bool is_dimension = contains(ragged_names(data), member.text);
  const bool owns_columns = place_ == Place::model || place_ == Place::task;
  if (is_column && !owns_columns) {
    emitter_.report(diag::ColumnInModule, source_of(range))
        .at(range)
        .help("make it an input: whoever calls says which column it reads");
    return;
  }
  if (is_column || is_dimension || member.text.empty()) return;
  report_unknown_column(data, member, emitter_);
}

// `nn.Linear`, `torch.nn.Linear`, `self.x`: reported as a whole, as its first part is nothing.
bool BodyChecker::unknown_path(const syntax::MemberExpr& node, SourceRange range) {
  const syntax::Expr* root = node.base.get();
  while (const auto* inner = std::get_if<syntax::MemberExpr>(&root->node)) root = inner->base.get();
  const auto* name = std::get_if<NameExpr>(&root->node);
  if (name == nullptr || name->name.empty() || node.member.text.empty()) return false;
  const std::string& first = name->name;
  static const std::vector<std::string> builtin{"ops",  "batch", "task",   "training", "progress",
                                                "head", "model", "target", "previous"};
  const bool known = locals_.find(first) != nullptr || tasks_.contains(first) || file_.find(unit_, first) != nullptr ||
                     file_.opens(unit_, first) || !file_.files_with(unit_, first).empty() ||
                     find_primitive(first, false) != nullptr || is_initializer(first) || is_static_function(first) ||
                     contains(builtin, first) || !library_with(first).empty() || is_planned(first);
  if (known) return false;
  const std::string& last = node.member.text;
  std::string help = syntax::advice(syntax::PhrasePlace::value, first);
  if (help.empty()) help = syntax::advice(syntax::PhrasePlace::value, last);
  std::string lower = last;  // `nn.Softmax`
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (const std::string& alone : {last, lower})
    if (help.empty() && (find_primitive(alone, false) != nullptr || file_.find(unit_, alone) != nullptr))
      help = "write `" + alone + "`: it is named alone";
  if (help.empty()) return false;
  emitter_.report(diag::UnknownName, excerpt(source_of(range))).at(range).help(help);
  return true;
}

void BodyChecker::member(const syntax::MemberExpr& node, SourceRange range) {
  if (unknown_path(node, range)) return;
  const auto* base = std::get_if<NameExpr>(&node.base->node);
  if (base == nullptr) return value(*node.base);
  const Local* local = locals_.find(base->name);
  const Found* found = file_.find(unit_, base->name);
  const bool is_source = found != nullptr && found->kind == DeclKind::data;
  if (tasks_.contains(base->name) && (local == nullptr || local->kind != LocalKind::layer)) {
    // Columns are always source.column, also where a task has the source's name.
    const std::string& name = node.member.text;
    if (name == "head" || name == "answer") return;
    if (local != nullptr) return name_value(base->name, node.base->range);
    if (is_source) return source_member(*found, node.member, range);
    const std::optional<std::string> near = nearest(name, std::vector<std::string>{"head", "answer"});
    emitter_.report(diag::UnknownTaskMember, base->name, name)
        .at(node.member.range)
        .help(near ? "did you mean `" + base->name + "." + *near + "`?" : "");
    return;
  }
  if (local != nullptr) return name_value(base->name, node.base->range);
  if (is_source) return source_member(*found, node.member, range);
  if (found != nullptr) return name_value(base->name, node.base->range);
  if (base->name == "ops") {
    if (use_primitive(node.member.text, true, range)) return;
    std::vector<std::string> names;
    for (const Primitive& primitive : primitives()) {
      if (primitive.in_ops) names.emplace_back(primitive.name);
    }
    const std::optional<std::string> near = nearest(node.member.text, names);
    emitter_.report(diag::UnknownName, "ops." + node.member.text)
        .at(range)
        .help(near ? "did you mean `ops." + *near + "`?" : "under `ops` are " + join(names, ", ", " and "));
    return;
  }
  if (node.member.text == "index" && base->name == "task") return;
  const bool is_index = node.member.text == "index" && base->name == "batch";
  if (is_index) return unsupported(diag::UnsupportedName, base->name + ".index", range);
  if (file_.opens(unit_, base->name)) {
    if (const Found* inner = file_.find_in(unit_, base->name, node.member.text)) {
      facts_.uses.insert(inner->decl);
    } else {
      emitter_.report(diag::UnknownName, base->name + "." + node.member.text).at(range);
    }
    return;
  }
  name_value(base->name, node.base->range);
}

void BodyChecker::index(const syntax::IndexExpr& node) {
  value(*node.base);
  for (const syntax::IndexExpr::Item& item : node.items) {
    if (item.value) value(*item.value);
  }
}

void BodyChecker::generator(const syntax::GeneratorExpr& node) {
  locals_.push();
  for (const syntax::GeneratorExpr::Clause& clause : node.clauses) {
    value(*clause.in);
    declare(clause.variable, LocalKind::static_value);
  }
  value(*node.item);
  locals_.pop();
}

void BodyChecker::text(const syntax::StringExpr& node, SourceRange range) {
  for (const syntax::StringExpr::Part& part : node.parts) {
    if (!part.is_name) continue;
    const Local* local = locals_.find(part.text);
    const bool good = local ? local->kind == LocalKind::static_value : file_.constant(unit_, part.text) != nullptr;
    const Found* found = file_.find(unit_, part.text);
    if (good || (found != nullptr && found->kind == DeclKind::constant)) continue;
    emitter_.report(diag::NotStatic, "`{" + part.text + "}`").at(range);
  }
}

void BodyChecker::size(const syntax::SizeExpr& node, SourceRange range) {
  if (node.path.empty()) return;
  const std::string& first = node.path[0];
  const bool alone = node.path.size() == 1;
  if (alone && first == "tasks") return;
  if (alone && first == "batch") {
    return unsupported(diag::UnsupportedName, "|" + first + "|", range);
  }
  if (alone && first == "target" && place_ == Place::task) return;
  const Found* found = file_.find(unit_, first);
  const bool is_vocab = alone && found != nullptr && found->kind == DeclKind::vocab;
  const bool is_column = node.path.size() == 2 && found != nullptr && found->kind == DeclKind::data;
  if (found != nullptr && (is_vocab || is_column)) facts_.uses.insert(found->decl);
  if (is_vocab) return;
  if (is_column) {
    const Place place = place_;
    place_ = Place::model;  // a size is no column: modules may use it
    source_member(*found, {node.path[1], range}, range);
    place_ = place;
    return;
  }
  std::string help;
  const Local* local = locals_.find(first);
  if (alone && local != nullptr && local->kind == LocalKind::input) {
    help = "name the size in its type (`" + first + ": id(K)`) and write `K`";
  } else if (alone && first == "target") {
    help = "`|target|` is known in a task; give the width as a static argument";
  } else {
    std::vector<std::string> sizes = file_.visible(unit_, {DeclKind::vocab, DeclKind::data});
    if (place_ == Place::task) sizes.emplace_back("target");
    const std::optional<std::string> near = nearest(first, sizes);
    if (near) help = "did you mean `|" + *near + (alone ? "|`?" : "." + node.path[1] + "|`?");
    const std::string source = alone ? source_with(first) : "";
    if (!source.empty()) help = "a column is written with its source: `|" + source + "." + first + "|`";
  }
  emitter_.report(diag::UnknownSize, join(node.path, ".", ".")).at(range).help(help);
}

// `over = S` in a task: the dimensions that its source has.
std::string BodyChecker::dimensions_of_source(const std::string& name) const {
  const bool in_task = place_ == Place::task && task_->predicts && is_capital(name);
  const syntax::DataDecl* own = in_task ? file_.source(task_->predicts->source.text) : nullptr;
  std::vector<std::string> dims = own ? ragged_names(*own) : std::vector<std::string>{};
  if (dims.empty()) return {};
  std::sort(dims.begin(), dims.end());
  dims.erase(std::unique(dims.begin(), dims.end()), dims.end());
  const bool one = dims.size() == 1;
  return (one ? "the dimension of `" : "the dimensions of `") + own->name.text + "` " + (one ? "is " : "are ") +
         join(dims, ", ", " and ");
}

std::string BodyChecker::help_for_unknown(const std::string& name, bool is_callee) const {
  std::vector<std::string> candidates;
  for (const Local& local : locals_.all()) candidates.push_back(local.name);
  std::vector<DeclKind> kinds{DeclKind::module, DeclKind::function, DeclKind::criterion};
  if (!is_callee) {
    kinds.push_back(DeclKind::constant);
    kinds.push_back(DeclKind::data);
    for (std::string& task : task_names()) candidates.push_back(std::move(task));
  }
  for (std::string& visible : file_.visible(unit_, kinds)) candidates.push_back(std::move(visible));
  for (const Primitive& primitive : primitives()) {
    if (!primitive.in_ops) candidates.emplace_back(primitive.name);
  }
  if (const std::string library = library_with(name); !library.empty()) {
    return "`" + name + "` is in the library: add `use " + library + "`";
  }
  if (std::string dims = dimensions_of_source(name); !is_callee && !dims.empty()) return dims;
  if (const std::optional<std::string> near = nearest(name, candidates)) return "did you mean `" + *near + "`?";
  if (find_primitive(name, true) != nullptr) return "did you mean `ops." + name + "`?";
  for (const auto& [source, found] : file_.units[unit_]->own) {
    if (found.kind != DeclKind::data) continue;
    const auto& data = found.as<syntax::DataDecl>();
    const bool apart = place_ == Place::module || place_ == Place::function || place_ == Place::criterion;
    if (contains(ragged_names(data), name) && apart)
      return "a body knows the dimensions of its inputs: write `" + name + "` in the type of one, `x: f32[" + name +
             ", D]`";
    if (contains(ragged_names(data), name))
      return "outside its tasks a dimension is written with its source: `" + source + "." + name + "`";
    if (source_with(name) == source) return "a column is written with its source: `" + source + "." + name + "`";
  }
  return {};
}

// A source of this file that has such a column; empty: none has.
std::string BodyChecker::source_with(const std::string& column) const {
  for (const auto& [source, found] : file_.units[unit_]->own) {
    if (found.kind != DeclKind::data) continue;
    for (const syntax::ColumnDecl& known : found.as<syntax::DataDecl>().columns)
      if (known.name.text == column) return source;
  }
  return {};
}

void BodyChecker::unknown(const std::string& name, SourceRange range, bool is_callee) {
  if (name.empty()) return;
  // What the library has is named right: `use` is missing.
  std::string help = library_with(name).empty() ? syntax::advice(syntax::PhrasePlace::value, name) : std::string();
  if (is_planned(name) && library_with(name).empty())
    return unsupported(diag::UnsupportedPrimitive, name, range, std::move(help));
  if (name == "target" && place_ == Place::task)
    help = "its size is `|target|`, as in `linear(|target|)`; its value is known in the loss alone";
  if (place_ != Place::model && contains({"parameters", "shares", "separate"}, name))
    help = "the model's own `require` knows it, outside of tasks and bodies";
  if (help.empty()) help = help_for_unknown(name, is_callee);
  emitter_.report(is_callee ? diag::UnknownLayer : diag::UnknownName, name).at(range).help(help);
}

}  // namespace mtl::sema
