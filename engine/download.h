// Downloads a file with the program curl, which is started without a shell and dies with this one.
//
// The file grows in `part` and goes on there if it was interrupted (an HTTP Range request). The caller checks it and gives it its name, so that
// a file with a name is whole. Two downloads of one file take turns with a DownloadLock.
#pragma once

#include <filesystem>
#include <string>

#include "engine/descriptor.h"

namespace kelvin {

struct DownloadOptions {
  bool is_quiet = false;   // no progress bar of curl, which there is on a terminal alone
  int stall_seconds = 30;  // a download of less than 1000 bytes a second for so long is given up
};

// Waits for the lock. It is the kernel's (flock) and belongs to the programs that are started, too: it is free once they are gone. Whoever ends
// removes the file, so that no lock lies about.
class DownloadLock {
 public:
  DownloadLock(const std::filesystem::path& path, bool is_quiet);
  ~DownloadLock();
  DownloadLock(const DownloadLock&) = delete;
  DownloadLock& operator=(const DownloadLock&) = delete;
  [[nodiscard]] int descriptor() const { return file_.get(); }

 private:
  bool take(bool is_quiet);
  std::filesystem::path path_;
  Descriptor file_;
};

// Brings `url` (https, http or file) to `part`, of which a beginning may be there, and returns the headers of the answers, those of redirections
// first. A server that cannot go on in the middle is asked from the start; a busy one is asked again. Mistakes: what curl says of a download
// that failed (what has arrived stays), no curl, a `part` that is no plain file.
std::string download(const std::string& url, const std::filesystem::path& part, const DownloadOptions& options,
                     const DownloadLock& lock);

}  // namespace kelvin
