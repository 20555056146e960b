// One thread takes one head of one image: its q, k and v are gathered into contiguous float32 scratch (150 KiB for 197 tokens of 64:
// they stay in the second-level cache), and strips of 64 queries go through oneDNN's sgemm.
#include "kernels/attention/attention.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <new>
#include <vector>

#include "kernels/device/parallel.h"
#include "kernels/device/profile.h"
#include "kernels/device/vector_math.h"
#include "kernels/libraries/onednn/onednn.h"

namespace kelvin {
namespace {

constexpr std::int64_t kStrip = 64;  // queries whose scores are held at once

struct Sizes {
  std::int64_t batch, tokens, heads, width;  // width: D
  template <class T>
  explicit Sizes(const View<T>& qkv) : batch(qkv.dim(0)), tokens(qkv.dim(1)), heads(qkv.dim(3)), width(qkv.dim(4)) {}
  [[nodiscard]] float scale() const { return 1.0f / std::sqrt(static_cast<float>(width)); }
};

// Row-major c [m, n] = op(a) [m, k] · op(b) [k, n] + beta c; every matrix is contiguous. One thread: callers are parallel already.
struct Product {
  bool transpose_a = false, transpose_b = false;
  float beta = 0;
  void operator()(float* c, const float* a, const float* b, std::int64_t m, std::int64_t n, std::int64_t k) const {
    const auto status = dnnl::sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, 1.0f, a,
                                    transpose_a ? m : k, b, transpose_b ? k : n, beta, c, n);
    if (status == dnnl::status::out_of_memory) throw std::bad_alloc();
    KELVIN_CHECK(status == dnnl::status::success, "sgemm of ", m, "x", n, "x", k, " failed");
  }
};

// Rows of one head, `stride` elements apart, times `factor`.
template <class T>
void gather(std::vector<float>& to, const T* from, std::int64_t stride, const Sizes& s, float factor) {
  to.resize(static_cast<std::size_t>(s.tokens * s.width));
  for (std::int64_t t = 0; t < s.tokens; ++t)
    for (std::int64_t d = 0; d < s.width; ++d)
      to[static_cast<std::size_t>(t * s.width + d)] = static_cast<float>(from[t * stride + d]) * factor;
}

template <class T>
void scatter(T* to, std::int64_t stride, const std::vector<float>& from, const Sizes& s, float factor) {
  for (std::int64_t t = 0; t < s.tokens; ++t)
    for (std::int64_t d = 0; d < s.width; ++d)
      to[t * stride + d] = T(from[static_cast<std::size_t>(t * s.width + d)] * factor);
}

// f(image, head) for all of them, in parallel.
template <class F>
void for_each_head(const Sizes& s, const F& f) {
  require_headroom(Cpu{}, onednn::kHeadroomToMake);
  parallel_for(
      s.batch * s.heads,
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) f(i / s.heads, i % s.heads);
      },
      /*cost=*/s.tokens * s.tokens * (s.width / 2 + 12));
}

// Replaces a row of scores by e^(score − max) and returns log Σ e^score; the caller divides by the sum.
struct RowSoftmax {
  float sum, log_sum_exp;
};
RowSoftmax exponentials(float* row, std::int64_t n) {
  const float most = vector_max(n, [=](std::int64_t j) { return row[j]; });
  for (std::int64_t j = 0; j < n; ++j) row[j] = vector_exp(row[j] - most);
  const float sum = vector_sum(n, [=](std::int64_t j) { return row[j]; });
  return {sum, most + std::log(sum)};
}

std::mutex shapes_mutex;
std::vector<Shape> shapes_run;

void note_shape(const Shape& qkv) {
  const std::lock_guard lock(shapes_mutex);
  if (std::find(shapes_run.begin(), shapes_run.end(), qkv) == shapes_run.end()) shapes_run.push_back(qkv);
}

}  // namespace

