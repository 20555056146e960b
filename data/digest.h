// Digests of files: SHA-256 (FIPS 180-4), and MD5 (RFC 1321), which the homes of older data sets publish.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace kelvin {

// What both have in common: blocks of 64 bytes, a padded tail with the length in bits.
class BlockDigest {
 public:
  virtual ~BlockDigest() = default;
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  // Ends the message; the object is not to be used again.
  [[nodiscard]] std::string hex();

 protected:
  virtual void take_block(const std::uint8_t* block) = 0;
  [[nodiscard]] virtual bool is_big_endian() const = 0;
  [[nodiscard]] virtual std::span<const std::uint32_t> words() const = 0;

 private:
  std::array<std::uint8_t, 64> block_{};
  std::size_t used_ = 0;
  std::uint64_t length_ = 0;  // bytes
};

class Sha256 final : public BlockDigest {
  void take_block(const std::uint8_t* block) override;
  [[nodiscard]] bool is_big_endian() const override { return true; }
  [[nodiscard]] std::span<const std::uint32_t> words() const override { return state_; }
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
};

class Md5 final : public BlockDigest {
  void take_block(const std::uint8_t* block) override;
  [[nodiscard]] bool is_big_endian() const override { return false; }
  [[nodiscard]] std::span<const std::uint32_t> words() const override { return state_; }
  std::array<std::uint32_t, 4> state_ = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
};

// Lower-case hexadecimal; a mistake when the file cannot be read.
[[nodiscard]] std::string sha256_of(const std::filesystem::path& file);
[[nodiscard]] std::string md5_of(const std::filesystem::path& file);

}  // namespace kelvin
