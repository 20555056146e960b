#include "kernels/convolution/winograd/filters.h"

#include <algorithm>

#include "kernels/convolution/winograd/tile_transforms.h"
#include "kernels/device/parallel.h"

namespace kelvin::winograd {
namespace {

// Where the transformed filter of an output channel (a multiple of 16) and a pair of input channels begins, and how far apart
// two places and two pairs lie.
struct PanelPlace {
  Pair* first;
  std::int64_t place_stride, width;

  PanelPlace(Pair* out, std::int64_t outputs, std::int64_t inputs, std::int64_t output) {
    const std::int64_t panel = output / kPanel * kPanel;
    width = std::min(kPanel, outputs - panel);
    place_stride = inputs / 2 * width;
    first = out + panel * kPlaces * inputs / 2 + output % kPanel;
  }
  [[nodiscard]] Pair* at(std::int64_t place, std::int64_t pair) const {
    return first + place * place_stride + pair * width;
  }
};

LaneArray<9> load_filter(const float* w, std::int64_t channels, bool turned) {
  LaneArray<9> g;
  for (int i = 0; i < 9; ++i) g[i] = load_lanes(w + (turned ? 8 - i : i) * channels);
  return g;
}

// rows[i][j] becomes rows[j][i]: four perfect shuffles of rows i and i + 8.
void transpose(std::array<Pairs, 16>& rows) {
  for (int round = 0; round < 4; ++round) {
    std::array<Pairs, 16> next;
    for (int i = 0; i < 8; ++i) {
      const Pairs &a = rows[i], &b = rows[i + 8];
      next[2 * i] = __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] = __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    rows = next;
  }
}

}  // namespace

std::size_t filter_bytes(const Shape& w) { return static_cast<std::size_t>(kPlaces * w[0] * w[3]) * 2; }

void transform_filters(Pair* out, View<const float> w) {
  const std::int64_t outputs = w.dim(0), inputs = w.dim(3), inputs_32 = inputs / 32;
  const auto work = [&](std::int64_t begin, std::int64_t end) {
    std::array<std::array<Pairs, 16>, kPlaces> pairs;  // [place][output][pair of inputs]
    for (std::int64_t job = begin; job < end; ++job) {
      const std::int64_t k = job / inputs_32 * kLanes, c = job % inputs_32 * 32;
      for (int i = 0; i < 16; ++i) {
        const float* const filter = w.data + (k + i) * 9 * inputs + c;
        const LaneArray<16> first = transform_filter(load_filter(filter, inputs, false)),
                            second = transform_filter(load_filter(filter + kLanes, inputs, false));
        for (int place = 0; place < kPlaces; ++place)
          pairs[place][i] = reinterpret_cast<Pairs>(_mm512_cvtne2ps_pbh(second[place], first[place]));
      }
      const PanelPlace panel(out, outputs, inputs, k);
      for (int place = 0; place < kPlaces; ++place) {
        transpose(pairs[place]);
        for (int p = 0; p < 16; ++p) store_bits(panel.at(place, c / 2 + p), pairs[place][p]);
      }
    }
  };
  parallel_for(outputs / kLanes * inputs_32, work, kParallelGrain);
}

void transform_turned_filters(Pair* out, View<const float> w) {
  const std::int64_t outputs = w.dim(3), inputs = w.dim(0);
  const auto work = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t pair = begin; pair < end; ++pair)
      for (std::int64_t c = 0; c < outputs; c += kLanes) {
        const float* const filter = w.data + 2 * pair * 9 * outputs + c;
        const LaneArray<16> first = transform_filter(load_filter(filter, outputs, true)),
                            second = transform_filter(load_filter(filter + 9 * outputs, outputs, true));
        const PanelPlace panel(out, outputs, inputs, c);
        for (int place = 0; place < kPlaces; ++place)
          store_bits(panel.at(place, pair), zip(round_lanes(first[place]), round_lanes(second[place])));
      }
  };
  parallel_for(inputs / 2, work, kParallelGrain);
}

}  // namespace kelvin::winograd
