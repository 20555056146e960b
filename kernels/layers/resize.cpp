#include "kernels/layers/resize.h"

#include "kernels/device/parallel.h"

namespace kelvin {

void resize_bilinear_forward(Cpu, View<float> y, View<const float> x) {
  const Resampling rows = resampling(x.dim(1), y.dim(1)), cols = resampling(x.dim(2), y.dim(2));
  const std::int64_t channels = x.dim(3), in_row = x.dim(2) * channels, out_row = y.dim(2) * channels;
  parallel_for(
      y.dim(0) * y.dim(1),
      [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t line = begin; line < end; ++line) {
          const std::int64_t image = line / rows.out;
          const Resampling::Tap down = rows.at(static_cast<std::int32_t>(line % rows.out));
          const float* const upper = x.data + (image * rows.in + down.first) * in_row;
          const float* const lower = x.data + (image * rows.in + down.second) * in_row;
          float* const to = y.data + line * out_row;
          for (std::int32_t w = 0; w < cols.out; ++w) {
            const Resampling::Tap across = cols.at(w);
            const std::int64_t left = across.first * channels, right = across.second * channels;
            for (std::int64_t c = 0; c < channels; ++c)
              to[w * channels + c] =
                  (1 - down.share) * ((1 - across.share) * upper[left + c] + across.share * upper[right + c]) +
                  down.share * ((1 - across.share) * lower[left + c] + across.share * lower[right + c]);
          }
        }
      },
      /*cost=*/16 * out_row);
}

void resize_bilinear_backward(Cpu, View<float> dx, View<const float> dy) {
  const Resampling rows = resampling(dx.dim(1), dy.dim(1)), cols = resampling(dx.dim(2), dy.dim(2));
  const std::int64_t channels = dx.dim(3), in_row = dx.dim(2) * channels, out_row = dy.dim(2) * channels;
  parallel_for(
      dx.dim(0) * dx.dim(1),
      [=](std::int64_t begin, std::int64_t end) {
        for (std::int64_t line = begin; line < end; ++line) {
          const std::int64_t image = line / rows.in;
          const auto h = static_cast<std::int32_t>(line % rows.in);
          for (std::int32_t w = 0; w < cols.in; ++w)
            for (std::int64_t c = 0; c < channels; ++c) {
              float sum = 0;
              for (std::int32_t oh = rows.begin(h); oh < rows.end(h); ++oh) {
                const float down = rows.weight(oh, h);
                const float* const from = dy.data + (image * rows.out + oh) * out_row + c;
                float part = 0;
                for (std::int32_t ow = cols.begin(w); ow < cols.end(w); ++ow)
                  part += cols.weight(ow, w) * from[ow * channels];
                sum += down * part;
              }
              dx[line * in_row + w * channels + c] = sum;
            }
        }
      },
      /*cost=*/32 * out_row);
}

}  // namespace kelvin
