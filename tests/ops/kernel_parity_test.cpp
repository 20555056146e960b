// The kernels that no op case reaches, on the CUDA device against the CPU: attack steps, optimizers, augmentation, random numbers,
// reductions, predictions.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "engine/tensor.h"
#include "kernels/arrays/augment.h"
#include "kernels/arrays/elementwise.h"
#include "kernels/arrays/prototype_distances.h"
#include "kernels/arrays/random_fill.h"
#include "kernels/arrays/reduce.h"
#include "kernels/arrays/top1.h"
#include "kernels/attacks/keep_best.h"
#include "kernels/attacks/pgd_step.h"
#include "kernels/attacks/stationarity.h"
#include "kernels/attacks/weight_perturbation.h"
#include "kernels/device/pool.h"
#include "kernels/layers/fold_batch_norm.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/losses/softmax_cross_entropy.h"
#include "kernels/optimizers/adam_step.h"
#include "kernels/optimizers/clip_gradient.h"
#include "kernels/optimizers/ema_step.h"
#include "kernels/optimizers/sgd_step.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

// Something computed on a device, read back. Inputs are drawn on the CPU and moved.
using Computation = std::function<std::vector<Tensor>(Device)>;

void expect_parity(const Computation& compute, double relative, double absolute) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  const std::vector<Tensor> expected = compute({}), got = compute({DeviceKind::cuda, cuda});
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t t = 0; t < got.size(); ++t) {
    ASSERT_EQ(got[t].shape(), expected[t].shape());
    if (expected[t].dtype() == DType::i32) {
      EXPECT_EQ(got[t].to_host<std::int32_t>(), expected[t].to_host<std::int32_t>()) << "result " << t;
      continue;
    }
    const Floats a = floats_of(got[t]), b = floats_of(expected[t]);
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_NEAR(a[i], b[i], absolute + relative * std::abs(b[i])) << "result " << t << ", element " << i;
  }
}

Tensor floats(const char* stream, Shape shape, float low, float high, Device device) {
  return Tensor::from_host<float>(draw(shape.size(), stream, low, high), shape, device);
}

Tensor integers(const char* stream, Shape shape, int end, Device device) {
  std::vector<std::int32_t> v;
  for (const float f : draw(shape.size(), stream, 0, static_cast<float>(end)))
    v.push_back(static_cast<std::int32_t>(f));
  return Tensor::from_host<std::int32_t>(v, shape, device);
}

// Images whose size is no multiple of a vector, and one whose size is.
const Shape kImages[] = {{3, 5, 7, 3}, {2, 8, 8, 1}, {1, 32, 32, 3}};

TEST(KernelParity, OutOfMemoryNamesTheRequest) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  const std::size_t absurd = std::size_t{1} << 46;  // 64 TiB
  try {
    on({DeviceKind::cuda, cuda}, [&](const auto& dev) { (void)pool_allocate(dev, absurd); });
    FAIL() << "64 TiB were allocated";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ExitCode::out_of_memory);
    EXPECT_NE(std::string(e.what()).find(std::to_string(absurd) + " bytes"), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find("bytes in use"), std::string::npos) << e.what();
  }
}

