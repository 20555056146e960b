#include "data/corrupted_files.h"

#include <algorithm>

#include "data/corruptions.h"
#include "data/image_file.h"
#include "data/image_folders.h"
#include "data/image_listing.h"
#include "engine/atomic_file.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

std::vector<std::string> npy_names(const Path& folder) {
  std::vector<std::string> names;
  for (const Path file : names_in(folder)) {
    const std::string name = file.stem().string();
    if (file.extension() == ".npy" && name != "labels" && name != "severities") names.push_back(name);
  }
  return names;
}

std::vector<int> read_severities(const Path& folder) {
  if (!is_there(folder / "severities.npy")) return {1, 2, 3, 4, 5};
  std::vector<int> severities;
  for (const std::int64_t s : read_npy(folder / "severities.npy").to_int()) {
    if (s < 1 || s > kSeverities)
      throw mistake((folder / "severities.npy").string(), ": severity ", s, ", expected 1 to ", kSeverities);
    severities.push_back(static_cast<int>(s));
  }
  if (severities.empty()) throw mistake((folder / "severities.npy").string(), ": lists nothing");
  return severities;
}

void require_bytes(const ImageSet& images) {
  if (!images.labels.empty() && *std::max_element(images.labels.begin(), images.labels.end()) > 255)
    throw mistake("save"_field, ": the CIFAR-C layout keeps labels in bytes; this set has more than 256 classes");
}

}  // namespace

CorruptedFiles::CorruptedFiles(Path folder, const Dataset& clean) : folder_(std::move(folder)), clean_(clean) {
  if (!is_folder(folder_)) throw mistake("from"_field, " ", folder_.string(), ": no such folder");
  is_npy_ = is_there(folder_ / "labels.npy");
  if (is_npy_) {
    names_ = npy_names(folder_);
    severities_ = read_severities(folder_);
    const NpyArray labels = read_npy(folder_ / "labels.npy");
    if (labels.shape.size() != 1 || labels.shape[0] == 0 ||
        labels.shape[0] % static_cast<std::int64_t>(severities_.size()) != 0)
      throw mistake(labels.path.string(), ": shape ", labels.shape_text(), ", expected (", severities_.size(),
                    "n,): a block a severity");
    for (const std::int64_t label : labels.to_int()) {
      if (label < 0 || label >= clean.classes)
        throw mistake(labels.path.string(), ": label ", label, " at row ", labels_.size(), ", expected 0 to ",
                      clean.classes - 1);
      labels_.push_back(static_cast<std::int32_t>(label));
    }
    check_blocks(labels.path);
  } else {
    severities_ = {1, 2, 3, 4, 5};
    for (const std::string& name : subfolders(folder_))
      if (std::any_of(severities_.begin(), severities_.end(),
                      [&](int severity) { return is_folder(folder_ / name / std::to_string(severity)); }))
        names_.push_back(name);
    if (!names_.empty() && clean.class_folders.empty())
      throw mistake("from"_field, " ", folder_.string(), ": images in class folders; the data set (", clean.name,
                    ") has none to match them with, expected tiny-imagenet or folder");
  }
  if (names_.empty())
    throw mistake("from"_field, " ", folder_.string(),
                  ": holds neither CORRUPTION.npy files with labels.npy nor CORRUPTION/SEVERITY/CLASS folders");
}

// One severity's files in the place of five would be cut into five blocks without a word: each block must hold the images of the others.
void CorruptedFiles::check_blocks(const Path& path) const {
  const std::size_t blocks = severities_.size(), block = labels_.size() / blocks;
  const auto whole = static_cast<std::size_t>(clean_.test_count);
  const std::string advice =
      str("; expected ", blocks, " blocks, one a severity (severities.npy beside it lists others than 1 to 5)");
  if (blocks > 1 && labels_.size() == whole)
    throw mistake(path.string(), ": ", whole, " labels, as many as ", clean_.name, " has test images", advice);
  if (whole > 0 && block > whole)
    throw mistake(path.string(), ": ", block, " labels a severity, ", clean_.name, " has ", whole, " test images",
                  advice);
  for (std::size_t i = block; i < labels_.size(); ++i)
    if (labels_[i] != labels_[i - block])
      throw mistake(path.string(), ": label ", labels_[i], " at row ", i, ", but ", labels_[i - block], " at row ",
                    i - block, ", which should be the same image", advice);
}

