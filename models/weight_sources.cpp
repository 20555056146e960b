#include "models/weight_sources.h"

#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

// A file of torchvision, whose name holds the first eight digits of its SHA-256 (torch.hub's check_hash). Addresses as in
// torchvision/models/resnet.py.
WeightSource of_torchvision(const std::string& name, const std::string& model, const std::string& digits,
                            const std::string& weights) {
  const std::string file = model + "-" + digits + ".pth";
  return {name,
          "torchvision's " + weights + ": ImageNet-1k, 1000 classes",
          model,
          "https://download.pytorch.org/",
          "models/" + file,
          file,
          digits};
}

// A model of timm, by its tag (`pretrained_cfg`); its file is on the Hugging Face hub.
WeightSource of_timm(const std::string& model, const std::string& tag, const std::string& about) {
  const std::string name = model + "." + tag;
  return {name,
          about,
          model,
          "https://huggingface.co/",
          "timm/" + name + "/resolve/main/model.safetensors",
          name + ".safetensors",
          ""};
}

}  // namespace

const std::vector<WeightSource>& weight_sources() {
  static const char* const on_21k = "timm's: ImageNet-21k, 21843 classes (AugReg)";
  static const char* const tuned = "timm's: ImageNet-21k, then ImageNet-1k, 1000 classes (AugReg)";
  static const std::vector<WeightSource> all = {
      of_torchvision("resnet18", "resnet18", "f37072fd", "IMAGENET1K_V1"),
      of_torchvision("resnet34", "resnet34", "b627a593", "IMAGENET1K_V1"),
      of_torchvision("resnet50", "resnet50", "0676ba61", "IMAGENET1K_V1"),
      of_torchvision("resnet50.v2", "resnet50", "11ad3fa6", "IMAGENET1K_V2"),
      of_timm("vit_tiny_patch16_224", "augreg_in21k", on_21k),
      of_timm("vit_tiny_patch16_224", "augreg_in21k_ft_in1k", tuned),
      of_timm("vit_small_patch16_224", "augreg_in21k", on_21k),
      of_timm("vit_small_patch16_224", "augreg_in21k_ft_in1k", tuned),
      of_timm("vit_small_patch16_224", "augreg_in1k", "timm's: ImageNet-1k alone, 1000 classes (AugReg)")};
  return all;
}

const WeightSource& find_weight_source(const std::string& name) {
  for (const WeightSource& source : weight_sources())
    if (source.name == name) return source;
  throw mistake("no weights are called ", name, "; known: ", listed(weight_sources(), &WeightSource::name));
}

}  // namespace kelvin
