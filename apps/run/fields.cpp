#include "apps/run/fields.h"

#include <algorithm>
#include <cmath>

#include "apps/run/number_text.h"

namespace kelvin {
namespace {

// 0.0005 and 20, not 5e-04 and 2e+01; exponents where they save many zeros.
template <class T>
std::string shortest(T value) {
  char text[64];
  const T size = std::abs(value);
  const bool is_plain = size == 0 || (size >= T(1e-5) && size < T(1e15));
  const auto end = is_plain ? std::to_chars(text, text + sizeof text, value, std::chars_format::fixed).ptr
                            : std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}

std::string described(const Range& r) {
  const auto text = [](double v) { return number_text(v); };
  if (!r.low && !r.high) return "a finite number";
  if (!r.high) return (r.is_above ? "> " : "") + text(*r.low) + (r.is_above ? "" : " or more");
  if (r.is_below) return "at least " + text(*r.low) + " and below " + text(*r.high);
  if (r.is_above) return "above " + text(*r.low) + " and at most " + text(*r.high);
  return text(*r.low) + " to " + text(*r.high);
}

// Whole numbers of either sign.
template <class T>
T whole(const std::string& name, const std::string& text, double most) {
  T value = 0;
  if (std::is_unsigned_v<T> && text.starts_with('-')) throw mistake(FieldName{name}, ": must be 0 or more, got ", text);
  const std::errc error = parse_whole_text(text, value);
  if (error == std::errc::result_out_of_range || std::abs(static_cast<double>(value)) > most)
    throw mistake(FieldName{name}, ": '", text, "' is too large a number");
  if (error != std::errc()) throw mistake(FieldName{name}, ": '", text, "' is no whole number");
  return value;
}

double real(const std::string& name, const std::string& text) {
  double value = 0;
  const std::errc error = parse_text(text, value);
  if (error == std::errc::result_out_of_range || (std::isfinite(value) && std::abs(value) > kLargestNumber))
    throw mistake(FieldName{name}, ": '", text, "' is too large or too small a number");
  if (error != std::errc()) throw mistake(FieldName{name}, ": '", text, "' is no number");
  return value;
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

Fields joined(std::initializer_list<Fields> parts) {
  Fields all;
  for (const Fields& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

const Field* find(const Fields& fields, const std::string& name) {
  const auto found = std::ranges::find(fields, name, &Field::name);
  return found == fields.end() ? nullptr : &*found;
}

void check(const Fields& fields) {
  for (const Field& f : fields) f.check();
}

nlohmann::json to_json(const Fields& fields) {
  nlohmann::json json;
  for (const Field& f : fields) {
    std::string name = f.name;
    std::ranges::replace(name, '-', '_');
    json[name] = f.json();
  }
  return json;
}

void require_in(const std::string& name, const Range& r, double value, const std::string& shown) {
  const bool is_low = r.low && (r.is_above ? value <= *r.low : value < *r.low);
  const bool is_high = r.high && (r.is_below ? value >= *r.high : value > *r.high);
  if (!std::isfinite(value) || is_low || is_high)
    throw mistake(FieldName{name}, " must be ", described(r), ", got ", shown);
}

std::string number_text(float value) { return shortest(value); }
std::string number_text(double value) { return shortest(value); }

double parse_number(const std::string& name, const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return real(name, text);
  double above = 0, below = 0;
  if (parse_text(text.substr(0, slash), above) != std::errc() ||
      parse_text(text.substr(slash + 1), below) != std::errc() || below == 0)
    throw mistake(FieldName{name}, ": '", text, "' is no number and no fraction such as 8/255");
  return above / below;
}

std::int64_t parse_whole(const std::string& name, const std::string& text, std::int64_t most) {
  return whole<std::int64_t>(name, text, std::min(kMostCounted, static_cast<double>(most)));
}

std::uint64_t parse_unsigned(const std::string& name, const std::string& text) {
  return whole<std::uint64_t>(name, text, std::numeric_limits<double>::max());
}

Field field(const std::string& name, bool& value, const Message& help, Resume resume) {
  return {.name = name,
          .help = help,
          .group = "",
          .type = "",
          .resume = resume,
          .set =
              [name, &value](const std::string& text) {
                if (text != "true" && text != "false")
                  throw mistake(FieldName{name}, ": must be true or false, got ", text);
                value = text == "true";
              },
          .text = [&value] { return value ? "true" : "false"; },
          .json = [&value] { return nlohmann::json(value); },
          .check = [] {}};
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
