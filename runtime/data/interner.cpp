// The hash table behind the numbers of texts.
#include "runtime/data/interner.h"

#include <algorithm>

#include "runtime/core/random.h"

namespace mtl::data {

uint32_t Interner::add(std::string_view text) {
  if (3 * (ends_.size() + 1) > 2 * slots_.size()) grow();
  uint32_t& slot = slots_[slot_of(text)];
  if (slot == 0) {
    bytes_.append(text);
    ends_.push_back(bytes_.size());
    slot = static_cast<uint32_t>(ends_.size());
  }
  return slot - 1;
}

std::optional<uint32_t> Interner::find(std::string_view text) const {
  const uint32_t slot = slots_.empty() ? 0 : slots_[slot_of(text)];
  return slot == 0 ? std::nullopt : std::optional<uint32_t>(slot - 1);
}

size_t Interner::slot_of(std::string_view name) const {
  const size_t mask = slots_.size() - 1;
  size_t at = runtime::mix64(runtime::hash_text(name.data(), name.size())) & mask;
  while (slots_[at] != 0 && text(slots_[at] - 1) != name) at = (at + 1) & mask;
  return at;
}

void Interner::grow() {
  slots_.assign(std::max<size_t>(2 * slots_.size(), 16), 0);
  for (uint32_t number = 0; number < ends_.size(); ++number) slots_[slot_of(text(number))] = number + 1;
}

}  // namespace mtl::data
