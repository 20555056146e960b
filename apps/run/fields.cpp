#include "apps/run/fields.h"

#include <algorithm>
#include <cmath>

namespace kelvin {
namespace {

std::string described(const Range& r) {
  const auto text = [](double v) { return exact(v); };
  if (!r.low && !r.high) return "a finite number";
  if (!r.high) return (r.is_above ? "> " : "") + text(*r.low) + (r.is_above ? "" : " or more");
  if (r.is_below) return "at least " + text(*r.low) + " and below " + text(*r.high);
  if (r.is_above) return "above " + text(*r.low) + " and at most " + text(*r.high);
  return text(*r.low) + " to " + text(*r.high);
}

// `on`: the value when the switch is given.
Field switch_field(const std::string& name, bool& value, bool on, const Message& help, Resume resume) {
  return {.name = name,
          .help = help,
          .group = "",
          .type = "",
          .resume = resume,
          .set =
              [name, &value, on](const std::string& text) {
                if (text != "true" && text != "false")
                  throw mistake(FieldName{name}, ": must be true or false, got ", text);
                value = (text == "true") == on;
              },
          .text = [&value, on] { return value == on ? "true" : "false"; },
          .json = [&value] { return nlohmann::json(value); },
          .check = [] {}};
}

}  // namespace

Fields group(const std::string& title, Fields fields) {
  for (Field& f : fields) f.group = title;
  return fields;
}

Field basic(Field field) {
  field.is_basic = true;
  return field;
}

Fields basic(Fields fields) {
  for (Field& f : fields) f.is_basic = true;
  return fields;
}

Field required(Field field) {
  field.is_required = true;
  return field;
}

Field also(Field field, const std::string& alias) {
  field.alias = alias;
  return field;
}

Field with_computed_default(Field field) {
  field.is_default_shown = false;
  return field;
}

Fields joined(std::initializer_list<Fields> parts) {
  Fields all;
  for (const Fields& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Fields only(const Fields& fields, const std::vector<std::string>& names) {
  Fields some;
  for (const std::string& name : names) some.push_back(*find(fields, name));
  return some;
}

const Field* find(const Fields& fields, const std::string& name) {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

void check(const Fields& fields) {
  for (const Field& f : fields) f.check();
}

std::string json_name(const Field& f) {
  std::string name = f.name;
  std::ranges::replace(name, '-', '_');
  return name;
}

nlohmann::json to_json(const Fields& fields) {
  nlohmann::json json;
  for (const Field& f : fields) json[json_name(f)] = f.json();
  return json;
}

void require_in(const std::string& name, const Range& r, double value, const std::string& shown) {
  const bool is_low = r.low && (r.is_above ? value <= *r.low : value < *r.low);
  const bool is_high = r.high && (r.is_below ? value >= *r.high : value > *r.high);
  if (!std::isfinite(value) || is_low || is_high)
    throw mistake(FieldName{name}, " must be ", described(r), ", got ", shown);
}

Field field(const std::string& name, bool& value, const Message& help, Resume resume) {
  return switch_field(name, value, true, help, resume);
}

Field off(const std::string& name, bool& value, const Message& help, Resume resume) {
  return switch_field(name, value, false, help, resume);
}

Field field(const std::string& name, std::string& value, const Message& help, Resume resume) {
  return {.name = name,
          .help = help,
          .group = "",
          .type = "TEXT",
          .resume = resume,
          .set = [&value](const std::string& text) { value = text; },
          .text = [&value] { return value; },
          .json = [&value] { return nlohmann::json(value); },
          .check = [] {}};
}

Field field(const std::string& name, std::string& value, const std::vector<std::string>& known, const Message& help,
            Resume resume) {
  const auto require_known = [name, known](const std::string& text) {
    if (std::ranges::count(known, text) == 0)
      throw mistake(FieldName{name}, " ", text, " is unknown; known: ", listed(known));
  };
  Field f = field(name, value, help, resume);
  f.set = [require_known, &value](const std::string& text) {
    require_known(text);
    value = text;
  };
  f.check = [require_known, &value] { require_known(value); };
  return f;
}

}  // namespace kelvin
