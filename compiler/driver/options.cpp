// See options.h. One function per command declares its options, so that `mtlc COMMAND --help` shows just those.
#include "compiler/driver/options.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <iostream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "compiler/driver/commands.h"
#include "compiler/driver/version.h"
#include "compiler/sema/settings.h"
#include "runtime/threads/processors.h"
#include "support/base/text.h"

namespace mtl::driver {
namespace {

void add_compile(CLI::App& app, Options& o) {
  app.add_option("--model", o.model, "Which model, if the file has several")->type_name("NAME");
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&o](const std::vector<std::string>& items) {
           for (const std::string& item : items) {
             const size_t at = item.find('=');
             if (at == std::string::npos || at == 0)
               throw CLI::ValidationError("--set", "expected NAME=VALUE, got " + item);
             o.sets.emplace_back(item.substr(0, at), item.substr(at + 1));
           }
         },
         "Override a const of the file (may be repeated)")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

void add_cache(CLI::App& app, Options& o) {
  app.add_option("--cache", o.cache_dir, "Folder of the caches (default: .cache/mtlc in the user's cache folder)")
      ->type_name("DIR");
  app.add_flag("--no-cache", o.no_cache, "Read and compile everything anew");
}

void add_data(CLI::App& app, Options& o, const char* folder) {
  app.add_option("--data", o.data_dir, fmt::format("Folder that data files are relative to (default: {})", folder))
      ->type_name("DIR");
  add_cache(app, o);
  app.add_option("--skip-bad-rows", o.skip_bad_rows, "Skip up to N malformed rows instead of stopping")
      ->type_name("N")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
}

constexpr const char* kEvents =
    "A new run moves the files of the run before to DIR/earlier/1, 2, ...\n"
    "Ctrl-C, SIGTERM and SIGHUP end a run after saving and evaluating; the exit code is then 130, 143 or 129.\n\n"
    "With --json, and in metrics.jsonl of the run folder, a line is an event:\n"
    "  start  model, parameters, sources, epochs, updates, seed, best_by\n"
    "  step   epoch, update, objective, losses (of the step, by task); --json: smoothed_losses, examples_per_second\n"
    "  epoch  epoch, epochs, update, seconds, examples, examples_per_second, losses, dev, best, whole\n"
    "  end    best_epoch, updates, seconds, interrupted, model, dev, test; --json: signal\n"
    "Losses are without the weights of the tasks. Reports have a code and a severity instead of an event.";

// "90s", "10min", "1.5h". Empty: it is one, and `seconds` is set.
std::string read_duration(const std::string& text, double& seconds) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  for (const auto& [unit, length] :
       {std::pair("ms", 1e-3), std::pair("s", 1.0), std::pair("min", 60.0), std::pair("h", 3600.0)})
    if (error == std::errc() && number >= 0 && std::isfinite(number) && std::string_view(end) == unit) {
      seconds = number * length;
      return "";
    }
  return fmt::format("expected a duration such as 30s, 10min or 1.5h, got {}", text);
}

void add_training(CLI::App& app, Options& o) {
  app.add_option("--run-dir", o.run_dir, "Folder for the results (default: runs/MODEL)")->type_name("DIR");
  app.add_option("--seed", o.seed, "Instead of the seed of the train block")
      ->type_name("N")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  CLI::Option* resume =
      app.add_flag("--resume", o.resume,
                   "Go on from the last checkpoint in the run folder; with more epochs, beyond what was its end");
  app.add_option("--from", o.from,
                 "Start from a trained model: parameters of the same paths, rows of words and labels by their names")
      ->type_name("MODEL")
      ->excludes(resume);
  app.add_option_function<std::string>(
         "--checkpoint",
         [&o](const std::string& text) {
           const std::string wrong = read_duration(text, o.checkpoint_every);
           if (!wrong.empty()) throw CLI::ValidationError("--checkpoint", wrong);
         },
         "Save inside an epoch about so often, for --resume: 30s, 10min, 1.5h, or 0s: after each step (default: 10min)")
      ->type_name("DURATION");
  app.footer(kEvents);
}

// Empty: it is one.
std::string is_thread_count(const std::string& text) {
  int count = 0;
  if (CLI::detail::lexical_cast(text, count) && count >= 1 && count <= runtime::kMostThreads) return "";
  return fmt::format("expected a number from 1 to {}, got {}", runtime::kMostThreads, text);
}

