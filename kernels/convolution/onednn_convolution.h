// A convolution that is ready to run: oneDNN's primitive, and how each argument is converted to the layout that the primitive expects.
// Made once for each shape and kept; used by kernels/convolution/conv2d.cpp only.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "kernels/convolution/conv2d.h"
#include "kernels/device/pool_block.h"
#include "kernels/libraries/onednn/onednn.h"

namespace kelvin::onednn {

enum class Direction { forward, backward_data, backward_filter };

// Everything that decides which primitive runs.
struct ConvKey {
  Direction direction{};
  DType dtype{};
  std::array<std::int64_t, 4> x{}, w{};  // N, H, W, C and K, R, S, C
  std::int64_t stride = 1, pad = 0;
  bool has_bias = false, has_residual = false;
  auto operator<=>(const ConvKey&) const = default;
};

// One argument: the caller's layout, the primitive's, and the conversion between them where they differ.
struct ConvArgument {
  Desc plain, packed;
  Runnable reorder;  // inputs: plain -> packed; the output: packed -> plain
  bool converts = false;
};

struct ConvPlan {
  Runnable primitive;
  ConvArgument x, w, y;
  Desc bias;
  std::string implementation;
  bool winograd = false;  // run by kernels/convolution/winograd: nothing above but the name is set
};

// The plan for a key, from this thread's cache.
[[nodiscard]] const ConvPlan& plan_for(const ConvKey& key);

// Descriptions of this thread's plans whose implementation is oneDNN's reference.
[[nodiscard]] std::vector<std::string> reference_plans();

// The shapes of this thread's plans, each once.
[[nodiscard]] std::vector<ConvShape> shapes_run();

// The elements of an argument as the primitive sees them: the caller's own, or a converted copy in a block of the pool.
class PackedArgument {
 public:
  [[nodiscard]] const dnnl::memory& memory() const { return memory_; }

 protected:
  PackedArgument(const ConvArgument& argument, const void* elements);
  const ConvArgument& argument_;
  std::optional<PoolBlock> block_;
  dnnl::memory plain_, memory_;
};

// Converted on construction.
class PackedInput : public PackedArgument {
 public:
  PackedInput(const ConvArgument& argument, const void* elements);
};

// `unpack` converts what the primitive wrote into the caller's elements.
class PackedOutput : public PackedArgument {
 public:
  PackedOutput(const ConvArgument& argument, void* elements) : PackedArgument(argument, elements) {}
  void unpack();
};

}  // namespace kelvin::onednn
