#include "models/wrappers.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "kernels/device/error.h"
#include "models/normalisation.h"

namespace kelvin {
namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_average(std::string_view word) {
  return is_one_of(word, {"ema", "model_ema", "ema_model", "state_dict_ema", "ema_state_dict", "model_state_dict_ema",
                          "ema_model_state_dict", "params_ema"});
}

// 0 and 1: a Sequential of normalisation and model; attacker: the library "robustness"; basic_net: a model inside of an attack.
bool is_wrapper(std::string_view word) {
  return is_average(word) ||
         is_one_of(word,
                   {"module", "_orig_mod", "_forward_module", "_fsdp_wrapped_module", "_checkpoint_wrapped_module",
                    "model", "net", "network", "backbone", "encoder", "state_dict", "model_state_dict", "model_state",
                    "unaveraged_model_state_dict", "params", "basic_net", "attacker", "0", "1"});
}

// Those that wrap parts of a model, too: they may stand anywhere in a name.
std::string without_inner_wrappers(std::string name) {
  for (const std::string inner : {"_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module."})
    for (std::size_t at; (at = name.find(inner)) != std::string::npos;) name.erase(at, inner.size());
  return name;
}

std::string own_name(const std::string& name) { return without_inner_wrappers(name.substr(wrapper_of(name).size())); }

// torchvision's name for one of pytorch-cifar's; other names stay as they are.
std::string torchvisions_name(std::string name) {
  if (name.starts_with("linear.")) return "fc." + name.substr(std::string_view("linear.").size());
  constexpr std::string_view theirs = ".shortcut.";
  if (const std::size_t at = name.find(theirs); at != std::string::npos)
    name.replace(at, theirs.size(), ".downsample.");
  return name;
}

// A file's name as the model with these parameters has it.
std::string name_in(const Parameters& parameters, const std::string& name) {
  const std::string own = own_name(name);
  if (parameters.find(own) != nullptr) return own;
  const std::string other = torchvisions_name(own);
  return parameters.find(other) != nullptr ? other : own;
}

// Counters, and the state of optimizers, schedules and loss scalers.
bool is_beside_the_model(const std::string& name) {
  if (name.ends_with("num_batches_tracked")) return true;
  const std::string plain = own_name(name);
  return std::ranges::any_of(
      std::initializer_list<std::string_view>{"optim", "temperature.", "lr_scheduler", "scheduler", "scaler",
                                              "amp_scaler", "n_averaged", "epoch", "global_step"},
      [&](std::string_view start) { return plain.starts_with(start); });
}

bool is_unused_copy(const std::string& name, const Parameters& parameters) {
  return name.starts_with("sub_block1.") && parameters.find(name.substr(4)) != nullptr;
}

// "model.backbone." -> "model."; "" of the outermost.
std::string outer(const std::string& wrapper) {
  const std::size_t dot = wrapper.rfind('.', wrapper.size() - 2);
  return dot == std::string::npos ? "" : wrapper.substr(0, dot + 1);
}

bool holds_average(const std::string& wrapper) {
  for (std::size_t at = 0, dot; (dot = wrapper.find('.', at)) != std::string::npos; at = dot + 1)
    if (is_average(std::string_view(wrapper).substr(at, dot - at))) return true;
  return false;
}

}  // namespace

bool has_cifar_names(const SafetensorsFile& file) {
  return std::ranges::any_of(
      file.tensors, [](const auto& tensor) { return own_name(tensor.first).find(".shortcut.") != std::string::npos; });
}

std::string wrapper_of(const std::string& name) {
  std::size_t end = 0;
  for (std::size_t dot; (dot = name.find('.', end)) != std::string::npos; end = dot + 1)
    if (!is_wrapper(std::string_view(name).substr(end, dot - end))) break;
  return name.substr(0, end);
}

UnwrappedTensors unwrap(const SafetensorsFile& file, const Parameters& parameters) {
  std::map<std::string, int> counts;  // names of the model in each wrapper
  for (const auto& [name, entry] : file.tensors)
    if (parameters.find(name_in(parameters, name)) != nullptr) ++counts[wrapper_of(name)];
  const auto is_worse = [](const auto& a, const auto& b) {
    if (a.second != b.second) return a.second < b.second;
    const bool average = holds_average(a.first);
    return average != holds_average(b.first) ? average : a.first.size() > b.first.size();
  };
  const auto best = std::max_element(counts.begin(), counts.end(), is_worse);
  const std::string chosen = best == counts.end() ? "" : best->first;

  // What else lies in a file of PyTorch beside the dictionary of the model (the best accuracy, random state) is not the model's.
  std::string section;
  for (const std::string& other : file.sections)
    if (chosen.starts_with(other) && other.size() > section.size()) section = other;

  UnwrappedTensors out;
  std::size_t passed_over = 0, unused = 0;
  bool has_others = false, is_renamed = false;
  // A last layer may stand outside of the wrapper of its backbone.
  for (std::string wrapper = chosen;; wrapper = outer(wrapper)) {
    for (const auto& [name, entry] : file.tensors)
      if (const std::string own = name_in(parameters, name);
          wrapper_of(name) == wrapper && parameters.find(own) != nullptr && out.tensors.emplace(own, &entry).second)
        is_renamed |= own != own_name(name);
    if (wrapper.empty()) break;
  }
  std::set<std::string> constants;
  for (const auto& [mean, std] : normalisation_names(file)) constants.insert({mean, std});
  for (const auto& [name, entry] : file.tensors) {
    if (constants.contains(name)) continue;
    const auto taken = out.tensors.find(name_in(parameters, name));
    if (taken != out.tensors.end() && taken->second == &entry) continue;
    if (taken != out.tensors.end())
      ++passed_over;  // of another copy
    else if (!name.starts_with(section))
      has_others = true;
    else if (is_beside_the_model(name))
      continue;
    else if (is_unused_copy(own_name(name), parameters))
      ++unused;
    else
      out.unexpected.push_back(name);
  }
  if (unused > 0)
    out.notes.push_back(str(file.path.string(), ": ", unused,
                            " tensors of sub_block1, a copy of block1 that computes nothing, are passed over"));
  if (is_renamed)
    out.notes.push_back(
        str(file.path.string(), ": pytorch-cifar's names shortcut and linear are taken for downsample and fc"));
  if (chosen.empty()) return out;
  std::string note = str("names begin with ", chosen, " in ", file.path.string(), ", which is taken off");
  if (passed_over > 0) note += str("; ", passed_over, " tensors of other copies of the model are passed over");
  if (has_others) note += str("; what stands beside ", section.substr(0, section.size() - 1), " is passed over");
  out.notes.insert(out.notes.begin(), note);
  return out;
}

}  // namespace kelvin
