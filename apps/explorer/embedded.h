// The parts of the explorer's page as text inside the program (CMakeLists.txt).
#pragma once

#include <string>

namespace kelvin::explorer_parts {

[[nodiscard]] std::string page();    // page.html
[[nodiscard]] std::string style();   // report.css of apps/report, and explorer.css
[[nodiscard]] std::string script();  // in the order in which they run

}  // namespace kelvin::explorer_parts
