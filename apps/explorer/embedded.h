// The parts of the explorer's page as text inside the program (CMakeLists.txt).
#pragma once

#include <string>

namespace kelvin::explorer_parts {

[[nodiscard]] std::string page();    // page.html
[[nodiscard]] std::string style();   // explorer.css
[[nodiscard]] std::string script();  // the scripts of this folder

}  // namespace kelvin::explorer_parts
