#include "engine/pytorch_file/state_dict.h"

#include <algorithm>
#include <numeric>

#include "engine/printable.h"
#include "engine/pytorch_file/strided_view.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::size_t kMostTensors = 50'000, kMostDimensions = 64, kLongestKey = 500;
constexpr std::uint64_t kMostValues = 5'000'000, kMostParts = 300'000, kMostRepeated = 64u << 20;
constexpr int kMostLevels = 32;

// a + b · c; a mistake where 64 bits do not hold it.
std::uint64_t add_product(std::uint64_t a, std::uint64_t b, std::uint64_t c, const std::string& what) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(b, c, &product) || __builtin_add_overflow(a, product, &product))
    throw mistake(what, " has a size that overflows");
  return product;
}

// Of a tensor, in bytes: its first and its last element in the storage, or in the view of one; all its elements together.
struct StorageRange {
  std::uint64_t begin, end, size;
};

class TensorList {
 public:
  TensorList(const Pickle& pickle, const FindStorage& find_storage, SafetensorsFile& file)
      : pickle_(pickle), find_storage_(find_storage), file_(file) {}

  // Everything below the value there.
  void visit(PickleHandle handle, const std::string& name, int level) {
    if (level > kMostLevels)
      throw mistake(file_.path.string(), ": dictionaries or lists in more than ", kMostLevels, " levels");
    if (const auto* const tensor = pickle_.as<std::unique_ptr<PickledTensor>>(handle)) return add(**tensor, name);
    if (const auto* const list = pickle_.as<PickledSequence>(handle))
      for (std::size_t i = 0; i < list->items.size(); ++i) visit_part(list->items[i], name, std::to_string(i), level);
    if (const auto* const dictionary = pickle_.as<PickledDictionary>(handle))
      for (const auto& [key, value] : dictionary->items) {
        if (const auto* const text = pickle_.as<std::string>(key)) visit_part(value, name, *text, level);
        if (const auto* const number = pickle_.as<std::int64_t>(key)) visit_part(value, name, str(*number), level);
      }
  }

 private:
  void visit_part(PickleHandle handle, const std::string& name, const std::string& key, int level) {
    if (++values_ > kMostValues) throw mistake(file_.path.string(), ": more than ", kMostValues, " values");
    const bool is_tensor = pickle_.as<std::unique_ptr<PickledTensor>>(handle) != nullptr;
    if (!is_tensor && !pickle_.as<PickledSequence>(handle) && !pickle_.as<PickledDictionary>(handle)) return;
    if (++parts_ > kMostParts)
      throw mistake(file_.path.string(), ": more than ", kMostParts, " tensors, dictionaries and lists");
    const std::string section = name.empty() ? "" : name + ".", full = section + key;
    if (full.size() > kLongestKey) throw mistake(file_.path.string(), ": a name of more than ", kLongestKey, " bytes");
    if (is_tensor && !section.empty()) file_.sections.insert(section);
    visit(handle, full, level + 1);
  }

  [[nodiscard]] std::vector<std::uint64_t> sizes(PickleHandle handle, const std::string& what) const {
    const auto* const list = pickle_.as<PickledSequence>(handle);
    if (list == nullptr || list->items.size() > kMostDimensions) throw mistake(what, " has no shape");
    std::vector<std::uint64_t> values;
    for (const PickleHandle item : list->items) {
      const auto* const value = pickle_.as<std::int64_t>(item);
      if (value == nullptr || *value < 0) throw mistake(what, " has a shape or strides that are no sizes");
      values.push_back(static_cast<std::uint64_t>(*value));
    }
    return values;
  }

  void add(const PickledTensor& tensor, const std::string& name) {
    if (name.empty()) throw mistake(file_.path.string(), ": holds one tensor without a name; expected a state dict");
    if (!is_utf8(name)) throw mistake(file_.path.string(), ": the name ", printable(name), " is not UTF-8");
    if (file_.tensors.size() == kMostTensors)
      throw mistake(file_.path.string(), ": more than ", kMostTensors, " tensors");
    const std::string what = str(file_.path.string(), ": tensor ", printable(name));
    const auto* const held = pickle_.as<std::unique_ptr<PickledStorage>>(tensor.storage);
    if (held == nullptr) throw mistake(what, " has no storage");
    const PickledStorage& storage = **held;
    const KnownGlobal& type = tensor.dtype != nullptr ? *tensor.dtype : *storage.type;
    const std::vector<std::uint64_t> shape = sizes(tensor.shape, what), strides = sizes(tensor.strides, what);
    if (strides.size() != shape.size() || type.bytes == 0) throw mistake(what, " has no strides or no type");

    SafetensorsEntry entry{.dtype = std::string(type.dtype), .shape = {shape.begin(), shape.end()}};
    std::uint64_t count = 1, last = tensor.offset, row_major = 1;
    bool is_row_major = true;
    for (std::size_t d = shape.size(); d-- > 0;) {
      is_row_major &= shape[d] == 1 || strides[d] == row_major;
      row_major = count = add_product(0, count, shape[d], what);
      if (shape[d] > 0) last = add_product(last, shape[d] - 1, strides[d], what);
    }
    if (count > 0)
      place(entry, storage,
            {.begin = add_product(0, tensor.offset, type.bytes, what),
             .end = add_product(type.bytes, last, type.bytes, what),
             .size = add_product(0, count, type.bytes, what)},
            what);
    if (count > 0 && !is_row_major) {
      entry.file = std::make_shared<StridedView>(entry.file, entry.offset, type.bytes, shape, strides, what);
      entry.offset = 0;
    }
    if (!file_.tensors.emplace(name, std::move(entry)).second) throw mistake(what, " is there twice");
  }

  void place(SafetensorsEntry& entry, const PickledStorage& storage, const StorageRange& range,
             const std::string& what) const {
    const std::uint64_t unit = storage.type->bytes, size = add_product(0, storage.count, unit, what);
    const StorageBytes bytes = find_storage_(*pickle_.as<std::string>(storage.key));
    if (bytes.size != size) throw mistake(what, " has a storage of ", bytes.size, " bytes, expected ", size);
    if (storage.view_offset > storage.count || storage.view_count > storage.count - storage.view_offset ||
        range.end > storage.view_count * unit)
      throw mistake(what, " ends at byte ", range.end, " of a storage of ", std::min(size, storage.view_count * unit));
    if (range.size > std::max(size, kMostRepeated))
      throw mistake(what, " repeats the elements of ", size, " bytes to ", range.size, " (expanded); at most ",
                    kMostRepeated);
    entry.size = range.size;
    entry.file = bytes.source;
    entry.offset = bytes.begin + storage.view_offset * unit + range.begin;
  }

  const Pickle& pickle_;
  const FindStorage& find_storage_;
  SafetensorsFile& file_;
  std::uint64_t values_ = 0, parts_ = 0;  // a list that is in many places counts in each
};

}  // namespace

void add_tensors(const Pickle& pickle, const FindStorage& find_storage, SafetensorsFile& file) {
  TensorList(pickle, find_storage, file).visit(pickle.top, "", 0);
  if (file.tensors.empty()) throw mistake(file.path.string(), ": holds no tensors; expected a state dict");
}

}  // namespace kelvin
