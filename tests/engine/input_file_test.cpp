// Only regular files are read, completely and up to a size limit. For anything else one line says what it is.
#include "engine/input_file.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::string refusal(const std::filesystem::path& path, std::uint64_t max_size = 100) {
  return mistake_of([&] { (void)read_text(path, max_size); });
}

TEST(InputFile, ReadsAFileInPieces) {
  TemporaryFolder folder;
  write(folder / "f", "temperature");
  InputFile file(folder / "f");
  EXPECT_EQ(file.size(), 11u);
  std::string piece(4, ' ');
  file.read(std::as_writable_bytes(std::span(piece)));
  EXPECT_EQ(piece, "temp");
  file.read_at(7, std::as_writable_bytes(std::span(piece)));
  EXPECT_EQ(piece, "ture");
  file.read(std::as_writable_bytes(std::span(piece)));
  EXPECT_EQ(piece, "erat");
  EXPECT_EQ(file.position(), 8u);
  EXPECT_THAT(mistake_of([&] { file.read(std::as_writable_bytes(std::span(piece))); }),
              HasSubstr("ends at byte 11, expected 12"));
  EXPECT_EQ(read_text(folder / "f"), "temperature");
}

TEST(InputFile, RefusesWhatIsNoFile) {
  TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink("/dev/zero", folder / "link");
  EXPECT_THAT(refusal(folder / "none"), HasSubstr("none: no such file"));
  EXPECT_THAT(refusal(folder / "fifo"),
              HasSubstr("fifo: is a FIFO, expected a file"));  // and does not wait for a writer
  EXPECT_THAT(refusal(folder / "link"), HasSubstr("link: is a device, expected a file"));
  EXPECT_THAT(refusal(folder.path()), HasSubstr("is a folder, expected a file"));
  EXPECT_THAT(refusal(folder / std::string(300, 'x')), HasSubstr("File name too long"));
  std::filesystem::create_symlink("loop", folder / "loop");
  EXPECT_THAT(refusal(folder / "loop"), HasSubstr("Too many levels of symbolic links"));
}

TEST(InputFile, BoundsTheSize) {
  TemporaryFolder folder;
  write(folder / "f", std::string(101, 'x'));
  EXPECT_THAT(refusal(folder / "f"), HasSubstr("f: 101 bytes, at most 100 are read"));
  EXPECT_EQ(read_text(folder / "f", 101).size(), 101u);
  EXPECT_EQ(read_text("/proc/self/status"), "");  // its size is reported as zero, so nothing is read
}

TEST(InputFile, TellsWhatIsThere) {
  TemporaryFolder folder;
  write(folder / "b", "");
  std::filesystem::create_directory(folder / "a");
  std::filesystem::create_symlink("a", folder / "c");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("a", "b", "c"));
  EXPECT_THAT(mistake_of([&] { (void)names_in(folder / "b"); }), HasSubstr("b: cannot be read: Not a directory"));
  EXPECT_TRUE(is_there(folder / "b") && !is_there(folder / "d") && !is_there(folder / "b/below"));
  EXPECT_TRUE(is_folder(folder / "a") && is_folder(folder / "c") && !is_folder(folder / "b"));
  EXPECT_THAT(mistake_of([&] { (void)is_there(folder / std::string(300, 'x')); }), HasSubstr("too long"));
}

TEST(InputFile, NamesThePermissionThatIsMissing) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  TemporaryFolder folder;
  write(folder / "f", "x");
  std::filesystem::permissions(folder / "f", std::filesystem::perms::none);
  EXPECT_THAT(refusal(folder / "f"), HasSubstr("f: cannot be read: Permission denied"));
}

}  // namespace
}  // namespace kelvin
