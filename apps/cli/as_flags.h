// Libraries name fields of options structs; on the command line these are flags.
#pragma once

#include <string>

#include "kernels/device/message.h"

namespace kelvin {

[[nodiscard]] inline std::string as_flags(const Message& message) { return message.with("--"); }

}  // namespace kelvin
