// Comparing two attacks on the same images: what is more than chance?
//
// Of n images the other attack alone breaks b, the plain one alone c. Images that both break, or neither, say nothing about the order. If the
// other attack is stronger by a share of at most `size`, then given the b + c images that differ, b is binomial with probability at most
// 1/2 + size·n / (2(b + c)). Size 0 is the exact sign test, or McNemar's (1947, Psychometrika 12:153). All tests are one-sided.
#pragma once

#include <cstdint>

namespace kelvin {

// P(X ≥ k) for X ~ Binomial(n, p); SciPy's binomtest(k, n, p, alternative="greater").
[[nodiscard]] double binomial_tail(std::int64_t k, std::int64_t n, double p);

// Hypothesis: the other attack breaks at most a share `size` of the n images more. 1 when no image differs.
[[nodiscard]] double paired_p(std::int64_t b, std::int64_t c, std::int64_t n, double size);

// Hypothesis: at most a share `size` of images is of the kind of which b among n are. For an attack that contains the plain one, so that
// c = 0, and for properties of single images.
[[nodiscard]] double share_p(std::int64_t b, std::int64_t n, double size);

// The smallest b with c = 0 whose p is at most `level`; n + 1 if there is none.
[[nodiscard]] std::int64_t smallest_paired(std::int64_t n, double size, double level);
[[nodiscard]] std::int64_t smallest_share(std::int64_t n, double size, double level);

}  // namespace kelvin
