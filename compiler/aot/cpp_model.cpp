// Collects what a package offers from an elaborated model: fields, tasks, weights, and one program for each source.
#include "compiler/aot/cpp_model.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <span>

#include "compiler/aot/cpp_names.h"
#include "compiler/passes/freeze.h"
#include "compiler/pipeline/compile.h"
#include "compiler/program/kernel_facts.h"
#include "runtime/core/deploy/columns.h"
#include "runtime/data/input.h"
#include "runtime/training/labels.h"
#include "runtime/training/spans.h"
#include "support/base/check.h"
#include "support/base/text.h"
#include "support/diag/kinds/model.h"

namespace mtl::aot {

using data::ColumnPlan;
using data::Transform;
using data::ValueKind;
using elaborate::TaskInfo;
using training::TargetKind;

namespace {

// 32 MiB: tables that products may be moved into, and what else the parameters alone say.
constexpr int64_t kMostFrozen = int64_t{8} << 20;

bool has_transform(const data::ColumnSpec& column, Transform::Kind kind) {
  return std::any_of(column.transforms.begin(), column.transforms.end(),
                     [&](const Transform& t) { return t.kind == kind; });
}

class Maker {
 public:
  Maker(const CppModelInput& input, diag::Emitter& emitter) : in_(input), emitter_(emitter) {}

  std::optional<CppModel> run() {
    out_.name = identifier(in_.name);
    out_.spec = &in_.spec;
    out_.fitted = &in_.fitted;
    out_.elaborated = &in_.model;
    out_.map = &in_.sources;
    for (const data::SourceSpec& source : in_.spec.sources) {
      const auto reads = [&](const TaskInfo& task) { return task.source == source.name; };
      if (std::none_of(in_.model.tasks.begin(), in_.model.tasks.end(), reads)) continue;
      if (!add_source(source)) return std::nullopt;
    }
    add_weights();
    if (!check_frozen()) return std::nullopt;
    for (CppSource& source : out_.sources)
      source.steps = std::make_unique<CppProgram>(*source.program, source.spec->name, out_.members, in_.sources);
    for (CppSource& source : out_.sources) finish_tasks(source);
    return std::move(out_);
  }

 private:
  // Those that a step reads; what went into frozen ones alone stays behind.
  void add_weights() {
    std::set<std::string> read;
    for (const CppSource& source : out_.sources) {
      for (const program::Buffer& buffer : source.program->buffers) {
        if (buffer.kind == program::Buffer::Kind::param || buffer.kind == program::Buffer::Kind::state)
          read.insert(buffer.name);
      }
    }
    Scope scope;
    const auto add = [&](const std::string& path, const std::vector<int64_t>& dims, const float* values, int64_t size) {
      if (read.count(path) == 0) return;
      out_.weights.push_back({path, scope.add(identifier(path)), dims, values, size});
      out_.members[path] = out_.weights.back().member;
    };
    for (const elaborate::ParamInfo& param : in_.model.params) {
      const model::Entry& entry = entry_of(param.path);
      add(param.path, entry.dims, in_.weights.of(entry), entry.size);
    }
    out_.frozen = freezer_.params();
    for (const auto& [path, param] : out_.frozen) add(path, param.dims, param.values.data(), std::ssize(param.values));
  }

  // A file of weights holds finite numbers alone.
  bool check_frozen() {
    for (const auto& [path, param] : out_.frozen) {
      const auto bad =
          std::find_if(param.values.begin(), param.values.end(), [](float x) { return !std::isfinite(x); });
      if (bad == param.values.end()) continue;
      const auto many = std::count_if(bad, param.values.end(), [](float x) { return !std::isfinite(x); });
      const std::string source = path.substr(path.find('.') + 1);
      auto report =
          emitter_.report(diag::FrozenNotFinite, source, std::to_string(many), count_of(param.values.size(), "number"),
                          std::string(many == 1 ? "is " : "are ") + (std::isnan(*bad) ? "NaN" : "infinite"));
      if (param.range.valid()) std::move(report).at(param.range);
      std::move(report).help(
          "answers that use them mean nothing; train with an expression that is finite for all weights, such as "
          "`log(x**2 + 1e-6)` or `clamp`");
      return false;
    }
    return true;
  }

  const model::Entry& entry_of(const std::string& path) const {
    const model::Entry* entry = in_.weights.find(path);
    MTL_CHECK(entry != nullptr, "the weights have every parameter");
    return *entry;
  }
  std::span<const float> values_of(const std::string& path) const {
    const model::Entry& entry = entry_of(path);
    return {in_.weights.of(entry), static_cast<size_t>(entry.size)};
  }

