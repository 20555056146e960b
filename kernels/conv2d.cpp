// Filters reach oneDNN in the layout that its fastest kernel asks for (`any`): a plain KRSC description would silently
// select the reference implementation. The repacking reads and writes the filter once and is small beside the product.
#include "kernels/conv2d.h"

#include <map>
#include <optional>
#include <tuple>

#include "kernels/device/pool_block.h"
#include "kernels/device/profile.h"
#include "kernels/onednn/onednn.h"

namespace kelvin {
namespace {

using onednn::Desc;
using onednn::Dims;
using onednn::Tag;

enum class Direction { forward, backward_data, backward_filter };

// Everything that decides which primitive runs.
struct Key {
  Direction direction;
  DType dtype;
  std::array<std::int64_t, 5> x{}, w{};  // N, H, W, C and K, R, S, C
  std::int64_t stride, pad;
  bool has_bias, has_residual, has_relu;
  auto operator<=>(const Key&) const = default;
};

Key make_key(Direction direction, DType dtype, const Shape& x, const Shape& w, const ConvOptions& o) {
  Key key{direction, dtype, {}, {}, o.stride, o.pad, false, false, false};
  std::copy(x.begin(), x.end(), key.x.begin());
  std::copy(w.begin(), w.end(), key.w.begin());
  return key;
}

// A convolution ready to run, with the repacking of its filter.
struct Plan {
  dnnl::primitive primitive;
  dnnl::reorder reorder;  // float32 KRSC -> packed (backward_filter: packed -> float32 KRSC)
  Desc x, y, plain_filter, packed_filter, bias;
  bool needs_reorder = true;
  std::string implementation;
};

Dims filter_dims(const Key& k) { return {k.w[0], k.w[3], k.w[1], k.w[2]}; }

onednn::Convolution describe(const Key& k, bool filter_is_float32) {
  const auto type = onednn::data_type(k.dtype);
  const auto filter_type = filter_is_float32 ? dnnl::memory::data_type::f32 : type;
  const std::int64_t oh = (k.x[1] + 2 * k.pad - k.w[1]) / k.stride + 1;
  const std::int64_t ow = (k.x[2] + 2 * k.pad - k.w[2]) / k.stride + 1;
  onednn::Convolution c;
  c.x = Desc({k.x[0], k.x[3], k.x[1], k.x[2]}, type, Tag::nhwc);
  c.w = Desc(filter_dims(k), filter_type, Tag::any);
  c.y = Desc({k.x[0], k.w[0], oh, ow}, type, Tag::nhwc);
  if (k.has_bias) c.bias = Desc({k.w[0]}, dnnl::memory::data_type::f32, Tag::a);
  c.strides = {k.stride, k.stride};
  c.padding = {k.pad, k.pad};
  dnnl::post_ops ops;
  if (k.has_residual) ops.append_binary(dnnl::algorithm::binary_add, c.y);
  if (k.has_relu) onednn::append_relu(ops);
  c.attributes.set_post_ops(ops);
  return c;
}

Plan make_plan(const Key& k) {
  Plan plan;
  plan.plain_filter = Desc(filter_dims(k), dnnl::memory::data_type::f32, Tag::ohwi);
  if (k.direction == Direction::forward) {
    const onednn::Convolution c = describe(k, false);
    const auto pd = onednn::forward(c, dnnl::prop_kind::forward_inference);
    plan.primitive = dnnl::convolution_forward(pd);
    plan.packed_filter = pd.weights_desc();
    plan.bias = c.bias;
    plan.x = c.x;
    plan.y = c.y;
    plan.implementation = pd.impl_info_str();
  } else {
    const onednn::Convolution c = describe(k, k.direction == Direction::backward_filter);
    const auto hint = onednn::forward(describe(k, false), dnnl::prop_kind::forward_training);
    plan.x = c.x;
    plan.y = c.y;
    if (k.direction == Direction::backward_data) {
      const auto pd = onednn::backward_data(c, hint);
      plan.primitive = dnnl::convolution_backward_data(pd);
      plan.packed_filter = pd.weights_desc();
      plan.implementation = pd.impl_info_str();
    } else {
      const auto pd = onednn::backward_filter(c, hint);
      plan.primitive = dnnl::convolution_backward_weights(pd);
      plan.packed_filter = pd.diff_weights_desc();
      plan.implementation = pd.impl_info_str();
    }
  }
  plan.needs_reorder = plan.packed_filter != plan.plain_filter;
  const auto plain = onednn::memory(plan.plain_filter, nullptr), packed = onednn::memory(plan.packed_filter, nullptr);
  if (plan.needs_reorder)
    plan.reorder =
        k.direction == Direction::backward_filter ? dnnl::reorder(packed, plain) : dnnl::reorder(plain, packed);
  return plan;
}

std::map<Key, Plan>& plan_cache() {
  thread_local std::map<Key, Plan> plans;
  return plans;
}

const Plan& plan_for(const Key& key) {
  std::map<Key, Plan>& plans = plan_cache();
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second;
  if (key.dtype == DType::bf16) require_bfloat16(Cpu{});
  return plans.emplace(key, make_plan(key)).first->second;
}

// The filter in the plan's layout: the caller's own elements, or a repacked copy in a block from the pool.
class PackedFilter {
 public:
  PackedFilter(const Plan& plan, View<const float> w) {
    if (!plan.needs_reorder) {
      memory_ = onednn::memory(plan.plain_filter, w.data);
      return;
    }
    const ProfileRange range("conv2d_repack");
    block_.emplace(plan.packed_filter.get_size());
    auto plain = onednn::memory(plan.plain_filter, w.data);
    memory_ = onednn::memory(plan.packed_filter, block_->data());
    plan.reorder.execute(onednn::stream(), plain, memory_);
  }
  [[nodiscard]] const dnnl::memory& memory() const { return memory_; }

