"""Goldens of the further corruptions, on the images that corruptions.py made: tests/golden/corruptions/.

    python tools/golden/corruptions_more.py

Deterministic ones are stored as images, random ones as mean and standard deviation of the change over many images.
"""
import colorsys
import pathlib

import numpy as np
from scipy import ndimage

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/corruptions"
rng = np.random.default_rng(2)


def to_bytes(x):
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def smooth(x, sigma):
    return ndimage.gaussian_filter(x, (sigma, sigma, 0), mode="nearest", truncate=4.0)


def gaussian_blur(image, s):
    return to_bytes(smooth(image / 255.0, [0.4, 0.6, 0.7, 0.8, 1][s]))


def zoom(x, f):
    crop = [int(np.ceil(n / f)) for n in x.shape[:2]]
    top = [(n - c) // 2 for n, c in zip(x.shape, crop)]
    part = x[top[0]:top[0] + crop[0], top[1]:top[1] + crop[1]]
    large = ndimage.zoom(part, (f, f, 1), order=1)
    skip = [(m - n) // 2 for m, n in zip(large.shape, x.shape)]
    return large[skip[0]:skip[0] + x.shape[0], skip[1]:skip[1] + x.shape[1]]


def zoom_blur(image, s):
    factors = np.arange(1, [1.06, 1.11, 1.15, 1.20, 1.25][s] + 0.005, 0.01)
    assert len(factors) == [7, 12, 16, 21, 26][s]
    x = (image / 255.0).astype(np.float32)
    total = x.copy()
    for f in factors:
        total += zoom(x, f)
    return to_bytes(total / np.float32(len(factors) + 1))


def saturate(image, s):
    if image.shape[-1] == 1:
        return image
    a, b = [(0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)][s]
    hsv = np.array([[colorsys.rgb_to_hsv(*p) for p in row] for row in image / 255.0])
    hsv[..., 1] = np.clip(a * hsv[..., 1] + b, 0, 1)
    return to_bytes(np.array([[colorsys.hsv_to_rgb(*p) for p in row] for row in hsv]))


def speckle_noise(image, s):
    x = image / 255.0
    return to_bytes(x + x * rng.normal(size=x.shape, scale=[0.06, 0.1, 0.12, 0.16, 0.2][s]))


def glass_blur(image, s):
    sigma, d, rounds = [(0.05, 1, 1), (0.25, 1, 1), (0.4, 1, 1), (0.25, 1, 2), (0.4, 1, 2)][s]
    x = to_bytes(smooth(image / 255.0, sigma))
    for _ in range(rounds):
        offset = rng.integers(-d, d, size=(*x.shape[:2], 2)).tolist()
        for h in range(x.shape[0] - d, d, -1):
            for w in range(x.shape[1] - d, d, -1):
                dy, dx = offset[h][w]
                x[h, w] = x[h + dy, w + dx]
    return to_bytes(smooth(x / 255.0, sigma))


def motion_blur(image, s):
    radius, sigma = [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)][s]
    angle = np.deg2rad(rng.uniform(-45, 45))
    taps = np.exp(-np.arange(2 * radius + 1) ** 2 / (2 * sigma**2))
    taps /= taps.sum()
    n = 2 * radius + 1
    padded = np.pad(image.astype(float), ((n, n), (n, n), (0, 0)), mode="edge")
    h, w = image.shape[:2]
    total = np.zeros(image.shape)
    for i, tap in enumerate(taps):
        y, x = n + int(np.ceil(i * np.sin(angle) - 0.5)), n + int(np.ceil(i * np.cos(angle) - 0.5))
        total += tap * padded[y:y + h, x:x + w]
    return np.floor(total + 0.5).clip(0, 255).astype(np.uint8)


def plasma(size, decay):
    g = np.zeros((size, size))
    wibble, s = 100.0, size
    while s >= 2:
        half = s // 2

        def moved(mean):
            return mean + wibble * rng.uniform(-wibble, wibble, mean.shape)

        c = g[::s, ::s]
        c = c + np.roll(c, -1, 0)
        g[half::s, half::s] = moved((c + np.roll(c, -1, 1)) / 4)
        middle, corner = g[half::s, half::s], g[::s, ::s]
        top = moved((middle + np.roll(middle, 1, 0) + corner + np.roll(corner, -1, 1)) / 4)
        left = moved((middle + np.roll(middle, 1, 1) + corner + np.roll(corner, -1, 0)) / 4)
        g[::s, half::s], g[half::s, ::s] = top, left
        s, wibble = half, wibble / decay
    g -= g.min()
    return g / g.max()


def fog(image, s):
    strength, decay = [(0.2, 3), (0.5, 3), (0.75, 2.5), (1, 2), (1.5, 1.75)][s]
    x = image / 255.0
    layer = plasma(32, decay)[:x.shape[0], :x.shape[1], None]
    return to_bytes((x + strength * layer) * x.max() / (x.max() + strength))


for channels in (1, 3):
    images = np.load(out / f"images{channels}.npy")
    for f in [gaussian_blur, zoom_blur, saturate]:
        np.save(out / f"{f.__name__}{channels}.npy", np.stack([[f(i, s) for i in images] for s in range(5)]))
    for f, copies in [(speckle_noise, 100), (motion_blur, 100), (fog, 1000), (glass_blur, 60)]:
        many = np.tile(images, (copies, 1, 1, 1))
        rows = []
        for s in range(5):
            change = np.stack([f(i, s) for i in many]).astype(float) - many
            rows.append([change.mean(), change.std()])
        np.save(out / f"{f.__name__}{channels}.npy", np.array(rows, dtype=np.float32))
