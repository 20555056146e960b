// kelvin weights fetch, from a folder that stands for the public homes (file://).
#include "tests/cli/cli_fixture.h"

namespace kelvin::testing {
namespace {

using ::testing::HasSubstr;

class WeightsFetch : public CliTest {
 protected:
  static constexpr const char* kVit = "vit_tiny_patch16_224.augreg_in21k";
  // A model under the address that timm's has at its home. Its home states no digest, as a folder does not.
  void publish() {
    json("train --data synthetic:train=32,test=8,size=8,classes=4 --model mlp --epochs 1 --batch-size 32 --out run");
    const std::filesystem::path place = folder_ / "home/timm" / kVit / "resolve/main";
    std::filesystem::create_directories(place);
    json("weights export run --out '" + (place / "model.safetensors").string() + "'");
  }
  const std::string url_ = " --url 'file://" + (folder_ / "home").string() + "' ";
};

TEST_F(WeightsFetch, ListsWhatItKnows) {
  const Json all = json("weights fetch").at("weights");
  EXPECT_GE(all.size(), 9u);
  for (const Json& one : all) EXPECT_THAT(one.at("url").get<std::string>(), HasSubstr("https://"));
  expect_mistake("weights fetch resnet51", "no weights are called resnet51; known: resnet18, resnet34");
}

TEST_F(WeightsFetch, SaysWhatToDoNext) {
  publish();
  const Json fetched = json("weights fetch " + std::string(kVit) + url_);
  const std::string file = fetched.at("file");
  EXPECT_EQ(file, std::string("weights/") + kVit + ".safetensors");
  EXPECT_EQ(fetched.at("checked"), false);
  EXPECT_THAT(fetched.at("next").get<std::string>(),
              HasSubstr("--model vit_tiny_patch16_224 --image-size 224 --init " + file));
  EXPECT_EQ(kelvin("weights inspect " + file).code, 0);
  const Outcome again = kelvin("weights fetch " + std::string(kVit) + url_);
  EXPECT_THAT(again.out, HasSubstr("is there already"));
}

TEST_F(WeightsFetch, RefusedFilesAreNotThereAfterwards) {
  const std::string fetch = "weights fetch resnet18 --quiet --out w" + url_;
  expect_mistake(fetch, "resnet18-f37072fd.pth: download failed");
  std::filesystem::create_directories(folder_ / "home/models");
  std::ofstream(folder_ / "home/models/resnet18-f37072fd.pth") << std::string(100'000, 'x');
  expect_mistake(fetch, "resnet18-f37072fd.pth: sha256 ");
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "w"));
  // As on a disk that is full: no file may grow beyond 8 blocks, and the signal that says so is ignored.
  const Outcome full = run_program(folder_.path(), "/bin/bash",
                                   "-c 'trap \"\" XFSZ; ulimit -f 8; exec " KELVIN_PROGRAM
                                   " weights fetch resnet18 --quiet "
                                   "--out w --from file://" +
                                       (folder_ / "home").string() + "'");
  EXPECT_EQ(full.code, 2);
  EXPECT_THAT(full.err, HasSubstr("download failed"));
  EXPECT_EQ(std::count(full.err.begin(), full.err.end(), '\n'), 1) << full.err;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "w/resnet18-f37072fd.pth"));
}

}  // namespace
}  // namespace kelvin::testing
