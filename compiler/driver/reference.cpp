// See reference.h. A part is a table of the compiler; nothing is written here that a table could say.
#include "compiler/driver/reference.h"

#include <algorithm>
#include <cctype>

#include "compiler/driver/commands.h"
#include "compiler/sema/data_tables.h"
#include "compiler/sema/library.h"
#include "compiler/sema/not_supported.h"
#include "compiler/sema/primitives.h"
#include "compiler/sema/static_functions.h"
#include "compiler/sema/task_metrics.h"
#include "compiler/sema/train_tables.h"
#include "compiler/sema/word_tables.h"
#include "compiler/syntax/parse.h"
#include "support/base/text.h"
#include "support/settings/train_config.h"

namespace mtl::driver {
namespace {

using sema::Entry;

constexpr const char* kBalancing = "way of balancing";

Topic topic_of(const Entry& entry, std::string kind) {
  return {.kind = std::move(kind),
          .name = std::string(entry.name),
          .form = std::string(entry.form),
          .about = std::string(entry.about),
          .initial = std::string(entry.initial),
          .unit = std::string(entry.unit),
          .place = std::string(entry.place),
          .example = std::string(entry.example),
          .supported = entry.supported};
}

template <class Row>
Part part_of(std::string name, std::string about, const std::string& kind, std::span<const Row> table) {
  Part part{std::move(name), std::move(about), {}};
  for (const Row& row : table) part.topics.push_back(topic_of(row, kind));
  return part;
}

Part primitives_part() {
  Part part{"primitives", "Operations that are built in: functions of values.", {}};
  for (const sema::Primitive& row : sema::primitives()) {
    Topic topic = topic_of(row, "primitive");
    topic.name = (row.in_ops ? "ops." : "") + topic.name;
    topic.form = topic.name + "(" + (row.variadic ? "..., " : "") + std::string(row.parameters) + ")";
    topic.shape = row.shape;
    part.topics.push_back(std::move(topic));
  }
  return part;
}

Part initializers_part() {
  Part part{"initializers", "What a parameter starts from.", {}};
  for (const sema::StaticFunction& row : sema::static_functions())
    if (row.initializer) part.topics.push_back(topic_of(row, "initializer"));
  return part;
}

std::string number_text(double number) {
  std::string text = std::to_string(number);
  if (number != 0 && number < 1e-3) {
    char buffer[32];
    std::snprintf(buffer, sizeof buffer, "%.0e", number);
    text = buffer;
    if (const size_t zero = text.find("-0"); zero != std::string::npos) text.erase(zero + 1, 1);
    return text;
  }
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

// The arguments with the defaults that the row has: "adamw(lr = 0.001, beta1 = 0.9, ...)".
std::string optimizer_form(const sema::OptimizerRow& row) {
  std::vector<std::string> arguments;
  for (const std::string& name : split(row.parameters, ", ")) {
    if (name == "betas") continue;  // beta1 and beta2 once more
    const Entry* parameter = sema::find_row(sema::optimizer_parameters(), name);
    const std::string initial = name == "lr"             ? number_text(row.lr)
                                : name == "weight_decay" ? number_text(row.weight_decay)
                                : name == "eps"          ? number_text(row.epsilon)
                                : name == "momentum"     ? number_text(row.momentum)
                                                         : std::string(parameter->initial);
    arguments.push_back(name + " = " + initial);
  }
  return std::string(row.name) + "(" + join(arguments, ", ", ", ") + ")";
}

Part optimizers_part() {
  Part part = part_of("optimizers", "What `optimizer = ...` takes, with the defaults of its arguments.", "optimizer",
                      sema::optimizers());
  for (size_t i = 0; i < part.topics.size(); ++i) part.topics[i].form = optimizer_form(sema::optimizers()[i]);
  return part;
}

// A task with this metric: its column in the frame, and a head of that shape.
std::string metric_example(std::string_view target, const std::string& metric) {
  const bool positions = target == "label[T]";
  const std::string column = positions            ? "tags"
                             : target == "label"  ? "topic"
                             : target == "labels" ? "kinds"
                             : target == "bool"   ? "good"
                                                  : "score";
  return "task extra predicts news." + column + " { head = " + (positions ? "h" : "r") +
         " |> linear(|target|), metric = [" + (metric == "gauc" ? "auc(by = news.topic)" : metric) + "] }";
}

Part metrics_part() {
  Part part{"metrics", "What `metric = [...]` of a task takes, by the type of its target.", {}};
  for (const sema::TargetMetrics& row : sema::target_metrics()) {
    for (size_t i = 0; i < row.metrics.size(); ++i) {
      const std::string name = training::metric_name(row.metrics[i]);
      const auto known = std::ranges::find(part.topics, name, &Topic::name);
      const std::string target = std::string(row.target) + (i < row.defaults ? " (by default)" : "");
      if (known != part.topics.end()) {
        known->unit += ", " + target;
        continue;
      }
      Topic topic{.kind = "metric", .name = name, .about = training::metric_about(row.metrics[i])};
      topic.unit = target;
      topic.place = "model";
      topic.example = metric_example(row.target, name);
      part.topics.push_back(std::move(topic));
    }
  }
  return part;
}

// ---- the library ----

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (!blank) out += c;
    if (blank && !out.empty() && out.back() != ' ') out += ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

// "... Example: `code`" is cut off and becomes the example.
void take_example(Topic& topic) {
  const size_t at = topic.about.find("Example: `");
  if (at == std::string::npos) return;
  std::string code = topic.about.substr(at + 10);
  code.erase(code.rfind('`'));
  topic.about = one_line(topic.about.substr(0, at));
  topic.place =
      code.starts_with("shared") || code.starts_with("task") || code.starts_with("balance ") ? "model" : "value";
  topic.example = std::move(code);
}

Part library_part(const sema::LibraryFile& file) {
  Part part{std::string(file.name), "Layers and losses of the library file `" + std::string(file.name) + "`.", {}};
  SourceMap sources;
  diag::Emitter emitter(&sources);
  const FileId id = sources.add(std::string(file.name), std::string(file.text));
  const syntax::File tree = syntax::parse(id, emitter);
  for (const syntax::Decl& decl : tree.decls) {
    Topic topic{.kind = "layer", .about = one_line(decl.doc)};
    if (const auto* module = std::get_if<syntax::ModuleDecl>(&decl.node)) topic.name = module->name.text;
    if (const auto* function = std::get_if<syntax::FunctionDecl>(&decl.node)) topic.name = function->name.text;
    if (const auto* criterion = std::get_if<syntax::CriterionDecl>(&decl.node)) {
      topic.name = criterion->name.text;
      topic.kind = "loss";
    }
    if (const auto* balancer = std::get_if<syntax::BalancerDecl>(&decl.node)) {
      topic.name = balancer->name.text;
      topic.kind = kBalancing;
    }
    if (topic.name.empty()) continue;
    const std::string_view text = file.text.substr(decl.range.begin, decl.range.end - decl.range.begin);
    const std::string head = one_line(text.substr(0, text.find('{')));
    topic.form = head.substr(head.find(topic.name));
    for (size_t at; (at = topic.form.find(") (")) != std::string::npos;) topic.form.erase(at + 1, 1);
    if (topic.kind == kBalancing) topic.form.erase(topic.form.find(")(") + 1);  // `balance =` gives it the losses
    take_example(topic);
    part.topics.push_back(std::move(topic));
  }
  return part;
}

// The criteria of all files once more, for the chapter on tasks.
Part losses_part(const std::vector<Part>& parts) {
  Part losses{
      .name = "losses", .about = "What `loss = ...` of a task takes: the criteria of the library.", .repeats = true};
  for (const Part& part : parts)
    for (const Topic& topic : part.topics)
      if (topic.kind == "loss") losses.topics.push_back(topic);
  return losses;
}

// The balancers of the library, which its own parts leave to this one, and those that are not there yet.
Part balancing_part(std::vector<Part>& parts) {
  Part balancing{"balancing", "What `balance = ...` of a model takes.", {}};
  for (Part& part : parts) {
    for (const Topic& topic : part.topics)
      if (topic.kind == kBalancing) balancing.topics.push_back(topic);
    std::erase_if(part.topics, [](const Topic& topic) { return topic.kind == kBalancing; });
  }
  Part later = part_of("balancing", "", kBalancing, sema::balancing_entries());
  balancing.topics.insert(balancing.topics.end(), later.topics.begin(), later.topics.end());
  return balancing;
}

Part commands_part() {
  Part part{"commands", "What `mtlc` does; `mtlc COMMAND --help` lists the options.", {}};
  for (const Command& row : commands()) {
    Topic topic{.kind = "command", .name = row.name, .about = row.about};
    topic.form = std::string("mtlc ") + row.name + " " + row.argument;
    topic.place = "shell";
    topic.example = row.example;
    part.topics.push_back(std::move(topic));
  }
  return part;
}

// The code of the report of a name in a table that is not there yet.
const char* refusal(const std::string& kind) {
  return kind == "primitive"                 ? "E0900"
         : kind == kBalancing                ? "E0903"
         : kind == "type"                    ? "E0905"
         : kind == "setting of a vocabulary" ? "E0907"
         : kind == "initializer"             ? "E0940"
         : kind == "name"                    ? "E0906"
                                             : "E0908";
}

// The table of what no other table has, and one row for each table with names that are not there yet.
Part not_supported_part(const std::vector<Part>& parts) {
  Part part{.name = "not-supported",
            .about = "What the language has and this compiler refuses, with the code of the report.",
            .repeats = true};
  for (const sema::NotSupported& row : sema::not_supported()) {
    Topic topic{.kind = "not supported yet", .name = std::string(row.feature)};
    topic.about = row.code;
    topic.unit = row.instead;
    topic.place = row.place;
    topic.example = row.example;
    topic.supported = false;
    part.topics.push_back(std::move(topic));
  }
  const auto add = [&](const std::string& what, const std::vector<std::string>& names, const char* code) {
    if (names.empty()) return;
    std::vector<std::string> quoted;
    for (const std::string& name : names) quoted.push_back("`" + name + "`");
    part.topics.push_back({.kind = "not supported yet", .name = what + ": " + join(quoted), .about = code});
  };
  for (const Part& other : parts) {
    std::vector<std::string> names;
    for (const Topic& topic : other.topics)
      if (!topic.supported) names.push_back(topic.name);
    if (!names.empty()) add(other.name, names, refusal(other.topics[0].kind));
  }
  add("library", {sema::planned_names().begin(), sema::planned_names().end()}, "E0900");
  return part;
}

}  // namespace

std::vector<Part> reference() {
  std::vector<Part> parts{
      part_of("declarations", "What a file and a model declare.", "declaration", sema::declaration_entries()),
      part_of("statements", "Statements of models and bodies.", "statement", sema::statement_entries()),
      part_of("names", "Names that mean something without a declaration.", "name", sema::name_entries()),
      part_of("formats", "What `format = ...` of a data source takes.", "format", sema::formats()),
      part_of("types", "Types of columns.", "type", sema::column_types()),
      part_of("bindings", "Where a column comes from.", "binding", sema::bindings()),
      part_of("transforms", "What `|>` behind a binding does, from left to right.", "transform", sema::transforms()),
      part_of("data", "Settings of a `data` block.", "setting of a data source", sema::data_settings()),
      part_of("vocab", "Settings of a `vocab` block.", "setting of a vocabulary", sema::vocab_settings()),
      part_of("category", "Settings of a `category(...)` column.", "setting of a category", sema::category_settings()),
      primitives_part(),
      initializers_part(),
      part_of("task", "Settings of a task.", "setting of a task", sema::task_entries()),
      metrics_part(),
      part_of("model-metrics", "What `metric name = ...` of a model takes.", "metric of a model",
              sema::model_metric_entries()),
      part_of("train", "Settings of `train`.", "setting of training", sema::train_entries()),
      part_of("group", "Settings of `group path { ... }` in `train`.", "setting of a group", sema::group_entries()),
      optimizers_part(),
      part_of("optimizer-arguments", "Arguments of optimizers.", "argument of optimizers",
              sema::optimizer_parameters()),
      part_of("schedules", "What `schedule = ...` takes: factors of the learning rate.", "schedule", sema::schedules()),
      part_of("mixes", "What `mix = ...` takes.", "mix", sema::mixes())};
  for (const sema::LibraryFile& file : sema::library_files()) parts.push_back(library_part(file));
  parts.push_back(balancing_part(parts));
  parts.push_back(losses_part(parts));
  parts.push_back(commands_part());
  parts.push_back(not_supported_part(parts));
  return parts;
}

std::vector<Piece> pieces_of(const std::string& place, const std::string& example) {
  std::vector<Piece> pieces;
  for (std::string code : split("@@" + place + " " + example, "@@")) {
    if (code.empty()) continue;
    const size_t blank = code.find(' ');
    pieces.push_back({code.substr(0, blank), code.substr(blank + 1)});
    std::string& text = pieces.back().code;
    while (text.ends_with('\n') || text.ends_with(' ')) text.pop_back();
  }
  return pieces;
}

std::string place_text(const std::string& place) {
  if (place == "value") return "a value";
  if (place == "declaration" || place == "program") return "at the top of a file";
  if (place == "model") return "in a model";
  if (place == "task" || place == "yes" || place == "number") return "in a task";
  if (place == "train") return "in `train`";
  if (place == "data") return "in a `data` block";
  if (place == "vocab") return "in a `vocab` block";
  if (place == "rows")
    return "a csv file; `age` is f32, `member` bool, `kind` label(\"a\", \"b\"), `text` token(en)[T]";
  return "";
}

}  // namespace mtl::driver
