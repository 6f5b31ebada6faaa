// One function per command; each returns the exit code of the process.
#pragma once
#include "compiler/driver/options.h"

namespace mtl::driver {

int run_check(const Options& options);
int run_train(const Options& options);  // run and train
int run_eval(const Options& options);
int run_predict(const Options& options);
int run_emit(const Options& options);
int run_emit_package(const Options& options);
int run_explain(const Options& options);

}  // namespace mtl::driver
