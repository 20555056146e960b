// libFuzzer's entry point; KELVIN_FUZZ_PARSER names the parser (CMakeLists.txt).
#include "tests/fuzz/parsers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kelvin::fuzz::KELVIN_FUZZ_PARSER(std::as_bytes(std::span(data, size)));
  return 0;
}
