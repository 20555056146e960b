#include "data/resident_set.h"

#include "kernels/device/error.h"

namespace kelvin {

ResidentSet::ResidentSet(const ImageSet& set, Device device) : device_(device) {
  const Shape shape{set.count, set.height, set.width, set.channels};
  pixels_ = set.floats.empty() ? Tensor::from_host<std::uint8_t>(set.bytes, shape, device)
                               : Tensor::from_host<float>(set.floats, shape, device);
}

void ResidentSet::gather(const Tensor& images, const Tensor& indices, const AugmentOptions& options) const {
  on(device_, [&](const auto& dev) {
    if (pixels_.dtype() == DType::u8) {
      crop_flip(dev, images.view<float>(), pixels_.view<const std::uint8_t>(), indices.view<const std::int32_t>(),
                options);
    } else {
      crop_flip(dev, images.view<float>(), pixels_.view<const float>(), indices.view<const std::int32_t>(), options);
    }
  });
}

std::optional<ResidentSet> make_resident(const ImageSet& set, Device device) {
  constexpr std::size_t kLargest = 8ull << 30;
  if (set.bytes.size() + set.floats.size() * sizeof(float) > kLargest) return std::nullopt;
  try {
    return ResidentSet(set, device);
  } catch (const Error& e) {
    if (e.code() != ExitCode::out_of_memory) throw;
    return std::nullopt;
  }
}

}  // namespace kelvin
