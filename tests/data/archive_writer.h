// Writes small tar and zip archives with malicious entries, for the tests of what is refused.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace kelvin::testing {

// An entry of a tar archive (ustar). `type`: '0' file, '1' hard link, '2' symbolic link, '3' device, '5' folder, '6' FIFO.
// `said_size`: a false size in the header. `time`: of change, octal.
inline std::string tar_entry(const std::string& name, char type = '0', int mode = 0644, const std::string& content = "",
                             const std::string& link = "", const std::string& said_size = "",
                             const std::string& time = "14000000000") {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) { header.replace(at, text.size(), text); };
  char octal[16];
  std::snprintf(octal, sizeof octal, "%07o", mode);
  put(0, name);
  put(100, octal);
  put(108, "0000000");
  put(116, "0000000");
  std::snprintf(octal, sizeof octal, "%011zo", content.size());
  put(124, said_size.empty() ? octal : said_size);
  put(136, time);
  header[156] = type;
  put(157, link);
  put(257, "ustar");
  put(263, "00");
  put(148, "        ");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  std::snprintf(octal, sizeof octal, "%06o", sum);
  put(148, std::string(octal) + '\0');
  return header + content + std::string((512 - content.size() % 512) % 512, '\0');
}
inline std::string tar_end() { return std::string(1024, '\0'); }

struct ZipEntry {
  std::string name, content;
  unsigned mode = 0100644;  // with the kind, as stat has it
  unsigned said_size = 0;   // 0: the truth
};

// Nothing is compressed.
inline std::string zip_archive(const std::vector<ZipEntry>& entries) {
  const auto number = [](std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i) & 255);
    return text;
  };
  const auto checksum = [](const std::string& text) {
    std::uint32_t crc = ~0u;
    for (const char c : text) {
      crc ^= static_cast<unsigned char>(c);
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
  };
  std::string files, directory;
  for (const ZipEntry& e : entries) {
    const std::string common = number(20, 2) + number(0, 2) + number(0, 2) + number(0x5c8f7c00, 4) +
                               number(checksum(e.content), 4) + number(e.content.size(), 4) +
                               number(e.said_size > 0 ? e.said_size : e.content.size(), 4) + number(e.name.size(), 2) +
                               number(0, 2);
    directory += "PK\1\2" + number(3 << 8 | 20, 2) + common + number(0, 2) + number(0, 2) + number(0, 2) +
                 number(static_cast<std::uint64_t>(e.mode) << 16, 4) + number(files.size(), 4) + e.name;
    files += "PK\3\4" + common + e.name + e.content;
  }
  return files + directory + "PK\5\6" + number(0, 4) + number(entries.size(), 2) + number(entries.size(), 2) +
         number(directory.size(), 4) + number(files.size(), 4) + number(0, 2);
}

}  // namespace kelvin::testing
