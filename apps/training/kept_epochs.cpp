#include "apps/training/kept_epochs.h"

#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

std::string epochs_text(const KeptEpochs& keep) {
  std::string text;
  for (const std::uint32_t epoch : keep.epochs) text += str(text.empty() ? "" : ",", epoch);
  return text;
}

}  // namespace

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

Field kept_epochs_field(const std::string& name, KeptEpochs& keep) {
  std::string unused;
  Field f =
      field(name, unused,
            "all, or epochs such as 0,1,5,10: their weights stay as checkpoint-0005.safetensors (0: before training)",
            Resume::free);
  f.set = [&keep](const std::string& text) { keep = kept_epochs_of(text); };
  f.text = [&keep] { return keep.all ? "all" : epochs_text(keep); };
  f.json = [text = f.text] { return nlohmann::json(text()); };
  return f;
}

}  // namespace kelvin
