#include "tests/cuda_emulation/mathematics.h"

#include <bit>
#include <cstdint>

#include "tests/cuda_emulation/simt.h"

namespace simt {
namespace {

// A bijection that looks random (the finaliser of SplitMix64).
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

float rounded_by_gpu(double exact, float argument, int most) {
  const float nearest = static_cast<float>(exact);
  if (!std::isfinite(nearest) || static_cast<double>(nearest) == exact) return nearest;
  // Below the normal numbers a GPU scales a normal result by a power of two and rounds that once (the last product of nvcc's expf): e⁻¹⁰⁵ is 0.
  if (std::abs(exact) < 0x1p-126) return rounded_by_gpu(exact * 0x1p64, argument, most) * 0x1p-64f;
  const std::uint64_t random = mixed(config().seed ^ (std::uint64_t{std::bit_cast<std::uint32_t>(argument)} << 32 |
                                                      std::bit_cast<std::uint32_t>(nearest)));
  // Neighbouring floats of one sign are neighbouring integers.
  const auto steps = static_cast<std::int32_t>(random % static_cast<unsigned>(2 * most + 1)) - most;
  const float off = std::bit_cast<float>(std::bit_cast<std::int32_t>(nearest) + steps);
  return std::signbit(off) == std::signbit(nearest) && std::isfinite(off) ? off : nearest;
}

}  // namespace simt
