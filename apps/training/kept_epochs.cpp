#include "apps/training/kept_epochs.h"

#include <sstream>

#include "kernels/device/error.h"

namespace kelvin {

KeptEpochs kept_epochs_of(const std::string& text) {
  KeptEpochs keep;
  if (text == "all") keep.all = true;
  if (text.empty() || keep.all) return keep;
  std::istringstream in(text);
  for (std::string item; std::getline(in, item, ',');) {
    if (item.empty() || item.size() > 6 || item.find_first_not_of("0123456789") != std::string::npos)
      throw mistake("--keep-checkpoints takes all, or epochs such as 0,1,5,10; got '", text, "'");
    keep.epochs.push_back(static_cast<std::uint32_t>(std::stoul(item)));
  }
  return keep;
}

}  // namespace kelvin
