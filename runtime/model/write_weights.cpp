// Lays out the sections of a weights file: heads, numbers, vocabularies with their tables.
#include "runtime/model/write_weights.h"

#include <cstring>
#include <stdexcept>

namespace mtl::runtime::deploy {
namespace {

constexpr size_t kMostNames = size_t{1} << 30;

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}
template <class T>
void put(std::string& out, size_t at, T value) {
  std::memcpy(&out[at], &value, sizeof value);
}

// A quarter to a half of the slots are taken, so that most names are found at once.
uint32_t slots_for(size_t count) {
  uint32_t slots = 4;
  while (slots / 2 < count) slots *= 2;
  return slots;
}

void append_vocabulary(std::string& out, const SectionData& section) {
  const std::vector<std::string>& names = section.names;
  size_t characters = 0;
  for (const std::string& name : names) characters += name.size();
  if (names.size() > kMostNames || characters > UINT32_MAX)
    throw std::invalid_argument("the vocabulary `" + section.name + "` is too large for a file of weights");
  const uint32_t slots = slots_for(names.size());
  std::vector<uint32_t> table(slots);
  for (size_t id = 0; id < names.size(); ++id) {
    uint32_t slot = vocabulary_hash(names[id]) & (slots - 1);
    for (; table[slot] != 0; slot = (slot + 1) & (slots - 1)) {
      if (names[table[slot] - 1] == names[id])
        throw std::invalid_argument("the vocabulary `" + section.name + "` has `" + names[id] + "` twice");
    }
    table[slot] = static_cast<uint32_t>(id + 1);
  }
  append(out, static_cast<uint32_t>(names.size()));
  append(out, slots);
  uint32_t offset = 0;
  append(out, offset);
  for (const std::string& name : names) append(out, offset += static_cast<uint32_t>(name.size()));
  out.append(reinterpret_cast<const char*>(table.data()), table.size() * sizeof(uint32_t));
  for (const std::string& name : names) out += name;
}

}  // namespace

std::string weights_bytes(uint64_t fingerprint, const std::vector<SectionData>& sections) {
  std::string out(kWeightsMagic);
  append(out, uint64_t{0});  // size and checksum: below
  append(out, uint64_t{0});
  append(out, fingerprint);
  append(out, static_cast<uint32_t>(sections.size()));
  append(out, uint32_t{0});
  const size_t list = out.size();
  out.append(sections.size() * 16, '\0');
  for (size_t i = 0; i < sections.size(); ++i) {
    const SectionData& section = sections[i];
    out.append((kWeightsAlignment - out.size() % kWeightsAlignment) % kWeightsAlignment, '\0');
    const size_t begin = out.size();
    if (section.kind == SectionSpec::Kind::vocabulary)
      append_vocabulary(out, section);
    else if (section.count > 0)
      out.append(reinterpret_cast<const char*>(section.numbers), section.count * sizeof(float));
    put(out, list + i * 16, static_cast<uint64_t>(begin));
    put(out, list + i * 16 + 8, static_cast<uint64_t>(out.size() - begin));
  }
  put(out, 8, static_cast<uint64_t>(out.size()));
  put(out, 16, weights_checksum(out.data() + 24, out.size() - 24));
  return out;
}

}  // namespace mtl::runtime::deploy
