#include "apps/report/html.h"

#include <algorithm>

#include "apps/run/json_output.h"
#include "engine/printable.h"

namespace kelvin {

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string json_for_script(const nlohmann::json& json) {
  std::string out;
  for (const char c : printable(to_text(json))) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

std::string fill_page(const std::string& page, const std::vector<std::pair<std::string, std::string>>& parts) {
  std::string out;
  for (std::size_t at = 0; at < page.size();) {
    const auto part = std::find_if(parts.begin(), parts.end(), [&](const auto& p) {
      return page.compare(at, p.first.size() + 4, "{{" + p.first + "}}") == 0;
    });
    if (part == parts.end()) {
      out += page[at++];
    } else {
      out += part->second;
      at += part->first.size() + 4;
    }
  }
  return out;
}

}  // namespace kelvin
