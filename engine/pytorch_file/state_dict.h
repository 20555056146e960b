// The tensors of a pickle, by name, as entries of a weight file.
//
// The name of a tensor is the way to it: the keys of the dictionaries and the places in the lists around it, with dots between them. So
// torch.save({"state_dict": model.state_dict(), "optimizer": ...}) gives "state_dict.conv1.weight", and a state dict alone "conv1.weight".
#pragma once

#include <functional>

#include "engine/pytorch_file/pickle_values.h"
#include "engine/safetensors.h"

namespace kelvin {

// Where the bytes of a storage lie.
struct StorageBytes {
  std::shared_ptr<const ByteSource> source;
  std::uint64_t begin = 0, size = 0;
};
using FindStorage = std::function<StorageBytes(const std::string& key)>;

// Adds the tensors to file.tensors, and to file.sections the dictionaries that they are in. Only offsets and shapes are looked at; elements
// are read later. Mistakes: a tensor that does not fit into its storage, a storage of another size than the pickle says, a tensor that
// repeats its elements to more than 64 MB, two tensors of one name; more than 50,000 tensors, 32 levels of dictionaries, names of 500 bytes.
void add_tensors(const Pickle& pickle, const FindStorage& find_storage, SafetensorsFile& file);

}  // namespace kelvin
