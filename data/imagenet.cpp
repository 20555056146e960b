#include "data/imagenet.h"

#include <algorithm>
#include <map>
#include <memory>

#include "data/image_file.h"
#include "data/image_folders.h"
#include "data/image_listing.h"
#include "data/imagenet_classes.h"
#include "data/imagenet_lists.h"
#include "engine/input_file.h"
#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr const char* kGroundTruth = "ILSVRC2012_validation_ground_truth.txt";

// The images of a folder before a list chooses among them, with labels of −1 where no folder says the class.
struct Found {
  Path root;  // where the class folders or the images lie
  LabelledFiles images;
  int folders = 0;  // of classes; 0: the images lie side by side
  std::vector<std::string> notes;
};

Path validation_folder(const Path& where) {
  for (const char* name : {"val", "validation", "ILSVRC2012_img_val", "Data/CLS-LOC/val"})
    if (is_folder(where / name)) return where / name;
  return where;
}

std::int64_t number_of(const Path& file) { return validation_number(file.stem().string()); }

// By the numbers of the validation set where all names have one, else one of each class in turn.
LabelledFiles in_order(const std::vector<ClassFiles>& classes) {
  LabelledFiles images = interleave(classes);
  if (!std::all_of(images.files.begin(), images.files.end(), [](const Path& file) { return number_of(file) > 0; }))
    return images;
  std::vector<std::size_t> order(images.files.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return number_of(images.files[a]) < number_of(images.files[b]); });
  LabelledFiles sorted;
  for (const std::size_t i : order) {
    sorted.files.push_back(images.files[i]);
    sorted.labels.push_back(images.labels[i]);
  }
  return sorted;
}

Found find_images(const Path& where) {
  Found found{validation_folder(where), {}, 0, {}};
  PassedOver passed_over;
  std::vector<ClassFiles> classes;
  std::vector<std::string> foreign;
  for (const std::string& name : subfolders(found.root)) {
    const std::optional<int> label = imagenet_classes().find(name);
    if (label)
      classes.push_back({*label, images_below(found.root / name, passed_over)});
    else
      foreign.push_back(name);
  }
  found.folders = static_cast<int>(classes.size());
  if (classes.empty() && holds_images(found.root)) {
    ClassFiles all{-1, {}};
    for (const std::string& name : names_in(found.root))
      if (!is_hidden_name(name) && is_image_name(name) && !is_folder(found.root / name))
        all.files.push_back(found.root / name);
    classes.push_back(std::move(all));
  }
  if (classes.empty() && !foreign.empty())
    throw mistake(found.root.string(), ": its folders are no classes of ImageNet (", briefly_listed(foreign),
                  "), expected wnids such as n01440764; ", "data"_field, " folder:DIR takes other classes");
  found.images = in_order(classes);
  if (found.images.files.empty())
    throw mistake(found.root.string(), ": holds no images; expected WNID/*.JPEG or ILSVRC2012_val_*.JPEG");
  if (!foreign.empty() && found.folders > 0)
    found.notes.push_back(str(found.root.string(), ": folders that are no classes of ImageNet: ", listed(foreign)));
  if (const std::string note = note_of(passed_over); !note.empty())
    found.notes.push_back(found.root.string() + ": " + note);
  return found;
}

// The development kit's labels, in the folder, beside its images, or in the kit's folder as unpacked.
std::optional<Path> find_ground_truth(const Path& where, const Path& root) {
  for (const Path& folder : {where, root, root / ".."})
    for (const char* inner : {".", "data", "ILSVRC2012_devkit_t12/data"})
      if (const Path path = (folder / inner / kGroundTruth).lexically_normal(); is_there(path)) return path;
  return std::nullopt;
}

