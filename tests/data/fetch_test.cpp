// Downloads from a server on this machine, and what `verify` finds in a set that is damaged in different ways.
#include "data/fetch.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "data/digest.h"
#include "data/npy.h"
#include "data/verify.h"
#include "tests/data/http_server.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HttpServer;
using testing::mistake_of;

std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
void write_text(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
}
std::string noise(std::size_t n) {
  std::string text;
  for (std::uint64_t i = 0, x = 1; i < n; ++i) text += static_cast<char>((x = x * 6364136223846793005u + 1) >> 56);
  return text;
}

// A set of one file in one archive, as its home publishes it.
class Fetch : public ::testing::Test {
 protected:
  Fetch() {
    setenv("no_proxy", "127.0.0.1", 1);
    write_text(folder_ / "made/small-set/data.bin", content_);
    const std::string made = (folder_ / "made").string(), archive = (folder_ / "small.tar.gz").string();
    EXPECT_EQ(std::system(("tar -czf '" + archive + "' -C '" + made + "' small-set").c_str()), 0);
    archive_ = read_text(archive);
    source_ = {"small", "", "", "", {{"small.tar.gz", "md5", md5_of(archive)}}, "small-set", ""};
    options_ = {.folder = folder_ / "data", .home = "", .keep_archive = false, .is_quiet = true};
  }
  void expect_complete() const {
    EXPECT_EQ(read_text(folder_ / "data/small-set/data.bin"), content_);
    // Nothing else lies there: no part, no archive, no folder half unpacked.
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_ / "data"), {}), 1);
  }
  testing::TemporaryFolder folder_;
  std::string content_ = noise(100'000), archive_;
  DataSource source_;
  FetchOptions options_;
};

TEST_F(Fetch, DownloadsChecksAndUnpacks) {
  HttpServer server({{"small.tar.gz", archive_}});
  options_.home = server.address();
  const Fetched fetched = fetch(source_, options_);
  expect_complete();
  ASSERT_EQ(fetched.files.size(), 1u);
  EXPECT_TRUE(fetched.files[0].is_checked);
  EXPECT_EQ(fetched.files[0].sha256, sha256_of(folder_ / "small.tar.gz"));
  EXPECT_TRUE(fetch(source_, options_).files.empty());  // is there already
  EXPECT_EQ(server.ranges().size(), 1u);
}

TEST_F(Fetch, GoesOnWhereItWasInterrupted) {
  HttpServer server({{"small.tar.gz", archive_}});
  options_.home = server.address();
  server.cut_after = 30'000;
  EXPECT_THAT(mistake_of([&] { (void)fetch(source_, options_); }), HasSubstr("run the command again to go on"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "data/small-set"));
  const auto arrived = std::filesystem::file_size(folder_ / "data/small.tar.gz.part");
  EXPECT_GE(arrived, 30'000u);
  server.cut_after = 0;
  (void)fetch(source_, options_);
  EXPECT_EQ(server.ranges().back(), std::to_string(arrived) + "-");
  expect_complete();
}

TEST_F(Fetch, StartsAnewWhereTheServerCannotGoOn) {
  HttpServer server({{"small.tar.gz", archive_}});
  options_.home = server.address();
  server.takes_ranges = false;
  write_text(folder_ / "data/small.tar.gz.part", archive_.substr(0, 1000));
  (void)fetch(source_, options_);
  expect_complete();
}

TEST_F(Fetch, TakesADownloadThatIsWholeAlready) {
  HttpServer server({{"small.tar.gz", archive_}});
  options_.home = server.address();
  write_text(folder_ / "data/small.tar.gz.part", archive_);
  (void)fetch(source_, options_);
  expect_complete();
}

TEST_F(Fetch, ReadsFromAFolderOfThisMachine) {
  options_.home = "file://" + folder_.path().string();
  (void)fetch(source_, options_);
  expect_complete();
}

TEST_F(Fetch, Mistakes) {
  std::string damaged = archive_;
  damaged[500] ^= 1;
  HttpServer server({{"small.tar.gz", damaged}, {"other.tar.gz", archive_}, {"broken.zip", "no archive"}});
  options_.home = server.address();
  EXPECT_THAT(mistake_of([&] { (void)fetch(source_, options_); }), HasSubstr("published " + source_.files[0].digest));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "data/small.tar.gz.part"));

  DataSource other = source_;
  other.files = {{"missing.tar.gz", "", ""}};
  EXPECT_THAT(mistake_of([&] { (void)fetch(other, options_); }), HasSubstr("404"));
  other.files = {{"other.tar.gz", "", ""}};
  other.folder = "another-set";
  EXPECT_THAT(mistake_of([&] { (void)fetch(other, options_); }), HasSubstr("does not hold the folder another-set"));
  other.files = {{"broken.zip", "", ""}};
  EXPECT_THAT(mistake_of([&] { (void)fetch(other, options_); }), HasSubstr("cannot be unpacked"));
  EXPECT_THAT(mistake_of([] { (void)find_data_source("imagenet"); }), HasSubstr("known: cifar10, cifar100"));
  EXPECT_THAT(mistake_of([] { (void)find_data_source("fashion-mnist"); }), HasSubstr("dataset-fashion-mnist"));
}

