// What the calls in a pickle make: dictionaries, lists, tensors, storages. None of them is a call of anything but the functions here.
#pragma once

#include "engine/pytorch_file/pickle_stack.h"

namespace kelvin {

// REDUCE and NEWOBJ: pushes what `called` makes of the arguments.
void push_result(PickleStack& stack, const KnownGlobal& called, const PickleHandles& arguments);

// BINPERSID: ("storage", type, key, device, count[, (key, offset, count) of a view]).
void push_storage(PickleStack& stack, const PickleHandles& parts);

}  // namespace kelvin
