// mtlc: from arguments to a command to an exit code.
#include <csignal>
#include <thread>

#include "compiler/driver/commands.h"
#include "runtime/kernels.h"

int main(int argc, char** argv) {
  using namespace mtl::driver;
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its limit is an error of write(), which is reported, and no end
  int exit = kGood;
  const auto options = parse_options(argc, argv, exit);
  if (!options) return exit;
  mtl::runtime::set_threads(options->threads > 0 ? options->threads
                                                 : static_cast<int>(std::thread::hardware_concurrency()));
  if (options->command == "check") return run_check(*options);
  if (options->command == "run" || options->command == "train") return run_train(*options);
  if (options->command == "eval") return run_eval(*options);
  if (options->command == "predict") return run_predict(*options);
  if (options->command == "emit") return run_emit(*options);
  return run_explain(*options);
}
