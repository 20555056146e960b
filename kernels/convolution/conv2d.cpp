#include "kernels/convolution/conv2d.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "kernels/arrays/elementwise.h"
#include "kernels/convolution/onednn_convolution.h"
#include "kernels/convolution/winograd/winograd.h"
#include "kernels/device/parallel.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/profile.h"
#include "kernels/layers/relu.h"

namespace kelvin {
namespace {

using onednn::Direction;
using onednn::PackedInput;
using onednn::PackedOutput;

onednn::ConvKey make_key(Direction direction, DType dtype, const Shape& x, const Shape& w, const ConvOptions& o) {
  return {direction, dtype, {x[0], x[1], x[2], x[3]}, {w[0], w[1], w[2], w[3]}, o.stride, o.pad, false, false};
}

void run(const onednn::ConvPlan& plan, const std::unordered_map<int, dnnl::memory>& arguments) {
  const ProfileRange range("conv2d");
  onednn::run(plan.primitive, arguments);
}

// A filter or bias as float32: itself, or widened into scratch memory.
template <class W>
class Widened {
 public:
  explicit Widened(View<const W> from) : view_{nullptr, from.shape} {
    if constexpr (std::is_same_v<W, float>) {
      view_ = from;
    } else if (!from.empty()) {
      block_.emplace(static_cast<std::size_t>(from.size()) * sizeof(float));
      const View<float> to{static_cast<float*>(block_->data()), from.shape};
      convert<float, W>(Cpu{}, to, from);
      view_ = {to.data, to.shape};
    }
  }
  [[nodiscard]] View<const float> view() const { return view_; }