TEST_F(Fetch, PlainFilesGoIntoAFolder) {
  HttpServer server({{"a.npy", "aaa"}, {"b.npy", "bbb"}});
  options_.home = server.address();
  const DataSource plain = {"plain", "", "", "", {{"a.npy", "", ""}, {"b.npy", "", ""}}, "plain-set", ""};
  const Fetched fetched = fetch(plain, options_);
  EXPECT_EQ(read_text(fetched.place / "b.npy"), "bbb");
  ASSERT_EQ(fetched.files.size(), 2u);
  EXPECT_FALSE(fetched.files[0].is_checked);
}

// Verify: a whole set has no problems; each kind of damage is named.
TEST(Verify, NamesWhatIsWrong) {
  testing::TemporaryFolder folder;
  const std::string record = std::string(1, '\3') + noise(3072);
  write_text(folder / "test_batch.bin", record + record);
  Verification v = verify(folder.path());
  EXPECT_EQ(v.kind, "cifar10");
  ASSERT_EQ(v.parts.size(), 1u);
  EXPECT_EQ(v.parts[0].images, 2);
  EXPECT_EQ(v.parts[0].most, 2);
  EXPECT_THAT(v.problems, ElementsAre("test: 2 images, published 10000"));
  write_text(folder / "test_batch.bin", record + "\x0a" + record.substr(1));
  EXPECT_THAT(verify(folder.path()).problems, ElementsAre(HasSubstr("label 10 in record 1")));
  write_text(folder / "test_batch.bin", record + record.substr(0, 100));
  EXPECT_THAT(verify(folder.path()).problems, ElementsAre(HasSubstr("cut short in record 1")));

  write_text(folder / "a/cifar-10-binary.tar.gz", "no archive");
  EXPECT_THAT(verify(folder / "a/cifar-10-binary.tar.gz").problems, ElementsAre(HasSubstr("published c32a1d4a")));
  EXPECT_THAT(mistake_of([&] { (void)verify(folder / "none"); }), HasSubstr("no such file"));
}

TEST(Verify, CifarCLayout) {
  testing::TemporaryFolder folder;
  const std::vector<std::uint8_t> pixels(10 * 12, 1), labels = {0, 1, 0, 1, 0, 1, 0, 1, 0, 1};
  write_npy(folder / "labels.npy", std::span<const std::uint8_t>(labels), {10});
  write_npy(folder / "fog.npy", std::span<const std::uint8_t>(pixels), {10, 2, 2, 3});
  const Verification v = verify(folder.path());
  ASSERT_EQ(v.parts.size(), 1u);
  EXPECT_EQ(v.parts[0].images, 10);
  EXPECT_EQ(v.problems.size(), 18u);  // the other corruptions
}

}  // namespace
}  // namespace kelvin
