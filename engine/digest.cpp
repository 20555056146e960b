#include "engine/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>
#include <vector>

#include "engine/input_file.h"

namespace kelvin {
namespace {

// Of these functions only a lack of memory is to be expected.
void require(int result) {
  if (result != 1) throw std::bad_alloc();
}

EVP_MD_CTX* context(const std::shared_ptr<void>& state) { return static_cast<EVP_MD_CTX*>(state.get()); }

std::string digest_of(const std::filesystem::path& file, Digest::Kind kind) {
  constexpr std::uint64_t kBlock = 1 << 20;
  InputFile in(file);
  Digest digest(kind);
  std::vector<std::byte> buffer(kBlock);
  while (in.position() < in.size()) {
    const std::span<std::byte> block = std::span(buffer).first(std::min(kBlock, in.size() - in.position()));
    in.read(block);
    digest.add(block);
  }
  return digest.hex();
}

}  // namespace

Digest::Digest(Kind kind)
    : state_(EVP_MD_CTX_new(), [](void* state) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(state)); }) {
  if (state_ == nullptr) throw std::bad_alloc();
  require(EVP_DigestInit_ex(context(state_), kind == Kind::sha256 ? EVP_sha256() : EVP_md5(), nullptr));
}

void Digest::add(std::span<const std::byte> bytes) {
  require(EVP_DigestUpdate(context(state_), bytes.data(), bytes.size()));
}

std::string Digest::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context(state_), bytes.data(), &size));
  std::string text;
  for (unsigned i = 0; i < size; ++i)
    for (const int nibble : {bytes[i] >> 4, bytes[i] & 15}) text += "0123456789abcdef"[nibble];
  return text;
}

std::string sha256_of(const std::filesystem::path& file) { return digest_of(file, Digest::Kind::sha256); }
std::string md5_of(const std::filesystem::path& file) { return digest_of(file, Digest::Kind::md5); }

}  // namespace kelvin
