// A choice made at run time as a constant that a template can take: one instance of what follows for each answer.
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
