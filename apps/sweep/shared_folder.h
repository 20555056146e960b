// A folder in which several sweeps may run at the same time: OUT/locks/CELL.lock for each cell, OUT/locks/sweep.lock for the folder.
#pragma once

#include <filesystem>
#include <vector>

#include "apps/run/run_folder.h"
#include "apps/run/run_lock.h"

namespace kelvin {

[[nodiscard]] std::filesystem::path locks_of(const std::filesystem::path& out);

// Makes the folder and takes the lock that all sweeps in it share. `overwritten`: cells with other training flags, which are removed first. That
// needs a sweep that is alone in the folder; otherwise throws a mistake that names the other sweep.
[[nodiscard]] FileLock join_sweep(const std::filesystem::path& out, const std::vector<RunFolder>& overwritten);

}  // namespace kelvin
