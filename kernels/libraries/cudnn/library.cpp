#include "kernels/libraries/cudnn/library.h"

#include <algorithm>
#include <string_view>

#include "kernels/device/error.h"

namespace kelvin::cudnn {

const Library& library() {
  static const Library instance{};
  return instance;
}

std::string version_text() {
  const std::size_t v = library().get_version();
  return str(v / 10000, ".", v / 100 % 100, ".", v % 100);
}

namespace {

std::string last_text() {
  char text[8192] = {};
  library().get_last_error_string(text, sizeof text);
  return text;
}

std::string in_one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  while (text.ends_with(' ')) text.pop_back();
  return text;
}

}  // namespace

std::string last_error() { return in_one_line(last_text()); }

// The text has, for each engine, a line "Warning: STATUS; Reason: CONDITION" for the failed condition and then for each of its callers. A missing
// prerequisite on this machine says more than a case that an engine does not support.
std::string last_reason() {
  const std::string text = last_text();
  for (const std::string_view mark : {"PREREQUISITE_MISSING; Reason: ", "Reason: "})
    if (const std::size_t found = text.find(mark); found != std::string::npos) {
      const std::size_t begin = found + mark.size();
      return text.substr(begin, text.find('\n', begin) - begin);
    }
  return in_one_line(text);
}

bool is_out_of_memory(cudnnStatus_t status) {
  switch (status) {
    case CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED: return true;
    case CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER:
    case CUDNN_STATUS_EXECUTION_FAILED_CUDART: {
      const std::string said = last_error();
      const auto names = [&](const char* error) { return said.find(error) != std::string::npos; };
      return names("out of memory") || names("OUT_OF_MEMORY") || names("cudaErrorMemoryAllocation");
    }
    default: return false;
  }
}

void check(cudnnStatus_t status, const char* what) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  if (is_out_of_memory(status)) throw_out_of_memory_in(str("cuDNN, ", what));
  throw internal_error("cuDNN, ", what, ": ", library().get_error_string(status), ": ", last_error());
}

}  // namespace kelvin::cudnn
