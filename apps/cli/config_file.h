// Error messages about the file of --config. CLI11's own messages name neither the file nor the missing section.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace kelvin {

// The message about the first entry that `app` cannot use; `said` is CLI11's message.
[[nodiscard]] std::string config_mistake(const CLI::App& app, const std::string& said);

}  // namespace kelvin
