#include "apps/cli/number_flags.h"

#include <cmath>

#include "apps/run/number_text.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

bool parse_double(const std::string& text, double& value) { return parse_text(text, value) == std::errc(); }

// Validators say what is wrong, or nothing, and may write the text anew for the parser, which reads 010 as eight.
std::string check_float(std::string& text) {
  double value = 0;
  const std::errc error = parse_text(text, value);
  if (error == std::errc::result_out_of_range || (std::isfinite(value) && std::abs(value) > kLargestNumber))
    return "'" + text + "' is too large or too small a number";
  if (error != std::errc()) return "'" + text + "' is no number";
  return std::isfinite(value) ? "" : "must be a finite number, got " + text;
}

template <class T>
std::string check_integer(std::string& text) {
  T value = 0;
  if (std::is_unsigned_v<T> && text.starts_with('-')) return "must be 0 or more, got " + text;
  const std::errc error = parse_whole_text(text, value);
  const bool is_count = std::is_signed_v<T>;
  if (error == std::errc::result_out_of_range || (is_count && std::abs(static_cast<double>(value)) > kMostCounted))
    return "'" + text + "' is too large a number";
  if (error != std::errc()) return "'" + text + "' is no whole number";
  text = std::to_string(value);
  return "";
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
        const std::size_t slash = text.find('/');
        if (slash == std::string::npos) return {};
        double above = 0, below = 0;
        if (!parse_double(text.substr(0, slash), above) || !parse_double(text.substr(slash + 1), below) || below == 0)
          return "'" + text + "' is no number and no fraction such as 8/255";
        char value[40];
        std::snprintf(value, sizeof value, "%.17g", above / below);
        text = value;
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
