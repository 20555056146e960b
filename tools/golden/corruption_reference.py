"""The nineteen corruptions in NumPy, SciPy, scikit-image, OpenCV and Pillow: what Kelvin's are compared with, in value
(tools/golden/corruptions.py) and in speed (tools/bench/corruptions.py).

The algorithms follow Hendrycks and Dietterich's published generators, written anew from their description: arithmetic on image/255
in floating point, clipped to [0, 1], times 255, truncated. Images of up to 48 pixels take the constants of CIFAR-10-C, of up to
128 those of Tiny-ImageNet-C, larger ones those of ImageNet-C. `corrupt(name, image, severity)`: image uint8 [H, W, C] with one or three channels, severity 0 to 4.

Two departures, both Kelvin's too: frost's textures are procedural (data/corruptions/frost_texture.h has the formula), and a grey
image takes the grey of a colour (frost, spatter) and has no saturation to change.
"""
import functools
import io

import cv2
import numpy as np
import skimage.color
from PIL import Image
from scipy import ndimage

rng = np.random.default_rng(1)


def by_size(image, small, medium, large, s):
    side = max(image.shape[:2])
    return (small if side <= 48 else medium if side <= 128 else large)[s]


def unit(image, dtype=np.float64):
    return (image / 255.0).astype(dtype)


def to_bytes(x):
    return (np.clip(x, 0, 1) * 255).astype(np.uint8)


def smooth(x, sigma, mode="nearest", truncate=4.0):
    sigmas = (sigma, sigma) + (0,) * (x.ndim - 2)
    return ndimage.gaussian_filter(x, sigmas, mode=mode, truncate=truncate)


# Noise

def gaussian_noise(image, s):
    c = by_size(image, [.04, .06, .08, .09, .10], [.04, .08, .12, .15, .18], [.08, .12, .18, .26, .38], s)
    return to_bytes(unit(image) + rng.normal(size=image.shape, scale=c))


def shot_noise(image, s):
    c = by_size(image, [500, 250, 100, 75, 50], [250, 100, 50, 30, 15], [60, 25, 12, 5, 3], s)
    return to_bytes(rng.poisson(unit(image) * c) / c)


def impulse_noise(image, s):
    c = by_size(image, [.01, .02, .03, .05, .07], [.01, .02, .05, .08, .14], [.03, .06, .09, .17, .27], s)
    x = unit(image)
    hit, salt = rng.random(x.shape) < c, rng.random(x.shape) < 0.5
    return to_bytes(np.where(hit, salt.astype(float), x))


def speckle_noise(image, s):
    c = by_size(image, [.06, .1, .12, .16, .2], [.15, .2, .25, .3, .35], [.15, .2, .35, .45, .6], s)
    x = unit(image)
    return to_bytes(x + x * rng.normal(size=x.shape, scale=c))


# Blur

def gaussian_blur(image, s):
    c = by_size(image, [.4, .6, .7, .8, 1], [.5, .75, 1, 1.25, 1.5], [1, 2, 3, 4, 6], s)
    return to_bytes(smooth(unit(image), c))


def glass_blur(image, s):
    sigma, d, rounds = by_size(image, [(.05, 1, 1), (.25, 1, 1), (.4, 1, 1), (.25, 1, 2), (.4, 1, 2)],
                               [(.1, 1, 1), (.5, 1, 1), (.6, 1, 2), (.7, 2, 1), (.9, 2, 2)],
                               [(.7, 1, 2), (.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)], s)
    x = to_bytes(smooth(unit(image), sigma))
    for _ in range(rounds):
        offset = rng.integers(-d, d, size=(*x.shape[:2], 2)).tolist()
        for h in range(x.shape[0] - d, d, -1):
            for w in range(x.shape[1] - d, d, -1):
                dy, dx = offset[h - 1][w - 1]
                x[h, w] = x[h + dy, w + dx]  # the published "swap" of two views copies
    return to_bytes(smooth(unit(x), sigma))


