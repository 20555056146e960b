// The parts of the course's page as text inside the program (apps/report/embed.cmake).
#pragma once

#include <string>

namespace kelvin::course_parts {

[[nodiscard]] std::string page();     // page.html
[[nodiscard]] std::string style();    // course.css
[[nodiscard]] std::string script();   // the figures and course.js
[[nodiscard]] std::string lessons();  // lessons/*.html in their order

// The still pictures, stills/NAME.html.
[[nodiscard]] std::string still_tau();
[[nodiscard]] std::string still_training();
[[nodiscard]] std::string still_plane();
[[nodiscard]] std::string still_twin();
[[nodiscard]] std::string still_float32();
[[nodiscard]] std::string still_attack();
[[nodiscard]] std::string still_distance();
[[nodiscard]] std::string still_real();

}  // namespace kelvin::course_parts
