// The tensor-core product and the asynchronous copies into shared memory that the hand-written kernels use (compute capability 8.0 and later).
// Included by .cu files only; the emulated device replaces this header by its own (tests/cuda_emulation/include).
#pragma once

#include <cuda_runtime.h>

#include <nv/target>

#include "kernels/simt/packs.h"

namespace kelvin {

// x rounded to TF32: float32's exponent and the first 11 bits of its significand. Halfway cases round to even; on an A100, which has no instruction
// for that, away from zero.
__device__ __forceinline__ float as_tf32(float x) {
  unsigned bits = 0;
  NV_IF_ELSE_TARGET(NV_PROVIDES_SM_90,
                    (asm("cvt.rn.tf32.f32 %0, %1;"
                         : "=r"(bits)
                         : "f"(x));),
                    (asm("cvt.rna.tf32.f32 %0, %1;"
                         : "=r"(bits)
                         : "f"(x));))
  return __uint_as_float(bits);
}

// sum += a · b, shared by the 32 lanes of a warp, where a [16, 8] and b [8, 8] are TF32 and the sum is float32. With g = lane / 4 and t = lane % 4 a
// lane has the elements (g, t), (g + 8, t), (g, t + 4), (g + 8, t + 4) of a, (t, g), (t + 4, g) of b, and of the sum (g, 2t), (g, 2t + 1), (g + 8, 2t),
// (g + 8, 2t + 1) (PTX ISA, mma.m16n8k8). The terms are truncated at the sum's last bit, not rounded.
__device__ __forceinline__ void add_product_of_tf32(Pack<4>& sum, const Pack<4>& a, const Pack<2>& b) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, "
      "%3};"
      : "+f"(sum.v[0]), "+f"(sum.v[1]), "+f"(sum.v[2]), "+f"(sum.v[3])
      : "r"(__float_as_uint(a.v[0])), "r"(__float_as_uint(a.v[1])), "r"(__float_as_uint(a.v[2])),
        "r"(__float_as_uint(a.v[3])), "r"(__float_as_uint(b.v[0])), "r"(__float_as_uint(b.v[1])));
}

// A thread's asynchronous copies from global to shared memory, in groups that complete in order.
class CopyGroups {
 public:
  // Copies 16 bytes, or writes zeros where not `is_there`. Both addresses are multiples of 16.
  __device__ __forceinline__ void copy_16(float* shared, const float* global, bool is_there) {
    const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(is_there ? 16 : 0)
                 : "memory");
  }
  __device__ __forceinline__ void end_group() { asm volatile("cp.async.commit_group;" ::: "memory"); }
  // Waits until at most the last kPending groups of this thread are incomplete. Other threads need a barrier besides.
  template <int kPending>
  __device__ __forceinline__ void wait() {
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
  }
};

}  // namespace kelvin
