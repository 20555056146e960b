#include "data/npy.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <map>
#include <ostream>

#include "engine/atomic_file.h"
#include "engine/input_file.h"
#include "engine/tensor_file.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr std::size_t kMaxHeader = 10'000;  // NumPy's own limit when reading
constexpr std::size_t kMaxStart = 12 + kMaxHeader;
constexpr char kMagic[] = "\x93NUMPY";

const std::map<std::string, std::size_t>& element_sizes() {
  static const std::map<std::string, std::size_t> sizes = {{"b1", 1}, {"u1", 1}, {"i1", 1}, {"u2", 2},
                                                           {"i2", 2}, {"u4", 4}, {"i4", 4}, {"u8", 8},
                                                           {"i8", 8}, {"f2", 2}, {"f4", 4}, {"f8", 8}};
  return sizes;
}

// Reads the header, a Python dict literal with the keys descr, fortran_order and shape in any order.
class HeaderParser {
 public:
  HeaderParser(const Path& path, std::string_view text, std::size_t offset)
      : path_(path), text_(text), offset_(offset) {}

  void parse() {
    expect('{');
    while (!accept('}')) {
      const std::string key = quoted();
      expect(':');
      if (key == "descr") {
        if (peek() != '\'' && peek() != '"')
          throw damaged("a structured element type; expected a plain one such as '<f4'");
        descr = quoted();
      } else if (key == "fortran_order") {
        fortran_order = boolean();
      } else if (key == "shape") {
        shape = tuple();
        has_shape_ = true;
      } else {
        throw damaged("an unknown key '" + key + "'");
      }
      if (!accept(',') && peek() != '}') throw damaged("no comma between entries");
    }
    if (descr.empty() || !has_shape_) throw damaged("no descr or no shape");
  }

  std::string descr;
  bool fortran_order = false;
  std::vector<std::int64_t> shape;

 private:
  [[nodiscard]] Error damaged(const std::string& what) const {
    return mistake(path_.string(), ": byte ", offset_ + at_, ": damaged .npy header: ", what);
  }
  char peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) throw damaged(str("expected '", c, "'"));
  }
  std::string quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') throw damaged("expected a quoted string");
    const std::size_t end = text_.find(quote, ++at_);
    if (end == std::string_view::npos) throw damaged("a string without end");
    std::string value(text_.substr(at_, end - at_));
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return value;
    }
    throw damaged("fortran_order is neither True nor False");
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> dims;
    expect('(');
    while (!accept(')')) {
      std::int64_t value = 0;
      if (!std::isdigit(static_cast<unsigned char>(peek()))) throw damaged("a dimension that is no number");
      while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])))
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, text_[at_++] - '0', &value))
          throw damaged("a dimension that overflows");
      accept('L');  // Python 2 wrote long integers so
      dims.push_back(value);
      if (!accept(',') && peek() != ')') throw damaged("no comma between dimensions");
    }
    return dims;
  }

  const Path& path_;
  std::string_view text_;
  std::size_t offset_, at_ = 0;
  bool has_shape_ = false;
};

template <class Stored, class Out>
std::vector<Out> convert(const NpyArray& a) {
  std::vector<Out> out(static_cast<std::size_t>(a.size()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    Stored value;
    std::memcpy(&value, a.bytes.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = static_cast<Out>(value);
  }
  return out;
}

template <class Out>
std::vector<Out> convert_integers(const NpyArray& a) {
  if (a.type == "u1" || a.type == "b1") return convert<std::uint8_t, Out>(a);
  if (a.type == "i1") return convert<std::int8_t, Out>(a);
  if (a.type == "u2") return convert<std::uint16_t, Out>(a);
  if (a.type == "i2") return convert<std::int16_t, Out>(a);
  if (a.type == "u4") return convert<std::uint32_t, Out>(a);
  if (a.type == "i4") return convert<std::int32_t, Out>(a);
  if (a.type == "u8") return convert<std::uint64_t, Out>(a);
  if (a.type == "i8") return convert<std::int64_t, Out>(a);
  throw mistake(a.path.string(), ": elements of type ", a.type, ", expected integers");
}

void write(const Path& path, const std::string& descr, std::span<const std::byte> data,
           const std::vector<std::int64_t>& shape) {
  NpyArray named;
  named.shape = shape;
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + named.shape_text() + ", }";
  constexpr std::size_t kPrefix = 10;
  header.append((64 - (kPrefix + header.size() + 1) % 64) % 64, ' ');
  header += '\n';
  write_file_atomically(path, [&](std::ostream& out) {
    out.write(kMagic, 6);
    const char rest[4] = {1, 0, static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
    out.write(rest, 4);
    out << header;
    out.write(reinterpret_cast<const char*>(data.data()), static_cast<std::streamsize>(data.size()));
  });
}

}  // namespace

std::int64_t NpyArray::size() const {
  std::uint64_t n = 1;  // unsigned, because a dimension of 0 may follow those whose product wraps
  for (const std::int64_t d : shape) n *= static_cast<std::uint64_t>(d);
  return static_cast<std::int64_t>(n);
}

std::string NpyArray::shape_text() const {
  std::string text = "(";
  for (const std::int64_t d : shape) text += std::to_string(d) + ", ";
  if (shape.size() == 1) text.pop_back();
  if (shape.size() > 1) text.resize(text.size() - 2);
  return text + ")";
}

std::vector<float> NpyArray::to_float() const {
  for (const auto& [numpy, safetensors] : {std::pair("f2", "F16"), {"f4", "F32"}, {"f8", "F64"}})
    if (type == numpy) return floats_of({safetensors, shape, bytes});
  return convert_integers<float>(*this);
}

std::vector<std::int64_t> NpyArray::to_int() const {
  std::vector<std::int64_t> values = convert_integers<std::int64_t>(*this);
  if (type != "u8") return values;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] < 0)
      throw mistake(path.string(), ": element ", i, " is ", static_cast<std::uint64_t>(values[i]),
                    ", too large for a signed integer");
  return values;
}

