// Direct convolution takes activations in our layout (NHWC) and a filter in the layout of its fastest kernel (`any`): a plain KRSC
// description would silently select the reference implementation. Where Winograd's minimal filtering multiplies less, a plan names our own
// (kernels/convolution/winograd).
#include "kernels/convolution/onednn_convolution.h"

#include <map>
#include <set>
#include <tuple>

#include "kernels/convolution/winograd/winograd.h"
#include "kernels/device/allowed.h"
#include "kernels/device/parallel.h"
#include "kernels/device/profile.h"

namespace kelvin::onednn {
namespace {

Dims x_dims(const ConvKey& k) { return {k.x[0], k.x[3], k.x[1], k.x[2]}; }
Dims w_dims(const ConvKey& k) { return {k.w[0], k.w[3], k.w[1], k.w[2]}; }
Dims y_dims(const ConvKey& k) {
  return {k.x[0], k.w[0], (k.x[1] + 2 * k.pad - k.w[1]) / k.stride + 1, (k.x[2] + 2 * k.pad - k.w[2]) / k.stride + 1};
}

// The side of the tiles with which Winograd's minimal filtering was measured to be faster, or 0. Too few tiles, and the transformed filter is
// not used often enough to pay; too many of a tile's outputs outside the image, and products are wasted. Depends on the shape alone, so that
// results do.
template <class T>
int winograd_side(const ConvKey& k) {
  const Shape x{k.x[0], k.x[1], k.x[2], k.x[3]}, w{k.w[0], k.w[1], k.w[2], k.w[3]};
  if (!winograd::can_run<T>(x, w, {.stride = k.stride, .pad = k.pad})) return 0;
  const std::int64_t side = winograd::tile_side<T>(w), tiles = (x[1] + side - 1) / side * ((x[2] + side - 1) / side);
  const bool is_mostly_inside = side == 4 ? 2 * x[1] * x[2] >= 16 * tiles : 3 * x[1] * x[2] >= 8 * tiles;
  return x[0] * tiles >= 64 && is_mostly_inside ? static_cast<int>(side) : 0;
}

Convolution describe(const ConvKey& k) {
  const auto type = data_type(k.dtype);
  const auto filter_type = k.direction == Direction::backward_filter ? dnnl::memory::data_type::f32 : type;
  Convolution c;
  c.algorithm = dnnl::algorithm::convolution_direct;
  c.x = Desc(x_dims(k), type, Tag::nhwc);
  c.w = Desc(w_dims(k), filter_type, Tag::any);
  c.y = Desc(y_dims(k), type, Tag::nhwc);
  if (k.has_bias) c.bias = Desc({k.w[0]}, dnnl::memory::data_type::f32, Tag::a);
  c.strides = {k.stride, k.stride};
  c.padding = {k.pad, k.pad};
  dnnl::post_ops ops;
  if (k.has_residual) ops.append_binary(dnnl::algorithm::binary_add, c.y);
  // No ReLU: oneDNN's takes the larger of 0 and x, which is 0 where x is NaN (conv2d.cpp).
  c.attributes = with_own_scratchpad(c.attributes);
  c.attributes.set_post_ops(ops);
  return c;
}

ConvArgument argument(const Desc& plain, const Desc& packed, bool is_output) {
  ConvArgument a{plain, packed, {}, packed != plain};
  if (a.converts) {
    const Desc &from = is_output ? packed : plain, &to = is_output ? plain : packed;
    a.reorder = runnable<dnnl::reorder>({engine(), from, engine(), to, with_own_scratchpad()});
  }
  return a;
}

ConvPlan make_direct_plan(const ConvKey& k) {
  const auto type = data_type(k.dtype);
  const Desc x(x_dims(k), type, Tag::nhwc), y(y_dims(k), type, Tag::nhwc);
  const Desc w(w_dims(k), dnnl::memory::data_type::f32, Tag::ohwi);
  const Convolution c = describe(k);
  if (k.direction == Direction::forward) {
    const auto pd = forward(c, dnnl::prop_kind::forward_inference);
    return {runnable<dnnl::convolution_forward>(pd),
            argument(x, pd.src_desc(), false),
            argument(w, pd.weights_desc(), false),
            argument(y, pd.dst_desc(), true),
            c.bias,
            pd.impl_info_str()};
  }
  ConvKey forward_key = k;
  forward_key.direction = Direction::forward;
  const auto hint = forward(describe(forward_key), dnnl::prop_kind::forward_training);
  if (k.direction == Direction::backward_data) {
    const auto pd = backward_data(c, hint);
    return {runnable<dnnl::convolution_backward_data>(pd),
            argument(x, pd.diff_src_desc(), true),
            argument(w, pd.weights_desc(), false),
            argument(y, pd.diff_dst_desc(), false),
            c.bias,
            pd.impl_info_str()};
  }
  const auto pd = backward_filter(c, hint);
  return {runnable<dnnl::convolution_backward_weights>(pd),
          argument(x, pd.src_desc(), false),
          argument(w, pd.diff_weights_desc(), true),
          argument(y, pd.diff_dst_desc(), false),
          c.bias,
          pd.impl_info_str()};
}

bool is_small(const ConvKey& k) {
  const Dims y = y_dims(k);
  return 2 * y[0] * y[1] * y[2] * y[3] * k.w[1] * k.w[2] * k.w[3] < kParallelOperations;
}

ConvPlan make_plan(const ConvKey& k) {
  const int side = k.dtype == DType::f32 ? winograd_side<float>(k) : winograd_side<bfloat16>(k);
  if (side == 0 || !is_allowed("KELVIN_WINOGRAD")) return make_direct_plan(k);
  ConvPlan plan;
  plan.implementation = str("kelvin_winograd:f(", side, "x", side, ",3x3)");
  plan.winograd = true;
  return plan;
}

std::map<ConvKey, ConvPlan>& plan_cache() {
  thread_local std::map<ConvKey, ConvPlan> plans;
  return plans;
}

}  // namespace

const ConvPlan& plan_for(const ConvKey& key) {
  std::map<ConvKey, ConvPlan>& plans = plan_cache();
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second;
  if (key.dtype == DType::bf16) require_bfloat16(Cpu{});
  const OneThread one(is_small(key));
  ConvPlan plan = with_headroom(kHeadroomToMake, [&] { return make_plan(key); });
  for (Runnable* part : {&plan.primitive, &plan.x.reorder, &plan.w.reorder, &plan.y.reorder})
    part->on_one_thread = is_small(key);
  return plans.emplace(key, std::move(plan)).first->second;
}

std::vector<std::string> reference_plans() {
  std::vector<std::string> found;
  for (const auto& [key, plan] : plan_cache())
    if (plan.implementation.starts_with("ref"))
      found.push_back(str(plan.implementation, " for x [", key.x[0], ", ", key.x[1], ", ", key.x[2], ", ", key.x[3],
                          "], w [", key.w[0], ", ", key.w[1], ", ", key.w[2], ", ", key.w[3], "], ",
                          name_of(key.dtype)));
  return found;
}

std::vector<ConvShape> shapes_run() {
  std::set<std::tuple<std::array<std::int64_t, 4>, std::array<std::int64_t, 4>, std::int64_t, std::int64_t>> unique;
  for (const auto& [key, plan] : plan_cache()) unique.emplace(key.x, key.w, key.stride, key.pad);
  std::vector<ConvShape> shapes;
  for (const auto& [x, w, stride, pad] : unique)
    shapes.push_back({{x[0], x[1], x[2], x[3]}, {w[0], w[1], w[2], w[3]}, {.stride = stride, .pad = pad}});
  return shapes;
}

PackedArgument::PackedArgument(const ConvArgument& argument, const void* elements)
    : argument_(argument), plain_(onednn::memory(argument.plain, elements)), memory_(plain_) {
  if (!argument.converts) return;
  block_.emplace(argument.packed.get_size());
  memory_ = onednn::memory(argument.packed, block_->data());
}

PackedInput::PackedInput(const ConvArgument& argument, const void* elements) : PackedArgument(argument, elements) {
  if (!argument.converts) return;
  const ProfileRange range("conv2d_repack");
  run(argument.reorder, {{DNNL_ARG_FROM, plain_}, {DNNL_ARG_TO, memory_}});
}

void PackedOutput::unpack() {
  if (!argument_.converts) return;
  const ProfileRange range("conv2d_repack");
  run(argument_.reorder, {{DNNL_ARG_FROM, memory_}, {DNNL_ARG_TO, plain_}});
}

}  // namespace kelvin::onednn