// Labels for images that lie side by side.
void label_by_number(const Path& where, Found& found) {
  const std::optional<Path> path = find_ground_truth(where, found.root);
  if (!path)
    throw mistake(found.root.string(),
                  ": images without class folders; their labels are read from the development kit's ", kGroundTruth,
                  " in ", where.string(), ", or from ", "images"_field, " with a class after each name");
  const std::vector<std::int32_t> labels = read_ground_truth(*path);
  for (std::size_t i = 0; i < found.images.files.size(); ++i) {
    const std::int64_t number = number_of(found.images.files[i]);
    if (number < 1 || number > std::ssize(labels))
      throw mistake(found.images.files[i].string(), ": not one of the ", labels.size(), " images of ", path->string(),
                    ", ILSVRC2012_val_00000001 and so on");
    found.images.labels[i] = labels[static_cast<std::size_t>(number - 1)];
  }
}

// The images of the list, in its order, with its labels where no folder says the class.
LabelledFiles chosen(const Path& list, const Found& found) {
  std::map<std::string, std::vector<std::size_t>> places;  // by stem
  for (std::size_t i = 0; i < found.images.files.size(); ++i)
    places[found.images.files[i].stem().string()].push_back(i);
  LabelledFiles all;
  for (const ListedImage& image : read_image_list(list)) {
    std::vector<std::size_t> fitting = places.contains(image.stem) ? places.at(image.stem) : std::vector<std::size_t>();
    std::erase_if(fitting, [&](std::size_t i) {
      const std::int32_t label = found.images.labels[i];
      return label >= 0 && image.label && label != *image.label;
    });
    if (fitting.size() != 1)
      throw mistake(list.string(), ": line ", image.line, ": ", image.folder, image.folder.empty() ? "" : "/",
                    image.stem, fitting.empty() ? " is not in " : " stands several times in ", found.root.string());
    const std::int32_t label = found.images.labels[fitting[0]];
    all.files.push_back(found.images.files[fitting[0]]);
    all.labels.push_back(label >= 0 ? label : image.label.value_or(-1));
  }
  return all;
}

}  // namespace

Dataset load_imagenet(const std::string& where, const DatasetOptions& options) {
  if (where.empty()) throw mistake("data"_field, " imagenet needs the folder: imagenet:DIR");
  if (!is_folder(where)) throw mistake(where, ": no such folder (", "data"_field, " imagenet:DIR)");
  if (options.train == Half::required)
    throw mistake("data"_field, " imagenet is for evaluation and has no training half; ", "data"_field,
                  " folder:DIR trains on images of one size");
  const ImagenetClasses& classes = imagenet_classes();
  Dataset set;
  set.classes = kImagenetClasses;
  set.class_folders = classes.wnids;
  set.class_names = classes.names;
  set.has_class_names = true;
  set.mean = {0.485f, 0.456f, 0.406f};
  set.std = {0.229f, 0.224f, 0.225f};
  if (options.test == Half::skip) return set;

  Found found = find_images(where);
  set.notes = std::move(found.notes);
  const bool is_chosen = !options.images.empty();
  if (is_chosen) found.images = chosen(options.images, found);
  if (std::find(found.images.labels.begin(), found.images.labels.end(), -1) != found.images.labels.end())
    label_by_number(where, found);
  if (found.folders > 0 && found.folders < kImagenetClasses)
    set.notes.push_back(str(found.root.string(), ": ", found.folders, " of ImageNet's ", kImagenetClasses,
                            " class folders; each is the class of its wnid in the whole list"));

  const auto files = std::make_shared<const std::vector<Path>>(std::move(found.images.files));
  for (std::size_t i = 0; i < files->size(); ++i) {
    const std::string& wnid = classes.wnids[static_cast<std::size_t>(found.images.labels[i])];
    set.test_files.push_back(wnid + "/" + (*files)[i].filename().string());
  }
  const int side = options.preparation.crop;
  set.test = {std::ssize(*files), side, side, 3, {}, {}, std::move(found.images.labels)};
  set.test.reader = [files, preparation = options.preparation](std::int64_t i, std::uint8_t* out) {
    read_prepared_image((*files)[static_cast<std::size_t>(i)], preparation, out);
  };
  return set;
}

}  // namespace kelvin
