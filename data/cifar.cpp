#include "data/cifar.h"

#include <algorithm>
#include <filesystem>

#include "engine/input_file.h"
#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr std::int64_t kSide = 32, kArea = kSide * kSide, kPixels = 3 * kArea;
constexpr std::uint64_t kMaxFile = std::uint64_t{1} << 30, kMaxNames = 1 << 16;  // bytes

// What tells the two sets apart.
struct Layout {
  const char *name, *folder, *names_file;
  std::vector<const char*> train, test;
  std::int64_t label_bytes;  // the label is the last of them
  int classes;
  std::vector<float> mean, std;  // over the 50,000 training images
};

const Layout kCifar10 = {
    "cifar10",
    "cifar-10-batches-bin",
    "batches.meta.txt",
    {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
    {"test_batch.bin"},
    1,
    10,
    {0.4914f, 0.4822f, 0.4465f},
    {0.2470f, 0.2435f, 0.2616f}};
const Layout kCifar100 = {
    "cifar100", "cifar-100-binary",          "fine_label_names.txt",     {"train.bin"}, {"test.bin"}, 2,
    100,        {0.5071f, 0.4865f, 0.4409f}, {0.2673f, 0.2564f, 0.2762f}};

Path folder_of(const Layout& layout, const std::string& where) {
  if (where.empty())
    throw mistake("data"_field, " ", layout.name, " needs the folder of its binary version: ", layout.name, ":DIR");
  const Path inner = Path(where) / layout.folder;
  return is_folder(inner) ? inner : Path(where);
}

void append_file(const Layout& layout, const Path& path, ImageSet& set) {
  if (!is_there(path))
    throw mistake(path.string(), ": no such file; ", layout.name, " is read in its binary version (kelvin data fetch ",
                  layout.name, ")");
  const std::int64_t record = layout.label_bytes + kPixels;
  InputFile in(path, kMaxFile);
  const std::int64_t size = static_cast<std::int64_t>(in.size()), rows = size / record;
  if (size % record != 0)
    throw mistake(path.string(), ": cut short in record ", rows, ": ", size % record, " of ", record, " bytes");
  std::vector<std::byte> bytes(static_cast<std::size_t>(record));
  for (std::int64_t row = 0; row < rows; ++row) {
    in.read(bytes);
    const auto label = std::to_integer<std::uint8_t>(bytes[static_cast<std::size_t>(layout.label_bytes - 1)]);
    if (label >= layout.classes)
      throw mistake(path.string(), ": label ", int{label}, " in record ", row, ", expected 0 to ", layout.classes - 1);
    set.labels.push_back(label);
    const std::size_t at = set.bytes.size();
    set.bytes.resize(at + kPixels);
    for (std::int64_t c = 0; c < 3; ++c)  // planes -> interleaved
      for (std::int64_t p = 0; p < kArea; ++p)
        set.bytes[at + static_cast<std::size_t>(p * 3 + c)] =
            std::to_integer<std::uint8_t>(bytes[static_cast<std::size_t>(layout.label_bytes + c * kArea + p)]);
  }
}

bool is_any_there(const Path& folder, const std::vector<const char*>& files) {
  return std::any_of(files.begin(), files.end(), [&](const char* file) { return is_there(folder / file); });
}

ImageSet load_half(const Layout& layout, const Path& folder, const std::vector<const char*>& files, Half wanted) {
  if (wanted == Half::skip || (wanted == Half::optional && !is_any_there(folder, files))) return {};
  ImageSet set{0, kSide, kSide, 3, {}, {}, {}};
  for (const char* file : files) append_file(layout, folder / file, set);
  set.count = static_cast<std::int64_t>(set.labels.size());
  if (set.count == 0) throw mistake((folder / files[0]).string(), ": holds no images");
  return set;
}

// Numbers where the file of names is absent or too short.
void name_classes(const Layout& layout, const Path& folder, Dataset& set) {
  std::vector<std::string>& names = set.class_names;
  const Path path = folder / layout.names_file;
  for (std::string line : parts_of(is_there(path) ? read_text(path, kMaxNames) : "", '\n')) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty() && static_cast<int>(names.size()) < layout.classes) names.push_back(line);
  }
  set.has_class_names = static_cast<int>(names.size()) == layout.classes;
  if (set.has_class_names) return;
  names.clear();
  for (int i = 0; i < layout.classes; ++i) names.push_back(str("class ", i));
}

Dataset load(const Layout& layout, const std::string& where, const DatasetOptions& options) {
  const Path folder = folder_of(layout, where);
  Dataset set;
  set.train = load_half(layout, folder, layout.train, options.train);
  set.test = load_half(layout, folder, layout.test, options.test);
  set.classes = layout.classes;
  name_classes(layout, folder, set);
  set.mean = layout.mean;
  set.std = layout.std;
  return set;
}

}  // namespace

Dataset load_cifar10(const std::string& where, const DatasetOptions& options) { return load(kCifar10, where, options); }
Dataset load_cifar100(const std::string& where, const DatasetOptions& options) {
  return load(kCifar100, where, options);
}

}  // namespace kelvin
