#include "engine/pytorch_file/pickle_stack.h"

namespace kelvin {

void PickleStack::push_value(PickleValue value) {
  pickle_.values.push_back(std::move(value));
  push(static_cast<PickleHandle>(pickle_.values.size() - 1));
}

std::optional<PickleHandle> PickleStack::find_top() const {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) return {};
  return stack_.back();
}

PickleHandle PickleStack::top() const {
  if (const auto handle = find_top()) return *handle;
  throw damaged("the stack is empty");
}

PickleHandle PickleStack::pop() {
  const PickleHandle handle = top();
  stack_.pop_back();
  return handle;
}

PickleHandles PickleStack::pop(std::size_t n) {
  PickleHandles items(n);
  for (std::size_t i = n; i-- > 0;) items[i] = pop();
  return items;
}

PickleHandles PickleStack::pop_to_mark() {
  if (marks_.empty()) throw damaged("no mark is on the stack");
  PickleHandles items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()), stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return items;
}

void PickleStack::recall(std::uint32_t number) {
  const auto found = memo_.find(number);
  if (found == memo_.end()) throw damaged(str("value ", number, " was never stored"));
  push(found->second);
}

void PickleStack::append(const PickleHandles& items) {
  PickleValue& into = pickle_.values[top()];
  if (std::holds_alternative<PickledData>(into)) return;
  auto* const list = std::get_if<PickledSequence>(&into);
  if (list == nullptr) throw damaged("expected a list to append to");
  list->items.insert(list->items.end(), items.begin(), items.end());
}

void PickleStack::set_items(const PickleHandles& items) {
  PickleValue& into = pickle_.values[top()];
  if (std::holds_alternative<PickledData>(into)) return;
  auto* const dictionary = std::get_if<PickledDictionary>(&into);
  if (dictionary == nullptr || items.size() % 2 != 0) throw damaged("expected a dictionary, keys and values");
  for (std::size_t i = 0; i < items.size(); i += 2) dictionary->items.emplace_back(items[i], items[i + 1]);
}

std::uint64_t PickleStack::count(PickleHandle handle) const {
  const auto value = get<std::int64_t>(handle, "an integer");
  if (value < 0) throw damaged(str("expected a size or an offset, got ", value));
  return static_cast<std::uint64_t>(value);
}

Error PickleStack::damaged(const std::string& reason) const {
  return mistake(input_.where(), ": its pickle, byte ", input_.at(), ": ", reason);
}

Pickle PickleStack::take() {
  pickle_.top = pop();
  pickle_.end = input_.at();
  return std::move(pickle_);
}

}  // namespace kelvin
