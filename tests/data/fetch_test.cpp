// Downloads from a server on this machine, and what `verify` reports about sets with different damage.
#include "data/fetch.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include "data/archive.h"
#include "data/npy.h"
#include "data/verify.h"
#include "engine/digest.h"
#include "tests/data/archive_writer.h"
#include "tests/data/http_server.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HttpServer;
using testing::mistake_of;
using testing::tar_end;
using testing::tar_entry;
using testing::zip_archive;
using testing::ZipEntry;

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
    options_.folder = folder_ / "data";
    options_.is_quiet = true;
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
  const std::string digest = source_.files[0].digest;
  other.files = {{"missing.tar.gz", "md5", digest}};
  EXPECT_THAT(mistake_of([&] { (void)fetch(other, options_); }), HasSubstr("404"));
  other.files = {{"other.tar.gz", "md5", digest}};
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
  write_text(folder_ / "a", "aaa"), write_text(folder_ / "b", "bbb");
  const DataSource plain = {
      "plain",     "", "", "", {{"a.npy", "md5", md5_of(folder_ / "a")}, {"b.npy", "md5", md5_of(folder_ / "b")}},
      "plain-set", ""};
  const Fetched fetched = fetch(plain, options_);
  EXPECT_EQ(read_text(fetched.place / "b.npy"), "bbb");
  ASSERT_EQ(fetched.files.size(), 2u);
  EXPECT_TRUE(fetched.files[0].is_checked);
}

TEST_F(Fetch, GivesUpADownloadThatStalls) {
  HttpServer server({{"small.tar.gz", archive_}});
  options_.home = server.address();
  options_.stall_seconds = 1;
  server.cut_after = 500;
  server.stalls = true;
  const std::string said = mistake_of([&] { (void)fetch(source_, options_); });
  EXPECT_THAT(said, HasSubstr("1 seconds with next to nothing arriving"));
  EXPECT_EQ(std::filesystem::file_size(folder_ / "data/small.tar.gz.part"), 500u);  // is kept
  server.cut_after = 0;
  server.stalls = false;
  (void)fetch(source_, options_);
  EXPECT_EQ(server.ranges().back(), "500-");
  expect_complete();
}

// The server sees the end of the connection: no download is left running.
TEST_F(Fetch, DownloadDiesWithAProgramThatIsKilled) {
  HttpServer server({{"small.tar.gz", archive_}});
  options_.home = server.address();
  server.cut_after = 30'000;
  server.stalls = true;
  const pid_t program = fork();
  if (program == 0) {
    (void)fetch(source_, options_);
    _exit(1);
  }
  server.wait_for_stall();
  kill(program, SIGKILL);
  server.wait_for_hang_up();
  waitpid(program, nullptr, 0);
  server.cut_after = 0;
  server.stalls = false;
  write_text(folder_ / "data/.unpacking-small-set/left", "by one that was killed");
  (void)fetch(source_, options_);  // its lock is free
  expect_complete();
}

TEST_F(Fetch, SeveralAtOnceDownloadOnce) {
  HttpServer server({{"small.tar.gz", archive_}});
  options_.home = server.address();
  {
    std::vector<std::jthread> fetches;
    for (int i = 0; i < 4; ++i) fetches.emplace_back([&] { (void)fetch(source_, options_); });
  }
  EXPECT_EQ(server.ranges().size(), 1u);
  expect_complete();
}

TEST_F(Fetch, RefusesADownloadPlaceThatIsALink) {
  std::filesystem::create_directories(folder_ / "data");
  write_text(folder_ / "mine", "mine");
  std::filesystem::create_symlink(folder_ / "mine", folder_ / "data/small.tar.gz.part");
  options_.home = "file://" + folder_.path().string();
  EXPECT_THAT(mistake_of([&] { (void)fetch(source_, options_); }), HasSubstr("small.tar.gz.part: is no plain file"));
  EXPECT_EQ(read_text(folder_ / "mine"), "mine");
}

