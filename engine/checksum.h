// Checksums of the files that this program writes, so that damage is noticed when they are read: XXH3 (64 bits), from Debian's libxxhash-dev.
// They protect against accidents, not against forgery.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kelvin {

inline constexpr std::size_t kChecksumDigits = 16;

// The checksum of bytes that arrive in pieces.
class Checksum {
 public:
  Checksum();
  ~Checksum();
  Checksum(const Checksum&) = delete;
  Checksum& operator=(const Checksum&) = delete;

  void add(std::span<const std::byte> bytes);
  [[nodiscard]] std::string hex() const;  // kChecksumDigits lower-case digits

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] std::string checksum_of(std::string_view text);

}  // namespace kelvin
