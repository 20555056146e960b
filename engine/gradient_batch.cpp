#include "engine/gradient_batch.h"

#include <algorithm>

#include "kernels/device/side_stream.h"
#include "kernels/optimizers/accumulate_many.h"

namespace kelvin {

bool GradientBatch::gather(const Tensor& sum, const Tensor& g) {
  if (sum.device().kind != DeviceKind::cuda || g.dtype() != DType::f32 || g.size() > kSmallAddition) return false;
  const auto is_same = [&](const auto& other) { return other.first.id() == sum.id(); };
  if (std::any_of(gathered_.begin(), gathered_.end(), is_same)) finish();  // no two additions may touch the same memory
  gathered_.emplace_back(sum, g);
  return true;
}

Device GradientBatch::beside(const Device& device, std::vector<Tensor> reads) {
  join();
  const Device side = on(device, [](const auto& dev) { return fork_side(dev); });
  if (side != device) beside_ = std::move(reads);
  return side;
}

void GradientBatch::join() {
  if (beside_.empty()) return;
  on(beside_.front().device(), [](const auto& dev) { join_side(dev); });
  beside_.clear();
}

void GradientBatch::finish() {
  join();
  if (gathered_.empty()) return;
  std::vector<Addition> additions;
  for (const auto& [sum, g] : gathered_)
    additions.push_back({sum.reshape({sum.size()}).view<float>(), g.reshape({g.size()}).view<const float>()});
  on(gathered_.front().first.device(), [&](const auto& dev) { accumulate_many(dev, additions); });
  gathered_.clear();
}

}  // namespace kelvin
