// Commands on ImageNet's photographs, with models of 1000 classes as torchvision and timm publish them.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "data/npy.h"
#include "tests/cli/mpirun.h"
#include "tests/data/image_writer.h"

namespace kelvin {
namespace {

using ::testing::HasSubstr;
using testing::Json;
using testing::Outcome;

constexpr const char* kWnids[] = {"n01440764", "n01751748", "n03125729", "n09193705"};

class ImagenetTest : public testing::MpirunTest {
 protected:
  // Six photographs of four classes, as many in the layout of ImageNet-C, and random weights of a ViT of 1000 classes.
  void SetUp() override {
    for (int i = 0; i < 6; ++i)
      for (const char* to : {"photos/val", "c/brightness/3"})
        testing::write_image(folder_ / str(to, "/", kWnids[i % 4], "/ILSVRC2012_val_0000000", i + 1, ".JPEG"),
                             to[0] == 'c' ? 224 : 90 + 61 * i, to[0] == 'c' ? 224 : 400 - 50 * i, i == 2 ? 1 : 3, i);
    const std::vector<std::uint8_t> pixels(2 * 224 * 224 * 3, 90);
    std::filesystem::create_directories(folder_ / "two");
    for (const char* half : {"train", "test"}) {
      write_npy(folder_ / str("two/", half, "_images.npy"), std::span<const std::uint8_t>(pixels), {2, 224, 224, 3});
      std::string head = "{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }";
      head.resize(118, ' ');
      std::ofstream(folder_ / str("two/", half, "_labels.npy"))
          << std::string("\x93NUMPY\x01\0\x76\0", 10) << head << std::string("\0\0\xe7\x03", 4);  // 0 and 999
    }
    write_weights("vit_tiny_patch16_224");
  }
  void write_weights(const std::string& model) {
    (void)json("train --data npy:two --model " + model + " --lr 0 --epochs 1 --batch-size 2 --out run-" + model);
    const SafetensorsFile file = read_safetensors(folder_ / ("run-" + model + "/checkpoint.safetensors"));
    std::map<std::string, SafetensorsEntry> tensors;
    for (const auto& [name, entry] : file.tensors)
      if (!name.starts_with("optimizer.")) tensors.emplace(name, entry);
    write_safetensors(folder_ / (model + ".safetensors"), tensors, {});
  }
  static inline const std::string kVit = " --weights vit_tiny_patch16_224.safetensors --model vit_tiny_patch16_224 ";
  static inline const std::string kData = " --data imagenet:photos ";
};

TEST_F(ImagenetTest, EveryCommandReadsPhotographsOfAnySize) {
  const Json e = json("evaluate" + kData + kVit);
  EXPECT_EQ(e["n"], 6);
  EXPECT_THAT(e["notes"].dump(), HasSubstr("short side to 248 (bicubic), then the 224x224 at the centre"));
  EXPECT_EQ(e["class_names"], Json({"tench", "sea snake", "cradle", "alp"}));  // those with images
  const Json bilinear = json("evaluate --resize 256 --interpolation bilinear" + kData + kVit);
  EXPECT_NE(bilinear["nll"], e["nll"]);

  const Json attack = json("attack --steps 1 --limit 3 --batch-size 2" + kData + kVit);
  EXPECT_EQ(attack["n"], 3);
  EXPECT_EQ(attack["clean_accuracy"], json("evaluate --limit 3" + kData + kVit)["accuracy"]);
  EXPECT_EQ(json("corrupt --corruptions contrast,frost --limit 2" + kData + kVit)["rows"].size(), 2u);
  EXPECT_EQ(json("corrupt --corruptions brightness --from c" + kData + kVit)["n"], 6);

  // A list, and threads that share the work otherwise.
  std::ofstream(folder_ / "list.txt")
      << "val/n03125729/ILSVRC2012_val_00000003.JPEG 516\nILSVRC2012_val_00000001.JPEG\n";
  EXPECT_EQ(json("evaluate --images list.txt" + kData + kVit)["n"], 2);
  EXPECT_EQ(json("evaluate --threads 3" + kData + kVit)["nll"], e["nll"]);
}

TEST_F(ImagenetTest, ResNetsAreMeasuredAsTorchvisionDoes) {
  write_weights("resnet18");
  const Json e = json("evaluate --weights resnet18.safetensors --batch-size 4" + kData);
  EXPECT_EQ(e["n"], 6);
  EXPECT_THAT(e["notes"].dump(), HasSubstr("short side to 256 (bilinear)"));
}

TEST_F(ImagenetTest, RanksShareTheImages) {
  if (std::system("command -v mpirun >/dev/null && [ -f '" KELVIN_MPI_PLUGIN "' ]") != 0) GTEST_SKIP() << "no MPI here";
  const std::string command = "evaluate --batch-size 2 --threads 1" + kData + kVit;
  const Outcome two = ranks(2, command + " --json --quiet");
  EXPECT_EQ(two.code, 0) << two.err;
  EXPECT_EQ(Json::parse(two.out)["nll"], json(command)["nll"]);
}

TEST_F(ImagenetTest, Mistakes) {
  std::filesystem::create_directories(folder_ / "empty/val");
  expect_mistake("evaluate --quiet --data imagenet:empty" + kVit, "holds no images");
  std::ofstream(folder_ / "list.txt") << "ILSVRC2012_val_00000077.JPEG 3\n";
  expect_mistake("evaluate --quiet --images list.txt" + kData + kVit,
                 "list.txt: line 1: ILSVRC2012_val_00000077 is not in photos/val");
  expect_mistake("evaluate --quiet --images list.txt --data npy:two" + kVit,
                 "--images, --resize and --interpolation are for");
  expect_mistake("evaluate --quiet --resize 200" + kData + kVit, "--resize 200: smaller than the 224x224");
  expect_mistake("train --quiet --out t --model resnet8" + kData, "imagenet is for evaluation");
  expect_mistake("corrupt --quiet --corruptions contrast --save x" + kData + kVit, "--save");
  expect_mistake("corrupt --quiet --corruptions brightness --severity 2 --from c" + kData + kVit,
                 "no severity 2 of brightness");
  for (const char* name : {"ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000005.JPEG"})
    std::filesystem::copy(folder_ / "photos/val/n01440764" / name, folder_ / "empty/val" / name);
  expect_mistake("evaluate --quiet --data imagenet:empty" + kVit, "ILSVRC2012_validation_ground_truth.txt");
  std::filesystem::resize_file(folder_ / "photos/val/n01751748/ILSVRC2012_val_00000006.JPEG", 900);
  expect_mistake("evaluate --quiet" + kData + kVit, "photos/val/n01751748/ILSVRC2012_val_00000006.JPEG: damaged JPEG");
}

}  // namespace
}  // namespace kelvin
