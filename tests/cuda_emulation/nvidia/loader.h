// Which of NVIDIA's libraries are not there: those whose name contains what KELVIN_EMULATION_MISSING says.
#pragma once

#include <string_view>

namespace emulated {

[[nodiscard]] bool is_missing(std::string_view library);

}  // namespace emulated
