// Weights in PyTorch's own files (.pt, .pth), as torch.save writes them: the zip format of PyTorch 1.6 and later, and the format before.
//
// Zip format: NAME/data.pkl is a pickle (pickle_machine.h) in which tensors refer to storages, NAME/data/KEY their bytes. Format before: five
// pickles (a magic number, a version, the machine, the data, the keys of the storages), then every storage as a count and its bytes.
// Both are documented by torch/serialization.py alone.
#pragma once

#include "engine/safetensors.h"

namespace kelvin {

// Whether a file begins as torch.save's do. A zip file may still be something else, which read_pytorch_file says.
[[nodiscard]] bool is_pytorch_file(std::span<const std::byte> start);

// The tensors of the file (state_dict.h). Elements are read where they are needed, so the file takes no more memory than the tensors that are
// used; from one thread at a time. Nothing in the file is executed. A mistake with the reason: a whole pickled model, a TorchScript archive,
// any Python name that is not part of a state dict, big-endian numbers, damage.
[[nodiscard]] SafetensorsFile read_pytorch_file(const std::shared_ptr<const InputFile>& input);

}  // namespace kelvin
