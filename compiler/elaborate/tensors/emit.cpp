// Nodes, and what is said about them: the one door through which the graph grows, and the words for shapes.
#include <algorithm>
#include <cmath>
#include <limits>

#include "compiler/base/text.h"
#include "compiler/diag/kinds/elaborate.h"
#include "compiler/diag/kinds/sema.h"
#include "compiler/elaborate/elaborator.h"

namespace mtl::elaborate {

// What an op is called by a user.
std::string op_text(const std::string& op, const At& at) {
  if (!at.word.empty()) return "`" + std::string(at.word) + "`";
  static const std::map<std::string, std::string> kNames = {{"add", "`+`"},
                                                            {"sub", "`-`"},
                                                            {"mul", "`*`"},
                                                            {"div", "`/`"},
                                                            {"pow", "`**`"},
                                                            {"eq", "`==`"},
                                                            {"ne", "`!=`"},
                                                            {"lt", "`<`"},
                                                            {"le", "`<=`"},
                                                            {"gt", "`>`"},
                                                            {"ge", "`>=`"},
                                                            {"linear", "matrix product"},
                                                            {"matmul", "matrix product"},
                                                            {"move_rows", "`pad`"},  // parts are never too large
                                                            {"concat_rows", "`concat`"},
                                                            {"and", "`and`"},
                                                            {"or", "`or`"}};
  auto it = kNames.find(op);
  return it == kNames.end() ? "`" + op + "`" : it->second;
}

namespace {
constexpr int64_t kMostNumbers = int64_t{1} << 40;  // of a parameter
constexpr int64_t kMostInRow = int64_t{1} << 28;    // of one row; a batch has many
}  // namespace

std::vector<ir::Value> Elaborator::emit_all(const std::string& op, const std::vector<ir::Value>& operands,
                                            ir::Attrs attrs, const At& at) {
  for (ir::Value operand : operands) {
    if (!operand.valid()) return {};
  }
  NodeKey key{op, operands, attrs};
  if (auto it = memo_.find(key); it != memo_.end()) {
    std::vector<ir::Value> results;
    for (uint32_t i = 0; i < graph_.nodes[it->second].types.size(); ++i) results.push_back({it->second, i});
    return results;
  }
  builder_.set_range(at.range);
  auto made = builder_.make(op, operands, std::move(attrs));
  if (!made) {
    const ir::ShapeError& error = made.error();
    const diag::Kind& kind = error.other_operand < 0 ? diag::WrongOperand : diag::ShapeMismatch;
    diag::Report report = this->report(at, kind, op_text(op, at), error.message).help(error.help);
    for (int operand : {error.operand, error.other_operand}) {
      if (operand < 0 || operand >= static_cast<int>(at.operands.size()) || at.frame.library) continue;
      if (!at.operands[operand].valid() || at.operands[operand] == at.range) continue;
      std::move(report).label(at.operands[operand], shape_text(operands[operand], at.frame));
    }
    for (std::string& note : size_notes(error.message)) std::move(report).note(std::move(note));
    return {};
  }
  if (!sizes_fit(op, *made, at)) return {};
  memo_[std::move(key)] = made->front().node;
  return *made;
}

bool Elaborator::at_least_one(const Dim& size, const At& at) {
  const int64_t least = empty_set_ ? 0 : 1;  // training says of a set without members that labels are missing
  if (size.constant().value_or(least) >= least) return true;
  report(at, diag::BadDimension, size.text());
  return false;
}

bool Elaborator::sizes_fit(const std::string& op, const std::vector<ir::Value>& results, const At& at) {
  for (ir::Value result : results) {
    const types::Type& type = this->type(result);
    double numbers = 1;  // no product of 64 bits: it is what may be too large
    for (const Dim& size : type.dims) {
      if (!at_least_one(size, at)) return false;
      numbers *= static_cast<double>(size.constant().value_or(1));
    }
    if (const auto& length = graph_.spaces[type.space].length) {  // of sequences of one position each
      numbers *= std::max(1.0, static_cast<double>(length->evaluate([](const std::string&) { return 1; })));
    }
    const int64_t most = type.space == types::kUniform ? kMostNumbers : kMostInRow;
    if (numbers <= static_cast<double>(most)) continue;
    const ir::Attrs& attrs = graph_.node(result).attrs;
    const auto path = attrs.find("path");
    const std::string what = path == attrs.end() ? "the result of " + op_text(op, at)
                                                 : "parameter `" + std::get<std::string>(path->second) + "`";
    report(at, diag::TooLarge, what, shape_text(result, at.frame), most);
    return false;
  }
  return true;
}

ir::Value Elaborator::emit(const std::string& op, const std::vector<ir::Value>& operands, const At& at,
                           ir::Attrs attrs) {
  std::vector<ir::Value> results = emit_all(op, operands, std::move(attrs), at);
  return results.empty() ? ir::Value{} : results.front();
}

ir::Value Elaborator::constant(double value, const At& at) {
  if (std::abs(value) > std::numeric_limits<float>::max()) {
    report(at, diag::NumberBeyond32, StaticValue{value}.text());
    return {};
  }
  return emit("constant", {}, at, {{"value", value}});
}

ir::Value Elaborator::truth(bool value, const At& at) {
  return emit("ne", {constant(value ? 1 : 0, at), constant(0, at)}, at);
}

// As to_tensor, where a truth value belongs: one that waits for the data is one too.
ir::Value Elaborator::to_truth(const Value& value, const At& at) {
  const StaticValue* known = value.as_static();
  return known && known->is_open() ? truth(true, at) : to_tensor(value, at);
}

namespace {
// Of a criterion as a value; else empty.
std::string criterion_name(const Value& value) {
  const sema::Found* found = nullptr;
  if (value.layer()) found = (*value.layer())->module;
  if (value.callable()) found = value.callable()->decl;
  if (!found || found->kind != sema::DeclKind::criterion) return "";
  return value.layer() ? (*value.layer())->name() : value.callable()->name();
}
}  // namespace

ir::Value Elaborator::to_tensor(const Value& value, const At& at) {
  if (value.poisoned()) return {};
  if (const Tensor* tensor = value.tensor()) return tensor->node;
  if (const auto* dim = std::get_if<RaggedDim>(&value.v)) {
    return length_value(dim->space, at);
  }
  if (const auto* path = std::get_if<PathRef>(&value.v)) return parameter_at(*path, at).node;
  if (const StaticValue* known = value.as_static()) {
    if (known->is_bool()) return truth(std::get<bool>(known->value), at);
    if (auto number = known->as_number()) return constant(*number, at);
    // A size that waits for the data: `mtlc check` runs nothing, so any number will do.
    if (known->as_dim() || known->is_open()) return constant(1, at);
  }
  if (auto list = value.as_static() && value.as_static()->is_list() ? items(value, at)
                  : std::holds_alternative<ListPtr>(value.v)        ? items(value, at)
                                                                    : std::nullopt) {
    std::vector<ir::Value> parts;
    for (const Value& item : *list) parts.push_back(to_tensor(item, at));
    return parts.empty() ? ir::Value{} : stack(parts, at);
  }
  if (std::holds_alternative<Stack>(value.v)) {
    report(at, diag::NotSupportedYet, "this use of " + value_text(value, at.frame))
        .help("`x[0]` is its first part; `mix`, `sum`, `mean`, `max` with `over = 0` put the parts together");
    return {};
  }
  if (std::holds_alternative<Transposed>(value.v)) {
    report(at, diag::NotSupportedYet, "this use of " + value_text(value, at.frame))
        .help("a transposed sequence is a side of `@`; scale or map the sequence itself");
    return {};
  }
  if (value.layer() && (*value.layer())->kind == Layer::Kind::partial) {
    report(at, diag::MissingArgument, (*value.layer())->name(), missing_argument(**value.layer()));
    return {};
  }
  if (const std::string criterion = criterion_name(value); !criterion.empty()) {
    report(at, diag::NotATensor, "a criterion")
        .help("it is applied to a head and a target: `" + criterion + "()(head, target)`");
    return {};
  }
  const bool text = value.as_static() && value.as_static()->is_text();
  const sema::Found* named = text ? file_.find(at.frame.unit, value.as_static()->string()) : nullptr;
  report(at, diag::NotATensor, value.kind())
      .help(value.layer() || value.callable()
                ? "a layer is applied with `x |> layer` or `layer(x)`; layers are joined with `a >> b`"
            : named ? "without quotes it is a name: `" + value.as_static()->string() + "()`"
                    : "");
  return {};
}

std::vector<SpaceId> Elaborator::ragged_below(SpaceId space, SpaceId base) const {
  const types::Spaces& all = graph_.spaces;
  if (!all.is_ancestor(base, space)) return {};
  std::vector<SpaceId> found;
  for (; space != base && space != types::kUniform; space = all[space].parent) {
    if (!all[space].dim.empty()) found.push_back(space);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<Axis> Elaborator::axes(ir::Value value, const Frame& frame) const {
  std::vector<Axis> all;
  if (!value.valid()) return all;
  const types::Type& type = builder_.type(value);
  for (SpaceId space : ragged_below(type.space, frame.base)) all.push_back({space, {}});
  for (const Dim& dim : type.dims) all.push_back({std::nullopt, dim});
  return all;
}

std::string Elaborator::axis_text(const Axis& axis) const {
  return axis.ragged ? graph_.spaces[*axis.ragged].dim : axis.size.text();
}

std::string Elaborator::axes_text(const std::vector<Axis>& axes) const {
  if (axes.empty()) return "";
  std::string text;
  for (const Axis& axis : axes) text += (text.empty() ? "[" : ", ") + axis_text(axis);
  return text + "]";
}

std::string Elaborator::shape_text(ir::Value value, const Frame& frame, const IdSetPtr& ids) const {
  if (!value.valid()) return "unknown";
  const types::Type& type = builder_.type(value);
  std::string name = type.dtype == types::DType::i32 ? "id" : std::string(types::dtype_name(type.dtype));
  if (ids && !ids->text.empty()) name = "ids of " + ids->text + " ";
  return name + axes_text(axes(value, frame));
}

std::string Elaborator::value_text(const Value& value, const Frame& frame) const {
  if (const Tensor* tensor = value.tensor()) return shape_text(tensor->node, frame, tensor->ids);
  if (const StaticValue* known = value.as_static()) return known->text();
  if (std::holds_alternative<Stack>(value.v) || std::holds_alternative<Transposed>(value.v))
    return "f32" + axes_text(value_axes(value, frame));
  return value.kind();
}

ir::Value Elaborator::with_rank(ir::Value value, int rank, const At& at) {
  if (!value.valid()) return value;
  std::vector<Dim> dims = type(value).dims;
  if (static_cast<int>(dims.size()) >= rank) return value;
  dims.insert(dims.begin(), rank - dims.size(), Dim(1));
  return emit("reshape", {value}, at, {{"dims", dims}});
}

ir::Value Elaborator::to_space(ir::Value value, SpaceId space, const At& at) {
  if (!value.valid() || type(value).space == space) return value;
  return emit("to_space", {value}, at, {{"space", ir::SpaceRef{space}}});
}

bool Elaborator::need_numbers(ir::Value value, const At& at, const std::string& what) {
  if (!value.valid()) return false;
  if (type(value).dtype == types::DType::f32) return true;
  if (type(value).dtype == types::DType::i32) {
    report(at, diag::IdsAreNotNumbers, shape_text(value, at.frame)).help("`float(x)` makes numbers of ids");
  } else {
    report(at, diag::TruthIsNoNumber, what, shape_text(value, at.frame))
        .help("`float(x)` makes 1 and 0 of truth values");
  }
  return false;
}

ir::Value Elaborator::as_numbers(ir::Value value, const At& at) {
  if (!value.valid() || type(value).dtype == types::DType::f32) return value;
  return emit("to_f32", {value}, at);
}

std::vector<std::string> Elaborator::size_notes(const std::string& message) const {
  std::vector<std::string> notes;
  for (const auto& [number, text] : known_sizes_) {
    const std::string digits = std::to_string(number);
    for (size_t at = message.find(digits); at != std::string::npos; at = message.find(digits, at + 1)) {
      const bool starts = at == 0 || !isdigit(static_cast<unsigned char>(message[at - 1]));
      const size_t end = at + digits.size();
      if (!starts || (end < message.size() && isdigit(static_cast<unsigned char>(message[end])))) continue;
      notes.push_back(digits + " is " + text);
      break;
    }
  }
  return notes;
}

std::vector<SourceRange> Elaborator::user_calls(const Frame& frame, SourceRange range) {
  std::vector<SourceRange> calls;
  for (const Frame* at = &frame; at; range = at->call, at = at->caller) {
    if (!at->library) calls.push_back(range);
  }
  return calls;
}

SourceRange Elaborator::user_range(const Frame& frame, SourceRange range, std::string& note) const {
  if (!frame.library || !frame.caller) return range;
  // Of a static argument alone, `width` in the library: where the user gave it.
  const Binding* argument = range.valid() && emitter_.sources() ? frame.argument(text_at(range)) : nullptr;
  const bool given = argument && argument->value.range.valid() && !in_library(argument->value.range);
  const Frame* user = &frame;
  SourceRange place = range;
  while (user->library && user->caller) {
    place = user->call;
    user = user->caller;
  }
  const SourceMap* sources = emitter_.sources();
  note = "in " + frame.title;
  if (sources && range.valid()) {
    const SourceFile& file = sources->file(range.file);
    note += ", " + file.path() + ":" + std::to_string(file.locate(range.begin).line);
  }
  return given ? argument->value.range : place;
}

}  // namespace mtl::elaborate
