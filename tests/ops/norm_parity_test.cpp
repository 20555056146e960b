// BatchNorm and LayerNorm kernels on the CUDA device, real or emulated, against the CPU, for every path through them: rows that packs of 16 bytes
// fill or do not, memory that allows packs or does not, a few rows and so many that a thread processes several packs.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/tensor.h"
#include "kernels/layers/batch_norm.h"
#include "kernels/layers/layer_norm.h"
#include "kernels/layers/relu_mask.h"
#include "kernels/libraries/cuda_device.h"
#include "tests/ops/op_case.h"

namespace kelvin::testing {
namespace {

struct Layout {
  std::int64_t rows, cols;
  std::int64_t offset = 0;  // elements by which every tensor begins behind an address that allows packs
  friend std::ostream& operator<<(std::ostream& out, const Layout& l) {
    return out << '[' << l.rows << ", " << l.cols << "] from " << l.offset;
  }
};

// Makes the operands of one computation: the same numbers for the same names, at any address.
struct Operands {
  Device device;
  DType dtype;
  Layout layout;

  [[nodiscard]] Tensor placed(const Tensor& all, Shape shape) const {
    return all.to(device).narrow(layout.offset, shape.size()).reshape(shape);
  }
  [[nodiscard]] Tensor drawn(const char* name, Shape shape, DType type, float low, float high) const {
    const std::int64_t n = shape.size() + layout.offset;
    return placed(Tensor::from_host<float>(draw(n, name, low, high), {n}).to(type), shape);
  }
  [[nodiscard]] Tensor matrix(const char* name) const { return drawn(name, {layout.rows, layout.cols}, dtype, -1, 1); }
  [[nodiscard]] Tensor column_vector(const char* name, float low, float high) const {
    return drawn(name, {layout.cols}, DType::f32, low, high);
  }
  [[nodiscard]] Tensor row_vector(const char* name, float low, float high) const {
    return drawn(name, {layout.rows}, DType::f32, low, high);
  }
  [[nodiscard]] Tensor result(Shape shape, DType type) const {
    return placed(Tensor::full({shape.size() + layout.offset}, std::nanf(""), type), shape);
  }
  [[nodiscard]] Tensor matrix_result() const { return result({layout.rows, layout.cols}, dtype); }
  [[nodiscard]] Tensor column_result() const { return result({layout.cols}, DType::f32); }
  [[nodiscard]] Tensor row_result() const { return result({layout.rows}, DType::f32); }
};

// |got − expected| <= relative |expected| + relative_to_largest · max |expected|, as in cuda_parity_test.cpp.
void expect_agreement(const std::vector<Tensor>& got, const std::vector<Tensor>& expected, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t t = 0; t < got.size(); ++t) {
    const bool is_exact = expected[t].dtype() == DType::f32;
    const double relative = is_exact ? 2e-5 : 2.0 / 256, relative_to_largest = is_exact ? 2e-6 : 2.0 / 256;
    const Floats a = floats_of(got[t]), b = floats_of(expected[t]);
    ASSERT_TRUE(is_finite(a) && is_finite(b)) << what << ", result " << t;
    double largest = 0;
    for (const float v : b) largest = std::max(largest, std::abs(static_cast<double>(v)));
    for (std::size_t i = 0; i < a.size(); ++i)
      ASSERT_NEAR(a[i], b[i], relative * std::abs(b[i]) + relative_to_largest * largest)
          << what << ", result " << t << ", element " << i;
  }
}

// compute(Type<T>, device as a tag or Cuda, operands) -> results, for both element types and all layouts.
template <class F>
void expect_parity(const std::vector<Layout>& layouts, const F& compute) {
  std::string reason;
  const Cuda* const cuda = open_cuda(reason);
  if (cuda == nullptr) GTEST_SKIP() << reason;
  for (const DType dtype : {DType::f32, DType::bf16})
    for (const Layout& layout : layouts) {
      const auto results_on = [&](Device device) {
        return dispatch_float(dtype, [&]<class T>(Type<T> type) {
          std::vector<Tensor> results;
          on(device, [&](const auto& dev) { results = compute(type, dev, Operands{device, dtype, layout}); });
          return results;
        });
      };
      expect_agreement(results_on({DeviceKind::cuda, cuda}), results_on({}), str(name_of(dtype), " ", layout));
      if (::testing::Test::HasFatalFailure()) return;
    }
}

template <class T>
View<const T> in(const Tensor& t) {
  return t.view<const T>();
}
template <class T>
View<const T> in_or_empty(const Tensor& t) {
  return t ? t.view<const T>() : View<const T>();
}

template <class T>
View<T> out_or_empty(const Tensor& t) {
  return t ? t.view<T>() : View<T>();
}

// One bit an element of y, as kernels/layers/relu_mask.h has it, made here element by element.
Tensor mask_of(const Tensor& y) {
  const Floats values = floats_of(y);
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(relu_mask_bytes(y.size())));
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] > 0) bytes[i / 8] = static_cast<std::uint8_t>(bytes[i / 8] | 1u << (i % 8));
  return Tensor::from_host<std::uint8_t>(bytes, {relu_mask_bytes(y.size())});
}

// The bits of all elements; what lies behind the last one does not matter.
void expect_mask_of(const Tensor& y, const Tensor& mask, const Layout& layout) {
  const auto expected = mask_of(y).to_host<std::uint8_t>(), got = mask.to_host<std::uint8_t>();
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const auto byte = static_cast<std::size_t>(i / 8);
    ASSERT_EQ(got[byte] >> (i % 8) & 1, expected[byte] >> (i % 8) & 1) << layout << ", element " << i;
  }
}

