// Shapes, axes and values in the words of messages.
#include "compiler/elaborate/tensors/words.h"

#include "compiler/elaborate/tensors/stacks.h"

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

std::vector<SpaceId> ragged_below(const TensorContext& ctx, SpaceId space, SpaceId base) {
  const types::Spaces& all = ctx.nodes.graph.spaces;
  if (!all.is_ancestor(base, space)) return {};
  std::vector<SpaceId> found;
  for (; space != base && space != types::kUniform; space = all[space].parent) {
    if (!all[space].dim.empty()) found.push_back(space);
  }
  std::reverse(found.begin(), found.end());
  return found;
}

std::vector<Axis> axes(const TensorContext& ctx, ir::Value value, const Frame& frame) {
  std::vector<Axis> all;
  if (!value.valid()) return all;
  const types::Type& type = ctx.nodes.builder.type(value);
  for (SpaceId space : ragged_below(ctx, type.space, frame.base)) all.push_back({space, {}});
  for (const Dim& dim : type.dims) all.push_back({std::nullopt, dim});
  return all;
}

std::string axis_text(const TensorContext& ctx, const Axis& axis) {
  return axis.ragged ? ctx.nodes.graph.spaces[*axis.ragged].dim : axis.size.text();
}

std::string axes_text(const TensorContext& ctx, const std::vector<Axis>& axes) {
  if (axes.empty()) return "";
  std::string text;
  for (const Axis& axis : axes) text += (text.empty() ? "[" : ", ") + axis_text(ctx, axis);
  return text + "]";
}

std::string shape_text(const TensorContext& ctx, ir::Value value, const Frame& frame, const IdSetPtr& ids) {
  if (!value.valid()) return "unknown";
  const types::Type& type = ctx.nodes.builder.type(value);
  std::string name = type.dtype == types::DType::i32 ? "id" : std::string(types::dtype_name(type.dtype));
  if (ids && !ids->text.empty()) name = "ids of " + ids->text + " ";
  return name + axes_text(ctx, axes(ctx, value, frame));
}

std::string value_text(const TensorContext& ctx, const Value& value, const Frame& frame) {
  if (const Tensor* tensor = value.tensor()) return shape_text(ctx, tensor->node, frame, tensor->ids);
  if (const StaticValue* known = value.as_static()) return known->text();
  if (std::holds_alternative<Stack>(value.v) || std::holds_alternative<Transposed>(value.v))
    return "f32" + axes_text(ctx, value_axes(ctx, value, frame));
  return value.kind();
}

std::vector<std::string> size_notes(const TensorContext& ctx, const std::string& message) {
  std::vector<std::string> notes;
  for (const auto& [number, text] : ctx.reports.known_sizes) {
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

std::string divisors_text(int64_t number, int64_t near) {
  if (number < 1 || number > (int64_t{1} << 40)) return "";
  constexpr size_t kMost = 8;
  std::vector<int64_t> all;
  for (int64_t i = 1; i <= number / i; ++i) {
    if (number % i != 0) continue;
    all.push_back(i);
    if (i != number / i) all.push_back(number / i);
  }
  std::sort(all.begin(), all.end(), [&](int64_t a, int64_t b) { return std::abs(a - near) < std::abs(b - near); });
  all.resize(std::min(all.size(), kMost));
  std::sort(all.begin(), all.end());
  std::string text;
  for (size_t i = 0; i < all.size(); ++i)
    text += (i == 0 ? "" : i + 1 == all.size() ? " and " : ", ") + std::to_string(all[i]);
  return text + (all.size() == 1 ? " divides " : " divide ") + std::to_string(number);
}

bool is_dimension_name(const std::string& name) {
  return !name.empty() && std::isupper(static_cast<unsigned char>(name[0]));
}

bool is_id_type(const std::string& name) {
  return name == "id" || name == "token" || name == "category" || name == "label" || name == "index";
}

}  // namespace mtl::elaborate
