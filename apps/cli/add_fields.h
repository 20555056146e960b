// Flags from a table of fields (apps/run/fields.h): name, group in --help, default, and what the field says of a value that it does not take.
#pragma once

#include <CLI/CLI.hpp>

#include "apps/run/fields.h"

namespace kelvin {

// The object that the fields are bound to outlives the parsing.
void add_fields(CLI::App& command, const Fields& fields);

}  // namespace kelvin
