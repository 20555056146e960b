// Attention in float32 as matrix products of all heads in one call (cuda_matmul.h). q, k and v are gathered so that each matrix of a head is
// contiguous; q is multiplied by 1/√D. S, and then P in its place, is in scratch memory, [B·H, T, T] with rows of a multiple of 16 bytes, for as
// many images at a time as fit. Bytes: qkv, y and their gradients are read or written twice, in place and gathered; S is written and read twice,
// in the backward pass S and dP twice each.
#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <tuple>

#include "kernels/attention/fused_attention.h"
#include "kernels/device/cuda_stopwatch.h"
#include "kernels/device/notes.h"
#include "kernels/device/pool_block.h"
#include "kernels/libraries/cuda_device.h"
#include "kernels/products/cuda_matmul.h"
#include "kernels/simt/groups.h"
#include "kernels/simt/packs.h"

namespace kelvin {
namespace {

// `parts` of each token side by side, [B, T, parts, H, D], and the same values with heads apart, [parts, B, H, T, D].
struct Heads {
  std::int64_t images, parts, tokens, heads, width;
  [[nodiscard]] std::int64_t size() const { return images * parts * tokens * heads * width; }
  [[nodiscard]] __device__ std::int64_t part_of(std::int64_t i) const { return i / (images * heads * tokens * width); }
  // The position in the first layout of element i of the second.
  [[nodiscard]] __device__ std::int64_t together(std::int64_t i) const {
    const std::int64_t d = i % width, row = i / width, token = row % tokens, matrix = row / tokens;
    const std::int64_t head = matrix % heads, image = matrix / heads % images, part = matrix / heads / images;
    return (((image * tokens + token) * parts + part) * heads + head) * width + d;
  }
};

// Copies the first layout to the second or, without kApart, back. The first part is multiplied by `factor`.
template <bool kApart>
struct MoveHeads {
  static constexpr int kPack = pack_of<float>;
  float* to;
  const float* from;
  Heads shape;
  float factor;
  template <int N>
  __device__ void run(std::int64_t i) const {
    const std::int64_t together = shape.together(i);
    Pack<N> v = load<N>(from + (kApart ? together : i));
    if (shape.part_of(i) == 0)
      for (int k = 0; k < N; ++k) v[k] *= factor;
    store<N>(to + (kApart ? i : together), v);
  }
};

// P in the place of S, and log Σ exp of each row.
__global__ void softmax_kernel(float* scores, float* log_sum_exp, std::int64_t rows, std::int64_t tokens,
                               std::int64_t pitch) {
  const WarpGroup group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  float* const s = scores + row * pitch;
  float most = -INFINITY, sum = 0;
  for (std::int64_t j = group.rank(); j < tokens; j += WarpGroup::kThreads) most = fmaxf(most, s[j]);
  most = group.max(most);
  for (std::int64_t j = group.rank(); j < tokens; j += WarpGroup::kThreads) sum += expf(s[j] - most);
  sum = group.sum(sum);
  const float inverse_sum = 1.0f / sum;
  for (std::int64_t j = group.rank(); j < tokens; j += WarpGroup::kThreads) s[j] = expf(s[j] - most) * inverse_sum;
  if (group.rank() == 0) log_sum_exp[row] = most + logf(sum);
}

// P in the place of S, and dS = P (dP − δ) in that of dP, δ = Σ_keys P dP (which is Σ_D dy y).
__global__ void score_gradient_kernel(float* scores, float* dp, const float* log_sum_exp, std::int64_t rows,
                                      std::int64_t tokens, std::int64_t pitch) {
  const WarpGroup group;
  const std::int64_t row = group.row();
  if (row >= rows) return;
  float *const s = scores + row * pitch, *const g = dp + row * pitch;
  const float normaliser = log_sum_exp[row];
  float delta = 0;
  for (std::int64_t j = group.rank(); j < tokens; j += WarpGroup::kThreads) {
    s[j] = expf(s[j] - normaliser);
    delta += s[j] * g[j];
  }
  delta = group.sum(delta);
  for (std::int64_t j = group.rank(); j < tokens; j += WarpGroup::kThreads) g[j] = s[j] * (g[j] - delta);
}

// Some images of a call.
struct Strip {
  const Cuda& cuda;
  Heads qkv, out;
  bool in_packs;

