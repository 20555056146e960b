// Replaces kernels/simt/tensor_core.h when kernels are compiled for the emulated device. A group of asynchronous copies is done at random either
// at once or when it is waited for. Where threads run in a fixed order, as for ThreadSanitizer, it is done at once, so that a thread that still
// reads the old values shows as a data race.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "kernels/simt/packs.h"
#include "tests/cuda_emulation/simt.h"

namespace kelvin {

namespace detail {
struct TensorCoreOperands {
  Pack<4> a;
  Pack<2> b;
};
inline TensorCoreOperands tensor_core_operands[32][32];  // warp, lane

inline float cut_off(double x) {
  const auto nearest = static_cast<float>(x);
  return std::abs(double{nearest}) > std::abs(x) ? std::nextafter(nearest, 0.0f) : nearest;
}
}  // namespace detail

// To even, as an H100 does.
inline float as_tf32(float x) {
  const unsigned bits = __float_as_uint(x);
  return std::isfinite(x) ? __uint_as_float((bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu) : x;
}

inline void add_product_of_tf32(Pack<4>& sum, const Pack<4>& a, const Pack<2>& b) {
  auto& operands = detail::tensor_core_operands[threadIdx.x / 32];
  const int lane = simt::lane(), g = lane / 4, t = lane % 4;
  for (const float x : {a[0], a[1], a[2], a[3], b[0], b[1]})
    if (as_tf32(x) != x && x == x) simt::stop("a factor that is not TF32");
  operands[lane] = {a, b};
  simt::warp_barrier(~0u);  // read after write: all lanes have written theirs
  for (int i = 0; i < 4; ++i) {
    const int row = g + i / 2 * 8, col = 2 * t + i % 2;
    double total = sum[i];
    for (int k = 0; k < 8; ++k) {
      const float left = operands[row % 8 * 4 + k % 4].a[row / 8 + k / 4 * 2],
                  right = operands[col * 4 + k % 4].b[k / 4];
      total += static_cast<double>(left) * static_cast<double>(right);
    }
    sum[i] = detail::cut_off(total);
  }
  simt::warp_barrier(~0u);  // write after read: all lanes have read
}

class CopyGroups {
 public:
  void copy_16(float* shared, const float* global, bool is_there) {
    for (const float* const address : {const_cast<const float*>(shared), global})
      if (reinterpret_cast<std::uintptr_t>(address) % 16 != 0) simt::stop("a copy of 16 bytes that is not aligned");
    coming_.push_back({shared, is_there ? global : nullptr});
  }
  void end_group() {
    groups_.emplace_back();  // empty where its copies have arrived
    if (arrives_at_once())
      arrive(coming_);
    else
      groups_.back().swap(coming_);
    coming_.clear();
  }
  template <int kPending>
  void wait() {
    for (; groups_.size() > kPending; groups_.pop_front()) arrive(groups_.front());
  }

 private:
  struct Copy {
    float* to;
    const float* from;
  };
  static void arrive(const std::vector<Copy>& group) {
    for (const Copy& copy : group)
      if (copy.from != nullptr)
        std::memcpy(copy.to, copy.from, 16);
      else
        std::memset(copy.to, 0, 16);
  }
  bool arrives_at_once() {
    if (simt::config().order != simt::Order::random) return true;
    // Different for every thread, group and seed.
    const std::uint64_t mixed =
        (simt::config().seed * 1024 + threadIdx.x) * 0x9e3779b97f4a7c15u + ++ended_ * 0xbf58476d1ce4e5b9u;
    return ((mixed ^ mixed >> 29) >> 40 & 1) != 0;
  }
  std::uint64_t ended_ = 0;
  std::vector<Copy> coming_;
  std::deque<std::vector<Copy>> groups_;
};

}  // namespace kelvin
