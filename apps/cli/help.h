// --help: the flags that a beginner needs, in groups, within 100 columns; --help-all: all.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace kelvin {

// The group of a flag, as CLI11 takes it; one that is not basic is for --help-all alone.
[[nodiscard]] std::string help_group(const std::string& title, bool is_basic);

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
  std::string make_group(std::string group, bool is_positional, std::vector<const CLI::Option*> options) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_footer(const CLI::App* app) const override;

 private:
  mutable bool shows_all_ = false, hides_ = false;  // of the help that is being made
};

}  // namespace kelvin
