// Files appear whole or not at all: the bytes go to a temporary file in the same folder (temporary_file.h), which is synced and renamed. A symbolic
// link at the path is followed and stays; to a device or FIFO the bytes are written directly; a folder is a mistake (output_place.h).
// A failure throws a mistake that names the file and the system's reason, and removes the temporary file.
//
// Of the processes of a parallel run only rank 0 writes files: on the others these functions do nothing, but for files of their own (OwnFiles).
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <span>

#include "kernels/device/error.h"

namespace kelvin {

// Whether this process writes files.
[[nodiscard]] bool is_writer();

// While one exists, this rank writes files, too: those that belong to it alone, such as a cell of a sweep whose lock it holds.
class OwnFiles {
 public:
  OwnFiles();
  ~OwnFiles();
  OwnFiles(const OwnFiles&) = delete;
  OwnFiles& operator=(const OwnFiles&) = delete;
};

// The reader of the FIFO or pipe at the path has closed it.
class ReaderIsGone : public Error {
 public:
  using Error::Error;
};

void write_file_atomically(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write);
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

// Throws the same mistake before the work whose result goes there begins. Leaves no file behind.
void require_writable(const std::filesystem::path& path);

// Syncs to disk what other writers have written to a file; false with errno set when that fails.
[[nodiscard]] bool flush_to_disk(const std::filesystem::path& path);

}  // namespace kelvin
