#include "data/image_folders.h"

#include <algorithm>
#include <map>

#include "data/image_file.h"
#include "data/image_listing.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr std::uint64_t kMaxList = 16u << 20;  // bytes of Tiny-ImageNet's lists

LabelledFiles list_classes(const Path& folder, const std::vector<std::string>& classes,
                           const std::vector<std::string>& wanted, PassedOver& passed_over) {
  std::vector<ClassFiles> all;
  for (const std::string& name : wanted) {
    ClassFiles one{static_cast<std::int32_t>(std::lower_bound(classes.begin(), classes.end(), name) - classes.begin()),
                   images_below(folder / name, passed_over)};
    if (one.files.empty()) throw mistake((folder / name).string(), ": a class folder without PNG, JPEG or BMP images");
    all.push_back(std::move(one));
  }
  return interleave(all);
}

// The same, and images that lie beside the class folders are counted.
LabelledFiles list_half(const Path& folder, const std::vector<std::string>& classes,
                        const std::vector<std::string>& wanted, PassedOver& passed_over) {
  for (const std::string& name : names_in(folder))
    if (!is_hidden_name(name) && is_image_name(name) && !is_folder(folder / name))
      ++passed_over["beside the class folders"];
  return list_classes(folder, classes, wanted, passed_over);
}

// Where the halves of a set lie; empty: it has none.
struct Halves {
  Path train, test;
  std::vector<std::string> unused;  // other folders beside them
};

// A class holds images, and no folders of them.
bool is_class(const Path& folder) {
  const std::vector<std::string> inner = subfolders(folder);
  return holds_images(folder) &&
         std::none_of(inner.begin(), inner.end(), [&](const std::string& name) { return holds_images(folder / name); });
}

Halves halves_of(const Path& root) {
  const std::vector<std::string> names = subfolders(root);
  Halves halves;
  for (const std::string& name : names) {
    Path* const half = name == "train" ? &halves.train : name == "test" || name == "val" ? &halves.test : nullptr;
    if (half != nullptr && half->empty() && !is_class(root / name))  // "test" comes before "val"
      *half = root / name;
    else
      halves.unused.push_back(name);
  }
  if (halves.train.empty() && halves.test.empty()) return {{}, root, {}};
  return halves;
}

ImageSet decode(const std::string& name, const DatasetOptions& options, const LabelledFiles& listing, int height,
                int width, int channels) {
  ImageSet set{static_cast<std::int64_t>(listing.files.size()), height, width, channels, {}, {}, listing.labels};
  set.bytes = options.uses_cache ? decode_images_cached(name, listing.files, height, width, channels)
                                 : decode_images(listing.files, height, width, channels);
  return set;
}

std::string read_part(const Path& path, const char* what) {
  if (!is_there(path)) throw mistake(path.string(), ": no such file; it belongs to ", what);
  return read_text(path, kMaxList);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines = parts_of(text, '\n');
  for (std::string& line : lines)
    if (line.ends_with('\r')) line.pop_back();
  return lines;
}

// wnid -> the first of its names.
std::map<std::string, std::string> read_words(const Path& path) {
  std::map<std::string, std::string> words;
  if (!is_there(path)) return words;
  for (const std::string& line : lines_of(read_text(path, kMaxList))) {
    const std::size_t tab = line.find('\t');
    if (tab != std::string::npos) words[line.substr(0, tab)] = line.substr(tab + 1, line.find(',', tab) - tab - 1);
  }
  return words;
}

// Sorted; a mistake where there are none, or one stands twice.
std::vector<std::string> read_wnids(const Path& path) {
  std::map<std::string, std::size_t> line_of;
  std::size_t number = 0;
  for (const std::string& line : lines_of(read_part(path, "Tiny-ImageNet"))) {
    ++number;
    if (line.empty()) continue;
    if (const auto [before, is_new] = line_of.emplace(line, number); !is_new)
      throw mistake(path.string(), ": line ", number, ": class ", line, " stands on line ", before->second, " too");
  }
  if (line_of.empty()) throw mistake(path.string(), ": names no classes");
  std::vector<std::string> wnids;
  for (const auto& [wnid, line] : line_of) wnids.push_back(wnid);
  return wnids;
}

constexpr int kTinySide = 64;

LabelledFiles list_validation(const Path& folder, const std::vector<std::string>& wnids) {
  const Path annotations = folder / "val_annotations.txt";
  LabelledFiles listing;
  std::map<std::string, std::size_t> line_of;
  for (const auto& [file, wnid, line] : parse_annotations(annotations, read_part(annotations, "Tiny-ImageNet"))) {
    if (const auto [before, is_new] = line_of.emplace(file, line); !is_new)
      throw mistake(annotations.string(), ": line ", line, ": ", file, " stands on line ", before->second, " too");
    const auto at = std::lower_bound(wnids.begin(), wnids.end(), wnid);
    if (at == wnids.end() || *at != wnid)
      throw mistake(annotations.string(), ": line ", line, ": class ", wnid, " is not in wnids.txt");
    listing.files.push_back(folder / "images" / file);
    listing.labels.push_back(static_cast<std::int32_t>(at - wnids.begin()));
    if (!is_there(listing.files.back()))
      throw mistake(annotations.string(), ": line ", line, ": ", listing.files.back().string(), " is not there");
  }
  if (listing.files.empty()) throw mistake(annotations.string(), ": names no images");
  return listing;
}

}  // namespace

std::vector<std::string> subfolders(const Path& folder) {
  std::vector<std::string> names;
  for (std::string& name : names_in(folder))
    if (!is_hidden_name(name) && is_folder(folder / name)) names.push_back(std::move(name));
  return names;
}

