// Groups the kernels of a program by their keys.
#include "compiler/codegen/units.h"

#include <map>

#include "compiler/codegen/emit_kernel.h"
#include "compiler/codegen/kernel_key.h"

namespace mtl::codegen {

Units find_units(const Program& program, bool lanes, const std::string& prefix) {
  Units units;
  std::map<std::string, int> known;
  for (const program::Step& step : program.steps) {
    const auto* kernel = std::get_if<LoopKernel>(&step.work);
    if (kernel == nullptr) {
      units.of_step.push_back(-1);
      continue;
    }
    std::string key = kernel_key(program, *kernel);
    auto [at, added] = known.emplace(key, static_cast<int>(units.list.size()));
    if (added) {
      const std::string name = prefix + std::to_string(units.list.size());
      units.list.push_back({kernel, make_schedule(program, *kernel, lanes), name, std::move(key)});
    }
    units.of_step.push_back(at->second);
  }
  return units;
}

void emit_units(llvm::Module& module, const Program& program, const std::vector<const Unit*>& units) {
  for (const Unit* unit : units) emit_kernel(module, program, *unit->kernel, unit->schedule, unit->name);
}

int64_t range_units(const Unit& unit) {
  if (is_flat(*unit.kernel, unit.schedule)) return unit.schedule.width;
  if (unit.kernel->form != LoopKernel::Form::column) return 0;
  return unit.schedule.pointwise ? unit.schedule.width : 1;
}

}  // namespace mtl::codegen