  [[nodiscard]] std::int64_t matrices() const { return qkv.images * qkv.heads; }
  [[nodiscard]] std::int64_t rows() const { return matrices() * qkv.tokens; }
  [[nodiscard]] std::int64_t pitch() const { return (qkv.tokens + 3) / 4 * 4; }
  [[nodiscard]] float scale() const { return 1.0f / std::sqrt(static_cast<float>(qkv.width)); }
  [[nodiscard]] std::int64_t part() const { return out.size(); }  // elements of q
  template <class T>
  [[nodiscard]] Matrices<T> token_matrices(T* data) const {
    return {data, qkv.tokens, qkv.width, qkv.width};
  }
  template <class T>
  [[nodiscard]] Matrices<T> score_matrices(T* data) const {
    return {data, qkv.tokens, qkv.tokens, pitch()};
  }
  void take_apart(float* apart, const float* together, const Heads& shape, float factor) const {
    launch_elements(cuda, shape.size(), in_packs, MoveHeads<true>{apart, together, shape, factor});
  }
  void put_together(float* together, const float* apart, const Heads& shape, float factor) const {
    launch_elements(cuda, shape.size(), in_packs, MoveHeads<false>{together, apart, shape, factor});
  }
  void multiply(const Matrices<float>& y, const Matrices<const float>& a, const Matrices<const float>& b,
                const MatmulOptions& options) const {
    batched_matmul(cuda, matrices(), y, a, b, options);
  }

  void forward(float* y, float* log_sum_exp, const float* from) const {
    const CudaBlock parts(cuda, static_cast<std::size_t>(qkv.size()) * sizeof(float));
    const CudaBlock scores(cuda, static_cast<std::size_t>(rows() * pitch()) * sizeof(float));
    auto *const q = parts.as<float>(), *const s = scores.as<float>();
    const float *const k = q + part(), *const v = k + part();
    take_apart(q, from, qkv, scale());
    multiply(score_matrices(s), token_matrices<const float>(q), token_matrices(k), {.transpose_b = true});
    launch_rows<WarpGroup>(cuda, softmax_kernel, rows(), s, log_sum_exp, rows(), qkv.tokens, pitch());
    multiply(token_matrices(q), score_matrices<const float>(s), token_matrices(v), {});  // q is not needed any more
    put_together(y, q, out, 1.0f);
  }