LabelledFiles interleave(const std::vector<ClassFiles>& classes) {
  LabelledFiles all;
  std::size_t longest = 0;
  for (const ClassFiles& c : classes) longest = std::max(longest, c.files.size());
  for (std::size_t i = 0; i < longest; ++i)
    for (const ClassFiles& c : classes) {
      if (i >= c.files.size()) continue;
      all.files.push_back(c.files[i]);
      all.labels.push_back(c.label);
    }
  return all;
}

std::vector<Annotation> parse_annotations(const Path& path, std::string_view text) {
  std::vector<Annotation> all;
  std::size_t number = 0;
  for (const std::string& line : lines_of(text)) {
    ++number;
    if (line.empty()) continue;
    const std::size_t first = line.find('\t');
    const std::size_t second = first == std::string::npos ? first : line.find('\t', first + 1);
    Annotation a{line.substr(0, first), first == std::string::npos ? "" : line.substr(first + 1, second - first - 1),
                 number};
    if (a.file.empty() || a.wnid.empty())
      throw mistake(path.string(), ": line ", number, ": expected file, tab, class, tab and four numbers");
    if (a.file.find('/') != std::string::npos || a.file.find('\0') != std::string::npos || a.file == "..")
      throw mistake(path.string(), ": line ", number, ": the name of the image is no plain file name");
    all.push_back(std::move(a));
  }
  return all;
}

Dataset load_image_folder(const std::string& where, const DatasetOptions& options) {
  if (where.empty()) throw mistake("data"_field, " folder needs a folder: ", "data"_field, " folder:DIR");
  if (!is_folder(where)) throw mistake(where, ": no such folder (", "data"_field, " folder:DIR)");
  const Halves folders = halves_of(where);
  const Path &train = folders.train, &test = folders.test;
  if (options.train == Half::required && train.empty())
    throw mistake(where, ": has no folder train/ with a folder a class; it serves as a test set only");
  if (options.test == Half::required && test.empty())
    throw mistake(where, ": has no folder test/ or val/ with a folder a class");

  Dataset set;
  const Path& names = train.empty() ? test : train;
  set.class_folders = set.class_names = subfolders(names);
  set.has_class_names = true;
  set.classes = static_cast<int>(set.class_names.size());
  if (set.classes < 2) throw mistake(names.string(), ": ", set.classes, " class folders, expected at least 2");
  LabelledFiles halves[2];
  PassedOver passed_over;
  if (!train.empty() && options.train != Half::skip)
    halves[0] = list_half(train, set.class_folders, set.class_folders, passed_over);
  if (!test.empty() && options.test != Half::skip) {
    const std::vector<std::string> present = subfolders(test);
    for (const std::string& name : present)
      if (!std::binary_search(set.class_folders.begin(), set.class_folders.end(), name))
        throw mistake((test / name).string(), ": a class that ", train.string(), " does not have");
    halves[1] = list_half(test, set.class_folders, present, passed_over);
  }
  if (const std::string note = note_of(passed_over); !note.empty()) set.notes.push_back(where + ": " + note);
  if (!folders.unused.empty())
    set.notes.push_back(str(where, ": folders that are neither train nor test: ", listed(folders.unused)));
  const LabelledFiles& either = halves[0].files.empty() ? halves[1] : halves[0];
  if (either.files.empty()) return set;
  const ImageHeader first = read_image_header(either.files[0]);
  bool is_grey = true;
  for (const LabelledFiles& half : halves)
    for (const Path& file : half.files)
      if (is_grey && read_image_header(file).channels > 2) is_grey = false;
  for (std::size_t h = 0; h < 2; ++h)
    if (!halves[h].files.empty())
      (h == 0 ? set.train : set.test) =
          decode("folder", options, halves[h], first.height, first.width, is_grey ? 1 : 3);
  if (set.train.count > 0) measure_normalization(set.train, set.mean, set.std);
  return set;
}

Dataset load_tiny_imagenet(const std::string& where, const DatasetOptions& options) {
  if (where.empty()) throw mistake("data"_field, " tiny-imagenet needs the unpacked folder: tiny-imagenet:DIR");
  const Path inner = Path(where) / "tiny-imagenet-200";
  const Path folder = is_folder(inner) ? inner : Path(where);
  Dataset set;
  const std::vector<std::string> wnids = set.class_folders = read_wnids(folder / "wnids.txt");
  const auto words = read_words(folder / "words.txt");
  std::map<std::string, int> uses;
  for (const std::string& wnid : wnids)
    ++uses[set.class_names.emplace_back(words.contains(wnid) ? words.at(wnid) : wnid)];
  for (std::size_t c = 0; c < wnids.size(); ++c)  // two cranes, one of them a bird
    if (std::string& name = set.class_names[c]; uses.at(name) > 1) name += " (" + wnids[c] + ")";
  set.has_class_names = true;
  set.classes = static_cast<int>(wnids.size());
  const auto is_wanted = [&](Half half, const char* name) {
    return half == Half::required || (half == Half::optional && is_folder(folder / name));
  };
  PassedOver passed_over;
  if (is_wanted(options.train, "train"))
    set.train = decode("tiny-imagenet", options, list_classes(folder / "train", wnids, wnids, passed_over), kTinySide,
                       kTinySide, 3);
  passed_over.erase(".txt");  // boxes of the objects
  if (const std::string note = note_of(passed_over); !note.empty()) set.notes.push_back(where + ": " + note);
  if (is_wanted(options.test, "val"))
    set.test = decode("tiny-imagenet", options, list_validation(folder / "val", wnids), kTinySide, kTinySide, 3);
  set.mean = {0.4802f, 0.4481f, 0.3975f};
  set.std = {0.2770f, 0.2691f, 0.2821f};
  return set;
}

}  // namespace kelvin
