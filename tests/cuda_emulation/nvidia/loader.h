// The missing libraries of NVIDIA: those whose names contain the text of KELVIN_EMULATION_MISSING.
#pragma once

#include <string_view>

namespace emulated {

[[nodiscard]] bool is_missing(std::string_view library);

}  // namespace emulated
