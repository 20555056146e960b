// Programs are started without a shell: text stays text, nothing is inherited by accident, and no child outlives this program.
#include "engine/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>

#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;

TEST(ChildProcess, ArgumentsArriveAsTheyAre) {
  const TemporaryFolder folder;
  const std::string pwned = (folder / "pwned").string();
  std::string expected;
  std::vector<std::string> arguments = {"printf", "[%s]"};
  for (const std::string& text : {"; touch " + pwned, "$(touch " + pwned + ")", "`touch " + pwned + "`",
                                  std::string("a\nb"), std::string("'\""), std::string("*"), std::string()}) {
    arguments.push_back(text);
    expected += "[" + text + "]";
  }
  const CapturedRun run = run_captured({.arguments = arguments});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.output, expected);
  EXPECT_FALSE(std::filesystem::exists(pwned));
}

TEST(ChildProcess, ExitCodes) {
  EXPECT_EQ(ChildProcess({.arguments = {"true"}}).wait(), 0);
  EXPECT_EQ(ChildProcess({.arguments = {"sh", "-c", "exit 7"}}).wait(), 7);
  EXPECT_EQ(ChildProcess({.arguments = {"sh", "-c", "kill -TERM $$"}}).wait(), 128 + SIGTERM);
  EXPECT_THAT(mistake_of([] { ChildProcess({.arguments = {"no-such-program"}}); }), HasSubstr("is not installed"));
  EXPECT_THAT(mistake_of([] { ChildProcess({.arguments = {"/dev/null"}}); }), HasSubstr("Permission denied"));
}

TEST(ChildProcess, ReadsNothingAndInheritsNothing) {
  const int secret = open("/dev/null", O_RDONLY);  // not close-on-exec
  ASSERT_GT(secret, STDERR_FILENO);
  EXPECT_EQ(run_captured({.arguments = {"cat"}}).output, "");
  const std::string is_open = "[ -e /proc/self/fd/" + std::to_string(secret) + " ] && echo open";
  EXPECT_EQ(run_captured({.arguments = {"sh", "-c", is_open}}).output, "");
  EXPECT_EQ(run_captured({.arguments = {"sh", "-c", is_open}, .kept = secret}).output, "open\n");
  close(secret);
}

TEST(ChildProcess, EnvironmentAndOutputs) {
  EXPECT_EQ(
      run_captured({.arguments = {"sh", "-c", "echo $LC_ALL$HOME"}, .environment = {"LC_ALL=C", "HOME=x"}}).output,
      "Cx\n");
  const TemporaryFolder folder;
  const int log = open((folder / "log").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  EXPECT_EQ(ChildProcess({.arguments = {"sh", "-c", "echo a; echo b >&2"}, .output = log, .errors = log}).wait(), 0);
  close(log);
  EXPECT_EQ(testing::read_text(folder / "log"), "a\nb\n");
}

// The child holds the pipe's other end; the end of the pipe is the end of the child.
void expect_end_of(int reader) {
  char byte = 0;
  EXPECT_EQ(read(reader, &byte, 1), 0);
}

TEST(ChildProcess, IsKilledWithItsObject) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  { const ChildProcess sleeper({.arguments = {"sleep", "1000"}, .kept = ends[1]}); }
  close(ends[1]);
  expect_end_of(ends[0]);
  close(ends[0]);
}

TEST(ChildProcess, DiesWithAProgramThatIsKilled) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t program = fork();
  if (program == 0) {
    const ChildProcess sleeper({.arguments = {"sleep", "1000"}, .kept = ends[1]});
    kill(getpid(), SIGKILL);
  }
  close(ends[1]);
  int status = 0;
  waitpid(program, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  expect_end_of(ends[0]);
  close(ends[0]);
}

}  // namespace
}  // namespace kelvin
