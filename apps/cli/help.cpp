#include "apps/cli/help.h"

#include <sstream>

#include "kernels/device/listed.h"

namespace kelvin {
namespace {

constexpr std::size_t kColumns = 100, kLeft = 30, kExamples = 4;
constexpr const char* kMore = " (more)";  // ends the title of a group for --help-all

// Appends the words of the line to `text`, whose last line is `column` wide, with line breaks before column kColumns.
void append_wrapped(std::string& text, std::size_t column, const std::string& line) {
  std::istringstream words(line);
  bool is_first = true;
  for (std::string word; words >> word; is_first = false) {
    if (!is_first && column + 1 + word.size() > kColumns) {
      text += "\n" + std::string(kLeft, ' ');
      column = kLeft;
    } else if (!is_first) {
      text += " ";
      ++column;
    }
    text += word;
    column += word.size();
  }
}

}  // namespace

std::string help_group(const std::string& title, bool is_basic) {
  return (title.empty() ? "Options" : title) + (is_basic ? "" : kMore);
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const {
  shows_all_ = mode != CLI::AppFormatMode::Normal;
  hides_ = false;
  std::string text = Formatter::make_help(app, std::move(name), mode);
  for (std::size_t at = 0; (at = text.find("\n\n", at)) != std::string::npos;) text.erase(at, 1);
  return text;
}

std::string HelpFormatter::make_group(std::string group, bool is_positional,
                                      std::vector<const CLI::Option*> options) const {
  const bool is_hidden = !shows_all_ && group.ends_with(kMore);
  hides_ = hides_ || is_hidden;
  return is_hidden ? "" : Formatter::make_group(std::move(group), is_positional, std::move(options));
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  std::string left = "  " + make_option_name(option, is_positional);
  if (option->get_type_size() != 0) {
    const std::string type = option->get_type_name();
    left += " " + type.substr(0, type.find(':'));  // without what its validators add
    if (!option->get_default_str().empty()) left += "=" + option->get_default_str();
    if (option->get_required()) left += " REQUIRED";
  }
  const std::string description = make_option_desc(option);
  if (!description.empty())
    left += left.size() + 1 >= kLeft ? "\n" + std::string(kLeft, ' ') : std::string(kLeft - left.size(), ' ');
  append_wrapped(left, kLeft, description);
  return left + "\n";
}

std::string HelpFormatter::make_footer(const CLI::App* app) const {
  std::string text;
  std::size_t lines = 0;
  for (const std::string& line : parts_of(app->get_footer(), '\n'))
    if (shows_all_ || !hides_ || lines++ <= kExamples) text += line + "\n";
  if (hides_) text += "--help-all shows all flags.\n";
  return text;
}

}  // namespace kelvin
