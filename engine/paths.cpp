#include "engine/paths.h"

#include "kernels/device/error.h"

namespace kelvin {
namespace {

void require_done(const std::error_code& error, const std::filesystem::path& path, const char* what) {
  if (error) throw mistake(path.string(), ": cannot be ", what, ": ", error.message());
}

}  // namespace

void make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  require_done(error, path, "made");
}

void remove_path(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  require_done(error, path, "removed");
}

void rename_path(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  require_done(error, to, "made");
}

}  // namespace kelvin
