// Compiles the kernels of a program for a named processor, this one or another.
#include "compiler/codegen/object.h"

#include "compiler/codegen/emit_kernel.h"
#include "compiler/codegen/optimize.h"
#include "compiler/codegen/units.h"

namespace mtl::codegen {

std::optional<Object> compile_object_file(const program::Program& program, const std::string& cpu,
                                          const std::string& prefix) {
  const std::unique_ptr<llvm::TargetMachine> target = make_target(cpu);
  if (!target) return std::nullopt;
  const Units units = find_units(program, true, prefix);
  llvm::LLVMContext context;
  llvm::Module module(prefix, context);
  prepare_module(module, *target);
  std::vector<const Unit*> all;
  for (const Unit& unit : units.list) all.push_back(&unit);
  emit_units(module, program, all);
  optimize(module, *target);
  Object object;
  object.bytes = compile_object(module, *target)->getBuffer().str();
  for (const int number : units.of_step) {
    ObjectLoop loop;
    if (number >= 0) {
      const Unit& unit = units.list[static_cast<size_t>(number)];
      loop = {unit.name, is_flat(*unit.kernel, unit.schedule), range_units(unit)};
    }
    object.loops.push_back(std::move(loop));
  }
  return object;
}

}  // namespace mtl::codegen
