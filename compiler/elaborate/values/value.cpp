// Small questions about values. See value.h.
#include "compiler/elaborate/values/value.h"

#include <algorithm>

#include "support/base/text.h"

namespace mtl::elaborate {

namespace {
std::string declared_name(const sema::Found& found) {
  if (const auto* module = std::get_if<syntax::ModuleDecl>(&found.decl->node)) return module->name.text;
  if (const auto* function = std::get_if<syntax::FunctionDecl>(&found.decl->node)) return function->name.text;
  if (const auto* criterion = std::get_if<syntax::CriterionDecl>(&found.decl->node)) return criterion->name.text;
  if (const auto* balancer = std::get_if<syntax::BalancerDecl>(&found.decl->node)) return balancer->name.text;
  return "";
}
}  // namespace

std::string Callable::name() const {
  if (decl) return declared_name(*decl);
  if (primitive) return std::string(primitive->name);
  return static_function;
}

const char* Value::kind() const {
  struct Names {
    const char* operator()(const Poison&) const { return "an error"; }
    const char* operator()(const StaticValue& value) const {
      if (value.is_text()) return "a string";
      if (value.is_bool()) return "a truth value";
      if (value.is_list()) return "a list";
      if (value.is_initializer()) return "an initializer";
      return "a number";
    }
    const char* operator()(const Tensor&) const { return "a tensor"; }
    const char* operator()(const RaggedDim&) const { return "a dimension"; }
    const char* operator()(const LayerPtr& layer) const {
      return layer->kind == Layer::Kind::array ? "an array of layers" : "a layer";
    }
    const char* operator()(const Callable& callable) const {
      return callable.decl && callable.decl->kind == sema::DeclKind::criterion ? "a criterion" : "a layer";
    }
    const char* operator()(const ListPtr&) const { return "a list"; }
    const char* operator()(const RecordPtr&) const { return "several named results"; }
    const char* operator()(const TaskRef&) const { return "a task"; }
    const char* operator()(const SourceRef&) const { return "a data source"; }
    const char* operator()(const FileRef&) const { return "a file"; }
    const char* operator()(const PathRef&) const { return "a layer"; }
    const char* operator()(const Stack&) const { return "a stack of sequences"; }
    const char* operator()(const Transposed&) const { return "a transposed sequence"; }
    const char* operator()(const Vectors&) const { return "an initializer"; }
    const char* operator()(const FromLabels&) const { return "an initializer"; }
  };
  return std::visit(Names{}, v);
}

std::string named_results(const Record& record) {
  std::vector<std::string> names;
  for (const auto& [name, field] : record.fields) names.push_back("`" + name + "`");
  return (names.size() == 1 ? "there is " : "there are ") + join(names, ", ", " and ");
}

int Value::depth() const {
  if (const LayerPtr* inner = layer()) return (*inner)->depth;
  if (const StaticValue* known = as_static()) return known->depth;
  if (std::holds_alternative<ListPtr>(v)) return list_depth;
  int deepest = 0;
  if (const auto* record = std::get_if<RecordPtr>(&v)) {
    for (const auto& [name, field] : (*record)->fields) deepest = std::max(deepest, field.depth());
  }
  return deepest;
}

void Layer::set_depth() {
  int deepest = 0;
  for (const auto& [name, value] : statics) deepest = std::max(deepest, value.depth());
  for (const Argument& argument : arguments) deepest = std::max(deepest, argument.value.depth());
  for (const LayerPtr& part : parts) deepest = std::max(deepest, part->depth);
  depth = deepest + 1;
}

const Value* Record::find(const std::string& name) const {
  auto it = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == name; });
  return it == fields.end() ? nullptr : &it->second;
}

std::string Layer::name() const {
  switch (kind) {
    case Kind::description:
    case Kind::instance:
      return declared_name(*module);
    case Kind::partial:
      return callable.name();
    case Kind::composition:
    case Kind::array:
      return parts.empty() ? "" : parts.front()->name();
  }
  return "";
}

bool has_description(const Layer& layer) {
  if (layer.kind == Layer::Kind::description) return true;
  return std::any_of(layer.parts.begin(), layer.parts.end(),
                     [](const LayerPtr& part) { return has_description(*part); });
}

LayerPtr with_stream(const LayerPtr& layer, const std::string& stream) {
  if (stream.empty()) return layer;
  auto resampled = std::make_shared<Layer>(*layer);
  resampled->stream += stream;
  return resampled;
}

}  // namespace mtl::elaborate