 private:
  std::optional<PoolBlock> block_;
  dnnl::memory memory_;
};

}  // namespace

Shape conv2d_output_shape(const Shape& x, const Shape& w, const ConvOptions& o) {
  return {x[0], (x[1] + 2 * o.pad - w[1]) / o.stride + 1, (x[2] + 2 * o.pad - w[2]) / o.stride + 1, w[0]};
}

template <class T>
void conv2d_forward(Cpu, View<T> y, View<const T> x, View<const float> w, const ConvEpilogue<T>& epilogue,
                    const ConvOptions& options) {
  Key key = make_key(Direction::forward, dtype_of<T>, x.shape, w.shape, options);
  key.has_bias = !epilogue.bias.empty();
  key.has_residual = !epilogue.residual.empty();
  key.has_relu = epilogue.relu;
  const Plan& plan = plan_for(key);
  const PackedFilter filter(plan, w);
  std::unordered_map<int, dnnl::memory> arguments = {{DNNL_ARG_SRC, onednn::memory(plan.x, x.data)},
                                                     {DNNL_ARG_WEIGHTS, filter.memory()},
                                                     {DNNL_ARG_DST, onednn::memory(plan.y, y.data)}};
  if (key.has_bias) arguments[DNNL_ARG_BIAS] = onednn::memory(plan.bias, epilogue.bias.data);
  if (key.has_residual)
    arguments[DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1] = onednn::memory(plan.y, epilogue.residual.data);
  const ProfileRange range("conv2d");
  plan.primitive.execute(onednn::stream(), arguments);
  onednn::stream().wait();
}

template <class T>
void conv2d_backward_data(Cpu, View<T> dx, View<const T> dy, View<const float> w, const ConvOptions& options) {
  const Plan& plan = plan_for(make_key(Direction::backward_data, dtype_of<T>, dx.shape, w.shape, options));
  const PackedFilter filter(plan, w);
  const ProfileRange range("conv2d");
  plan.primitive.execute(onednn::stream(), {{DNNL_ARG_DIFF_DST, onednn::memory(plan.y, dy.data)},
                                            {DNNL_ARG_WEIGHTS, filter.memory()},
                                            {DNNL_ARG_DIFF_SRC, onednn::memory(plan.x, dx.data)}});
  onednn::stream().wait();
}

template <class T>
void conv2d_backward_filter(Cpu, View<float> dw, View<const T> x, View<const T> dy, const ConvOptions& options) {
  const Plan& plan = plan_for(make_key(Direction::backward_filter, dtype_of<T>, x.shape, dw.shape, options));
  auto plain = onednn::memory(plan.plain_filter, dw.data);
  std::optional<PoolBlock> block;
  if (plan.needs_reorder) block.emplace(plan.packed_filter.get_size());
  auto packed = plan.needs_reorder ? onednn::memory(plan.packed_filter, block->data()) : plain;
  {
    const ProfileRange range("conv2d");
    plan.primitive.execute(onednn::stream(), {{DNNL_ARG_SRC, onednn::memory(plan.x, x.data)},
                                              {DNNL_ARG_DIFF_DST, onednn::memory(plan.y, dy.data)},
                                              {DNNL_ARG_DIFF_WEIGHTS, packed}});
    onednn::stream().wait();
  }
  const ProfileRange range("conv2d_repack");
  if (plan.needs_reorder) plan.reorder.execute(onednn::stream(), packed, plain);
  onednn::stream().wait();
}

template <class T>
ConvImplementations conv2d_implementations(Cpu, const Shape& x, const Shape& w, const ConvOptions& options) {
  const auto name = [&](Direction d) { return plan_for(make_key(d, dtype_of<T>, x, w, options)).implementation; };
  return {name(Direction::forward), name(Direction::backward_data), name(Direction::backward_filter)};
}

std::vector<std::string> conv2d_reference_plans(Cpu) {
  std::vector<std::string> found;
  for (const auto& [key, plan] : plan_cache())
    if (plan.implementation.starts_with("ref"))
      found.push_back(str(plan.implementation, " for x [", key.x[0], ", ", key.x[1], ", ", key.x[2], ", ", key.x[3],
                          "], w [", key.w[0], ", ", key.w[1], ", ", key.w[2], ", ", key.w[3], "], ",
                          name_of(key.dtype)));
  return found;
}

bool has_bfloat16(Cpu) { return __builtin_cpu_supports("avx512bf16") != 0; }

void require_bfloat16(Cpu) {
  if (!has_bfloat16(Cpu{}))
    throw mistake(
        "--precision bf16 needs a CPU with AVX512_BF16 (Cooper Lake, Sapphire Rapids, Zen 4 or later); this one "
        "has none: use --precision f32");
}

template void conv2d_forward(Cpu, View<float>, View<const float>, View<const float>, const ConvEpilogue<float>&,
                             const ConvOptions&);
template void conv2d_forward(Cpu, View<bfloat16>, View<const bfloat16>, View<const float>,
                             const ConvEpilogue<bfloat16>&, const ConvOptions&);
template void conv2d_backward_data(Cpu, View<float>, View<const float>, View<const float>, const ConvOptions&);
template void conv2d_backward_data(Cpu, View<bfloat16>, View<const bfloat16>, View<const float>, const ConvOptions&);
template void conv2d_backward_filter(Cpu, View<float>, View<const float>, View<const float>, const ConvOptions&);
template void conv2d_backward_filter(Cpu, View<float>, View<const bfloat16>, View<const bfloat16>, const ConvOptions&);
template ConvImplementations conv2d_implementations<float>(Cpu, const Shape&, const Shape&, const ConvOptions&);
template ConvImplementations conv2d_implementations<bfloat16>(Cpu, const Shape&, const Shape&, const ConvOptions&);

}  // namespace kelvin
