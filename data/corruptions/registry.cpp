// The list of corruptions and their application to a set. To add one: a function declared in corruption.h, defined in the
// file of its family, and a line in `kCorruptions`.
#include <algorithm>
#include <cmath>

#include "data/corruptions.h"
#include "data/corruptions/corruption.h"
#include "kernels/device/error.h"
#include "kernels/device/listed.h"
#include "kernels/device/parallel.h"
#include "kernels/processes/processes.h"

namespace kelvin {
namespace {

constexpr std::int64_t kOwnImages = 32;  // in a row for one rank

struct Corruption {
  const char* name;
  CorruptionFunction apply;
  bool extra = false;  // not part of the benchmark's mean
};

constexpr Corruption kCorruptions[] = {
    {"gaussian_noise", gaussian_noise},
    {"shot_noise", shot_noise},
    {"impulse_noise", impulse_noise},
    {"defocus_blur", defocus_blur},
    {"glass_blur", glass_blur},
    {"motion_blur", motion_blur},
    {"zoom_blur", zoom_blur},
    {"snow", snow},
    {"frost", frost},
    {"fog", fog},
    {"brightness", brightness},
    {"contrast", contrast},
    {"elastic_transform", elastic_transform},
    {"pixelate", pixelate},
    {"jpeg_compression", jpeg_compression},
    {"speckle_noise", speckle_noise, true},
    {"gaussian_blur", gaussian_blur, true},
    {"spatter", spatter, true},
    {"saturate", saturate, true},
};

CorruptionFunction find(const std::string& name) {
  for (const Corruption& c : kCorruptions)
    if (name == c.name) return c.apply;
  throw mistake("corruption ", name, " is unknown; known: ", listed(kCorruptions, &Corruption::name));
}

ByteImage byte_image(const ImageSet& set, std::int64_t i) {
  ByteImage image{static_cast<int>(set.height), static_cast<int>(set.width), static_cast<int>(set.channels), {}};
  image.pixels.resize(static_cast<std::size_t>(set.pixels()));
  set.copy_image(i, image.pixels.data());
  return image;
}

}  // namespace

std::vector<double> to_unit(const ByteImage& image) {
  std::vector<double> values(image.pixels.size());
  std::transform(image.pixels.begin(), image.pixels.end(), values.begin(), [](std::uint8_t v) { return v / 255.0; });
  return values;
}

ByteImage from_unit(const ByteImage& like, const std::vector<double>& values) {
  ByteImage image{like.height, like.width, like.channels, std::vector<std::uint8_t>(values.size())};
  std::transform(values.begin(), values.end(), image.pixels.begin(),
                 [](double v) { return static_cast<std::uint8_t>(std::clamp(v, 0.0, 1.0) * 255.0); });
  return image;
}

std::vector<float> normals(const ImageRandom& random, std::size_t n) {
  std::vector<float> values(n + 3);
  for (std::size_t i = 0; i < n; i += 4) {
    const auto bits = random.bits(i / 4);
    const auto a = normal_pair(bits[0], bits[1]), b = normal_pair(bits[2], bits[3]);
    values[i] = a[0], values[i + 1] = a[1], values[i + 2] = b[0], values[i + 3] = b[1];
  }
  values.resize(n);
  return values;
}

std::vector<double> uniforms(const ImageRandom& random, std::size_t n, std::size_t first_element) {
  std::vector<double> values(n + 3);
  for (std::size_t i = 0; i < n; i += 4) {
    const auto bits = random.bits(first_element + i / 4);
    for (std::size_t k = 0; k < 4; ++k) values[i + k] = 2 * static_cast<double>(uniform01(bits[k])) - 1;
  }
  values.resize(n);
  return values;
}

std::vector<std::string> corruption_names() {
  std::vector<std::string> names;
  for (const Corruption& c : kCorruptions)
    if (!c.extra) names.emplace_back(c.name);
  return names;
}

std::vector<std::string> extra_corruption_names() {
  std::vector<std::string> names;
  for (const Corruption& c : kCorruptions)
    if (c.extra) names.emplace_back(c.name);
  return names;
}

ImageSet corrupt(const ImageSet& clean, const std::string& name, int severity, std::uint64_t seed) {
  const CorruptionFunction apply = find(name);
  if (severity < 1 || severity > kSeverities)
    throw mistake("severity"_field, " ", severity, ": severities are 1 to ", kSeverities);
  ImageSet out{clean.count, clean.height, clean.width, clean.channels, {}, {}, clean.labels};
  const RandomKey key{seed, random_stream("corruption/" + name + "/" + std::to_string(severity))};
  if (clean.reader) {
    out.reader = [clean, apply, severity, key](std::int64_t i, std::uint8_t* to) {
      std::ranges::copy(apply(byte_image(clean, i), severity - 1, {key, static_cast<std::uint64_t>(i)}).pixels, to);
    };
    return out;
  }
  out.bytes.resize(static_cast<std::size_t>(clean.count * clean.pixels()));
  Processes& all = processes();
  parallel_for(
      clean.count,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          if (!all.is_mine(i / kOwnImages)) continue;
          const ByteImage image = apply(byte_image(clean, i), severity - 1, {key, static_cast<std::uint64_t>(i)});
          std::copy(image.pixels.begin(), image.pixels.end(), out.bytes.begin() + i * clean.pixels());
        }
      },
      /*cost=*/kParallelGrain / 4);
  all.gather_items(std::as_writable_bytes(std::span(out.bytes)), kOwnImages * clean.pixels(),
                   "the images of a corruption");
  return out;
}

}  // namespace kelvin
