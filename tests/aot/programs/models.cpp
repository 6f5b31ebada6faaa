// Says what each of the linked models answers, to the last bit. With several models in the program their calls take
// turns; each has to say what a program with it alone says:   all_models SENTENCES.conll
#include <cstdio>
#include <functional>
#include <memory>

#include "sentences.h"
#ifdef ASSISTANT_WEIGHTS
#include <assistant/assistant.h>
#endif
#ifdef ASSISTANT_V2_WEIGHTS
#include <assistant_v2/assistant_v2.h>
#endif
#ifdef KINDS_WEIGHTS
#include <kinds/kinds.h>
#endif

namespace {

using Words = std::vector<std::string>;

template <class Numbers>
std::string bits(const Numbers& numbers) {
  std::string out;
  char text[32];
  for (const float x : numbers) out.append(text, static_cast<size_t>(std::snprintf(text, sizeof text, " %a", x)));
  return out;
}

template <class Model, class Context>
struct Loaded {
  template <class... Path>  // none: the weights are in the library
  explicit Loaded(Path... path) : model(path...), context(model) {}
  Model model;
  Context context;
};

template <class Answers>
std::string text_of(const Answers& answers) {
  std::string out(name(answers.intent.label));
  for (const auto label : answers.slots.labels) out += " " + std::string(name(label));
  return out + bits(answers.intent.scores) + bits(answers.slots.scores);
}

using Speaker = std::function<std::string(const Words&)>;

std::vector<Speaker> speakers() {
  std::vector<Speaker> out;
#ifdef ASSISTANT_WEIGHTS
  auto first = std::make_shared<Loaded<assistant::Model, assistant::Context>>(ASSISTANT_WEIGHTS);
  out.push_back(
      [first](const Words& words) { return text_of(first->context.all(assistant::AssistantExample{words})); });
#endif
#ifdef ASSISTANT_V2_WEIGHTS
  auto second = std::make_shared<Loaded<assistant_v2::Model, assistant_v2::Context>>();
  out.push_back(
      [second](const Words& words) { return text_of(second->context.all(assistant_v2::AssistantExample{words})); });
#endif
#ifdef KINDS_WEIGHTS
  auto third = std::make_shared<Loaded<kinds::Model, kinds::Context>>(KINDS_WEIGHTS);
  out.push_back([third](const Words& words) {
    kinds::RowsExample example;
    example.size = {1.0, 2.0, static_cast<double>(words.size())};
    example.height = 0.25;
    example.parts = {"box", "red"};
    example.shop = "west";
    example.both = {"west", "red"};
    example.note = words[0];
    example.opening = words[0];
    example.words = words;
    example.pieces = words;
    example.weights.assign(words.size(), 1.5);
    const kinds::RowsAnswers answers = third->context.all(example);
    return std::string(name(answers.sort.label)) + bits(answers.sort.scores) + bits(answers.tags.scores) +
           bits(answers.bold.probability);
  });
#endif
  return out;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) return 2;
  const std::vector<Speaker> all = speakers();
  std::vector<std::string> said(all.size());
  for (const Words& words : read_sentences(argv[1]))
    for (size_t i = 0; i < all.size(); ++i) said[i] += all[i](words) + "\n";
  for (size_t i = 0; i < all.size(); ++i) {
    // Two models that say the same are not two models.
    if (i > 0 && said[i] == said[i - 1]) return std::fprintf(stderr, "two models say the same\n"), 1;
    std::fputs(said[i].c_str(), stdout);
  }
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
