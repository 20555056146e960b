// Makes text from outside (names of files, folders, classes, tensors, runs) safe for a terminal or a text file.
//
// File names are bytes; terminals obey control characters; JSON and TOML hold only UTF-8. `printable` is for people and cannot be undone;
// `escape_bytes` is for files and can.
#pragma once

#include <string>
#include <string_view>

namespace kelvin {

// For messages and tables, always one line: control characters, characters that reorder or hide text, and bytes that are not
// UTF-8 are written as \n, \t, \x1B, \u202E and the like. Everything else is unchanged. Of JSON in one line it makes the same JSON.
[[nodiscard]] std::string printable(std::string_view text);
// The same of every line: line ends stay.
[[nodiscard]] std::string printable_lines(std::string_view text);

[[nodiscard]] bool is_utf8(std::string_view text);

// For JSON, TOML and class names: UTF-8 that stands for any bytes. A byte that is not part of valid UTF-8 becomes \xNN; a
// backslash before an x becomes \x5C; everything else is unchanged. unescape_bytes(escape_bytes(b)) == b for every b.
[[nodiscard]] std::string escape_bytes(std::string_view bytes);
[[nodiscard]] std::string unescape_bytes(std::string_view text);

}  // namespace kelvin
