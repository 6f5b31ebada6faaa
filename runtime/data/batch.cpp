// Packing: the rows of a chosen example lie together in every column of a split, so a batch is a copy of stretches,
// and the views (offsets, parents, positions, order, identities) are filled along the way.
#include "runtime/data/batch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <numeric>

#include "runtime/core/random.h"
#include "support/base/check.h"

namespace mtl::data {
namespace {

constexpr size_t kAlignment = 64;

struct FreeBytes {
  void operator()(void* bytes) const { std::free(bytes); }
};
template <class T>
using Buffer = std::unique_ptr<T[], FreeBytes>;

template <class T>
Buffer<T> make_buffer(int64_t count) {
  const size_t bytes =
      (static_cast<size_t>(std::max<int64_t>(count, 1)) * sizeof(T) + kAlignment - 1) / kAlignment * kAlignment;
  void* memory = std::aligned_alloc(kAlignment, bytes);
  if (memory == nullptr) out_of_memory("a batch", bytes);
  std::memset(memory, 0, bytes);
  return Buffer<T>(static_cast<T*>(memory));
}

// Rows of a space at most: the sum of the `examples` largest.
int64_t sum_of_largest(std::vector<int64_t> rows, int64_t examples) {
  const auto count = std::min(static_cast<size_t>(examples), rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(), std::greater<>());
  return std::accumulate(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), int64_t{0});
}

int64_t largest_of(const std::vector<int64_t>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

}  // namespace

// One space of the batch: the examples, or a ragged dimension.
struct BatchSpace {
  std::string full_name;
  const Ragged* ragged = nullptr;  // null: the examples
  size_t parent = 0;               // index of the enclosing space
  int64_t capacity = 0;            // rows
  int64_t longest = 0;             // segment in the whole split
  Buffer<int32_t> offsets, parents, positions, order, counts;
  Buffer<uint64_t> identities;
  runtime::SpaceView view;
};

struct BatchColumn {
  const Column* column = nullptr;
  size_t space = 0;
  Buffer<float> bytes;  // int32 and float have one size
};

struct Batch::State {
  const Split* split = nullptr;
  std::vector<uint32_t> chosen;
  std::vector<BatchSpace> spaces;  // parents first
  std::map<std::string, size_t> space_of;
  std::map<std::string, size_t> column_of;
  std::vector<BatchColumn> columns;
  // By space: where the rows of each chosen example begin and end in the split.
  std::vector<std::vector<std::pair<int32_t, int32_t>>> stretches;

