// ImageNet for evaluation: the layouts of its folders, labels, lists, and images that are read as they are used.
#include "data/imagenet.h"

#include <gmock/gmock.h>
#include <omp.h>

#include <fstream>
#include <map>
#include <set>

#include "data/corrupted_files.h"
#include "data/corruptions.h"
#include "data/imagenet_classes.h"
#include "data/imagenet_lists.h"
#include "data/tensor_batch.h"
#include "tests/data/image_writer.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::mistake_of;
using testing::TemporaryFolder;
using testing::write_image;

// The labels of the first validation images, as Caffe's val.txt, the kit's ground truth and the published class folders have them.
constexpr int kKitNumbers[] = {490, 361, 171, 822, 297, 482}, kLabels[] = {65, 970, 230, 809, 516, 57};
constexpr const char* kWnids[] = {"n01751748", "n09193705", "n02105855", "n04263257", "n03125729", "n01735189"};

TEST(ImagenetClasses, AreThoseOfTheValidationSet) {
  const ImagenetClasses& classes = imagenet_classes();
  ASSERT_EQ(classes.wnids.size(), 1000u);
  EXPECT_TRUE(std::is_sorted(classes.wnids.begin(), classes.wnids.end()));
  EXPECT_EQ(std::set<int>(classes.by_number.begin(), classes.by_number.end()).size(), 1000u);
  EXPECT_EQ(std::set<std::string>(classes.names.begin(), classes.names.end()).size(), 1000u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(classes.by_number[static_cast<std::size_t>(kKitNumbers[i] - 1)], kLabels[i]);
    EXPECT_EQ(classes.find(kWnids[i]), kLabels[i]);
  }
  EXPECT_EQ(classes.names[0], "tench");
  EXPECT_EQ(classes.names[134], "crane (n02012849)");
  EXPECT_EQ(classes.find("n00000001"), std::nullopt);
}

class Imagenet : public ::testing::Test {
 protected:
  static std::string name_of(int number) {
    char text[40];
    std::snprintf(text, sizeof text, "ILSVRC2012_val_%08d.JPEG", number);
    return text;
  }
  // Images 1 to 6 in class folders below `to`; of various sizes, one of them grey.
  void write_folders(const std::string& to, int side = 0) {
    for (int i = 1; i <= 6; ++i)
      write_image(folder_ / (to + "/" + kWnids[i - 1] + "/" + name_of(i)), side > 0 ? side : 20 + 9 * i,
                  side > 0 ? side : 70 - 8 * i, i == 4 ? 1 : 3, i);
  }
  void write_flat(const std::string& to) {
    for (int i = 1; i <= 6; ++i)
      write_image(folder_ / (to + "/" + name_of(i)), 20 + 9 * i, 70 - 8 * i, i == 4 ? 1 : 3, i);
  }
  void write_text(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name) << text;
  }
  [[nodiscard]] Dataset load(const std::string& where = "", const std::string& list = "") const {
    DatasetOptions o{.train = Half::skip, .images = list.empty() ? "" : (folder_ / list).string()};
    o.preparation = {.resize = 32, .crop = 28};
    return load_dataset("imagenet:" + (folder_ / where).string(), o);
  }
  static std::vector<std::uint8_t> pixels_of(const ImageSet& set) {
    std::vector<std::uint8_t> all(static_cast<std::size_t>(set.count * set.pixels()));
    for (std::int64_t i = 0; i < set.count; ++i) set.copy_image(i, all.data() + i * set.pixels());
    return all;
  }
  std::string refusal(const std::string& where, const std::string& list = "") {
    return mistake_of([&] { (void)load(where, list); });
  }
  TemporaryFolder folder_;
};

// Class folders and the flat folder hold the same images: the same set, in the order of the validation set.
TEST_F(Imagenet, FoldersAndTheKitsLayoutAreTheSameSet) {
  write_folders("folders/val");
  write_folders("bare");
  write_flat("flat/val");
  std::string truth;
  for (const int number : kKitNumbers) truth += std::to_string(number) + "\n";
  write_text("flat/ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt", truth);
  const Dataset folders = load("folders");
  EXPECT_EQ(folders.classes, 1000);
  EXPECT_THAT(folders.test.labels, ElementsAre(65, 970, 230, 809, 516, 57));
  EXPECT_THAT(folders.test_files[1], "n09193705/ILSVRC2012_val_00000002.JPEG");
  EXPECT_THAT(folders.notes, ElementsAre(HasSubstr("6 of ImageNet's 1000 class folders")));
  EXPECT_THAT(folders.test.bytes, IsEmpty());
  for (const char* other : {"bare", "flat"}) {
    const Dataset set = load(other);
    EXPECT_EQ(set.test.labels, folders.test.labels) << other;
    EXPECT_EQ(set.test_files, folders.test_files) << other;
    EXPECT_EQ(pixels_of(set.test), pixels_of(folders.test)) << other;
  }
  EXPECT_THAT(load("flat").notes, IsEmpty());
  EXPECT_EQ(load_dataset("imagenet:" + (folder_ / "bare").string(), {.train = Half::skip, .test_limit = 2}).test.count,
            2);
}