std::string is_artifact(const std::string& artifact) {
  for (const char* known : {"graph", "ir", "llvm", "cpp", "object"})
    if (artifact == known) return "";
  return fmt::format(
      "there is no `{}`: `cpp` and `object` write a trained model as a C++ library, `graph`, `ir` and `llvm` print",
      artifact);
}

std::string is_one_cpu(const std::string& cpu) {
  const size_t comma = cpu.find(',');
  if (comma == cpu.npos) return "";
  return fmt::format("once for each: `--cpu {} --cpu {}`", cpu.substr(0, comma), cpu.substr(comma + 1));
}

void add_common(CLI::App& app, Options& o) {
  app.add_option("--threads", o.threads, "Threads (default: what processors, quotas and OMP_NUM_THREADS leave)")
      ->type_name("N")
      ->check(is_thread_count);
  app.add_flag("--json", o.json, "Machine-readable output: JSON lines");
  app.add_option("--color", o.color, "auto, always or never")->check(CLI::IsMember({"auto", "always", "never"}));
}

CLI::App* command(CLI::App& app, Options& o, const char* name) {
  const auto row = std::ranges::find(commands(), std::string_view(name), &Command::name);
  CLI::App* c = app.add_subcommand(name, row->about);
  c->add_option(row->argument, o.file, row->argument_about)->required();
  c->callback([&o, name] { o.command = name; });
  return c;
}

// An option that its artifact has no use for is a mistake, not to be passed over.
void check_emit(const CLI::App& emit, const std::string& artifact) {
  const bool package = artifact == "cpp" || artifact == "object";
  const auto refuse = [&](std::initializer_list<const char*> names, const char* artifacts) {
    for (const char* name : names)
      if (emit.count(name) > 0) throw CLI::ValidationError(name, fmt::format("is for {} only", artifacts));
  };
  if (!package && emit.count("--json") > 0)
    throw CLI::ValidationError("--json",
                               fmt::format("`{}` is printed as text; it is for cpp and object only", artifact));
  if (artifact != "object") refuse({"--cpu"}, "object");
  if (!package) refuse({"--out", "--name", "--source", "--embed"}, "cpp and object");
  if (package) {
    refuse({"--training", "--dump-after", "--model", "--set", "--data", "--cache", "--no-cache", "--skip-bad-rows"},
           "graph, ir and llvm");
  }
}

// CoNLL has a column for each answer and no place for more.
void check_predict(const CLI::App& predict, const Options& o) {
  if (o.output != "conll" && o.append) throw CLI::ValidationError("--append", "is for `--output conll`");
  if (o.output != "conll") return;
  if (predict.count("--json") > 0) throw CLI::ValidationError("--json", "`--output conll` is no JSON");
  if (o.scores) throw CLI::ValidationError("--scores", "`--output conll` has no place for scores; jsonl has");
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

// Of a first word that is no command CLI11 would only say that a command is missing.
void check_command(const CLI::App& app, int argc, char** argv) {
  const std::vector<std::string> names = command_names(app);
  if (argc < 2) throw CLI::ValidationError("a command is missing: " + join(names, ", ", " or "));
  const std::string first = argv[1];
  if (std::find(names.begin(), names.end(), first) != names.end()) return;
  if (first == "--help" || first == "-h" || first == "--version") return;
  if (first.starts_with("-"))
    throw CLI::ValidationError(fmt::format("`{}` in front of the command; options stand behind it", first));
  if (const auto near = nearest(first, names))
    throw CLI::ValidationError(fmt::format("there is no command `{}`; did you mean `{}`?", first, *near));
  throw CLI::ValidationError(fmt::format("there is no command `{}`; there are {}", first, join(names)));
}

// The first word that looks like an option and is none of the command's; empty: there is none.
std::string unknown_option(const CLI::App& command, int argc, char** argv, std::string& near) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  for (int i = 2; i < argc; ++i) {
    const std::string_view word(argv[i]);
    const std::string name(word.substr(0, word.find('=')));
    if (!name.starts_with("--") || std::find(names.begin(), names.end(), name) != names.end()) continue;
    near = nearest(name, names).value_or("");
    return name;
  }
  return "";
}

