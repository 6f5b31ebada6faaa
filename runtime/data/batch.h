// Batches: a choice of examples of one source, packed for a lowered program. No padding.
//
// A Batch owns its buffers at their largest size, so that filling it allocates nothing and its addresses never move:
// programs bind to them once.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/core/kernels.h"
#include "runtime/data/dataset.h"
#include "runtime/data/unknown.h"

namespace mtl::data {

class Batch {
 public:
  // Room for every batch of at most `examples` examples of `split`, whichever they are; and, if `tokens` is not 0, of
  // at most `tokens` positions of each outermost ragged dimension (a single longer example is let in).
  Batch(const Split& split, std::string source, int64_t examples, int64_t tokens = 0);
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  // Gathers these examples, which have to fit. Their order is kept.
  void fill(std::span<const uint32_t> examples);
  // Draws ids of these columns as unknown, by the row's identity: the same ones however the batch is packed. Missing
  // ids stay missing.
  void draw_unknown(const std::vector<UnknownDraw>& draws, uint64_t seed, uint64_t step);

  const std::string& source() const { return source_; }
  int64_t examples() const { return count_; }
  std::span<const uint32_t> chosen() const;
  // By full name: "atis", "atis.T", "atis.T.C". nullptr if the source has no such space. Stable address.
  const runtime::SpaceView* space(const std::string& name) const;
  // By full name: "atis.words". Base of its packed rows (int32_t or float); nullptr if there is none. Stable address.
  const void* column(const std::string& name) const;
  // The most rows that the space ever has (0: no such space).
  int64_t capacity(const std::string& space) const;

 private:
  struct State;
  std::string source_;
  int64_t count_ = 0;
  std::unique_ptr<State> state_;
};

}  // namespace mtl::data
