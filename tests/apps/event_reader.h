// Reads TensorBoard's event files, for tests: records with their checksums, and the protobuf fields that Kelvin writes. Shares no code with
// apps/tensorboard; that it reads what TensorBoard writes is a test of its own (tensorboard_test.cpp).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support.h"

namespace kelvin::testing {

struct ProtobufField {
  int number = 0;
  std::uint64_t value = 0;  // of a varint, or the bits of a float or double
  std::string bytes;        // with a length

  [[nodiscard]] float as_float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
  [[nodiscard]] double as_double() const { return std::bit_cast<double>(value); }
};

inline std::vector<ProtobufField> fields_of(const std::string& text) {
  std::vector<ProtobufField> fields;
  std::size_t at = 0;
  const auto little_endian = [&](std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i, ++at)
      value |= static_cast<std::uint64_t>(static_cast<unsigned char>(text.at(at))) << (8 * i);
    return value;
  };
  const auto varint = [&] {
    std::uint64_t value = 0;
    for (int shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(text.at(at++));
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < text.size()) {
    const std::uint64_t tag = varint();
    ProtobufField field{static_cast<int>(tag >> 3), 0, {}};
    switch (tag & 7) {
      case 0: field.value = varint(); break;
      case 1: field.value = little_endian(8); break;
      case 5: field.value = little_endian(4); break;
      case 2:
        field.value = varint();
        field.bytes = text.substr(at, field.value);
        EXPECT_EQ(field.bytes.size(), field.value);
        at += field.value;
        break;
      default: ADD_FAILURE() << "wire type " << (tag & 7); return fields;
    }
    fields.push_back(field);
  }
  return fields;
}

// The first field of that number; an empty one if there is none.
inline ProtobufField field_of(const std::string& text, int number) {
  for (const ProtobufField& field : fields_of(text))
    if (field.number == number) return field;
  return {};
}

// CRC-32C bit by bit, masked.
inline std::uint32_t checksum_of(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78 : 0);
  }
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
}

// The Events of a file, encoded. A last record that is cut short is left out.
inline std::vector<std::string> events_in(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  std::vector<std::string> events;
  std::size_t at = 0;
  const auto number = [&](std::size_t from, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes; i-- > 0;) value = value << 8 | static_cast<unsigned char>(text.at(from + i));
    return value;
  };
  while (at + 12 <= text.size()) {
    const std::uint64_t length = number(at, 8);
    EXPECT_EQ(checksum_of(text.substr(at, 8)), number(at + 8, 4)) << path << ", byte " << at;
    if (text.size() - at - 12 < length + 4) break;
    events.push_back(text.substr(at + 12, length));
    EXPECT_EQ(checksum_of(events.back()), number(at + 12 + length, 4)) << path << ", byte " << at;
    at += 16 + length;
  }
  return events;
}

inline std::vector<std::filesystem::path> event_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  if (!std::filesystem::exists(folder)) return files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("events.out.tfevents.")) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

// What TensorBoard shows of a folder: its files in the order of their names; a restart (SessionLog START) drops its step and later ones.
struct Shown {
  using Points = std::vector<std::pair<std::int64_t, float>>;  // step, value
  std::map<std::string, Points> scalars;
  std::map<std::string, std::vector<std::pair<std::int64_t, std::string>>> images;  // Summary.Image
  std::map<std::string, std::string> hparams;  // HParamsPluginData, the first of each tag
};

inline Shown shown_of(const std::filesystem::path& folder) {
  Shown shown;
  for (const std::filesystem::path& file : event_files(folder)) {
    const std::vector<std::string> events = events_in(file);
    EXPECT_EQ(events.empty() ? "" : field_of(events[0], 3).bytes, "brain.Event:2") << file;
    for (const std::string& event : events) {
      const auto step = static_cast<std::int64_t>(field_of(event, 2).value);
      EXPECT_GT(field_of(event, 1).as_double(), 1.7e9);
      if (field_of(field_of(event, 7).bytes, 1).value == 1) {
        for (auto& [tag, points] : shown.scalars) std::erase_if(points, [&](const auto& p) { return p.first >= step; });
        for (auto& [tag, images] : shown.images) std::erase_if(images, [&](const auto& p) { return p.first >= step; });
      }
      for (const ProtobufField& value : fields_of(field_of(event, 5).bytes)) {
        const std::string tag = field_of(value.bytes, 1).bytes;
        for (const ProtobufField& field : fields_of(value.bytes)) {
          if (field.number == 2) shown.scalars[tag].emplace_back(step, field.as_float());
          if (field.number == 4) shown.images[tag].emplace_back(step, field.bytes);
          if (field.number != 9) continue;
          const std::string plugin = field_of(field.bytes, 1).bytes;
          EXPECT_EQ(field_of(plugin, 1).bytes, "hparams");
          shown.hparams.emplace(tag, field_of(plugin, 2).bytes);
        }
      }
    }
  }
  return shown;
}

}  // namespace kelvin::testing