// Of the environment. What commands compute depends on it, so none of them goes on without.
void check_environment() {
  const std::string error = cpu_usage_error();
  if (!error.empty()) throw CLI::ValidationError(error);
}

// What the program says and not the command line, as the phrase book or the table of training's settings have it.
std::string said_by_program(std::string option) {
  option.erase(0, 2);
  std::replace(option.begin(), option.end(), '-', '_');
  const std::vector<std::string>& settings = sema::train_settings();
  if (std::find(settings.begin(), settings.end(), option) != settings.end())
    return fmt::format(
        "; it is a setting of the file's `train {{ ... }}`: with `const n = 5` and `{0} = n` there, `--set n=5` "
        "changes it",
        option);
  const std::string said = syntax::advice(syntax::PhrasePlace::train, option);
  if (said.empty()) return "";
  return "; " + said + (said.starts_with("write") ? " in the file's `train { ... }`" : "");
}

// What is wrong, and where to read on.
struct Usage {
  std::string command, what;  // "mtlc train"
  std::string help() const { return fmt::format("Run `{} --help` for more information.", command); }
};

Usage usage_of(const CLI::App& app, const CLI::Error& error, int argc, char** argv) {
  const auto parsed = app.get_subcommands();
  const CLI::App& command = parsed.empty() ? app : *parsed.front();
  Usage usage{parsed.empty() ? "mtlc" : "mtlc " + command.get_name(), error.what()};
  std::string near;
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const std::string option = unknown_option(command, argc, argv, near);
    if (!option.empty()) usage.what = fmt::format("there is no option `{}`", option);
    usage.what += near.empty() ? said_by_program(option) : fmt::format("; did you mean `{}`?", near);
  }
  usage.what = printable(usage.what, "\n");
  return usage;
}

