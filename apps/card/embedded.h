// The parts of the card's page as text inside the program (CMakeLists.txt).
#pragma once

#include <string>

namespace kelvin::card_parts {

[[nodiscard]] std::string page();    // page.html
[[nodiscard]] std::string style();   // card.css
[[nodiscard]] std::string script();  // the scripts of this folder

}  // namespace kelvin::card_parts
