// The content of a run folder, to compare it after a fault with that of an undisturbed run.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace kelvin::testing {

// The content of each file, by path inside the folder. Tensors and results are complete; times, rates and what depends on their number of
// digits are left out; for pages only their existence counts. A file that cannot be read fails the current test.
std::map<std::string, std::string> state_of(const std::filesystem::path& folder);

// Fails the current test if a file under a final name is incomplete. metrics.jsonl and logs, which grow line by line, may end in an incomplete
// line.
void expect_nothing_torn(const std::filesystem::path& folder, const std::string& when);

// Fails the current test for each file that only one of the two has, or that differs.
void expect_same_state(const std::map<std::string, std::string>& undisturbed,
                       const std::map<std::string, std::string>& found, const std::string& when);

}  // namespace kelvin::testing
