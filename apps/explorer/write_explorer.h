// The explorer's page: one self-contained HTML file that works offline.
#pragma once

#include <cstdint>
#include <filesystem>

#include "apps/explorer/exploration.h"

namespace kelvin {

// Writes the page atomically and returns its size in bytes.
std::int64_t write_explorer(const std::filesystem::path& output, const Exploration& exploration);

}  // namespace kelvin
