// What a fuzzer feeds and the corpus test replays: each parser takes any bytes and either returns a file whose parts are consistent
// or throws a mistake. Anything else (another exception, a crash, a sanitizer's report, a broken promise) is a defect.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <span>
#include <vector>

#include "data/idx.h"
#include "data/npy.h"
#include "engine/safetensors.h"
#include "engine/tensor_file.h"
#include "kernels/device/error.h"

namespace kelvin::fuzz {

inline void require(bool promise) {
  if (!promise) std::abort();
}

template <class F>
void tolerate_mistakes(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    require(e.code() == ExitCode::mistake);
  }
}

inline void safetensors(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    const SafetensorsFile file = parse_safetensors("fuzz", {bytes.begin(), bytes.end()});
    std::size_t total = 0;
    for (const auto& [name, entry] : file.tensors) {
      total += entry.bytes.size();
      if (is_float_type(entry.dtype)) (void)floats_of(entry);
    }
    require(total <= bytes.size());
  });
}

inline void npy(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    const NpyArray array = parse_npy("fuzz", {bytes.begin(), bytes.end()});
    std::size_t size = 1;
    for (const auto d : array.shape) size *= static_cast<std::size_t>(d);
    require(array.to_float().size() == size);
  });
}

inline void idx(std::span<const std::byte> bytes) {
  const auto* const p = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (const int rank : {1, 3})
    tolerate_mistakes([&] {
      const IdxArray array = parse_idx("fuzz", {p, p + bytes.size()}, rank);
      std::size_t size = 1;
      for (const auto d : array.shape) size *= static_cast<std::size_t>(d);
      require(array.values.size() == size);
    });
}

}  // namespace kelvin::fuzz
