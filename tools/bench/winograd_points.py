"""How far Winograd's 3x3 convolution in float32 is from float64, for points of interpolation, beside the direct sum.

    python tools/bench/winograd_points.py          # NumPy alone; a second

Each line: the error of 4x4 outputs and of a filter gradient over 64 tiles, as a share of their root mean square, normal numbers, 32 filters; in
brackets what that is of the direct sum's. Transforms are Cook and Toom's for points 0, ±a, ±b and infinity, as kernels/convolution/winograd/cuda_transforms.h has them.
"""
from fractions import Fraction

import numpy as np

OUTPUTS, TAPS = 4, 3


def transforms(points):
    """A' (4 x 6), G (6 x 3), B' (6 x 6) for five points and infinity."""
    def product_without(skipped):  # coefficients of the product of (x - q), lowest first
        c = [Fraction(1)]
        for q in (q for k, q in enumerate(points) if k != skipped):
            c = [Fraction(0), *c]
            for i in range(len(c) - 1):
                c[i] -= q * c[i + 1]
        return c

    last = len(points)
    a = [[p**i for p in points] + [Fraction(i == OUTPUTS - 1)] for i in range(OUTPUTS)]
    g = []
    for j, p in enumerate(points):
        distances = np.prod([p - q for k, q in enumerate(points) if k != j])
        g.append([p**i / distances for i in range(TAPS)])
    g.append([Fraction(i == TAPS - 1) for i in range(TAPS)])
    b = [product_without(j) + [Fraction(0)] for j in range(last)] + [product_without(None)]
    return (np.array(m, np.float32) for m in (a, g, b))


def both_ways(m, x):
    """m x m' over axes 1 and 2, one float32 sum after the other."""
    for axis in (1, 2):
        x = np.moveaxis(x, axis, 0)
        x = np.moveaxis(np.stack([sum((c * v for c, v in zip(row, x) if c != 0), np.float32(0)) for row in m]), 0, axis)
    return x


def error(got, exact):
    return np.sqrt(np.mean((got - exact) ** 2) / np.mean(exact**2))


def main():
    rng = np.random.default_rng(0)
    for channels in (64, 256):
        d, g, dy = (rng.standard_normal(s).astype(np.float32) for s in ((64, 6, 6, channels), (32, 3, 3, channels), (64, 4, 4, 32)))
        places = [(i, j) for i in range(TAPS) for j in range(TAPS)]
        windows = [d[:, i:i + OUTPUTS, j:j + OUTPUTS] for i, j in places]
        y = sum(np.einsum("tabc,kc->tabk", w.astype(float), g[:, i, j].astype(float)) for w, (i, j) in zip(windows, places))
        dg = np.stack([np.einsum("tabk,tabc->kc", dy.astype(float), w.astype(float)) for w in windows], 1)
        direct, of_filter = np.zeros_like(y, np.float32), np.zeros_like(dg, np.float32)
        for n, (w, (i, j)) in enumerate(zip(windows, places)):
            for c in range(channels):
                direct += w[..., c, None] * g[:, i, j, c]
            for t in range(len(d)):
                for a in range(OUTPUTS):
                    for b in range(OUTPUTS):
                        of_filter[:, n] += dy[t, a, b, :, None] * w[t, a, b]
        base, base_filter = error(direct, y), error(of_filter, dg)
        print(f"{channels} channels, direct sum: {base:.2e}, {base_filter:.2e}")
        for a, b in (("1", "2"), ("1", "1/2"), ("3/4", "3/2"), ("5/8", "3/2")):
            a_t, g_m, b_t = transforms([Fraction(0), Fraction(a), -Fraction(a), Fraction(b), -Fraction(b)])
            v, u, z = both_ways(b_t, d), both_ways(g_m, g), both_ways(a_t.T, dy)
            m, du = np.zeros((64, 6, 6, 32), np.float32), np.zeros((32, 6, 6, channels), np.float32)
            for c in range(channels):
                m += v[..., c, None] * np.moveaxis(u[..., c], 0, -1)
            for t in range(len(d)):
                du += np.moveaxis(z[t], -1, 0)[..., None] * v[t]
            forward = error(both_ways(a_t, m), y)
            backward = error(both_ways(g_m.T, du).reshape(32, 9, channels), dg)
            print(f"  0, ±{a}, ±{b}: {forward:.2e} ({forward / base:.2f}), {backward:.2e} ({backward / base_filter:.2f})")


if __name__ == "__main__":
    main()
