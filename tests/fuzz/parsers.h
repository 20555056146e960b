// The parsers for the fuzzer and the corpus test. Each parser accepts any bytes and either returns a file with consistent parts or throws a
// mistake. Anything else (another exception, a crash, a sanitizer's report, an inconsistent result) is a defect.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/toml.h"
#include "apps/run/run_folder.h"
#include "apps/training/position.h"
#include "data/idx.h"
#include "data/image_file.h"
#include "data/image_folders.h"
#include "data/npy.h"
#include "engine/checked_json.h"
#include "engine/json_text.h"
#include "engine/printable.h"
#include "engine/pytorch_file/pytorch_file.h"
#include "engine/safetensors.h"
#include "engine/safetensors_shards.h"
#include "engine/tensor_file.h"
#include "kernels/device/error.h"

namespace kelvin::fuzz {

inline void require(bool promise) {
  if (!promise) std::abort();
}

template <class F>
void tolerate_mistakes(const F& f) {
  try {
    f();
  } catch (const Error& e) {
    require(e.code() == ExitCode::mistake);
  }
}

inline std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void safetensors(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    const SafetensorsFile file = parse_safetensors("fuzz", {bytes.begin(), bytes.end()});
    std::size_t total = 0;
    for (const auto& [name, entry] : file.tensors) {
      total += byte_count(entry);
      if (is_float_type(entry.dtype)) (void)floats_of(entry);
    }
    require(total <= bytes.size());
  });
}

// A file in memory, as the reader takes files only.
class MemoryFile {
 public:
  explicit MemoryFile(std::span<const std::byte> bytes) : descriptor_(memfd_create("fuzz", MFD_CLOEXEC)) {
    require(write(descriptor_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

// PyTorch's files, of both formats; the elements of tensors that are not too large for a fast fuzzer.
inline void pytorch(std::span<const std::byte> bytes) {
  if (!is_pytorch_file(bytes.first(std::min<std::size_t>(bytes.size(), 64)))) return;
  const MemoryFile memory(bytes);
  tolerate_mistakes([&] {
    const SafetensorsFile file = read_pytorch_file(std::make_shared<InputFile>(memory.path()));
    require(!file.tensors.empty());
    int left = 100;
    for (const auto& [name, entry] : file.tensors) {
      std::uint64_t count = 1;
      for (const std::int64_t d : entry.shape) count *= static_cast<std::uint64_t>(d);
      require(is_utf8(name) && (count == 0 ? byte_count(entry) == 0 : byte_count(entry) % count == 0));
      if (byte_count(entry) > 1 << 16 || --left < 0) continue;
      require(elements_of(entry).size() == byte_count(entry));
      if (is_float_type(entry.dtype)) require(floats_of(entry).size() == count);
    }
  });
}

inline void npy(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    const NpyArray array = parse_npy("fuzz", {bytes.begin(), bytes.end()});
    std::size_t size = 1;
    for (const auto d : array.shape) size *= static_cast<std::size_t>(d);
    require(array.to_float().size() == size);
  });
}

inline void idx(std::span<const std::byte> bytes) {
  const auto* const p = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (const int rank : {1, 3})
    tolerate_mistakes([&] {
      const IdxArray array = parse_idx("fuzz", {p, p + bytes.size()}, rank);
      std::size_t size = 1;
      for (const auto d : array.shape) size *= static_cast<std::size_t>(d);
      require(array.values.size() == size);
    });
}

// PNG, JPEG and BMP: the header, and the pixels if they are few enough for a fast fuzzer.
inline void image(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    const ImageHeader header = image_header("fuzz", bytes);
    const std::int64_t pixels = static_cast<std::int64_t>(header.height) * header.width;
    require(header.height > 0 && header.width > 0 && pixels <= kMaxImagePixels);
    if (pixels > 1 << 16) return;
    for (const int channels : {1, 3}) {
      const DecodedImage decoded = decode_image("fuzz", bytes, channels);
      require(decoded.pixels.size() == static_cast<std::size_t>(pixels * channels));
    }
  });
}

// Tiny-ImageNet's val_annotations.txt.
inline void annotations(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    for (const Annotation& a : parse_annotations("fuzz", text_of(bytes)))
      require(!a.file.empty() && !a.wnid.empty() && a.file.find('/') == std::string::npos);
  });
}

// Headers, results, indices: what is read can be written and read again. Results carry a checksum; metrics are one value a line.
inline void json(std::span<const std::byte> bytes) {
  const std::string_view text = text_of(bytes);
  tolerate_mistakes([&] {
    const Json value = parse_json("fuzz", text);
    require(parse_json("fuzz", value.dump()) == value);
  });
  tolerate_mistakes([&] {
    const Json object = parse_checked_json("fuzz", text);
    if (object.contains("kelvin.format") || object.contains("kelvin.checksum")) return;
    require(parse_checked_json("fuzz", checked_json_text(object)) == object);
  });
  tolerate_mistakes([&] {
    for (const Json& line : parse_json_lines("fuzz", text)) require(!line.dump().empty());
  });
}

// config.toml and --config.
inline void toml(std::span<const std::byte> bytes) {
  const std::string text(text_of(bytes));
  for (const TomlStrings strings : {TomlStrings::escaped, TomlStrings::as_is}) try {
      for (const TomlEntry& e : parse_toml(text, strings)) require(!e.name.empty());
    } catch (const CLI::Error&) {
    }
  try {
    std::istringstream in(text);
    for (const CLI::ConfigItem& item : TomlConfig().from_config(in)) require(!item.name.empty());
  } catch (const CLI::Error&) {
  }
}

// model.safetensors.index.json
inline void shards(std::span<const std::byte> bytes) {
  tolerate_mistakes([&] {
    for (const auto& [tensor, file] : parse_shard_index("fuzz", text_of(bytes)))
      require(!file.empty() && file.find('/') == std::string::npos && file != "..");
  });
}

// The metadata of a checkpoint: its model and its position in the training.
inline void metadata(std::span<const std::byte> bytes) {
  const std::string text(text_of(bytes));
  const SafetensorsFile file{"fuzz", {}, {{"kelvin", text}, {kPositionKey, text}}, false, {}};
  tolerate_mistakes([&] {
    const RunInfo info = run_info_from(file);
    require(info.model.classes >= 1 && info.model.height >= 1 && info.model.width >= 1 &&
            !to_json(info).dump().empty());
  });
  tolerate_mistakes([&] { require(!to_json(position_from(file)).dump().empty()); });
}

// Names of files, classes and runs, as they are written into files and messages.
inline void names(std::span<const std::byte> bytes) {
  const std::string text(text_of(bytes)), escaped = escape_bytes(text), shown = printable(text);
  require(is_utf8(escaped) && unescape_bytes(escaped) == text && unescape_bytes(text).size() <= text.size());
  require(is_utf8(shown) && shown.find('\n') == std::string::npos && printable(shown) == shown);
  require(printable_lines(text).size() >= text.size());
  if (text.find('\0') != std::string::npos || text.size() > 1 << 16) return;  // no name; more than a config holds
  const std::vector<TomlEntry> entries = parse_toml("a = " + toml_value(text));
  require(entries.size() == 1 && entries[0].values == std::vector<std::string>{text});
}

}  // namespace kelvin::fuzz
