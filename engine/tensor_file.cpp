#include "engine/tensor_file.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace kelvin {
namespace {

// Calls f(index in memory, index in the file) for every element.
template <class F>
void for_each_file_element(const Shape& s, const F& f) {
  if (s.rank() != 4) {
    for (std::int64_t i = 0; i < s.size(); ++i) f(i, i);
    return;
  }
  const std::int64_t area = s[1] * s[2], channels = s[3];
  std::int64_t i = 0;
  for (std::int64_t k = 0; k < s[0]; ++k)
    for (std::int64_t a = 0; a < area; ++a)
      for (std::int64_t c = 0; c < channels; ++c) f(i++, (k * channels + c) * area + a);
}

// IEEE 754 binary16
float float_of_half(std::uint16_t half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const float sign = half >> 15 ? -1.0f : 1.0f;
  if (exponent == 31) return fraction ? NAN : sign * INFINITY;
  if (exponent == 0) return sign * std::ldexp(static_cast<float>(fraction), -24);
  return sign * std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
}

std::uint16_t half_of_float(float x) {
  const auto sign = static_cast<std::uint16_t>(std::signbit(x) ? 0x8000 : 0);
  const float size = std::abs(x);
  if (std::isnan(x)) return static_cast<std::uint16_t>(sign | 0x7e00);
  if (size >= 65520.0f) return static_cast<std::uint16_t>(sign | 0x7c00);
  if (size == 0) return sign;
  int exponent = 0;
  (void)std::frexp(size, &exponent);
  exponent = std::max(exponent - 1, -14);  // subnormal numbers share the smallest exponent
  // size = fraction · 2^(exponent − 10); nearbyint rounds to even
  const auto fraction = static_cast<int>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  // A fraction of 1024 or more carries the implicit bit, one of 2048 moves on to the next exponent: plain addition does both.
  return static_cast<std::uint16_t>(sign | (((exponent + 14) << 10) + fraction));
}

template <class T, class F>
std::vector<float> convert_all(const SafetensorsEntry& entry, const F& f) {
  std::vector<float> values;
  values.reserve(byte_count(entry) / sizeof(T));
  for_each_block(entry, [&](std::span<const std::byte> block) {  // of whole elements
    for (std::size_t at = 0; at < block.size(); at += sizeof(T)) {
      T element;
      std::memcpy(&element, block.data() + at, sizeof(T));
      values.push_back(f(element));
    }
  });
  return values;
}

template <class T, class F>
std::vector<std::byte> store_all(const std::vector<float>& values, const F& f) {
  std::vector<std::byte> bytes(values.size() * sizeof(T));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const T element = f(values[i]);
    std::memcpy(bytes.data() + i * sizeof(T), &element, sizeof(T));
  }
  return bytes;
}

}  // namespace

Shape file_shape(const Shape& s) { return s.rank() == 4 ? Shape{s[0], s[3], s[1], s[2]} : s; }

std::string shape_text(const std::vector<std::int64_t>& dims) {
  std::string text = "[";
  for (const auto d : dims) text += (text.size() > 1 ? ", " : "") + std::to_string(d);
  return text + "]";
}

std::vector<float> to_file_order(const Tensor& t) {
  const std::vector<float> memory = t.to_host<float>();
  std::vector<float> file(memory.size());
  for_each_file_element(t.shape(), [&](std::int64_t m, std::int64_t f) {
    file[static_cast<std::size_t>(f)] = memory[static_cast<std::size_t>(m)];
  });
  return file;
}

void copy_from_file_order(const Tensor& t, const std::vector<float>& elements) {
  std::vector<float> memory(elements.size());
  for_each_file_element(t.shape(), [&](std::int64_t m, std::int64_t f) {
    memory[static_cast<std::size_t>(m)] = elements[static_cast<std::size_t>(f)];
  });
  t.copy_from_host<float>(memory);
}

bool is_float_type(const std::string& dtype) {
  return dtype == "F32" || dtype == "F16" || dtype == "BF16" || dtype == "F64";
}

std::vector<float> floats_of(const SafetensorsEntry& entry) {
  if (entry.dtype == "F32") return convert_all<float>(entry, [](float x) { return x; });
  if (entry.dtype == "F64") return convert_all<double>(entry, [](double x) { return static_cast<float>(x); });
  if (entry.dtype == "F16") return convert_all<std::uint16_t>(entry, float_of_half);
  if (entry.dtype == "BF16")
    return convert_all<std::uint16_t>(entry,
                                      [](std::uint32_t x) { return std::bit_cast<float>(std::uint32_t{x << 16}); });
  throw mistake("elements of type ", entry.dtype, "; F32, F16, BF16 and F64 are read");
}

std::vector<std::byte> bytes_of(const std::vector<float>& values, const std::string& dtype) {
  if (dtype == "F32") return store_all<float>(values, [](float x) { return x; });
  if (dtype == "F16") return store_all<std::uint16_t>(values, half_of_float);
  if (dtype == "BF16") return store_all<bfloat16>(values, [](float x) { return bfloat16(x); });
  throw mistake("elements of type ", dtype, "; F32, F16 and BF16 are written");
}

}  // namespace kelvin