def defocus_blur(image, s):
    radius, sigma = by_size(image, [(.3, .4), (.4, .5), (.5, .6), (1, .2), (1.5, .1)],
                            [(.5, .6), (1, .1), (1.5, .1), (2.5, .01), (3, .1)],
                            [(3, .1), (4, .5), (6, .5), (8, .5), (10, .5)], s)
    reach, side = (8, 3) if radius <= 8 else (radius, 5)
    g = np.arange(-reach, reach + 1)
    disk = (g[:, None] ** 2 + g[None, :] ** 2 <= radius ** 2).astype(np.float32)
    kernel = cv2.GaussianBlur(disk / disk.sum(), ksize=(side, side), sigmaX=sigma)
    x = unit(image)
    return to_bytes(np.stack([cv2.filter2D(x[..., c], -1, kernel) for c in range(x.shape[-1])], -1))


def trail(image, radius, sigma, degrees):
    """One-sided Gaussian trail, whole-pixel offsets, replicated edges, image [H, W, C]; as ImageMagick's motion blur writes it: rounded to
    16 bits, cut to 8."""
    n, angle = 2 * radius + 1, np.deg2rad(degrees)
    taps = np.exp(-np.arange(n) ** 2 / (2 * sigma ** 2))
    taps /= taps.sum()
    padded = np.pad(image.astype(float), ((n, n), (n, n), (0, 0)), mode="edge")
    h, w = image.shape[:2]
    total = np.zeros(image.shape)
    for i, tap in enumerate(taps):
        y, x = n + int(np.ceil(i * np.sin(angle) - 0.5)), n + int(np.ceil(i * np.cos(angle) - 0.5))
        total += tap * padded[y:y + h, x:x + w]
    return (np.floor(total * 257 + 0.5) // 257).clip(0, 255).astype(np.uint8)


def motion_blur(image, s):
    radius, sigma = by_size(image, [(6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)],
                            [(10, 1), (10, 1.5), (10, 2), (10, 2.5), (12, 3)],
                            [(10, 3), (15, 5), (15, 8), (15, 12), (20, 15)], s)
    return trail(image, radius, sigma, rng.uniform(-45, 45))


def zoom(x, f):
    crop = [int(np.ceil(n / f)) for n in x.shape[:2]]
    top = [(n - c) // 2 for n, c in zip(x.shape, crop)]
    part = x[top[0]:top[0] + crop[0], top[1]:top[1] + crop[1]]
    large = ndimage.zoom(part, (f, f, 1), order=1)
    skip = [(m - n) // 2 for m, n in zip(large.shape, x.shape)]
    return large[skip[0]:skip[0] + x.shape[0], skip[1]:skip[1] + x.shape[1]]


def zoom_blur(image, s):
    if max(image.shape[:2]) <= 128:
        factors = np.arange(1, [1.06, 1.11, 1.15, 1.20, 1.25][s] + 0.005, 0.01)
        assert len(factors) == [7, 12, 16, 21, 26][s]
    else:
        factors = np.arange(1, *[(1.11, .01), (1.16, .01), (1.21, .02), (1.26, .02), (1.31, .03)][s])
    x = unit(image, np.float32)
    total = x.copy()
    for f in factors:
        total += zoom(x, f)
    return to_bytes(total / np.float32(len(factors) + 1))


# Weather

def snow(image, s):
    mean, std, factor, threshold, radius, sigma, mix = [
        (.1, .2, 1, .6, 8, 3, .95), (.1, .2, 1, .5, 10, 4, .9), (.15, .3, 1.75, .55, 10, 4, .9),
        (.25, .3, 2.25, .6, 12, 6, .85), (.3, .3, 1.25, .65, 14, 12, .8)][s]
    mix = by_size(image, [.95, .9, .9, .85, .8], [.8, .8, .7, .65, .6], [0] * 5, s)
    if max(image.shape[:2]) > 128:
        mean, std, factor, threshold, radius, sigma, mix = [
            (.1, .3, 3, .5, 10, 4, .8), (.2, .3, 2, .5, 12, 4, .7), (.55, .3, 4, .9, 12, 8, .7),
            (.55, .3, 4.5, .85, 12, 8, .65), (.55, .3, 2.5, .85, 12, 12, .55)][s]
    layer = zoom(rng.normal(size=(*image.shape[:2], 1), loc=mean, scale=std), factor)
    layer[layer < threshold] = 0
    layer = trail(to_bytes(layer), radius, sigma, rng.uniform(-135, -45)) / 255.0
    x = unit(image, np.float32)
    grey = x if x.shape[-1] == 1 else cv2.cvtColor(x, cv2.COLOR_RGB2GRAY)[..., None]
    x = mix * x + (1 - mix) * np.maximum(x, grey * 1.5 + 0.5)
    return to_bytes(x + layer + np.rot90(layer, k=2))


def philox(seed, stream, counter):
    """Word 0 of Philox4x32-10 for an array of 64-bit counters."""
    mask, c = np.uint64(0xffffffff), np.asarray(counter, np.uint64)
    w = [c & mask, c >> np.uint64(32), np.full_like(c, stream & 0xffffffff), np.full_like(c, stream >> 32)]
    k = [seed & 0xffffffff, seed >> 32]
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * w[0], np.uint64(0xCD9E8D57) * w[2]
        w = [(p1 >> np.uint64(32)) ^ w[1] ^ np.uint64(k[0]), p1 & mask,
             (p0 >> np.uint64(32)) ^ w[3] ^ np.uint64(k[1]), p0 & mask]
        k = [(k[0] + 0x9E3779B9) & 0xffffffff, (k[1] + 0xBB67AE85) & 0xffffffff]
    return w[0].astype(float) / 2 ** 32


def fnv1a(text):
    h = 0xcbf29ce484222325
    for b in text.encode():
        h = (h ^ b) * 0x100000001b3 % 2 ** 64
    return h


@functools.cache
def frost_texture(number, scale):
    width, height = [(900, 600), (560, 315), (560, 315), (527, 350), (660, 495)][number]
    y, x = np.mgrid[0:round(height * scale), 0:round(width * scale)]
    y, x = (y + 0.5) / scale, (x + 0.5) / scale

    def noise(layer, x, y):
        x0, y0 = np.floor(x), np.floor(y)
        fx, fy = ((t * t * (3 - 2 * t)) for t in (x - x0, y - y0))

        def value(i, j):
            counter = ((j + 2 ** 20).astype(np.uint64) << np.uint64(32)) | (i + 2 ** 20).astype(np.uint64)
            return philox(number, fnv1a(f"frost/{layer}"), counter)

        above = value(x0, y0) + fx * (value(x0 + 1, y0) - value(x0, y0))
        below = value(x0, y0 + 1) + fx * (value(x0 + 1, y0 + 1) - value(x0, y0 + 1))
        return above + fy * (below - above)

    bend = 40 * (noise(0, x / 90, y / 90) - 0.5)
    needles = np.zeros(x.shape)
    for k in range(3):
        turn = np.deg2rad(60 * k + 25 * number)
        along, across = x * np.cos(turn) + y * np.sin(turn), -x * np.sin(turn) + y * np.cos(turn) + bend
        needles = np.maximum(needles, (1 - np.abs(2 * noise(1 + k, along / 110, across / 14) - 1)) ** 3)
    thick = 0.65 * noise(4, x / 130, y / 130) + 0.35 * noise(5, x / 24, y / 24)
    ice = np.clip(0.75 * thick * (0.45 + needles) + 0.3 * needles * thick, 0, 1)[..., None]
    thin, white = np.array([52, 66, 92]), np.array([226, 238, 248])
    return (thin + ice * (white - thin)).astype(np.uint8)


GREY = np.array([0.299, 0.587, 0.114])


def frost(image, s):
    a, b = by_size(image, [(1, .2), (1, .3), (.9, .4), (.85, .4), (.75, .45)],
                   [(1, .3), (.9, .4), (.8, .45), (.75, .5), (.7, .55)],
                   [(1, .4), (.8, .6), (.7, .7), (.65, .7), (.6, .75)], s)
    texture = frost_texture(int(rng.integers(5)), by_size(image, [0.2], [0.3], [1.0], 0))
    h, w = image.shape[:2]
    y, x = rng.integers(texture.shape[0] - h), rng.integers(texture.shape[1] - w)
    piece = texture[y:y + h, x:x + w]
    if image.shape[-1] == 1:
        piece = (piece @ GREY)[..., None]
    return np.clip(a * image + b * piece, 0, 255).astype(np.uint8)


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
    strength, decay = by_size(image, [(.2, 3), (.5, 3), (.75, 2.5), (1, 2), (1.5, 1.75)],
                              [(.4, 3), (.7, 3), (1, 2.5), (1.5, 2), (2, 1.75)],
                              [(1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4)], s)
    x = unit(image)
    size = next(n for n in (32, 64, 128, 256) if max(x.shape[:2]) <= n)
    layer = plasma(size, decay)[:x.shape[0], :x.shape[1], None]
    return to_bytes((x + strength * layer) * x.max() / (x.max() + strength))


def brightness(image, s):
    c = by_size(image, [.05, .1, .15, .2, .3], [.1, .2, .3, .4, .5], [.1, .2, .3, .4, .5], s)
    x = unit(image)
    if x.shape[-1] == 1:
        return to_bytes(x + c)
    hsv = skimage.color.rgb2hsv(x)
    hsv[..., 2] = np.clip(hsv[..., 2] + c, 0, 1)
    return to_bytes(skimage.color.hsv2rgb(hsv))


# Colour, shape, files

def contrast(image, s):
    c = by_size(image, [.75, .5, .4, .3, .15], [.4, .3, .2, .1, .05], [.4, .3, .2, .1, .05], s)
    x = unit(image)
    mean = x.mean(axis=(0, 1), keepdims=True)
    return to_bytes((x - mean) * c + mean)


def saturate(image, s):
    if image.shape[-1] == 1:
        return image
    a, b = by_size(image, [(.3, 0), (.1, 0), (1.5, 0), (2, .1), (2.5, .2)],
                   [(.3, 0), (.1, 0), (2, 0), (5, .1), (30, .2)],
                   [(.3, 0), (.1, 0), (2, 0), (5, .1), (20, .2)], s)
    hsv = skimage.color.rgb2hsv(unit(image))
    hsv[..., 1] = np.clip(a * hsv[..., 1] + b, 0, 1)
    return to_bytes(skimage.color.hsv2rgb(hsv))


def warp(x, matrix):
    out = cv2.warpAffine(x, matrix, x.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return out.reshape(x.shape)


def displace(x, dy, dx):
    h, w, c = np.meshgrid(*(np.arange(n) for n in x.shape), indexing="ij")
    return ndimage.map_coordinates(x, [h + dy[..., None], w + dx[..., None], c], order=1, mode="reflect")


def elastic_transform(image, s):
    size = image.shape[0]
    alpha, sigma, affine = np.array(by_size(
        image, [(0, 0, .08), (.05, .2, .07), (.08, .06, .06), (.1, .04, .05), (.1, .03, .03)],
        [(0, 0, .08), (.05, .3, .06), (.1, .08, .06), (.1, .03, .03), (.16, .03, .02)],
        np.array([(2, .7, .1), (2, .08, .2), (.05, .01, .02), (.07, .01, .02), (.12, .01, .02)]) * 244 / size, s)) * size
    x = unit(image, np.float32)
    c, half = np.float32([size // 2, size // 2]), size // 3
    before = np.float32([c + half, [c[0] + half, c[1] - half], c - half])
    after = before + rng.uniform(-affine, affine, size=before.shape).astype(np.float32)
    x = warp(x, cv2.getAffineTransform(before, after))
    dx, dy = ((smooth(rng.uniform(-1, 1, size=x.shape[:2]), sigma, "reflect", 3) * alpha).astype(np.float32)
              for _ in range(2))
    return to_bytes(displace(x, dy, dx))


def pillow(image):
    return Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)


def pixelate(image, s):
    c = by_size(image, [.95, .9, .85, .75, .65], [.9, .8, .7, .6, .5], [.6, .5, .4, .3, .25], s)
    h, w = image.shape[:2]
    small = pillow(image).resize((int(w * c), int(h * c)), Image.BOX)
    return np.asarray(small.resize((w, h), Image.BOX)).reshape(image.shape)


def jpeg_compression(image, s):
    buffer = io.BytesIO()
    quality = by_size(image, [80, 65, 58, 50, 40], [65, 58, 50, 40, 25], [25, 18, 15, 10, 7], s)
    pillow(image).save(buffer, "JPEG", quality=quality)
    return np.asarray(Image.open(buffer)).reshape(image.shape)


def drop_relief(liquid):
    """liquid uint8 [H, W] -> how thick water lies, uint8."""
    dist = 255 - cv2.Canny(liquid, 50, 150)
    dist = cv2.distanceTransform(dist, cv2.DIST_L2, 5)
    _, dist = cv2.threshold(dist, 20, 20, cv2.THRESH_TRUNC)
    dist = cv2.equalizeHist(cv2.blur(dist, (3, 3)).astype(np.uint8))
    dist = cv2.filter2D(dist, cv2.CV_8U, np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]))
    return cv2.blur(dist, (3, 3))


def spatter(image, s):
    mean, std, sigma, threshold, strength, is_mud = by_size(
        image, [(.62, .1, .7, .7, .5, 0), (.65, .1, .8, .7, .5, 0), (.65, .3, 1, .69, .5, 0), (.65, .1, .7, .69, .6, 1),
                (.65, .1, .5, .68, .6, 1)],
        [(.62, .1, .7, .7, .6, 0), (.65, .1, .8, .7, .6, 0), (.65, .3, 1, .69, .6, 0), (.65, .1, .7, .68, .6, 1),
         (.65, .1, .5, .67, .6, 1)],
        [(.65, .3, 4, .69, .6, 0), (.65, .3, 3, .68, .6, 0), (.65, .3, 2, .68, .5, 0), (.65, .3, 1, .65, 1.5, 1),
         (.67, .4, 1, .65, 1.5, 1)], s)
    x = unit(image, np.float32)
    liquid = smooth(rng.normal(size=x.shape[:2], loc=mean, scale=std), sigma)
    liquid[liquid < threshold] = 0
    color = np.array([63, 42, 20] if is_mud else [175, 238, 238]) / 255
    if x.shape[-1] == 1:
        color = np.array([color @ GREY])
    if is_mud:
        m = smooth((liquid > threshold).astype(np.float32), strength)
        m[m < 0.8] = 0
        m = m[..., None]
        return to_bytes(x * (1 - m) + m * color)
    liquid = (liquid * 255).astype(int).astype(np.uint8)
    m = (liquid * drop_relief(liquid).astype(np.float32))[..., None]
    if m.max() > 0:
        m *= strength / m.max()
    return to_bytes(x + m * color)


DETERMINISTIC = [defocus_blur, zoom_blur, brightness, contrast, pixelate, jpeg_compression, gaussian_blur, saturate]
RANDOM = [gaussian_noise, shot_noise, impulse_noise, glass_blur, motion_blur, snow, frost, fog, elastic_transform,
          speckle_noise, spatter]
ALL = {f.__name__: f for f in DETERMINISTIC + RANDOM}


def corrupt(name, image, severity):
    return ALL[name](image, severity)
