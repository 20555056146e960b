"""Goldens of the corruptions, from NumPy, SciPy and Pillow: tests/golden/corruptions/.

    python tools/golden/corruptions.py

The algorithms follow Hendrycks and Dietterich's published CIFAR generator, written anew from its description: arithmetic on
image/255 in float64, clipped, times 255, truncated. Deterministic ones are stored as images, random ones as the mean and standard
deviation of the change over many images.
"""
import colorsys
import io
import pathlib

import numpy as np
import PIL
import scipy
from PIL import Image
from scipy import ndimage

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/corruptions"
rng = np.random.default_rng(1)


def to_bytes(x):
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def gaussian_noise(image, s):
    x = image / 255.0
    return to_bytes(x + rng.normal(size=x.shape, scale=[0.04, 0.06, 0.08, 0.09, 0.10][s]))


def shot_noise(image, s):
    c = [500, 250, 100, 75, 50][s]
    return to_bytes(rng.poisson(image / 255.0 * c) / c)


def impulse_noise(image, s):
    x = image / 255.0
    hit = rng.random(x.shape) < [0.01, 0.02, 0.03, 0.05, 0.07][s]
    salt = rng.random(x.shape) < 0.5
    return to_bytes(np.where(hit, salt.astype(float), x))


def defocus_blur(image, s):
    radius, sigma = [(0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)][s]
    g = np.arange(-8, 9)
    disk = ((g[:, None] ** 2 + g[None, :] ** 2) <= radius**2).astype(float)
    disk /= disk.sum()
    taps = np.exp(-np.array([1.0, 0, 1]) / (2 * sigma**2))
    taps /= taps.sum()
    kernel = ndimage.correlate1d(ndimage.correlate1d(disk, taps, axis=0, mode="mirror"), taps, axis=1, mode="mirror")
    x = image / 255.0
    return to_bytes(np.stack([ndimage.correlate(x[..., c], kernel, mode="mirror") for c in range(x.shape[-1])], -1))


def brightness(image, s):
    c = [0.05, 0.1, 0.15, 0.2, 0.3][s]
    x = image / 255.0
    if x.shape[-1] == 1:
        return to_bytes(x + c)
    hsv = np.array([[colorsys.rgb_to_hsv(*p) for p in row] for row in x])
    hsv[..., 2] = np.clip(hsv[..., 2] + c, 0, 1)
    return to_bytes(np.array([[colorsys.hsv_to_rgb(*p) for p in row] for row in hsv]))


def contrast(image, s):
    x = image / 255.0
    mean = x.mean(axis=(0, 1), keepdims=True)
    return to_bytes((x - mean) * [0.75, 0.5, 0.4, 0.3, 0.15][s] + mean)


def pillow(image):
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def pixelate(image, s):
    c = [0.95, 0.9, 0.85, 0.75, 0.65][s]
    h, w = image.shape[:2]
    small = pillow(image).resize((int(w * c), int(h * c)), Image.BOX)
    return np.asarray(small.resize((w, h), Image.BOX)).reshape(image.shape)


def jpeg_compression(image, s):
    buffer = io.BytesIO()
    pillow(image).save(buffer, "JPEG", quality=[80, 65, 58, 50, 40][s])
    return np.asarray(Image.open(buffer)).reshape(image.shape)


def scene(n, size, channels):
    """Smooth shapes with edges and some texture, from 0 to 255."""
    y, x = np.mgrid[0:size, 0:size] / size
    images = []
    for _ in range(n):
        channel = []
        for _ in range(channels):
            a, b, c, d = rng.uniform(-4, 4, 4)
            v = 0.5 + 0.4 * np.sin(a * x + b * y + c) + 0.2 * ((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.1) * np.sign(d)
            channel.append(v + rng.normal(0, 0.03, v.shape))
        images.append(np.stack(channel, -1))
    return to_bytes(np.array(images))


def main():
    out.mkdir(parents=True, exist_ok=True)
    for channels, size in [(1, 28), (3, 32)]:
        images = scene(2, size, channels)
        np.save(out / f"images{channels}.npy", images)
        for f in [defocus_blur, brightness, contrast, pixelate, jpeg_compression]:
            np.save(out / f"{f.__name__}{channels}.npy", np.stack([[f(i, s) for i in images] for s in range(5)]))
        many = np.tile(images, (100, 1, 1, 1))  # what the test does too
        for f in [gaussian_noise, shot_noise, impulse_noise]:
            rows = []
            for s in range(5):
                change = np.stack([f(i, s) for i in many]).astype(float) - many
                rows.append([change.mean(), change.std()])
            np.save(out / f"{f.__name__}{channels}.npy", np.array(rows, dtype=np.float32))
    (out / "VERSIONS").write_text(
        f"numpy {np.__version__}, scipy {scipy.__version__}, Pillow {PIL.__version__}; tools/golden/corruptions.py\n")


main()
