// The little of oneDNN that the kernels use, the same for its versions 2.6 and 3.x: the only file that tells them apart.
// Included by kernels/*.cpp only.
#pragma once

#include <dnnl.hpp>

#include "kernels/device/dtype.h"
#include "kernels/device/error.h"

namespace kelvin::onednn {

using Dims = dnnl::memory::dims;
using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;

inline const dnnl::engine& engine() {
  static const dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

inline dnnl::stream& stream() {
  thread_local dnnl::stream instance(engine());
  return instance;
}

inline dnnl::memory::data_type data_type(DType t) {
  return t == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

// A memory object over somebody else's elements. oneDNN takes void* for inputs and outputs alike.
inline dnnl::memory memory(const Desc& desc, const void* data) { return {desc, engine(), const_cast<void*>(data)}; }

// A convolution of x [N, C, H, W] (dims in this order whatever the layout) with w [K, C, R, S] to y, symmetric padding.
struct Convolution {
  dnnl::algorithm algorithm = dnnl::algorithm::convolution_direct;
  Desc x, w, y, bias;  // bias: empty for none
  Dims strides, padding;
  dnnl::primitive_attr attributes;
};

// True when the description was made with no dimensions.
inline bool is_empty(const Desc& d) { return d == Desc(); }

#if DNNL_VERSION_MAJOR >= 3

inline dnnl::convolution_forward::primitive_desc forward(const Convolution& c, dnnl::prop_kind kind) {
  if (is_empty(c.bias))
    return {engine(), kind, c.algorithm, c.x, c.w, c.y, c.strides, c.padding, c.padding, c.attributes};
  return {engine(), kind, c.algorithm, c.x, c.w, c.bias, c.y, c.strides, c.padding, c.padding, c.attributes};
}
inline dnnl::convolution_backward_data::primitive_desc backward_data(
    const Convolution& c, const dnnl::convolution_forward::primitive_desc& hint) {
  return {engine(), c.algorithm, c.x, c.w, c.y, c.strides, c.padding, c.padding, hint, c.attributes};
}
inline dnnl::convolution_backward_weights::primitive_desc backward_filter(
    const Convolution& c, const dnnl::convolution_forward::primitive_desc& hint) {
  return {engine(), c.algorithm, c.x, c.w, c.y, c.strides, c.padding, c.padding, hint, c.attributes};
}
inline void append_relu(dnnl::post_ops& ops) { ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0.0f, 0.0f); }
inline dnnl::matmul::primitive_desc matmul(const Desc& a, const Desc& b, const Desc& bias, const Desc& y,
                                           const dnnl::primitive_attr& attributes) {
  if (is_empty(bias)) return {engine(), a, b, y, attributes};
  return {engine(), a, b, bias, y, attributes};
}

#else

inline dnnl::convolution_forward::primitive_desc forward(const Convolution& c, dnnl::prop_kind kind) {
  using Op = dnnl::convolution_forward::desc;
  const Op op = is_empty(c.bias) ? Op(kind, c.algorithm, c.x, c.w, c.y, c.strides, c.padding, c.padding)
                                 : Op(kind, c.algorithm, c.x, c.w, c.bias, c.y, c.strides, c.padding, c.padding);
  return {op, c.attributes, engine()};
}
inline dnnl::convolution_backward_data::primitive_desc backward_data(
    const Convolution& c, const dnnl::convolution_forward::primitive_desc& hint) {
  const dnnl::convolution_backward_data::desc op(c.algorithm, c.x, c.w, c.y, c.strides, c.padding, c.padding);
  return {op, c.attributes, engine(), hint};
}
inline dnnl::convolution_backward_weights::primitive_desc backward_filter(
    const Convolution& c, const dnnl::convolution_forward::primitive_desc& hint) {
  const dnnl::convolution_backward_weights::desc op(c.algorithm, c.x, c.w, c.y, c.strides, c.padding, c.padding);
  return {op, c.attributes, engine(), hint};
}
inline void append_relu(dnnl::post_ops& ops) { ops.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, 0.0f, 0.0f); }
inline dnnl::matmul::primitive_desc matmul(const Desc& a, const Desc& b, const Desc& bias, const Desc& y,
                                           const dnnl::primitive_attr& attributes) {
  using Op = dnnl::matmul::desc;
  return {is_empty(bias) ? Op(a, b, y) : Op(a, b, bias, y), attributes, engine()};
}

#endif

}  // namespace kelvin::onednn
