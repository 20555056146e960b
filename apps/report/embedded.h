// The files of this folder that make the page, and Chart.js, as text inside the program (made by embed.cmake).
#pragma once

#include <string>

namespace kelvin::embedded {

[[nodiscard]] std::string page();      // page.html
[[nodiscard]] std::string sections();  // sections/*.html, in the page's order
[[nodiscard]] std::string style();     // report.css
[[nodiscard]] std::string script();    // common.js and sections/*.js
[[nodiscard]] std::string chart();     // Chart.js, minified


// The page of a sweep.
[[nodiscard]] std::string common();          // common.js alone
[[nodiscard]] std::string sweep_sections();  // sweep.html
[[nodiscard]] std::string sweep_script();    // sweep.js

}  // namespace kelvin::embedded
