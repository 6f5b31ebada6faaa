// What no task of the model reaches: modules, functions and criteria, each run by itself on inputs of sizes that are
// made up. What is wrong with all of these sizes is wrong.

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>

#include "compiler/elaborate/bodies/apply.h"
#include "compiler/elaborate/bodies/call.h"
#include "compiler/elaborate/bodies/expressions.h"
#include "compiler/elaborate/bodies/layers.h"
#include "compiler/elaborate/bodies/signature.h"
#include "compiler/elaborate/tasks/context.h"
#include "compiler/elaborate/tensors/emit.h"
#include "compiler/elaborate/tensors/operands.h"
#include "compiler/elaborate/tensors/words.h"
#include "support/diag/kinds/elaborate.h"
#include "support/diag/kinds/sema.h"

namespace mtl::elaborate {

using namespace syntax;

namespace {
// What dimensions and ints are, in the order in which they are asked for, and again from the first.
struct MadeUpSizes {
  std::array<int64_t, 8> dimensions, counts;
};

// What the signature calls each made-up size.
using SizeNames = std::map<int64_t, std::string>;

// A module, function or criterion that no model has to reach; `said` hears what is wrong with it.
void run_by_itself(const sema::CheckedFile& file, const ElaborateOptions& options, const sema::Found& found,
                   const MadeUpSizes& sizes, SizeNames& names, diag::Emitter& said);

// `step` apart from each other.
constexpr MadeUpSizes sizes_from(int64_t dimension, int64_t step, int64_t count, int64_t more) {
  MadeUpSizes sizes{};
  for (size_t i = 0; i < sizes.counts.size(); ++i) {
    sizes.dimensions[i] = dimension + static_cast<int64_t>(i) * step;
    sizes.counts[i] = count + static_cast<int64_t>(i) * more;
  }
  return sizes;
}

// Sizes that nothing relates: what fits them fits all. A body may ask for dimensions that counts divide.
constexpr MadeUpSizes kUnrelated[] = {{{101, 103, 107, 109, 113, 127, 131, 137}, {11, 13, 17, 19, 23, 29, 31, 37}},
                                      {{2310, 2730, 3570, 3990, 4830, 6090, 6510, 7770}, {3, 5, 7, 2, 3, 5, 7, 2}}};
// Or for some that are equal.
constexpr MadeUpSizes kRelated[] = {sizes_from(24, 24, 4, 0), sizes_from(12, 0, 12, 0), sizes_from(12, 0, 4, 0),
                                    sizes_from(12, 0, 1, 0),  sizes_from(2, 0, 2, 0),   sizes_from(24, 0, 4, 8),
                                    sizes_from(60, 12, 2, 1), sizes_from(4, 4, 4, 4)};

// Kinds of mistakes that are of shapes and kinds of values, whatever the numbers are.
bool is_of_shapes(const diag::Kind& kind) {
  static const std::set<const diag::Kind*> kKinds = {
      &diag::ShapeMismatch,    &diag::InputMismatch,     &diag::ResultMismatch,     &diag::LetMismatch,
      &diag::MappedOverBoth,   &diag::NoSuchDimension,   &diag::DimensionTwice,     &diag::TooManyIndices,
      &diag::ReshapeRagged,    &diag::FlattenRagged,     &diag::NotASequence,       &diag::WrongOperand,
      &diag::EllipsisTwice,    &diag::NotATensor,        &diag::NotALayer,          &diag::NotAList,
      &diag::NotADimension,    &diag::NotAnInt,          &diag::CallOfNoLayer,      &diag::NoSuchMember,
      &diag::NoSuchResult,     &diag::ResultsMissing,    &diag::NoResult,           &diag::ComposedRecord,
      &diag::IdsAreNotNumbers, &diag::IndexIsNoId,       &diag::WrongIds,           &diag::StaticArgumentType,
      &diag::TruthIsNoNumber,  &diag::InputAmongStatics, &diag::MissingArgument,    &diag::UnknownArgument,
      &diag::OwnedByFunction,  &diag::OwnedInLoop,       &diag::LayerDeclaredAgain, &diag::UpdateMismatch,
      &diag::NeedsDimension,   &diag::NotAnInitializer};
  return kKinds.count(&kind) > 0;
}

bool is_error(const diag::Diagnostic& said) {
  return said.kind->severity != diag::Severity::warning;
}

bool same_mistake(const diag::Diagnostic& a, const diag::Diagnostic& b) {
  if (a.kind != b.kind || a.labels.empty() || b.labels.empty()) return false;
  const SourceRange x = a.labels.front().range, y = b.labels.front().range;
  return x.file == y.file && x.begin == y.begin && x.end == y.end;
}

// Static arguments without a default that nobody can make up.
bool can_make_up(const Parameter& parameter) {
  static const std::set<std::string> kKinds = {"int", "float", "bool", "initializer"};
  return parameter.default_value != nullptr || kKinds.count(parameter.type.name.text) > 0;
}

const std::vector<Parameter>& inputs_of_decl(const sema::Found& found) {
  if (found.kind == sema::DeclKind::module) return found.as<ModuleDecl>().inputs;
  if (found.kind == sema::DeclKind::criterion) return found.as<CriterionDecl>().inputs;
  return found.as<FunctionDecl>().inputs;
}

const Name& name_of_decl(const sema::Found& found) {
  if (found.kind == sema::DeclKind::module) return found.as<ModuleDecl>().name;
  if (found.kind == sema::DeclKind::criterion) return found.as<CriterionDecl>().name;
  return found.as<FunctionDecl>().name;
}

// An input of the signature's type; poison if its sizes cannot be made up.
Value made_up_input(TaskContext& ctx, const Parameter& parameter, Frame& frame,
                    const std::function<int64_t(const std::string&)>& next) {
  const At at{frame, parameter.name.range};
  const auto name_size = [&](const Expr& expr) {
    const auto* name = std::get_if<NameExpr>(&expr.node);
    if (name && is_dimension_name(name->name) && !frame.find(name->name))
      frame.bind(name->name, Value{StaticValue{next(name->name)}});
  };
  std::vector<Dim> dims;
  for (const TypeExpr::DimItem& item : parameter.type.dims) {
    if (item.kind == TypeExpr::DimItem::Kind::rest) continue;
    if (item.size) name_size(*item.size);
    const auto axis = dim_of(ctx, item, frame);
    if (!axis || axis->ragged) return {};
    dims.push_back(axis->size);
  }
  const std::string& type = parameter.type.name.text;
  const bool ids = type != "f32" && type != "bool";
  IdSetPtr set;
  if (ids && !parameter.type.arguments.empty()) {
    name_size(*parameter.type.arguments[0]);
    const Value size = evaluate(ctx, *parameter.type.arguments[0], frame);
    if (!size.as_static() || !size.as_static()->as_dim()) return {};
    auto made = std::make_shared<IdSet>();
    made->key = "made up " + size.as_static()->text();
    made->text = "`" + parameter.name.text + "`";
    made->size = *size.as_static()->as_dim();
    set = std::move(made);
  }
  ir::Value node = emit(ctx, "input", {}, at,
                        {{"name", "made_up." + parameter.name.text},
                         {"dtype", std::string(ids ? "i32" : "f32")},
                         {"space", ir::SpaceRef{ctx.spaces().add_source("made_up")}},
                         {"dims", dims}});
  if (type == "bool") node = emit(ctx, "ne", {node, constant(ctx, 0, at)}, at);
  return Value{Tensor{node, set, nullptr}, parameter.name.range};
}

// An empty model around what is tried.
void begin_model(TaskContext& ctx, const sema::Found& found) {
  ctx.model.root = std::make_shared<Place>();
  ctx.model.frame.kind = Frame::Kind::model;
  ctx.model.frame.unit = found.unit;
  ctx.model.frame.title = "`" + name_of_decl(found).text + "`";
  ctx.model.frame.place = ctx.model.root;
  ctx.model.frame.scopes.emplace_back();
  for (const char* task : {"one", "other"}) {  // that private layers have a copy for
    ctx.model.tasks.emplace_back();
    ctx.model.tasks.back().info.name = task;
  }
  ctx.model.frame.task = &ctx.model.tasks.front();
}

void run_alone(TaskContext& ctx, const sema::Found& found, const MadeUpSizes& sizes_made, SizeNames& names) {
  size_t dimensions = 0, counts = 0;
  const auto named = [&](int64_t size, const std::string& name) {
    names.try_emplace(size, name);
    return size;
  };
  const auto next_dim = [&](const std::string& name) {
    return named(sizes_made.dimensions[dimensions++ % sizes_made.dimensions.size()], name);
  };
  const auto next_int = [&](const std::string& name) {
    return named(sizes_made.counts[counts++ % sizes_made.counts.size()], name);
  };
  const Name& name = name_of_decl(found);
  begin_model(ctx, found);
  Frame sizes = ctx.model.frame;  // where dimensions and static arguments have their numbers
  const At at{ctx.model.frame, name.range};
  const auto made_up_static = [&](const Parameter& parameter) {
    const std::string& type = parameter.type.name.text;
    if (type == "int") return Value{StaticValue{next_int(parameter.name.text)}, name.range};
    if (type == "float") return Value{StaticValue{0.5}, name.range};
    if (type == "bool") return Value{StaticValue{false}, name.range};
    return Value{StaticValue{sema::Initializer{}}, name.range};
  };
  static const std::vector<Parameter> kNone;
  const bool function = found.kind == sema::DeclKind::function;
  const std::vector<Parameter>& statics = function                               ? kNone
                                          : found.kind == sema::DeclKind::module ? found.as<ModuleDecl>().statics
                                                                                 : found.as<CriterionDecl>().statics;
  std::vector<Argument> arguments, inputs;
  for (const Parameter& parameter : statics) {
    Value value = parameter.default_value ? evaluate(ctx, *parameter.default_value, sizes) : made_up_static(parameter);
    sizes.bind(parameter.name.text, value);
    if (!parameter.default_value) arguments.push_back({parameter.name.text, value, name.range, name.range});
  }
  for (const Parameter& parameter : inputs_of_decl(found)) {
    if (parameter.default_value) continue;
    const std::string& type = parameter.type.name.text;
    const bool known = type == "int" || type == "float" || type == "initializer";
    Value value = known ? made_up_static(parameter) : made_up_input(ctx, parameter, sizes, next_dim);
    if (value.poisoned()) {
      ctx.report(at, diag::NotSupportedYet, "an input of this type");
      return;
    }
    inputs.push_back({parameter.name.text, std::move(value), name.range, name.range});
  }
  if (function) {
    call_function(ctx, found, std::move(inputs), at);
    return;
  }
  const Value described = describe_layer(ctx, found, std::move(arguments), at);
  if (!described.layer()) return;
  const PlacePtr place = child(ctx.model.root, name.text, Owner::shared, name.range, ctx.model.frame);
  const LayerPtr layer = instantiate(ctx, *described.layer(), place, at);
  if (!layer) return;
  if (found.kind == sema::DeclKind::criterion) {
    judge(ctx, layer, std::move(inputs), at);
  } else {
    apply_instance(ctx, layer, std::move(inputs), at);
  }
}

// The errors of one try; `waits`: the try says nothing.
std::vector<diag::Diagnostic> errors_of(const diag::Emitter& emitter) {
  std::vector<diag::Diagnostic> errors;
  for (diag::Diagnostic& said : emitter.sorted())
    if (is_error(said)) errors.push_back(std::move(said));
  return errors;
}

// Whoever reads `101 is not 11` wrote `D` and `width`.
std::string with_names(const std::string& text, const SizeNames& names) {
  const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; };
  std::string out;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin;
    while (end < text.size() && is_part(text[end])) ++end;
    const std::string word = text.substr(begin, std::max(end - begin, size_t{1}));
    const bool number =
        word.size() < 10 && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
    const auto found = number ? names.find(std::stoll(word)) : names.end();
    out += found == names.end() ? word : found->second;
    begin += word.size();
  }
  for (const auto& [size, name] : names) {  // `C` is 103 already
    const std::string itself = " (`" + name + "` is " + name + " already)";
    if (const size_t at = out.find(itself); at != std::string::npos) out.erase(at, itself.size());
  }
  return out;
}
void with_names(diag::Diagnostic& error, const SizeNames& names) {
  error.message = with_names(error.message, names);
  for (diag::Label& label : error.labels) label.text = with_names(label.text, names);
  for (std::string& note : error.notes) note = with_names(note, names);
}

