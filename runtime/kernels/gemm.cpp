// Matrix products: our own tiles, or dnnl_sgemm on blocks where the processor has AVX-512.
#include "runtime/core/gemm.h"

#include <oneapi/dnnl/dnnl.h>

#include "runtime/core/packed_product.h"
#include "runtime/core/parallel.h"
#include "runtime/core/product_tiles.h"

// Of the OpenMP runtime that oneDNN runs on, whichever the compiler would bring.
extern "C" void omp_set_num_threads(int count);
// oneDNN exports it beside dnnl_sgemm and declares it in its own tests, in no header. Processors without AVX-512 get an
// error status, which has_bf16_products() asks for.
extern "C" dnnl_status_t dnnl_gemm_bf16bf16f32(char transpose_a, char transpose_b, dnnl_dim_t m, dnnl_dim_t n,
                                               dnnl_dim_t k, float alpha, const uint16_t* a, dnnl_dim_t lda,
                                               const uint16_t* b, dnnl_dim_t ldb, float beta, float* c, dnnl_dim_t ldc);

namespace mtl::runtime {
namespace {

constexpr int64_t kNarrow = 8;

double flops_of(int64_t m, int64_t n, int64_t k) {
  return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
}

// ---- oneDNN.

// It must not fork, and asks the calling thread how many threads there are.
void keep_to_this_thread() {
  thread_local const bool kept = [] {
    omp_set_num_threads(1);
    return true;
  }();
  static_cast<void>(kept);
}

void library_product(const Gemm& p) {
  keep_to_this_thread();
  dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a, p.lda, p.b, p.ldb,
             p.accumulate ? 1.0f : 0.0f, p.c, p.ldc);
}
void library_product(const GemmBf16& p) {
  keep_to_this_thread();
  dnnl_gemm_bf16bf16f32(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a, p.lda, p.b,
                        p.ldb, p.accumulate ? 1.0f : 0.0f, p.c, p.ldc);
}

// ---- One block on this thread.

void own_product(const Gemm& p) {
  at_level([=](auto level) MTL_BODY { tiles::product<decltype(level)>(p); });
}
template <class T>
void clear(const GemmOf<T>& p) {
  if (p.accumulate) return;
  for (int64_t i = 0; i < p.m; ++i) std::fill_n(p.c + i * p.ldc, p.n, 0.0f);
}

// Whether a side is so narrow that packing for oneDNN does not pay.
bool is_narrow(const Gemm& p) {
  if (!p.transpose_a && p.transpose_b) return p.k >= kMostLanes && (p.n <= kNarrow || p.m <= 2);
  return !p.transpose_a && p.k <= kNarrow && p.n >= kMostLanes;
}
void block(const Gemm& p) {
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) return clear(p);
  if (cpu_level() != CpuLevel::v4 || is_narrow(p)) return own_product(p);
  library_product(p);
}
void block(const GemmBf16& p) {
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) return clear(p);
  library_product(p);
}

// ---- Cut into blocks that are products of their own.

template <class T>
GemmOf<T> part_of(const GemmOf<T>& p, Range rows, Range columns) {
  GemmOf<T> out = p;
  out.m = rows.end - rows.begin;
  out.n = columns.end - columns.begin;
  out.a += p.transpose_a ? rows.begin : rows.begin * p.lda;
  out.b += p.transpose_b ? columns.begin * p.ldb : columns.begin;
  out.c += rows.begin * p.ldc + columns.begin;
  return out;
}
// Part i of `count` items in steps of 16.
Range stepped_range(int64_t count, int64_t parts, int64_t i) {
  constexpr int64_t kStep = 16;
  const Range steps = part_range((count + kStep - 1) / kStep, parts, i);
  return {steps.begin * kStep, std::min(count, steps.end * kStep)};
}

// Into how many blocks: by arithmetic alone. Each of oneDNN's packs its part of a and of b for itself, so there are
// few; ours read them as they lie.
constexpr double kFlopsWorthTwo = 0.5e6, kFlopsOfLibraryBlock = 32e6, kFlopsOfOwnBlock = 0.4e6;
double library_blocks(double flops) {
  return flops < kFlopsWorthTwo ? 1 : std::max(2.0, flops / kFlopsOfLibraryBlock);
}
double own_blocks(double flops) {
  return flops / kFlopsOfOwnBlock;
}

