// The stack and the memo of the machine that reads a pickle, and the values that it has made.
#pragma once

#include <optional>
#include <unordered_map>

#include "engine/pytorch_file/pickle_input.h"
#include "engine/pytorch_file/pickle_values.h"
#include "kernels/device/error.h"

namespace kelvin {

using PickleHandles = std::vector<PickleHandle>;

class PickleStack {
 public:
  // Mistakes name the place of `input`.
  explicit PickleStack(const PickleInput& input) : input_(input) {}

  [[nodiscard]] const Pickle& pickle() const { return pickle_; }

  // The value at the top, above the last mark, if there is one.
  [[nodiscard]] std::optional<PickleHandle> find_top() const;

  void push(PickleHandle handle) { stack_.push_back(handle); }
  void push_value(PickleValue value);
  // Each throws a mistake where there is too little on the stack.
  [[nodiscard]] PickleHandle top() const;
  PickleHandle pop();
  PickleHandles pop(std::size_t n);
  PickleHandles pop_to_mark();
  void mark() { marks_.push_back(stack_.size()); }

  void remember(std::uint32_t number) { memo_[number] = top(); }
  void remember_next() { remember(static_cast<std::uint32_t>(memo_.size())); }
  void recall(std::uint32_t number);

  // Into the list or dictionary at the top; what is no list or dictionary but data that is passed over takes everything.
  void append(const PickleHandles& items);
  void set_items(const PickleHandles& keys_and_values);

  // The value there, which has to be a T; `what` says so in the mistake.
  template <class T>
  [[nodiscard]] const T& get(PickleHandle handle, const char* what) const {
    if (const T* const value = pickle_.as<T>(handle)) return *value;
    throw damaged(str("expected ", what));
  }
  [[nodiscard]] std::uint64_t count(PickleHandle handle) const;  // an integer, at least 0

  [[nodiscard]] Error damaged(const std::string& reason) const;

  // The result, whose top is at the top of the stack.
  [[nodiscard]] Pickle take();

 private:
  const PickleInput& input_;
  Pickle pickle_;
  PickleHandles stack_;
  std::vector<std::size_t> marks_;
  std::unordered_map<std::uint32_t, PickleHandle> memo_;
};

}  // namespace kelvin
