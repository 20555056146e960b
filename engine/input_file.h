// Opens and reads input files, which may be damaged or hostile. Every reader in the program opens its file here.
//
// Only regular files are read: a FIFO would block, a device may never end. Sizes are checked before memory is allocated. A failure
// throws a mistake with the path and the reason: no such file, permission denied, a folder, a device, too large, cut short.
//
//   InputFile file(path, kMaxImage);
//   std::vector<std::byte> bytes(file.size());
//   file.read(bytes);
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/byte_source.h"

namespace kelvin {

class InputFile : public ByteSource {
 public:
  explicit InputFile(const std::filesystem::path& path, std::uint64_t max_size = INT64_MAX);
  ~InputFile() override;
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }  // when it was opened
  [[nodiscard]] std::uint64_t position() const { return position_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

  // The next bytes.size() bytes. A mistake where the file ends earlier or cannot be read.
  void read(std::span<std::byte> bytes);
  // The same from a given offset; does not move the position.
  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0, position_ = 0;
};

inline constexpr std::uint64_t kMaxText = 256u << 20;  // bytes of a file that is read as one text

[[nodiscard]] std::vector<std::byte> read_file(const std::filesystem::path& path, std::uint64_t max_size);
[[nodiscard]] std::string read_text(const std::filesystem::path& path, std::uint64_t max_size = kMaxText);

// Whether the path exists, and whether it is a folder; links are followed. A mistake where the system refuses an answer, as when a folder in the
// path may not be searched.
[[nodiscard]] bool is_there(const std::filesystem::path& path);
[[nodiscard]] bool is_folder(const std::filesystem::path& path);

// The names in a folder, sorted; a mistake where it cannot be read.
[[nodiscard]] std::vector<std::string> names_in(const std::filesystem::path& folder);

}  // namespace kelvin
