// Typed fields of a JSON object from a file. A field that is absent, of another type or out of range is a mistake that names the file and
// the field, so that callers need no checks of their own.
//
//   const JsonFields report(run.result("train"), json);
//   const double loss = report.number("train_loss");
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/run/fields.h"
#include "kernels/device/error.h"

namespace kelvin {

class JsonFields {
 public:
  // Throws a mistake unless `json` is an object; keeps a reference to it. `part`: its place in the file, for messages.
  JsonFields(std::filesystem::path file, const nlohmann::json& json, std::string part = "");

  [[nodiscard]] bool has(const std::string& name) const;  // false for null
  [[nodiscard]] bool is_list(const std::string& name) const;
  [[nodiscard]] double number(const std::string& name) const;
  [[nodiscard]] double number_or_nan(const std::string& name) const;  // JSON writes NaN as null
  [[nodiscard]] std::int64_t integer(const std::string& name, std::int64_t least, std::int64_t most) const;
  [[nodiscard]] std::uint64_t seed(const std::string& name) const;  // all of 64 bits
  [[nodiscard]] std::string text(const std::string& name) const;
  [[nodiscard]] bool flag(const std::string& name) const;
  [[nodiscard]] std::vector<double> numbers(const std::string& name) const;
  [[nodiscard]] std::vector<std::string> texts(const std::string& name) const;
  [[nodiscard]] JsonFields object(const std::string& name) const;
  [[nodiscard]] std::vector<JsonFields> objects(const std::string& name) const;

  // The mistake for a field that does not hold what is `expected`.
  [[nodiscard]] Error unlike(const std::string& name, const std::string& expected) const;

 private:
  [[nodiscard]] const nlohmann::json& at(const std::string& name) const;
  [[nodiscard]] std::string part_of(const std::string& name) const;

  std::filesystem::path file_;
  const nlohmann::json& json_;
  std::string part_;
};

// Sets every field of the table from the element of its name ("_" for "-"): reads what to_json(Fields) writes.
void read_fields(const JsonFields& from, const Fields& into);

}  // namespace kelvin
