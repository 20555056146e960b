#include "engine/foreign_file.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace kelvin {
namespace {

constexpr const char* kConvert =
    "; convert it in Python: safetensors.torch.save_file(torch.load(FILE, weights_only=True), \"weights.safetensors\")";

constexpr const char* kPickle = "is a Python pickle, of which only those of torch.save are read";
constexpr const char* kSave = "; in Python: torch.save(model.state_dict(), \"weights.pt\")";

struct Kind {
  std::string_view start;
  const char *what, *advice;
};
const Kind kBinary[] = {
    {"PK\x03\x04", "is a zip file, as PyTorch writes .pt and .pth", kConvert},
    {"PK\x05\x06", "is an empty zip file", ", expected weights"},
    {"\x80\x02", kPickle, kSave},
    {"\x80\x03", kPickle, kSave},
    {"\x80\x04", kPickle, kSave},
    {"\x80\x05", kPickle, kSave},
    {"\x1f\x8b", "is a gzip file", "; unpack it first"},
    {"\x89HDF", "is an HDF5 file, as Keras writes weights", "; save them as safetensors"},
    {"\x93NUMPY", "is a .npy file", ", expected safetensors"},
    {"GGUF", "is a GGUF file", ", expected safetensors"},
};
const Kind kText[] = {
    {"version https://git-lfs", "is a git-lfs pointer, not the file itself", "; fetch it with: git lfs pull"},
    {"<", "is a web page or XML, not the file itself", "; download it again from the link to the raw file"},
};

}  // namespace

std::size_t first_of_text(std::span<const std::byte> start) {
  if (start.empty() || std::find(start.begin(), start.end(), std::byte{}) != start.end()) return start.size();
  std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  std::size_t at = text.starts_with("\xef\xbb\xbf") ? 3 : 0;
  while (at < text.size() && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  return at;
}

std::string foreign_kind(std::span<const std::byte> start) {
  std::string_view text(reinterpret_cast<const char*>(start.data()), start.size());
  const auto found_in = [&text](std::span<const Kind> kinds) -> std::string {
    for (const Kind& kind : kinds)
      if (text.starts_with(kind.start)) return std::string(kind.what) + kind.advice;
    return {};
  };
  // Safetensors begins with the length of its header, which has zeros in its high bytes, and a brace.
  if (text.size() > 8 && text.substr(4, 4) == std::string_view("\0\0\0\0", 4) && text[8] == '{') return {};
  if (std::string kind = found_in(kBinary); !kind.empty()) return kind;
  text.remove_prefix(first_of_text(start));
  return found_in(kText);
}

}  // namespace kelvin
