#include "kernels/optimizers/accumulate_many.h"

#include "kernels/arrays/elementwise.h"

namespace kelvin {

void accumulate_many(Cpu, std::span<const Addition> additions) {
  for (const Addition& a : additions) accumulate<float, float>(Cpu{}, a.to, a.from);
}

}  // namespace kelvin
