// Sets whose images are files, CIFAR-10.1, and the cache of decoded images.
#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>

#include "data/dataset.h"
#include "data/image_file.h"
#include "data/npy.h"
#include "engine/digest.h"
#include "engine/safetensors.h"
#include "tests/data/image_writer.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::read_text;
using testing::write_image;

void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

// A separate cache, so that no test uses that of another test or of the user.
class ImageSets : public ::testing::Test {
 protected:
  ImageSets() { setenv("KELVIN_CACHE", (folder_ / "cache").c_str(), 1); }
  ~ImageSets() override { unsetenv("KELVIN_CACHE"); }
  [[nodiscard]] std::string at(const std::string& name) const { return (folder_ / name).string(); }
  [[nodiscard]] std::vector<std::string> cached() const {
    std::vector<std::string> names;
    if (std::filesystem::exists(folder_ / "cache"))
      for (const auto& entry : std::filesystem::directory_iterator(folder_ / "cache/images"))
        names.push_back(entry.path().filename().string());
    return names;
  }
  testing::TemporaryFolder folder_;
};

TEST(Digest, VectorsOfTheStandards) {
  const auto sha = [](const std::string& text) {
    Digest d(Digest::Kind::sha256);
    d.add(text);
    return d.hex();
  };
  const auto md5 = [](const std::string& text) {
    Digest d(Digest::Kind::md5);
    d.add(text);
    return d.hex();
  };
  EXPECT_EQ(sha(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_F(ImageSets, FolderOfClasses) {
  const auto red = write_image(folder_ / "set/train/b/1.png", 5, 7, 3, 1);
  write_image(folder_ / "set/train/a/x.png", 5, 7, 3, 2);
  write_image(folder_ / "set/train/a/y.PNG.png", 5, 7, 1, 3);
  write_text(folder_ / "set/train/a/notes.txt", "passed over");
  const auto tested = write_image(folder_ / "set/val/b/deep/1.png", 5, 7, 3, 4);
  const Dataset set = load_dataset("folder:" + at("set"), {});
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(set.train.labels, (std::vector<std::int32_t>{0, 1, 0}));  // a/x, b/1, a/y
  EXPECT_EQ(set.train.channels, 3);
  EXPECT_EQ(std::vector<std::uint8_t>(set.train.bytes.begin() + 105, set.train.bytes.begin() + 210), red);
  EXPECT_EQ(set.test.labels, (std::vector<std::int32_t>{1}));
  EXPECT_EQ(set.test.bytes, tested);

  write_image(folder_ / "alone/a/1.png", 4, 4, 1, 1);
  write_image(folder_ / "alone/b/1.png", 4, 4, 1, 2);
  const Dataset alone = load_dataset("folder:" + at("alone"), {.train = Half::skip});
  EXPECT_EQ(alone.test.count, 2);
  EXPECT_EQ(alone.test.channels, 1);
  EXPECT_THAT(mistake_of([&] { (void)load_dataset("folder:" + at("alone"), {}); }), HasSubstr("no folder train/"));
}

// Links are followed as torchvision does; what is hidden or of another kind is passed over and counted.
TEST_F(ImageSets, LinksHiddenFilesAndOtherKinds) {
  const std::filesystem::path set = folder_ / "set", a = set / "train/a";
  write_image(a / "1.png", 4, 4, 3, 1);
  write_image(set / "train/b/1.png", 4, 4, 3, 2);
  write_image(folder_ / "elsewhere/deep/2.png", 4, 4, 3, 3);
  write_image(folder_ / "c/3.png", 4, 4, 3, 4);
  std::filesystem::create_directory_symlink(folder_ / "elsewhere", a / "linked");
  std::filesystem::create_directory_symlink(set / "train", a / "deep_loop");  // back to a parent folder
  std::filesystem::create_directory_symlink(folder_ / "c", set / "train/c");  // a class that is a link
  std::filesystem::create_symlink(folder_ / "c/3.png", a / "4.png");
  std::filesystem::create_symlink(folder_ / "nothing.png", a / "5.png");
  for (const char* name :
       {"._1.png", ".DS_Store", "x.tif", "y.TIF", "z.webp", "README", "beside/6.png/not_an_image.txt"})
    write_text(a / name, "x");
  write_image(a / ".ipynb_checkpoints/1.png", 4, 4, 3, 1);
  write_image(a / "__MACOSX/1.png", 4, 4, 3, 1);
  write_image(set / "train/__MACOSX/1.png", 4, 4, 3, 1);
  write_image(set / "train/stray.png", 4, 4, 3, 1);
  const Dataset data = load_dataset("folder:" + set.string(), {.test = Half::skip});
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(data.train.labels, (std::vector<std::int32_t>{0, 1, 2, 0, 0}));  // a: 1.png, 4.png, linked/deep/2.png
  ASSERT_EQ(data.notes.size(), 1u);
  EXPECT_EQ(data.notes[0],
            set.string() +
                ": passed over 12 files: 2 .tif, 1 .txt, 1 .webp, 1 beside the class folders, 4 hidden, 1 in a "
                "circle, 1 leading nowhere, 1 without extension (PNG, JPEG and BMP images are read)");
}

TEST_F(ImageSets, BitmapsAreRead) {
  const std::string header("BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\1\0\0\0\1\0\0\0\1\0\x18\0", 30);
  const auto first_pixel = [&] {
    const Dataset data = load_dataset("folder:" + at("set"), {.train = Half::skip});
    EXPECT_TRUE(data.notes.empty());
    return std::vector<std::uint8_t>(data.test.bytes.begin(), data.test.bytes.begin() + 3);
  };
  write_text(folder_ / "set/a/1.bmp", header + std::string(24, '\0') + std::string("\1\2\3\0", 4));
  write_image(folder_ / "set/b/1.png", 1, 1, 3, 2);
  EXPECT_EQ(first_pixel(), (std::vector<std::uint8_t>{3, 2, 1}));
  // Another pixel under the same name, size and time of modification: the cache also compares inode and time of change.
  const auto time = std::filesystem::last_write_time(folder_ / "set/a/1.bmp");
  write_text(folder_ / "set/a/1.bmp", header + std::string(24, '\0') + std::string("\1\2\4\0", 4));
  std::filesystem::last_write_time(folder_ / "set/a/1.bmp", time);
  EXPECT_EQ(first_pixel(), (std::vector<std::uint8_t>{4, 2, 1}));
  EXPECT_EQ(cached().size(), 1u);
}

// A folder that holds images is a class, even if it has the name of a half.
TEST_F(ImageSets, ClassesNamedLikeHalves) {
  for (const char* name : {"train", "bus", "val"}) write_image(folder_ / "trips" / name / "1.png", 4, 4, 3, 1);
  const Dataset set = load_dataset("folder:" + at("trips"), {.train = Half::skip});
  EXPECT_EQ(set.class_names, (std::vector<std::string>{"bus", "train", "val"}));
  EXPECT_EQ(set.test.count, 3);
  EXPECT_THAT(mistake_of([&] { (void)load_dataset("folder:" + at("trips"), {}); }), HasSubstr("no folder train/"));
  // Halves beside a stray image and another folder stay halves, and notes name both.
  for (const char* path : {"train/a/1.png", "train/b/1.png", "train/stray.png", "test/b/1.png", "extra/1.png"})
    write_image(folder_ / "halves" / path, 4, 4, 3, 1);
  const Dataset halves = load_dataset("folder:" + at("halves"), {});
  EXPECT_EQ(halves.class_names, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(halves.notes.size(), 2u);
  EXPECT_THAT(halves.notes[0], HasSubstr("1 beside the class folders"));
  EXPECT_THAT(halves.notes[1], HasSubstr("folders that are neither train nor test: extra"));
}

// --limit takes the first N images, which must not all be of one class.
TEST_F(ImageSets, ClassesTakeTurnsSoThatTheFirstImagesHoldAll) {
  for (const char* half : {"train", "test"})
    for (const char* name : {"a", "b", "c"})
      for (int i = 0; i < (*name == 'b' ? 1 : 3); ++i)
        write_image(folder_ / ("set/" + std::string(half) + "/" + name + "/" + std::to_string(i) + ".png"), 4, 4, 3,
                    10 * (*name - 'a') + i);
  const Dataset all = load_dataset("folder:" + at("set"), {});
  const std::vector<std::int32_t> labels = {0, 1, 2, 0, 2, 0, 2};
  EXPECT_EQ(all.train.labels, labels);
  EXPECT_EQ(all.test.labels, labels);
  const Dataset first = load_dataset("folder:" + at("set"), {.train_limit = 3, .test_limit = 4});
  EXPECT_EQ(first.train.labels, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(first.test.labels, (std::vector<std::int32_t>{0, 1, 2, 0}));
  EXPECT_TRUE(std::equal(first.test.bytes.begin(), first.test.bytes.end(), all.test.bytes.begin()));
}

TEST_F(ImageSets, FolderMistakes) {
  write_image(folder_ / "set/train/a/1.png", 4, 4, 3, 1);
  write_image(folder_ / "set/train/b/1.png", 4, 5, 3, 1);
  const auto load = [&] { (void)load_dataset("folder:" + at("set"), {.test = Half::skip}); };
  EXPECT_THAT(mistake_of(load), HasSubstr("b/1.png: 4x5 pixels, expected 4x4"));
  write_text(folder_ / "set/train/b/1.png", "no image");
  EXPECT_THAT(mistake_of(load), HasSubstr("b/1.png: not a PNG, JPEG or BMP"));
  write_text(folder_ / "set/train/b/1.png", "");
  EXPECT_THAT(mistake_of(load), HasSubstr("b/1.png: empty"));
  std::filesystem::remove(folder_ / "set/train/b/1.png");
  EXPECT_THAT(mistake_of(load), HasSubstr("train/b: a class folder without"));
  write_image(folder_ / "set/train/b/1.png", 4, 4, 3, 1);
  write_image(folder_ / "set/test/c/1.png", 4, 4, 3, 1);
  EXPECT_THAT(mistake_of([&] { (void)load_dataset("folder:" + at("set"), {}); }), HasSubstr("test/c: a class that"));
  EXPECT_THAT(mistake_of([&] { (void)load_dataset("folder:" + at("nowhere"), {}); }), HasSubstr("no such folder"));
}

TEST_F(ImageSets, ImagesTooLargeAreRefusedByTheirHeader) {
  // A PNG header of 16,000 x 16,000 pixels and no data: nothing may be allocated for it.
  std::string png = "\x89PNG\r\n\x1a\n";
  png +=
      std::string("\0\0\0\x0dIHDR", 8) + std::string("\0\0\x3e\x80\0\0\x3e\x80\x08\x02\0\0\0", 13) + "\xce\x1c\x48\x89";
  const auto bytes = std::as_bytes(std::span(png));
  EXPECT_THAT(mistake_of([&] { (void)decode_image("bomb.png", bytes, 3); }),
              HasSubstr("bomb.png: says it is 16000x16000"));
  std::string none = png;
  none.replace(16, 8, std::string(8, '\0'));
  EXPECT_THAT(mistake_of([&] { (void)decode_image("none.png", std::as_bytes(std::span(none)), 3); }),
              HasSubstr("none.png"));
  write_image(folder_ / "whole.png", 40, 40, 3, 1);
  std::ifstream in(folder_ / "whole.png", std::ios::binary);
  std::string cut{std::istreambuf_iterator<char>(in), {}};
  cut.resize(cut.size() / 2);
  EXPECT_THAT(mistake_of([&] { (void)decode_image("cut.png", std::as_bytes(std::span(cut)), 3); }),
              HasSubstr("cut.png: damaged PNG: the chunk at byte 33 says 215 bytes, 91 are left"));
}

TEST_F(ImageSets, CacheIsUsedWhileTheFilesStayAndReplacedWhenTheyChange) {
  write_image(folder_ / "set/a/1.png", 4, 4, 3, 1);
  write_image(folder_ / "set/b/1.png", 4, 4, 3, 2);
  const auto load = [&] { return load_dataset("folder:" + at("set"), {.train = Half::skip}).test.bytes; };
  const std::vector<std::uint8_t> first = load();
  ASSERT_EQ(cached().size(), 1u);
  const auto entry = folder_ / ("cache/images/" + cached()[0]);
  // Marked, so that reading it shows.
  std::vector<std::uint8_t> marked = first;
  marked[0] ^= 1;
  const SafetensorsEntry images{"U8", {2, 4, 4, 3}, std::as_bytes(std::span(marked))};
  write_safetensors(entry, {{"images", images}}, {});
  EXPECT_EQ(load(), marked);
  // Damaged, by one bit or as a whole: decoded again.
  std::string bytes = read_text(entry);
  bytes.back() ^= 1;
  write_text(entry, bytes);
  EXPECT_EQ(load(), first);
  EXPECT_EQ(load(), first);
  write_text(entry, "damaged");
  EXPECT_EQ(load(), first);
  // Changed files: another entry, and the old one gone.
  write_image(folder_ / "set/b/1.png", 4, 4, 3, 9);
  std::filesystem::last_write_time(folder_ / "set/b/1.png",
                                   std::filesystem::file_time_type::clock::now() + std::chrono::seconds(5));
  EXPECT_NE(load(), first);
  ASSERT_EQ(cached().size(), 1u);
  EXPECT_NE(folder_ / ("cache/images/" + cached()[0]), entry);
}

TEST_F(ImageSets, CacheOfAnotherOrderIsNotServedAndGoes) {
  const auto one = write_image(folder_ / "1.png", 4, 4, 3, 1), two = write_image(folder_ / "2.png", 4, 4, 3, 2);
  const auto first = decode_images_cached("set", {folder_ / "1.png", folder_ / "2.png"}, 4, 4, 3);
  EXPECT_TRUE(std::equal(one.begin(), one.end(), first.begin()));
  const std::vector<std::string> before = cached();
  const auto second = decode_images_cached("set", {folder_ / "2.png", folder_ / "1.png"}, 4, 4, 3);
  EXPECT_TRUE(std::equal(two.begin(), two.end(), second.begin()));
  ASSERT_EQ(cached().size(), 1u);
  EXPECT_NE(cached(), before);
}

TEST_F(ImageSets, CifarTenPointOne) {
  const std::vector<std::uint8_t> pixels(2 * 3072, 9), labels = {3, 9}, bad = {3, 10};
  const auto write = [&](const std::string& version, const std::vector<std::uint8_t>& l) {
    write_npy(folder_ / ("cifar10.1_" + version + "_data.npy"), std::span<const std::uint8_t>(pixels), {2, 32, 32, 3});
    write_npy(folder_ / ("cifar10.1_" + version + "_labels.npy"), std::span<const std::uint8_t>(l), {2});
  };
  const std::string spec = "cifar10.1:" + folder_.path().string();
  EXPECT_THAT(mistake_of([&] { (void)load_dataset(spec, {.train = Half::skip}); }), HasSubstr("holds neither"));
  write("v4", labels);
  EXPECT_EQ(load_dataset(spec, {.train = Half::skip}).test.labels, (std::vector<std::int32_t>{3, 9}));
  EXPECT_THAT(mistake_of([&] { (void)load_dataset(spec, {}); }), HasSubstr("a test set only"));
  write("v6", bad);
  EXPECT_THAT(mistake_of([&] { (void)load_dataset(spec, {.train = Half::skip}); }), HasSubstr("label 10 at row 1"));
}

}  // namespace
}  // namespace kelvin