// Rows in packs (8, 16, 24, 64, 2048), of float32 but not of bfloat16 (100), in neither (30); one and three elements behind.
std::vector<Layout> layouts(std::initializer_list<std::int64_t> rows) {
  std::vector<Layout> all;
  for (const std::int64_t cols : {8, 16, 24, 30, 64, 100, 2048})
    for (const std::int64_t r : rows)
      if (r * cols <= 70'000) {
        all.push_back({r, cols});
        if (r != 3) continue;
        for (const std::int64_t offset : {1, 4}) all.push_back({r, cols, offset});
      }
  return all;
}

// So many that threads have one, two and three packs or elements each (simt/channels.h), in rows that are no whole number of blocks; sums
// down columns that many blocks share, in one column of blocks and in four (simt/column_reduce.h).
const std::vector<Layout> kLarge = {{100'003, 24}, {11'001, 30}, {1'501, 200}};

TEST(NormParity, BatchNormStatistics) {
  auto all = layouts({2, 3, 33, 1001, 4001});
  all.push_back({1'501, 200});  // several blocks of rows, several of columns
  expect_parity(all, []<class T>(Type<T>, const auto& dev, const Operands& o) {
    const Tensor mean = o.column_result(), rstd = o.column_result();
    const Tensor running_mean = o.column_vector("running_mean", -1, 1),
                 running_variance = o.column_vector("variance", 1, 2);
    batch_norm_statistics<T>(dev, mean.view<float>(), rstd.view<float>(), running_mean.view<float>(),
                             running_variance.view<float>(), in<T>(o.matrix("x")), 0.1f, 1e-5f);
    return std::vector<Tensor>{mean, rstd, running_mean, running_variance};
  });
}

const auto apply = [](bool has_residual, bool relu) {
  return [=]<class T>(Type<T>, const auto& dev, const Operands& o) {
    const Tensor y = o.matrix_result(), residual = has_residual ? o.matrix("residual") : Tensor();
    const std::int64_t bytes = relu ? relu_mask_bytes(y.size()) : 0;
    const Tensor mask = relu ? Tensor::from_host<std::uint8_t>(
                                   std::vector<std::uint8_t>(static_cast<std::size_t>(bytes), 0x55), {bytes}, o.device)
                             : Tensor();
    batch_norm_apply<T>(dev, y.view<T>(), out_or_empty<std::uint8_t>(mask), in<T>(o.matrix("x")),
                        {in<float>(o.column_vector("mean", -1, 1)), in<float>(o.column_vector("rstd", 1, 2)),
                         in<float>(o.column_vector("gamma", 0.5f, 1.5f)), in<float>(o.column_vector("beta", -1, 1))},
                        in_or_empty<T>(residual), relu);
    if (relu) expect_mask_of(y, mask, o.layout);
    return std::vector<Tensor>{y};
  };
};

TEST(NormParity, BatchNormApply) {
  for (const bool has_residual : {false, true})
    for (const bool relu : {false, true}) expect_parity(layouts({1, 2, 3, 33, 1001}), apply(has_residual, relu));
  expect_parity(kLarge, apply(true, true));
}

// The mask belongs to a drawn y, not to a computed one, so that it is the same on both devices.
const auto backward = [](bool has_residual, bool relu, bool is_training = true) {
  return [=]<class T>(Type<T>, const auto& dev, const Operands& o) {
    const Tensor dx = o.matrix_result(), dgamma = o.column_result(), dbeta = o.column_result();
    const Tensor dresidual = has_residual ? o.matrix_result() : Tensor();
    const Tensor mask = relu ? mask_of(o.matrix("y")).to(o.device) : Tensor();
    batch_norm_backward<T>(
        dev, {dx.view<T>(), has_residual ? dresidual.view<T>() : View<T>(), dgamma.view<float>(), dbeta.view<float>()},
        in<T>(o.matrix("dy")), in_or_empty<std::uint8_t>(mask), in<T>(o.matrix("x")),
        {in<float>(o.column_vector("mean", -1, 1)),
         in<float>(o.column_vector("rstd", 1, 2)),
         in<float>(o.column_vector("gamma", 0.5f, 1.5f)),
         {}},
        is_training);
    std::vector<Tensor> results = {dx, dgamma, dbeta};
    if (has_residual) results.push_back(dresidual);
    return results;
  };
};

TEST(NormParity, BatchNormBackward) {
  for (const bool has_residual : {false, true})
    for (const bool relu : {false, true}) expect_parity(layouts({1, 2, 3, 33, 1001}), backward(has_residual, relu));
  expect_parity(layouts({2, 3}), backward(true, true, false));
  expect_parity(kLarge, backward(false, true));
}

TEST(NormParity, LayerNorm) {
  expect_parity(layouts({1, 2, 3, 33, 1001}), []<class T>(Type<T>, const auto& dev, const Operands& o) {
    const Tensor x = o.matrix("x"), gamma = o.column_vector("gamma", 0.5f, 1.5f);
    const Tensor y = o.matrix_result(), mean = o.row_result(), rstd = o.row_result();
    layer_norm_forward<T>(dev, y.view<T>(), mean.view<float>(), rstd.view<float>(), in<T>(x), in<float>(gamma),
                          in<float>(o.column_vector("beta", -1, 1)), 1e-6f);
    const Tensor dx = o.matrix_result(), dgamma = o.column_result(), dbeta = o.column_result();
    layer_norm_backward<T>(dev, dx.view<T>(), dgamma.view<float>(), dbeta.view<float>(), in<T>(o.matrix("dy")),
                           in<T>(x), in<float>(o.row_vector("mean", -0.1f, 0.1f)),
                           in<float>(o.row_vector("rstd", 1, 2)), in<float>(gamma));
    return std::vector<Tensor>{y, mean, rstd, dx, dgamma, dbeta};
  });
}

}  // namespace
}  // namespace kelvin::testing
