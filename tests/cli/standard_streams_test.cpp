// Output that cannot be written, and output without a reader.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>

#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using testing::CliTest;
using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;
using testing::read_text;

class StandardStreams : public CliTest {
 protected:
  // With redirections of its own; standard error goes into err.txt where they leave it.
  Outcome shell(const std::string& arguments) {
    const std::string command = "cd '" + folder_.path().string() + "' && 2>err.txt '" KELVIN_PROGRAM "' " + arguments;
    const int status = std::system(command.c_str());
    return {WEXITSTATUS(status), "", read_text(folder_ / "err.txt")};
  }
  // Into a pipe whose reader is gone; the status as waitpid gives it.
  int without_reader(const std::string& arguments, int descriptor) {
    int ends[2];
    if (pipe(ends) != 0) return -1;
    close(ends[0]);
    const pid_t child = fork();
    if (child == 0) {
      std::filesystem::current_path(folder_.path());
      const int errors = open("err.txt", O_WRONLY | O_CREAT | O_TRUNC, 0600);
      dup2(errors, STDERR_FILENO);
      dup2(ends[1], descriptor);
      signal(SIGPIPE, SIG_DFL);
      const std::string command = "exec '" KELVIN_PROGRAM "' " + arguments;
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    close(ends[1]);
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  }
  void train() { ASSERT_EQ(kelvin(std::string(kTrain) + "--quiet --out run").code, 0); }
};

TEST_F(StandardStreams, WhatCannotBePrintedIsAFailure) {
  train();
  for (const std::string command :
       {"--help", "--version", "train --help", "evaluate run", "evaluate run --json --quiet", "attack run --steps 1",
        "gradients run --taus 1 --limit 20", "geometry run", "corrupt run --corruptions contrast", "data list",
        "data list --json", "weights fetch", "weights inspect run/checkpoint.safetensors", "report run --out r.html",
        "data show --data synthetic:test=1 --out s.png", "weights export run --out w.safetensors"}) {
    const Outcome o = shell(command + " > /dev/full");
    EXPECT_EQ(o.code, 1) << command;
    EXPECT_THAT(o.err, ::testing::EndsWith("kelvin: standard output cannot be written: No space left on device\n"));
    EXPECT_EQ(o.err.find("error of the program"), std::string::npos) << command;
  }
  // The measured result is saved nevertheless.
  for (const char* name :
       {"evaluate", "attack-pgd-ce-tau1-steps1", "gradients-taus1-n20", "geometry", "corrupt-contrast"})
    EXPECT_TRUE(std::filesystem::exists(folder_ / ("run/results/" + std::string(name) + ".json"))) << name;
  // A mistake is still one: nothing was to be printed.
  EXPECT_EQ(shell("evaluate nowhere > /dev/full").code, 2);
  // Standard error that is full is no success either, but what went to standard output is whole.
  EXPECT_EQ(shell("evaluate run --json >out.json 2>/dev/full").code, 1);
  EXPECT_TRUE(Json::parse(read_text(folder_ / "out.json")).contains("accuracy"));
}

TEST_F(StandardStreams, AReaderThatIsGoneEndsItQuietly) {
  train();
  int status = without_reader("attack run --steps 1 --quiet", STDOUT_FILENO);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) << status;
  EXPECT_EQ(read_text(folder_ / "err.txt"), "");
  EXPECT_TRUE(
      Json::parse(read_text(folder_ / "run/results/attack-pgd-ce-tau1-steps1.json")).contains("robust_accuracy"));
  status = without_reader("--help", STDOUT_FILENO);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) << status;
  status = without_reader("report run --out /dev/stdout", STDOUT_FILENO);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) << status;
  EXPECT_EQ(read_text(folder_ / "err.txt"), "");
  // Progress has no reader: the work continues.
  status = without_reader(std::string(kTrain) + "--optimizer adam --out other > out.txt", STDERR_FILENO);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  EXPECT_THAT(read_text(folder_ / "out.txt"), HasSubstr("run folder other"));
}

TEST_F(StandardStreams, ClosedDescriptorsAreNoFileOfOurs) {
  EXPECT_EQ(shell(std::string(kTrain) + "--optimizer adam --out run <&- >&- 2>&-").code, 0);
  std::istringstream lines(read_text(folder_ / "run/metrics.jsonl"));
  int n = 0;
  for (std::string line; std::getline(lines, line); ++n) EXPECT_TRUE(Json::accept(line)) << line;
  EXPECT_GT(n, 2);
  EXPECT_EQ(shell("evaluate run --quiet >&- 2>&-").code, 0);
  EXPECT_TRUE(Json::parse(read_text(folder_ / "run/results/evaluate.json")).contains("accuracy"));
  // Each of the three descriptors is open on something like /dev/null.
  for (const char* descriptor : {"0", "1", "2"})
    EXPECT_EQ(shell(std::string("report run --out /dev/fd/") + descriptor + " <&- >&- 2>&-").code, 0) << descriptor;
}

}  // namespace
}  // namespace kelvin
