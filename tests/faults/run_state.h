// The content of a run folder, to compare it after a fault with that of an undisturbed run.
#pragma once

#include <filesystem>
#include <map>
#include <string>

namespace kelvin::testing {

// By path inside the folder: what each file means. Tensors and results as they are; times, rates and what follows from their number of
// digits are left out; pages count as there. A file that cannot be read fails the current test.
std::map<std::string, std::string> state_of(const std::filesystem::path& folder);

// Whether every file under a final name is whole, whatever has happened: fails the current test where one is not. metrics.jsonl and
// logs, which grow line by line, may end in a torn line.
void expect_nothing_torn(const std::filesystem::path& folder, const std::string& when);

// Fails the current test for each file that only one of the two has, or that differs.
void expect_same_state(const std::map<std::string, std::string>& undisturbed,
                       const std::map<std::string, std::string>& found, const std::string& when);

}  // namespace kelvin::testing
