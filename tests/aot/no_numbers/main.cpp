// An answer is made of scores that are numbers, in a package as in `mtlc predict`; else there is an InputError that
// names the task.
#include <no_numbers/no_numbers.h>

#include <cstdio>
#include <string>

namespace {

int failures = 0;

template <class Call>
void expect(bool answers, const char* task, Call call) {
  bool answered = true;
  try {
    call();
  } catch (const no_numbers::InputError& error) {
    answered = false;
    if (std::string(error.what()).find(std::string("`") + task + "`") == std::string::npos) {
      std::printf("task %s: the error is: %s\n", task, error.what());
      ++failures;
    }
  }
  if (answered == answers) return;
  std::printf("task %s %s\n", task, answered ? "answers without numbers" : "does not answer");
  ++failures;
}

}  // namespace

int main() {
  const no_numbers::Model model(WEIGHTS);
  no_numbers::Context context(model);
  for (const double x : {1.0, 1e30, 2.0}) {
    const bool sound = x < 100;
    no_numbers::RowsExample example;
    example.x = x;
    expect(sound, "y", [&] { context.y(example); });
    expect(sound, "z", [&] { context.z(example); });
    expect(sound, "w", [&] { context.w(example); });
    expect(sound, "u", [&] { context.u(example); });
  }
  return failures == 0 ? 0 : 1;
}
