// The elements of a tensor in row-major order, gathered from a storage where they lie in another order, apart or on top of each other.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/byte_source.h"

namespace kelvin {

class StridedView : public ByteSource {
 public:
  // Element (i, j, ...) is `element_size` bytes at byte `begin` + element_size · (i · strides[0] + j · strides[1] + ...) of `source`. All
  // elements have to lie inside it; `name` is for mistakes.
  StridedView(std::shared_ptr<const ByteSource> source, std::uint64_t begin, std::uint64_t element_size,
              std::vector<std::uint64_t> shape, std::vector<std::uint64_t> strides, std::string name);

  // Whole elements. Reads what lies between the first and the last of them at once; a mistake where that is more than 512 MB.
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override;

 private:
  [[nodiscard]] std::uint64_t place(std::uint64_t element) const;  // in the storage, in elements

  std::shared_ptr<const ByteSource> source_;
  std::uint64_t begin_, element_size_;
  std::vector<std::uint64_t> shape_, strides_;
  std::string name_;
};

}  // namespace kelvin
