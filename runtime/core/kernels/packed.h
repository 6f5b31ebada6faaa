// Recurrences whose recurrent weights were packed before, for those who run them many times with the same weights: the
// kernels of kernels.def pack them in every call.
#pragma once
#include "runtime/core/kernels.h"

namespace mtl::runtime::kernels {

// Floats that the packed weights of `directions` take; gates: 4 for lstm_scan, 3 for gru_scan. A multiple of 16.
size_t gate_panels_floats(int64_t hidden, int64_t directions, int64_t gates);
// w_hh[d] is [gates * hidden, hidden] of direction d. `panels` is aligned to 64 bytes.
void pack_gate_panels(const float* const* w_hh, int64_t hidden, int64_t directions, int64_t gates, float* panels);
// As lstm_scan and gru_scan, which see for the arguments; the weights among the operands are not read.
void lstm_scan_packed(const KernelArgs& args, const float* panels);
void gru_scan_packed(const KernelArgs& args, const float* panels);

}  // namespace mtl::runtime::kernels