TEST(KernelParity, PgdSteps) {
  for (const Shape& shape : kImages) {
    const auto step = [&](auto kernel, float length) {
      return [=](Device d) {
        const Tensor x0 = floats("x0", shape, 0, 1, d), g = floats("g", shape, -1, 1, d), x = x0.clone();
        kernel(d, x, x0, g, PgdOptions{0.1f, length});
        kernel(d, x, x0, g, PgdOptions{0.1f, length});
        return std::vector<Tensor>{x};
      };
    };
    const auto linf = [](Device d, const Tensor& x, const Tensor& x0, const Tensor& g, const PgdOptions& o) {
      on(d, [&](const auto& dev) {
        pgd_step_linf(dev, x.view<float>(), x0.view<const float>(), g.view<const float>(), o);
      });
    };
    const auto l2 = [](Device d, const Tensor& x, const Tensor& x0, const Tensor& g, const PgdOptions& o) {
      on(d,
         [&](const auto& dev) { pgd_step_l2(dev, x.view<float>(), x0.view<const float>(), g.view<const float>(), o); });
    };
    expect_parity(step(linf, 0.06f), 0, 0);  // the same float32 operations: the same bits
    expect_parity(step(linf, -0.06f), 0, 0);
    expect_parity(step(l2, 0.08f), 0, 2e-7);  // norms are summed in another order
    for (const float flat : {0.0f, NAN}) {    // no direction: the image stays
      const auto stays = [&](Device d) {
        const Tensor x0 = floats("x0", shape, 0, 1, d), x = x0.clone();
        l2(d, x, x0, Tensor::full(shape, flat, DType::f32, d), PgdOptions{0.1f, 0.08f});
        return std::vector<Tensor>{x};
      };
      expect_parity(stays, 0, 0);
    }
  }
}

// Sums of |g| in another order: the last bit.
TEST(KernelParity, Momentum) {
  for (const Shape& shape : kImages)
    for (const float flat : {1.0f, 0.0f, NAN})
      expect_parity(
          [&](Device d) {
            const Tensor m = floats("m", shape, -1, 1, d), g = floats("g", shape, -1, 1, d);
            if (flat != 1) g.narrow(0, 1).copy_from(Tensor::full(g.narrow(0, 1).shape(), flat, DType::f32, d));
            on(d, [&](const auto& dev) { add_to_momentum(dev, m.view<float>(), g.view<const float>(), 0.9f); });
            return std::vector<Tensor>{m};
          },
          1e-6, 1e-7);
}

TEST(KernelParity, RandomStarts) {
  for (const Shape& shape : kImages)
    for (const bool is_l2 : {false, true})
      expect_parity(
          [&](Device d) {
            const Tensor x0 = floats("x0", shape, 0, 1, d), x = Tensor::empty(shape, DType::f32, d);
            const Tensor indices = integers("indices", {shape[0]}, 50000, d);
            on(d, [&](const auto& dev) {
              const auto start = [&](auto kernel) {
                kernel(dev, x.view<float>(), x0.view<const float>(), indices.view<const std::int32_t>(),
                       RandomKey{7, random_stream("start")}, 0.5f);
              };
              is_l2 ? start([](auto&&... a) { random_start_l2(a...); })
                    : start([](auto&&... a) { random_start_linf(a...); });
            });
            return std::vector<Tensor>{x};
          },
          0, is_l2 ? 1e-6 : 0);
}

TEST(KernelParity, ImageStatistics) {
  for (const Shape& shape : kImages)
    expect_parity(
        [&](Device d) {
          const Tensor a = floats("a", shape, -1, 1, d), b = floats("b", shape, -1, 1, d);
          const Tensor zeros = Tensor::zeros({shape[1], shape[2], shape[3]}, DType::f32, d);
          a.narrow(0, 1).reshape(zeros.shape()).copy_from(zeros);
          std::vector<Tensor> out;
          for (int i = 0; i < 4; ++i) out.push_back(Tensor::empty({shape[0]}, DType::f32, d));
          on(d, [&](const auto& dev) {
            gradient_statistics(dev, out[0].view<float>(), out[1].view<float>(), a.view<const float>());
            image_distance(dev, out[2].view<float>(), out[3].view<float>(), a.view<const float>(),
                           b.view<const float>());
          });
          return out;
        },
        1e-6, 0);
}

