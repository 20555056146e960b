#include "apps/sweep/grid.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <set>

#include "kernels/device/error.h"
#include "kernels/device/listed.h"

namespace kelvin {
namespace {

constexpr std::size_t kLongestName = 240;  // of a cell: a file's name of 255 bytes with what is added to it

std::string trimmed(const std::string& text) {
  const auto is_space = [](char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; };
  const auto first = std::find_if_not(text.begin(), text.end(), is_space);
  const auto last = std::find_if_not(text.rbegin(), text.rend(), is_space).base();
  return first < last ? std::string(first, last) : "";
}

// What a folder name may hold.
std::string slug(const std::string& text) {
  std::string out;
  for (const char c : text)
    out += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '+' ? c : '-';
  return out;
}

}  // namespace

void set_flag(Flags& flags, const Flag& flag) {
  const auto found = std::find_if(flags.begin(), flags.end(), [&](const Flag& f) { return f.name == flag.name; });
  if (found == flags.end())
    flags.push_back(flag);
  else
    found->value = flag.value;
}

std::string flag_value(const Flags& flags, const std::string& name, const std::string& otherwise) {
  for (const Flag& f : flags)
    if (f.name == name) return f.value;
  return otherwise;
}

std::vector<std::string> arguments_of(const Flags& flags) {
  std::vector<std::string> arguments;
  for (const Flag& f : flags) {
    if (f.value == "false") continue;
    arguments.push_back(f.value == "true" ? str("--", f.name) : str("--", f.name, "=", f.value));
  }
  return arguments;
}

Flag parse_flag(const std::string& text) {
  const std::size_t equals = text.find('=');
  std::string name = trimmed(text.substr(0, equals));
  while (name.starts_with("-")) name.erase(0, 1);
  if (equals == std::string::npos || name.empty() || equals + 1 == text.size())
    throw mistake("'", text, "' is no FLAG=VALUE");
  return {name, trimmed(text.substr(equals + 1))};
}

Axis parse_axis(const std::string& text) {
  const Flag flag = parse_flag(text);
  Axis axis{flag.name, {}};
  std::set<std::string> seen;
  for (const std::string& part : nonempty_parts_of(flag.value, flag.value.find(';') != std::string::npos ? ';' : ',')) {
    const std::string value = trimmed(part);
    if (!seen.insert(value).second) throw mistake("grid"_field, " ", text, ": ", value, " stands there twice");
    axis.values.push_back({value, {{axis.name, value}}, {}});
  }
  if (axis.values.empty())
    throw mistake("grid"_field, " ", text, ": no values; write ", "grid"_field, " ", flag.name, "=V1,V2");
  return axis;
}

AxisValue parse_variant(const std::string& text) {
  const std::size_t colon = text.find(':');
  AxisValue value{trimmed(text.substr(0, colon)), {}, {}};
  if (colon == std::string::npos || value.label.empty())
    throw mistake("variant"_field, " '", text, "': expected 'NAME: flag=value flag=value'");
  for (const std::string& part : nonempty_parts_of(text.substr(colon + 1), ' ')) {
    const Flag flag = parse_flag(part);
    if (flag.name != "logit-scale") {
      set_flag(value.flags, flag);
      continue;
    }
    double scale = 0;
    const auto [end, error] = std::from_chars(flag.value.data(), flag.value.data() + flag.value.size(), scale);
    if (error != std::errc() || end != flag.value.data() + flag.value.size() || !(scale > 0) || !std::isfinite(scale))
      throw mistake("variant"_field, " '", text, "': logit-scale must be a number > 0");
    value.logit_scales.push_back(scale);
  }
  return value;
}

std::vector<std::uint64_t> parse_seeds(const std::string& text, const std::string& field) {
  std::vector<std::uint64_t> seeds;
  for (const std::string& part : nonempty_parts_of(text, ',')) {
    std::uint64_t seed = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), seed);
    if (error != std::errc() || end != part.data() + part.size())
      throw mistake(FieldName{field}, " ", text, ": '", part, "' is no whole number of 0 or more");
    if (std::find(seeds.begin(), seeds.end(), seed) != seeds.end())
      throw mistake(FieldName{field}, " ", text, ": ", seed, " stands there twice");
    seeds.push_back(seed);
  }
  if (seeds.empty()) throw mistake(FieldName{field}, ": at least one is needed, e.g. ", FieldName{field}, " 0,1,2");
  return seeds;
}

std::size_t axis_position(const std::vector<Axis>& axes, const std::string& name, const std::string& field) {
  const auto axis = std::find_if(axes.begin(), axes.end(), [&](const Axis& a) { return a.name == name; });
  if (axis == axes.end())
    throw mistake(FieldName{field}, " ", name, ": no axis of that name; add ", "grid"_field, " ", name, "=V1,V2");
  return static_cast<std::size_t>(axis - axes.begin());
}

std::vector<Axis> other_axes(std::vector<Axis> axes, const std::string& name) {
  std::erase_if(axes, [&](const Axis& a) { return a.name == name; });
  return axes;
}

std::vector<Cell> expand(const std::vector<Axis>& axes, const Flags& fixed, const std::vector<std::uint64_t>& seeds) {
  std::set<std::string> names;
  for (const Axis& axis : axes)
    if (!names.insert(axis.name).second) throw mistake("grid"_field, " ", axis.name, ": two axes of that name");
  if (names.contains("seed")) throw mistake("grid"_field, " seed: use ", "seeds"_field);
  std::vector<Cell> cells(1);
  cells[0].flags = fixed;
  for (const Axis& axis : axes) {
    std::vector<Cell> product;
    for (const Cell& cell : cells)
      for (const AxisValue& value : axis.values) {
        Cell next = cell;
        const bool is_variant = axis.name == "variant";
        next.values.push_back(value.label);
        const std::string label = is_variant ? value.label : str(axis.name, " ", value.label);
        const std::string folder = is_variant ? slug(value.label) : str(slug(axis.name), "-", slug(value.label));
        next.label = next.label.empty() ? label : str(next.label, ", ", label);
        next.group = next.group.empty() ? folder : str(next.group, "_", folder);
        for (const Flag& flag : value.flags) set_flag(next.flags, flag);
        next.logit_scales.insert(next.logit_scales.end(), value.logit_scales.begin(), value.logit_scales.end());
        product.push_back(std::move(next));
      }
    cells = std::move(product);
  }
  std::vector<Cell> seeded;
  std::set<std::string> folders;
  for (Cell& cell : cells)
    for (const std::uint64_t seed : seeds) {
      Cell next = cell;
      if (next.group.empty()) next.group = next.label = "run";
      next.seed = seed;
      next.name = str(next.group, "_seed-", seed);
      set_flag(next.flags, {"seed", std::to_string(seed)});
      if (next.name.size() > kLongestName)
        throw mistake("the cell ", next.name.substr(0, 40), "... would have a folder's name of ", next.name.size(),
                      " bytes, at most ", kLongestName, "; give values short names with ", "variant"_field,
                      " 'NAME: flag=value'");
      if (!folders.insert(next.name).second)
        throw mistake("two cells would share the folder ", next.name,
                      "; choose values that differ in letters or digits");
      seeded.push_back(std::move(next));
    }
  return seeded;
}

}  // namespace kelvin