// Files with other names (subsets of the training images) come in turns, so that the first of them hold all classes.
TEST_F(Imagenet, OtherNamesComeInTurns) {
  for (const std::string wnid : {"n01440764", "n03888257"})
    for (const std::string image : {"_1.JPEG", "_2.JPEG"})
      write_image(folder_ / (wnid + "/" + wnid + image), 40, 40, 3, 1);
  write_text("n01440764/readme.txt", "no image");
  write_text("other/x", "");
  const Dataset set = load();
  EXPECT_THAT(set.test.labels, ElementsAre(0, 701, 0, 701));
  EXPECT_THAT(set.notes, ElementsAre(HasSubstr("no classes of ImageNet: other"),
                                     HasSubstr("passed over 1 file: 1 .txt"), HasSubstr("2 of ImageNet's 1000")));
}

TEST_F(Imagenet, ListsChooseImagesInTheirOrder) {
  write_folders("val");
  const auto expect_two = [&](const std::string& text) {
    write_text("list.txt", text);
    const Dataset set = load("", "list.txt");
    EXPECT_THAT(set.test.labels, ElementsAre(230, 65)) << text;
    EXPECT_THAT(set.test_files,
                ElementsAre("n02105855/ILSVRC2012_val_00000003.JPEG", "n01751748/ILSVRC2012_val_00000001.JPEG"));
  };
  expect_two("val/n02105855/ILSVRC2012_val_00000003.JPEG 230\nval/n01751748/ILSVRC2012_val_00000001.JPEG 65\n");
  expect_two("n02105855/ILSVRC2012_val_00000003.JPEG\r\n\r\nn01751748/ILSVRC2012_val_00000001.JPEG\r\n");
  expect_two("ILSVRC2012_val_00000003.JPEG\tn02105855\nILSVRC2012_val_00000001.JPEG\tn01751748");
  expect_two(
      "ImageId,PredictionString\nILSVRC2012_val_00000003,n02105855 85 1 499 272\nILSVRC2012_val_00000001,n01751748 1 2 "
      "3 4\n");
  // Caffe's val.txt is the list and the labels of a flat folder.
  write_flat("flat");
  expect_two("ILSVRC2012_val_00000003.JPEG 230\nILSVRC2012_val_00000001.JPEG 65\n");
  EXPECT_THAT(load("flat", "list.txt").test.labels, ElementsAre(230, 65));
}

TEST_F(Imagenet, MistakesNameFileAndLine) {
  write_folders("set/val");
  write_flat("flat");
  std::filesystem::create_directories(folder_ / "empty");
  std::filesystem::create_directories(folder_ / "strange/cats");
  EXPECT_THAT(refusal("absent"), HasSubstr("absent: no such folder"));
  EXPECT_THAT(refusal("empty"), HasSubstr("empty: holds no images; expected WNID/*.JPEG"));
  EXPECT_THAT(refusal("strange"), HasSubstr("no classes of ImageNet (cats), expected wnids such as n01440764"));
  EXPECT_THAT(refusal("flat"), HasSubstr("ILSVRC2012_validation_ground_truth.txt"));
  write_text("flat/ILSVRC2012_validation_ground_truth.txt", "490\n361\n");
  EXPECT_THAT(refusal("flat"), HasSubstr("ILSVRC2012_val_00000003.JPEG: not one of the 2 images"));
  write_text("flat/ILSVRC2012_validation_ground_truth.txt", "490\nn0\n");
  EXPECT_THAT(refusal("flat"), HasSubstr("line 2: expected one number from 1 to 1000"));
  EXPECT_THAT(refusal("set", "none.txt"), HasSubstr("none.txt"));
  const std::map<std::string, std::string> lists = {
      {"ILSVRC2012_val_00000009.JPEG", "line 1: ILSVRC2012_val_00000009 is not in"},
      {"n01751748/ILSVRC2012_val_00000001.JPEG 66", "line 1: says class 66, but n01751748 is class 65"},
      {"ILSVRC2012_val_00000001.JPEG 66", "line 1: ILSVRC2012_val_00000001 is not in"},
      {"ILSVRC2012_val_00000001.JPEG 1000", "line 1: 1000 is no class; expected 0 to 999"},
      {"ILSVRC2012_val_00000001.JPEG\nILSVRC2012_val_00000001", "line 2: ILSVRC2012_val_00000001 stands on line 1 too"},
      {"\n", "names no images"}};
  for (const auto& [text, says] : lists) {
    write_text("list.txt", text);
    EXPECT_THAT(refusal("set", "list.txt"), HasSubstr(says)) << text;
  }
  EXPECT_THAT(mistake_of([&] { (void)load_dataset("imagenet:" + (folder_ / "set").string(), {}); }),
              HasSubstr("imagenet is for evaluation and has no training half"));
  EXPECT_THAT(mistake_of([&] { (void)load_dataset("synthetic", {.images = "x"}); }),
              HasSubstr("--images lists images of imagenet"));
}

