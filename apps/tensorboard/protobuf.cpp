#include "apps/tensorboard/protobuf.h"

#include <cstring>

namespace kelvin {
namespace {

constexpr int kVarint = 0, kEightBytes = 1, kLengthAndBytes = 2, kFourBytes = 5;

template <class T>
std::string raw_bytes_of(T value) {  // little-endian, as every machine is that Kelvin runs on
  std::string bytes(sizeof value, '\0');
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

}  // namespace

void ProtobufMessage::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) text_ += static_cast<char>((value & 0x7F) | 0x80);
  text_ += static_cast<char>(value);
}

void ProtobufMessage::tag(int field, int wire_type) {
  varint(static_cast<std::uint64_t>(field) << 3 | static_cast<std::uint64_t>(wire_type));
}

ProtobufMessage& ProtobufMessage::integer(int field, std::int64_t value) {
  if (value == 0) return *this;
  tag(field, kVarint);
  varint(static_cast<std::uint64_t>(value));
  return *this;
}

ProtobufMessage& ProtobufMessage::boolean(int field, bool value) {
  tag(field, kVarint);
  varint(value ? 1 : 0);
  return *this;
}

ProtobufMessage& ProtobufMessage::number(int field, double value) {
  tag(field, kEightBytes);
  text_ += raw_bytes_of(value);
  return *this;
}

ProtobufMessage& ProtobufMessage::number(int field, float value) {
  tag(field, kFourBytes);
  text_ += raw_bytes_of(value);
  return *this;
}

ProtobufMessage& ProtobufMessage::bytes(int field, std::string_view value) {
  tag(field, kLengthAndBytes);
  varint(value.size());
  text_ += value;
  return *this;
}

}  // namespace kelvin
