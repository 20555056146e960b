#include "apps/card/write_card.h"

#include "apps/card/embedded.h"
#include "apps/report/embedded.h"
#include "apps/report/html.h"
#include "apps/run/json_output.h"
#include "engine/atomic_file.h"
#include "engine/checked_json.h"

namespace kelvin {

std::filesystem::path page_of(const std::filesystem::path& json) {
  std::filesystem::path page = json;
  return page.replace_extension(".html");
}

void write_card(const std::filesystem::path& json, const Json& card) {
  const std::string title = "Robustness card: " + card.at("model").at("name").get<std::string>();
  const std::string page =
      fill_page(card_parts::page(),
                {{"TITLE", escape_html(title)},
                 {"CSS", embedded::style() + card_parts::style()},
                 {"DATA", json_for_script(card)},
                 {"SCRIPT", embedded::elements_script() + card_parts::script() + embedded::contents_script()}});
  const std::string text = checked_json_text(Json::parse(to_text(card)));
  write_file_atomically(json, std::as_bytes(std::span(text)));
  write_file_atomically(page_of(json), std::as_bytes(std::span(page)));
}

}  // namespace kelvin
