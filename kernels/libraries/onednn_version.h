// The version of oneDNN that is linked: "3.6.2".
#pragma once

#include <string>

namespace kelvin {

[[nodiscard]] std::string onednn_version();

}  // namespace kelvin