enum class Checked : uint8_t { good, bad, unknown };

std::vector<diag::Diagnostic> errors_with(const MadeUpSizes& sizes, const sema::CheckedFile& file,
                                          const sema::Found& found, const diag::Emitter& emitter) {
  ElaborateOptions options;
  options.training = true;
  diag::Emitter said(emitter.sources());
  SizeNames names;
  run_by_itself(file, options, found, sizes, names, said);
  std::vector<diag::Diagnostic> errors = errors_of(said);
  for (diag::Diagnostic& error : errors) with_names(error, names);
  return errors;
}

// What of `always` is among `errors`, too.
void keep_same(std::vector<diag::Diagnostic>& always, const std::vector<diag::Diagnostic>& errors) {
  std::erase_if(always, [&](const diag::Diagnostic& one) {
    return std::none_of(errors.begin(), errors.end(),
                        [&](const diag::Diagnostic& other) { return same_mistake(one, other); });
  });
}

// It fits some sizes, and `error` is what others give. A body that says what it asks for, by `require`, does not come
// here.
void warn_of_coincidence(const sema::Found& found, const diag::Diagnostic& error, diag::Emitter& emitter) {
  emitter.report(diag::FitsSomeSizes, name_of_decl(found).text, error.message)
      .at(error.labels.front().range)
      .note("nothing uses `" + name_of_decl(found).text +
            "`: it was tried with several sizes, and fits where some are equal")
      .help("one name for both sizes in the signature, or `require` in the body, says that they are equal");
}

