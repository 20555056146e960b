// The two ends of a vision transformer (Dosovitskiy et al. 2021, 2010.11929, equations 1 and 4): patches become tokens with a class
// token in front and a learned position each; afterwards the class token is taken out.
//
//   patches [B, P, C], tokens [B, P+1, C] of storage type T (float or bfloat16); bias, class_token [C], positions [P+1, C] float32
//   tokens[b, 0] = class_token + positions[0]        tokens[b, 1+i] = patches[b, i] + bias + positions[1+i]
//
// Backward: dpatches = dtokens without the class token, dpositions = Σ_b dtokens. The gradient of class_token is row 0 of dpositions,
// that of bias the sum of the other rows. Sums in a fixed order: deterministic. Nothing overlaps; outputs are overwritten.
#pragma once

#include "kernels/device/device.h"
#include "kernels/device/dtype.h"
#include "kernels/device/view.h"

namespace kelvin {

template <class T>
void embed_tokens_forward(Cpu, View<T> tokens, View<const T> patches, View<const float> bias,
                          View<const float> class_token, View<const float> positions);
template <class T>
void embed_tokens_forward(const Cuda&, View<T> tokens, View<const T> patches, View<const float> bias,
                          View<const float> class_token, View<const float> positions);

template <class T>
void embed_tokens_backward(Cpu, View<T> dpatches, View<float> dpositions, View<const T> dtokens);
template <class T>
void embed_tokens_backward(const Cuda&, View<T> dpatches, View<float> dpositions, View<const T> dtokens);

// y [B, C] float32 = tokens[:, 0]
template <class T>
void class_token_forward(Cpu, View<float> y, View<const T> tokens);
template <class T>
void class_token_forward(const Cuda&, View<float> y, View<const T> tokens);

// dtokens = dy at the class token, zero elsewhere
template <class T>
void class_token_backward(Cpu, View<T> dtokens, View<const float> dy);
template <class T>
void class_token_backward(const Cuda&, View<T> dtokens, View<const float> dy);

}  // namespace kelvin
