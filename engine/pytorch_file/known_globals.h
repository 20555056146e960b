// The Python names that may stand in a pickle of torch.save, and what the reader makes of each. Nothing is imported or called: a name is a
// row of a table, and a name that has no row is refused.
#pragma once

#include <string_view>

namespace kelvin {

enum class Role {
  dictionary,   // dict and its relatives: OrderedDict, defaultdict, Counter
  sequence,     // list, tuple, set, torch.Size
  tensor,       // torch._utils._rebuild_tensor, _v2 and _v3
  parameter,    // a tensor that says whether it wants a gradient
  storage,      // type of a storage, with the type of its elements
  dtype,        // the type of elements alone
  passed_over,  // data that is no tensor: argparse.Namespace, NumPy's scalars and arrays, torch.device
};

struct KnownGlobal {
  Role role;
  std::string_view dtype = "";  // of elements, as safetensors names it; C32 and C128 beside those
  unsigned bytes = 0;           // of an element
};

// The row of "module.name"; nullptr for a name that is no part of a state dict.
[[nodiscard]] const KnownGlobal* find_global(std::string_view module, std::string_view name);

}  // namespace kelvin
