// mtlc run and mtlc train: what a person sees of a run (a progress bar on a terminal, lines elsewhere, tables), or
// events as JSON lines. Ctrl-C ends the run after the step at hand and keeps the best weights; a second one kills it.
#include "training/train.h"

#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <csignal>

#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/driver/score_table.h"
#include "compiler/driver/terminal.h"

namespace mtl::driver {
namespace {

std::atomic<bool> interrupted{false};  // written by the signal handler, which can reach nothing else

void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

using training::EpochEvent;
using training::StartEvent;
using training::StepEvent;

// JSON lines on standard output: start, the first step and about ten a second after it, every epoch, the end.
class JsonObserver : public training::Observer {
 public:
  explicit JsonObserver(Front& front) : front_(front) {}

  void on_start(const StartEvent& e) override {
    front_.flush_reports();
    print({{"event", "start"},
           {"model", e.model},
           {"parameters", e.parameters},
           {"epochs", e.epochs},
           {"updates", e.updates}});
  }
  void on_step(const StepEvent& e) override {
    const auto now = std::chrono::steady_clock::now();
    if (e.update > 1 && now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    print({{"event", "step"},
           {"epoch", e.epoch},
           {"update", e.update},
           {"objective", number(e.objective)},
           {"losses", losses(e.running)},
           {"examples_per_second", number(e.examples_per_second)}});
  }
  void on_epoch(const EpochEvent& e) override {
    double sum = 0;
    for (const auto& loss : e.losses) sum += std::isnan(loss.loss) ? 0 : loss.loss;
    nlohmann::json line = {{"event", "epoch"},
                           {"epoch", e.epoch},
                           {"loss", number(sum)},
                           {"losses", losses(e.losses)},
                           {"train_seconds", e.seconds},
                           {"examples", std::llround(e.seconds * e.examples_per_second)},
                           {"best", e.best},
                           {"whole", e.whole}};
    if (e.dev) line["dev"] = nlohmann::json::parse(training::to_json(*e.dev));
    print(line);
  }
  void on_end(const training::TrainReport& r) override {
    nlohmann::json line = {{"event", "end"},
                           {"best_epoch", r.best_epoch},
                           {"seconds", r.seconds},
                           {"interrupted", r.interrupted},
                           {"model", r.model_path}};
    if (r.dev) line["dev"] = nlohmann::json::parse(training::to_json(*r.dev));
    if (r.test) line["test"] = nlohmann::json::parse(training::to_json(*r.test));
    print(line);
  }

 private:
  static void print(const nlohmann::json& line) {
    fmt::print("{}\n", line.dump());
    std::fflush(stdout);
  }
  Front& front_;
  std::chrono::steady_clock::time_point last_{};
};

class TextObserver : public training::Observer {
 public:
  TextObserver(Front& front, bool color) : front_(front), color_(color) {}

  void on_start(const StartEvent& e) override {
    front_.flush_reports();  // what the data gave cause to warn of stands above the epochs
    fmt::print("model {}: {} parameters\n", e.model, e.parameters);
    for (const auto& s : e.sources)
      fmt::print("  {:<12} {} train, {} dev, {} test examples\n", s.name, s.train, s.dev, s.test);
    if (e.resumed_epoch > e.epochs) {
      fmt::print("resumed: all {} epochs are done\n", e.epochs);
    } else if (e.resumed_epoch > 0) {
      fmt::print("resumed in epoch {}\n", e.resumed_epoch);
    }
    std::fflush(stdout);
  }
  void on_step(const StepEvent& e) override {
    if (!bar_.on_terminal()) return;
    std::string losses;
    for (const auto& loss : e.running) {
      if (!std::isnan(loss.loss)) losses += fmt::format("  {} {:.3f}", loss.task, loss.loss);
    }
    bar_.draw(static_cast<double>(e.step_in_epoch) / static_cast<double>(e.steps_in_epoch),
              fmt::format("epoch {}/{}", e.epoch, e.epochs),
              fmt::format("{:.0f}/s{}  {} left", e.examples_per_second, losses, duration(e.seconds_left)));
  }
  void on_epoch(const EpochEvent& e) override {
    bar_.clear();
    std::string losses;
    for (const auto& loss : e.losses)
      losses += "  " + loss.task + (std::isnan(loss.loss) ? " -" : fmt::format(" {:.4f}", loss.loss));
    fmt::print("epoch {}/{}  {}  {:.0f} examples/s  loss{}{}{}\n", e.epoch, e.epochs, duration(e.seconds),
               e.examples_per_second, losses, e.whole ? "" : "  (interrupted)", e.best ? "  (best so far)" : "");
    if (e.dev) fmt::print("{}", indent(score_table(*e.dev, color_)));
    std::fflush(stdout);
  }
  void on_end(const training::TrainReport& r) override {
    bar_.clear();
    if (r.interrupted) fmt::print("interrupted: the best weights so far are kept; go on with --resume\n");
    if (r.best_epoch > 0) fmt::print("kept the weights of epoch {}\n", r.best_epoch);
    if (r.test) fmt::print("\ntest\n{}", indent(score_table(*r.test, color_)));
    fmt::print("\n{} in {}\n", r.model_path, duration(r.seconds));
  }

 private:
  static std::string indent(const std::string& text) {
    std::string out = "  ";
    for (size_t i = 0; i < text.size(); ++i) {
      out += text[i];
      if (text[i] == '\n' && i + 1 < text.size()) out += "  ";
    }
    return out;
  }
  Front& front_;
  bool color_;
  ProgressBar bar_;
};

}  // namespace

int run_train(const Options& options) {
  Front front(options);
  if (!front.open()) {
    front.flush_reports();
    return kUserError;
  }
  front.flush_reports();  // warnings stand above the progress
  std::signal(SIGINT, on_interrupt);
  training::TrainOptions train;
  train.run_dir = options.run_dir.empty() ? "runs/" + front.program().model_name : options.run_dir;
  train.object_cache = front.object_cache();
  if (options.seed) train.seed = static_cast<uint64_t>(*options.seed);
  train.resume = options.resume;
  train.test = options.command == "run";
  train.interrupted = &interrupted;
  JsonObserver json(front);
  TextObserver text(front, use_color(stdout, options.color));
  training::Observer& observer = options.json ? static_cast<training::Observer&>(json) : text;
  const auto report = training::train_file(front.file(), front.sources(), {options.model, options.sets, {}},
                                           front.load_options(train.test), train, observer, front.emitter());
  front.flush_reports();
  return report && !front.failed() ? kGood : kUserError;
}

}  // namespace mtl::driver
