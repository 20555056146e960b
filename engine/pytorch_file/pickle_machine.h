// Reads Python's pickle format as far as a state dict needs it, and executes nothing.
//
// A pickle is a program for a machine with a stack (CPython, Lib/pickletools.py). This one knows the operations that torch.save writes, in
// pickle protocols 2 to 5, and the names of known_globals.h. A call of one of these builds a plain value; everything else is a mistake that
// names it: an unknown name ("posix.system: not part of a state dict"), an object of a class (a whole pickled model), an unknown operation.
#pragma once

#include "engine/pytorch_file/pickle_input.h"
#include "engine/pytorch_file/pickle_values.h"

namespace kelvin {

// The first pickle of `input`, which is left behind its end. Further mistakes: damaged bytes, more than 4,000,000 operations, texts of more
// than 128 MB. There is no recursion.
[[nodiscard]] Pickle read_pickle(PickleInput& input);

}  // namespace kelvin
