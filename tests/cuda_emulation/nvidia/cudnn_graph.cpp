#include "tests/cuda_emulation/nvidia/cudnn_graph.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace emulated {
namespace {

using Kind = Operation::Kind;

// A tensor while a graph runs: its description over memory of the device or, for virtual ones, its own.
struct Value {
  TensorDescription t;
  Elements elements;
  std::vector<float> own;

  [[nodiscard]] std::int64_t place(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const {
    return i * t.strides[0] + j * t.strides[1] + k * t.strides[2] + l * t.strides[3];
  }
  // Dimensions of size 1 are repeated.
  [[nodiscard]] float get(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l) const {
    return elements.get(
        place(t.dims[0] == 1 ? 0 : i, t.dims[1] == 1 ? 0 : j, t.dims[2] == 1 ? 0 : k, t.dims[3] == 1 ? 0 : l));
  }
  void set(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l, float v) const {
    elements.set(place(i, j, k, l), v);
  }
};

template <class F>
void for_each(const Dims& d, const F& f) {
  for (std::int64_t i = 0; i < d[0]; ++i)
    for (std::int64_t j = 0; j < d[1]; ++j)
      for (std::int64_t k = 0; k < d[2]; ++k)
        for (std::int64_t l = 0; l < d[3]; ++l) f(i, j, k, l);
}

// A four-dimensional array with channels last, [d0, d2, d3, d1] in memory; convolutions run along channels.
struct ChannelsLast {
  Dims dims{};
  std::vector<float> data;
  float* at(std::int64_t n, std::int64_t h, std::int64_t w) {
    return data.data() + ((n * dims[2] + h) * dims[3] + w) * dims[1];
  }
};

ChannelsLast read(const Value& v, bool tf32) {
  ChannelsLast c = {v.t.dims, std::vector<float>(static_cast<std::size_t>(v.t.size()))};
  for_each(v.t.dims, [&](auto n, auto ch, auto h, auto w) {
    const float value = v.get(n, ch, h, w);
    c.at(n, h, w)[ch] = tf32 ? as_tf32(value) : value;
  });
  return c;
}

// Calls f(image, filter row, filter column, output row, output column, input row, input column) wherever the filter meets the image.
template <class F>
void slide(const Operation& o, const Dims& x, const Dims& w, const Dims& y, const F& f) {
  for (std::int64_t n = 0; n < y[0]; ++n)
    for (std::int64_t p = 0; p < y[2]; ++p)
      for (std::int64_t q = 0; q < y[3]; ++q)
        for (std::int64_t r = 0; r < w[2]; ++r)
          for (std::int64_t s = 0; s < w[3]; ++s) {
            const std::int64_t h = p * o.stride + r - o.pad, v = q * o.stride + s - o.pad;
            if (h >= 0 && h < x[2] && v >= 0 && v < x[3]) f(n, r, s, p, q, h, v);
          }
}

void run_convolution(const Operation& o, const Value& a, const Value& b, const Value& out, bool tf32) {
  ChannelsLast left = read(a, tf32), right = read(b, tf32);
  ChannelsLast result = {out.t.dims, std::vector<float>(static_cast<std::size_t>(out.t.size()))};
  if (o.kind == Kind::convolution) {
    const std::int64_t channels = left.dims[1];
    slide(o, left.dims, right.dims, result.dims, [&](auto n, auto r, auto s, auto p, auto q, auto h, auto v) {
      const float* const x = left.at(n, h, v);
      for (std::int64_t k = 0; k < result.dims[1]; ++k) {
        result.at(n, p, q)[k] += dot(x, right.at(k, r, s), channels);
      }
    });
  } else if (o.kind == Kind::convolution_backward_data) {
    slide(o, result.dims, right.dims, left.dims, [&](auto n, auto r, auto s, auto p, auto q, auto h, auto v) {
      float* const dx = result.at(n, h, v);
      for (std::int64_t k = 0; k < left.dims[1]; ++k) {
        const float* const w = right.at(k, r, s);
        const float dy = left.at(n, p, q)[k];
        for (std::int64_t c = 0; c < result.dims[1]; ++c) dx[c] += dy * w[c];
      }
    });
  } else {
    slide(o, left.dims, result.dims, right.dims, [&](auto n, auto r, auto s, auto p, auto q, auto h, auto v) {
      const float* const x = left.at(n, h, v);
      for (std::int64_t k = 0; k < result.dims[0]; ++k) {
        float* const dw = result.at(k, r, s);
        const float dy = right.at(n, p, q)[k];
        for (std::int64_t c = 0; c < result.dims[1]; ++c) dw[c] += dy * x[c];
      }
    });
  }
  for_each(out.t.dims, [&](auto n, auto c, auto h, auto w) {
    const float before = o.adds ? out.get(n, c, h, w) : 0.0f;
    out.set(n, c, h, w, before + result.at(n, h, w)[c]);
  });
}

void run_matmul(const Value& a, const Value& b, const Value& out) {
  const Dims& d = out.t.dims;
  const std::int64_t inner = a.t.dims[3];
  std::vector<float> rows(static_cast<std::size_t>(d[2] * inner)), columns(static_cast<std::size_t>(d[3] * inner));
  for (std::int64_t i = 0; i < d[0]; ++i)
    for (std::int64_t j = 0; j < d[1]; ++j) {
      for (std::int64_t k = 0; k < inner; ++k) {
        for (std::int64_t m = 0; m < d[2]; ++m) rows[static_cast<std::size_t>(m * inner + k)] = a.get(i, j, m, k);
        for (std::int64_t n = 0; n < d[3]; ++n) columns[static_cast<std::size_t>(n * inner + k)] = b.get(i, j, k, n);
      }
      for (std::int64_t m = 0; m < d[2]; ++m)
        for (std::int64_t n = 0; n < d[3]; ++n)
          out.set(i, j, m, n, dot(rows.data() + m * inner, columns.data() + n * inner, inner));
    }
}

float applied(const Operation& o, float x, float b) {
  switch (o.mode) {
    case CUDNN_POINTWISE_ADD: return x + b;
    case CUDNN_POINTWISE_SUB: return x - b;
    case CUDNN_POINTWISE_MUL: return x * b;
    case CUDNN_POINTWISE_DIV: return x / b;
    case CUDNN_POINTWISE_EXP: return std::exp(x);
    case CUDNN_POINTWISE_LOG: return std::log(x);
    case CUDNN_POINTWISE_IDENTITY: return x;
    case CUDNN_POINTWISE_RELU_FWD: return x > 0 || (o.keeps_nan && std::isnan(x)) ? x : 0;
  }
  return std::nanf("");
}

void run_reduction(const Operation& o, const Value& x, const Value& out) {
  const bool is_max = o.reduction_op == CUDNN_REDUCE_TENSOR_MAX;
  std::map<std::int64_t, double> results;
  const auto kept = [&](std::size_t d, std::int64_t i) { return out.t.dims[d] == 1 ? 0 : i; };
  for_each(x.t.dims, [&](auto i, auto j, auto k, auto l) {
    const std::int64_t place = out.place(kept(0, i), kept(1, j), kept(2, k), kept(3, l));
    const double v = x.get(i, j, k, l);
    const auto [found, is_new] = results.emplace(place, v);
    if (!is_new) found->second = is_max ? std::max(found->second, v) : found->second + v;
  });
  for (const auto& [place, v] : results) out.elements.set(place, static_cast<float>(v));
}

// The same memory under another description, perhaps rounded.
void run_reshape(const Value& x, const Value& out) {
  for (std::int64_t i = 0; i < x.t.extent(); ++i) out.elements.set(i, x.elements.get(i));
}

bool is_convolution(Kind k) {
  return k == Kind::convolution || k == Kind::convolution_backward_data || k == Kind::convolution_backward_filter;
}

bool has_fitting_shapes(const Operation& o) {
  const Dims &a = o.a.dims, &b = o.b.dims, &y = o.out.dims;
  const auto slides = [&](const Dims& image, const Dims& filter, const Dims& output) {
    for (std::size_t d = 2; d < 4; ++d)
      if (output[d] != (image[d] + 2 * o.pad - filter[d]) / o.stride + 1) return false;
    return image[0] == output[0] && image[1] == filter[1] && filter[0] == output[1];
  };
  switch (o.kind) {
    case Kind::convolution: return slides(a, b, y);
    case Kind::convolution_backward_data: return slides(y, b, a);
    case Kind::convolution_backward_filter: return slides(a, y, b);
    case Kind::matmul: return a[3] == b[2] && y == Dims{a[0], a[1], a[2], b[3]} && b[0] == a[0] && b[1] == a[1];
    case Kind::pointwise:
      for (std::size_t d = 0; d < 4; ++d)
        if ((a[d] != 1 && a[d] != y[d]) || (o.has_b && b[d] != 1 && b[d] != y[d])) return false;
      return true;
    case Kind::reduction:
      for (std::size_t d = 0; d < 4; ++d)
        if (y[d] != 1 && y[d] != a[d]) return false;
      return true;
    case Kind::reshape: return o.a.size() == o.out.size() && o.a.extent() == o.out.extent();
  }
  return false;
}

}  // namespace

std::string mistake_in(const Graph& graph) {
  std::set<std::int64_t> written;
  if (graph.size() > 1 && graph[0].kind == Kind::convolution_backward_data)
    return "a data gradient followed by something that no engine knows";
  for (const Operation& o : graph) {
    if (!has_fitting_shapes(o)) return "an operation whose shapes do not fit";
    for (const TensorDescription* in : {&o.a, &o.b})
      if ((in == &o.a || o.has_b) && in->is_virtual && written.count(in->number) == 0)
        return "a virtual tensor is read before an operation has written it";
    if (!written.insert(o.out.number).second) return "a tensor is written by two operations";
    if (o.out.is_by_value) return "an operation writes to a number passed by value";
    if (is_convolution(o.kind) && o.stride < 1) return "a convolution without a stride";
  }
  return {};
}

void run(const Graph& graph, bool tf32, const std::map<std::int64_t, void*>& memory,
         const std::map<std::int64_t, float>& scalars) {
  std::map<std::int64_t, Value> virtuals;
  const auto value = [&](const TensorDescription& t) -> Value {
    if (t.is_by_value) {
      Value v = {t, {}, {scalars.at(t.number)}};
      return v;
    }
    if (!t.is_virtual) return {t, {memory.at(t.number), t.type}, {}};
    Value& v = virtuals[t.number];
    if (v.own.empty())
      v.own.assign(static_cast<std::size_t>(t.extent()), std::nanf(""));  // floats: large enough for either type
    return {t, {v.own.data(), t.type}, {}};
  };
  for (const Operation& o : graph) {
    Value a = value(o.a), out = value(o.out), b = o.has_b ? value(o.b) : Value{};
    for (Value* v : {&a, &b})
      if (!v->own.empty()) v->elements = {v->own.data(), kelvin::DType::f32};
    switch (o.kind) {
      case Kind::convolution:
      case Kind::convolution_backward_data:
      case Kind::convolution_backward_filter: run_convolution(o, a, b, out, tf32); break;
      case Kind::matmul: run_matmul(a, b, out); break;
      case Kind::pointwise:
        for_each(o.out.dims, [&](auto i, auto j, auto k, auto l) {
          out.set(i, j, k, l, applied(o, a.get(i, j, k, l), o.has_b ? b.get(i, j, k, l) : 0.0f));
        });
        break;
      case Kind::reduction: run_reduction(o, a, out); break;
      case Kind::reshape: run_reshape(a, out); break;
    }
  }
}

}  // namespace emulated
