// The files of this folder that make the page, and Chart.js, as text inside the program (made by embed.cmake).
#pragma once

#include <string>

namespace kelvin::embedded {

[[nodiscard]] std::string page();    // page.html
[[nodiscard]] std::string style();   // report.css
[[nodiscard]] std::string script();  // report.js
[[nodiscard]] std::string chart();   // Chart.js, minified

}  // namespace kelvin::embedded
