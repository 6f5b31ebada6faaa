// Matrix products: our own tiles, or dnnl_sgemm on blocks where the processor has AVX-512.
#include "runtime/gemm.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include "runtime/packed_product.h"
#include "runtime/parallel.h"
#include "runtime/product_tiles.h"

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
template <class T>
void in_blocks(const GemmOf<T>& p, double count) {
  int64_t by_rows = 1, by_columns = 1;
  for (double rows = static_cast<double>(p.m), columns = static_cast<double>(p.n);
       2 * static_cast<double>(by_rows * by_columns) <= count && std::max(rows, columns) >= 32;) {
    if (columns >= 2 * rows) {
      by_columns *= 2;
      columns /= 2;
    } else {
      by_rows *= 2;
      rows /= 2;
    }
  }
  parallel_for(by_rows * by_columns, [&](int64_t i) {
    block(part_of(p, stepped_range(p.m, by_rows, i / by_columns), stepped_range(p.n, by_columns, i % by_columns)));
  });
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
                       tiles::packed_columns<Level>(n) * k};
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

void packed(const Gemm& p, float* workspace) {
  constexpr int64_t kRows = 48, kColumns = 64;  // multiples of all levels' tiles
  float *a = workspace, *b = workspace + packed_sizes(p.m, p.n, p.k).a;
  const bool in_place = tiles::is_read_in_place(p);
  const Bands of_a = bands_of(in_place ? 0 : p.m, kRows, kFloatsWorthAThread / p.k),
              of_b = bands_of(p.n, kColumns, kFloatsWorthAThread / p.k);
  parallel_for(of_a.count + of_b.count, [&](int64_t i) {
    const bool is_a = i < of_a.count;
    pack_operand(p, is_a, is_a ? of_a.range(i) : of_b.range(i - of_a.count), is_a ? a : b);
  });
  const int64_t rows = static_cast<int64_t>(kFlopsOfPart / (2.0 * kColumns * static_cast<double>(p.k)));
  const Bands by_rows = bands_of(p.m, kRows, rows), by_columns = bands_of(p.n, kColumns, kColumns);
  parallel_for(by_rows.count * by_columns.count, [&](int64_t i) {
    tiles_of_part(p, in_place ? nullptr : a, b, by_rows.range(i / by_columns.count),
                  by_columns.range(i % by_columns.count));
  });
}

}  // namespace

void gemm_serial(const Gemm& product) {
  block(product);
}

size_t gemm_workspace(int64_t m, int64_t n, int64_t k) {
  if (!is_packed(m, n, k)) return 0;
  const PackedSizes sizes = packed_sizes(m, n, k);
  return static_cast<size_t>(sizes.a + sizes.b) * sizeof(float);
}
void gemm(const Gemm& p, void* workspace) {
  if (is_packed(p.m, p.n, p.k)) return packed(p, static_cast<float*>(workspace));
  const double flops = flops_of(p.m, p.n, p.k);
  in_blocks(p, cpu_level() == CpuLevel::v4 ? library_blocks(flops) : own_blocks(flops));
}
void gemm(const GemmBf16& p, void*) {
  in_blocks(p, library_blocks(flops_of(p.m, p.n, p.k)));
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
