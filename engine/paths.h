// Steps on files and folders that throw a mistake with the path and the system's reason where they fail.
#pragma once

#include <filesystem>

namespace kelvin {

void make_folder(const std::filesystem::path& path);  // and those above it; nothing if it is there
void remove_path(const std::filesystem::path& path);  // a file, or a folder with all in it; nothing if there is none
void rename_path(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace kelvin
