#include "engine/gradient_exchange.h"

#include "kernels/processes/all_reduce.h"
#include "kernels/processes/processes.h"

namespace kelvin {

void GradientExchange::exchange() {
  if (!processes().are_many()) return;
  const Tensor& g = parameters_.gradients();
  on(g.device(), [&](const auto& dev) { all_reduce_sum(dev, g.view<float>(), "the exchange of gradients"); });
}

}  // namespace kelvin