 private:
  std::optional<PoolBlock> block_;
  View<const float> view_;
};

template <class T>
void forward(View<T> y, View<const T> x, View<const float> w, const ConvEpilogue<T>& epilogue,
             const ConvOptions& options) {
  onednn::ConvKey key = make_key(Direction::forward, dtype_of<T>, x.shape, w.shape, options);
  key.has_bias = !epilogue.bias.empty();
  key.has_residual = !epilogue.residual.empty();
  const onednn::ConvPlan& plan = onednn::plan_for(key);
  if (plan.winograd) return winograd::forward(y, x, w, epilogue);
  const PackedInput images(plan.x, x.data), filter(plan.w, w.data);
  PackedOutput out(plan.y, y.data);
  std::unordered_map<int, dnnl::memory> arguments = {
      {DNNL_ARG_SRC, images.memory()}, {DNNL_ARG_WEIGHTS, filter.memory()}, {DNNL_ARG_DST, out.memory()}};
  if (key.has_bias) arguments[DNNL_ARG_BIAS] = onednn::memory(plan.bias, epilogue.bias.data);
  if (key.has_residual)
    arguments[DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1] =
        onednn::memory(plan.y.plain, epilogue.residual.data);
  run(plan, arguments);
  out.unpack();
  if (epilogue.relu) relu_forward<T>(Cpu{}, y, y);
}

template <class T>
void backward_data(View<T> dx, View<const T> dy, View<const float> w, const ConvOptions& options, bool adds) {
  const onednn::ConvPlan& plan =
      onednn::plan_for(make_key(Direction::backward_data, dtype_of<T>, dx.shape, w.shape, options));
  if (plan.winograd) return winograd::backward_data(dx, dy, w, adds);
  if (adds) {
    const PoolBlock scratch(static_cast<std::size_t>(dx.size()) * sizeof(T));
    const View<T> part{static_cast<T*>(scratch.data()), dx.shape};
    backward_data<T>(part, dy, w, options, false);
    return accumulate<T, T>(Cpu{}, dx, {part.data, part.shape});
  }
  const PackedInput cotangent(plan.y, dy.data), filter(plan.w, w.data);
  PackedOutput out(plan.x, dx.data);
  run(plan, {{DNNL_ARG_DIFF_DST, cotangent.memory()},
             {DNNL_ARG_WEIGHTS, filter.memory()},
             {DNNL_ARG_DIFF_SRC, out.memory()}});
  out.unpack();
}

}  // namespace

Shape conv2d_output_shape(const Shape& x, const Shape& w, const ConvOptions& o) {
  return {x[0], (x[1] + 2 * o.pad - w[1]) / o.stride + 1, (x[2] + 2 * o.pad - w[2]) / o.stride + 1, w[0]};
}

template <class T, class W>
void conv2d_forward(Cpu, View<T> y, View<const T> x, View<const W> w, const ConvEpilogue<T, W>& e,
                    const ConvOptions& options) {
  const Widened<W> filter(w), bias(e.bias);
  forward<T>(y, x, filter.view(), {.bias = bias.view(), .residual = e.residual, .relu = e.relu}, options);
}

template <class T, class W>
void conv2d_backward_data(Cpu, View<T> dx, View<const T> dy, View<const W> w, const ConvOptions& options, bool adds) {
  const Widened<W> filter(w);
  backward_data<T>(dx, dy, filter.view(), options, adds);
}

template <class T>
void conv2d_backward_filter(Cpu, View<float> dw, View<const T> x, View<const T> dy, const ConvOptions& options) {
  const onednn::ConvPlan& plan =
      onednn::plan_for(make_key(Direction::backward_filter, dtype_of<T>, x.shape, dw.shape, options));
  if (plan.winograd) return winograd::backward_filter(dw, x, dy);
  const PackedInput images(plan.x, x.data), cotangent(plan.y, dy.data);
  PackedOutput out(plan.w, dw.data);
  run(plan, {{DNNL_ARG_SRC, images.memory()},
             {DNNL_ARG_DIFF_DST, cotangent.memory()},
             {DNNL_ARG_DIFF_WEIGHTS, out.memory()}});
  out.unpack();
}

template <class T>
ConvImplementations conv2d_implementations(Cpu, const Shape& x, const Shape& w, const ConvOptions& options) {
  const auto name = [&](Direction d) {
    return onednn::plan_for(make_key(d, dtype_of<T>, x, w, options)).implementation;
  };
  return {name(Direction::forward), name(Direction::backward_data), name(Direction::backward_filter)};
}

std::vector<std::string> conv2d_reference_plans(Cpu) { return onednn::reference_plans(); }

std::vector<ConvShape> conv2d_shapes_run(Cpu) { return onednn::shapes_run(); }

bool has_bfloat16(Cpu) { return __builtin_cpu_supports("avx512bf16") != 0; }

void require_bfloat16(Cpu) {
  if (!has_bfloat16(Cpu{}))
    throw mistake("precision"_field,
                  " bf16 needs a CPU with AVX512_BF16 (Cooper Lake, Sapphire Rapids, Zen 4 or later); this one ",
                  "has none: use ", "precision"_field, " f32");
}

#define KELVIN_INSTANTIATE(T, W)                                                                      \
  template void conv2d_forward(Cpu, View<T>, View<const T>, View<const W>, const ConvEpilogue<T, W>&, \
                               const ConvOptions&);                                                   \
  template void conv2d_backward_data(Cpu, View<T>, View<const T>, View<const W>, const ConvOptions&, bool)
KELVIN_INSTANTIATE(float, float);
KELVIN_INSTANTIATE(bfloat16, float);
KELVIN_INSTANTIATE(bfloat16, bfloat16);
#undef KELVIN_INSTANTIATE
template void conv2d_backward_filter(Cpu, View<float>, View<const float>, View<const float>, const ConvOptions&);
template void conv2d_backward_filter(Cpu, View<float>, View<const bfloat16>, View<const bfloat16>, const ConvOptions&);
template ConvImplementations conv2d_implementations<float>(Cpu, const Shape&, const Shape&, const ConvOptions&);
template ConvImplementations conv2d_implementations<bfloat16>(Cpu, const Shape&, const Shape&, const ConvOptions&);

}  // namespace kelvin
