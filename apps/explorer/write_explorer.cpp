#include "apps/explorer/write_explorer.h"

#include "apps/explorer/embedded.h"
#include "apps/report/embedded.h"
#include "apps/report/html.h"
#include "engine/atomic_file.h"

namespace kelvin {

std::int64_t write_explorer(const std::filesystem::path& output, const Exploration& exploration) {
  const std::string style = embedded::style() + embedded::figure_style() + explorer_parts::style(),
                    script = embedded::figure_script() + explorer_parts::script();
  const std::string page = fill_page(
      explorer_parts::page(), {{"CSS", style}, {"DATA", json_for_script(to_json(exploration))}, {"SCRIPT", script}});
  write_file_atomically(output, std::as_bytes(std::span(page)));
  return static_cast<std::int64_t>(page.size());
}

}  // namespace kelvin
