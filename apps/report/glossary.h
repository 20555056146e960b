// The glossary of apps/analysis/GLOSSARY.md for a page.
#pragma once

#include <string>
#include <string_view>

namespace kelvin {

// The entries of a list `- **term**: text` (further lines are indented) as <dl>, in the order given; anything else is left out. An entry's id is
// glossary-TERM in small letters, other characters as hyphens.
[[nodiscard]] std::string glossary_html(std::string_view markdown);

// Kelvin's own.
[[nodiscard]] std::string glossary_html();

}  // namespace kelvin
