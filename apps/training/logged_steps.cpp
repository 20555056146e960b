#include "apps/training/logged_steps.h"

#include <cmath>

#include "engine/input_file.h"
#include "engine/json_text.h"

namespace kelvin {

std::vector<LoggedSteps> logged_steps(const RunFolder& run) {
  std::vector<LoggedSteps> logged;
  if (!is_there(run.metrics())) return logged;
  try {
    for (const Json& line : parse_json_lines(run.metrics(), run.read_text(run.metrics())))
      if (line.is_object() && line.value("kind", "") == "step")
        logged.push_back({line.at("step"), line.at("loss"), line.value("accuracy", std::nan(""))});
  } catch (const Error&) {
    return {};
  } catch (const Json::exception&) {
    return {};
  }
  return logged;
}

double loss_roughness(const std::vector<LoggedSteps>& logged) {
  double squares = 0;
  for (std::size_t i = 1; i + 1 < logged.size(); ++i) {
    const double bend = std::log(logged[i + 1].loss) - 2 * std::log(logged[i].loss) + std::log(logged[i - 1].loss);
    squares += bend * bend;
  }
  const double roughness = std::sqrt(squares / (static_cast<double>(logged.size()) - 2));
  return logged.size() > 2 && std::isfinite(roughness) ? roughness : std::nan("");
}

}  // namespace kelvin
