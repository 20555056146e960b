// Damages the bytes of a file: bytes changed, cut off, put together from two places, brackets and large numbers put in.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace kelvin::testing {

class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  // One to four changes.
  std::string operator()(std::string bytes) {
    for (std::size_t n = below(4) + 1; n > 0; --n) change(bytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n > 0 ? n - 1 : 0)(random_); }
  // Half of the changes are in the first 256 bytes, where formats keep their headers.
  std::size_t place(std::size_t size) { return below(below(2) == 0 ? std::min<std::size_t>(size, 256) : size); }

  void change(std::string& bytes) {
    static const std::vector<std::string> known = {std::string(300'000, '['),
                                                   std::string(300'000, '{'),
                                                   "{\"a\":",
                                                   "18446744073709551615",
                                                   "-1",
                                                   "1e999",
                                                   "nan",
                                                   "null",
                                                   "\"",
                                                   "\n",
                                                   std::string(8, '\xff'),
                                                   std::string(8, '\0'),
                                                   std::string(4, '\x7f'),
                                                   "[[",
                                                   "]]",
                                                   "\x1b[2J",
                                                   std::string(70'000, 'a'),
                                                   "\xc3\x28",
                                                   "9999999999999999999999999999",
                                                   "../",
                                                   "%s%n",
                                                   "true"};
    const std::size_t at = place(bytes.size());
    switch (below(8)) {
      case 0:
        if (!bytes.empty()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        if (!bytes.empty()) bytes[at] = static_cast<char>(below(256));
        break;
      case 2: bytes.resize(at); break;
      case 3: bytes.erase(at, below(64)); break;
      case 4: bytes.insert(at, bytes.substr(place(bytes.size()), below(4096))); break;
      case 5: bytes.insert(at, known[below(known.size())]); break;
      case 6: {
        const std::string& text = known[below(known.size())];
        bytes.replace(at, std::min(text.size(), bytes.size() - at), text);
        break;
      }
      default: change_number(bytes, at);
    }
  }
  // The next decimal number in the text becomes another.
  void change_number(std::string& bytes, std::size_t at) {
    static const std::vector<std::string> numbers = {
        "0",     "-1", "1", "255", "65536", "2147483647", "4294967296", "9223372036854775807", "18446744073709551616",
        "1e308", "0.5"};
    const std::size_t begin = bytes.find_first_of("0123456789", at);
    if (begin == std::string::npos) return;
    const std::size_t end = std::min(bytes.find_first_not_of("0123456789.", begin), bytes.size());
    bytes.replace(begin, end - begin, numbers[below(numbers.size())]);
  }

  std::mt19937 random_;
};

}  // namespace kelvin::testing
