#include "apps/sweep/shared_folder.h"

#include "apps/sweep/cell.h"
#include "engine/printable.h"

namespace kelvin {

std::filesystem::path locks_of(const std::filesystem::path& out) { return out / "locks"; }

FileLock join_sweep(const std::filesystem::path& out, const std::vector<RunFolder>& overwritten) {
  std::error_code error;
  std::filesystem::create_directories(locks_of(out), error);
  if (error) throw mistake(printable(out.string()), ": cannot be made: ", error.message());
  const std::filesystem::path path = locks_of(out) / "sweep.lock";
  if (!overwritten.empty()) {
    const std::optional<FileLock> alone = FileLock::try_take(path);
    if (!alone)
      throw mistake("overwrite"_field, ": a sweep (", holder_of(path), ") is at work in ", printable(out.string()),
                    "; wait for it, or choose another ", "out"_field);
    remove_cells(overwritten);
  }
  std::optional<FileLock> shared = FileLock::try_take(path, FileLock::Kind::shared);
  if (!shared)
    throw mistake(printable(out.string()), ": a sweep (", holder_of(path),
                  ") is overwriting cells there; start this one again");
  return std::move(*shared);
}

}  // namespace kelvin
