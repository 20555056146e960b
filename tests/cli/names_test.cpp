// Names with any bytes: not UTF-8, or with control characters of a terminal or a page.
#include <gmock/gmock.h>

#include <fstream>

#include "tests/cli/cli_fixture.h"
#include "tests/data/image_writer.h"

namespace kelvin {
namespace {

using testing::CliTest;
using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using testing::Outcome;
using testing::read_text;
using testing::write_image;

constexpr const char *kLatin = "caf\xE9", *kEscape = "red\x1B[31m\xFF", *kPage = "<script>alert(1)</script>";

class Names : public CliTest {
 protected:
  // A folder set of three classes, itself of a name that is not UTF-8.
  void make_set() {
    const std::string set = "set\xFE\x1B[1m/";
    for (const char* half : {"train/", "test/"})
      for (const char* name : {kLatin, kEscape, kPage}) {
        // A class called </script> is two folders; its name is written without the slash.
        std::string folder = name;
        std::erase(folder, '/');
        for (int i = 0; i < 4; ++i)
          write_image(folder_ / (set + half + folder + "/" + std::to_string(i) + ".png"), 8, 8, 1, i);
      }
  }
  std::string train_command(const std::string& out) const {
    return "train --data 'folder:set\xFE\x1B[1m' --model mlp --epochs 1 --batch-size 4 --lr 0.05 --quiet --out '" +
           out + "'";
  }
};

TEST_F(Names, BytesThatAreNotUtf8StopNothing) {
  make_set();
  const std::string run = "run\xE9\xFF";
  const Outcome trained = kelvin(train_command(run) + " --json");
  ASSERT_EQ(trained.code, 0) << trained.err;
  const Json report = Json::parse(trained.out);
  EXPECT_EQ(report["out"], "run\\xE9\\xFF");
  EXPECT_THAT(report["data"].get<std::string>(), ::testing::EndsWith("set\\xFE\x1B[1m"));

  const Json evaluated = json("evaluate '" + run + "'");
  const Json classes = evaluated["class_names"];
  EXPECT_THAT(classes.dump(), HasSubstr(R"("caf\\xE9")"));
  EXPECT_THAT(classes.dump(), HasSubstr(R"("red\u001b[31m\\xFF")"));
  EXPECT_EQ(Json::parse(read_text(folder_ / (run + "/results/evaluate.json")))["accuracy"], evaluated["accuracy"]);

  // Whatever names a path: read, written and told.
  const std::string flags = "'" + run + "' ";
  EXPECT_EQ(json("attack " + flags + "--steps 1 --label 'l\xE9' --save-adversarial 'adv\xFF.npy'")["n"], 12);
  EXPECT_TRUE(std::filesystem::exists(folder_ / (run + "/results/attack-l\xE9.json")));
  const std::string predict = "predict --weights '" + run + "/checkpoint.safetensors' --input 'adv\xFF.npy' --output ";
  EXPECT_EQ(json(predict + "'z\xFF.npy'")["output"], "z\\xFF.npy");
  EXPECT_EQ(json("corrupt " + flags + "--corruptions contrast --save 'c\xFF'")["n"], 12);
  EXPECT_EQ(json("corrupt " + flags + "--corruptions contrast --from 'c\xFF' --severity 3")["source"], "c\\xFF");
  EXPECT_EQ(json("gradients " + flags + "--taus 1")["n"], 12);
  EXPECT_EQ(json("geometry " + flags)["n"], 12);
  EXPECT_EQ(json("weights inspect '" + run + "/checkpoint.safetensors'")["tensors"].size(), 7u);
  EXPECT_EQ(json("weights export " + flags + "--out 'w\xFF.safetensors'")["output"], "w\\xFF.safetensors");
  EXPECT_EQ(json("report " + flags + "--out 'r\xFF.html'")["report"], "r\\xFF.html");
  EXPECT_EQ(json("data verify 'adv\xFF.npy'")["path"], "adv\\xFF.npy");
  EXPECT_EQ(kelvin(train_command(run) + " --resume --epochs 2").code, 0);
  EXPECT_EQ(json("evaluate " + flags)["n"], 12);
}

// A name that the file system refuses is a mistake that says it, wherever a file or folder of that name is asked for.
TEST_F(Names, ThatTheFileSystemRefuses) {
  std::filesystem::create_symlink("loop", folder_ / "loop");
  const std::string toy = "--data synthetic:train=8,test=8,size=4 --model mlp --epochs 1 --quiet ";
  for (const auto& [name, reason] : {std::pair(std::string("loop"), "Too many levels of symbolic links"),
                                     {std::string(300, 'x'), "File name too long"}})
    for (const std::string& command :
         {"train " + toy + "--out ", std::string("train --resume --quiet --out "), std::string("evaluate "),
          std::string("report "), std::string("weights export --out w.safetensors "),
          "sweep " + toy + "--grid tau=1 --out ", "quickstart " + toy + "--taus 1 --out ", std::string("data verify "),
          std::string("data fetch cifar10.1 --url file:///nowhere --quiet --out ")}) {
      expect_mistake(command + name, reason);
      expect_mistake(command + name, name);
    }
}

// Children get the bytes back that the cell's file holds escaped.
TEST_F(Names, ASweepAndAQuickstartReadThem) {
  make_set();
  const std::string toy = "--data 'folder:set\xFE\x1B[1m' --model mlp --epochs 1 --batch-size 4 ";
  const std::string sweep = "sweep " + toy + "--seeds 0 --measure clean --out 'sw\xFF'";
  const Json table = json(sweep);
  EXPECT_EQ(table["out"], "sw\\xFF");
  EXPECT_EQ(table["rows"][0]["cells"][0]["status"], "done");
  EXPECT_EQ(json(sweep)["rows"], table["rows"]);  // read again, not trained again
  const Json rows = json("quickstart " + toy + "--taus 1 --out 'qs\xFF'");
  EXPECT_EQ(rows["report"], "qs\\xFF/report.html");
  EXPECT_EQ(rows["rows"].size(), 1u);
}

TEST_F(Names, TerminalsAreToldNothingToObey) {
  make_set();
  const std::string run = "run\x1B]0;owned\x07";
  std::vector<Outcome> all = {kelvin(train_command(run)),
                              kelvin("evaluate '" + run + "'"),
                              kelvin("evaluate 'no\x1B[2Jne'"),
                              kelvin("report '" + run + "' --out 'r\x1B[2J.html'"),
                              kelvin("train --data 'folder:a\nb' --model mlp --out x"),
                              kelvin("'tra\x1B[2Jin'"),
                              kelvin("evaluate '" + run + "' --json"),
                              kelvin("evaluate '" + run + "' --norm\x1B[2J")};
  for (const Outcome& o : all)
    for (const std::string& text : {o.out, o.err}) {
      EXPECT_EQ(text.find_first_of("\x1B\x07"), std::string::npos) << text;
      EXPECT_EQ(text.find("\xFF"), std::string::npos) << text;
    }
  EXPECT_EQ(all[0].code, 0) << all[0].err;
  EXPECT_THAT(all[2].err, HasSubstr("no\\x1B[2Jne"));
  EXPECT_THAT(all[4].err, HasSubstr("a\\nb"));
  for (const std::size_t mistake : {2u, 4u, 5u, 7u}) {
    EXPECT_EQ(all[mistake].code, 2);
    EXPECT_EQ(std::count(all[mistake].err.begin(), all[mistake].err.end(), '\n'), 1) << all[mistake].err;
  }
}

TEST_F(Names, PagesShowThem) {
  make_set();
  const std::string data = "--data 'folder:set\xFE\x1B[1m' ";
  for (const char* image : {"0", "1", "2"}) {
    ASSERT_EQ(kelvin("data show " + data + "--image " + image + " --out page" + image + ".html").code, 0);
    const std::string page = read_text(folder_ / ("page" + std::string(image) + ".html"));
    EXPECT_THAT(page, Not(HasSubstr("<script")));
    EXPECT_EQ(page.find("\x1B"), std::string::npos);
  }
  EXPECT_THAT(read_text(folder_ / "page0.html"), HasSubstr("image 0: &lt;script&gt;alert(1)&lt;script&gt;"));
  EXPECT_THAT(read_text(folder_ / "page1.html"), HasSubstr("caf\\xE9"));

  const std::string run = "<!--<script>\xE2\x80\xA8";  // and a line separator
  ASSERT_EQ(kelvin(train_command(run)).code, 0);
  ASSERT_EQ(kelvin("evaluate '" + run + "'").code, 0);
  ASSERT_EQ(kelvin("report '" + run + "' --title '</title><script>alert(2)</script>' --out r.html").code, 0);
  const std::string page = read_text(folder_ / "r.html");
  EXPECT_THAT(page, HasSubstr("<title>&lt;/title&gt;&lt;script&gt;alert(2)&lt;/script&gt;</title>"));
  EXPECT_THAT(page, HasSubstr("\\u003c!--\\u003cscript>\\u2028"));
  EXPECT_THAT(page, HasSubstr("\\u003cscript>alert(1)\\u003cscript>"));
  EXPECT_THAT(page, Not(HasSubstr("<!--<script>")));
  EXPECT_THAT(page, Not(HasSubstr("<script>alert")));
}

}  // namespace
}  // namespace kelvin
