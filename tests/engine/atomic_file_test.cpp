#include "engine/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <ostream>
#include <thread>

#include "tests/support.h"

namespace kelvin {
namespace {

using std::filesystem::create_symlink;
using std::filesystem::is_symlink;
using ::testing::HasSubstr;
using testing::mistake_of;
using testing::read_text;
using testing::TemporaryFolder;

void write(const std::filesystem::path& path, const std::string& text) {
  write_file_atomically(path, std::as_bytes(std::span(text)));
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat st {};
  EXPECT_EQ(lstat(path.c_str(), &st), 0) << path;
  return st.st_mode;
}

TEST(AtomicFile, ReplacesAFileAndKeepsItsPermissions) {
  const TemporaryFolder folder;
  write(folder / "a", "one");
  EXPECT_EQ(read_text(folder / "a"), "one");
  chmod((folder / "a").c_str(), 0600);
  write(folder / "a", "two");
  EXPECT_EQ(read_text(folder / "a"), "two");
  EXPECT_EQ(mode_of(folder / "a") & 0777, 0600u);
  const std::string large(300'000, 'x');
  write_file_atomically(folder / "b", [&](std::ostream& out) { out << "begin " << large << " end"; });
  EXPECT_EQ(read_text(folder / "b"), "begin " + large + " end");
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"a", "b"}));
}

TEST(AtomicFile, LinksAreFollowedAndStay) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "here/deep");
  std::filesystem::create_directories(folder / "there");
  write(folder / "there/target", "old");
  create_symlink("../there/target", folder / "here/link");
  create_symlink("deep/second", folder / "here/first");
  create_symlink("../../there/new", folder / "here/deep/second");  // leads to nothing yet
  create_symlink("nowhere/file", folder / "here/astray");
  create_symlink("loop", folder / "here/loop");
  create_symlink("../there", folder / "here/folder");

  require_writable(folder / "here/link");
  write(folder / "here/link", "through");
  EXPECT_EQ(read_text(folder / "there/target"), "through");
  EXPECT_FALSE(is_symlink(folder / "there/target"));
  write(folder / "here/first", "made");
  EXPECT_EQ(read_text(folder / "there/new"), "made");
  for (const char* link : {"here/link", "here/first", "here/deep/second"})
    EXPECT_TRUE(is_symlink(folder / link)) << link;
  write(folder / "here/folder/inside", "x");
  EXPECT_EQ(read_text(folder / "there/inside"), "x");

  EXPECT_THAT(mistake_of([&] { write(folder / "here/astray", ""); }), HasSubstr("there is no folder nowhere"));
  EXPECT_THAT(mistake_of([&] { write(folder / "here/loop", ""); }), HasSubstr("Too many levels of symbolic links"));
  EXPECT_THAT(mistake_of([&] { write(folder / "here/folder", ""); }), HasSubstr("is a folder, not a file"));
  EXPECT_EQ(names_in(folder / "there"), (std::vector<std::string>{"inside", "new", "target"}));
}

TEST(AtomicFile, MistakesAreTheSameBeforeAndAfterTheWork) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "sub");
  write(folder / "file", "kept");
  const std::string long_name(300, 'n');
  const std::vector<std::pair<std::filesystem::path, std::string>> cases = {
      {"", "path given is empty"},
      {folder / "sub", "is a folder, not a file"},
      {folder / "sub/", "is a folder, not a file"},
      {folder / "none/x", "there is no folder"},
      {folder / "none/", "there is no folder"},
      {folder / "file/x", "is not a folder"},
      {folder / long_name, "File name too long"},
      {folder / (long_name + "/x"), "File name too long"},
      {"/proc/kelvin", "/proc/kelvin: cannot be written"}};
  for (const auto& [path, says] : cases) {
    EXPECT_THAT(mistake_of([&, at = path] { require_writable(at); }), HasSubstr(says)) << path;
    EXPECT_THAT(mistake_of([&, at = path] { write(at, "x"); }), HasSubstr(says)) << path;
  }
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"file", "sub"}));
  // A name of the greatest length: the temporary file's name must not be longer.
  write(folder / std::string(255, 'n'), "long");
  EXPECT_EQ(read_text(folder / std::string(255, 'n')), "long");
}

TEST(AtomicFile, AFifoIsWrittenThrough) {
  const TemporaryFolder folder;
  ASSERT_EQ(mkfifo((folder / "fifo").c_str(), 0600), 0);
  create_symlink("fifo", folder / "link");
  require_writable(folder / "link");  // does not wait for a reader
  std::string received;
  std::thread reader([&] { received = read_text(folder / "fifo"); });
  write(folder / "link", "for the reader");
  reader.join();
  EXPECT_EQ(received, "for the reader");
  EXPECT_TRUE(S_ISFIFO(mode_of(folder / "fifo")));
  EXPECT_TRUE(is_symlink(folder / "link"));
}

