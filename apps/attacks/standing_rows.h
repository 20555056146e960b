// Compaction of a batch whose rows finish one by one: finished rows leave, and the tensors of the others close up. A row is one of the batch;
// its place is where it stands in the tensors.
#pragma once

#include <initializer_list>
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace kelvin {

// The named rows of a tensor, in a tensor of their own. float32 or int32.
[[nodiscard]] Tensor take_rows(const Tensor& from, std::span<const std::size_t> rows);

class StandingRows {
 public:
  StandingRows() = default;
  explicit StandingRows(std::size_t n);  // all of the batch, each at its own place

  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::size_t operator[](std::size_t place) const { return rows_[place]; }
  [[nodiscard]] std::span<const std::size_t> all() const { return rows_; }  // the row at each place

  // The rows at `going` (places in ascending order) leave, also from the tensors, which have one row for each place. Returns the places that
  // stayed, as they were before.
  std::vector<std::size_t> remove(std::span<const std::size_t> going, std::initializer_list<Tensor*> tensors);

 private:
  std::vector<std::size_t> rows_;
};

}  // namespace kelvin
