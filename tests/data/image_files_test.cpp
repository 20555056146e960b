// Image files that are damaged or made to exhaust memory, and bitmaps.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <zlib.h>

#include "data/image_file.h"
#include "data/png_file.h"
#include "engine/input_file.h"
#include "tests/data/image_writer.h"
#include "tests/support.h"

namespace kelvin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::mistake_of;
using testing::TemporaryFolder;
using testing::write_image;

std::string big_endian(std::uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8), static_cast<char>(v)};
}
std::string little_endian(std::uint32_t v, int n) {
  std::string text;
  for (int i = 0; i < n; ++i) text += static_cast<char>(v >> 8 * i);
  return text;
}
std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  return big_endian(static_cast<std::uint32_t>(data.size())) + body +
         big_endian(static_cast<std::uint32_t>(
             crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()))));
}
std::string deflated(const std::string& text) {
  uLongf size = compressBound(text.size());
  std::string out(size, '\0');
  compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()), text.size(), 9);
  out.resize(size);
  return out;
}
const std::string kSignature = "\x89PNG\r\n\x1a\n";
std::string ihdr(std::uint32_t width, std::uint32_t height, int depth, int colour, int interlace = 0) {
  return chunk("IHDR", big_endian(width) + big_endian(height) + static_cast<char>(depth) + static_cast<char>(colour) +
                           std::string(2, '\0') + static_cast<char>(interlace));
}
std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }
DecodedImage decode(const std::string& file, int channels = 3) {
  return decode_image("x.png", bytes_of(file), channels);
}
std::string refusal(const std::string& file) {
  return mistake_of([&] { (void)decode(file); });
}

TEST(Png, EveryBitIsWatched) {
  TemporaryFolder folder;
  const std::vector<std::uint8_t> pixels = write_image(folder / "x.png", 6, 5, 3, 1);
  std::string file = read_text(folder / "x.png");
  ASSERT_EQ(decode(file).pixels, pixels);
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ 1 << bit % 8);
    EXPECT_NE(refusal(file), "") << "byte " << bit / 8 << " bit " << bit % 8;
    file[bit / 8] = static_cast<char>(file[bit / 8] ^ 1 << bit % 8);
  }
  const std::size_t data = file.find("IDAT") + 10;
  file[data] = static_cast<char>(file[data] ^ 1);
  EXPECT_EQ(refusal(file), "x.png: damaged PNG: chunk IDAT at byte 33 does not agree with its checksum");
}

TEST(Png, TheStreamsOwnChecksumCounts) {
  std::string stream = deflated(std::string("\0abcdef", 7));
  const auto png = [&] { return kSignature + ihdr(2, 1, 8, 2) + chunk("IDAT", stream) + chunk("IEND", ""); };
  EXPECT_EQ(decode(png()).pixels, (std::vector<std::uint8_t>{'a', 'b', 'c', 'd', 'e', 'f'}));
  stream.back() ^= 1;  // Adler-32; the chunk's CRC is right
  EXPECT_THAT(refusal(png()), HasSubstr("chunk IDAT at byte 33: incorrect data check"));
}

TEST(Png, BytesAfterTheEndAreIgnored) {
  TemporaryFolder folder;
  const std::vector<std::uint8_t> pixels = write_image(folder / "x.png", 6, 5, 1, 1);
  const std::string file = read_text(folder / "x.png");
  EXPECT_EQ(decode(file + "anything, and a chunk that says it is long \xff\xff\xff\xff", 1).pixels, pixels);
  EXPECT_THAT(refusal(file.substr(0, file.size() - 12)), HasSubstr("before its last chunk"));
}

