// Loop kernels to code in memory: equal kernels once, objects from the cache where it has them, the rest compiled on
// up to two threads. The only file that includes ORC.
#include "compiler/codegen/jit.h"

#include <llvm/ExecutionEngine/Orc/ExecutionUtils.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/Support/raw_ostream.h>

#include <thread>

#include "compiler/codegen/emit_kernel.h"
#include "compiler/codegen/object_cache.h"
#include "compiler/codegen/optimize.h"
#include "compiler/codegen/units.h"
#include "support/base/check.h"

namespace mtl::codegen {
namespace {

// Raise it when emitted code changes: objects in the cache are then no longer found.
constexpr const char* kCodeVersion = "2";

// One object for these kernels.
std::unique_ptr<llvm::MemoryBuffer> make_object(const Program& program, const std::vector<const Unit*>& units,
                                                const ObjectCache& cache) {
  std::unique_ptr<llvm::TargetMachine> target = make_target();
  std::string key = std::string(kCodeVersion) + '\n' + target_fingerprint(*target) + '\n';
  for (const Unit* unit : units) key += unit->name + (unit->schedule.lanes ? " by lanes\n" : "\n") + unit->key;
  if (std::optional<std::string> object = cache.find(key))
    return llvm::MemoryBuffer::getMemBufferCopy(*object, "kernels.o");
  llvm::LLVMContext context;
  llvm::Module module("kernels", context);
  prepare_module(module, *target);
  emit_units(module, program, units);
  optimize(module, *target);
  std::unique_ptr<llvm::MemoryBuffer> object = compile_object(module, *target);
  cache.put(key, object->getBuffer().str());
  return object;
}

template <class T>
T must(llvm::Expected<T> value) {
  if (value) return std::move(*value);
  MTL_CHECK(false, "the JIT failed: " + llvm::toString(value.takeError()));
}

}  // namespace

struct Jit::State {
  std::unique_ptr<llvm::orc::LLJIT> jit;
  std::vector<CompiledLoop> loops;
};

Jit::Jit(std::unique_ptr<State> state) : state_(std::move(state)) {}
Jit::~Jit() = default;
const std::vector<CompiledLoop>& Jit::loops() const {
  return state_->loops;
}

std::unique_ptr<Jit> Jit::compile(const program::Program& program, const JitOptions& options) {
  auto state = std::make_unique<State>();
  const Units units = find_units(program, options.lanes);
  const size_t parts = units.list.size() >= 8 && runtime::threads() > 1 ? 2 : 1;
  std::vector<std::vector<const Unit*>> split(parts);
  for (size_t i = 0; i < units.list.size(); ++i) split[i % parts].push_back(&units.list[i]);
  const ObjectCache cache(options.cache_dir);
  std::vector<std::unique_ptr<llvm::MemoryBuffer>> objects(parts);
  make_target();  // LLVM's targets are registered before threads ask for them
  std::thread second;
  if (parts == 2) second = std::thread([&] { objects[1] = make_object(program, split[1], cache); });
  if (!units.list.empty()) objects[0] = make_object(program, split[0], cache);
  if (second.joinable()) second.join();
  if (!units.list.empty()) {
    state->jit = must(llvm::orc::LLJITBuilder().create());
    auto& library = state->jit->getMainJITDylib();
    const char prefix = state->jit->getDataLayout().getGlobalPrefix();
    library.addGenerator(must(llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(prefix)));
    for (auto& object : objects) {
      llvm::Error failed = state->jit->addObjectFile(std::move(object));
      MTL_CHECK(!failed, "the JIT does not take an object file");
    }
  }
  std::vector<CompiledLoop> compiled;
  for (const Unit& unit : units.list) {
    CompiledLoop loop;
    loop.run = must(state->jit->lookup(unit.name)).toPtr<LoopFn>();
    loop.flat = is_flat(*unit.kernel, unit.schedule);
    loop.units = range_units(unit);
    loop.cost = unit.schedule.row_cost;
    if (loop.flat) loop.cost /= static_cast<double>(loop.units);
    compiled.push_back(loop);
  }
  for (int unit : units.of_step)
    state->loops.push_back(unit < 0 ? CompiledLoop{} : compiled[static_cast<size_t>(unit)]);
  return std::unique_ptr<Jit>(new Jit(std::move(state)));
}

std::string emit_llvm(const program::Program& program) {
  const Units units = find_units(program, true);
  std::vector<const Unit*> all;
  for (const Unit& unit : units.list) all.push_back(&unit);
  std::unique_ptr<llvm::TargetMachine> target = make_target();
  llvm::LLVMContext context;
  llvm::Module module("kernels", context);
  prepare_module(module, *target);
  emit_units(module, program, all);
  optimize(module, *target);
  std::string text;
  llvm::raw_string_ostream out(text);
  module.print(out, nullptr);
  return out.str();
}

}  // namespace mtl::codegen
