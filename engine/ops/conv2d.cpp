#include "engine/ops/conv2d.h"

#include "engine/ops/activation.h"
#include "engine/tape.h"

namespace kelvin {
namespace {

void check_shapes(const char* op, const Tensor& x, const Tensor& w, const ConvOptions& o) {
  KELVIN_CHECK(x.shape().rank() == 4 && w.shape().rank() == 4, op, ": expected x [N, H, W, C] and w [K, R, S, C], got ",
               x.shape(), " and ", w.shape());
  KELVIN_CHECK(x.dim(3) == w.dim(3), op, ": x ", x.shape(), " has other channels than w ", w.shape());
  KELVIN_CHECK(o.stride > 0 && o.pad >= 0 && x.dim(1) + 2 * o.pad >= w.dim(1) && x.dim(2) + 2 * o.pad >= w.dim(2), op,
               ": filter ", w.shape(), " does not fit x ", x.shape(), " with stride ", o.stride, ", pad ", o.pad);
}

// f(Type<W>): the element type of the filter, float32 or the images'
template <class T, class F>
void dispatch_filter(const Tensor& w, const F& f) {
  KELVIN_CHECK(w.dtype() == DType::f32 || w.dtype() == dtype_of<T>, "conv2d: a filter of ", name_of(w.dtype()),
               " for images of ", name_of(dtype_of<T>));
  w.dtype() == DType::f32 ? f(Type<float>{}) : f(Type<T>{});
}

Tensor forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, bool relu,
               const ConvOptions& o) {
  Tensor y = Tensor::empty(conv2d_output_shape(x.shape(), w.shape(), o), x.dtype(), x.device());
  dispatch_float(x.dtype(), [&]<class T>(Type<T>) {
    dispatch_filter<T>(w, [&]<class W>(Type<W>) {
      ConvEpilogue<T, W> epilogue{.bias = {}, .residual = {}, .relu = relu};
      if (bias) epilogue.bias = bias.view<const W>();
      if (residual) epilogue.residual = residual.view<const T>();
      on(x.device(),
         [&](const auto& dev) { conv2d_forward(dev, y.view<T>(), x.view<const T>(), w.view<const W>(), epilogue, o); });
    });
  });
  return y;
}

// dx = conv_transpose(dy, w), added to what another reader of x has left
void add_data_gradient(Grads& g, const Tensor& dy, const Tensor& w, const Shape& x_shape, const ConvOptions& o) {
  if (!g.wants(0)) return;
  const Tensor sum = g.sum_so_far(0, dy.dtype());
  const Tensor dx = sum ? sum.reshape(x_shape) : Tensor::empty(x_shape, dy.dtype(), dy.device());
  dispatch_float(dy.dtype(), [&]<class T>(Type<T>) {
    dispatch_filter<T>(w, [&]<class W>(Type<W>) {
      on(dy.device(), [&](const auto& dev) {
        conv2d_backward_data(dev, dx.view<T>(), dy.view<const T>(), w.view<const W>(), o, /*adds=*/bool(sum));
      });
    });
  });
  if (!sum) g.add(0, dx);
}

// dw[k, r, s, c] = Σ over n, oh, ow of dy[n, oh, ow, k] x[n, oh·stride + r − pad, ow·stride + s − pad, c]
void add_filter_gradient(Grads& g, const Tensor& dy, const Tensor& x, const Tensor& w, const ConvOptions& o) {
  if (!g.wants(1)) return;
  const Tensor dw = g.room(1, w);
  const Device device = g.beside(1, dw, {x, dy});
  dispatch_float(dy.dtype(), [&]<class T>(Type<T>) {
    on(device, [&](const auto& dev) {
      conv2d_backward_filter(dev, dw.view<float>(), x.view<const T>(), dy.view<const T>(), o);
    });
  });
  g.add(1, dw);
}

}  // namespace

Tensor conv2d(const Tensor& x, const Tensor& w, const ConvOptions& o) {
  check_shapes("conv2d", x, w, o);
  // The GPU's convolutions want the filter rounded: once for both directions.
  const Tensor filter = x.device().kind == DeviceKind::cuda ? rounded(w, x.dtype()) : w;
  return record("conv2d", forward(x, filter, {}, {}, false, o), {x, w}, [=](const Tensor& dy, Grads& g) {
    add_filter_gradient(g, dy, x, w, o);
    add_data_gradient(g, dy, filter, x.shape(), o);
  });
}

Tensor conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, bool relu,
                    const ConvOptions& o) {
  check_shapes("conv2d_fused", x, w, o);
  KELVIN_CHECK(!Tape::is_tracked(w) && !Tape::is_tracked(bias), "conv2d_fused: folded weights are not trained");
  const Tensor y = forward(x, w, bias, residual, relu, o);
  const Shape x_shape = x.shape();  // x itself need not be kept
  // g = dy·1[y > 0];  dx = conv_transpose(g, w);  dresidual = g
  return record("conv2d_fused", y, {x, residual}, [=](const Tensor& dy, Grads& grads) {
    const Tensor g = relu ? relu_gradient(dy, y) : dy;
    grads.add(1, g);
    add_data_gradient(grads, g, w, x_shape, o);
  });
}

}  // namespace kelvin
