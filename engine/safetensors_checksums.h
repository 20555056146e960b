// Checksums in the metadata of the safetensors files that this program writes.
//
//   "kelvin.format"     "2"
//   "kelvin.checksums"  16 digits for the names, types, shapes and metadata, then 16 digits a tensor, in the order of their names
//
// Every file of ours since format 2 has both names; one without the other is damage. So a single flipped bit cannot make a new file look
// like one of another program, or like an old one of ours: these have neither name.
#pragma once

#include <map>
#include <string>

#include "engine/safetensors.h"

namespace kelvin {

// The metadata with both names added, or replaced.
[[nodiscard]] std::map<std::string, std::string> with_checksums(std::map<std::string, std::string> metadata,
                                                                const std::map<std::string, SafetensorsEntry>& tensors);

// Checks every tensor of a file that has checksums, removes both names from its metadata and sets has_checksums. A mistake names the
// damaged tensor, or the header.
void verify_checksums(SafetensorsFile& file);

}  // namespace kelvin
