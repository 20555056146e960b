#include "data/random_order.h"

#include <numeric>
#include <utility>

namespace kelvin {

std::vector<std::int32_t> random_order(std::int64_t n, const RandomKey& key, std::uint32_t epoch) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i-- > 1;) {
    const auto bits = philox(key, static_cast<std::uint64_t>(epoch) << 32 | i);
    std::swap(order[i], order[uniform_below(bits[0], static_cast<std::uint32_t>(i + 1))]);
  }
  return order;
}

}  // namespace kelvin
