#include "apps/run/json_fields.h"

#include <cmath>

#include "engine/printable.h"

namespace kelvin {
namespace {

using Json = nlohmann::json;

// A short description of a value, because a hostile value may be as long and as deep as the file.
std::string shown(const Json& value) {
  if (value.is_null()) return "null";
  if (value.is_number()) return "the number " + value.dump();
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_object()) return "an object";
  if (value.is_array()) return "a list";
  return "the text \"" + printable(value.get_ref<const std::string&>().substr(0, 40)) + "\"";
}

}  // namespace

JsonFields::JsonFields(std::filesystem::path file, const Json& json, std::string part)
    : file_(std::move(file)), json_(json), part_(std::move(part)) {
  if (!json_.is_object())
    throw mistake(printable(file_.string()), ": ", part_, part_.empty() ? "" : " ", "is ", shown(json_),
                  ", expected an object; the file is damaged");
}

std::string JsonFields::part_of(const std::string& name) const { return part_.empty() ? name : part_ + "." + name; }

Error JsonFields::unlike(const std::string& name, const std::string& expected) const {
  return mistake(printable(file_.string()), ": ", part_of(name), " is ",
                 json_.contains(name) ? shown(json_.at(name)) : "absent", ", expected ", expected,
                 "; the file is damaged");
}

bool JsonFields::has(const std::string& name) const { return json_.contains(name) && !json_.at(name).is_null(); }

bool JsonFields::is_list(const std::string& name) const { return at(name).is_array(); }

const Json& JsonFields::at(const std::string& name) const {
  static const Json nothing;
  return json_.contains(name) ? json_.at(name) : nothing;
}

double JsonFields::number(const std::string& name) const {
  if (!at(name).is_number()) throw unlike(name, "a number");
  return at(name).get<double>();
}

double JsonFields::number_or_nan(const std::string& name) const {
  return json_.contains(name) && json_.at(name).is_null() ? std::nan("") : number(name);
}

std::int64_t JsonFields::integer(const std::string& name, std::int64_t least, std::int64_t most) const {
  const Json& value = at(name);
  const std::string expected = str("a whole number from ", least, " to ", most);
  if (!value.is_number_integer()) throw unlike(name, expected);
  // An unsigned number beyond int64 would become a negative one.
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX))
    throw unlike(name, expected);
  const auto number = value.get<std::int64_t>();
  if (number < least || number > most) throw unlike(name, expected);
  return number;
}

std::uint64_t JsonFields::seed(const std::string& name) const {
  if (!at(name).is_number_unsigned()) throw unlike(name, "a whole number from 0 on");
  return at(name).get<std::uint64_t>();
}

std::string JsonFields::text(const std::string& name) const {
  if (!at(name).is_string()) throw unlike(name, "a text");
  return at(name).get<std::string>();
}

bool JsonFields::flag(const std::string& name) const {
  if (!at(name).is_boolean()) throw unlike(name, "true or false");
  return at(name).get<bool>();
}

std::vector<double> JsonFields::numbers(const std::string& name) const {
  if (!at(name).is_array()) throw unlike(name, "a list of numbers");
  std::vector<double> all;
  for (const Json& value : at(name)) {
    if (!value.is_number()) throw unlike(name, "a list of numbers");
    all.push_back(value.get<double>());
  }
  return all;
}

std::vector<std::string> JsonFields::texts(const std::string& name) const {
  if (!at(name).is_array()) throw unlike(name, "a list of texts");
  std::vector<std::string> all;
  for (const Json& value : at(name)) {
    if (!value.is_string()) throw unlike(name, "a list of texts");
    all.push_back(value.get<std::string>());
  }
  return all;
}

JsonFields JsonFields::object(const std::string& name) const { return {file_, at(name), part_of(name)}; }

std::vector<JsonFields> JsonFields::objects(const std::string& name) const {
  if (!at(name).is_array()) throw unlike(name, "a list of objects");
  std::vector<JsonFields> all;
  for (const Json& value : at(name)) all.emplace_back(file_, value, part_of(name));
  return all;
}

void read_fields(const JsonFields& from, const Fields& into) {
  for (const Field& f : into) {
    const std::string name = json_name(f);
    f.set(f.is_switch()       ? (from.flag(name) ? "true" : "false")
          : f.type == "FLOAT" ? exact(from.number(name))
          : f.type == "UINT"  ? exact(from.seed(name))
          : f.type == "INT"   ? exact(from.integer(name, INT64_MIN, INT64_MAX))
                              : from.text(name));
  }
}

}  // namespace kelvin
