// Builds each event of a run from its report.
#include "runtime/training/events.h"

namespace mtl::training {

Json losses_by_task(const std::vector<TaskLoss>& losses) {
  Json out = Json::object();
  for (const TaskLoss& loss : losses)
    if (!std::isnan(loss.loss)) out[loss.task] = number(loss.loss);
  return out;
}

namespace {

Json to_json(const StartValues& start) {
  Json taken = Json::array(), part = Json::array(), fresh = Json::array();
  for (const StartValues::Param& param : start.params) {
    if (param.taken == param.size) {
      taken.push_back(param.path);
    } else {
      (param.taken > 0 ? part : fresh).push_back({{"path", param.path}, {"note", param.note}});
    }
  }
  return {{"by", start.by}, {"file", start.file}, {"taken", taken},
          {"part", part},   {"fresh", fresh},     {"left", start.left}};
}

}  // namespace

Json to_event(const StartEvent& event) {
  Json sources = Json::array();
  for (const SourceFacts& s : event.sources)
    sources.push_back({{"name", s.name}, {"train", s.train}, {"dev", s.dev}, {"test", s.test}});
  Json line = {{"event", "start"},   {"model", event.model},          {"parameters", event.parameters},
               {"sources", sources}, {"epochs", event.epochs},        {"updates", event.updates},
               {"seed", event.seed}, {"best_by", event.best_by.names}};
  for (const auto& [vocab, file, c] : event.vectors)
    line["vectors"][vocab] = {{"file", file},
                              {"words", c.words},
                              {"found", c.found},
                              {"folded", c.folded},
                              {"kept", c.more},
                              {"others", c.others},
                              {"others_found", c.others_found}};
  for (const StartValues& start : event.start) line["start_values"].push_back(to_json(start));
  if (event.resumed_epoch > 0) line["resumed_epoch"] = event.resumed_epoch;
  if (!event.earlier.empty()) line["earlier"] = event.earlier;
  return line;
}

Json step_event(int64_t epoch, int64_t update, double objective, const std::vector<TaskLoss>& losses) {
  return {{"event", "step"},
          {"epoch", epoch},
          {"update", update},
          {"objective", number(objective)},
          {"losses", losses_by_task(losses)}};
}

Json to_event(const EpochEvent& event) {
  Json line = {{"event", "epoch"},
               {"epoch", event.epoch},
               {"epochs", event.epochs},
               {"update", event.update},
               {"seconds", event.seconds},
               {"examples", event.examples},
               {"examples_per_second", number(event.examples_per_second)}};
  line["losses"] = Json::object();
  for (const TaskLoss& loss : event.losses) line["losses"][loss.task] = number(loss.loss);  // null: no row counted
  for (size_t i = 0; i < event.shares.size(); ++i) line["weights"][event.losses[i].task] = number(event.shares[i]);
  for (const auto& [name, value] : event.monitors) line["monitors"][name] = number(value);
  if (event.dev) line["dev"] = Json::parse(to_json(*event.dev));
  line["best"] = event.best;
  line["whole"] = event.whole;
  return line;
}

Json to_event(const TrainReport& report) {
  Json line = {{"event", "end"},
               {"best_epoch", report.best_epoch},
               {"updates", report.updates},
               {"seconds", report.seconds},
               {"interrupted", report.interrupted},
               {"model", report.model_path}};
  if (report.dev) line["dev"] = Json::parse(to_json(*report.dev));
  if (report.test) line["test"] = Json::parse(to_json(*report.test));
  return line;
}

}  // namespace mtl::training
