// The commands: one row each, which the command line, `main` and `mtlc doc commands` read. A command's function returns
// the exit code of the process.
#pragma once
#include <span>
#include <string_view>

#include "compiler/driver/options.h"

namespace mtl::driver {

int run_check(const Options& options);
int run_train(const Options& options);  // run and train
int run_eval(const Options& options);
int run_predict(const Options& options);
int run_emit(const Options& options);
int run_emit_package(const Options& options);
int run_doc(const Options& options);
int run_explain(const Options& options);

struct Command {
  const char* name;
  const char* argument;        // "FILE"
  const char* argument_about;  // of its help
  const char* about;
  const char* example;
  int (*run)(const Options& options);
};

std::span<const Command> commands();

}  // namespace mtl::driver
