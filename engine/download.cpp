#include "engine/download.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "engine/child_process.h"
#include "engine/paths.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

using Path = std::filesystem::path;

bool is_busy(const std::string& http_code) {
  return http_code == "408" || http_code == "429" || http_code == "500" || http_code == "502" || http_code == "503" ||
         http_code == "504";
}

// Before what curl says at the end; headers come first.
constexpr char kEndOfHeaders = '\x1f';

// One try, from where `part` ends. The output: the headers, the answer's code and curl's reason.
CapturedRun run_curl(const std::string& url, const Path& part, const DownloadOptions& options, int lock) {
  // A bar is for people at a terminal, and with it curl says its own line of a failure; elsewhere there is ours alone.
  const bool has_bar = !options.is_quiet && isatty(STDERR_FILENO) == 1;
  return run_captured({.arguments = {"curl",
                                     "--fail",
                                     "--location",
                                     "--globoff",
                                     "--proto",
                                     "=https,http,file",
                                     "--proto-redir",
                                     "=https,http",
                                     "--connect-timeout",
                                     "30",
                                     "--speed-limit",
                                     "1000",
                                     "--speed-time",
                                     std::to_string(options.stall_seconds),
                                     has_bar ? "--progress-bar" : "--silent",
                                     "--continue-at",
                                     "-",
                                     "--dump-header",
                                     "-",
                                     "--write-out",
                                     kEndOfHeaders + std::string("%{http_code} %{errormsg}"),
                                     "--output",
                                     std::filesystem::absolute(part).string(),
                                     "--",
                                     url},
                       .errors = has_bar ? STDERR_FILENO : ChildCommand::kNowhere,
                       .kept = lock});
}

}  // namespace

DownloadLock::DownloadLock(const Path& path, bool is_quiet) : path_(path) {
  while (!take(is_quiet)) {
  }
}

DownloadLock::~DownloadLock() { unlink(path_.c_str()); }

// False where the file was removed by its last holder in the meantime.
bool DownloadLock::take(bool is_quiet) {
  file_ = Descriptor(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  if (!file_) throw mistake(path_.string(), ": cannot be made: ", std::strerror(errno));
  int result = flock(file_.get(), LOCK_EX | LOCK_NB);
  if (result != 0 && errno == EWOULDBLOCK) {
    if (!is_quiet) std::fprintf(stderr, "another fetch is at it; waiting for its end\n");
    while ((result = flock(file_.get(), LOCK_EX)) != 0 && errno == EINTR) {
    }
  }
  if (result != 0)
    throw mistake(path_.string(), ": cannot be locked: ", std::strerror(errno), "; choose a folder on a local disk");
  struct stat held {
  }, named{};
  return fstat(file_.get(), &held) == 0 && lstat(path_.c_str(), &named) == 0 && held.st_ino == named.st_ino;
}

std::string download(const std::string& url, const Path& part, const DownloadOptions& options,
                     const DownloadLock& lock) {
  constexpr int kHttpError = 22, kTimeout = 28, kNoRange = 33, kBadResume = 36, kTries = 4;
  for (int attempt = 1;; ++attempt) {
    std::error_code error;
    const auto kind = std::filesystem::symlink_status(part, error).type();
    const bool resumes = kind == std::filesystem::file_type::regular;
    if (!resumes && kind != std::filesystem::file_type::not_found)
      throw mistake(part.string(), ": is no plain file; remove it");
    const CapturedRun curl = run_curl(url, part, options, lock.descriptor());
    const std::size_t end = std::min(curl.output.rfind(kEndOfHeaders), curl.output.size());
    const std::string headers = curl.output.substr(0, end);
    const std::string said = end < curl.output.size() ? curl.output.substr(end + 1) : "";
    if (curl.code == 0) return headers;
    const std::string http_code = said.substr(0, 3);
    if (resumes && curl.code == kHttpError && http_code == "416")
      return headers;  // nothing beyond what is here: the digest decides
    if (resumes && attempt < kTries && (curl.code == kNoRange || curl.code == kBadResume)) {
      remove_path(part);  // this server cannot go on: from the start
      continue;
    }
    if (attempt < kTries && curl.code == kHttpError && is_busy(http_code)) {
      std::this_thread::sleep_for(std::chrono::seconds(1 << (attempt - 1)));
      continue;
    }
    std::string reason = said.size() > 4 ? said.substr(4) : str("curl's exit code ", curl.code);
    if (curl.code == kTimeout)
      reason += str(" (", options.stall_seconds, " seconds with next to nothing arriving end it)");
    throw mistake(url, ": download failed: ", reason, "; what has arrived stays in ", part.string(),
                  ", run the command again to go on");
  }
}

}  // namespace kelvin
