// The bytes of a pickle, read in order through a small buffer.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "engine/byte_source.h"

namespace kelvin {

class PickleInput {
 public:
  // Bytes [at, end) of `source`; `where` names them in mistakes.
  PickleInput(const ByteSource& source, std::uint64_t at, std::uint64_t end, std::string where);

  [[nodiscard]] std::uint64_t at() const { return at_; }
  [[nodiscard]] const std::string& where() const { return where_; }

  // Each throws a mistake where the bytes end earlier.
  void read(std::span<std::byte> bytes);
  template <class T>
  [[nodiscard]] T number() {  // little-endian
    T value;
    read(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  // All texts of one pickle together have at most 128 MB.
  [[nodiscard]] std::string text(std::uint64_t size);
  [[nodiscard]] std::string line();  // up to a line end, which is left out; at most 1000 bytes

 private:
  const ByteSource& source_;
  std::uint64_t at_, end_;
  std::uint64_t left_for_texts_;
  std::string where_;
  std::vector<std::byte> buffer_;  // holds the bytes from `at_ - used_` on
  std::size_t used_ = 0;
};

}  // namespace kelvin
