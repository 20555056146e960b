// Channels of elements beyond 2³¹ and 2³², which no test has the memory for.
#include "kernels/device/remainder.h"

#include <gtest/gtest.h>

namespace kelvin {
namespace {

TEST(Remainder, OfIndicesOfAnySize) {
  for (const std::int64_t i : {std::int64_t{0}, std::int64_t{7}, std::int64_t{INT32_MAX}, std::int64_t{INT32_MAX} + 1,
                               std::int64_t{UINT32_MAX}, std::int64_t{UINT32_MAX} + 1, std::int64_t{1} << 40})
    for (const std::int32_t n : {1, 2, 3, 7, 1000, INT32_MAX})
      for (const std::int64_t at : {i, i + 1, i + 5}) EXPECT_EQ(remainder(at, n), at % n) << at << " mod " << n;
}

}  // namespace
}  // namespace kelvin
