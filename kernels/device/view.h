// View<T>: a pointer with a shape. Non-owning, contiguous, row-major, at most five dimensions.
//
// Kernels take and give views only. By convention a parameter's comment states its shape:
//   View<const float> logits  // [rows, classes]
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <type_traits>

#include "kernels/device/error.h"

namespace kelvin {

class Shape {
 public:
  static constexpr int kMaxRank = 5;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> dims) {
    KELVIN_CHECK(dims.size() <= kMaxRank, "rank ", dims.size());
    for (const auto d : dims) push_back(d);
  }
  void push_back(std::int64_t dim) {
    KELVIN_CHECK(rank_ < kMaxRank && dim >= 0, "dimension ", dim, " at rank ", rank_);
    dims_[static_cast<std::size_t>(rank_++)] = dim;
  }

  [[nodiscard]] int rank() const { return rank_; }
  // Dimension i; negative i counts from the end.
  [[nodiscard]] std::int64_t operator[](int i) const { return dims_[static_cast<std::size_t>(i < 0 ? i + rank_ : i)]; }
  // Number of elements; 1 for rank 0.
  [[nodiscard]] std::int64_t size() const {
    std::int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= dims_[static_cast<std::size_t>(i)];
    return n;
  }
  // The shape as a matrix: all leading dimensions folded into rows, the last one as columns.
  [[nodiscard]] std::int64_t cols() const { return rank_ == 0 ? 1 : (*this)[-1]; }
  [[nodiscard]] std::int64_t rows() const { return cols() == 0 ? 0 : size() / cols(); }

  [[nodiscard]] const std::int64_t* begin() const { return dims_.data(); }
  [[nodiscard]] const std::int64_t* end() const { return dims_.data() + rank_; }
  bool operator==(const Shape&) const = default;

  friend std::ostream& operator<<(std::ostream& out, const Shape& s) {
    out << '[';
    for (int i = 0; i < s.rank_; ++i) out << (i ? ", " : "") << s[i];
    return out << ']';
  }

 private:
  std::array<std::int64_t, kMaxRank> dims_{};
  int rank_ = 0;
};

template <class T>
struct View {
  T* data = nullptr;
  Shape shape;

  View() = default;
  View(T* pointer, Shape s) : data(pointer), shape(s) {}
  // A writable view may be read.
  template <class U>
  requires(std::is_const_v<T>&& std::is_same_v<U, std::remove_const_t<T>>)
      View(const View<U>& writable)  // NOLINT(google-explicit-constructor)
      : data(writable.data), shape(writable.shape) {}

  [[nodiscard]] std::int64_t size() const { return shape.size(); }
  [[nodiscard]] std::int64_t dim(int i) const { return shape[i]; }
  [[nodiscard]] std::int64_t rows() const { return shape.rows(); }
  [[nodiscard]] std::int64_t cols() const { return shape.cols(); }
  [[nodiscard]] bool empty() const { return data == nullptr; }
  T& operator[](std::int64_t i) const { return data[i]; }
};

}  // namespace kelvin
