// What is wrong with the file of --config, for people: CLI11 names neither the file nor the section that is missing.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace kelvin {

// The line for the first entry that `app` cannot use; `said` is what CLI11 said of it.
[[nodiscard]] std::string config_mistake(const CLI::App& app, const std::string& said);

}  // namespace kelvin
