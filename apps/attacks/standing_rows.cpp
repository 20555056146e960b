#include "apps/attacks/standing_rows.h"

#include <algorithm>

#include "apps/attacks/victim.h"

namespace kelvin {

Tensor take_rows(const Tensor& from, std::span<const std::size_t> rows) {
  const std::size_t size = static_cast<std::size_t>(from.size() / from.dim(0));
  Shape shape{static_cast<std::int64_t>(rows.size())};
  for (int i = 1; i < from.shape().rank(); ++i) shape.push_back(from.dim(i));
  const auto taken = [&]<class T>(T) {
    return Tensor::from_host<T>(gather(from.to_host<T>(), size, rows), shape, from.device());
  };
  return from.dtype() == DType::f32 ? taken(float{}) : taken(std::int32_t{});
}

StandingRows::StandingRows(std::size_t n) : rows_(all_rows(n)) {}

std::vector<std::size_t> StandingRows::remove(std::span<const std::size_t> going,
                                              std::initializer_list<Tensor*> tensors) {
  std::vector<std::size_t> staying = all_rows(rows_.size());
  std::erase_if(staying, [&](std::size_t place) { return std::ranges::binary_search(going, place); });
  rows_ = gather(rows_, staying);
  for (Tensor* t : tensors)
    if (!staying.empty()) *t = take_rows(*t, staying);
  return staying;
}

}  // namespace kelvin
