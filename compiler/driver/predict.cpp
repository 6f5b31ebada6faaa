// mtlc predict: answers of a trained model for new text, as JSON lines or CoNLL. Reads a file or standard input; typed
// at a terminal, every line is answered at once.
#include "training/predict.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "compiler/diag/kinds/model.h"
#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/sema/load.h"
#include "data/file.h"

namespace mtl::driver {
namespace {

using training::Prediction;
using training::Predictor;

// Line n of the output belongs to line n of the input: one that is no example has no answer.
void print_lines(const Predictor& predictor, const std::vector<Prediction>& predictions,
                 const std::vector<data::RawExample>& raw, std::string_view text) {
  const auto& tasks = predictor.tasks();
  const bool taken = std::any_of(tasks.begin(), tasks.end(), [](const auto& task) { return task.name == "text"; });
  size_t next = 0;
  data::Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    nlohmann::ordered_json out;
    out[taken ? "line" : "text"] = line;
    if (next < raw.size() && raw[next].line == lines.number())
      out.update(nlohmann::ordered_json::parse(training::to_json(predictions[next++], predictor)));
    fmt::print("{}\n", out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  }
}

// A cell of CoNLL: what it holds has no line ends and no tabs.
std::string cell(std::string text) {
  for (char& c : text) {
    if (c == '\n' || c == '\t' || c == '\r') c = ' ';
  }
  return text;
}

// Row `row` of an answer.
std::string cell_of(const training::Answer& answer, int64_t row) {
  if (row >= answer.rows) return "_";  // behind a `limit`
  const auto one = [&](const auto& all) {
    const auto width = static_cast<int64_t>(all.size()) / answer.rows;
    return fmt::format("{}", fmt::join(all.begin() + row * width, all.begin() + (row + 1) * width, " "));
  };
  return cell(answer.labels.empty() ? one(answer.numbers) : one(answer.labels));
}

// What stands in front of a task's answers for each position: of a CoNLL file the token's line, else its text.
std::vector<std::string> tokens_of(const data::RawExample& example, const std::string& dim, int64_t rows) {
  if (!example.token_lines.empty() && dim == example.token_dim) return example.token_lines;
  const auto words = example.words.find(dim);
  if (words == example.words.end()) return std::vector<std::string>(static_cast<size_t>(rows), "_");
  std::vector<std::string> tokens;
  for (const std::string& word : words->second) tokens.push_back(word.empty() ? "_" : cell(word));
  return tokens;
}

// Sentence labels as comments, then a line for each token: what was read and a column for each task with labels per
// position.
void print_conll(const Predictor& predictor, const std::vector<Prediction>& predictions,
                 const std::vector<data::RawExample>& raw) {
  for (size_t i = 0; i < predictions.size(); ++i) {
    std::vector<const training::Answer*> columns;
    for (const training::Answer& answer : predictions[i].answers) {
      const auto& task = predictor.tasks()[answer.task];
      if (task.per_position) {
        columns.push_back(&answer);
      } else if (!answer.labels.empty()) {
        fmt::print("# {} = {}\n", task.name, cell(fmt::format("{}", fmt::join(answer.labels, "|"))));
      } else {
        fmt::print("# {} = {}\n", task.name, fmt::join(answer.numbers, " "));
      }
    }
    if (!columns.empty()) {
      const std::string& dim = predictor.tasks()[columns.front()->task].target_dim;
      const std::vector<std::string> tokens = tokens_of(raw[i], dim, columns.front()->rows);
      for (size_t t = 0; t < tokens.size(); ++t) {
        fmt::print("{}", tokens[t]);
        for (const training::Answer* answer : columns) fmt::print("\t{}", cell_of(*answer, static_cast<int64_t>(t)));
        fmt::print("\n");
      }
    }
    fmt::print("\n");
  }
}

// Lines of CoNLL are the positions of one dimension.
bool one_dimension(const Predictor& predictor, diag::Emitter& emitter) {
  const elaborate::TaskInfo* first = nullptr;
  for (const elaborate::TaskInfo& task : predictor.tasks()) {
    if (!task.per_position) continue;
    if (!first) first = &task;
    if (task.source != first->source || task.target_dim == first->target_dim) continue;
    emitter.report(diag::TasksOfTwoDimensions, first->name, first->target_dim, task.name, task.target_dim)
        .help("choose with `--task " + first->name + "` or `--task " + task.name + "`, or write jsonl");
    return false;
  }
  return true;
}

bool answer(const Options& options, Front& front, Predictor& predictor, std::string_view text,
            const std::string& path) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const bool lines = options.format == "lines";
  std::vector<data::RawExample> raw;
  const auto predictions =
      predictor.predict(lines ? data::RawFormat::lines : data::RawFormat::source, text, path, front.emitter(), &raw);
  const bool good = predictions && !front.emitter().has_errors();
  front.flush_reports();
  if (!good) return false;
  if (options.output == "conll") {
    print_conll(predictor, *predictions, raw);
  } else if (lines) {
    print_lines(predictor, *predictions, raw, text);
  } else {
    for (const Prediction& one : *predictions) fmt::print("{}\n", training::to_json(one, predictor));
  }
  std::fflush(stdout);
  return true;
}

// A file of a source's format is seldom meant as text, unless that is asked for.
void warn_of_lines(const Options& options, diag::Emitter& emitter) {
  if (options.format != "lines" || options.format_given) return;
  for (const char* ending : {".conll", ".conllu", ".tsv", ".csv", ".jsonl"})
    if (options.input.ends_with(ending))
      emitter.report(diag::ReadAsLines, options.input)
          .help("`--format source` reads it as the model's data, `--format lines` says that it is text");
}

bool answer_input(const Options& options, Front& front, Predictor& predictor) {
  if (!options.input.empty() && options.input != "-") {
    std::string why;
    const auto text = sema::read_file(options.input, why);
    if (text) warn_of_lines(options, front.emitter());
    if (text) return answer(options, front, predictor, *text, options.input);
    front.emitter().report(diag::CannotReadInput, options.input, why);
    return false;
  }
  if (options.format == "lines" && isatty(STDIN_FILENO) != 0) {
    const bool blank = predictor.takes_blank_lines();
    for (std::string line; std::getline(std::cin, line);) {
      if (blank || line.find_first_not_of(" \t\r") != std::string::npos)
        answer(options, front, predictor, line + "\n", "standard input");
    }
    return true;
  }
  const std::string text{std::istreambuf_iterator<char>(std::cin), {}};
  return answer(options, front, predictor, text, "standard input");
}

}  // namespace

int run_predict(const Options& options) {
  Front front(options);
  const auto model = front.open_model();
  std::unique_ptr<Predictor> predictor;
  if (model) {
    training::PredictOptions predict;
    predict.tasks = options.tasks;
    predict.scores = options.scores;
    predict.object_cache = front.object_cache();
    predictor = Predictor::open(front.file(), *model, predict, front.emitter());
  }
  front.flush_reports();
  if (!predictor || front.failed()) return kUserError;
  const bool fits = options.output != "conll" || one_dimension(*predictor, front.emitter());
  const bool good = fits && answer_input(options, front, *predictor);
  front.flush_reports();
  return good && !front.failed() ? kGood : kUserError;
}

}  // namespace mtl::driver
