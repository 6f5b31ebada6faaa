// Prints the model's answer for one row.
#include <scaled/scaled.h>

#include <cstdio>

int main() {
  const scaled::Model model(SCALED_WEIGHTS);
  scaled::Context context(model);
  std::printf("%.9g\n", context.y(scaled::RowsExample{{1.0, 2.0}}).value);
}