// A damaged file is named when its turn comes, whichever thread decodes it.
TEST_F(Imagenet, DamagedFilesAreNamed) {
  write_folders("val");
  const auto damaged = folder_ / ("val/n04263257/" + name_of(4));
  std::filesystem::resize_file(damaged, std::filesystem::file_size(damaged) / 2);
  const Dataset set = load();
  EXPECT_NO_THROW((void)tensor_batch(set.test, 0, 3, {}));
  EXPECT_THAT(mistake_of([&] { (void)tensor_batch(set.test, 0, 6, {}); }),
              HasSubstr(damaged.string() + ": damaged JPEG"));
  for (const bool reads_ahead : {false, true}) {
    BatchReader reader(set.test, {}, reads_ahead);
    EXPECT_EQ(reader.read(0, 3, 3).images.dim(0), 3);
    EXPECT_THAT(mistake_of([&] { (void)reader.read(3, 3, 6); }), HasSubstr(damaged.string() + ": damaged JPEG"));
  }
}

TEST_F(Imagenet, PartsAndBatchesAreTheSameForAnyThreadsAndReadingAhead) {
  write_folders("val");
  const ImageSet set = load().test;
  const std::vector<float> whole = tensor_batch(set, 0, 6, {}).images.to_host<float>();
  const auto rows = [&](std::int64_t first, std::int64_t n) {
    return std::vector<float>(whole.begin() + first * set.pixels(), whole.begin() + (first + n) * set.pixels());
  };
  const int threads = omp_get_max_threads();
  for (const int t : {1, 3}) {
    omp_set_num_threads(t);
    for (const bool reads_ahead : {false, true}) {
      BatchReader reader(set, {}, reads_ahead);
      EXPECT_EQ(reader.read(0, 4, 4).images.to_host<float>(), rows(0, 4));
      EXPECT_EQ(reader.read(4, 2, 8).images.to_host<float>(), rows(4, 2));
      EXPECT_EQ(reader.read(1, 2, 5).images.to_host<float>(), rows(1, 2));  // another than was read ahead next
      EXPECT_EQ(reader.read(0, 2, 2).images.to_host<float>(), rows(0, 2));
    }
  }
  omp_set_num_threads(threads);
  EXPECT_EQ(tensor_batch(set.first(2), 1, 1, {}).images.to_host<float>(), rows(1, 1));
  EXPECT_EQ(tensor_batch(set.from(4), 0, 2, {}).images.to_host<float>(), rows(4, 2));
  EXPECT_EQ(tensor_batch(set.select({5, 3}), 1, 1, {}).images.to_host<float>(), rows(3, 1));
  EXPECT_EQ(set.select({5, 3}).labels, (std::vector<std::int32_t>{57, 809}));
}

// Corrupted as they are read: the images that the same set in memory gives.
TEST_F(Imagenet, CorruptionsAreThoseOfTheSetInMemory) {
  write_folders("val");
  const ImageSet set = load().test;
  ImageSet in_memory{set.count, set.height, set.width, set.channels, pixels_of(set), {}, set.labels};
  for (const char* name : {"gaussian_noise", "jpeg_compression", "frost"}) {
    const ImageSet corrupted = corrupt(set, name, 3, 5);
    EXPECT_THAT(corrupted.bytes, IsEmpty());
    EXPECT_EQ(corrupted.labels, set.labels);
    EXPECT_EQ(pixels_of(corrupted), corrupt(in_memory, name, 3, 5).bytes) << name;
  }
  EXPECT_THAT(mistake_of([&] { CorruptedWriter(folder_ / "c", {3}).require({"fog"}, set); }), HasSubstr("--save"));
}

// Published ImageNet-C: the file of each clean image, by its name, stored at the size of the crop.
TEST_F(Imagenet, CorruptedFoldersAreMatchedByName) {
  write_folders("val");
  write_folders("c/fog/2", 28);
  write_folders("c/fog/1", 28);
  write_text("list.txt", "ILSVRC2012_val_00000005\nILSVRC2012_val_00000002\n");
  const Dataset clean = load("", "list.txt");
  CorruptedFiles files(folder_ / "c", clean);
  EXPECT_TRUE(files.is_paired());
  const ImageSet two = files.load("fog", 2, 0);
  EXPECT_THAT(two.labels, ElementsAre(516, 970));
  const std::vector<std::uint8_t> stored = decode_images({folder_ / ("c/fog/2/n03125729/" + name_of(5))}, 28, 28, 3);
  EXPECT_EQ(pixels_of(two.first(1)), stored);
  EXPECT_THAT(files.load("fog", 1, 1).labels, ElementsAre(516));
  std::filesystem::remove(folder_ / ("c/fog/2/n09193705/" + name_of(2)));
  EXPECT_THAT(mistake_of([&] { (void)files.load("fog", 2, 0); }), HasSubstr("n09193705/ILSVRC2012_val_00000002.JPEG"));
  EXPECT_NO_THROW((void)files.load("fog", 2, 1));
}

}  // namespace
}  // namespace kelvin
