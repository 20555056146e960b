#include "apps/cli/number_flags.h"

#include <cmath>

#include "apps/run/number_text.h"
#include "kernels/device/error.h"
#include "kernels/device/exact.h"

namespace kelvin {
namespace {

bool parse_double(const std::string& text, double& value) { return parse_text(text, value) == std::errc(); }

// Validators say what is wrong, or nothing, and may write the text anew for the parser, which reads 010 as eight.
std::string check_float(std::string& text) {
  double value = 0;
  return read_number(text, value);
}

template <class T>
std::string check_integer(std::string& text) {
  T value = 0;
  const std::string problem = read_whole(text, value);
  if (problem.empty()) text = std::to_string(value);
  return problem;
}

// The parser numbers the values of a flag that takes one so that the last is number 0.
CLI::Validator the_last(CLI::Validator validator) { return validator.application_index(0); }

void guard(CLI::Option& option) {
  const std::string type = option.get_type_name();
  const auto those_that_count = [&](const CLI::Validator& validator) {
    return option.get_items_expected_max() == 1 ? the_last(validator) : validator;
  };
  if (type.starts_with("FLOAT")) option.check(those_that_count(CLI::Validator(check_float, "")));  // after fraction()
  if (type.starts_with("INT")) option.transform(those_that_count(CLI::Validator(check_integer<std::int64_t>, "")));
  if (type.starts_with("UINT")) option.transform(those_that_count(CLI::Validator(check_integer<std::uint64_t>, "")));
}

}  // namespace

void guard_numbers(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) guard(*option);
  for (CLI::App* command : app.get_subcommands([](CLI::App*) { return true; })) guard_numbers(*command);
}

std::string conversion_mistake(const CLI::App& app, const std::string& said) {
  for (const CLI::Option* option : app.get_options())
    if (option->count() > 0 && said.find(option->get_name() + " = ") != std::string::npos)
      return option->get_name() + ": '" + option->results().back() + "' is not a value it takes";
  for (const CLI::App* command : app.get_subcommands())
    if (const std::string text = conversion_mistake(*command, said); text != said) return text;
  return said;
}

CLI::Validator fraction() {
  return the_last(CLI::Validator(
      [](std::string& text) -> std::string {
        double value = 0;
        if (text.find('/') == std::string::npos) return {};
        if (const std::string problem = read_fraction(text, value); !problem.empty()) return problem;
        text = exact(value);
        return {};
      },
      "FRACTION", "fraction"));
}

CLI::Validator no_less_than(int least) {
  return the_last(CLI::Validator(
      [least](std::string& text) -> std::string {
        double value = 0;
        return parse_double(text, value) && value < least ? str("must be ", least, " or more, got ", text) : "";
      },
      "", "at least"));
}

CLI::Validator between(int least, int most) {
  return the_last(CLI::Validator(
      [least, most](std::string& text) -> std::string {
        double value = 0;
        return parse_double(text, value) && !(value >= least && value <= most)
                   ? str("must be ", least, " to ", most, ", got ", text)
                   : "";
      },
      "", "between"));
}

CLI::Validator above_zero() {
  return the_last(CLI::Validator(
      [](std::string& text) -> std::string {
        double value = 0;
        return parse_double(text, value) && !(value > 0) ? "must be > 0, got " + text : "";
      },
      "", "above zero"));
}

}  // namespace kelvin