Checked check_alone(const sema::CheckedFile& file, const sema::Found& found, diag::Emitter& emitter) {
  const std::vector<Parameter> kNone;
  const auto& statics = found.kind == sema::DeclKind::module      ? found.as<ModuleDecl>().statics
                        : found.kind == sema::DeclKind::criterion ? found.as<CriterionDecl>().statics
                                                                  : kNone;
  if (!std::all_of(statics.begin(), statics.end(), can_make_up)) return Checked::unknown;
  std::vector<diag::Diagnostic> always;
  for (const MadeUpSizes& sizes : kUnrelated) {
    std::vector<diag::Diagnostic> errors = errors_with(sizes, file, found, emitter);
    if (errors.empty()) return Checked::good;
    if (&sizes == kUnrelated)
      always = std::move(errors);
    else
      keep_same(always, errors);
  }
  const auto of_shapes = [](const diag::Diagnostic& one) { return is_of_shapes(*one.kind); };
  const bool asks = std::any_of(always.begin(), always.end(), [&](const auto& one) { return !of_shapes(one); });
  const auto unrelated = std::find_if(always.begin(), always.end(), of_shapes);
  const auto mismatch = asks || unrelated == always.end() ? std::nullopt : std::optional(*unrelated);
  for (const MadeUpSizes& sizes : kRelated) {
    std::vector<diag::Diagnostic> errors = errors_with(sizes, file, found, emitter);
    if (errors.empty()) {
      if (mismatch) warn_of_coincidence(found, *mismatch, emitter);
      return Checked::good;
    }
    keep_same(always, errors);
  }
  std::erase_if(always, [&](const diag::Diagnostic& one) { return !of_shapes(one); });
  if (always.empty()) return Checked::unknown;
  always.front().notes.push_back("nothing uses `" + name_of_decl(found).text + "`: it was tried with several sizes");
  emitter.add(std::move(always.front()));
  return Checked::bad;
}

