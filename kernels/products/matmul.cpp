#include "kernels/products/matmul.h"

#include <map>

#include "kernels/device/parallel.h"
#include "kernels/device/profile.h"
#include "kernels/libraries/onednn/onednn.h"

namespace kelvin {
namespace {

using onednn::Desc;
using onednn::Tag;

struct Key {
  DType in, out;
  std::int64_t m, n, k;
  bool transpose_a, transpose_b, has_bias;
  auto operator<=>(const Key&) const = default;
};

struct Plan {
  onednn::Runnable primitive;
  Desc a, b, bias, y;
};

Plan make_plan(const Key& key) {
  const auto in = onednn::data_type(key.in);
  Plan plan;
  const bool is_small = 2 * key.m * key.n * key.k < kParallelOperations;
  const OneThread one(is_small);
  plan.a = Desc({key.m, key.k}, in, key.transpose_a ? Tag::ba : Tag::ab);
  plan.b = Desc({key.k, key.n}, in, key.transpose_b ? Tag::ba : Tag::ab);
  plan.y = Desc({key.m, key.n}, onednn::data_type(key.out), Tag::ab);
  if (key.has_bias) plan.bias = Desc({1, key.n}, dnnl::memory::data_type::f32, Tag::ab);
  plan.primitive =
      onednn::runnable<dnnl::matmul>(onednn::matmul(plan.a, plan.b, plan.bias, plan.y, onednn::with_own_scratchpad()));
  plan.primitive.on_one_thread = is_small;
  return plan;
}

const Plan& plan_for(const Key& key) {
  thread_local std::map<Key, Plan> plans;
  const auto found = plans.find(key);
  if (found != plans.end()) return found->second;
  return plans.emplace(key, onednn::with_headroom(onednn::kHeadroomToMake, [&] { return make_plan(key); }))
      .first->second;
}

}  // namespace

template <class Out, class T>
void matmul(Cpu, View<Out> y, View<const T> a, View<const T> b, View<const float> bias, const MatmulOptions& o) {
  const std::int64_t m = o.transpose_a ? a.dim(1) : a.dim(0), k = o.transpose_a ? a.dim(0) : a.dim(1);
  const std::int64_t n = o.transpose_b ? b.dim(0) : b.dim(1);
  const Plan& plan = plan_for({dtype_of<T>, dtype_of<Out>, m, n, k, o.transpose_a, o.transpose_b, !bias.empty()});
  std::unordered_map<int, dnnl::memory> arguments = {{DNNL_ARG_SRC, onednn::memory(plan.a, a.data)},
                                                     {DNNL_ARG_WEIGHTS, onednn::memory(plan.b, b.data)},
                                                     {DNNL_ARG_DST, onednn::memory(plan.y, y.data)}};
  if (!bias.empty()) arguments[DNNL_ARG_BIAS] = onednn::memory(plan.bias, bias.data);
  const ProfileRange range("matmul");
  onednn::run(plan.primitive, arguments);
}

template void matmul(Cpu, View<float>, View<const float>, View<const float>, View<const float>, const MatmulOptions&);
template void matmul(Cpu, View<float>, View<const bfloat16>, View<const bfloat16>, View<const float>,
                     const MatmulOptions&);
template void matmul(Cpu, View<bfloat16>, View<const bfloat16>, View<const bfloat16>, View<const float>,
                     const MatmulOptions&);

}  // namespace kelvin
