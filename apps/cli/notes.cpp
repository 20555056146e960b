#include "apps/cli/notes.h"

#include <algorithm>

#include "apps/cli/standard_streams.h"

namespace kelvin {
namespace {

struct Notes {
  std::vector<std::string> all;
  std::size_t said = 0;
};
Notes& command_notes() {
  static Notes notes;
  return notes;
}

}  // namespace

void add_note(const std::string& note) {
  std::vector<std::string>& all = command_notes().all;
  if (!note.empty() && std::find(all.begin(), all.end(), note) == all.end()) all.push_back(note);
}

void add_notes(const std::vector<std::string>& notes) {
  for (const std::string& note : notes) add_note(note);
}

void say_notes() {
  Notes& notes = command_notes();
  for (; notes.said < notes.all.size(); ++notes.said) print_note("note: " + notes.all[notes.said]);
}

}  // namespace kelvin
