#include "data/hold_out.h"

#include <algorithm>

#include "data/random_order.h"
#include "kernels/device/error.h"

namespace kelvin {

void hold_out(Dataset& set, std::int64_t count, std::uint64_t seed) {
  if (count < 1 || count >= set.train.count)
    throw mistake("validation"_field, " must leave images on both sides: got ", count, " of ", set.train.count,
                  " training images");
  const std::vector<std::int32_t> order = random_order(set.train.count, {seed, random_stream("validation")});
  std::vector<std::int64_t> held(order.begin(), order.begin() + count), kept(order.begin() + count, order.end());
  std::sort(held.begin(), held.end());
  std::sort(kept.begin(), kept.end());
  set.validation = set.train.select(held);
  set.train = set.train.select(kept);
}

}  // namespace kelvin
