// Turns a bool known at run time into a compile-time constant: the code in f is compiled once for true and once for false.
//
//   with_flag(relu, [&](auto has_relu) { launch<Apply<has_relu()>>(...); });
#pragma once

#include <type_traits>

namespace kelvin {

// f(std::true_type or std::false_type)
template <class F>
void with_flag(bool flag, const F& f) {
  flag ? f(std::true_type{}) : f(std::false_type{});
}

}  // namespace kelvin
