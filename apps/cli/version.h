// Which Kelvin this is. Defined in a file that the build writes (tools/cmake/Commit.cmake).
#pragma once

namespace kelvin {

[[nodiscard]] const char* program_version();  // "0.1.0"
// The commit that it was built from, with "-dirty" where files differed from it; empty where the source was no repository.
[[nodiscard]] const char* program_commit();

}  // namespace kelvin
