// decode_images_cached: one safetensors file, with checksums, a list of image files.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include "data/image_file.h"
#include "engine/digest.h"
#include "engine/input_file.h"
#include "engine/safetensors.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

constexpr const char* kImages = "images";

// Digests of the list of files: which they are, in any order; and in what order and state. So the entry of another order is never
// taken for this one, and is removed when this one is written. A file that was replaced or written has another inode or another time
// of change, whatever its size and its time of modification say.
struct Identity {
  std::string files, state;
};
Identity identity_of(const std::vector<Path>& files) {
  Digest which(Digest::Kind::sha256), state(Digest::Kind::sha256);
  std::vector<std::string> names;
  for (const Path& file : files) {
    struct stat s {};
    if (stat(file.c_str(), &s) != 0)
      throw mistake(file.string(), ": cannot be read: ", std::generic_category().message(errno));
    const std::string path = std::filesystem::absolute(file).lexically_normal().string();
    names.push_back(path);
    state.add(str(path, '\n', s.st_size, ' ', s.st_dev, ' ', s.st_ino));
    for (const timespec& time : {s.st_mtim, s.st_ctim}) state.add(str(' ', time.tv_sec, '.', time.tv_nsec));
    state.add("\n");
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) which.add(name + '\n');
  return {which.hex().substr(0, 16), state.hex().substr(0, 32)};
}

// The images of an entry; nothing where there is none, or one that is damaged.
std::vector<std::uint8_t> read_entry(const Path& path, const std::vector<std::int64_t>& shape) {
  try {
    if (!is_there(path)) return {};
    const SafetensorsFile file = read_safetensors(path);
    const auto found = file.tensors.find(kImages);
    if (!file.has_checksums || found == file.tensors.end() || found->second.dtype != "U8" ||
        found->second.shape != shape)
      return {};
    std::vector<std::uint8_t> images;
    images.reserve(byte_count(found->second));
    for_each_block(found->second, [&](std::span<const std::byte> block) {
      const auto* const first = reinterpret_cast<const std::uint8_t*>(block.data());
      images.insert(images.end(), first, first + block.size());
    });
    return images;
  } catch (const Error&) {
    return {};
  }
}

void remove_older(const Path& folder, const std::string& prefix, const Path& kept) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error))
    if (entry.path() != kept && entry.path().filename().string().starts_with(prefix))
      std::filesystem::remove(entry.path(), error);
}

}  // namespace

Path cache_folder() {
  const auto from = [](const char* variable, const char* inside) -> Path {
    const char* const value = std::getenv(variable);
    return value != nullptr && *value != '\0' ? Path(value) / inside : Path();
  };
  for (const auto& [variable, inside] :
       {std::pair{"KELVIN_CACHE", ""}, {"XDG_CACHE_HOME", "kelvin"}, {"HOME", ".cache/kelvin"}})
    if (const Path folder = from(variable, inside); !folder.empty()) return folder;
  return {};
}

std::vector<std::uint8_t> decode_images_cached(const std::string& name, const std::vector<Path>& files, int height,
                                               int width, int channels) {
  const Path cache = cache_folder();
  if (cache.empty()) return decode_images(files, height, width, channels);
  const Identity identity = identity_of(files);
  const std::string prefix = name + "-" + identity.files + "-";
  const Path folder = cache / "images", path = folder / (prefix + identity.state + ".safetensors");
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(files.size()), height, width, channels};
  std::vector<std::uint8_t> images = read_entry(path, shape);
  if (!images.empty()) return images;
  images = decode_images(files, height, width, channels);
  try {
    std::filesystem::create_directories(folder);
    write_safetensors(path, {{kImages, {"U8", shape, std::as_bytes(std::span(images))}}}, {});
    remove_older(folder, prefix, path);
  } catch (const std::exception&) {  // a cache that cannot be written saves no time; nothing else is lost
  }
  return images;
}

}  // namespace kelvin