  bool add_source(const data::SourceSpec& spec) {
    CppSource source;
    source.spec = &spec;
    source.name = names_.add(identifier(spec.name));
    const CppText camel = camel_case(spec.name);
    source.example = names_.add(camel + "Example");
    source.answers = names_.add(camel + "Answers");
    source.batch = names_.add(camel + "Batch");
    auto plan = data::plan_source(spec, emitter_);
    if (!plan) return false;
    source.plan = std::move(*plan);
    make_program(source);
    if (!add_columns(source)) return false;
    const bool text = std::any_of(source.columns.begin(), source.columns.end(),
                                  [](const CppColumn& c) { return !c.ids_type.empty(); });
    if (text) source.ids = names_.add(camel + "Ids");
    for (const TaskInfo& task : in_.model.tasks) {
      if (task.source == spec.name) add_task(source, task);
    }
    add_ranges(source);
    source.all = methods_.add(in_.spec.sources.size() == 1 ? "all" : "all_" + source.name);
    source.all_needs_name = tables_.add("kNeedsOf" + camel_case(source.all.str()));
    out_.sources.push_back(std::move(source));
    return true;
  }

  void make_program(CppSource& source) {
    pipeline::Request request;
    request.freezer = &freezer_;
    for (const TaskInfo& task : in_.model.tasks) {
      if (task.source != source.spec->name) continue;
      const int part = static_cast<int>(request.parts.size());
      request.parts["predict." + task.name] = request.parts["head." + task.name] = part;
      request.outputs.push_back("predict." + task.name);
      request.outputs.push_back("head." + task.name);
    }
    source.program = std::make_unique<program::Program>(pipeline::make_program(in_.model.graph, request));
  }

  bool add_columns(CppSource& source) {
    std::set<std::string> read;
    for (const TaskInfo& task : in_.model.tasks) {
      if (task.source == source.spec->name) read.insert(task.inputs.begin(), task.inputs.end());
    }
    Scope scope, fields({"from_text"});
    std::vector<std::pair<const ColumnPlan*, CppText>> bound;  // fields by binding
    source.from_line = true;
    for (const ColumnPlan& plan : source.plan.columns) {
      if (read.count(plan.spec->name) == 0) continue;
      if (plan.is_target_only() || plan.inner_level) {
        emitter_.report(diag::CannotEmitColumn, plan.spec->name, data::kind_name(plan.spec->kind)).at(plan.spec->range);
        return false;
      }
      CppColumn column;
      column.plan = &plan;
      column.name = scope.add(identifier(plan.spec->name));
      column.field_type = field_type(plan);
      column.spec = tables_.add("k" + camel_case(source.name.str()) + camel_case(column.name.str()));
      for (const auto& [other, field] : bound) {
        const bool alike = field_type(*other) == column.field_type && takes_ids(*other) == takes_ids(plan);
        if (alike && other->spec->binding.reads_same(plan.spec->binding)) column.field = field;
      }
      if (column.field.empty()) {
        column.field = fields.add(column.name);
        fields.add(column.field + "_count");  // the C interface has one for a list
        fields.add(column.field + "_offsets");
        source.from_blank_line = source.from_blank_line && data::may_be_empty(source.plan, plan);
        source.from_line = source.from_line && bound.empty() && plan.spec->kind == ValueKind::token &&
                           !plan.spec->binding.cross && plan.base_levels <= 1;
        bound.emplace_back(&plan, column.field);
      }
      if (plan.levels() > runtime::deploy::kMostLevels) {
        emitter_
            .report(diag::CannotEmitColumn, plan.spec->name,
                    "sequences in each other, " + std::to_string(plan.levels()) + " levels of them")
            .at(plan.spec->range);
        return false;
      }
      if (takes_ids(plan)) column.ids_type = "std::vector<int32_t>";
      if (plan.spec->kind == ValueKind::token && plan.levels() == 2)
        column.lengths = scope.add(column.name + "_lengths");
      std::string space = source.spec->name;
      for (const std::string& dim : plan.spec->ragged) {
        space += "." + dim;
        column.spaces.push_back(source.program->spaces.find(space));
      }
      const bool named =
          plan.spec->kind == ValueKind::token || (plan.spec->kind == ValueKind::category && !plan.is_bins);
      if (named && data::hash_count(*plan.spec) == 0) column.vocabulary = vocabulary(*source.spec, plan);
      source.columns.push_back(std::move(column));
    }
    source.from_line = source.from_line && !bound.empty();
    source.from_characters = data::has_character_tokens(source.plan, in_.fitted);
    return true;
  }

  // Whether ids can be given in place of the text.
  static bool takes_ids(const ColumnPlan& plan) {
    return plan.spec->kind == ValueKind::token && (plan.levels() == 1 || plan.levels() == 2);
  }

