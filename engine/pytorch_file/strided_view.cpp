#include "engine/pytorch_file/strided_view.h"

#include <algorithm>
#include <cstring>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::uint64_t kMostAtOnce = 512u << 20;

}  // namespace

StridedView::StridedView(std::shared_ptr<const ByteSource> source, std::uint64_t begin, std::uint64_t element_size,
                         std::vector<std::uint64_t> shape, std::vector<std::uint64_t> strides, std::string name)
    : source_(std::move(source)),
      begin_(begin),
      element_size_(element_size),
      shape_(std::move(shape)),
      strides_(std::move(strides)),
      name_(std::move(name)) {}

std::uint64_t StridedView::place(std::uint64_t element) const {
  std::uint64_t at = 0;
  for (std::size_t d = shape_.size(); d-- > 0; element /= shape_[d]) at += element % shape_[d] * strides_[d];
  return at;
}

void StridedView::read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
  if (bytes.empty()) return;
  const std::uint64_t first = offset / element_size_, n = bytes.size() / element_size_;
  std::uint64_t low = UINT64_MAX, high = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::uint64_t at = place(first + i);
    low = std::min(low, at);
    high = std::max(high, at);
  }
  const std::uint64_t size = (high - low + 1) * element_size_;
  if (size > kMostAtOnce)
    throw mistake(name_, ": its elements lie over ", size, " bytes; save its contiguous() instead");
  std::vector<std::byte> storage(size);
  source_->read_at(begin_ + low * element_size_, storage);
  for (std::uint64_t i = 0; i < n; ++i)
    std::memcpy(bytes.data() + i * element_size_, storage.data() + (place(first + i) - low) * element_size_,
                element_size_);
}

}  // namespace kelvin
