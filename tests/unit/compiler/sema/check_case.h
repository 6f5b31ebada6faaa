// Runs the checks on a text and gives what a test compares: the codes of the reports in order, and all their words.
#pragma once
#include <string>
#include <vector>

#include "compiler/sema/check.h"
#include "compiler/sema/checked.h"

namespace mtl::sema {

struct Checked {
  SourceMap sources;
  diag::Emitter emitter{&sources};
  std::unique_ptr<CheckedFile> file;

  explicit Checked(const std::string& text, const CheckOptions& options = {}) {
    file = check_text("case.mtl", text, sources, options, emitter);
  }
  // "E0141 W0100"
  std::string codes() const {
    std::string out;
    for (const diag::Diagnostic& report : emitter.sorted()) {
      out += (out.empty() ? "" : " ") + std::string(report.kind->code);
    }
    return out;
  }
  // Messages and helps, one a line.
  std::string words() const {
    std::string out;
    for (const diag::Diagnostic& report : emitter.sorted()) {
      out += report.message + "\n";
      for (const std::string& help : report.helps) out += "help: " + help + "\n";
    }
    return out;
  }
};

// A source of text with two targets and a vocabulary, in front of what a test is about.
inline const std::string kText =
    "vocab en { lowercase = true }\n"
    "data news {\n"
    "  format = conll, train = \"train.conll\", dev = \"dev.conll\"\n"
    "  words : token(en)[T] = column(0)\n"
    "  tags  : label[T] = column(1)\n"
    "  kind  : label = comment(\"kind\")\n"
    "}\n";

// A model over it; `rest` stands in the model.
inline std::string model_with(const std::string& rest) {
  return kText +
         "model m {\n"
         "  shared encoder = embed(8) >> linear(8)\n"
         "  task kind predicts news.kind { head = encoder(news.words) |> mean(over = T) |> linear(|target|) }\n"
         "  task tags predicts news.tags { head = encoder(news.words) |> linear(|target|) }\n" +
         rest + "\n}\n";
}

}  // namespace mtl::sema
