// Files appear whole or not at all: written to a temporary file in the same folder (temporary_file.h), fsynced, renamed. What lies at
// the path decides how (output_place.h): a link is followed and stays, a device or FIFO is written through, a folder is a mistake.
// Throws a mistake naming the file and the system's reason when that fails; the temporary file is removed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <span>

#include "kernels/device/error.h"

namespace kelvin {

// Whatever read the FIFO or pipe at the path has gone away.
class ReaderIsGone : public Error {
 public:
  using Error::Error;
};

void write_file_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

// The same mistake before there is anything to write: before work whose result goes there. Leaves nothing behind.
void require_writable(const std::filesystem::path& path);

// What other writers have put into a file reaches the disk; false with errno set when that fails.
[[nodiscard]] bool flush_to_disk(const std::filesystem::path& path);

}  // namespace kelvin
