// Unpacks an archive that came from elsewhere, with the programs tar and unzip. It is listed first, and refused as a whole where an entry
// is no plain file or folder (a link, a device), would be set-user-ID, set-group-ID or sticky, lies at an absolute path or above the
// folder it is unpacked into, or where the entries are too many or too large for the archive's own size.
#pragma once

#include <cstdint>
#include <filesystem>

namespace kelvin {

struct ArchiveBounds {
  std::int64_t entries = 2'000'000;
  // Of the unpacked files together: so many times the archive's size, and so much more. The published sets are JPEG, or pixels that
  // gzip makes smaller by a tenth.
  std::uint64_t times = 16, bytes = std::uint64_t{64} << 20;
};

// Into `folder`, which exists and is empty. `lock` is a descriptor that stays open in the programs (-1: none). Mistakes name the archive,
// and the entry that it is refused for.
void unpack_archive(const std::filesystem::path& archive, const std::filesystem::path& folder, int lock,
                    const ArchiveBounds& bounds = {});

}  // namespace kelvin
