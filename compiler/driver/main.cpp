// mtlc: from arguments to a command to an exit code.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>

#include "compiler/codegen/out_of_memory.h"
#include "compiler/driver/commands.h"
#include "compiler/driver/terminal.h"
#include "runtime/core/kernels.h"
#include "runtime/threads/processors.h"
#include "support/base/out_of_memory.h"

namespace {

int run(const mtl::driver::Options& options) {
  return std::ranges::find(mtl::driver::commands(), options.command, &mtl::driver::Command::name)->run(options);
}

int cannot_write(const char* why) {
  fmt::print(stderr, "error: cannot write to standard output: {}\n", why);
  return mtl::driver::kUserError;
}

// A file that is opened while one of the three is closed would get its number, and then what is printed.
void open_standard_streams() {
  int file;
  do {
    file = ::open("/dev/null", O_RDWR);
  } while (file >= 0 && file <= STDERR_FILENO);
  if (file >= 0) ::close(file);
}

// Where memory ends in a thread or a destructor, no handler is above it.
std::terminate_handler usual_end;
void end_of_memory() {
  try {
    if (const std::exception_ptr error = std::current_exception()) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    mtl::end_out_of_memory();
  } catch (...) {
  }
  usual_end();
}

}  // namespace

int main(int argc, char** argv) {
  using namespace mtl::driver;
  open_standard_streams();
  usual_end = std::set_terminate(end_of_memory);
  // An exception would have to come through LLVM, which knows none, and through copies of std::variant, which GCC 12
  // destroys where they were never made.
  std::set_new_handler(mtl::end_out_of_memory);
  mtl::codegen::handle_out_of_memory();
  std::signal(SIGXFSZ, SIG_IGN);  // a file at its limit is an error of write(), which is reported, and no end
  int exit = kGood;
  try {
    if (const auto options = parse_options(argc, argv, exit)) {
      mtl::runtime::set_threads(options->threads > 0 ? options->threads : mtl::runtime::usable_processors());
      exit = run(*options);
    }
  } catch (const std::system_error& error) {  // what fmt throws where a print fails
    if (!std::ferror(stdout)) throw;
    return cannot_write(std::strerror(error.code().value()));
  } catch (const std::bad_alloc&) {
    std::fputs(mtl::kOutOfMemory, stderr);
    return kUserError;
  }
  // What is written is not lost without a word.
  const int error = flush_output();
  return error != 0 ? cannot_write(std::strerror(error)) : exit;
}