TEST(KernelParity, Stationarity) {
  for (const Shape& shape : kImages)
    expect_parity(
        [&](Device d) {
          const Tensor x0 = floats("x0", shape, 0, 1, d), x = floats("x", shape, 0, 1, d),
                       g = floats("g", shape, -1, 1, d);
          const Tensor zeros = Tensor::zeros({shape[1], shape[2], shape[3]}, DType::f32, d);
          g.narrow(0, 1).reshape(zeros.shape()).copy_from(zeros);
          const std::vector<Tensor> out = {Tensor::empty({shape[0]}, DType::f32, d),
                                           Tensor::empty({shape[0]}, DType::f32, d)};
          on(d, [&](const auto& dev) {
            stationarity(dev, out[0].view<float>(), out[1].view<float>(), x.view<const float>(), x0.view<const float>(),
                         g.view<const float>(), 0.1f);
          });
          return out;
        },
        1e-6, 1e-6);
}

TEST(KernelParity, WeightPerturbation) {
  for (const std::int64_t n : {1, 31, 257, 40000})
    for (const float size_of_gradient : {1.0f, 0.0f})
      expect_parity(
          [&](Device d) {
            const Tensor w = floats("w", {n}, -1, 1, d), undo = Tensor::empty({n}, DType::f32, d);
            const Tensor g = floats("g", {n}, -size_of_gradient, size_of_gradient, d);
            on(d, [&](const auto& dev) {
              perturb_weights(dev, w.view<float>(), undo.view<float>(), g.view<const float>(), 0.01f);
            });
            return std::vector<Tensor>{w, undo};
          },
          1e-6, 1e-8);
}

TEST(KernelParity, Optimizers) {
  const std::pair<std::int64_t, float> cases[] = {{1, 1.0f}, {31, 3.0f}, {257, 1000.0f}, {4096, 3.0f}, {64, 1e6f}};
  for (const auto& [n, step] : cases)
    for (const bool variant : {false, true}) {
      const auto state = [n = n, step = step](Device d) {
        return std::vector<Tensor>{
            floats("w", {n}, -1, 1, d), floats("v", {n}, -0.1f, 0.1f, d),       floats("s", {n}, 0, 0.1f, d),
            floats("g", {n}, -1, 1, d), Tensor::full({1}, 0.1f, DType::f32, d), Tensor::full({1}, step, DType::f32, d)};
      };
      expect_parity(
          [&](Device d) {
            const std::vector<Tensor> t = state(d);
            on(d, [&](const auto& dev) {
              sgd_step(dev, t[0].view<float>(), t[1].view<float>(), t[3].view<const float>(), t[4].view<const float>(),
                       {.momentum = 0.9f, .weight_decay = 5e-4f, .nesterov = variant, .lr_scale = 0.75f});
            });
            return std::vector<Tensor>{t[0], t[1]};
          },
          1e-6, 1e-7);
      expect_parity(
          [&](Device d) {
            const std::vector<Tensor> t = state(d);
            on(d, [&](const auto& dev) {
              adam_step(dev, t[0].view<float>(), t[1].view<float>(), t[2].view<float>(), t[3].view<const float>(),
                        t[4].view<const float>(), t[5].view<const float>(),
                        {.weight_decay = 0.01f, .decoupled = variant, .lr_scale = 0.75f});
            });
            return std::vector<Tensor>{t[0], t[1], t[2]};
          },
          2e-6, 1e-7);
    }
}

TEST(KernelParity, ClippingAndAverages) {
  for (const std::int64_t n : {1, 33, 40000})
    for (const float max_norm : {0.5f, 1e6f})
      expect_parity(
          [&](Device d) {
            const Tensor g = floats("g", {n}, -1, 1, d), average = floats("a", {n}, -1, 1, d);
            const Tensor norm = Tensor::empty({1}, DType::f32, d);
            on(d, [&](const auto& dev) {
              reduce_norm(dev, norm.view<float>(), g.view<const float>());
              clip_gradient(dev, g.view<float>(), norm.view<const float>(), max_norm);
              ema_step(dev, average.view<float>(), g.view<const float>(), 0.9f);
            });
            return std::vector<Tensor>{norm, g, average};
          },
          1e-6, 1e-7);
}

