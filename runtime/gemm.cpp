// Matrix products: dnnl_sgemm on blocks, own loops where one side is so narrow that packing does not pay.
#include "runtime/gemm.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include "runtime/parallel.h"
#include "runtime/vector.h"

// oneDNN exports it beside dnnl_sgemm and declares it in its own tests, in no header. Processors without AVX-512 get an
// error status, which has_bf16_products() asks for.
extern "C" dnnl_status_t dnnl_gemm_bf16bf16f32(char transpose_a, char transpose_b, dnnl_dim_t m, dnnl_dim_t n,
                                               dnnl_dim_t k, float alpha, const uint16_t* a, dnnl_dim_t lda,
                                               const uint16_t* b, dnnl_dim_t ldb, float beta, float* c, dnnl_dim_t ldc);

namespace mtl::runtime {
namespace {

constexpr int64_t kNarrow = 8;

// Rows of vectors, and where their dot products go: c[i * row_step + j * column_step].
struct DotProducts {
  int64_t m, n, k;
  const float* a;
  int64_t lda;
  const float* b;
  int64_t ldb;
  float* c;
  int64_t row_step, column_step;
  bool accumulate;
};

// c = a b^T, 2 rows of a against 8 rows of b at a time.
MTL_CLONES void dot_products(const DotProducts& p) {
  const int64_t whole = p.k / kLanes * kLanes;
  for (int64_t i = 0; i < p.m; i += 2) {
    const float* a0 = p.a + i * p.lda;
    const float* a1 = i + 1 < p.m ? a0 + p.lda : a0;
    for (int64_t j = 0; j < p.n; j += 8) {
      const float* b[8];
      for (int64_t u = 0; u < 8; ++u) b[u] = p.b + (j + u < p.n ? j + u : p.n - 1) * p.ldb;
      Floats sum[16] = {};
      for (int64_t x = 0; x < whole; x += kLanes) {
        const Floats u = load(a0 + x), v = load(a1 + x);
        for (int w = 0; w < 8; ++w) {
          const Floats row = load(b[w] + x);
          sum[w] += u * row;
          sum[w + 8] += v * row;
        }
      }
      const Floats vector = sums_of_16(sum);
      float dots[kLanes];
      store(dots, vector);
      const int64_t rows = p.m - i < 2 ? p.m - i : 2, columns = p.n - j < 8 ? p.n - j : 8;
      for (int64_t r = 0; r < rows; ++r) {
        const float* ar = r == 0 ? a0 : a1;
        for (int64_t w = 0; w < columns; ++w) {
          float dot = dots[r * 8 + w];
          for (int64_t x = whole; x < p.k; ++x) dot += ar[x] * b[w][x];
          float& c = p.c[(i + r) * p.row_step + (j + w) * p.column_step];
          c = p.accumulate ? c + dot : dot;
        }
      }
    }
  }
}

// c = a b^T for n <= 8 or m <= 2; the two rows at a time are those of the narrower matrix if it has no more.
void narrow_product(const Gemm& p) {
  if (p.n <= 2) return dot_products({p.n, p.m, p.k, p.b, p.ldb, p.a, p.lda, p.c, 1, p.ldc, p.accumulate});
  dot_products({p.m, p.n, p.k, p.a, p.lda, p.b, p.ldb, p.c, p.ldc, 1, p.accumulate});
}

// c = a b for k <= 8: each row of c is a sum of k rows of b.
template <int K>
MTL_INLINE void row_sums_of(const Gemm& p) {
  for (int64_t i = 0; i < p.m; ++i) {
    Floats weight[K];
    for (int x = 0; x < K; ++x) weight[x] = splat(p.a[i * p.lda + x]);
    float* c = p.c + i * p.ldc;
    int64_t j = 0;
    for (; j + kLanes <= p.n; j += kLanes) {
      Floats sum = p.accumulate ? load(c + j) : Floats{};
      for (int x = 0; x < K; ++x) sum += weight[x] * load(p.b + x * p.ldb + j);
      store(c + j, sum);
    }
    for (; j < p.n; ++j) {
      float sum = p.accumulate ? c[j] : 0.0f;
      for (int x = 0; x < K; ++x) sum += p.a[i * p.lda + x] * p.b[x * p.ldb + j];
      c[j] = sum;
    }
  }
}
MTL_CLONES void row_sums(const Gemm& p) {
  switch (p.k) {
    case 1:
      return row_sums_of<1>(p);
    case 2:
      return row_sums_of<2>(p);
    case 3:
      return row_sums_of<3>(p);
    case 4:
      return row_sums_of<4>(p);
    case 5:
      return row_sums_of<5>(p);
    case 6:
      return row_sums_of<6>(p);
    case 7:
      return row_sums_of<7>(p);
    default:
      return row_sums_of<8>(p);
  }
}

template <class T>
void clear(const GemmOf<T>& p) {
  if (p.accumulate) return;
  for (int64_t i = 0; i < p.m; ++i) {
    for (int64_t j = 0; j < p.n; ++j) p.c[i * p.ldc + j] = 0.0f;
  }
}

// One block on this thread; oneDNN must not fork, which it would outside of a parallel region.
void block(const Gemm& p) {
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) return clear(p);
  if (!p.transpose_a && p.transpose_b && p.k >= kLanes && (p.n <= kNarrow || p.m <= 2)) return narrow_product(p);
  if (!p.transpose_a && !p.transpose_b && p.k <= kNarrow && p.n >= kLanes) return row_sums(p);
  dnnl_sgemm(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a, p.lda, p.b, p.ldb,
             p.accumulate ? 1.0f : 0.0f, p.c, p.ldc);
}

void block(const GemmBf16& p) {
  if (p.m <= 0 || p.n <= 0) return;
  if (p.k <= 0) return clear(p);
  dnnl_gemm_bf16bf16f32(p.transpose_a ? 'T' : 'N', p.transpose_b ? 'T' : 'N', p.m, p.n, p.k, 1.0f, p.a, p.lda, p.b,
                        p.ldb, p.accumulate ? 1.0f : 0.0f, p.c, p.ldc);
}

// How many blocks: by arithmetic alone.
template <class T>
int64_t block_count(const GemmOf<T>& p) {
  const double flops = 2.0 * static_cast<double>(p.m) * static_cast<double>(p.n) * static_cast<double>(p.k);
  if (flops < 0.5e6) return 1;
  return flops < 1e8 ? 2 : flops < 1e9 ? 4 : 8;
}

template <class T>
GemmOf<T> part(const GemmOf<T>& p, bool by_rows, int64_t parts, int64_t i) {
  constexpr int64_t kStep = 16;
  const int64_t size = by_rows ? p.m : p.n;
  Range range = part_range((size + kStep - 1) / kStep, parts, i);
  range.begin *= kStep;
  range.end = range.end * kStep < size ? range.end * kStep : size;
  GemmOf<T> out = p;
  if (by_rows) {
    out.m = range.end - range.begin;
    out.a += p.transpose_a ? range.begin : range.begin * p.lda;
    out.c += range.begin * p.ldc;
  } else {
    out.n = range.end - range.begin;
    out.b += p.transpose_b ? range.begin * p.ldb : range.begin;
    out.c += range.begin;
  }
  return out;
}

template <class T>
void on_this_thread(const GemmOf<T>& product) {
  if (omp_in_parallel()) return block(product);
  const int before = omp_get_max_threads();
  if (before > 1) omp_set_num_threads(1);
  block(product);
  if (before > 1) omp_set_num_threads(before);
}

template <class T>
void in_blocks(const GemmOf<T>& product) {
  const int64_t parts = block_count(product);
  // Cutting rows lets every block read b whole; very wide results are cut by columns instead.
  const bool by_rows = product.n < 2 * product.m;
  if (parts == 1) return on_this_thread(product);
  parallel_for(parts, [&](int64_t i) { on_this_thread(part(product, by_rows, parts, i)); });
}

}  // namespace

void gemm_serial(const Gemm& product) {
  on_this_thread(product);
}
void gemm(const Gemm& product) {
  in_blocks(product);
}
void gemm(const GemmBf16& product) {
  in_blocks(product);
}

bool has_bf16_products() {
  static const bool has = [] {
    const uint16_t one = 0x3F80;
    float c = 0;
    return dnnl_gemm_bf16bf16f32('N', 'N', 1, 1, 1, 1.0f, &one, 1, &one, 1, 0.0f, &c, 1) == dnnl_success && c == 1.0f;
  }();
  return has;
}

}  // namespace mtl::runtime
