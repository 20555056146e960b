// One warp a query (forward, dq) or a key (dk, dv). Forward walks over the keys 32 at a time with a running maximum and sum (Milakov &
// Gimelshein 2018, 1805.02867): a lane scores one key, then every lane adds the 32 weighted values to its own D / 32 outputs. The four
// warps of a block share a head, so that k and v come from the first-level cache after the first warp's read. No tensor cores: these are the
// plain kernels, which work for every shape and need no scratch memory. Where possible bfloat16 uses cuDNN's fused graph instead, and float32
// matrix products (fused_attention.h).
#include <cmath>
#include <type_traits>

#include "kernels/attention/fused_attention.h"
#include "kernels/device/pool_block.h"
#include "kernels/simt/groups.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

constexpr int kPerLane = static_cast<int>(kMaxHeadDim) / kWarpSize;
constexpr unsigned kWarps = 4;

// Where one head of one image lies; a row is the token that this warp works for.
template <class T>
struct Head {
  std::int64_t tokens, heads, width;
  bool in_packs;
  std::int64_t image, head;
  __device__ Head(std::int64_t t, std::int64_t h, std::int64_t d, bool packs)
      : tokens(t),
        heads(h),
        width(d),
        in_packs(packs),
        image(blockIdx.x / blocks() / h),
        head(blockIdx.x / blocks() % h) {}
  // Of a head: neighbours share its keys and values.
  [[nodiscard]] __device__ std::int64_t blocks() const { return (tokens + kWarps - 1) / kWarps; }
  __device__ std::int64_t row() const {
    return static_cast<std::int64_t>(blockIdx.x % blocks()) * kWarps + threadIdx.x / kWarpSize;
  }
  // q (0), k (1) or v (2) of a token
  template <class P>
  __device__ P* part(P* qkv, std::int64_t token, int which) const {
    return qkv + (((image * tokens + token) * 3 + which) * heads + head) * width;
  }
  template <class P>
  __device__ P* out(P* y, std::int64_t token) const {
    return y + ((image * tokens + token) * heads + head) * width;
  }
  __device__ std::int64_t statistic(std::int64_t token) const { return (image * heads + head) * tokens + token; }
  __device__ float scale() const { return 1.0f / sqrtf(static_cast<float>(width)); }
  // A row begins at a multiple of 16 bytes where `in_packs`.
  __device__ float dot(const T* a, const T* b) const {
    float sum = 0;
    if (in_packs) {
      constexpr int kPack = pack_of<T>;
      for (std::int64_t d = 0; d < width; d += kPack) {
        const Pack<kPack> u = load<kPack>(a + d), v = load<kPack>(b + d);
        for (int k = 0; k < kPack; ++k) sum += u[k] * v[k];
      }
      return sum;
    }
    for (std::int64_t d = 0; d < width; ++d) sum += to_float(a[d]) * to_float(b[d]);
    return sum;
  }
  // total[i] += weight · row[lane + 32 i]
  __device__ void add(float* total, float weight, const T* row, int lane) const {
    for (int i = 0; i < kPerLane; ++i)
      if (lane + i * kWarpSize < width) total[i] += weight * to_float(row[lane + i * kWarpSize]);
  }
  __device__ void store(T* row, const float* total, float factor, int lane) const {
    for (int i = 0; i < kPerLane; ++i)
      if (lane + i * kWarpSize < width) from_float(row[lane + i * kWarpSize], total[i] * factor);
  }
};

template <class T>
__global__ void forward_kernel(T* y, float* log_sum_exp, const T* qkv, std::int64_t tokens, std::int64_t heads,
                               std::int64_t width, bool in_packs) {
  const Head<T> h(tokens, heads, width, in_packs);
  const std::int64_t query = h.row();
  if (query >= tokens) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const T* const q = h.part(qkv, query, 0);
  float total[kPerLane] = {}, most = -INFINITY, sum = 0;
  for (std::int64_t first = 0; first < tokens; first += kWarpSize) {
    const std::int64_t key = first + lane;
    const float score = key < tokens ? h.dot(q, h.part(qkv, key, 1)) * h.scale() : -INFINITY;
    const float new_most = fmaxf(most, lane_reduce<kWarpSize>(score, Max{}));
    const float p = expf(score - new_most), shrink = expf(most - new_most);
    sum = sum * shrink + lane_reduce<kWarpSize>(p, Add{});
    for (float& t : total) t *= shrink;
    for (int j = 0; j < kWarpSize && first + j < tokens; ++j)
      h.add(total, __shfl_sync(kAllLanes, p, j), h.part(qkv, first + j, 2), lane);
    most = new_most;
  }
  h.store(h.out(y, query), total, 1.0f / sum, lane);
  if (lane == 0) log_sum_exp[h.statistic(query)] = most + logf(sum);
}

// dq of one query, and its δ for the other kernel
template <class T>
__global__ void query_gradient_kernel(T* dqkv, float* delta, const T* dy, const T* y, const float* log_sum_exp,
                                      const T* qkv, std::int64_t tokens, std::int64_t heads, std::int64_t width,
                                      bool in_packs) {
  const Head<T> h(tokens, heads, width, in_packs);
  const std::int64_t query = h.row();
  if (query >= tokens) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const T *const q = h.part(qkv, query, 0), *const g = h.out(dy, query);
  const float own_delta = h.dot(g, h.out(y, query)), normaliser = log_sum_exp[h.statistic(query)];
  float total[kPerLane] = {};
  for (std::int64_t first = 0; first < tokens; first += kWarpSize) {
    const std::int64_t key = first + lane;
    float ds = 0;
    if (key < tokens) {
      const float p = expf(h.dot(q, h.part(qkv, key, 1)) * h.scale() - normaliser);
      ds = p * (h.dot(g, h.part(qkv, key, 2)) - own_delta);
    }
    for (int j = 0; j < kWarpSize && first + j < tokens; ++j)
      h.add(total, __shfl_sync(kAllLanes, ds, j), h.part(qkv, first + j, 1), lane);
  }
  h.store(h.part(dqkv, query, 0), total, h.scale(), lane);
  if (lane == 0) delta[h.statistic(query)] = own_delta;
}

