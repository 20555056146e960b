#include "apps/report/contact_sheet.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "apps/report/base64.h"
#include "apps/report/html.h"
#include "data/corruptions.h"
#include "data/png_writer.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_easy_font.h>
#pragma GCC diagnostic pop

namespace kelvin {
namespace {

constexpr int kLabelWidth = 130, kHeadHeight = 22, kGap = 4, kTargetSide = 96;
constexpr std::uint8_t kPaper = 255, kInk = 30;

std::vector<std::string> all_names() {
  std::vector<std::string> names = corruption_names();
  for (const std::string& name : extra_corruption_names()) names.push_back(name);
  return names;
}

std::string label_of(const std::string& name) { return name == "frost" ? "frost\n(generated texture)" : name; }

// `image`, clean (severity 0) or corrupted. It is corrupted as image 0, because the random numbers depend on the index.
ImageSet cell(const ImageSet& one, const std::string& name, int severity, std::uint64_t seed) {
  return severity == 0 ? one : corrupt(one, name, severity, seed);
}

ImageSet single(const ImageSet& set, std::int64_t image) {
  ImageSet one{1, set.height, set.width, set.channels, {}, {}, {set.labels[static_cast<std::size_t>(image)]}};
  std::vector<float> pixels(static_cast<std::size_t>(set.pixels()));
  set.copy_image(image, pixels.data());
  for (const float v : pixels) one.bytes.push_back(static_cast<std::uint8_t>(v * 255.0f + 0.5f));
  return one;
}

class Picture {
 public:
  Picture(int height, int width) : sheet_{height, width, {}} {
    sheet_.pixels.assign(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3, kPaper);
  }
  // Left upper corner at (top, left); the font's glyphs are rectangles.
  void text(int top, int left, std::string text) {
    std::array<char, 64 * 1024> buffer;
    const int quads = stb_easy_font_print(static_cast<float>(left), static_cast<float>(top), text.data(), nullptr,
                                          buffer.data(), static_cast<int>(buffer.size()));
    for (int q = 0; q < quads; ++q) {
      float from[2], to[2];  // vertices 0 and 2 of 16 bytes each: opposite corners
      std::memcpy(from, buffer.data() + q * 64, sizeof from);
      std::memcpy(to, buffer.data() + q * 64 + 32, sizeof to);
      for (int y = static_cast<int>(from[1]); y < static_cast<int>(to[1]); ++y)
        for (int x = static_cast<int>(from[0]); x < static_cast<int>(to[0]); ++x) set(y, x, {kInk, kInk, kInk});
    }
  }
  void image(int top, int left, const ImageSet& one, int factor) {
    for (int y = 0; y < static_cast<int>(one.height) * factor; ++y)
      for (int x = 0; x < static_cast<int>(one.width) * factor; ++x) {
        const std::int64_t at = (y / factor * one.width + x / factor) * one.channels;
        std::array<std::uint8_t, 3> rgb;
        for (std::int64_t c = 0; c < 3; ++c)
          rgb[static_cast<std::size_t>(c)] = one.bytes[static_cast<std::size_t>(at + (one.channels == 3 ? c : 0))];
        set(top + y, left + x, rgb);
      }
  }
  [[nodiscard]] Sheet sheet() && { return std::move(sheet_); }

 private:
  void set(int y, int x, std::array<std::uint8_t, 3> rgb) {
    if (y < 0 || x < 0 || y >= sheet_.height || x >= sheet_.width) return;
    std::copy(rgb.begin(), rgb.end(), sheet_.pixels.begin() + (static_cast<std::ptrdiff_t>(y) * sheet_.width + x) * 3);
  }
  Sheet sheet_;
};

}  // namespace

Sheet corruption_sheet(const ImageSet& set, std::int64_t image, std::uint64_t seed) {
  const ImageSet one = single(set, image);
  const std::vector<std::string> names = all_names();
  const int side = static_cast<int>(std::max(set.height, set.width)),
            factor = std::max(1, (kTargetSide + side / 2) / side);
  const int cell_height = static_cast<int>(set.height) * factor + kGap,
            cell_width = static_cast<int>(set.width) * factor + kGap;
  Picture canvas(kHeadHeight + static_cast<int>(names.size()) * cell_height,
                 kLabelWidth + (kSeverities + 1) * cell_width);
  for (int severity = 0; severity <= kSeverities; ++severity)
    canvas.text(6, kLabelWidth + severity * cell_width,
                severity == 0 ? "clean" : "severity " + std::to_string(severity));
  for (std::size_t row = 0; row < names.size(); ++row) {
    const int top = kHeadHeight + static_cast<int>(row) * cell_height;
    canvas.text(top + cell_height / 2 - 8, 6, label_of(names[row]));
    for (int severity = 0; severity <= kSeverities; ++severity)
      canvas.image(top, kLabelWidth + severity * cell_width, cell(one, names[row], severity, seed), factor);
  }
  return std::move(canvas).sheet();
}

std::string corruption_page(const ImageSet& set, std::int64_t image, std::uint64_t seed, const std::string& title) {
  const ImageSet one = single(set, image);
  std::string page =
      "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Corruptions</title><style>"
      "body{font:15px/1.5 system-ui,sans-serif;margin:2rem;color:#222}th{font-weight:500;text-align:left;padding:.2rem "
      ".8rem .2rem 0}"
      "img{width:96px;image-rendering:pixelated;display:block}td{padding:2px}</style><h1>" +
      escape_html(title) +
      "</h1><p>Common corruptions of Hendrycks &amp; Dietterich (1903.12261) with the constants of " +
      (std::max(set.height, set.width) <= 48 ? "CIFAR-10-C" : "Tiny-ImageNet-C") + ", seed " + std::to_string(seed) +
      ". Frost's textures are generated; the published ones are photographs.</p><table><tr><th></th><th>clean</th>";
  for (int severity = 1; severity <= kSeverities; ++severity)
    page += "<th>severity " + std::to_string(severity) + "</th>";
  for (const std::string& name : all_names()) {
    page += "</tr>\n<tr><th>" + name + "</th>";
    for (int severity = 0; severity <= kSeverities; ++severity)
      page += "<td><img alt=\"" + name + " " + std::to_string(severity) + "\" src=\"data:image/png;base64," +
              base64(png_bytes(cell(one, name, severity, seed).bytes, static_cast<int>(set.height),
                               static_cast<int>(set.width), static_cast<int>(set.channels))) +
              "\"></td>";
  }
  return page + "</tr></table></html>\n";
}

}  // namespace kelvin
