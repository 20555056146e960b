// What a pickle of torch.save holds. Values refer to each other by their place in one list, so lists that hold themselves, and very deep
// ones, need no care.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/pytorch_file/known_globals.h"

namespace kelvin {

using PickleHandle = std::uint32_t;  // place in Pickle::values

struct PickledData {};  // None, numbers with a fraction, bytes, objects that are passed over
struct PickledSequence {
  std::vector<PickleHandle> items;
};
struct PickledDictionary {
  std::vector<std::pair<PickleHandle, PickleHandle>> items;
};
struct PickledStorage {
  const KnownGlobal* type = nullptr;
  PickleHandle key = 0;                           // text: the name of its bytes in the file
  std::uint64_t count = 0;                        // elements of it
  std::uint64_t view_offset = 0, view_count = 0;  // the elements that count, for views of storages (PyTorch 0.x)
};
struct PickledTensor {
  PickleHandle storage = 0, shape = 0, strides = 0;
  std::uint64_t offset = 0;            // elements
  const KnownGlobal* dtype = nullptr;  // nullptr: the storage's
};

using PickleValue = std::variant<PickledData, bool, std::int64_t, std::string, PickledSequence, PickledDictionary,
                                 const KnownGlobal*, std::unique_ptr<PickledStorage>, std::unique_ptr<PickledTensor>>;

struct Pickle {
  std::deque<PickleValue> values;
  PickleHandle top = 0;
  std::uint64_t end = 0;  // where its bytes end in the source

  // The value there as a T; nullptr if it is something else.
  template <class T>
  [[nodiscard]] const T* as(PickleHandle handle) const {
    return std::get_if<T>(&values[handle]);
  }
};

}  // namespace kelvin