// Ancillary chunks in between, pixels in two chunks, 16 bits and interlacing are what other programs write.
TEST(Png, OtherWritersFilesAreRead) {
  const std::string raw("\0\1\2\3\4\0\5\6\7\10", 10), stream = deflated(raw);
  const std::string split = kSignature + ihdr(2, 2, 16, 0) + chunk("tEXt", "a\0b") +
                            chunk("IDAT", stream.substr(0, 3)) + chunk("IDAT", "") + chunk("IDAT", stream.substr(3)) +
                            chunk("IEND", "");
  EXPECT_EQ(decode(split, 1).pixels, (std::vector<std::uint8_t>{1, 3, 5, 7}));
  const std::string passes("\0\1\0\2\0\3\4", 7);  // Adam7 of 2x2: one pixel, one, and a row of two
  const std::string interlaced = kSignature + ihdr(2, 2, 8, 0, 1) + chunk("IDAT", deflated(passes)) + chunk("IEND", "");
  EXPECT_EQ(decode(interlaced, 1).pixels, (std::vector<std::uint8_t>{1, 2, 3, 4}));
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(Png, MorePixelsThanTheHeaderSaysAreNotInflated) {
  const std::string bomb =
      kSignature + ihdr(4, 4, 8, 2) + chunk("IDAT", deflated(std::string(100u << 20, '\0'))) + chunk("IEND", "");
  EXPECT_LT(bomb.size(), 1u << 18);
  const long before = peak_kilobytes();
  EXPECT_THAT(refusal(bomb), HasSubstr("its pixels are more than the 52 bytes that its header asks for"));
  EXPECT_LT(peak_kilobytes() - before, 20'000);
  const std::string few =
      kSignature + ihdr(4, 4, 8, 2) + chunk("IDAT", deflated(std::string(51, '\0'))) + chunk("IEND", "");
  EXPECT_THAT(refusal(few), HasSubstr("its pixels end after 51 of 52 bytes"));
  EXPECT_THAT(refusal(kSignature + ihdr(4, 4, 3, 2) + chunk("IEND", "")),
              HasSubstr("IHDR says colour type 2, depth 3"));
  EXPECT_THAT(refusal(kSignature + chunk("IEND", "")), HasSubstr("does not begin with a chunk IHDR"));
}

// A bitmap from the bottom row up, each row padded to four bytes.
std::string bmp(int width, int height, int bits, const std::string& palette, const std::string& rows,
                int compression = 0) {
  const std::string header = little_endian(40, 4) + little_endian(static_cast<std::uint32_t>(width), 4) +
                             little_endian(static_cast<std::uint32_t>(height), 4) + little_endian(1, 2) +
                             little_endian(static_cast<std::uint32_t>(bits), 2) +
                             little_endian(static_cast<std::uint32_t>(compression), 4) + std::string(20, '\0');
  const auto offset = static_cast<std::uint32_t>(14 + header.size() + palette.size());
  return "BM" + little_endian(offset + static_cast<std::uint32_t>(rows.size()), 4) + std::string(4, '\0') +
         little_endian(offset, 4) + header + palette + rows;
}

TEST(Bmp, PixelsAreWhatWasWritten) {
  const std::string rows("\4\5\6\7\10\11\0\0\1\2\3\12\13\14\0\0", 16);  // blue, green, red
  const std::vector<std::uint8_t> up = {3, 2, 1, 12, 11, 10, 6, 5, 4, 9, 8, 7};
  EXPECT_EQ(decode(bmp(2, 2, 24, "", rows)).pixels, up);
  const std::vector<std::uint8_t> down = {6, 5, 4, 9, 8, 7, 3, 2, 1, 12, 11, 10};
  EXPECT_EQ(decode(bmp(2, -2, 24, "", rows)).pixels, down);
  EXPECT_EQ(decode(bmp(1, 1, 32, "", std::string("\1\2\3\0", 4))).pixels, (std::vector<std::uint8_t>{3, 2, 1}));
  const std::string colours("\1\2\3\0\4\5\6\0\7\7\7\0", 12), greys("\0\0\0\0\7\7\7\0\11\11\11\0", 12);
  EXPECT_EQ(decode(bmp(3, 1, 8, colours, std::string("\2\0\1\0", 4))).pixels,
            (std::vector<std::uint8_t>{7, 7, 7, 3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(decode(bmp(3, 1, 4, colours, std::string("\x21\0\0\0", 4))).pixels,
            (std::vector<std::uint8_t>{7, 7, 7, 6, 5, 4, 3, 2, 1}));
  const std::string grey = bmp(3, 1, 8, greys, std::string("\2\0\1\0", 4));
  EXPECT_EQ(image_header("x.bmp", bytes_of(grey)).channels, 1);
  EXPECT_EQ(decode(grey, 1).pixels, (std::vector<std::uint8_t>{9, 0, 7}));
  EXPECT_EQ(image_header("x.bmp", bytes_of(bmp(3, 1, 8, colours, std::string(4, '\0')))).channels, 3);
}

TEST(Bmp, MissingPixelsAndColoursAreMistakes) {
  EXPECT_THAT(refusal(bmp(2, 2, 24, "", std::string(13, '\1'))),
              HasSubstr("2x2 pixels end at byte 68, the file at 67"));
  EXPECT_NO_THROW((void)decode(bmp(2, 2, 24, "", std::string(14, '\1'))));  // the last row without padding
  EXPECT_THAT(refusal(bmp(3, 1, 8, std::string(8, '\0'), std::string("\0\1\2\0", 4))),
              HasSubstr("colour 2 in row 0, its palette has 2"));
  EXPECT_THAT(refusal(bmp(2, 2, 8, std::string(1024, '\0'), std::string(8, '\0'), 1)),
              HasSubstr("8 bits a pixel and compression 1, which is not read; save it as PNG"));
  EXPECT_THAT(refusal(bmp(4096, 4096, 24, "", "")), HasSubstr("damaged BMP"));  // before memory is allocated
  EXPECT_THAT(refusal(bmp(40000, 40000, 24, "", "")), HasSubstr("says it is 40000x40000 pixels"));
  EXPECT_THAT(refusal(bmp(2, INT32_MIN, 24, "", "")), HasSubstr("pixels"));
  EXPECT_THAT(refusal("BM"), HasSubstr("ends inside its header"));
  EXPECT_THAT(refusal("GIF89a..........."), HasSubstr("not a PNG, JPEG or BMP image, whatever its name says"));
}

TEST(Jpeg, DamageIsNoImage) {
  TemporaryFolder folder;
  write_image(folder / "x.jpg", 32, 32, 3, 1);
  std::string file = read_text(folder / "x.jpg");
  EXPECT_EQ(decode(file).pixels.size(), 32u * 32 * 3);
  EXPECT_THAT(refusal(file.substr(0, file.size() / 2)), HasSubstr("damaged JPEG: Premature end of JPEG file"));
  const std::size_t sizes = file.find("\xff\xc0");
  file.replace(sizes + 5, 4, "\xff\xdc\xff\xdc");
  EXPECT_THAT(refusal(file), HasSubstr("says it is 65500x65500 pixels"));
}

// If the first image is larger than the others, memory for as many of its size as there are files would be needed.
TEST(Images, AnotherSizeIsNoticedBeforeThereIsMemoryForAll) {
  const TemporaryFolder folder;
  write_image(folder / "large.png", 1024, 1024, 3, 1);
  write_image(folder / "small.png", 4, 4, 3, 2);
  std::vector<std::filesystem::path> files(3'000'000, folder / "small.png");  // 9 TB
  files.front() = folder / "large.png";
  EXPECT_THAT(mistake_of([&] { (void)decode_images(files, 1024, 1024, 3); }),
              AllOf(HasSubstr("small.png: 4x4 pixels, expected 1024x1024"), HasSubstr("resize them")));
}

}  // namespace
}  // namespace kelvin