  static CppText field_type(const ColumnPlan& plan) {
    const data::ColumnSpec& spec = *plan.spec;
    const bool parted = std::any_of(spec.transforms.begin(), spec.transforms.end(),
                                    [](const Transform& t) { return data::splits_text(t.kind); });
    const bool named =
        spec.kind == ValueKind::token || spec.kind == ValueKind::category || has_transform(spec, Transform::Kind::is);
    const bool text = parted || (named && !plan.is_bins);
    const CppText one = text ? "std::string" : spec.kind == ValueKind::boolean ? "bool" : "double";
    if (plan.base_levels >= 2) {
      CppText type = "std::string";
      for (int level = 0; level < plan.base_levels; ++level) type = "std::vector<" + type + ">";
      return type;
    }
    if (plan.base_levels == 1) return "std::vector<" + (one == "bool" ? CppText("std::string") : one) + ">";
    return plan.cells() == 1 ? one : code("std::array<{}, {}>", one, plan.cells());
  }

  int vocabulary(const data::SourceSpec& source, const ColumnPlan& plan) {
    const bool token = plan.spec->kind == ValueKind::token;
    const std::string key = token ? plan.spec->vocab : source.name + "." + plan.spec->name;
    for (size_t i = 0; i < out_.vocabularies.size(); ++i) {
      if (out_.vocabularies[i].key == key) return static_cast<int>(i);
    }
    const data::IdSet& set = token ? in_.fitted.vocabs.at(key) : in_.fitted.sets.at(key);
    out_.vocabularies.push_back({key, &set});
    return static_cast<int>(out_.vocabularies.size() - 1);
  }

  void add_task(CppSource& source, const TaskInfo& info) {
    CppTask task;
    task.info = &info;
    task.name = methods_.add(identifier(info.name));
    const CppText camel = camel_case(info.name);
    task.answer = names_.add(camel + "Answer");
    task.needs_name = tables_.add("kNeedsOf" + camel);
    task.has_target = !info.target.empty();
    if (task.has_target) task.column = training::find_column(in_.spec, info.source, info.target);
    const data::IdSet* set = training::label_set(in_.spec, in_.fitted, info.source, info.target);
    if (set && (info.kind == TargetKind::label || info.kind == TargetKind::labels)) {
      task.label = names_.add(camel + "Label");
      task.classes = set->names;
      Scope scope;
      for (const std::string& name : set->names) task.enumerators.push_back(scope.add(identifier(name)));
      if (info.per_position && info.kind == TargetKind::label) task.spans = training::find_span_form(set->names);
    }
    if (task.column && info.kind == TargetKind::number && in_.fitted.numbers.count(info.source + "." + info.target))
      task.restored_by = tables_.add("kScaleOf" + camel);
    for (const data::DimPlan& dim : source.plan.dims)
      task.skips = task.skips || (task.has_target && info.per_position && dim.path == info.target_dim &&
                                  dim.parent < 0 && dim.keep_last);
    for (const CppColumn& column : source.columns) {
      const auto& inputs = info.inputs;
      task.needs.push_back(std::find(inputs.begin(), inputs.end(), column.plan->spec->name) != inputs.end());
    }
    source.tasks.push_back(std::move(task));
  }

  // A task that is about parts of a text that is cut here says where they stand in it.
  static void add_ranges(CppSource& source) {
    for (CppColumn& column : source.columns) {
      const bool line = source.from_line && column.field_type == "std::vector<std::string>";
      if (column.spaces.empty() || (column.field_type != "std::string" && !line)) continue;
      for (CppTask& task : source.tasks) {
        const bool about_it =
            task.has_target && task.info->per_position && task.info->target_dim == column.plan->spec->ragged.front();
        if (!about_it) continue;
        task.has_ranges = column.keeps_ranges = true;
        if (line) column.ranges = column.field + "_offsets";
      }
    }
  }

  void finish_tasks(CppSource& source) {
    std::vector<std::string> all;
    for (CppTask& task : source.tasks) {
      const std::vector<std::string> outputs = {"predict." + task.info->name, "head." + task.info->name};
      all.insert(all.end(), outputs.begin(), outputs.end());
      task.steps = source.steps->steps_for(outputs);
      const program::Buffer *head = source.steps->output(outputs[1]), *predict = source.steps->output(outputs[0]);
      task.scores = program::elements(head->shape);
      task.has_scores = head->space == predict->space;
      task.has_distribution = task.info->softmax && task.has_scores;
    }
    source.all_steps = source.steps->steps_for(all);
  }

  const CppModelInput& in_;
  diag::Emitter& emitter_;
  CppModel out_;
  passes::Freezer freezer_{[this](const std::string& path) { return values_of(path); }, kMostFrozen};
  // Classes and namespaces; methods, with what C functions and members of Context are called; constant tables.
  Scope names_{
      {"Model", "Context", "LoadError", "InputError", "Loading", "Span", "TextRange", "State", "Weights", "internal"}};
  Scope methods_{{"Model", "Context", "State", "open", "open_embedded", "close", "new_context", "free_context", "error",
                  "model", "context", "fingerprint"}};
  Scope tables_{{"kSections", "kFingerprint", "kBatch"}};
};

}  // namespace

std::optional<CppModel> make_cpp_model(const CppModelInput& input, diag::Emitter& emitter) {
  return Maker(input, emitter).run();
}

}  // namespace mtl::aot
