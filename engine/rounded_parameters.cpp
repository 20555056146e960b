#include "engine/rounded_parameters.h"

#include <functional>
#include <utility>

namespace kelvin {
namespace {

thread_local RoundedParameters* innermost_scope = nullptr;

}  // namespace

RoundedParameters::RoundedParameters(const Parameters& parameters)
    : parameters_(parameters), outer_(std::exchange(innermost_scope, this)) {}

RoundedParameters::~RoundedParameters() { innermost_scope = outer_; }

Tensor rounded(const Tensor& w, DType dtype) {
  RoundedParameters* const scope = innermost_scope;
  if (scope == nullptr || w.dtype() != DType::f32 || w.device().kind != DeviceKind::cuda) return w.to(dtype);
  const Tensor& all = scope->parameters_.values();
  const float *const at = w.view<const float>().data, *const begin = all.view<const float>().data;
  const std::less<> is_before;  // also of addresses in different memory
  if (dtype == DType::f32 || is_before(at, begin) || !is_before(at, begin + all.size())) return w.to(dtype);
  Tensor& values = scope->values_;
  if (!values || values.dtype() != dtype) values = all.to(dtype);
  return values.narrow(at - begin, w.size()).reshape(w.shape());
}

}  // namespace kelvin
