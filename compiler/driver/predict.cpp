// mtlc predict: answers of a trained model for new text, as JSON lines or CoNLL, part by part as the input comes.
#include "runtime/inference/predict.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/driver/input_stream.h"
#include "compiler/driver/predict_conll.h"
#include "compiler/driver/terminal.h"
#include "runtime/data/file.h"
#include "runtime/data/record.h"
#include "runtime/data/text.h"
#include "runtime/model/write_file.h"
#include "support/base/text.h"
#include "support/diag/kinds/data.h"
#include "support/diag/kinds/model.h"

namespace mtl::driver {
namespace {

using training::Answers;
using training::Predictor;

// Standard output, or a file that is there when all of it is.
class Output {
 public:
  bool open(const std::string& path, diag::Emitter& emitter) {
    std::string why;
    if (!path.empty())
      if (auto file = model::FileWriter::open(path, why)) file_.emplace(std::move(*file));
    return said(path.empty() || file_, why, emitter);
  }
  bool write(const std::string& text, diag::Emitter& emitter) {
    std::string why;
    if (file_) return said(file_->write(text, why), why, emitter);
    // What the input or a label holds must not command a terminal; `\\u001b` and the like are JSON as well.
    fmt::print("{}", terminal_ ? printable(text, "\n\t") : text);
    return flush_output() == 0;  // main says why
  }
  bool finish(diag::Emitter& emitter) {
    std::string why;
    return said(!file_ || file_->commit(why), why, emitter);
  }

 private:
  static bool said(bool good, const std::string& why, diag::Emitter& emitter) {
    if (!good) emitter.report(diag::CannotWriteFile, why);
    return good;
  }
  std::optional<model::FileWriter> file_;
  bool terminal_ = isatty(STDOUT_FILENO) != 0;
};

const char* const kEndings[] = {"conll", "conllu", "tsv", "csv", "jsonl"};

bool is_conll(std::string_view format) {
  return format == "conll" || format == "conllu";
}

// "csv" of rows.csv; empty: an ending that says nothing.
std::string ending_of(const std::string& path) {
  for (const char* ending : kEndings)
    if (path.ends_with(std::string(".") + ending)) return ending;
  return "";
}

bool is_folder(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

// A file with the ending of a source's format is read as that, and so is a folder.
bool reads_lines(const Options& options, const Predictor& predictor) {
  if (!options.format.empty()) return options.format == "lines";
  if (is_folder(options.input)) return false;
  const std::string ending = ending_of(options.input);
  for (size_t task = 0; task < predictor.tasks().size(); ++task) {
    const std::string_view format = data::format_name(predictor.source(task).format);
    if (ending == format || (is_conll(ending) && is_conll(format))) return false;
  }
  return true;
}

// The number of the first line that is a JSON object; 0: none is.
uint64_t json_line(std::string_view text) {
  data::Lines lines(text);
  for (std::string_view line; lines.next(line);) {
    line = data::trim(line);
    if (line.starts_with('{') && line.ends_with('}') && nlohmann::json::accept(line)) return lines.number();
  }
  return 0;
}

class Predicting {
 public:
  Predicting(const Options& options, Front& front, Predictor& predictor)
      : options_(options), front_(front), predictor_(predictor) {}

  bool run() {
    diag::Emitter& emitter = front_.emitter();
    std::string why;
    settings_.lines = reads_lines(options_, predictor_);
    // Of a folder the reader takes the files itself.
    const bool folder = !settings_.lines && is_folder(options_.input);
    const auto stream = folder ? InputStream::empty() : InputStream::open(options_.input, why);
    if (!stream) {
      emitter.report(diag::CannotReadInput, options_.input, why);
      return false;
    }
    settings_.path = options_.input.empty() || options_.input == "-" ? "standard input" : options_.input;
    settings_.keep = options_.keep;
    settings_.skip_bad_rows = options_.skip_bad_rows;
    settings_.interactive = stream->is_terminal();
    settings_.keeps_text = !settings_.lines && options_.output == "conll";
    if (settings_.lines && !options_.keep.empty()) {
      emitter.report(diag::NothingToKeep).help("`--format source` reads the format of the model's data");
      return false;
    }
    if (!predictor_.begin(settings_, emitter)) return false;
    ConllOutput conll(predictor_, settings_, options_.append);
    if (options_.output == "conll" && !conll.check(emitter)) return false;
    Output output;
    const bool good = output.open(options_.out_dir, emitter) && answer_all(*stream, conll, output);
    bar_.clear();
    if (!good) return false;
    predictor_.finish();
    return output.finish(emitter);
  }

 private:
  // A file of another format is seldom meant as text, and neither is a JSON object, unless that is asked for.
  void warn_of_lines(std::string_view text) {
    if (warned_ || !options_.format.empty()) return;
    const bool by_ending = done_ == 0 && !ending_of(options_.input).empty();
    const uint64_t json = by_ending ? 0 : json_line(text);
    if (!by_ending && json == 0) return;
    warned_ = true;
    const std::string format(data::format_name(predictor_.source(0).format));
    diag::Report report = front_.emitter().report(diag::ReadAsLines, settings_.path);
    if (json > 0) std::move(report).note("line " + std::to_string(done_ + json) + " is a JSON object");
    std::move(report).help("`--format source` reads it as the model's data, " + format +
                           "; `--format lines` says that it is text");
  }

  bool answer_all(InputStream& stream, ConllOutput& conll, Output& output) {
    diag::Emitter& emitter = front_.emitter();
    bool good = true;
    for (bool last = false; !last;) {
      last = !stream.more();
      if (!stream.error().empty()) {
        emitter.report(diag::CannotReadInput, settings_.path, stream.error());
        return false;
      }
      if (settings_.lines) warn_of_lines(stream.text());
      const auto answers = predictor_.next(stream.text(), last);
      if (answers && answers->input.taken == 0 && stream.text().size() > data::kLongestLine) {
        emitter.report(diag::DataLineTooLong, data::kLongestLine >> 20).in_file(settings_.path);
        return false;
      }
      if (!answers && !settings_.interactive) return false;
      good = good && answers;
      stream.take(answers ? answers->input.taken : stream.text().size());
      bar_.clear();
      front_.flush_reports();
      if (answers && !write(*answers, conll, output)) return false;
      draw(stream);
    }
    return good;
  }

  bool write(const Answers& answers, ConllOutput& conll, Output& output) {
    done_ += answers.predictions.size();
    std::string text;
    if (options_.output == "conll") {
      text = conll.text(answers);
    } else {
      for (size_t i = 0; i < answers.predictions.size(); ++i)
        text += training::to_json(answers.predictions[i], answers.input.examples[i], settings_, predictor_) + "\n";
    }
    return text.empty() || output.write(text, front_.emitter());
  }

  // Not between answers that go to the same terminal.
  void draw(const InputStream& stream) {
    if (!bar_.on_terminal() || settings_.interactive || (options_.out_dir.empty() && isatty(STDOUT_FILENO) != 0))
      return;
    const double fraction = stream.fraction();
    bar_.draw(std::max(fraction, 0.0), "predict", fmt::format("{} done", done_));
  }

  const Options& options_;
  Front& front_;
  Predictor& predictor_;
  training::InputOptions settings_;
  ProgressBar bar_;
  uint64_t done_ = 0;  // lines, or examples
  bool warned_ = false;
};

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
  const bool good = Predicting(options, front, *predictor).run();
  front.flush_reports();
  return good && !front.failed() ? kGood : kUserError;
}

}  // namespace mtl::driver
