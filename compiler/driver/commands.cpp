// See commands.h.
#include "compiler/driver/commands.h"

namespace mtl::driver {

std::span<const Command> commands() {
  static constexpr Command rows[] = {
      {.name = "check",
       .argument = "FILE",
       .argument_about = "A .mtl file",
       .about = "Check a file: names, shapes, settings. Needs no data.",
       .example = "mtlc check slu.mtl",
       .run = run_check},
      {.name = "run",
       .argument = "FILE",
       .argument_about = "A .mtl file",
       .about = "Compile, train, evaluate on test, write the run folder.",
       .example = "mtlc run slu.mtl --data corpora --seed 7",
       .run = run_train},
      {.name = "train",
       .argument = "FILE",
       .argument_about = "A .mtl file",
       .about = "Compile and train; like run without the test split.",
       .example = "mtlc train slu.mtl --resume",
       .run = run_train},
      {.name = "eval",
       .argument = "MODEL",
       .argument_about = "A model.safetensors",
       .about = "Evaluate a trained model on a split of its data.",
       .example = "mtlc eval runs/slu/model.safetensors --data corpora --split dev",
       .run = run_eval},
      {.name = "predict",
       .argument = "MODEL",
       .argument_about = "A model.safetensors",
       .about = "Predict for new text or rows, with a trained model.",
       .example = "echo \"play some jazz\" | mtlc predict runs/slu/model.safetensors --task intent",
       .run = run_predict},
      {.name = "emit",
       .argument = "ARTIFACT",
       .argument_about = "graph, ir, llvm, cpp or object",
       .about = "Print what the compiler makes of a file (graph, ir, llvm), or write a trained model as a C++ "
                "package (cpp, object).",
       .example = "mtlc emit cpp runs/slu/model.safetensors --out slu_package",
       .run = run_emit},
      {.name = "doc",
       .argument = "PART",
       .argument_about = "For example primitives; without it, the list of parts",
       .about = "Print a part of the reference as Markdown, from the compiler's own tables.",
       .example = "mtlc doc transforms",
       .run = run_doc},
      {.name = "explain",
       .argument = "NAME",
       .argument_about = "For example E0312, limit, adamw, bilstm, or nn.Linear",
       .about =
           "Say what a code, a setting, a transform, a metric, a loss, an optimizer, a primitive or a layer means, "
           "or what to write for a word of another language.",
       .example = "mtlc explain E0312",
       .run = run_explain}};
  return rows;
}

}  // namespace mtl::driver
