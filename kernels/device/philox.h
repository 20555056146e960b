// Philox4x32-10: counter-based random numbers (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
//
// A number is a pure function of (seed, stream, counter): the same on every device, thread count and restart. There
// is no generator state; the caller gives the position. A stream is a name ("augment", "init/conv1.weight") hashed by
// `random_stream`; a counter is, say, the index of the element or of the image.
//
//   RandomKey key{seed, random_stream("random_start")};
//   std::array<std::uint32_t, 4> bits = philox(key, image_index);
//   float u = uniform01(bits[0]);
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace kelvin {

struct RandomKey {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

// FNV-1a over the name: stable across platforms and releases.
[[nodiscard]] constexpr std::uint64_t random_stream(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : name) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ull;
  return hash;
}

// Four independent 32-bit words for one counter. The 128-bit Philox counter is (counter, stream), its key is the seed.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox(RandomKey key, std::uint64_t counter) {
  constexpr std::uint64_t kMultiply0 = 0xD2511F53, kMultiply1 = 0xCD9E8D57;
  constexpr std::uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
  std::array<std::uint32_t, 4> c = {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32),
                                    static_cast<std::uint32_t>(key.stream),
                                    static_cast<std::uint32_t>(key.stream >> 32)};
  auto k0 = static_cast<std::uint32_t>(key.seed), k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = kMultiply0 * c[0], p1 = kMultiply1 * c[2];
    c = {static_cast<std::uint32_t>(p1 >> 32) ^ c[1] ^ k0, static_cast<std::uint32_t>(p1),
         static_cast<std::uint32_t>(p0 >> 32) ^ c[3] ^ k1, static_cast<std::uint32_t>(p0)};
    k0 += kWeyl0;
    k1 += kWeyl1;
  }
  return c;
}

// Uniform in (0, 1): 23 bits and a half, all exact in float32, never 0 or 1.
[[nodiscard]] constexpr float uniform01(std::uint32_t bits) {
  return (static_cast<float>(bits >> 9) + 0.5f) * (1.0f / 8388608.0f);
}

// Uniform integer in [0, n), n > 0, by multiply-shift; the bias is below n / 2^32.
[[nodiscard]] constexpr std::uint32_t uniform_below(std::uint32_t bits, std::uint32_t n) {
  return static_cast<std::uint32_t>((static_cast<std::uint64_t>(bits) * n) >> 32);
}

// Two standard normal numbers from two words (Box and Muller 1958). A template, so that it may be constexpr although the
// mathematics library is not; constexpr, so that CUDA kernels may call it.
template <class Real = float>
[[nodiscard]] constexpr std::array<Real, 2> normal_pair(std::uint32_t bits0, std::uint32_t bits1) {
  const Real radius = std::sqrt(Real(-2) * std::log(Real(uniform01(bits0))));
  const Real angle = Real(6.283185307179586) * Real(uniform01(bits1));
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

}  // namespace kelvin