template <class T>
void attention_forward(Cpu, View<T> y, View<float> log_sum_exp, View<const T> qkv) {
  const ProfileRange range("attention");
  note_shape(qkv.shape);
  const Sizes s(qkv);
  const std::int64_t model = s.heads * s.width;
  for_each_head(s, [&](std::int64_t image, std::int64_t head) {
    const T* const first = qkv.data + image * s.tokens * 3 * model + head * s.width;
    std::vector<float> q, k, v;
    gather(q, first, 3 * model, s, s.scale());
    gather(k, first + model, 3 * model, s, 1);
    gather(v, first + 2 * model, 3 * model, s, 1);
    std::vector<float> scores(static_cast<std::size_t>(kStrip * s.tokens)),
        out(static_cast<std::size_t>(kStrip * s.width));
    for (std::int64_t begin = 0; begin < s.tokens; begin += kStrip) {
      const std::int64_t rows = std::min(kStrip, s.tokens - begin);
      Product{.transpose_b = true}(scores.data(), q.data() + begin * s.width, k.data(), rows, s.tokens, s.width);
      float sums[kStrip];
      for (std::int64_t r = 0; r < rows; ++r) {
        const RowSoftmax row = exponentials(scores.data() + r * s.tokens, s.tokens);
        sums[r] = row.sum;
        log_sum_exp[(image * s.heads + head) * s.tokens + begin + r] = row.log_sum_exp;
      }
      Product{}(out.data(), scores.data(), v.data(), rows, s.width, s.tokens);
      for (std::int64_t r = 0; r < rows; ++r) {
        T* const to = y.data + (image * s.tokens + begin + r) * model + head * s.width;
        const float inverse = 1.0f / sums[r];
        for (std::int64_t d = 0; d < s.width; ++d) to[d] = T(out[static_cast<std::size_t>(r * s.width + d)] * inverse);
      }
    }
  });
}

template <class T>
void attention_backward(Cpu, View<T> dqkv, View<const T> dy, View<const T> y, View<const float> log_sum_exp,
                        View<const T> qkv) {
  const ProfileRange range("attention_backward");
  const Sizes s(qkv);
  const std::int64_t model = s.heads * s.width;
  for_each_head(s, [&](std::int64_t image, std::int64_t head) {
    const std::int64_t in = image * s.tokens * 3 * model + head * s.width,
                       out = image * s.tokens * model + head * s.width;
    std::vector<float> q, k, v, g, o;
    gather(q, qkv.data + in, 3 * model, s, s.scale());
    gather(k, qkv.data + in + model, 3 * model, s, 1);
    gather(v, qkv.data + in + 2 * model, 3 * model, s, 1);
    gather(g, dy.data + out, model, s, 1);
    gather(o, y.data + out, model, s, 1);
    const auto elements = static_cast<std::size_t>(s.tokens * s.width);
    std::vector<float> dq(elements), dk(elements), dv(elements);
    std::vector<float> p(static_cast<std::size_t>(kStrip * s.tokens)), ds(p.size());
    for (std::int64_t begin = 0; begin < s.tokens; begin += kStrip) {
      const std::int64_t rows = std::min(kStrip, s.tokens - begin), at = begin * s.width;
      const Product sum_over_strips{.transpose_a = true, .beta = begin == 0 ? 0.0f : 1.0f};
      Product{.transpose_b = true}(p.data(), q.data() + at, k.data(), rows, s.tokens, s.width);
      Product{.transpose_b = true}(ds.data(), g.data() + at, v.data(), rows, s.tokens, s.width);  // dP
      for (std::int64_t r = 0; r < rows; ++r) {
        const float normaliser = log_sum_exp[(image * s.heads + head) * s.tokens + begin + r];
        const float *const g_row = g.data() + at + r * s.width, *const o_row = o.data() + at + r * s.width;
        const float delta = vector_sum(s.width, [=](std::int64_t d) { return g_row[d] * o_row[d]; });
        float *const p_row = p.data() + r * s.tokens, *const ds_row = ds.data() + r * s.tokens;
        for (std::int64_t j = 0; j < s.tokens; ++j) {
          p_row[j] = vector_exp(p_row[j] - normaliser);
          ds_row[j] = p_row[j] * (ds_row[j] - delta);
        }
      }
      Product{}(dq.data() + at, ds.data(), k.data(), rows, s.width, s.tokens);
      sum_over_strips(dk.data(), ds.data(), q.data() + at, s.tokens, s.width, rows);
      sum_over_strips(dv.data(), p.data(), g.data() + at, s.tokens, s.width, rows);
    }
    scatter(dqkv.data + in, 3 * model, dq, s, s.scale());
    scatter(dqkv.data + in + model, 3 * model, dk, s, 1);  // q was scaled already
    scatter(dqkv.data + in + 2 * model, 3 * model, dv, s, 1);
  });
}

std::vector<Shape> attention_shapes_run(Cpu) {
  const std::lock_guard lock(shapes_mutex);
  return shapes_run;
}

#define KELVIN_INSTANTIATE(T)                                                \
  template void attention_forward(Cpu, View<T>, View<float>, View<const T>); \
  template void attention_backward(Cpu, View<T>, View<const T>, View<const T>, View<const float>, View<const T>)
KELVIN_INSTANTIATE(float);
KELVIN_INSTANTIATE(bfloat16);
#undef KELVIN_INSTANTIATE

}  // namespace kelvin
