#include "engine/pytorch_file/pickle_calls.h"

namespace kelvin {
namespace {

// An OrderedDict of Python 2 is called with a list of pairs.
PickledDictionary dictionary_of(const PickleStack& stack, const PickleHandles& arguments) {
  PickledDictionary dictionary;
  const auto* const pairs = arguments.empty() ? nullptr : stack.pickle().as<PickledSequence>(arguments[0]);
  if (pairs == nullptr) return dictionary;
  for (const PickleHandle handle : pairs->items) {
    const PickleHandles& pair = stack.get<PickledSequence>(handle, "a pair").items;
    if (pair.size() != 2) throw stack.damaged("expected a pair");
    dictionary.items.emplace_back(pair[0], pair[1]);
  }
  return dictionary;
}

// (storage, offset, shape, strides[, wants gradient, hooks[, dtype][, metadata]])
std::unique_ptr<PickledTensor> tensor_of(const PickleStack& stack, const PickleHandles& arguments) {
  if (arguments.size() < 4) throw stack.damaged("a tensor of too few parts");
  auto tensor = std::make_unique<PickledTensor>();
  tensor->storage = arguments[0];
  tensor->offset = stack.count(arguments[1]);
  tensor->shape = arguments[2];
  tensor->strides = arguments[3];
  for (std::size_t i = 6; i < arguments.size(); ++i) {
    if (const auto* const dtype = stack.pickle().as<const KnownGlobal*>(arguments[i])) tensor->dtype = *dtype;
    const auto* const metadata = stack.pickle().as<PickledDictionary>(arguments[i]);
    if (metadata != nullptr && !metadata->items.empty())
      throw stack.damaged("a tensor that is a conjugate or negative view; save its resolve_conj() and resolve_neg()");
  }
  return tensor;
}

}  // namespace

void push_result(PickleStack& stack, const KnownGlobal& called, const PickleHandles& arguments) {
  switch (called.role) {
    case Role::passed_over: return stack.push_value(PickledData{});
    case Role::dictionary: return stack.push_value(dictionary_of(stack, arguments));
    case Role::tensor: return stack.push_value(tensor_of(stack, arguments));
    case Role::sequence:
      if (arguments.empty()) return stack.push_value(PickledSequence{});
      [[fallthrough]];
    case Role::parameter:
      if (!arguments.empty()) return stack.push(arguments[0]);
      break;
    case Role::storage:
    case Role::dtype: break;
  }
  throw stack.damaged("a call that torch.save does not write");
}

void push_storage(PickleStack& stack, const PickleHandles& parts) {
  if (parts.size() < 5 || stack.get<std::string>(parts[0], "a text") != "storage")
    throw stack.damaged("a reference to what is no storage");
  auto storage = std::make_unique<PickledStorage>();
  storage->type = stack.get<const KnownGlobal*>(parts[1], "the type of a storage");
  if (storage->type->role != Role::storage) throw stack.damaged("expected the type of a storage");
  storage->key = parts[2];
  (void)stack.get<std::string>(storage->key, "the name of a storage");
  storage->view_count = storage->count = stack.count(parts[4]);
  if (const auto* const view = parts.size() > 5 ? stack.pickle().as<PickledSequence>(parts[5]) : nullptr) {
    if (view->items.size() != 3) throw stack.damaged("a view of a storage lacks parts");
    storage->view_offset = stack.count(view->items[1]);
    storage->view_count = stack.count(view->items[2]);
  }
  stack.push_value(std::move(storage));
}

}  // namespace kelvin