// CIFAR-10.1 publishes no digests, so its content is checked before the folder gets its final name.
TEST_F(Fetch, ContentsSpeakWhereNoDigestIsPublished) {
  const DataSource& source = find_data_source("cifar10.1");
  options_.home = "file://" + (folder_ / "home").string();
  const auto publish = [&](std::int64_t images, std::uint8_t label) {
    std::filesystem::create_directories(folder_ / "home");
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images) * 3072, 7);
    std::vector<std::uint8_t> labels(static_cast<std::size_t>(images));
    for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::uint8_t>(i % 10);
    labels.back() = label;
    write_npy(folder_ / "home/cifar10.1_v6_data.npy", std::span<const std::uint8_t>(pixels), {images, 32, 32, 3});
    write_npy(folder_ / "home/cifar10.1_v6_labels.npy", std::span<const std::uint8_t>(labels), {images});
  };
  const auto expect_refused = [&](const std::string& why) {
    EXPECT_THAT(mistake_of([&] { (void)fetch(source, options_); }), HasSubstr(why));
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "data"));
  };
  publish(1999, 0);
  expect_refused("what came is not the published set: test: 1999 images, published 2000");
  publish(2000, 10);
  expect_refused("label 10");
  write_text(folder_ / "home/cifar10.1_v6_data.npy", "<html>Not found</html>");
  expect_refused("cifar10.1_v6_data.npy");
  publish(2000, 9);
  EXPECT_FALSE(fetch(source, options_).files[0].is_checked);
  EXPECT_TRUE(problems_of_published("cifar10.1", folder_ / "data/CIFAR-10.1").empty());
  EXPECT_FALSE(problems_of_published("tiny-imagenet", folder_ / "data/CIFAR-10.1").empty());
}

class Archives : public ::testing::Test {
 protected:
  // The message of unpacking; no file of a refused archive remains.
  std::string refusal(const std::string& bytes, const std::string& name = "a.tar", const ArchiveBounds& bounds = {}) {
    write_text(folder_ / name, bytes);
    std::filesystem::remove_all(folder_ / "place");
    std::filesystem::create_directory(folder_ / "place");
    const std::string said = mistake_of([&] { unpack_archive(folder_ / name, folder_ / "place", -1, bounds); });
    EXPECT_TRUE(std::filesystem::is_empty(folder_ / "place")) << said;
    EXPECT_FALSE(std::filesystem::exists(folder_ / "evil")) << said;
    return said;
  }
  testing::TemporaryFolder folder_;
};

TEST_F(Archives, TarEntriesThatAreRefused) {
  const std::string good = tar_entry("set/", '5', 0755) + tar_entry("set/good", '0', 0644, "good");
  const auto with = [&](const std::string& bad) { return good + bad + tar_end(); };
  EXPECT_THAT(refusal(with(tar_entry("set/l", '2', 0777, "", "../../evil"))), HasSubstr("holds a link: l"));
  EXPECT_THAT(refusal(with(tar_entry("set/l", '1', 0644, "", "/etc/passwd"))), HasSubstr("holds a link: h"));
  EXPECT_THAT(refusal(with(tar_entry("set/d", '3', 0644))), HasSubstr("neither a file nor a folder: c"));
  EXPECT_THAT(refusal(with(tar_entry("set/f", '6', 0644))), HasSubstr("neither a file nor a folder: p"));
  EXPECT_THAT(refusal(with(tar_entry("set/s", '0', 04755, "x"))), HasSubstr("set-user-ID"));
  EXPECT_THAT(refusal(with(tar_entry("set/s", '0', 02755, "x"))), HasSubstr("set-user-ID"));
  for (const std::string path : {"../evil", "set/../../evil", "/tmp/evil", "..", "set/..", "\\evil"})
    EXPECT_THAT(refusal(with(tar_entry(path, '0', 0644, "x"))), HasSubstr("a path that leads out")) << path;
  // A name with a line break is not read as two entries, and its first word is not read as the missing time.
  EXPECT_THAT(refusal(with(tar_entry("x\n/../evil", '0', 0644, "x"))), HasSubstr("a path that leads out"));
  const std::string beyond_calendars = std::string("\x80\0\0\0\x7f", 5) + std::string(7, '\xff');
  EXPECT_THAT(refusal(with(tar_entry("../evil x", '0', 0644, "x", "", "", beyond_calendars))),
              HasSubstr("an entry that is not understood"));
  // 8 GiB, says the header.
  EXPECT_THAT(refusal(with(tar_entry("set/huge", '0', 0644, "", "", "77777777777"))),
              HasSubstr("too many for an archive"));
  EXPECT_THAT(refusal(with(""), "a.tar", {.entries = 1}), HasSubstr("more than 1 entries"));
  EXPECT_THAT(
      refusal(with(tar_entry("set/b", '0', 0644, std::string(3000, 'b'))), "a.tar", {.times = 0, .bytes = 3000}),
      HasSubstr("more than 3000 bytes"));
  EXPECT_THAT(refusal("no archive"), HasSubstr("cannot be unpacked"));
  EXPECT_THAT(refusal(good.substr(0, 1026)), HasSubstr("cannot be unpacked"));
}