void CorruptedFiles::require(const std::string& name, const std::vector<int>& severities) const {
  if (std::find(names_.begin(), names_.end(), name) == names_.end())
    throw mistake("from"_field, " ", folder_.string(), ": no corruption ", name, "; there are ", listed(names_));
  for (const int severity : severities)
    if (std::find(severities_.begin(), severities_.end(), severity) == severities_.end() ||
        (!is_npy_ && !is_folder(folder_ / name / std::to_string(severity))))
      throw mistake("from"_field, " ", folder_.string(), ": holds no severity ", severity, " of ", name);
}

ImageSet CorruptedFiles::load(const std::string& name, int severity, std::int64_t limit) {
  require(name, {severity});
  if (is_npy_) return load_block(name, severity, limit);
  return clean_.test_files.empty() ? load_folders(name, severity, limit) : load_named(name, severity, limit);
}

ImageSet CorruptedFiles::load_block(const std::string& name, int severity, std::int64_t limit) {
  const Path path = folder_ / (name + ".npy");
  const ImageSet& like = clean_.test;
  const std::vector<std::int64_t> expected = {static_cast<std::int64_t>(labels_.size()), like.height, like.width,
                                              like.channels};
  if (const NpyArray header = read_npy_header(path); header.type != "u1" || header.shape != expected)
    throw mistake(path.string(), ": ", header.type, " ", header.shape_text(), ", expected uint8 (", expected[0], ", ",
                  expected[1], ", ", expected[2], ", ", expected[3], "): labels.npy counts the images, ", clean_.name,
                  " gives their size");
  if (array_.path != path) array_ = read_npy(path);
  if (array_.shape != expected) throw mistake(path.string(), ": changed while it was read");
  const std::int64_t block = expected[0] / static_cast<std::int64_t>(severities_.size());
  const std::int64_t at = std::find(severities_.begin(), severities_.end(), severity) - severities_.begin();
  ImageSet set{limit > 0 ? std::min(limit, block) : block, like.height, like.width, like.channels, {}, {}, {}};
  const auto* const first = reinterpret_cast<const std::uint8_t*>(array_.bytes.data()) + at * block * set.pixels();
  set.bytes.assign(first, first + set.count * set.pixels());
  set.labels.assign(labels_.begin() + at * block, labels_.begin() + at * block + set.count);
  return set;
}

ImageSet CorruptedFiles::load_folders(const std::string& name, int severity, std::int64_t limit) {
  const Path folder = folder_ / name / std::to_string(severity);
  const std::vector<std::string>& classes = clean_.class_folders;
  std::vector<ClassFiles> known;
  std::size_t foreign = 0;
  PassedOver passed_over;
  const ImageSet& like = clean_.test;
  ImageSet set{0, like.height, like.width, like.channels, {}, {}, {}};
  for (const std::string& name_of_class : subfolders(folder)) {
    const auto at = std::lower_bound(classes.begin(), classes.end(), name_of_class);
    if (at == classes.end() || *at != name_of_class) {
      ++foreign;
      continue;
    }
    known.push_back(
        {static_cast<std::int32_t>(at - classes.begin()), images_below(folder / name_of_class, passed_over)});
    if (known.back().files.empty()) throw mistake((folder / name_of_class).string(), ": a class folder without images");
  }
  if (known.size() != classes.size())
    throw mistake(folder.string(), ": folders of ", known.size(), " of the ", classes.size(), " classes of ",
                  clean_.name);
  if (foreign > 0)
    notes_.push_back(
        str(folder.string(), ": passed over ", foreign, " folders of classes that ", clean_.name, " does not have"));
  if (const std::string note = note_of(passed_over); !note.empty()) notes_.push_back(folder.string() + ": " + note);
  auto [files, labels] = interleave(known);
  if (limit > 0 && limit < static_cast<std::int64_t>(files.size())) {
    files.resize(static_cast<std::size_t>(limit));
    labels.resize(files.size());
  }
  set.labels = std::move(labels);
  set.count = static_cast<std::int64_t>(files.size());
  set.bytes = decode_images(files, static_cast<int>(like.height), static_cast<int>(like.width),
                            static_cast<int>(like.channels));
  return set;
}