namespace {

// Where the data begin, after checks of all that the header says against a file of `size` bytes; `start` is what it begins with: all of
// it, or at least kMaxStart bytes.
std::size_t read_header(NpyArray& array, std::span<const std::byte> start, std::uint64_t size) {
  const Path& path = array.path;
  const auto at = [&](std::size_t i) { return std::to_integer<std::size_t>(start[i]); };
  if (start.size() < 10 || std::memcmp(start.data(), kMagic, 6) != 0)
    throw mistake(path.string(), ": byte 0: not a .npy file (expected \\x93NUMPY)");
  const std::size_t version = at(6);
  if (version < 1 || version > 3)
    throw mistake(path.string(), ": byte 6: .npy version ", version, ", expected 1, 2 or 3");
  const std::size_t prefix = version == 1 ? 10 : 12;
  if (start.size() < prefix) throw mistake(path.string(), ": ends at byte ", size, " inside its header");
  std::size_t header_size = at(8) | at(9) << 8;
  if (version > 1) header_size |= at(10) << 16 | at(11) << 24;
  if (header_size > kMaxHeader)
    throw mistake(path.string(), ": byte 8: a header of ", header_size, " bytes, at most ", kMaxHeader, " are read");
  if (prefix + header_size > size)
    throw mistake(path.string(), ": ends at byte ", size, ", its header at ", prefix + header_size, " (truncated?)");

  HeaderParser header(path, {reinterpret_cast<const char*>(start.data()) + prefix, header_size}, prefix);
  header.parse();
  array.shape = header.shape;
  const std::string& descr = header.descr;
  if (descr.size() < 2 || descr.find('O') != std::string::npos)
    throw mistake(path.string(), ": element type '", descr, "' needs pickle, which is not read; save numbers");
  if (descr[0] == '>')
    throw mistake(path.string(), ": big-endian data ('", descr, "'); save with .astype('<", descr.substr(1), "')");
  array.type = descr.substr(descr[0] == '<' || descr[0] == '|' || descr[0] == '=' ? 1 : 0);
  const auto element = element_sizes().find(array.type);
  if (element == element_sizes().end())
    throw mistake(path.string(), ": element type '", descr, "' is not read; save numbers");
  if (header.fortran_order) throw mistake(path.string(), ": in Fortran order; save with numpy.ascontiguousarray(a)");
  std::uint64_t expected = element->second;
  for (const std::int64_t d : array.shape)
    if (__builtin_mul_overflow(expected, static_cast<std::uint64_t>(d), &expected))
      throw mistake(path.string(), ": shape ", array.shape_text(), " overflows");
  const std::size_t data = prefix + header_size;
  if (size - data != expected)
    throw mistake(path.string(), ": shape ", array.shape_text(), " of '", descr, "' needs ", expected,
                  " bytes from byte ", data, " on, the file holds ", size - data,
                  size - data < expected ? " (truncated?)" : "");
  return data;
}

std::size_t read_header(NpyArray& array, InputFile& file) {
  std::vector<std::byte> start(std::min<std::uint64_t>(file.size(), kMaxStart));
  file.read(start);
  return read_header(array, start, file.size());
}

}  // namespace

NpyArray parse_npy(const Path& path, std::vector<std::byte> bytes) {
  NpyArray array{path, {}, {}, {}};
  const std::size_t data = read_header(array, bytes, bytes.size());
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(data));
  array.bytes = std::move(bytes);
  return array;
}

NpyArray read_npy_header(const Path& path) {
  NpyArray array{path, {}, {}, {}};
  InputFile file(path);
  (void)read_header(array, file);
  return array;
}

NpyArray read_npy(const Path& path) {
  NpyArray array{path, {}, {}, {}};
  InputFile file(path);
  const std::size_t data = read_header(array, file);
  array.bytes.resize(file.size() - data);
  file.read_at(data, array.bytes);
  return array;
}

void write_npy(const Path& path, std::span<const float> values, const std::vector<std::int64_t>& shape) {
  write(path, "<f4", std::as_bytes(values), shape);
}

void write_npy(const Path& path, std::span<const std::uint8_t> values, const std::vector<std::int64_t>& shape) {
  write(path, "|u1", std::as_bytes(values), shape);
}

}  // namespace kelvin
