// Converts tensors between memory and files: filters [K, R, S, C] are [K, C, R, S] in a file, PyTorch's order; all others keep
// their shape. Element types F64, F32, F16 and BF16 are read; F32, F16 and BF16 are written, rounded to nearest even.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/safetensors.h"
#include "engine/tensor.h"

namespace kelvin {

[[nodiscard]] Shape file_shape(const Shape& in_memory);
[[nodiscard]] std::string shape_text(const std::vector<std::int64_t>& dims);  // "[64, 3, 7, 7]"

// The elements of a float32 tensor in the file's order.
[[nodiscard]] std::vector<float> to_file_order(const Tensor& t);
// Overwrites a tensor with elements in the file's order.
void copy_from_file_order(const Tensor& t, const std::vector<float>& elements);

[[nodiscard]] bool is_float_type(const std::string& dtype);
// Throws unless is_float_type(entry.dtype).
[[nodiscard]] std::vector<float> floats_of(const SafetensorsEntry& entry);
// Elements as bytes of that type: F32, F16 or BF16.
[[nodiscard]] std::vector<std::byte> bytes_of(const std::vector<float>& values, const std::string& dtype);

}  // namespace kelvin
