// Many small additions at once: to += from, for every pair. A step that uses its parameters twice (clean and adversarial images, batches that one
// optimizer step takes together) adds hundreds of gradients of a few numbers each (γ, β, biases); on a GPU each would be a launch of its own,
// which takes longer than the addition.
#pragma once

#include <span>

#include "kernels/device/device.h"
#include "kernels/device/view.h"

namespace kelvin {

struct Addition {
  View<float> to;
  View<const float> from;  // as many elements
};

// Additions of up to this many elements are worth gathering: larger ones take longer than their launch.
inline constexpr std::int64_t kSmallAddition = 1 << 16;

// No two pairs may touch the same memory.
void accumulate_many(Cpu, std::span<const Addition> additions);
void accumulate_many(const Cuda&, std::span<const Addition> additions);

}  // namespace kelvin