// As a report has it (support/diag/render_json.cpp).
void print_json(const Usage& usage) {
  const nlohmann::ordered_json line = {{"code", "usage"},
                                       {"name", "Usage"},
                                       {"severity", "error"},
                                       {"message", usage.command + ": " + usage.what},
                                       {"labels", nlohmann::ordered_json::array()},
                                       {"files", nlohmann::ordered_json::array()},
                                       {"notes", nlohmann::ordered_json::array()},
                                       {"helps", {usage.help()}}};
  fmt::print("{}\n", line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void declare_predict(CLI::App& app, Options& o) {
  CLI::App* predict = command(app, o, "predict");
  predict->add_option("INPUT", o.input, "A file to read (default: standard input)");
  predict->add_option("--task", o.tasks, "Only these tasks (may be repeated)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  predict
      ->add_option("--format", o.format,
                   "lines: a text on each line; source: the format of the model's data, of `format = lines` a folder "
                   "(default: source for a folder or a file with "
                   "the ending of that format, else lines)")
      ->check(CLI::IsMember({"lines", "source"}));
  predict
      ->add_option(
          "--output", o.output,
          "jsonl: an object for each example, with tokens, and offsets that count characters (Unicode code "
          "points) of the line or cell from 0; conll: of CoNLL input the input itself, with predicted columns in "
          "place of the gold ones and `# intent = ...` in place of a gold comment")
      ->check(CLI::IsMember({"jsonl", "conll"}));
  predict->add_flag("--append", o.append,
                    "conll: gold stays; predictions are further columns (CoNLL-U: `pos.predicted=...` in MISC) and "
                    "comments, `# intent.predicted = ...`");
  predict
      ->add_option(
          "--keep", o.keep,
          "Carry this column of the input (a name or a number, a JSON key, the key of a comment) to the answers, "
          "as COLUMN, or COLUMN.input where a task has that name (may be repeated)")
      ->type_name("COLUMN")
      ->allow_extra_args(false);
  predict->add_option("--out", o.out_dir, "Write the answers to this file")->type_name("FILE");
  predict
      ->add_option("--skip-bad-rows", o.skip_bad_rows,
                   "Answer null for up to N malformed rows (conll: `_`) instead of stopping")
      ->type_name("N")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()));
  predict->add_flag(
      "--scores", o.scores,
      "Add the head's scores, the names of their classes or columns, and how probable each tag of a `label[T]` is");
  add_cache(*predict, o);
  add_common(*predict, o);
}

void declare(CLI::App& app, Options& o) {
  CLI::App* check = command(app, o, "check");
  add_compile(*check, o);
  add_common(*check, o);

  for (const char* name : {"run", "train"}) {
    CLI::App* c = command(app, o, name);
    add_compile(*c, o);
    add_data(*c, o, "that of FILE");
    add_training(*c, o);
    add_common(*c, o);
  }

  CLI::App* eval = command(app, o, "eval");
  add_data(*eval, o, "the current folder");
  eval->add_option("--source", o.source,
                   "This .mtl file instead of the source that the model carries; its data may be anywhere")
      ->type_name("FILE");
  eval->add_option("--split", o.split, "train, dev or test (default: test)")
      ->check(CLI::IsMember({"train", "dev", "test"}));
  add_common(*eval, o);

  declare_predict(app, o);

  CLI::App* emit = command(app, o, "emit");
  emit->get_option("ARTIFACT")->check(is_artifact);
  emit->add_option("FILE", o.artifact, "A .mtl file; for cpp and object a model.safetensors")->required();
  emit->add_option("--out", o.out_dir,
                   "cpp, object: a new or empty folder, or that of an earlier package (default: the package's name)")
      ->type_name("DIR");
  emit->add_option("--name", o.name, "cpp, object: name of the package and its namespace (default: that of the model)")
      ->type_name("NAME")
      ->check([](const std::string& name) { return name.empty() ? std::string("is empty") : std::string(); });
  emit->add_option("--source", o.source, "cpp, object: this .mtl file instead of the source that the model carries")
      ->type_name("FILE");
  emit->add_flag("--embed", o.embed, "cpp, object: the weights become part of the library");
  emit->add_option("--cpu", o.cpus,
                   "object: native, x86-64-v3, x86-64-v4, ...; of several, the best is chosen at run time")
      ->type_name("CPU")
      ->check(is_one_cpu)
      ->allow_extra_args(false);
  add_compile(*emit, o);
  add_data(*emit, o, "that of FILE");
  emit->add_option("--task", o.tasks, "Only what these tasks need")->type_name("NAME")->allow_extra_args(false);
  emit->add_flag("--training", o.training, "The training step, with gradients, instead of the predictions");
  emit->add_option("--dump-after", o.dump_after, "Print the graph after this pass")->type_name("PASS");
  add_common(*emit, o);

  CLI::App* doc = command(app, o, "doc");
  doc->get_option("PART")->required(false);
  add_common(*doc, o);

  CLI::App* explain = command(app, o, "explain");
  add_common(*explain, o);
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit) {
  Options o;
  CLI::App app{
      "mtlc: multi-task models from a .mtl file.\n\n"
      "  mtlc check FILE.mtl                        find mistakes before training\n"
      "  mtlc run FILE.mtl                          train, evaluate, write runs/MODEL/model.safetensors\n"
      "  echo text | mtlc predict runs/MODEL/model.safetensors\n",
      "mtlc"};
  app.set_version_flag("--version", [] {
    check_environment();
    return version_text();
  });
  app.require_subcommand(1);
  app.failure_message([&](const CLI::App* root, const CLI::Error& error) {
    const Usage usage = usage_of(*root, error, argc, argv);
    return fmt::format("{}: {}\n{}\n", usage.command, usage.what, usage.help());
  });
  declare(app, o);
  try {
    check_command(app, argc, argv);
    app.parse(argc, argv);
    check_environment();
    if (o.command == "emit") check_emit(*app.get_subcommand("emit"), o.file);
    if (o.command == "predict") check_predict(*app.get_subcommand("predict"), o);
  } catch (const CLI::ParseError& e) {
    const bool json = std::find(argv, argv + argc, std::string_view("--json")) != argv + argc;
    exit = e.get_exit_code() == 0 ? kGood : kUsage;
    if (exit == kUsage && json) {
      print_json(usage_of(app, e, argc, argv));
    } else {
      std::ostringstream out;  // std::cout would forget why it could not be written
      app.exit(e, out, std::cerr);
      fmt::print("{}", out.str());
    }
    return std::nullopt;
  }
  if (o.command == "emit") std::swap(o.file, o.artifact);  // ARTIFACT comes first on the command line
  return o;
}

}  // namespace mtl::driver