ImageSet CorruptedFiles::load_named(const std::string& name, int severity, std::int64_t limit) const {
  const ImageSet& like = clean_.test;
  const std::int64_t count = limit > 0 ? std::min(limit, like.count) : like.count;
  const std::vector<std::string>& classes = clean_.class_folders;
  std::vector<Path> files;
  std::vector<std::int32_t> labels;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string& clean = clean_.test_files[static_cast<std::size_t>(i)];
    const auto at = std::lower_bound(classes.begin(), classes.end(), clean.substr(0, clean.find('/')));
    labels.push_back(static_cast<std::int32_t>(at - classes.begin()));
    files.push_back(folder_ / name / std::to_string(severity) / clean);
    if (!is_there(files.back()))
      throw mistake("from"_field, ": no ", files.back().string(), ", and ", clean_.name, " holds the clean image");
  }
  ImageSet set{count, like.height, like.width, like.channels, {}, {}, std::move(labels)};
  set.reader = [files = std::move(files),
                preparation = ImagePreparation{.resize = 0, .crop = static_cast<int>(like.height)}](std::int64_t i,
                                                                                                    std::uint8_t* out) {
    read_prepared_image(files[static_cast<std::size_t>(i)], preparation, out);
  };
  return set;
}

CorruptedWriter::CorruptedWriter(Path folder, std::vector<int> severities)
    : folder_(std::move(folder)), severities_(std::move(severities)) {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw mistake("save"_field, " ", folder_.string(), ": cannot be made: ", error.message());
}

void CorruptedWriter::require(const std::vector<std::string>& names, const ImageSet& images) const {
  require_bytes(images);
  if (images.reader)
    throw mistake("save"_field, ": the images of this set are too many to keep; it is corrupted as it is read");
  for (const std::string& name : names) require_writable(folder_ / (name + ".npy"));
  for (const char* name : {"labels.npy", "severities.npy"}) require_writable(folder_ / name);
}

void CorruptedWriter::add(const std::string& name, int severity, const ImageSet& images) {
  require_bytes(images);
  pixels_.insert(pixels_.end(), images.bytes.begin(), images.bytes.end());
  if (!has_labels_) labels_.insert(labels_.end(), images.labels.begin(), images.labels.end());
  if (severity != severities_.back()) return;
  const auto n = static_cast<std::int64_t>(severities_.size()) * images.count;
  write_npy(folder_ / (name + ".npy"), std::span<const std::uint8_t>(pixels_),
            {n, images.height, images.width, images.channels});
  pixels_.clear();
  if (has_labels_) return;
  has_labels_ = true;
  const std::vector<std::uint8_t> bytes(labels_.begin(), labels_.end());
  write_npy(folder_ / "labels.npy", std::span<const std::uint8_t>(bytes), {n});
  if (severities_ == std::vector<int>{1, 2, 3, 4, 5}) {
    std::error_code none;
    std::filesystem::remove(folder_ / "severities.npy", none);
    return;
  }
  const std::vector<std::uint8_t> list(severities_.begin(), severities_.end());
  write_npy(folder_ / "severities.npy", std::span<const std::uint8_t>(list), {static_cast<std::int64_t>(list.size())});
}

}  // namespace kelvin
