#include "apps/tensorboard/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "apps/tensorboard/crc32c.h"
#include "apps/tensorboard/events.h"
#include "engine/input_file.h"
#include "engine/printable.h"
#include "kernels/device/error.h"

namespace kelvin {
namespace {

constexpr std::string_view kPrefix = "events.out.tfevents.";
constexpr std::int64_t kMostSeconds = 9'999'999'999;  // ten digits, so that names sort by time

template <class T>
void append_little_endian(std::string& text, T value) {
  for (std::size_t byte = 0; byte < sizeof value; ++byte) text += static_cast<char>(value >> (8 * byte) & 0xFF);
}

// The seconds in a file's name; 0 where there are none.
std::int64_t seconds_in(const std::string& name) {
  std::int64_t seconds = 0;
  if (name.starts_with(kPrefix)) std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), seconds);
  return seconds;
}

std::string host_name() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) return "unknown";
  std::string name = host.data();
  std::ranges::replace(name, '/', '_');
  return name.substr(0, 100);
}

std::vector<std::string> event_files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  if (is_folder(folder)) names = names_in(folder);
  std::erase_if(names, [](const std::string& name) { return !name.starts_with(kPrefix); });
  return names;
}

std::filesystem::path new_name(const std::filesystem::path& folder) {
  auto seconds = static_cast<std::int64_t>(seconds_since_1970());
  for (const std::string& name : names_in(folder))
    if (const std::int64_t there = seconds_in(name); there < kMostSeconds) seconds = std::max(seconds, there + 1);
  std::array<char, 24> digits{};
  std::snprintf(digits.data(), digits.size(), "%010lld", static_cast<long long>(seconds));
  return folder / (std::string(kPrefix) + digits.data() + "." + host_name() + "." + std::to_string(getpid()) + ".0");
}

}  // namespace

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool has_event_files(const std::filesystem::path& folder) { return !event_files_in(folder).empty(); }

void remove_event_files(const std::filesystem::path& folder) {
  for (const std::string& name : event_files_in(folder)) {
    std::error_code error;
    std::filesystem::remove(folder / name, error);
    if (error) throw mistake(printable((folder / name).string()), ": cannot be removed: ", error.message());
  }
}

std::string record_of(std::string_view data) {
  std::string record;
  append_little_endian<std::uint64_t>(record, data.size());
  append_little_endian(record, masked_crc32c(record));
  record += data;
  append_little_endian(record, masked_crc32c(data));
  return record;
}

EventFile::EventFile(const std::filesystem::path& folder)
    : path_(new_name(folder)),
      file_(open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0666)) {
  if (!file_) throw mistake(printable(path_.string()), ": cannot be written: ", std::strerror(errno));
  add(version_event(seconds_since_1970()));
}

void EventFile::add(std::string_view event) {
  const std::string record = record_of(event);
  for (std::size_t done = 0; done < record.size();) {
    const ssize_t n = write(file_.get(), record.data() + done, record.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw mistake(printable(path_.string()), ": cannot be written: ", std::strerror(errno));
    done += static_cast<std::size_t>(n);
  }
}

void EventFile::sync() const {
  if (fsync(file_.get()) != 0)
    throw mistake(printable(path_.string()), ": cannot be written to the disk: ", std::strerror(errno));
}

}  // namespace kelvin
