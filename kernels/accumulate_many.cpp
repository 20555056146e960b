#include "kernels/accumulate_many.h"

#include "kernels/elementwise.h"

namespace kelvin {

void accumulate_many(Cpu, std::span<const Addition> additions) {
  for (const Addition& a : additions) accumulate<float, float>(Cpu{}, a.to, a.from);
}

}  // namespace kelvin
