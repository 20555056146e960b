#include "apps/cli/preparation_flags.h"

#include <filesystem>

#include "kernels/device/error.h"

namespace kelvin {

Fields preparation_fields(PreparationFlags& f) {
  return {field("images", f.images,
                message("Of ", "data"_field,
                        " imagenet:DIR: a file that lists the images to take, as RobustBench's 5,000")),
          field("resize", f.resize, in(0, 4096),
                "Likewise: pixels of the short side before the middle 224x224; 0: as the model's published weights"),
          field("interpolation", f.interpolation, {"auto", "bilinear", "bicubic"}, "Likewise: of the resize")};
}

ImagePreparation preparation_for(const std::string& model, const std::string& file, const PreparationFlags& flags) {
  ImagePreparation p;
  if (model.starts_with("vit")) {
    p.resize = 248;
    p.filter = ResizeFilter::bicubic;
  } else if (std::filesystem::path(file).filename().string().starts_with("resnet50-11ad3fa6")) {  // IMAGENET1K_V2
    p.resize = 232;
  }
  if (flags.resize != 0) p.resize = flags.resize;
  if (p.resize < p.crop)
    throw mistake("--resize ", p.resize, ": smaller than the ", p.crop, "x", p.crop, " that are cut from it");
  if (flags.interpolation != "auto")
    p.filter = flags.interpolation == "bicubic" ? ResizeFilter::bicubic : ResizeFilter::bilinear;
  return p;
}

}  // namespace kelvin
