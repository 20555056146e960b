// A protobuf message, written field by field in the wire format (https://protobuf.dev/programming-guides/encoding/).
//
//   ProtobufMessage value;
//   value.bytes(1, "train/loss").number(2, 0.5f);
//   summary.bytes(1, value.str());
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kelvin {

class ProtobufMessage {
 public:
  // An integer or enumeration; 0 is left out, as proto3 does it.
  ProtobufMessage& integer(int field, std::int64_t value);
  ProtobufMessage& boolean(int field, bool value);            // always written, as a member of a oneof is
  ProtobufMessage& number(int field, double value);           // likewise
  ProtobufMessage& number(int field, float value);            // likewise
  ProtobufMessage& bytes(int field, std::string_view value);  // a string, bytes, or the text of a message; likewise
  [[nodiscard]] const std::string& str() const { return text_; }

 private:
  void varint(std::uint64_t value);
  void tag(int field, int wire_type);
  std::string text_;
};

}  // namespace kelvin
