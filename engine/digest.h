// Digests of files, by OpenSSL: SHA-256 (FIPS 180-4), and MD5 (RFC 1321), which the homes of older data sets publish.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace kelvin {

class Digest {
 public:
  enum class Kind { sha256, md5 };
  explicit Digest(Kind kind);
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text))); }
  // Lower-case hexadecimal. Ends the message; the object is not to be used again.
  [[nodiscard]] std::string hex();

 private:
  std::shared_ptr<void> state_;
};

// Lower-case hexadecimal; a mistake when the file cannot be read.
[[nodiscard]] std::string sha256_of(const std::filesystem::path& file);
[[nodiscard]] std::string md5_of(const std::filesystem::path& file);

}  // namespace kelvin