TEST(KernelParity, KeepBest) {
  expect_parity(
      [](Device d) {
        const Shape images = {33, 3, 3, 3};
        const Tensor kept = floats("kept", images, 0, 1, d), now = floats("now", images, 0, 1, d);
        const Tensor kept_loss = floats("kept_loss", {33}, 0, 1, d), now_loss = floats("now_loss", {33}, 0, 1, d);
        const Tensor kept_success = integers("ks", {33}, 2, d), now_success = integers("ns", {33}, 2, d);
        const Tensor kept_class = integers("kc", {33}, 10, d), now_class = integers("nc", {33}, 10, d);
        on(d, [&](const auto& dev) {
          keep_best(dev, kept.view<float>(), kept_loss.view<float>(), kept_success.view<std::int32_t>(),
                    kept_class.view<std::int32_t>(), now.view<const float>(), now_loss.view<const float>(),
                    now_success.view<const std::int32_t>(), now_class.view<const std::int32_t>());
        });
        return std::vector<Tensor>{kept, kept_loss, kept_success, kept_class};
      },
      0, 0);
}

TEST(KernelParity, CropFlip) {
  for (const Shape& shape : kImages)
    for (const std::int64_t cutout : {-1, 0, 3})  // -1: no augmentation at all
      expect_parity(
          [&](Device d) {
            std::vector<std::uint8_t> bytes;
            for (const float f : draw(shape.size(), "bytes", 0, 256)) bytes.push_back(static_cast<std::uint8_t>(f));
            const Tensor u8 = Tensor::from_host<std::uint8_t>(bytes, shape, d);
            const Tensor f32 = floats("pixels", shape, 0, 1, d);
            const Tensor indices = integers("which", {9}, static_cast<int>(shape[0]), d);
            const Shape batch = {9, shape[1], shape[2], shape[3]};
            const std::vector<Tensor> out = {Tensor::empty(batch, DType::f32, d), Tensor::empty(batch, DType::f32, d)};
            const AugmentOptions o{cutout >= 0, 2, std::max<std::int64_t>(cutout, 0), {5, random_stream("augment")}, 3};
            on(d, [&](const auto& dev) {
              crop_flip(dev, out[0].view<float>(), u8.view<const std::uint8_t>(), indices.view<const std::int32_t>(),
                        o);
              crop_flip(dev, out[1].view<float>(), f32.view<const float>(), indices.view<const std::int32_t>(), o);
            });
            return out;
          },
          0, 0);
}

TEST(KernelParity, RandomFill) {
  for (const std::int64_t n : {1, 31, 1025})
    expect_parity(
        [&](Device d) {
          const std::vector<Tensor> out = {Tensor::empty({n}, DType::f32, d), Tensor::empty({n}, DType::f32, d)};
          const RandomKey key{3, random_stream("fill")};
          on(d, [&](const auto& dev) {
            fill_uniform(dev, out[0].view<float>(), key, -2, 3);
            fill_normal(dev, out[1].view<float>(), key, 1, 2);
          });
          return out;
        },
        1e-6, 2e-6);  // logf, cosf and sinf of another library
}

TEST(KernelParity, ReductionsAndScalars) {
  for (const std::int64_t n : {1, 33, 40000})
    expect_parity(
        [&](Device d) {
          const Tensor x = floats("x", {n}, 0, 1, d);
          const std::vector<Tensor> out = {Tensor::full({1}, 5, DType::f32, d), Tensor::full({1}, 5, DType::f32, d),
                                           Tensor::full({1}, 5, DType::f32, d), x};
          on(d, [&](const auto& dev) {
            reduce_sum(dev, out[0].view<float>(), x.view<const float>(), 0.5f);
            accumulate_sum(dev, out[1].view<float>(), x.view<const float>(), 2);
            increment(dev, out[2].view<float>());
            scale(dev, x.view<float>(), 3);
          });
          return out;
        },
        1e-6, 0);
}

