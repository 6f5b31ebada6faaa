// data::Batch as Inputs.
#include "runtime/engine/engine.h"

namespace mtl::engine {
namespace {

class Batches : public Inputs {
 public:
  explicit Batches(std::span<const data::Batch* const> batches) : batches_(batches) {}
  const runtime::SpaceView* space(const std::string& name) const override {
    for (const data::Batch* batch : batches_) {
      if (const runtime::SpaceView* view = batch->space(name)) return view;
    }
    return nullptr;
  }
  const void* column(const std::string& name) const override {
    for (const data::Batch* batch : batches_) {
      if (const void* column = batch->column(name)) return column;
    }
    return nullptr;
  }

 private:
  std::span<const data::Batch* const> batches_;
};

}  // namespace

void Engine::bind(std::span<const data::Batch* const> batches) {
  bind(Batches(batches));
}

}  // namespace mtl::engine
