#include "engine/pytorch_file/pickle_input.h"

#include <algorithm>

#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::uint64_t kPickleBlock = 1 << 16;
constexpr std::uint64_t kMostText = 128u << 20;
constexpr std::size_t kLongestName = 1000;

}  // namespace

PickleInput::PickleInput(const ByteSource& source, std::uint64_t at, std::uint64_t end, std::string where)
    : source_(source), at_(at), end_(end), left_for_texts_(kMostText), where_(std::move(where)) {}

void PickleInput::read(std::span<std::byte> bytes) {
  if (bytes.size() > end_ - at_)
    throw mistake(where_, ": its pickle ends at byte ", end_, ", amid a value (cut short?)");
  while (!bytes.empty()) {
    if (used_ == buffer_.size()) {
      buffer_.resize(std::min(end_ - at_, kPickleBlock));
      source_.read_at(at_, buffer_);
      used_ = 0;
    }
    const std::size_t n = std::min(bytes.size(), buffer_.size() - used_);
    std::memcpy(bytes.data(), buffer_.data() + used_, n);
    bytes = bytes.subspan(n);
    used_ += n;
    at_ += n;
  }
}

std::string PickleInput::text(std::uint64_t size) {
  if (size > end_ - at_)
    throw mistake(where_, ": a text of ", size, " bytes at byte ", at_, " of ", end_, " (cut short?)");
  if (size > left_for_texts_) throw mistake(where_, ": texts of more than ", kMostText, " bytes in one pickle");
  left_for_texts_ -= size;
  std::string text(size, '\0');
  read(std::as_writable_bytes(std::span(text)));
  return text;
}

std::string PickleInput::line() {
  std::string text;
  for (char c = number<char>(); c != '\n'; c = number<char>()) {
    if (text.size() == kLongestName)
      throw mistake(where_, ": a name of more than ", kLongestName, " bytes at byte ", at_);
    text += c;
  }
  return text;
}

}  // namespace kelvin
