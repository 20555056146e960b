// Checkpoints: parameters, buffers and extra tensors in one safetensors file.
//
// Filters [K, R, S, C] are stored as [K, C, R, S], the order of PyTorch, so that the file can be read by others; everything
// else keeps its shape (engine/tensor_file.h). Writing is atomic. Tensors are written as float32 and read from any floating type.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "engine/parameters.h"
#include "engine/safetensors.h"

namespace kelvin {

using NamedTensors = std::map<std::string, Tensor>;

// Saves the model's parameters and buffers under their names, and `extra` (optimizer state: any float32 tensors) under theirs.
void save_checkpoint(const std::filesystem::path& path, const Parameters& parameters, const NamedTensors& extra,
                     const std::map<std::string, std::string>& metadata);

// Copies the tensors of the file into the parameters and buffers. Throws a mistake that names every missing and mis-shaped
// tensor. Tensors of other names are left alone.
void load_parameters(const SafetensorsFile& file, const Parameters& parameters);

// Copies the named tensors of the file into `extra`; throws a mistake where one is missing or has another shape.
void load_tensors(const SafetensorsFile& file, const NamedTensors& extra);

}  // namespace kelvin
