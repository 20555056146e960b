// Messages of the libraries name fields of options structs. On the command line these become flags.
#pragma once

#include <string>

#include "kernels/device/message.h"

namespace kelvin {

[[nodiscard]] inline std::string as_flags(const Message& message) { return message.with("--"); }

}  // namespace kelvin
