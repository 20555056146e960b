// Options written once: one table for each options struct.
//
//   Fields fine_tuning_fields(FineTuningOptions& o) {
//     return group("Fine-tuning", {field("accumulate", o.accumulate, at_least(1), "Batches an optimizer step takes"), ...});
//   }
//
// A table is bound to one object. Its rows set, show and check the members: the command line makes flags of them (apps/cli/subcommand.h), and
// config.toml, JSON, the check of ranges and what a resumed run may change follow from the same row.
#pragma once

#include <concepts>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/run/number_text.h"
#include "kernels/device/error.h"
#include "kernels/device/exact.h"
#include "kernels/device/listed.h"

namespace kelvin {

// fixed: a resumed run keeps the value. free: a resumed run may have another value (its length, its device, the files it writes besides).
// unrecorded: the value does not describe the run and is not saved.
enum class Resume { fixed, free, unrecorded };

struct Field {
  std::string name;
  Message help = "";  // names other fields as fields
  std::string group;
  std::string type;  // "TEXT", "FLOAT", "INT", "UINT"; empty: a switch, which takes no value
  Resume resume = Resume::fixed;
  std::string alias = {};                       // another name that the command line takes
  bool is_basic = false;                        // in the short help
  bool is_required = false;                     // on the command line
  bool is_list = false;                         // several values, separated by commas
  bool is_default_shown = true;                 // false: the default depends on other options; the help text says how
  std::function<void(const std::string&)> set;  // throws a mistake that names the field
  std::function<std::string()> text;            // the present value as set() reads it; empty: not given
  std::function<nlohmann::json()> json;
  std::function<void()> check;  // throws a mistake if set() would refuse the value