// A module, function or criterion that no model has to reach; `said` hears what is wrong with it.
void run_by_itself(const sema::CheckedFile& file, const ElaborateOptions& options, const sema::Found& found,
                   const MadeUpSizes& sizes, SizeNames& names, diag::Emitter& said) {
  KnownLayers known;
  for (int attempt = 0; attempt < 3; ++attempt) {  // see elaborate()
    diag::Emitter heard(said.sources());
    TaskContext ctx(file, options, heard, known);
    run_alone(ctx, found, sizes, names);
    KnownLayers told = known;
    ctx.tell(told);
    const bool last = !ctx.waits() || told.size() == known.size() || attempt == 2;
    if (last) {
      said = std::move(heard);
      return;
    }
    known = std::move(told);
  }
}
}  // namespace

std::vector<std::string> check_unused(const sema::CheckedFile& file, const std::set<const Decl*>& used,
                                      diag::Emitter& emitter) {
  std::vector<std::string> unknown;
  for (const auto& unit : file.units) {
    if (unit->library) continue;
    std::vector<const sema::Found*> all;
    for (const auto& [name, found] : unit->own) {
      const bool runs = found.kind == sema::DeclKind::module || found.kind == sema::DeclKind::function ||
                        found.kind == sema::DeclKind::criterion;
      if (runs && !used.count(found.decl)) all.push_back(&found);
    }
    std::sort(all.begin(), all.end(), [](const sema::Found* a, const sema::Found* b) {
      return name_of_decl(*a).range.begin < name_of_decl(*b).range.begin;
    });
    for (const sema::Found* found : all)
      if (check_alone(file, *found, emitter) == Checked::unknown) unknown.push_back(name_of_decl(*found).text);
  }
  return unknown;
}

}  // namespace mtl::elaborate