  void backward(float* dqkv, const float* dy, const float* log_sum_exp, const float* from) const {
    const CudaBlock parts(cuda, static_cast<std::size_t>(qkv.size()) * sizeof(float));
    const CudaBlock gradients(cuda, static_cast<std::size_t>(qkv.size()) * sizeof(float));
    const CudaBlock outputs(cuda, static_cast<std::size_t>(out.size()) * sizeof(float));
    const CudaBlock scores(cuda, static_cast<std::size_t>(rows() * pitch()) * sizeof(float));
    const CudaBlock dscores(cuda, static_cast<std::size_t>(rows() * pitch()) * sizeof(float));
    auto *const s = scores.as<float>(), *const ds = dscores.as<float>(), *const g = outputs.as<float>();
    auto *const q = parts.as<float>(), *const k = q + part(), *const v = k + part();
    auto *const dq = gradients.as<float>(), *const dk = dq + part(), *const dv = dk + part();
    take_apart(q, from, qkv, scale());
    take_apart(g, dy, out, 1.0f);
    multiply(score_matrices(s), token_matrices<const float>(q), token_matrices<const float>(k), {.transpose_b = true});
    multiply(score_matrices(ds), token_matrices<const float>(g), token_matrices<const float>(v), {.transpose_b = true});
    launch_rows<WarpGroup>(cuda, score_gradient_kernel, rows(), s, ds, log_sum_exp, rows(), qkv.tokens, pitch());
    multiply(token_matrices(dq), score_matrices<const float>(ds), token_matrices<const float>(k), {});
    multiply(token_matrices(dk), score_matrices<const float>(ds), token_matrices<const float>(q),
             {.transpose_a = true});
    multiply(token_matrices(dv), score_matrices<const float>(s), token_matrices<const float>(g), {.transpose_a = true});
    put_together(dqkv, dq, qkv, scale());
  }
};

// f(strip, first image) for as many images at a time as the scratch memory holds.
template <class F>
void for_strips(const Cuda& cuda, const Shape& qkv, std::int64_t most_scores, bool in_packs, const F& f) {
  const std::int64_t tokens = qkv[1], heads = qkv[3], width = qkv[4];
  const std::int64_t at_once = std::max<std::int64_t>(1, most_scores / (heads * tokens * tokens));
  for (std::int64_t first = 0; first < qkv[0]; first += at_once) {
    const std::int64_t images = std::min(at_once, qkv[0] - first);
    f(Strip{cuda, {images, 3, tokens, heads, width}, {images, 1, tokens, heads, width}, in_packs && width % 4 == 0},
      first);
  }
}

// Whether a shape is computed by products. Decided when the shape is first met: they are run and, with autotuning, the plain kernels too. An
// algorithm that cannot run, for lack of memory for example, is left out.
template <class Products, class Plain>
bool serve(const Cuda& cuda, bool is_backward, const Shape& qkv, const Products& products, const Plain& plain) {
  using Key = std::tuple<bool, bool, std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  static std::mutex mutex;
  static auto& served = *new std::map<Key, bool>;
  const std::lock_guard lock(mutex);
  const Key key{is_backward, cuda_settings().allow_tf32, qkv[0], qkv[1], qkv[3], qkv[4]};
  if (const auto found = served.find(key); found != served.end()) return found->second;
  if (is_recording(cuda)) return false;
  bool serves = true;
  try {
    products();
    CudaStopwatch watch(cuda);
    if (cuda_settings().autotune) serves = watch.milliseconds(products) < watch.milliseconds(plain);
  } catch (const Error& e) {
    note_once(str("attention of ", qkv[1], " tokens goes by the plain kernels: ", e.what()));
    serves = false;
  }
  return served[key] = serves;
}

// Runs the products; false where there is no memory for them.
template <class Products>
bool run_if_possible(const Shape& qkv, const Products& products) try {
  products();
  return true;
} catch (const Error& e) {
  if (e.code() != ExitCode::out_of_memory) throw;
  note_once(str("attention of ", qkv[1], " tokens goes by the plain kernels: there is no memory for its scores"));
  return false;
}

}  // namespace

void product_attention_forward(const Cuda& cuda, View<float> y, View<float> log_sum_exp, View<const float> qkv,
                               std::int64_t most_scores) {
  const std::int64_t image_rows = qkv.dim(1) * qkv.dim(3);
  for_strips(cuda, qkv.shape, most_scores, can_use_packs(y, qkv), [&](const Strip& strip, std::int64_t first) {
    strip.forward(y.data + first * image_rows * qkv.dim(4), log_sum_exp.data + first * image_rows,
                  qkv.data + first * image_rows * 3 * qkv.dim(4));
  });
}

void product_attention_backward(const Cuda& cuda, View<float> dqkv, View<const float> dy, View<const float> log_sum_exp,
                                View<const float> qkv, std::int64_t most_scores) {
  const std::int64_t image_rows = qkv.dim(1) * qkv.dim(3);
  for_strips(cuda, qkv.shape, most_scores, can_use_packs(dqkv, dy, qkv), [&](const Strip& strip, std::int64_t first) {
    strip.backward(dqkv.data + first * image_rows * 3 * qkv.dim(4), dy.data + first * image_rows * qkv.dim(4),
                   log_sum_exp.data + first * image_rows, qkv.data + first * image_rows * 3 * qkv.dim(4));
  });
}

bool try_product_attention_forward(const Cuda& cuda, View<float> y, View<float> log_sum_exp, View<const float> qkv) {
  const auto products = [&] { product_attention_forward(cuda, y, log_sum_exp, qkv); };
  const auto plain = [&] { plain_attention_forward<float>(cuda, y, log_sum_exp, qkv); };
  return fast_attention_is_allowed() && serve(cuda, false, qkv.shape, products, plain) &&
         run_if_possible(qkv.shape, products);
}

bool try_product_attention_backward(const Cuda& cuda, View<float> dqkv, View<const float> dy, View<const float> y,
                                    View<const float> log_sum_exp, View<const float> qkv) {
  const auto products = [&] { product_attention_backward(cuda, dqkv, dy, log_sum_exp, qkv); };
  const auto plain = [&] { plain_attention_backward<float>(cuda, dqkv, dy, y, log_sum_exp, qkv); };
  return fast_attention_is_allowed() && serve(cuda, true, qkv.shape, products, plain) &&
         run_if_possible(qkv.shape, products);
}

}  // namespace kelvin