  void add_space(std::string name, const Ragged* ragged, size_t parent, int64_t capacity, int64_t parent_capacity);
  void add_ragged(const std::string& source, int64_t examples, int64_t tokens);
  void fill_examples();
  void fill_ragged(size_t index);
  static void sort_by_length(BatchSpace& space);
};

static_assert(sizeof(float) == sizeof(int32_t));

void Batch::State::add_space(std::string name, const Ragged* ragged, size_t parent, int64_t capacity,
                             int64_t parent_capacity) {
  BatchSpace space;
  space.full_name = std::move(name);
  space.ragged = ragged;
  space.parent = parent;
  space.capacity = capacity;
  space.offsets = make_buffer<int32_t>(parent_capacity + 1);
  space.order = make_buffer<int32_t>(parent_capacity);
  space.parents = make_buffer<int32_t>(capacity);
  space.positions = make_buffer<int32_t>(capacity);
  space.identities = make_buffer<uint64_t>(capacity);
  if (ragged) {
    for (size_t i = 1; i < ragged->offsets.size(); ++i) {
      space.longest = std::max<int64_t>(space.longest, ragged->offsets[i] - ragged->offsets[i - 1]);
    }
    space.counts = make_buffer<int32_t>(space.longest + 2);
  }
  space.view.offsets = space.offsets.get();
  space.view.parent = space.parents.get();
  space.view.position = space.positions.get();
  space.view.order = space.order.get();
  space.view.identity = space.identities.get();
  space.view.rows = 0;
  space_of[space.full_name] = spaces.size();
  stretches.emplace_back(chosen.capacity());
  spaces.push_back(std::move(space));
}

void Batch::State::add_ragged(const std::string& source, int64_t examples, int64_t tokens) {
  std::map<std::string, std::vector<int64_t>> starts;  // by dimension: the first row of each example, and the end
  for (const auto& [name, ragged] : split->ragged) {   // "T" sorts before "T.C"
    const bool outermost = ragged.parent.empty();
    std::vector<int64_t>& own = starts[name];
    for (int64_t e = 0; e <= split->examples; ++e) {
      own.push_back(ragged.offsets[outermost ? static_cast<size_t>(e) : static_cast<size_t>(starts[ragged.parent][e])]);
    }
    std::vector<int64_t> rows;
    for (int64_t e = 0; e < split->examples; ++e) rows.push_back(own[e + 1] - own[e]);
    const size_t parent = outermost ? 0 : space_of.at(source + "." + ragged.parent);
    int64_t capacity = sum_of_largest(rows, examples);
    int64_t longest = 0;
    for (size_t i = 1; i < ragged.offsets.size(); ++i)
      longest = std::max<int64_t>(longest, ragged.offsets[i] - ragged.offsets[i - 1]);
    if (tokens > 0 && outermost) capacity = std::min(capacity, std::max(tokens, largest_of(rows)));
    if (!outermost) capacity = std::min(capacity, spaces[parent].capacity * longest);
    add_space(source + "." + name, &ragged, parent, capacity, spaces[parent].capacity);
  }
}

Batch::Batch(const Split& split, std::string source, int64_t examples, int64_t tokens)
    : source_(std::move(source)), state_(std::make_unique<State>()) {
  examples = std::max<int64_t>(1, std::min(examples, split.examples));
  state_->split = &split;
  state_->chosen.reserve(static_cast<size_t>(examples));
  state_->spaces.reserve(split.ragged.size() + 1);
  state_->add_space(source_, nullptr, 0, examples, 1);
  state_->add_ragged(source_, examples, tokens);
  for (const auto& [name, column] : split.columns) {
    const size_t space = state_->space_of.at(column.dim.empty() ? source_ : source_ + "." + column.dim);
    state_->column_of[source_ + "." + name] = state_->columns.size();
    state_->columns.push_back({&column, space, make_buffer<float>(state_->spaces[space].capacity * column.width)});
  }
}

Batch::~Batch() = default;

void Batch::State::fill_examples() {
  BatchSpace& space = spaces[0];
  const auto count = static_cast<int32_t>(chosen.size());
  for (int32_t i = 0; i < count; ++i) {
    const uint32_t example = chosen[static_cast<size_t>(i)];
    space.parents[i] = 0;
    space.positions[i] = i;
    space.identities[i] = runtime::example_identity(example);
    stretches[0][static_cast<size_t>(i)] = {static_cast<int32_t>(example), static_cast<int32_t>(example) + 1};
  }
  space.offsets[0] = 0;
  space.offsets[1] = count;
  space.order[0] = 0;
  space.view.rows = space.view.longest = count;
  space.view.parent_rows = 1;
}

// Parent rows by falling length, equal ones in their order: a counting sort.
void Batch::State::sort_by_length(BatchSpace& space) {
  int32_t* const counts = space.counts.get();
  const int64_t longest = space.view.longest, parents = space.view.parent_rows;
  std::fill(counts, counts + longest + 2, 0);
  for (int64_t i = 0; i < parents; ++i) ++counts[longest - (space.offsets[i + 1] - space.offsets[i]) + 1];
  for (int64_t k = 1; k <= longest; ++k) counts[k] += counts[k - 1];
  for (int64_t i = 0; i < parents; ++i) {
    space.order[counts[longest - (space.offsets[i + 1] - space.offsets[i])]++] = static_cast<int32_t>(i);
  }
}

void Batch::State::fill_ragged(size_t index) {
  BatchSpace& space = spaces[index];
  const BatchSpace& above = spaces[space.parent];
  const std::vector<int32_t>& source = space.ragged->offsets;
  int32_t row = 0;
  int64_t parent_row = 0, longest = 0;
  space.offsets[0] = 0;
  for (size_t e = 0; e < chosen.size(); ++e) {
    const auto [begin, end] = stretches[space.parent][e];  // rows of the parent in the split
    stretches[index][e] = {source[begin], source[end]};
    MTL_CHECK(row + (source[end] - source[begin]) <= space.capacity, "a batch with more rows than it has room for");
    for (int32_t p = begin; p < end; ++p, ++parent_row) {
      const int32_t length = source[p + 1] - source[p];
      const uint64_t identity = above.identities[parent_row];
      for (int32_t i = 0; i < length; ++i, ++row) {
        space.parents[row] = static_cast<int32_t>(parent_row);
        space.positions[row] = i;
        space.identities[row] = runtime::child_identity(identity, static_cast<uint64_t>(i));
      }
      longest = std::max<int64_t>(longest, length);
      space.offsets[parent_row + 1] = row;
    }
  }
  space.view.rows = row;
  space.view.parent_rows = parent_row;
  space.view.longest = longest;
  sort_by_length(space);
}

void Batch::fill(std::span<const uint32_t> examples) {
  State& state = *state_;
  MTL_CHECK(static_cast<int64_t>(examples.size()) <= state.spaces[0].capacity,
            "a batch with more examples than it has room for");
  state.chosen.assign(examples.begin(), examples.end());
  for (const uint32_t example : examples)
    MTL_CHECK(example < state.split->examples, "an example that the split does not have");
  count_ = static_cast<int64_t>(examples.size());
  state.fill_examples();
  for (size_t s = 1; s < state.spaces.size(); ++s) state.fill_ragged(s);
  for (BatchColumn& column : state.columns) {
    const auto width = static_cast<size_t>(column.column->width);
    const char* const from = column.column->is_ids ? reinterpret_cast<const char*>(column.column->ids.data())
                                                   : reinterpret_cast<const char*>(column.column->numbers.data());
    char* to = reinterpret_cast<char*>(column.bytes.get());
    for (size_t e = 0; e < examples.size(); ++e) {
      const auto [begin, end] = state.stretches[column.space][e];
      const size_t bytes = static_cast<size_t>(end - begin) * width * sizeof(float);
      if (bytes > 0) std::memcpy(to, from + static_cast<size_t>(begin) * width * sizeof(float), bytes);
      to += bytes;
    }
  }
}

void Batch::draw_unknown(const std::vector<UnknownDraw>& draws, uint64_t seed, uint64_t step) {
  for (const UnknownDraw& draw : draws) {
    const auto found = state_->column_of.find(draw.column);
    if (found == state_->column_of.end()) continue;
    BatchColumn& column = state_->columns[found->second];
    const BatchSpace& space = state_->spaces[column.space];
    const uint64_t stream = runtime::random_stream(seed, step, draw.key);
    const int64_t width = column.column->width;
    auto* id = reinterpret_cast<int32_t*>(column.bytes.get());
    for (int64_t row = 0; row < space.view.rows; ++row) {
      const uint64_t mine = runtime::random_row(stream, space.identities[row]);
      for (int64_t e = 0; e < width; ++e, ++id) {
        const bool drawn = runtime::random_unit(runtime::random_bits(mine, static_cast<uint32_t>(e))) < draw.share;
        if (drawn && *id >= 0) *id = draw.ids[draw.ids.size() == 1 ? 0 : static_cast<size_t>(e)];
      }
    }
  }
}

std::span<const uint32_t> Batch::chosen() const {
  return state_->chosen;
}

const runtime::SpaceView* Batch::space(const std::string& name) const {
  const auto found = state_->space_of.find(name);
  return found == state_->space_of.end() ? nullptr : &state_->spaces[found->second].view;
}

const void* Batch::column(const std::string& name) const {
  const auto found = state_->column_of.find(name);
  return found == state_->column_of.end() ? nullptr : state_->columns[found->second].bytes.get();
}

int64_t Batch::capacity(const std::string& space) const {
  const auto found = state_->space_of.find(space);
  return found == state_->space_of.end() ? 0 : state_->spaces[found->second].capacity;
}

}  // namespace mtl::data
