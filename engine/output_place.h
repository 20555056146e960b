// Where an output goes when a path is named: what lies there decides.
//
// Nothing, or a regular file: the file appears by rename. A symbolic link: as for the path it leads to, so the link stays. A device,
// FIFO or open descriptor (/dev/null, /dev/stdout): bytes are written to it as they come. A folder is a mistake.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

#include "engine/descriptor.h"

namespace kelvin {

struct OutputPlace {
  Descriptor folder;                  // opened with O_PATH: what happens to its name later does not matter
  std::string name;                   // in that folder
  bool is_through = false;            // written as it is, not renamed to
  std::optional<int> own_descriptor;  // of this process, where the path means one
  std::optional<mode_t> permissions;  // of the regular file that is there
};

// Throws a mistake that names `path` and the reason: no such folder, a folder in its place, a name too long, a loop of links.
[[nodiscard]] OutputPlace output_place(const std::filesystem::path& path);

// Opens what is written through; a mistake where it cannot be opened.
[[nodiscard]] Descriptor open_through(const std::filesystem::path& path, const OutputPlace& place);

[[noreturn]] void throw_cannot_be_written(const std::filesystem::path& path, int error);

}  // namespace kelvin
