#include "data/digest.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "engine/input_file.h"

namespace kelvin {
namespace {

std::uint32_t big_endian(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[0]) << 24 | static_cast<std::uint32_t>(p[1]) << 16 |
         static_cast<std::uint32_t>(p[2]) << 8 | p[3];
}
std::uint32_t little_endian(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(p[3]) << 24 | static_cast<std::uint32_t>(p[2]) << 16 |
         static_cast<std::uint32_t>(p[1]) << 8 | p[0];
}

// The first 32 bits of the fractional parts of the cube roots of the first 64 primes; long double has bits enough.
std::array<std::uint32_t, 64> sha256_constants() {
  std::array<std::uint32_t, 64> k{};
  std::size_t found = 0;
  for (unsigned n = 2; found < k.size(); ++n) {
    bool is_prime = true;
    for (unsigned d = 2; d * d <= n; ++d) is_prime = is_prime && n % d != 0;
    if (!is_prime) continue;
    const long double root = std::cbrt(static_cast<long double>(n));
    k[found++] = static_cast<std::uint32_t>((root - std::floor(root)) * 4294967296.0L);
  }
  return k;
}

// floor(2³² |sin(i + 1)|), i in radians.
std::array<std::uint32_t, 64> md5_constants() {
  std::array<std::uint32_t, 64> k{};
  for (std::size_t i = 0; i < 64; ++i)
    k[i] = static_cast<std::uint32_t>(std::floor(std::abs(std::sin(static_cast<double>(i + 1))) * 4294967296.0));
  return k;
}

template <class Digest>
std::string digest_of(const std::filesystem::path& file) {
  constexpr std::uint64_t kBlock = 1 << 20;
  InputFile in(file);
  Digest digest;
  std::vector<std::byte> buffer(kBlock);
  while (in.position() < in.size()) {
    const std::span<std::byte> block = std::span(buffer).first(std::min(kBlock, in.size() - in.position()));
    in.read(block);
    digest.add(block);
  }
  return digest.hex();
}

}  // namespace

void BlockDigest::add(std::span<const std::byte> bytes) {
  length_ += bytes.size();
  const auto* p = reinterpret_cast<const std::uint8_t*>(bytes.data());
  const std::uint8_t* const end = p + bytes.size();
  while (p < end) {
    const std::size_t n = std::min<std::size_t>(64 - used_, static_cast<std::size_t>(end - p));
    std::copy_n(p, n, block_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ += n;
    p += n;
    if (used_ < 64) continue;
    take_block(block_.data());
    used_ = 0;
  }
}

std::string BlockDigest::hex() {
  const std::uint64_t bits = length_ * 8;
  const std::array<std::byte, 1> one = {std::byte{0x80}}, zero = {};
  add(one);
  while (used_ != 56) add(zero);
  std::array<std::byte, 8> tail;
  for (std::size_t i = 0; i < 8; ++i)
    tail[i] = static_cast<std::byte>(bits >> (is_big_endian() ? 56 - 8 * i : 8 * i) & 0xff);
  add(tail);
  std::string text;
  for (const std::uint32_t word : words())
    for (int i = 0; i < 4; ++i) {
      const unsigned byte = word >> (is_big_endian() ? 24 - 8 * i : 8 * i) & 0xff;
      text += "0123456789abcdef"[byte >> 4];
      text += "0123456789abcdef"[byte & 15];
    }
  return text;
}

void Sha256::take_block(const std::uint8_t* block) {
  static const std::array<std::uint32_t, 64> k = sha256_constants();
  std::array<std::uint32_t, 64> w;
  for (std::size_t i = 0; i < 16; ++i) w[i] = big_endian(block + 4 * i);
  for (std::size_t i = 16; i < 64; ++i) {
    const std::uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[i - 7] +
           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
  }
  auto [a, b, c, d, e, f, g, h] = state_;
  for (std::size_t i = 0; i < 64; ++i) {
    const std::uint32_t t1 =
        h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i];
    const std::uint32_t t2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
  }
  const std::array<std::uint32_t, 8> now = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < 8; ++i) state_[i] += now[i];
}

void Md5::take_block(const std::uint8_t* block) {
  static const std::array<std::uint32_t, 64> k = md5_constants();
  constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  auto [a, b, c, d] = state_;
  for (unsigned i = 0; i < 64; ++i) {
    std::uint32_t f = 0;
    unsigned g = 0;
    switch (i / 16) {
      case 0: f = (b & c) | (~b & d), g = i; break;
      case 1: f = (d & b) | (~d & c), g = (5 * i + 1) % 16; break;
      case 2: f = b ^ c ^ d, g = (3 * i + 5) % 16; break;
      default: f = c ^ (b | ~d), g = 7 * i % 16;
    }
    const std::uint32_t turned = std::rotl(a + f + k[i] + little_endian(block + 4 * g), kShifts[i / 16][i % 4]);
    a = d, d = c, c = b, b += turned;
  }
  state_[0] += a, state_[1] += b, state_[2] += c, state_[3] += d;
}

std::string sha256_of(const std::filesystem::path& file) { return digest_of<Sha256>(file); }
std::string md5_of(const std::filesystem::path& file) { return digest_of<Md5>(file); }

}  // namespace kelvin
