// Output paths: what exists at the path decides, and an unusable path is reported before the work.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "data/npy.h"
#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using testing::CliTest;
using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;
using testing::read_text;

class Outputs : public CliTest {
 protected:
  void SetUp() override {
    ASSERT_EQ(kelvin(std::string(kTrain) + "--quiet --out run").code, 0);
    ASSERT_EQ(kelvin("attack run --steps 1 --limit 3 --quiet --save-adversarial x.npy").code, 0);
  }
  // Commands that end in the flag for a file.
  std::vector<std::string> commands() const {
    return {"predict --weights run/checkpoint.safetensors --input x.npy --output",
            "predict --weights run/checkpoint.safetensors --input x.npy --output o.npy --features",
            "attack run --steps 1 --limit 3 --save-adversarial",
            "attack run --steps 1 --limit 3 --save-results",
            "report run --out",
            "learn --out",
            "explore run --images 2 --steps 1 --out",
            "weights export run --out",
            "weights import w.safetensors --model resnet8 --classes 4 --size 8 --channels 1 --allow-partial --out",
            "data show --data synthetic:test=1,train=1 --out"};
  }
};

TEST_F(Outputs, LinksStayAndTheirTargetsAreWritten) {
  ASSERT_EQ(kelvin("train --data synthetic:train=32,test=4,size=8,classes=4 --model resnet8 --epochs 1 --batch-size 32 "
                   "--quiet --out small")
                .code,
            0);
  std::filesystem::copy_file(folder_ / "small/checkpoint.safetensors", folder_ / "w.safetensors");
  std::filesystem::create_directories(folder_ / "elsewhere");
  int n = 0;
  for (const std::string& command : commands()) {
    const std::string name = "out" + std::to_string(n++) + (command.starts_with("data") ? ".html" : "");
    std::ofstream(folder_ / ("elsewhere/" + name)) << "old";
    std::filesystem::create_symlink("elsewhere/" + name, folder_ / name);
    const Outcome o = kelvin(command + " " + name + " --quiet");
    EXPECT_EQ(o.code, 0) << command << "\n" << o.err;
    EXPECT_TRUE(std::filesystem::is_symlink(folder_ / name)) << command;
    EXPECT_GT(read_text(folder_ / ("elsewhere/" + name)).size(), 100u) << command;
  }
  // The files of a run folder may come from anybody: a link out of it is not written through.
  std::filesystem::create_symlink("../../elsewhere/evaluate.json", folder_ / "run/results/evaluate.json");
  EXPECT_EQ(kelvin("evaluate run --quiet").code, 2);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "elsewhere/evaluate.json"));
}

TEST_F(Outputs, AFifosReaderGetsWhatAFileWouldHold) {
  ASSERT_EQ(mkfifo((folder_ / "fifo.npy").c_str(), 0600), 0);
  const std::string predict = "predict --weights run/checkpoint.safetensors --input x.npy --quiet --output ";
  std::string received;
  std::thread reader([&] { received = read_text(folder_ / "fifo.npy"); });
  const int code = kelvin(predict + "fifo.npy").code;
  if (code != 0) std::ofstream(folder_ / "fifo.npy", std::ios::app);  // lets the reader go
  reader.join();
  EXPECT_EQ(code, 0);
  ASSERT_EQ(kelvin(predict + "file.npy").code, 0);
  EXPECT_EQ(received, read_text(folder_ / "file.npy"));
  EXPECT_TRUE(std::filesystem::is_fifo(folder_ / "fifo.npy"));
  // Standard output by its name: the array, then what is printed.
  const Outcome o = kelvin(predict + "/dev/stdout");
  EXPECT_EQ(o.code, 0) << o.err;
  EXPECT_EQ(o.out.substr(0, received.size()), received);
  EXPECT_THAT(o.out.substr(received.size()), HasSubstr("logits of 3 images"));
}

// The inputs do not exist, and the error about the output is reported first.
TEST_F(Outputs, AreCheckedBeforeTheWork) {
  std::filesystem::create_directories(folder_ / "folder.html");
  const std::string long_name = std::string(300, 'n') + ".html";
  for (std::string command : commands()) {
    const std::string flag = command.substr(command.rfind(' ') + 1);
    for (const char* input : {"run/checkpoint.safetensors", "x.npy", "w.safetensors"})
      if (const std::size_t at = command.find(input); at != std::string::npos) command.replace(at, 1, "no-");
    for (const auto& [path, says] : {std::pair<std::string, const char*>{"folder.html", "is a folder, not a file"},
                                     {"none/x.html", "there is no folder none"},
                                     {long_name, "File name too long"},
                                     {"/proc/x.html", "cannot be written"},
                                     {"x.npy/y.html", "x.npy is not a folder"}}) {
      const Outcome o = kelvin(command + " " + path);
      EXPECT_EQ(o.code, 2) << command << " " << path << "\n" << o.err;
      EXPECT_THAT(o.err, AllOf(HasSubstr(flag + " " + path + ": "), HasSubstr(says)));
      EXPECT_EQ(std::count(o.err.begin(), o.err.end(), '\n'), 1) << o.err;
    }
  }
  expect_mistake("predict --weights no --input no --output ''", "--output");
  expect_mistake("attack no --save-adversarial ''", "--save-adversarial");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "o.npy"));
}

TEST_F(Outputs, ResultsHaveAPlaceBeforeTheyAreMeasured) {
  expect_mistake("attack run --label a/b", "cannot hold a '/'");
  expect_mistake("attack run --label ../../b", "cannot hold a '/'");
  expect_mistake("attack run --label " + std::string(230, 'l'), "--label: 230 bytes, at most 200");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "b.json"));
  // A folder of images: each file that will be made.
  std::filesystem::create_directories(folder_ / "images/contrast.npy");
  expect_mistake("corrupt run --corruptions fog,contrast --save images", "images/contrast.npy: is a folder");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "images/fog.npy"));
  // The table and the page of a sweep, before its first cell.
  std::filesystem::create_directories(folder_ / "sweep/report.html");
  expect_mistake(
      "sweep --quiet --data synthetic:train=64,test=8,size=8,classes=4 --model mlp --epochs 1 --batch-size 32 "
      "--grid tau=1,2 --measure clean --out sweep",
      "sweep/report.html: is a folder");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "sweep/tau-1_seed-0"));
  std::ofstream(folder_ / "in-the-way") << "a file";
  for (const std::string out : {"in-the-way", "run/config.toml/x"}) {
    const std::string toy = "--data synthetic:train=64,test=8,size=8,classes=4 --model mlp --epochs 1 ";
    for (const std::string command : {"sweep --seeds 0 ", "train ", "quickstart --quiet "})
      expect_mistake(command + toy + "--out " + out, out);
  }
  const std::string names = std::string(150, 'a') + "," + std::string(150, 'b');
  expect_mistake("sweep --grid " + std::string(150, 'g') + "=" + names + " --out long", "short names with --variant");
  std::filesystem::create_directories(folder_ / "quick/report.html");
  expect_mistake(
      "quickstart --data synthetic:train=64,test=8,size=8,classes=4 --model mlp --epochs 1 --taus 1 --out quick",
      "quick/report.html: is a folder");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "quick/tau-1"));
}

}  // namespace
}  // namespace kelvin
