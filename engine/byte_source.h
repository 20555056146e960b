// Bytes that are read where they are needed: a file, a member of an archive, a tensor whose elements lie scattered in one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace kelvin {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills `bytes` from byte `offset` on. A mistake where there are fewer or they cannot be read.
  virtual void read_at(std::uint64_t offset, std::span<std::byte> bytes) const = 0;
};

}  // namespace kelvin
