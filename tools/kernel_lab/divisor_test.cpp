// tools/kernel_lab/divisor.h gives the bits of the division: proved by trying every pair of significands that could be rounded to the other side
// (the header says which these are and why there are no others), and at the ends of the range.
#include "tools/kernel_lab/divisor.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "kernels/device/philox.h"

namespace kelvin::testing {
namespace {

// 24-bit whole numbers X, D and M with X · 2^shift = D · M + N, M odd and of 25 bits: X/D is N/D units of the quotient's 26th bit away from the
// midpoint M. Calls f(X, D) for every X, in the smaller half of quotients (X < D, shift 25) or the larger (shift 24).
template <class F>
void for_each_close_pair(std::int64_t d, std::int64_t n, int shift, const F& f) {
  // D M = −N modulo 2^shift, solved by the inverse of D's odd part.
  const int twos = std::countr_zero(static_cast<std::uint64_t>(d));
  if (n % (std::int64_t{1} << twos) != 0) return;
  const auto odd = static_cast<std::uint64_t>(d >> twos);
  std::uint64_t inverse = 1;
  for (int i = 0; i < 6; ++i) inverse *= 2 - odd * inverse;  // Newton: twice as many bits every time
  const std::int64_t period = std::int64_t{1} << (shift - twos);
  std::int64_t m = static_cast<std::int64_t>(static_cast<std::uint64_t>(-(n >> twos)) * inverse) & (period - 1);
  for (; m < 1 << 25; m += period) {
    const std::int64_t x = (d * m + n) >> shift;
    if (m > 1 << 24 && m % 2 == 1 && x >= 1 << 23 && x < 1 << 24 && (x < d) == (shift == 25)) f(x, d);
  }
}

TEST(Divisor, IsRightWhereverItCouldBeWrong) {
  std::int64_t tried = 0, wrong = 0;
  for (std::int64_t d = (1 << 23) + 1; d < 1 << 24; ++d) {  // a divisor of 1 has a reciprocal without error
    const float divisor = static_cast<float>(d) * 0x1p-23f;
    const Divisor by(divisor);
    for (const int shift : {24, 25})
      for (std::int64_t n = -7; n <= 7; ++n) {
        if (n == 0) continue;  // no quotient of two floats is a midpoint
        for_each_close_pair(d, n, shift, [&](std::int64_t x, std::int64_t) {
          const float number = static_cast<float>(x) * 0x1p-23f;
          float quotients[2] = {number, -number};
          by.divide<2>(quotients);
          ++tried;
          wrong += quotients[0] != number / divisor || quotients[1] != -number / divisor ? 1 : 0;
        });
      }
  }
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(tried, 40'000'000);
}

// Bits, because −0 and 0 are equal; any NaN for a NaN.
bool are_same(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

TEST(Divisor, IsTheDivisionForEveryKindOfNumber) {
  using Limits = std::numeric_limits<float>;
  std::vector<float> numbers = {0,
                                Limits::denorm_min(),
                                Limits::min(),
                                std::nextafter(Limits::min(), 0.0f),
                                Limits::max(),
                                Limits::infinity(),
                                Limits::quiet_NaN(),
                                0x1p-102f,
                                0x1p-61f,
                                0x1p-60f,
                                0x1p60f,
                                0x1p61f,
                                1,
                                3};
  for (std::uint64_t i = 0; i < 2000; ++i) {  // any bits but a signalling NaN's, and ordinary numbers
    const auto random = philox({3, random_stream("divisor")}, i);
    numbers.push_back(std::bit_cast<float>(random[0] % 0x7f800000u));
    numbers.push_back(100 * uniform01(random[1]));
  }
  const std::size_t n = numbers.size();
  for (std::size_t i = 0; i < n; ++i) numbers.push_back(-numbers[i]);
  for (const float d : numbers) {
    const Divisor by(d);
    for (std::size_t i = 0; i + 4 <= numbers.size(); i += 4) {
      float quotients[4] = {numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3]};
      by.divide<4>(quotients);
      for (std::size_t k = 0; k < 4; ++k)
        ASSERT_TRUE(are_same(quotients[k], numbers[i + k] / d))
            << numbers[i + k] << " / " << d << " is not " << quotients[k];
    }
  }
}

}  // namespace
}  // namespace kelvin::testing