TEST_F(Archives, ZipEntriesThatAreRefused) {
  const auto with = [](const ZipEntry& bad) { return zip_archive({{"set/", "", 040755}, {"set/good", "good"}, bad}); };
  EXPECT_THAT(refusal(with({"set/l", "../../evil", 0120777}), "a.zip"), HasSubstr("holds a link"));
  EXPECT_THAT(refusal(with({"set/d", "x", 020644}), "a.zip"), HasSubstr("neither a file nor a folder"));
  EXPECT_THAT(refusal(with({"set/p", "x", 010644}), "a.zip"), HasSubstr("neither a file nor a folder"));
  EXPECT_THAT(refusal(with({"set/s", "x", 0104755}), "a.zip"), HasSubstr("set-user-ID"));
  for (const std::string path : {"../evil", "set/../../evil", "/tmp/evil", "set\\..\\..\\evil", "x\n/../../evil"})
    EXPECT_THAT(refusal(with({path, "x"}), "a.zip"), HasSubstr("a path that leads out")) << path;
  EXPECT_THAT(refusal(with({"set/huge", "x", 0100644, 0xf0000000}), "a.zip"), HasSubstr("too many for an archive"));
  EXPECT_THAT(refusal("no archive", "a.zip"), HasSubstr("cannot be unpacked"));
}

// Unusual names do no harm, in the archive or in its path.
TEST_F(Archives, OthersAreUnpackedAsTheyAre) {
  const std::vector<std::string> names = {"a b", "x\ny", "-rf", "..a", "a..", "a -> b", "q'\"", "\xc3\xb6"};
  std::string tar = tar_entry("set/", '5', 0755);
  std::vector<ZipEntry> entries = {{"set/", "", 040755}};
  for (const std::string& name : names) {
    tar += tar_entry("set/" + name, '0', 0644, name);
    if (name != "x\ny") entries.push_back({"set/" + name, name});  // unzip leaves the control character out
  }
  for (const std::string place : {"plain", "-C", "host:x", "n\nl", "[a]*"}) {
    const std::filesystem::path in = folder_ / place;
    for (const auto& [archive, bytes] : {std::pair{"a.tar", tar + tar_end()}, {"a.zip", zip_archive(entries)}}) {
      write_text(in / archive, bytes);
      std::filesystem::create_directory(in / "to");
      unpack_archive(in / archive, in / "to", -1);
      for (const std::string& name : names) {
        const bool is_changed = archive == std::string("a.zip") && name == "x\ny";
        EXPECT_EQ(read_text(in / "to/set" / name), is_changed ? "" : name) << place << archive;
      }
      std::filesystem::remove_all(in / "to");
    }
  }
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
