// mtlc eval: a trained model on a split of its data.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "compiler/driver/commands.h"
#include "compiler/driver/front.h"
#include "compiler/driver/score_table.h"
#include "compiler/driver/terminal.h"
#include "runtime/training/evaluate.h"

namespace mtl::driver {

int run_eval(const Options& options) {
  Front front(options);
  const auto model = front.open_model();
  std::optional<training::Scores> scores;
  if (model) {
    training::EvaluateOptions evaluate;
    evaluate.split = options.split;
    evaluate.load = front.load_options(true);
    evaluate.load.only_below = options.source.empty();  // else the program is the user's own
    evaluate.object_cache = front.object_cache();
    scores = training::evaluate_model(front.file(), *model, evaluate, front.emitter());
  }
  front.flush_reports();
  if (!scores || front.failed()) return kUserError;
  if (options.json) {
    const nlohmann::ordered_json line = nlohmann::ordered_json::parse(training::to_json(*scores));
    fmt::print("{}\n", nlohmann::ordered_json{{"event", "scores"}, {"split", options.split}, {"scores", line}}.dump());
  } else {
    fmt::print("{}\n{}", options.split, indent(score_table(*scores, use_color(stdout, options.color))));
  }
  return kGood;
}

}  // namespace mtl::driver
