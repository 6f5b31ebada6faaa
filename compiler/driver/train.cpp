// mtlc run and mtlc train: what a person sees of a run (a progress bar on a terminal, a line for each epoch, tables at
// the end), or events as JSON lines. SIGINT (Ctrl-C), SIGTERM and SIGHUP (the terminal is gone) end the run after the
// step at hand: its best weights are kept and evaluated, and the exit code is that of the signal. A second one ends it
// at once.
#include "runtime/training/train.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cmath>
#include <csignal>

#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/driver/score_table.h"
#include "compiler/driver/start_table.h"
#include "compiler/driver/terminal.h"
#include "runtime/training/events.h"
#include "support/base/text.h"
#include "support/diag/text_cells.h"

namespace mtl::driver {
namespace {

// Written by the signal handler, which can reach nothing else.
std::atomic<bool> interrupted{false};
std::atomic<int> which{0};

std::atomic<int> nowhere{-1};  // a descriptor of /dev/null
bool was_terminal[3];          // standard input, output, error

// Both the shell and the system send SIGHUP when a terminal closes, so a second one does not ask to end at once. What
// is printed to a terminal that is gone would fail before the run is saved.
void on_signal(int signal) {
  which = signal;
  interrupted = true;
  std::signal(signal, signal == SIGHUP ? SIG_IGN : SIG_DFL);
  if (signal != SIGHUP) return;
  const int error = errno;
  for (int file = 0; file < 3; ++file)
    if (was_terminal[file] && nowhere >= 0) ::dup2(nowhere, file);
  errno = error;
}

void catch_signals() {
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  for (int file = 0; file < 3; ++file) was_terminal[file] = ::isatty(file) != 0;
  nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (std::signal(SIGHUP, on_signal) == SIG_IGN) std::signal(SIGHUP, SIG_IGN);  // under nohup
}

const char* name_of(int signal) {
  return signal == SIGTERM ? "SIGTERM" : signal == SIGHUP ? "SIGHUP" : "SIGINT";
}

using training::EpochEvent;
using training::Json;
using training::StartEvent;
using training::StepEvent;

// JSON lines on standard output: start, the first step and about ten a second after it, every epoch, the end.
class JsonObserver : public training::Observer {
 public:
  explicit JsonObserver(Front& front) : front_(front) {}

  void on_start(const StartEvent& e) override {
    front_.flush_reports();
    print(to_event(e));
  }
  void on_step(const StepEvent& e) override {
    const auto now = std::chrono::steady_clock::now();
    if (e.update > 1 && now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    Json line = training::step_event(e.epoch, e.update, e.objective, e.losses);
    line["smoothed_losses"] = training::losses_by_task(e.running);
    line["examples_per_second"] = training::number(e.examples_per_second);
    print(line);
  }
  void on_warning() override { front_.flush_reports(); }
  void on_epoch(const EpochEvent& e) override {
    front_.flush_reports();
    print(to_event(e));
  }
  void on_end(const training::TrainReport& r) override {
    Json line = to_event(r);
    if (r.interrupted) line["signal"] = name_of(which);
    print(line);
  }

 private:
  static void print(const Json& line) {
    fmt::print("{}\n", line.dump());
    flush_output();
  }
  Front& front_;
  std::chrono::steady_clock::time_point last_{};
};

// With as much as fits on a line of the terminal; all of it where there is none.
std::string epoch_line(const EpochEvent& e, const training::MetricRef& best_by) {
  const std::string head = fmt::format("epoch {}/{}  {}", e.epoch, e.epochs, duration(e.seconds));
  const std::string rate = fmt::format("  {:.0f} examples/s", e.examples_per_second);
  const std::string tail = std::string(e.whole ? "" : "  (interrupted)") + (e.best && e.dev ? "  (best so far)" : "");
  const auto cell = [](double x) { return std::isnan(x) ? std::string(" -") : fmt::format(" {:.4f}", x); };
  std::string losses = "  loss", scores = "  dev", monitors;
  for (const auto& [name, value] : e.monitors) monitors += fmt::format("  {} {:.4g}", name, value);
  double sum = 0, mean = 0, defined = 0;
  for (const auto& loss : e.losses) {
    losses += "  " + loss.task + cell(loss.loss);
    sum += std::isnan(loss.loss) ? 0 : loss.loss;
  }
  for (const std::string& name : best_by.names) {
    const double value = e.dev ? e.dev->find(name).value_or(NAN) : NAN;
    scores += "  " + name + cell(value);
    if (!std::isnan(value)) mean += value, ++defined;
  }
  const std::string one_loss = "  loss" + cell(sum), one_score = defined > 0 ? "  dev" + cell(mean / defined) : "";
  if (!e.dev || best_by.names.empty()) scores.clear();
  const std::string all = head + rate + losses + monitors + scores + tail;
  const std::optional<int> columns = columns_of(stdout);
  if (!columns) return all;
  for (const std::string& line :
       {all, head + losses + monitors + scores + tail, head + losses + scores + tail, head + one_loss + scores + tail,
        head + one_loss + one_score + tail, head + one_score + tail})
    if (static_cast<int>(diag::display_width(line)) <= *columns) return line;
  return cut(head + tail, *columns);
}

class TextObserver : public training::Observer {
 public:
  TextObserver(Front& front, bool color) : front_(front), color_(color) {}

