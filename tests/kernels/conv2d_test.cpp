// Convolution against double loops, and the promise never to run oneDNN's reference implementation.
#include "kernels/conv2d.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernels/device/philox.h"

namespace kelvin {
namespace {

std::vector<float> draw(std::int64_t n, const char* stream) {
  std::vector<float> v(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = 2 * uniform01(philox({11, random_stream(stream)}, i)[0]) - 1;
  return v;
}

// f(offset in x, offset in w, offset in y) for every product of the convolution
template <class F>
void for_each_product(const Shape& x, const Shape& w, const ConvOptions& o, const F& f) {
  const Shape y = conv2d_output_shape(x, w, o);
  for (std::int64_t n = 0; n < y[0]; ++n)
    for (std::int64_t oh = 0; oh < y[1]; ++oh)
      for (std::int64_t ow = 0; ow < y[2]; ++ow)
        for (std::int64_t k = 0; k < y[3]; ++k)
          for (std::int64_t r = 0; r < w[1]; ++r)
            for (std::int64_t s = 0; s < w[2]; ++s) {
              const std::int64_t h = oh * o.stride + r - o.pad, col = ow * o.stride + s - o.pad;
              if (h < 0 || h >= x[1] || col < 0 || col >= x[2]) continue;
              for (std::int64_t c = 0; c < x[3]; ++c)
                f(((n * x[1] + h) * x[2] + col) * x[3] + c, ((k * w[1] + r) * w[2] + s) * w[3] + c,
                  ((n * y[1] + oh) * y[2] + ow) * y[3] + k);
            }
}

struct Case {
  Shape x, w;
  ConvOptions o;
};

class ConvTest : public ::testing::TestWithParam<Case> {};

TEST_P(ConvTest, AllDirectionsAgreeWithDoubleLoops) {
  const auto& [xs, ws, o] = GetParam();
  const Shape ys = conv2d_output_shape(xs, ws, o);
  const std::vector<float> x = draw(xs.size(), "x"), w = draw(ws.size(), "w"), dy = draw(ys.size(), "dy");
  std::vector<double> y_ref(static_cast<std::size_t>(ys.size())), dx_ref(x.size()), dw_ref(w.size());
  for_each_product(xs, ws, o, [&](std::int64_t i, std::int64_t j, std::int64_t k) {
    const auto xi = static_cast<std::size_t>(i), wi = static_cast<std::size_t>(j), yi = static_cast<std::size_t>(k);
    y_ref[yi] += static_cast<double>(x[xi]) * w[wi];
    dx_ref[xi] += static_cast<double>(dy[yi]) * w[wi];
    dw_ref[wi] += static_cast<double>(dy[yi]) * x[xi];
  });
  std::vector<float> y(y_ref.size()), dx(x.size()), dw(w.size());
  conv2d_forward<float>(Cpu{}, {y.data(), ys}, {x.data(), xs}, {w.data(), ws}, {}, o);
  conv2d_backward_data<float>(Cpu{}, {dx.data(), xs}, {dy.data(), ys}, {w.data(), ws}, o);
  conv2d_backward_filter<float>(Cpu{}, {dw.data(), ws}, {x.data(), xs}, {dy.data(), ys}, o);
  // Sums of up to 1,519 products of size 1, themselves of size 30: float32 keeps about 1e-4 of them.
  for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], y_ref[i], 1e-4) << "y " << i;
  for (std::size_t i = 0; i < dx.size(); ++i) ASSERT_NEAR(dx[i], dx_ref[i], 1e-4) << "dx " << i;
  for (std::size_t i = 0; i < dw.size(); ++i) ASSERT_NEAR(dw[i], dw_ref[i], 1e-4) << "dw " << i;
}

INSTANTIATE_TEST_SUITE_P(Shapes, ConvTest,
                         ::testing::Values(Case{{1, 1, 1, 1}, {1, 1, 1, 1}, {}},
                                           Case{{2, 9, 9, 1}, {16, 3, 3, 1}, {.pad = 1}},
                                           Case{{2, 9, 9, 3}, {16, 3, 3, 3}, {.pad = 1}},
                                           Case{{3, 9, 9, 16}, {24, 3, 3, 16}, {.stride = 2, .pad = 1}},
                                           Case{{2, 9, 9, 17}, {10, 5, 5, 17}, {.pad = 2}},
                                           Case{{1, 9, 9, 31}, {33, 7, 7, 31}, {.stride = 2, .pad = 3}},
                                           Case{{2, 8, 8, 33}, {10, 1, 1, 33}, {.stride = 2}},
                                           Case{{2, 7, 5, 16}, {16, 3, 3, 16}, {}}));

// Every convolution of the models, both precisions: oneDNN must have a fast implementation in all three directions.
TEST(ConvImplementation, NeverTheReference) {
  std::vector<Case> layers;
  for (const std::int64_t side : {28, 32})
    for (const std::int64_t base : {16, 64}) {
      for (const std::int64_t channels : {1, 3})
        layers.push_back({{8, side, side, channels}, {base, 3, 3, channels}, {.pad = 1}});
      std::int64_t s = side;
      for (std::int64_t c = base; c <= base * (base == 64 ? 8 : 4); c *= 2) {
        layers.push_back({{8, s, s, c}, {c, 3, 3, c}, {.pad = 1}});
        layers.push_back({{8, s, s, c}, {2 * c, 3, 3, c}, {.stride = 2, .pad = 1}});
        layers.push_back({{8, s, s, c}, {2 * c, 1, 1, c}, {.stride = 2}});
        s = (s + 1) / 2;
      }
    }
  for (const Case& l : layers) {
    std::vector<ConvImplementations> found = {conv2d_implementations<float>(Cpu{}, l.x, l.w, l.o)};
    if (has_bfloat16(Cpu{})) found.push_back(conv2d_implementations<bfloat16>(Cpu{}, l.x, l.w, l.o));
    for (const ConvImplementations& i : found)
      for (const std::string& name : {i.forward, i.backward_data, i.backward_filter})
        EXPECT_FALSE(name.starts_with("ref")) << name << " for x " << l.x << ", w " << l.w;
  }
}

}  // namespace
}  // namespace kelvin
