// decode_images_cached: one .npy a list of files.
#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "data/digest.h"
#include "data/image_file.h"
#include "data/npy.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

// Digests of the list of files: which they are, in any order; and in what order and state. So the entry of another order is never
// taken for this one, and is removed when this one is written.
struct Identity {
  std::string files, state;
};
Identity identity_of(const std::vector<Path>& files) {
  Sha256 which, state;
  std::vector<std::string> names;
  for (const Path& file : files) {
    std::error_code error;
    const std::string path = std::filesystem::absolute(file).lexically_normal().string();
    const auto size = std::filesystem::file_size(file, error);
    if (error) throw mistake(file.string(), ": cannot be read: ", error.message());
    const auto time = std::filesystem::last_write_time(file, error).time_since_epoch().count();
    names.push_back(path);
    state.add(str(path, '\n', size, ' ', time, '\n'));
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) which.add(name + '\n');
  return {which.hex().substr(0, 16), state.hex().substr(0, 32)};
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
  const Path folder = cache / "images", path = folder / (prefix + identity.state + ".npy");
  const std::vector<std::int64_t> shape = {static_cast<std::int64_t>(files.size()), height, width, channels};
  try {
    if (std::filesystem::exists(path)) {
      const NpyArray kept = read_npy(path);
      const auto* const first = reinterpret_cast<const std::uint8_t*>(kept.bytes.data());
      if (kept.type == "u1" && kept.shape == shape) return {first, first + kept.bytes.size()};
    }
  } catch (const Error&) {  // a damaged entry is written anew
  }
  std::vector<std::uint8_t> images = decode_images(files, height, width, channels);
  try {
    std::filesystem::create_directories(folder);
    write_npy(path, std::span<const std::uint8_t>(images), shape);
    remove_older(folder, prefix, path);
  } catch (const std::exception&) {  // a cache that cannot be written saves no time; nothing else is lost
  }
  return images;
}

}  // namespace kelvin
