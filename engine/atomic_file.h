// Files appear whole or not at all: written to a temporary file in the same folder, fsynced, renamed. Throws a mistake naming
// the file and the system's reason when that fails; the temporary file is removed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <span>

namespace kelvin {

void write_file_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

// What other writers have put into a file reaches the disk; false with errno set when that fails.
[[nodiscard]] bool flush_to_disk(const std::filesystem::path& path);

}  // namespace kelvin
