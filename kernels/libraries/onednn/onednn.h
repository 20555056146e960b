// The few functions of oneDNN that the kernels use, the same for its versions 2.6 and 3.x. Only this file tells the versions apart.
// Included by kernels/*.cpp only.
#pragma once

#include <dnnl.hpp>
#include <optional>
#include <unordered_map>

#include "kernels/device/block_pool.h"
#include "kernels/device/dtype.h"
#include "kernels/device/error.h"
#include "kernels/device/headroom.h"
#include "kernels/device/pool_block.h"
#include "kernels/device/threads.h"

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

// oneDNN does not check its small allocations or its memory for compiled code, and crashes where they fail. So it is called only if that much
// memory is left. Where an allocation that it does check fails, it throws.
inline constexpr std::size_t kHeadroomToMake = std::size_t{16} << 20, kHeadroomToRun = std::size_t{1} << 20;

template <class F>
auto with_headroom(std::size_t bytes, const F& f) {
  (void)usable_threads();
  require_headroom(Cpu{}, bytes);
  try {
    return f();
  } catch (const dnnl::error& e) {
    if (e.status == dnnl_out_of_memory) throw_out_of_memory("CPU", bytes, pool_use(Cpu{}));
    throw;
  }
}

// A memory object over existing elements, which it does not own. oneDNN takes void* for inputs and outputs alike.
inline dnnl::memory memory(const Desc& desc, const void* data) {
  return with_headroom(kHeadroomToRun, [&] { return dnnl::memory(desc, engine(), const_cast<void*>(data)); });
}

// Attributes of every primitive: scratch memory comes from our pool, whose error names the size where none is left.
inline dnnl::primitive_attr with_own_scratchpad(dnnl::primitive_attr attributes = {}) {
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

// A primitive, the scratch memory that it needs, and whether it has so little work that one thread does it. The primitive must then have been made
// under OneThread as well.
struct Runnable {
  dnnl::primitive primitive;
  Desc scratchpad;
  bool on_one_thread = false;
};
template <class Primitive>
Runnable runnable(const typename Primitive::primitive_desc& description) {
  return {Primitive(description), description.scratchpad_desc()};
}

inline void run(const Runnable& runnable, std::unordered_map<int, dnnl::memory> arguments) {
  std::optional<PoolBlock> scratch;
  if (const std::size_t bytes = runnable.scratchpad.get_size(); bytes > 0) {
    scratch.emplace(bytes);
    arguments[DNNL_ARG_SCRATCHPAD] = memory(runnable.scratchpad, scratch->data());
  }
  const OneThread one(runnable.on_one_thread);
  with_headroom(kHeadroomToRun, [&] {
    runnable.primitive.execute(stream(), arguments);
    stream().wait();
  });
}

// A convolution of x [N, C, H, W] (dims in this order for every layout) with w [K, C, R, S] to y, symmetric padding.
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
inline dnnl::matmul::primitive_desc matmul(const Desc& a, const Desc& b, const Desc& bias, const Desc& y,
                                           const dnnl::primitive_attr& attributes) {
  using Op = dnnl::matmul::desc;
  return {is_empty(bias) ? Op(a, b, y) : Op(a, b, bias, y), attributes, engine()};
}

#endif

}  // namespace kelvin::onednn