  void on_start(const StartEvent& e) override {
    front_.flush_reports();  // what the data gave cause to warn of stands above the epochs
    fmt::print("model {}: {} parameters\n", e.model, e.parameters);
    for (const auto& s : e.sources)
      fmt::print("  {:<12} {} train, {} dev, {} test examples\n", s.name, s.train, s.dev, s.test);
    for (const auto& facts : e.vectors) fmt::print("  {}\n", training::say_coverage(facts));
    for (const auto& start : e.start) fmt::print("{}", start_table(start));
    if (e.resumed_epoch > e.epochs) {
      fmt::print("resumed: all {} epochs are done\n", e.epochs);
    } else if (e.resumed_epoch > 0) {
      fmt::print("resumed in epoch {}\n", e.resumed_epoch);
    }
    best_by_ = e.best_by;
    if (!e.earlier.empty()) fmt::print("the files of the run before are in {}\n", printable(e.earlier));
    if (!e.best_by_text.empty()) fmt::print("the best epoch is that of {}\n", e.best_by_text);
    flush_output();
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
  void on_warning() override {
    bar_.clear();
    front_.flush_reports();
  }
  void on_epoch(const EpochEvent& e) override {
    on_warning();
    fmt::print("{}\n", epoch_line(e, best_by_));
    flush_output();
  }
  void on_end(const training::TrainReport& r) override {
    bar_.clear();
    if (r.interrupted) fmt::print("interrupted: the best weights so far are kept; go on with --resume\n");
    if (r.best_epoch > 0) fmt::print("kept the weights of epoch {}\n", r.best_epoch);
    if (r.dev) fmt::print("\ndev\n{}", indent(score_table(*r.dev, color_)));
    if (r.test) fmt::print("\ntest\n{}", indent(score_table(*r.test, color_)));
    fmt::print("\n{} in {}\n", printable(r.model_path), duration(r.seconds));
  }

 private:
  Front& front_;
  bool color_;
  training::MetricRef best_by_;
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
  catch_signals();
  training::TrainOptions train;
  train.run_dir = options.run_dir.empty() ? "runs/" + front.program().model_name : options.run_dir;
  train.object_cache = front.object_cache();
  if (options.seed) train.seed = static_cast<uint64_t>(*options.seed);
  train.resume = options.resume;
  train.from = options.from;
  train.checkpoint_every = options.checkpoint_every;
  train.test = options.command == "run";
  train.interrupted = &interrupted;
  JsonObserver json(front);
  TextObserver text(front, use_color(stdout, options.color));
  training::Observer& observer = options.json ? static_cast<training::Observer&>(json) : text;
  const auto report = training::train_file(front.file(), front.sources(), {options.model, options.sets, {}},
                                           front.load_options(train.test), train, observer, front.emitter());
  front.flush_reports();
  if (!report || front.failed()) return kUserError;
  return report->interrupted ? kSignal + which : kGood;
}

}  // namespace mtl::driver
