#include "apps/report/glossary.h"

#include <cctype>
#include <sstream>

#include "apps/report/embedded.h"
#include "apps/report/html.h"

namespace kelvin {
namespace {

std::string glossary_id(std::string_view term) {
  std::string id = "glossary-";
  for (const char c : term)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      id += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    else if (id.back() != '-')
      id += '-';
  return id;
}

}  // namespace

std::string glossary_html(std::string_view markdown) {
  constexpr std::string_view kBegin = "- **", kEnd = "**: ";
  std::string out;
  std::istringstream lines{std::string(markdown)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t end = line.find(kEnd);
    if (line.starts_with(kBegin) && end != std::string::npos) {
      const std::string term = line.substr(kBegin.size(), end - kBegin.size());
      out += (out.empty() ? "" : "</dd>\n") + ("<dt id=\"" + glossary_id(term) + "\">") + escape_html(term) +
             "</dt><dd>" + escape_html(line.substr(end + kEnd.size()));
    } else if (line.starts_with("  ") && !out.empty()) {
      out += " " + escape_html(line.substr(2));
    }
  }
  return out.empty() ? out : "<dl class=\"glossary\">\n" + out + "</dd>\n</dl>\n";
}

std::string glossary_html() { return glossary_html(embedded::glossary()); }

}  // namespace kelvin
