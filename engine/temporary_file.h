// A file under a name that nobody can guess, in an open folder, until it is renamed. A writer holds a kernel lock (flock) on it
// from its first moment to its last: a file without one was left by a writer that was killed, whatever machine or container it ran
// in as long as the kernel knows its locks.
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
  // In its folder, in the place of what is there; false with errno set when that fails.
  [[nodiscard]] bool rename_to(const std::string& name);

 private:
  int folder_;
  std::string name_;
  Descriptor file_;
};

// Whether such a file may be called that.
[[nodiscard]] bool is_temporary_name(std::string_view name);

// Removes what killed writers left in the folder. Files of writers that live, and all others, stay.
void remove_leftovers(int folder);

}  // namespace kelvin