TEST(KernelParity, Predictions) {
  for (const std::int64_t classes : {2, 10, 257, 1500})
    expect_parity(
        [&](Device d) {
          // Few different values: equal logits happen, and the first of equals must win.
          const Tensor coarse = integers("logits", {33, classes}, 40, {});
          std::vector<float> values;
          for (const std::int32_t v : coarse.to_host<std::int32_t>()) values.push_back(static_cast<float>(v));
          const Tensor logits = Tensor::from_host<float>(values, {33, classes}, d);
          const Tensor labels = integers("labels", {33}, 2, d), predictions = Tensor::empty({33}, DType::i32, d);
          const Tensor count = Tensor::full({1}, 4, DType::i32, d), flags = Tensor::empty({33}, DType::i32, d);
          on(d, [&](const auto& dev) {
            argmax(dev, predictions.view<std::int32_t>(), logits.view<const float>());
            count_correct(dev, count.view<std::int32_t>(), logits.view<const float>(),
                          labels.view<const std::int32_t>());
            matches(dev, flags.view<std::int32_t>(), predictions.view<const std::int32_t>(),
                    labels.view<const std::int32_t>(), false);
          });
          return std::vector<Tensor>{predictions, count, flags};
        },
        0, 0);
}

// Where a float32 gradient rounds to exactly zero decides what an attack can do: it must be the same place on every device.
TEST(KernelParity, CrossEntropyUnderflowsAtTheSameGaps) {
  expect_parity(
      [](Device d) {
        std::vector<float> gaps, logits;
        for (float gap = 10; gap < 115; gap += 0.5f) gaps.push_back(gap);
        for (const float gap : gaps) logits.insert(logits.end(), {gap, 0.0f, 0.0f});
        const auto rows = static_cast<std::int64_t>(gaps.size());
        const Tensor z = Tensor::from_host<float>(logits, {rows, 3}, d);
        const Tensor labels = Tensor::full({rows}, 0, DType::i32, d), tau = Tensor::full({1}, 1, DType::f32, d);
        const Tensor ones = Tensor::full({rows}, 1, DType::f32, d), dz = Tensor::empty({rows, 3}, DType::f32, d);
        on(d, [&](const auto& dev) {
          softmax_cross_entropy_backward<float>(dev, dz.view<float>(), ones.view<const float>(), z.view<const float>(),
                                                labels.view<const std::int32_t>(), tau.view<const float>());
        });
        std::vector<std::int32_t> is_zero;
        for (const float g : dz.to_host<float>()) is_zero.push_back(g == 0.0f ? 1 : 0);
        return std::vector<Tensor>{Tensor::from_host<std::int32_t>(is_zero, {rows, 3})};
      },
      0, 0);
}

TEST(KernelParity, PrototypeDistancesAndFoldedNorm) {
  expect_parity(
      [](Device d) {
        const Tensor f = floats("f", {7, 33}, -1, 1, d), w = floats("w", {10, 33}, -1, 1, d);
        const Tensor gamma = floats("gamma", {10}, 0.5f, 2, d), beta = floats("beta", {10}, -1, 1, d);
        const Tensor mean = floats("mean", {10}, -1, 1, d), variance = floats("variance", {10}, 0.1f, 2, d);
        const std::vector<Tensor> out = {Tensor::empty({7, 10}, DType::f32, d), Tensor::empty({10, 33}, DType::f32, d),
                                         Tensor::empty({10}, DType::f32, d), Tensor::empty({10}, DType::f32, d)};
        on(d, [&](const auto& dev) {
          prototype_distances(dev, out[0].view<float>(), f.view<const float>(), w.view<const float>());
          fold_batch_norm(dev, out[1].view<float>(), out[2].view<float>(), w.view<const float>(),
                          gamma.view<const float>(), beta.view<const float>(), mean.view<const float>(),
                          variance.view<const float>(), 1e-5f);
          reciprocal_stddev(dev, out[3].view<float>(), variance.view<const float>(), 1e-5f);
        });
        return out;
      },
      2e-6, 1e-6);
}

}  // namespace
}  // namespace kelvin::testing
