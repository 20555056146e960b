// Convolution against double loops, and the promise never to run oneDNN's reference implementation.
#include "kernels/convolution/conv2d.h"

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

// The three directions and the epilogue in double, from inputs that T holds exactly.
template <class T>
struct Problem {
  explicit Problem(const Case& c) : shapes(c), y_shape(conv2d_output_shape(c.x, c.w, c.o)) {
    x = rounded(c.x.size(), "x");
    w = rounded(c.w.size(), "w");
    dy = rounded(y_shape.size(), "dy");
    residual = rounded(y_shape.size(), "residual");
    bias = draw(c.w[0], "bias");
    y_ref.resize(dy.size());
    dx_ref.resize(x.size());
    dw_ref.resize(w.size());
    for_each_product(c.x, c.w, c.o, [&](std::int64_t i, std::int64_t j, std::int64_t k) {
      const auto xi = static_cast<std::size_t>(i), wi = static_cast<std::size_t>(j), yi = static_cast<std::size_t>(k);
      y_ref[yi] += static_cast<double>(float(x[xi])) * float(w[wi]);
      dx_ref[xi] += static_cast<double>(float(dy[yi])) * float(w[wi]);
      dw_ref[wi] += static_cast<double>(float(dy[yi])) * float(x[xi]);
    });
  }
  static std::vector<T> rounded(std::int64_t n, const char* stream) {
    std::vector<T> v;
    for (const float f : draw(n, stream)) v.push_back(T(f));
    return v;
  }
  [[nodiscard]] std::vector<float> master() const { return {w.begin(), w.end()}; }  // the filter as float32

  Case shapes;
  Shape y_shape;
  std::vector<T> x, w, dy, residual;
  std::vector<float> bias;
  std::vector<double> y_ref, dx_ref, dw_ref;
};

// |error| <= absolute + relative |expected|
template <class V>
void expect_close(const V& got, const std::vector<double>& expected, double absolute, double relative,
                  const char* what) {
  for (std::size_t i = 0; i < expected.size(); ++i)
    ASSERT_NEAR(float(got[i]), expected[i], absolute + relative * std::abs(expected[i])) << what << " " << i;
}

// Sums of up to 1,519 products of size 1, themselves of size 30: float32 accumulation keeps about 1e-4 of them in either
// precision; a result stored as bfloat16 (8 bits) is rounded once more, by 2^-8 of itself. dw is float32 in both.
template <class T>
void check_all_directions(const Case& c, double absolute = 1e-4) {
  const Problem<T> p(c);
  const double relative = dtype_of<T> == DType::bf16 ? 1.0 / 256 : 0;
  const std::vector<float> w = p.master();
  std::vector<T> y(p.dy.size()), dx(p.x.size());
  std::vector<float> dw(w.size());
  conv2d_forward<T, float>(Cpu{}, {y.data(), p.y_shape}, {p.x.data(), c.x}, {w.data(), c.w}, {}, c.o);
  conv2d_backward_data<T, float>(Cpu{}, {dx.data(), c.x}, {p.dy.data(), p.y_shape}, {w.data(), c.w}, c.o);
  conv2d_backward_filter<T>(Cpu{}, {dw.data(), c.w}, {p.x.data(), c.x}, {p.dy.data(), p.y_shape}, c.o);
  expect_close(y, p.y_ref, absolute, relative, "y");
  expect_close(dx, p.dx_ref, absolute, relative, "dx");
  expect_close(dw, p.dw_ref, absolute, 0, "dw");

  std::vector<double> fused = p.y_ref;
  for (std::size_t i = 0; i < fused.size(); ++i)
    fused[i] = std::max(0.0, fused[i] + p.bias[i % p.bias.size()] + float(p.residual[i]));
  const ConvEpilogue<T> epilogue{{p.bias.data(), {c.w[0]}}, {p.residual.data(), p.y_shape}, true};
  conv2d_forward<T, float>(Cpu{}, {y.data(), p.y_shape}, {p.x.data(), c.x}, {w.data(), c.w}, epilogue, c.o);
  expect_close(y, fused, absolute, relative, "fused y");

  // The same filter, already rounded; and added to what is there, here to the same once more.
  const std::vector<T> rounded(w.begin(), w.end());
  conv2d_forward<T, T>(Cpu{}, {y.data(), p.y_shape}, {p.x.data(), c.x}, {rounded.data(), c.w}, {}, c.o);
  expect_close(y, p.y_ref, absolute, relative, "y of a rounded filter");
  conv2d_backward_data<T, T>(Cpu{}, {dx.data(), c.x}, {p.dy.data(), p.y_shape}, {rounded.data(), c.w}, c.o,
                             /*adds=*/true);
  std::vector<double> twice = p.dx_ref;
  for (double& v : twice) v *= 2;
  expect_close(dx, twice, 2 * absolute, 2 * relative, "dx added to dx");

  std::vector<float> again(dw.size());
  conv2d_backward_filter<T>(Cpu{}, {again.data(), c.w}, {p.x.data(), c.x}, {p.dy.data(), p.y_shape}, c.o);
  EXPECT_EQ(again, dw) << "a second run with as many threads gives other bits";
}

class ConvTest : public ::testing::TestWithParam<Case> {};

TEST_P(ConvTest, AgreesWithDoubleLoops) { check_all_directions<float>(GetParam()); }

TEST_P(ConvTest, AgreesWithDoubleLoopsInBFloat16) {
  if (!has_bfloat16(Cpu{})) GTEST_SKIP() << "this CPU has no bfloat16 products";
  check_all_directions<bfloat16>(GetParam());
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

// Winograd's transforms add and subtract before they multiply: Lavin and Gray (arXiv 1509.09308, table 4) find errors about ten
// times those of the direct sum. Wide enough for oneDNN to take it where it has it; the shapes have tiles cut by the edge.
TEST(ConvWinograd, KeepsFloat32) {
  for (const Case& c :
       {Case{{4, 18, 18, 32}, {48, 3, 3, 32}, {.pad = 1}}, Case{{8, 16, 16, 64}, {32, 3, 3, 64}, {.pad = 1}}})
    check_all_directions<float>(c, 1e-3);
}

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