  [[nodiscard]] bool is_switch() const { return type.empty(); }
};
using Fields = std::vector<Field>;

[[nodiscard]] Fields group(const std::string& title, Fields fields);
[[nodiscard]] Field basic(Field field);
[[nodiscard]] Fields basic(Fields fields);
[[nodiscard]] Field required(Field field);
[[nodiscard]] Field also(Field field, const std::string& alias);
[[nodiscard]] Field with_computed_default(Field field);
[[nodiscard]] Fields joined(std::initializer_list<Fields> parts);
[[nodiscard]] Fields only(const Fields& fields, const std::vector<std::string>& names);  // in the order of `names`
[[nodiscard]] const Field* find(const Fields& fields, const std::string& name);          // null: none of that name
void check(const Fields& fields);
[[nodiscard]] std::string json_name(const Field& field);     // "_" for "-"
[[nodiscard]] nlohmann::json to_json(const Fields& fields);  // an object, by json_name

// The numbers that a field accepts; always finite ones.
struct Range {
  std::optional<double> low, high;
  bool is_above = false, is_below = false;  // low, high themselves are excluded
};
[[nodiscard]] inline Range any() { return {}; }
[[nodiscard]] inline Range at_least(double low) { return {.low = low, .high = {}}; }
[[nodiscard]] inline Range above(double low) { return {.low = low, .high = {}, .is_above = true}; }
[[nodiscard]] inline Range in(double low, double high) { return {.low = low, .high = high}; }
[[nodiscard]] inline Range from_below(double low, double high) { return {.low = low, .high = high, .is_below = true}; }
[[nodiscard]] inline Range above_to(double low, double high) { return {.low = low, .high = high, .is_above = true}; }
inline constexpr int kMostPixels = 4096, kMostClasses = 1'000'000;  // the side of an image; the classes of a data set
void require_in(const std::string& name, const Range& range, double value, const std::string& shown);

template <class T>
concept Number = (std::integral<T> || std::floating_point<T>)&&!std::same_as<T, bool>;

// Reads a number. Throws a mistake that names the field if the text is no number or the number is out of range.
template <Number T>
[[nodiscard]] T number_of(const std::string& name, const Range& range, const std::string& text) {
  std::conditional_t<std::floating_point<T>, double,
                     std::conditional_t<std::unsigned_integral<T>, std::uint64_t, std::int64_t>>
      wide = 0;
  std::string problem;
  if constexpr (std::floating_point<T>)
    problem = read_fraction(text, wide);
  else
    problem = read_whole(text, wide);
  if (problem.empty() && std::integral<T> && static_cast<decltype(wide)>(static_cast<T>(wide)) != wide)
    problem = "'" + text + "' is too large a number";
  if (!problem.empty()) throw mistake(FieldName{name}, ": ", problem);
  const T value = static_cast<T>(wide);
  require_in(name, range, static_cast<double>(value), exact(value));
  return value;
}

// A number, which may be absent: `Member` is T or std::optional<T>.
template <Number T, class Member>
[[nodiscard]] Field number_field(const std::string& name, Member& member, const Range& range, const Message& help,
                                 Resume resume) {
  const auto given = [&member]() -> const T* {
    if constexpr (std::same_as<Member, T>)
      return &member;
    else
      return member ? &*member : nullptr;
  };
  return {.name = name,
          .help = help,
          .group = "",
          .type = std::floating_point<T>      ? "FLOAT"
                  : std::unsigned_integral<T> ? "UINT"
                                              : "INT",
          .resume = resume,
          .set = [=, &member](const std::string& text) { member = number_of<T>(name, range, text); },
          .text = [=] { return given() ? exact(*given()) : ""; },
          .json = [=] { return given() ? nlohmann::json(*given()) : nlohmann::json(); },
          .check =
              [=] {
                if (given()) require_in(name, range, static_cast<double>(*given()), exact(*given()));
              }};
}
template <Number T>
[[nodiscard]] Field field(const std::string& name, T& value, const Range& range, const Message& help,
                          Resume resume = Resume::fixed) {
  return number_field<T>(name, value, range, help, resume);
}
template <Number T>
[[nodiscard]] Field field(const std::string& name, std::optional<T>& value, const Range& range, const Message& help,
                          Resume resume = Resume::fixed) {
  return number_field<T>(name, value, range, help, resume);
}

// Numbers separated by commas.
template <Number T>
[[nodiscard]] Field field(const std::string& name, std::vector<T>& values, const Range& range, const Message& help,
                          Resume resume = Resume::fixed) {
  return {.name = name,
          .help = help,
          .group = "",
          .type = "FLOAT",
          .resume = resume,
          .is_list = true,
          .set =
              [=, &values](const std::string& text) {
                std::vector<T> read;
                for (const std::string& part : parts_of(text, ',')) read.push_back(number_of<T>(name, range, part));
                if (read.empty()) throw mistake(FieldName{name}, ": no values");
                values = std::move(read);
              },
          .text =
              [&values] {
                std::string text;
                for (const T value : values) {
                  if (!text.empty()) text += ",";
                  text += exact(value);
                }
                return text;
              },
          .json = [&values] { return nlohmann::json(values); },
          .check =
              [=, &values] {
                if (values.empty()) throw mistake(FieldName{name}, ": no values");
                for (const T value : values) require_in(name, range, static_cast<double>(value), exact(value));
              }};
}

// A switch that turns `value` on, and one that turns it off.
[[nodiscard]] Field field(const std::string& name, bool& value, const Message& help, Resume resume = Resume::fixed);
[[nodiscard]] Field off(const std::string& name, bool& value, const Message& help, Resume resume = Resume::fixed);
// Any text, or one of `known`.
[[nodiscard]] Field field(const std::string& name, std::string& value, const Message& help,
                          Resume resume = Resume::fixed);
[[nodiscard]] Field field(const std::string& name, std::string& value, const std::vector<std::string>& known,
                          const Message& help, Resume resume = Resume::fixed);

// A value that has a name.
template <class T>
struct Named {
  const char* name;
  T value;
};
template <class T>
[[nodiscard]] T named(const std::string& field, const std::vector<Named<T>>& known, const std::string& text) {
  for (const Named<T>& k : known)
    if (text == k.name) return k.value;
  throw mistake(FieldName{field}, " ", text, " is unknown; known: ", listed(known, &Named<T>::name));
}
template <class T>
[[nodiscard]] std::string name_in(const std::vector<Named<T>>& known, T value) {
  for (const Named<T>& k : known)
    if (value == k.value) return k.name;
  return "?";
}
template <class T>
[[nodiscard]] Field field(const std::string& name, T& value, const std::vector<Named<T>>& known, const Message& help,
                          Resume resume = Resume::fixed) {
  return {.name = name,
          .help = help,
          .group = "",
          .type = "TEXT",
          .resume = resume,
          .set = [=, &value](const std::string& text) { value = named(name, known, text); },
          .text = [=, &value] { return name_in(known, value); },
          .json = [=, &value] { return nlohmann::json(name_in(known, value)); },
          .check = [] {}};
}
template <class T>
[[nodiscard]] Field field(const std::string& name, std::optional<T>& value, const std::vector<Named<T>>& known,
                          const Message& help, Resume resume = Resume::fixed) {
  return {.name = name,
          .help = help,
          .group = "",
          .type = "TEXT",
          .resume = resume,
          .set =
              [=, &value](const std::string& text) {
                if (text.empty())
                  value.reset();
                else
                  value = named(name, known, text);
              },
          .text = [=, &value] { return value ? name_in(known, *value) : ""; },
          .json = [=, &value] { return value ? nlohmann::json(name_in(known, *value)) : nlohmann::json(); },
          .check = [] {}};
}

}  // namespace kelvin
