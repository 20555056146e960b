// --help: the flags that a beginner needs, in groups, within 100 columns; --help-all: all flags.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace kelvin {

// The name of a flag's group for CLI11; flags that are not basic appear in --help-all only.
[[nodiscard]] std::string help_group(const std::string& title, bool is_basic);

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_group(std::string group, bool is_positional, std::vector<const CLI::Option*> options) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_footer(const CLI::App* app) const override;

 private:
  mutable bool shows_all_ = false, hides_ = false;  // state of the help that is being written
};

}  // namespace kelvin
