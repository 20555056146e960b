#include "apps/bench/data_cases.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>

#include "data/batch_loader.h"
#include "data/corruptions.h"
#include "kernels/device/philox.h"

namespace kelvin {
namespace {

// Waves with a little noise, different for each image. Flat images or white noise would change the speed of JPEG and edge detection.
ImageSet smooth_images(const BenchOptions& o) {
  ImageSet set{500, o.size, o.size, o.channels, {}, {}, {}};
  const RandomKey key{1, random_stream("bench/images")};
  std::uint64_t counter = 0;
  for (std::int64_t i = 0; i < set.count; ++i) {
    const auto wave = philox(key, counter++);
    for (std::int64_t h = 0; h < set.height; ++h)
      for (std::int64_t w = 0; w < set.width; ++w)
        for (std::int64_t c = 0; c < set.channels; ++c) {
          const float y = static_cast<float>(h) / static_cast<float>(o.size),
                      x = static_cast<float>(w) / static_cast<float>(o.size);
          const float phase =
              8 * uniform01(wave[0]) * x + 8 * uniform01(wave[1]) * y + 6 * uniform01(wave[2]) + static_cast<float>(c);
          const float v = 0.5f + 0.4f * std::sin(phase) + 0.06f * (uniform01(philox(key, counter++)[0]) - 0.5f);
          set.bytes.push_back(static_cast<std::uint8_t>(255 * std::clamp(v, 0.0f, 1.0f)));
        }
    set.labels.push_back(static_cast<std::int32_t>(i % o.classes));
  }
  return set;
}

std::vector<std::string> corruptions_of(const std::string& what) {
  if (what == "all") return corruption_names();
  if (what == "extra") return extra_corruption_names();
  return {what};
}

// Processor time of all threads. Unlike wall-clock time it does not depend on other work on the machine.
double processor_time() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

// The rates of f, which processes `images` images: by wall-clock time from the fastest third of at least three calls, by processor time from all.
template <class F>
void measure(BenchRow& row, double images, double seconds, const F& f) {
  f();  // warm
  std::vector<double> times;
  const double start = now(), processor_start = processor_time();
  while (times.size() < 3 || now() - start < seconds) {
    const double begin = now();
    f();
    times.push_back(now() - begin);
  }
  row.img_per_cpu_s = images * static_cast<double>(times.size()) / (processor_time() - processor_start);
  std::sort(times.begin(), times.end());
  const std::size_t n = std::max<std::size_t>(1, times.size() / 3);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += times[i];
  row.img_per_s = images * static_cast<double>(n) / sum;
}

}  // namespace

bool is_data_case(const std::string& name) { return name == "load" || name.starts_with("corrupt-"); }

BenchRow run_data_bench(const std::string& name, const BenchOptions& o, const std::string& data) {
  const ImageSet set = data.empty() ? smooth_images(o) : load_dataset(data, {.train = Half::skip}).test;
  BenchRow row;
  row.name = name;
  if (name == "load") {
    BatchLoader loader(set,
                       {.batch_size = std::min<std::int64_t>(o.batch_size, set.count), .augment = true, .seed = 1});
    measure(row, static_cast<double>(50 * std::min<std::int64_t>(o.batch_size, set.count)), o.seconds, [&] {
      for (int i = 0; i < 50; ++i) (void)loader.next();
    });
    row.peak_rss_mb = peak_rss_mb();
    return row;
  }
  const std::vector<std::string> names = corruptions_of(name.substr(name.find('-') + 1));
  measure(row, static_cast<double>(set.count * kSeverities) * static_cast<double>(names.size()), o.seconds, [&] {
    for (const std::string& corruption : names)
      for (int severity = 1; severity <= kSeverities; ++severity) (void)corrupt(set, corruption, severity, 1);
  });
  row.peak_rss_mb = peak_rss_mb();
  return row;
}

}  // namespace kelvin