// Halves blocks until there are so many: their columns where they are at least twice as wide as high.
struct Blocks {
  int64_t by_rows = 1, by_columns = 1;
  int64_t count() const { return by_rows * by_columns; }
};
Blocks blocks_of(int64_t m, int64_t n, double count) {
  Blocks blocks;
  for (double rows = static_cast<double>(m), columns = static_cast<double>(n);
       2 * static_cast<double>(blocks.count()) <= count && std::max(rows, columns) >= 32;) {
    if (columns >= 2 * rows) {
      blocks.by_columns *= 2;
      columns /= 2;
    } else {
      blocks.by_rows *= 2;
      rows /= 2;
    }
  }
  return blocks;
}
template <class T>
void one_block(const GemmOf<T>& p, const Blocks& blocks, int64_t i) {
  block(part_of(p, stepped_range(p.m, blocks.by_rows, i / blocks.by_columns),
                stepped_range(p.n, blocks.by_columns, i % blocks.by_columns)));
}

// ---- Packed by all threads, then cut as finely as one likes.

constexpr double kFlopsWorthPacking = 2e6;
constexpr double kFlopsOfPart = 2.5e6;  // about 30 us on a core with AVX2
constexpr int64_t kFloatsWorthAThread = 16384;

bool is_packed(int64_t m, int64_t n, int64_t k) {
  return cpu_level() != CpuLevel::v4 && m >= 32 && n >= 32 && flops_of(m, n, k) >= kFlopsWorthPacking;
}

struct PackedSizes {
  int64_t a, b;  // floats
};
PackedSizes packed_sizes(int64_t m, int64_t n, int64_t k) {
  return at_level([=](auto level) MTL_BODY {
    using Level = decltype(level);
    return PackedSizes{tiles::up_to_multiple(tiles::packed_rows<Level>(m) * k, kMostLanes),
                       tiles::up_to_multiple(tiles::packed_columns<Level>(n) * k, kMostLanes)};
  });
}

template <class Level>
MTL_INLINE void pack_range(const Gemm& p, bool of_a, Range range, float* panels) {
  if (of_a)
    tiles::pack_a<Level>(p, range.begin, range.end, panels);
  else
    tiles::pack_b<Level>(p, range.begin, range.end, panels);
}
void pack_operand(const Gemm& p, bool of_a, Range range, float* panels) {
  at_level([=](auto level) MTL_BODY { pack_range<decltype(level)>(p, of_a, range, panels); });
}
void tiles_of_part(const Gemm& p, const float* a, const float* b, Range rows, Range columns) {
  at_level([=](auto level) MTL_BODY {
    using Level = decltype(level);
    tiles::packed_part<Level>(p, a, b, rows.begin, rows.end, columns.begin, columns.end);
  });
}

// Bands of whole tiles (multiples of `step`), each of at least `least` items.
struct Bands {
  int64_t count, size, total;
  Range range(int64_t i) const { return {i * size, std::min(total, (i + 1) * size)}; }
};
Bands bands_of(int64_t total, int64_t step, int64_t least) {
  const int64_t size = tiles::up_to_multiple(std::max<int64_t>(1, std::min(total, least)), step);
  return {(total + size - 1) / size, size, total};
}

// ---- Products that are computed together.

bool is_same_operand(const Gemm& p, const Gemm& q, bool of_a) {
  if (p.k != q.k) return false;
  return of_a ? p.a == q.a && p.lda == q.lda && p.m == q.m && p.transpose_a == q.transpose_a
              : p.b == q.b && p.ldb == q.ldb && p.n == q.n && p.transpose_b == q.transpose_b;
}

// Part `i` of several things, each of some parts.
template <class Thing>
const Thing& thing_of(const Thing* things, int64_t& i) {
  for (; i >= things->parts; ++things) i -= things->parts;
  return *things;
}

class Group {
 public:
  Group(const Gemm* products, int count, float* workspace) : next_(workspace) {
    for (int i = 0; i < count; ++i) add(products[i]);
  }
  void run() {
    if (packings_ > 0) parallel_for(parts_of(packing_, packings_), [&](int64_t i) { pack(i); });
    parallel_for(parts_of(work_, works_), [&](int64_t i) { compute(i); });
  }

