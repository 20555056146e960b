// Checksums in the metadata of the safetensors files that this program writes.
//
//   "kelvin.format"     "2"
//   "kelvin.checksums"  16 digits for the names, types, shapes and metadata, then 16 digits a tensor, in the order of their names
//
// Both names stand in every file of ours since format 2: where one is there without the other, that is damage. So a single flipped
// bit cannot make a new file look like one of another program, or like an old one of ours, both of which have neither.
#pragma once

#include <map>
#include <string>

#include "engine/safetensors.h"

namespace kelvin {

// The metadata with both names added (anew, where they were there).
[[nodiscard]] std::map<std::string, std::string> with_checksums(std::map<std::string, std::string> metadata,
                                                                const std::map<std::string, SafetensorsEntry>& tensors);

// Reads every tensor of a file that carries checksums and takes both names out of its metadata; sets has_checksums. A mistake
// names the tensor that does not agree, or says that it is the header.
void verify_checksums(SafetensorsFile& file);

}  // namespace kelvin
