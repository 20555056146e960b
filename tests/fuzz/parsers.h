// What a fuzzer feeds and the corpus test replays: each parser takes any bytes and either returns a file whose parts are consistent
// or throws a mistake. Anything else (another exception, a crash, a sanitizer's report, a broken promise) is a defect.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <span>
#include <vector>

#include "data/idx.h"
#include "data/image_file.h"
#include "data/image_folders.h"
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
      total += byte_count(entry);
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

// PNG and JPEG: the header, and the pixels where they are few enough for a fuzzer's patience.
inline void image(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    const ImageHeader header = image_header("fuzz", bytes);
    const std::int64_t pixels = static_cast<std::int64_t>(header.height) * header.width;
    require(header.height > 0 && header.width > 0 && pixels <= kMaxImagePixels);
    if (pixels > 1 << 16) return;
    for (const int channels : {1, 3}) {
      const DecodedImage decoded = decode_image("fuzz", bytes, channels);
      require(decoded.pixels.size() == static_cast<std::size_t>(pixels * channels));
    }
  });
}

// Tiny-ImageNet's val_annotations.txt.
inline void annotations(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    for (const Annotation& a :
         parse_annotations("fuzz", {reinterpret_cast<const char*>(bytes.data()), bytes.size()}))
      require(!a.file.empty() && !a.wnid.empty() && a.file.find('/') == std::string::npos);
  });
}

}  // namespace kelvin::fuzz