 private:
  static constexpr int64_t kRows = 48, kColumns = 64;  // multiples of all levels' tiles
  struct Packing {
    Gemm product;
    bool of_a = false;
    float* panels = nullptr;
    Bands bands{};
    int64_t parts = 0;
  };
  struct Work {
    Gemm product;
    bool packed = false;
    const float *a = nullptr, *b = nullptr;
    Bands by_rows{}, by_columns{};
    Blocks blocks;
    int64_t parts = 0;
  };
  template <class Thing>
  static int64_t parts_of(const Thing* things, int count) {
    int64_t parts = 0;
    for (int i = 0; i < count; ++i) parts += things[i].parts;
    return parts;
  }

  void add(const Gemm& p) {
    Work& work = work_[works_++];
    work.product = p;
    work.packed = is_packed(p.m, p.n, p.k);
    if (!work.packed) {
      const double flops = flops_of(p.m, p.n, p.k);
      work.blocks = blocks_of(p.m, p.n, cpu_level() == CpuLevel::v4 ? library_blocks(flops) : own_blocks(flops));
      work.parts = work.blocks.count();
      return;
    }
    if (!tiles::is_read_in_place(p)) work.a = packed(p, true);
    work.b = packed(p, false);
    const int64_t rows = static_cast<int64_t>(kFlopsOfPart / (2.0 * kColumns * static_cast<double>(p.k)));
    work.by_rows = bands_of(p.m, kRows, rows);
    work.by_columns = bands_of(p.n, kColumns, kColumns);
    work.parts = work.by_rows.count * work.by_columns.count;
  }

  // Where an operand's panels will be.
  const float* packed(const Gemm& p, bool of_a) {
    for (int i = 0; i < packings_; ++i) {
      if (packing_[i].of_a == of_a && is_same_operand(packing_[i].product, p, of_a)) return packing_[i].panels;
    }
    Packing& packing = packing_[packings_++];
    packing.product = p;
    packing.of_a = of_a;
    packing.panels = next_;
    packing.bands = bands_of(of_a ? p.m : p.n, of_a ? kRows : kColumns, kFloatsWorthAThread / p.k);
    packing.parts = packing.bands.count;
    const PackedSizes sizes = packed_sizes(p.m, p.n, p.k);
    next_ += of_a ? sizes.a : sizes.b;
    return packing.panels;
  }

  void pack(int64_t i) const {
    const Packing& packing = thing_of(packing_, i);
    pack_operand(packing.product, packing.of_a, packing.bands.range(i), packing.panels);
  }
  void compute(int64_t i) const {
    const Work& work = thing_of(work_, i);
    if (!work.packed) return one_block(work.product, work.blocks, i);
    tiles_of_part(work.product, work.a, work.b, work.by_rows.range(i / work.by_columns.count),
                  work.by_columns.range(i % work.by_columns.count));
  }

  float* next_;
  Packing packing_[2 * kMostProducts];
  Work work_[kMostProducts];
  int packings_ = 0, works_ = 0;
};

}  // namespace

void gemm_serial(const Gemm& product) {
  block(product);
}

size_t gemm_workspace(int64_t m, int64_t n, int64_t k) {
  if (!is_packed(m, n, k)) return 0;
  const PackedSizes sizes = packed_sizes(m, n, k);
  return static_cast<size_t>(sizes.a + sizes.b) * sizeof(float);
}
void gemm(const Gemm* products, int count, void* workspace) {
  Group(products, count, static_cast<float*>(workspace)).run();
}
void gemm(const Gemm& p, void* workspace) {
  gemm(&p, 1, workspace);
}
void gemm(const GemmBf16& p, void*) {
  const Blocks blocks = blocks_of(p.m, p.n, library_blocks(flops_of(p.m, p.n, p.k)));
  parallel_for(blocks.count(), [&](int64_t i) { one_block(p, blocks, i); });
}

bool has_bf16_products() {
  static const bool has = [] {
    const uint16_t one = 0x3F80;
    float c = 0;
    return cpu_level() == CpuLevel::v4 &&
           dnnl_gemm_bf16bf16f32('N', 'N', 1, 1, 1, 1.0f, &one, 1, &one, 1, 0.0f, &c, 1) == dnnl_success && c == 1.0f;
  }();
  return has;
}

}  // namespace mtl::runtime
