// PyTorch's own files wherever weights are taken: an mlp that PyTorch saved amid a training (tools/golden/pytorch_files.py) has PyTorch's logits.
#include <cmath>

#include "data/npy.h"
#include "tests/cli/cli_fixture.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Json;

class PytorchWeights : public testing::CliTest, public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    for (const std::string& name :
         {std::string(GetParam()), std::string("mlp_images.npy"), std::string("refused_model.pt")})
      std::filesystem::copy_file(kFiles / name, folder_ / name);
    std::filesystem::copy_file(kFiles / GetParam(), folder_ / "w.pt");
  }
  // Logits of `weights` against PyTorch's; float32 sums of up to 256 products in another order.
  void expect_logits(const std::string& weights) {
    (void)json("predict --input mlp_images.npy --output z.npy --weights " + weights);
    const std::vector<float> own = read_npy(folder_ / "z.npy").to_float(),
                             theirs = read_npy(kFiles / "mlp_logits.npy").to_float();
    ASSERT_EQ(own.size(), theirs.size());
    for (std::size_t i = 0; i < own.size(); ++i) EXPECT_NEAR(own[i], theirs[i], 1e-5) << i;
  }
  const std::filesystem::path kFiles = std::filesystem::path(KELVIN_GOLDEN_DIR) / "pytorch_files";
  static constexpr const char* kAs = " --model mlp --mean 0.5 --std 0.5 ";
  static constexpr const char* kData = " --data synthetic:train=32,test=12,size=4,classes=3 ";
};

TEST_P(PytorchWeights, GivePyTorchsLogits) {
  expect_logits(std::string("w.pt") + kAs);
  const Json import = json(std::string("weights import w.pt --size 4 --channels 1 --out own.safetensors") + kAs);
  EXPECT_THAT(import["notes"][0].get<std::string>(),
              AllOf(HasSubstr("names begin with state_dict.module. in w.pt"),
                    HasSubstr("3 tensors of other copies of the model are passed over"),
                    HasSubstr("what stands beside state_dict is passed over")));
  expect_logits("own.safetensors");
  expect_mistake(std::string("evaluate --weights own.safetensors --model resnet8") + kData, "holds an mlp");
}

TEST_P(PytorchWeights, AreTakenByEveryCommand) {
  const Json inspected = json("weights inspect w.pt");
  EXPECT_EQ(inspected["tensors"].size(), 10u);
  EXPECT_EQ(inspected["tensors"][0]["name"], "best_acc1");
  for (const std::string command : {"evaluate", "attack --steps 1"})
    EXPECT_EQ(json(command + " --weights w.pt" + kAs + kData)["n"], 12) << command;
  (void)json(std::string("train --init w.pt --model mlp --normalize half --lr 0 --epochs 1 --batch-size 8 --out run") +
             kData);
  expect_logits("run");
  expect_mistake(std::string("evaluate --weights refused_model.pt") + kAs + kData, "save(model.state_dict()");
}

INSTANTIATE_TEST_SUITE_P(Formats, PytorchWeights, ::testing::Values("mlp.pt", "mlp_before_1_6.pt"),
                         [](const auto& info) {
                           return std::string(info.param).substr(0, std::string(info.param).find('.'));
                         });

}  // namespace
}  // namespace kelvin
