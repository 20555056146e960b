// Tiny-ImageNet as it is unpacked: four training and two validation images of two classes.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "data/dataset.h"
#include "data/fetch.h"
#include "data/verify.h"
#include "tests/data/archive_writer.h"
#include "tests/data/image_writer.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::read_text;
using testing::write_image;
using testing::zip_archive;
using testing::ZipEntry;

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

class TinyImageNet : public ::testing::Test {
 protected:
  TinyImageNet() {
    setenv("KELVIN_CACHE", (folder_ / "cache").c_str(), 1);
    write_text(folder_ / "tiny/wnids.txt", "n02\nn01\n");  // not sorted, as published
    write_text(folder_ / "tiny/words.txt", "n01\tgoldfish, Carassius auratus\nn02\tspider\nn99\tother\n");
    for (const char* wnid : {"n01", "n02"})
      for (int i = 0; i < 2; ++i)
        write_image(
            folder_ / ("tiny/train/" + std::string(wnid) + "/images/" + wnid + "_" + std::to_string(i) + ".JPEG"), 64,
            64, 3, i);
    write_image(folder_ / "tiny/val/images/val_0.JPEG", 64, 64, 3, 5);
    write_image(folder_ / "tiny/val/images/val_1.JPEG", 64, 64, 1, 6);  // grey, as some are
    write_text(folder_ / "tiny/val/val_annotations.txt", "val_0.JPEG\tn02\t0\t0\t9\t9\nval_1.JPEG\tn01\t0\t0\t9\t9\n");
  }
  ~TinyImageNet() override { unsetenv("KELVIN_CACHE"); }
  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }
  testing::TemporaryFolder folder_;
  const std::string set_ = "tiny-imagenet:" + at("tiny");
};

TEST_F(TinyImageNet, SortedClasses) {
  const Dataset set = load_dataset(set_, {});
  EXPECT_EQ(set.class_folders, (std::vector<std::string>{"n01", "n02"}));
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"goldfish", "spider"}));
  EXPECT_EQ(set.train.labels, (std::vector<std::int32_t>{0, 1, 0, 1}));
  EXPECT_EQ(set.test.labels, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(set.test.height, 64);
  const std::uint8_t* const grey = set.test.bytes.data() + set.test.pixels();
  EXPECT_TRUE(grey[0] == grey[1] && grey[1] == grey[2]);
}

TEST_F(TinyImageNet, Mistakes) {
  const auto load = [&] { (void)load_dataset(set_, {.train = Half::skip}); };
  const auto annotations = folder_ / "tiny/val/val_annotations.txt";
  write_text(annotations, "val_0.JPEG\tn02\t0\nval_1.JPEG n01\n");
  EXPECT_THAT(mistake_of(load), HasSubstr("line 2: expected file, tab"));
  write_text(annotations, "val_0.JPEG\tn03\t0\n");
  EXPECT_THAT(mistake_of(load), HasSubstr("line 1: class n03 is not"));
  write_text(annotations, "\nval_9.JPEG\tn01\t0\n");
  EXPECT_THAT(mistake_of(load), HasSubstr("line 2: " + at("tiny/val/images/val_9.JPEG") + " is not there"));
  write_text(annotations, "../../secret.png\tn01\t0\n");
  EXPECT_THAT(mistake_of(load), HasSubstr("no plain file name"));
  write_text(annotations, "val_0.JPEG\tn01\t0\n");
  write_image(folder_ / "tiny/val/images/val_0.JPEG", 32, 64, 3, 1);
  EXPECT_THAT(mistake_of(load), HasSubstr("val_0.JPEG: 32x64 pixels, expected 64x64"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "cache"));
}

// A name stands for one thing: neither an image nor a class is counted twice, and two classes of one name are told apart.
TEST_F(TinyImageNet, NamesThatCollide) {
  const auto load = [&] { return load_dataset(set_, {}); };
  const auto mistake = [&] { return mistake_of([&] { (void)load(); }); };
  const auto annotations = folder_ / "tiny/val/val_annotations.txt";
  const std::string whole = read_text(annotations);
  for (const char* wnid : {"n01", "n02"}) {  // with another label, and with the same
    write_text(annotations, whole + "val_0.JPEG\t" + wnid + "\t0\t0\t9\t9\n");
    EXPECT_EQ(mistake(), annotations.string() + ": line 3: val_0.JPEG stands on line 1 too");
  }
  write_text(annotations, whole + "val_2.JPEG\tn99\t0\t0\t9\t9\n");  // words.txt knows it, wnids.txt does not
  EXPECT_EQ(mistake(), annotations.string() + ": line 3: class n99 is not in wnids.txt");
  write_text(annotations, whole);
  const auto wnids = folder_ / "tiny/wnids.txt";
  write_text(wnids, "n02\n\nn01\r\nn02\n");
  EXPECT_EQ(mistake(), wnids.string() + ": line 4: class n02 stands on line 1 too");
  write_text(wnids, "\n");
  EXPECT_EQ(mistake(), wnids.string() + ": names no classes");
  write_text(wnids, "n02\nn01\n");
  write_text(folder_ / "tiny/words.txt", "n01\tcrane, a bird\nn02\tcrane\n");
  EXPECT_EQ(load().class_names, (std::vector<std::string>{"crane (n01)", "crane (n02)"}));
}

// Images that are only checked, or are in a temporary folder, are not added to the cache.
TEST_F(TinyImageNet, AFetchedSetIsCheckedPastTheCache) {
  std::vector<ZipEntry> entries;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ / "tiny"))
    if (entry.is_regular_file())
      entries.push_back({"tiny-imagenet-200/" + std::filesystem::relative(entry.path(), folder_ / "tiny").string(),
                         read_text(entry.path())});
  write_text(folder_ / "home/tiny-imagenet-200.zip", zip_archive(entries));
  FetchOptions options;
  options.folder = folder_ / "data";
  options.home = "file://" + at("home");
  options.is_quiet = true;
  EXPECT_THAT(mistake_of([&] { (void)fetch(find_data_source("tiny-imagenet"), options); }),
              HasSubstr("what came is not the published set: train: 4 images, published 100000"));
  const Verification v = verify(folder_ / "tiny");
  ASSERT_EQ(v.parts.size(), 2u);
  EXPECT_EQ(v.parts[0].images, 4);
  EXPECT_EQ(v.parts[1].images, 2);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "cache"));
  (void)load_dataset(set_, {});
  EXPECT_TRUE(std::filesystem::exists(folder_ / "cache"));
}

}  // namespace
}  // namespace kelvin
