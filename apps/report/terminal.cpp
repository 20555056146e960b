#include "apps/report/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace kelvin {
namespace {

constexpr std::size_t kLeastColumns = 40, kUsualColumns = 100;

void fold_line(std::string_view line, std::size_t columns, std::string& out) {
  if (width_of(line) <= columns) {
    out += line;
    return;
  }
  const std::size_t leading = std::min(line.find_first_not_of(' '), line.size());
  const std::string indent(std::min(leading + 2, columns / 2), ' ');
  std::size_t width = leading;
  out += line.substr(0, leading);
  line.remove_prefix(leading);
  for (bool is_first = true; !line.empty(); is_first = false) {
    const std::size_t spaces = std::min(line.find_first_not_of(' '), line.size());
    std::size_t end = std::min(line.find(' ', spaces), line.size());
    if (line.substr(end).starts_with(" %"))
      end = std::min(line.find(' ', end + 1), line.size());  // "85.0 %" stays whole
    const std::string_view word = line.substr(spaces, end - spaces);
    if (!is_first && width + spaces + width_of(word) > columns) {
      out += "\n" + indent;
      width = indent.size();
    } else {
      out += line.substr(0, spaces);
      width += spaces;
    }
    out += word;
    width += width_of(word);
    line.remove_prefix(spaces + word.size());
  }
}

}  // namespace

std::size_t terminal_columns() {
  std::size_t columns = 0;
  if (const char* text = std::getenv("COLUMNS")) columns = std::strtoul(text, nullptr, 10);
  winsize size{};
  if (columns == 0 && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) columns = size.ws_col;
  return columns == 0 ? kUsualColumns : std::max(columns, kLeastColumns);
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string folded(std::string_view text, std::size_t columns) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    fold_line(text.substr(0, end), columns, out);
    if (end < text.size()) out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

}  // namespace kelvin
