// Text for people that may name fields of options structs: str() and message() join values with operator<<.
//
//   message("awp"_field, " needs ", "accumulate"_field, " 1")     text "awp needs accumulate 1", fields {0, 10}
//
// The text holds the bare names. A program whose options are flags adds its marks: .with("--") is "--awp needs --accumulate 1".
#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace kelvin {

struct FieldName {
  std::string_view name;
  friend std::ostream& operator<<(std::ostream& out, FieldName field) { return out << field.name; }
};
constexpr FieldName operator""_field(const char* name, std::size_t length) { return {{name, length}}; }

struct Message {
  Message(std::string all, std::vector<std::size_t> names = {}) : text(std::move(all)), fields(std::move(names)) {}
  Message(const char* all) : text(all) {}

  std::string text;
  std::vector<std::size_t> fields;  // where in `text` the name of a field begins, ascending

  [[nodiscard]] std::string with(std::string_view mark) const {
    std::string marked;
    std::size_t done = 0;
    for (const std::size_t field : fields) {
      marked.append(text, done, field - done).append(mark);
      done = field;
    }
    return marked.append(text, done);
  }
};

// Joins values into one string with operator<<.
template <class... Parts>
[[nodiscard]] std::string str(const Parts&... parts) {
  std::ostringstream out;
  out.exceptions(std::ios_base::badbit);  // no memory is an exception, not a shorter text
  (out << ... << parts);
  return out.str();
}

// The same; FieldName and Message among the parts keep their names of fields.
template <class... Parts>
[[nodiscard]] Message message(const Parts&... parts) {
  Message all("");
  const auto add = [&all](const auto& part) {
    using Part = std::decay_t<decltype(part)>;
    if constexpr (std::is_same_v<Part, Message>)
      for (const std::size_t field : part.fields) all.fields.push_back(all.text.size() + field);
    if constexpr (std::is_same_v<Part, FieldName>) all.fields.push_back(all.text.size());
    if constexpr (std::is_same_v<Part, Message>)
      all.text += part.text;
    else
      all.text += str(part);
  };
  (add(parts), ...);
  return all;
}

}  // namespace kelvin
