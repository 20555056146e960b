// A grid over training flags: axes, their values, and the cells of their product.
//
//   tau=0.1,1,50          one value for each temperature
//   lr-times-tau=false,true   a boolean flag
//   data=a:x=1,y=2;b      semicolons separate values that contain commas
//
// Seeds are the last axis. Cells are in the order of the axes, the last varying fastest. Names and order depend on the request only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kelvin {

// A flag of `kelvin train`, without its dashes.
struct Flag {
  std::string name, value;
  bool operator==(const Flag&) const = default;
};
using Flags = std::vector<Flag>;  // a later flag replaces an earlier one of the same name

// Sets flags[name]: in place if it exists, else at the end.
void set_flag(Flags& flags, const Flag& flag);
[[nodiscard]] std::string flag_value(const Flags& flags, const std::string& name, const std::string& otherwise);
// "--name=value"; a boolean flag with value false is left out, with value true it is "--name".
[[nodiscard]] std::vector<std::string> arguments_of(const Flags& flags);

struct AxisValue {
  std::string label;                 // "50"; for a variant its name
  Flags flags;                       // the flags that it sets
  std::vector<double> logit_scales;  // factors of the logits for further measurements
};
struct Axis {
  std::string name;  // the flag, or "variant"
  std::vector<AxisValue> values;
};

[[nodiscard]] Flag parse_flag(const std::string& text);          // "name=value"; throws a mistake
[[nodiscard]] Axis parse_axis(const std::string& text);          // "flag=V1,V2"; throws: no value, a value twice
[[nodiscard]] AxisValue parse_variant(const std::string& text);  // "NAME: flag=value flag=value"; throws
// "0,1,2"; throws a mistake that names the field.
[[nodiscard]] std::vector<std::uint64_t> parse_seeds(const std::string& text, const std::string& field = "seeds");

// Where the axis of that name stands. Throws a mistake, of the field that names it, if there is none.
[[nodiscard]] std::size_t axis_position(const std::vector<Axis>& axes, const std::string& name,
                                        const std::string& field);
[[nodiscard]] std::vector<Axis> other_axes(std::vector<Axis> axes, const std::string& name);  // all but that one

struct Cell {
  std::string group;                // folder name without the seed: "tau-50_lr-0.1"
  std::string name;                 // folder name: "tau-50_lr-0.1_seed-0"
  std::string label;                // for people: "tau 50, lr 0.1"
  std::vector<std::string> values;  // label of its value on each axis
  std::uint64_t seed = 0;
  Flags flags;  // all flags of the training, seed included
  std::vector<double> logit_scales;
};

// `fixed` are the flags of every cell; an axis overrides them. Throws a mistake for a repeated axis, no seeds, or two cells with the same folder.
[[nodiscard]] std::vector<Cell> expand(const std::vector<Axis>& axes, const Flags& fixed,
                                       const std::vector<std::uint64_t>& seeds);

}  // namespace kelvin
