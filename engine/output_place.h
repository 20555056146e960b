// How an output is written depends on what exists at its path.
//
// Nothing, or a regular file: the file appears by rename. A symbolic link: the same for its target, so the link stays. A device, FIFO or open
// descriptor (/dev/null, /dev/stdout): bytes are written to it directly. A folder is a mistake.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "engine/descriptor.h"

namespace kelvin {

struct OutputPlace {
  Descriptor folder;                  // opened with O_PATH: stays valid if it is renamed later
  std::string name;                   // in that folder
  bool is_through = false;            // written directly, without a rename
  std::optional<int> own_descriptor;  // of this process, where the path means one
  std::optional<mode_t> permissions;  // of the regular file that is there
};

// Throws a mistake that names `path` and the reason: no such folder, a folder in its place, a name too long, a loop of links.
[[nodiscard]] OutputPlace output_place(const std::filesystem::path& path);

// Opens a place that is written directly; a mistake where it cannot be opened.
[[nodiscard]] Descriptor open_through(const std::filesystem::path& path, const OutputPlace& place);

[[noreturn]] void throw_cannot_be_written(const std::filesystem::path& path, int error);

}  // namespace kelvin
