// Numbers on the command line: which texts are one, and what is said of those that are not.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace kelvin {

// Every flag of the program that takes numbers refuses nan and infinity, what does not fit, and text around a number. Of a flag that
// is given several times only the value that counts is looked at. Called when all commands have their flags.
void guard_numbers(CLI::App& app);

// What is wrong with a value that was given, without those given before it that do not count.
[[nodiscard]] std::string conversion_mistake(const CLI::App& app, const std::string& said);

// Lets an option take fractions: "8/255" becomes its decimal value.
[[nodiscard]] CLI::Validator fraction();

// Lets an option take numbers from `least` on, and to `most`.
[[nodiscard]] CLI::Validator no_less_than(int least);
[[nodiscard]] CLI::Validator between(int least, int most);
inline constexpr int kMostPixels = 4096, kMostClasses = 1'000'000;  // a side of an image; what data may name
// Lets an option take numbers > 0.
[[nodiscard]] CLI::Validator above_zero();

}  // namespace kelvin
