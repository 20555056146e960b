#include "apps/training/kept_epochs.h"

#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {

KeptEpochs kept_epochs_of(const std::string& text) {
  KeptEpochs keep;
  if (text == "all") keep.all = true;
  if (text.empty() || keep.all) return keep;
  for (const std::string& item : parts_of(text, ',')) {
    if (item.empty() || item.size() > 6 || item.find_first_not_of("0123456789") != std::string::npos)
      throw mistake("keep-checkpoints"_field, " takes all, or epochs such as 0,1,5,10; got '", text, "'");
    keep.epochs.push_back(static_cast<std::uint32_t>(std::stoul(item)));
  }
  return keep;
}

}  // namespace kelvin
