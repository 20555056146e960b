#include "kernels/device/notes.h"

#include <algorithm>
#include <cstdio>
#include <mutex>

namespace kelvin {
namespace {

std::mutex mutex;
bool is_silent = false;

std::vector<std::string>& all() {
  static auto* const notes = new std::vector<std::string>;
  return *notes;
}

}  // namespace

void note_once(const std::string& text) {
  std::string line = text;
  std::replace(line.begin(), line.end(), '\n', ' ');
  const std::lock_guard lock(mutex);
  if (std::find(all().begin(), all().end(), line) != all().end()) return;
  all().push_back(line);
  if (!is_silent) std::fprintf(stderr, "kelvin: note: %s\n", line.c_str());
}

void keep_notes_silent() {
  const std::lock_guard lock(mutex);
  is_silent = true;
}

std::vector<std::string> notes_so_far() {
  const std::lock_guard lock(mutex);
  return all();
}

}  // namespace kelvin