// dk and dv of one key: the same walk over the queries
template <class T>
__global__ void key_gradient_kernel(T* dqkv, const float* delta, const T* dy, const float* log_sum_exp, const T* qkv,
                                    std::int64_t tokens, std::int64_t heads, std::int64_t width, bool in_packs) {
  const Head<T> h(tokens, heads, width, in_packs);
  const std::int64_t key = h.row();
  if (key >= tokens) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarpSize;
  const T *const k = h.part(qkv, key, 1), *const v = h.part(qkv, key, 2);
  float dk[kPerLane] = {}, dv[kPerLane] = {};
  for (std::int64_t first = 0; first < tokens; first += kWarpSize) {
    const std::int64_t query = first + lane;
    float p = 0, ds = 0;
    if (query < tokens) {
      p = expf(h.dot(h.part(qkv, query, 0), k) * h.scale() - log_sum_exp[h.statistic(query)]);
      ds = p * (h.dot(h.out(dy, query), v) - delta[h.statistic(query)]);
    }
    for (int j = 0; j < kWarpSize && first + j < tokens; ++j) {
      h.add(dk, __shfl_sync(kAllLanes, ds, j), h.part(qkv, first + j, 0), lane);
      h.add(dv, __shfl_sync(kAllLanes, p, j), h.out(dy, first + j), lane);
    }
  }
  h.store(h.part(dqkv, key, 1), dk, h.scale(), lane);
  h.store(h.part(dqkv, key, 2), dv, 1.0f, lane);
}

template <class T>
LaunchShape shape_for(const View<T>& qkv) {
  KELVIN_CHECK(qkv.dim(4) <= kMaxHeadDim, "attention: heads of ", qkv.dim(4), "; this device takes at most ",
               kMaxHeadDim);
  const std::int64_t blocks = qkv.dim(0) * qkv.dim(3) * pieces(qkv.dim(1), kWarps);
  KELVIN_CHECK(blocks <= INT32_MAX, "attention: ", qkv.dim(0), " images of ", qkv.dim(3), " heads and ", qkv.dim(1),
               " tokens are more than a launch takes");
  return {.grid = static_cast<unsigned>(blocks), .block = kWarps * kWarpSize};
}

}  // namespace

template <class T>
void plain_attention_forward(const Cuda& cuda, View<T> y, View<float> log_sum_exp, View<const T> qkv) {
  launch(cuda, forward_kernel<T>, shape_for(qkv), y.data, log_sum_exp.data, qkv.data, qkv.dim(1), qkv.dim(3),
         qkv.dim(4), qkv.dim(4) % pack_of<T> == 0 && can_use_packs(y, qkv));
}

template <class T>
void plain_attention_backward(const Cuda& cuda, View<T> dqkv, View<const T> dy, View<const T> y,
                              View<const float> log_sum_exp, View<const T> qkv) {
  const CudaBlock block(cuda, static_cast<std::size_t>(log_sum_exp.size()) * sizeof(float));
  auto* const delta = block.as<float>();
  const LaunchShape shape = shape_for(qkv);
  const bool in_packs = qkv.dim(4) % pack_of<T> == 0 && can_use_packs(dqkv, dy, y, qkv);
  launch(cuda, query_gradient_kernel<T>, shape, dqkv.data, delta, dy.data, y.data, log_sum_exp.data, qkv.data,
         qkv.dim(1), qkv.dim(3), qkv.dim(4), in_packs);
  launch(cuda, key_gradient_kernel<T>, shape, dqkv.data, delta, dy.data, log_sum_exp.data, qkv.data, qkv.dim(1),
         qkv.dim(3), qkv.dim(4), in_packs);
}

template <class T>
void attention_forward(const Cuda& cuda, View<T> y, View<float> log_sum_exp, View<const T> qkv) {
  if constexpr (std::is_same_v<T, bfloat16>)
    if (fused_attention_forward(cuda, y, log_sum_exp, qkv)) return;
  if constexpr (std::is_same_v<T, float>)
    if (try_product_attention_forward(cuda, y, log_sum_exp, qkv)) return;
  plain_attention_forward(cuda, y, log_sum_exp, qkv);
}

template <class T>
void attention_backward(const Cuda& cuda, View<T> dqkv, View<const T> dy, View<const T> y,
                        View<const float> log_sum_exp, View<const T> qkv) {
  if constexpr (std::is_same_v<T, bfloat16>)
    if (fused_attention_backward(cuda, dqkv, dy, y, log_sum_exp, qkv)) return;
  if constexpr (std::is_same_v<T, float>)
    if (try_product_attention_backward(cuda, dqkv, dy, y, log_sum_exp, qkv)) return;
  plain_attention_backward(cuda, dqkv, dy, y, log_sum_exp, qkv);
}

#define KELVIN_INSTANTIATE(T)                                                                                   \
  template void plain_attention_forward(const Cuda&, View<T>, View<float>, View<const T>);                      \
  template void plain_attention_backward(const Cuda&, View<T>, View<const T>, View<const T>, View<const float>, \
                                         View<const T>);                                                        \
  template void attention_forward(const Cuda&, View<T>, View<float>, View<const T>);                            \
  template void attention_backward(const Cuda&, View<T>, View<const T>, View<const T>, View<const float>, View<const T>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