TEST(AtomicFile, ADeviceIsWrittenThrough) {
  const TemporaryFolder folder;
  std::filesystem::path full = folder / "full";
  // One of our own for those who could replace the system's.
  if (mknod(full.c_str(), S_IFCHR | 0666, makedev(1, 7)) != 0 || access(full.c_str(), W_OK) != 0) {
    if (geteuid() == 0) GTEST_SKIP() << "no devices can be made here";
    full = "/dev/full";
  }
  EXPECT_THAT(mistake_of([&] { write(full, "x"); }), HasSubstr("cannot be written: No space left on device"));
  EXPECT_TRUE(S_ISCHR(mode_of(full)));
}

TEST(AtomicFile, AnOpenDescriptorIsWrittenThrough) {
  const TemporaryFolder folder;
  const int file = open((folder / "open").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_GE(file, 0);
  ASSERT_EQ(::write(file, "before ", 7), 7);
  const std::string number = std::to_string(file);
  create_symlink("/proc/self/fd/" + number, folder / "stdout");  // as /dev/stdout is
  require_writable(folder / "stdout");
  write(folder / "stdout", "between ");
  write("/dev/fd/" + number, "between ");
  ASSERT_EQ(::write(file, "after", 5), 5);
  EXPECT_EQ(read_text(folder / "open"), "before between between after");
  close(file);
  EXPECT_THAT(mistake_of([&] { require_writable(folder / "stdout"); }), HasSubstr("cannot be written"));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  write("/proc/self/fd/" + std::to_string(ends[1]), "pipe");
  char text[8] = {};
  EXPECT_EQ(read(ends[0], text, sizeof text), 4);
  EXPECT_STREQ(text, "pipe");
  close(ends[0]);
  signal(SIGPIPE, SIG_IGN);
  EXPECT_THROW(write("/proc/self/fd/" + std::to_string(ends[1]), "pipe"), ReaderIsGone);
  signal(SIGPIPE, SIG_DFL);
  close(ends[1]);
}

TEST(AtomicFile, AFailureLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  write(folder / "a", "old");
  EXPECT_THROW(write_file_atomically(folder / "a",
                                     [](std::ostream& out) {
                                       out << "half";
                                       throw std::runtime_error("in the middle");
                                     }),
               std::runtime_error);
  EXPECT_EQ(read_text(folder / "a"), "old");
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"a"}));
}

TEST(AtomicFile, LeftoversOfKilledWritersGoWithTheNextWriter) {
  const TemporaryFolder folder;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      write_file_atomically(folder / "a", [](std::ostream& out) {
        out << "half" << std::flush;
        kill(getpid(), SIGKILL);
      });
      _exit(1);
    }
    waitpid(child, nullptr, 0);
  }
  std::vector<std::string> names = names_in(folder.path());
  ASSERT_EQ(names.size(), 1u);  // the second and the third removed what the one before had left
  EXPECT_THAT(names[0], ::testing::MatchesRegex("\\.kelvin-[0-9a-f]+\\.tmp"));
  // Names that only look similar, and links, are not removed as leftovers.
  write(folder / "target", "kept");
  std::filesystem::create_symlink("target", folder / ".kelvin-00000000000000ff.tmp");
  std::ofstream(folder / ".kelvin-1.tmp") << "kept";
  write(folder / "a", "whole");
  EXPECT_EQ(names_in(folder.path()),
            (std::vector<std::string>{".kelvin-00000000000000ff.tmp", ".kelvin-1.tmp", "a", "target"}));
  EXPECT_EQ(read_text(folder / "target"), "kept");
}

TEST(AtomicFile, AWriterThatLivesIsNoLeftover) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "outer", [&](std::ostream& out) {
    out << "outer";
    write(folder / "inner", "inner");
    EXPECT_EQ(names_in(folder.path()).size(), 2u);  // inner, and the outer's temporary file
  });
  EXPECT_EQ(read_text(folder / "outer"), "outer");
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"inner", "outer"}));
}

// Writers of one process have one pid, as have those of two containers.
TEST(AtomicFile, WritersOfEqualPidsNeverMix) {
  const TemporaryFolder folder;
  const std::string texts[] = {std::string(200'000, 'a'), std::string(100'000, 'b')};
  std::vector<std::thread> writers;
  for (const std::string& text : texts)
    writers.emplace_back([&] {
      for (int i = 0; i < 40; ++i) write(folder / "file", text);
    });
  for (int i = 0; i < 200; ++i) {
    const std::string seen = read_text(folder / "file");
    ASSERT_TRUE(seen.empty() || seen == texts[0] || seen == texts[1]) << seen.size();  // empty: not there yet
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(names_in(folder.path()), (std::vector<std::string>{"file"}));
}

TEST(AtomicFile, APlantedLinkIsNotFollowed) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "shared");
  write(folder / "secret", "kept");
  create_symlink("../secret", folder / ("shared/out.npy.tmp" + std::to_string(getpid())));
  write(folder / "shared/out.npy", "result");
  EXPECT_EQ(read_text(folder / "secret"), "kept");
  EXPECT_EQ(read_text(folder / "shared/out.npy"), "result");
}

}  // namespace
}  // namespace kelvin
