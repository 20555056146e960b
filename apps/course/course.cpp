#include "apps/course/course.h"

#include <span>

#include "apps/course/embedded.h"
#include "apps/report/embedded.h"
#include "apps/report/glossary.h"
#include "apps/report/html.h"
#include "engine/atomic_file.h"

namespace kelvin {

void write_course(const std::filesystem::path& output) {
  namespace parts = course_parts;
  const std::string lessons = fill_page(parts::lessons(), {{"TAU", parts::still_tau()},
                                                           {"TRAINING", parts::still_training()},
                                                           {"PLANE", parts::still_plane()},
                                                           {"TWIN", parts::still_twin()},
                                                           {"FLOAT32", parts::still_float32()},
                                                           {"ATTACK", parts::still_attack()},
                                                           {"DISTANCE", parts::still_distance()},
                                                           {"REAL", parts::still_real()}});
  const std::string page =
      fill_page(parts::page(), {{"CSS", embedded::style() + embedded::figure_style() + parts::style()},
                                {"LESSONS", lessons},
                                {"GLOSSARY", glossary_html()},
                                {"SCRIPT", embedded::figure_script() + parts::script()}});
  write_file_atomically(output, std::as_bytes(std::span(page)));
}

}  // namespace kelvin
