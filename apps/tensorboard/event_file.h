// An event file of TensorBoard, which grows record by record.
//
// A record: length of the data (uint64), its masked CRC-32C (uint32), the data (an Event of events.h), their masked CRC-32C; little-endian. Each
// record is written at once. A record that a kill or a full disk cut short is the last of its file, and readers pass over it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "engine/descriptor.h"

namespace kelvin {

// The seconds since 1970, as events hold them.
[[nodiscard]] double seconds_since_1970();

// Whether a folder holds event files; false where there is no such folder.
[[nodiscard]] bool has_event_files(const std::filesystem::path& folder);

// Removes the event files of a folder; a mistake where one cannot be removed. Nothing else is removed.
void remove_event_files(const std::filesystem::path& folder);

// data in the frame of a record
[[nodiscard]] std::string record_of(std::string_view data);

class EventFile {
 public:
  // A new file in a folder that exists, named events.out.tfevents.<seconds>.<host>.<process>.0, with its first record, the version. TensorBoard
  // reads the files of a folder in the order of their names, so the name is later than those that are there. A mistake where it cannot be made.
  explicit EventFile(const std::filesystem::path& folder);

  void add(std::string_view event);  // a mistake where it cannot be written
  void sync() const;                 // to the disk

 private:
  std::filesystem::path path_;
  Descriptor file_;
};

}  // namespace kelvin
