// A file with an unpredictable name in an open folder, until it is renamed. Its writer holds a kernel lock (flock) on it all the time. So a file
// without a lock was left by a writer that was killed, on any machine or in any container whose locks this kernel sees.
#pragma once

#include <string>
#include <string_view>

#include "engine/descriptor.h"

namespace kelvin {

class TemporaryFile {
 public:
  // Throws std::system_error where the file cannot be made. The folder may be open with O_PATH; it must outlive the file.
  explicit TemporaryFile(int folder);
  ~TemporaryFile();  // removes the file, unless it was renamed
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] int descriptor() const { return file_.get(); }
  // Renames it in its folder and replaces a file of that name; false with errno set when that fails.
  [[nodiscard]] bool rename_to(const std::string& name);

 private:
  int folder_;
  std::string name_;
  Descriptor file_;
};

// Whether a temporary file can have this name.
[[nodiscard]] bool is_temporary_name(std::string_view name);

// Removes the temporary files of killed writers from the folder. Those of running writers, and all other files, stay.
void remove_leftovers(int folder);

}  // namespace kelvin
