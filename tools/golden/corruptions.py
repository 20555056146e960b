"""Goldens of the corruptions: tests/golden/corruptions/.

    python tools/golden/corruptions.py           # needs ImageMagick 6 and Wand for motion blur
    python tools/golden/corruptions.py magick    # that part alone
    python tools/golden/corruptions.py 224       # the images of ImageNet's size alone

For images of 28 grey, 32 and 64 colour pixels (suffixes 1, 3 and 64): deterministic corruptions as images, random ones as the mean
and standard deviation of the change over many copies, for each severity. `distances.txt`: the mean distance of each severity,
from which data/corruptions/DECISIONS.md takes the reference's own exceptions to "a higher severity is further away". At 224 pixels, where whole images would be
large, each eighth row and column is kept. Then the single steps that random corruptions are made of, on fixed inputs: Canny edges, distances, equalised histograms, drop
reliefs, affine maps, displacements, frost textures. Motion blur is drawn by ImageMagick itself, with the published generator's call.
"""
import ctypes
import io
import pathlib
import sys

import cv2
import numpy as np
import PIL
import scipy
import skimage
import wand.api
import wand.image
import wand.version

import corruption_reference as reference

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/corruptions"
rng = np.random.default_rng(1)
COPIES = {"fog": 1000, "frost": 3000, "snow": 300, "spatter": 300, "elastic_transform": 300, "glass_blur": 60}


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
    return reference.to_bytes(np.array(images))


def photographs():
    """224 pixels: no image is kept whole, the clean one is a formula that the test evaluates, too."""
    h, w, c = np.meshgrid(np.arange(224), np.arange(224), np.arange(3), indexing="ij")
    image = ((h * (3 + c) + w * (5 - c)) // 7 % 200 + (h // 32 + w // 32) % 2 * 55).astype(np.uint8)
    for f in reference.DETERMINISTIC:
        np.save(out / f"{f.__name__}224.npy", np.stack([f(image, s)[::8, ::8] for s in range(5)]))
    for f in reference.RANDOM:
        copies = {"glass_blur": 3, "fog": 400, "frost": 400, "snow": 60, "motion_blur": 300, "spatter": 40,
                  "elastic_transform": 120}.get(f.__name__, 10)
        rows = []
        for s in range(5):
            change = np.stack([f(image, s)[::8, ::8] for _ in range(copies)]).astype(np.float32) - image[::8, ::8]
            rows.append([change.mean(dtype=float), change.std(dtype=float)])
        np.save(out / f"{f.__name__}224.npy", np.array(rows, dtype=np.float32))
        print(f.__name__, rows, flush=True)


def corruptions(suffix, images, lines):
    np.save(out / f"images{suffix}.npy", images)
    for f in reference.DETERMINISTIC:
        got = np.stack([[f(i, s) for i in images] for s in range(5)])
        np.save(out / f"{f.__name__}{suffix}.npy", got)
        distance = np.sqrt(((got.astype(float) - images) ** 2).mean(axis=(1, 2, 3, 4)))
        lines.append(f"{f.__name__:18} {images.shape[1]}x{images.shape[3]} " + " ".join(f"{d:7.2f}" for d in distance))
    for f in reference.RANDOM:
        many = np.tile(images, (COPIES.get(f.__name__, 100), 1, 1, 1))  # the test takes as many
        rows, distance = [], []
        for s in range(5):
            change = np.stack([f(i, s) for i in many]).astype(np.float32) - many
            rows.append([change.mean(dtype=float), change.std(dtype=float)])
            distance.append(np.sqrt((change ** 2).mean(dtype=float)))
        np.save(out / f"{f.__name__}{suffix}.npy", np.array(rows, dtype=np.float32))
        lines.append(f"{f.__name__:18} {images.shape[1]}x{images.shape[3]} " + " ".join(f"{d:7.2f}" for d in distance))
        print(lines[-1], flush=True)


def steps():
    """Inputs and outputs of the steps that random corruptions are made of."""
    liquids = []
    for (mean, std, sigma, threshold) in [(.62, .1, .7, .7), (.65, .1, .8, .7), (.65, .3, 1, .69)]:
        for size in (32, 31):
            v = reference.smooth(rng.normal(size=(size, 32), loc=mean, scale=std), sigma)
            v[v < threshold] = 0
            liquids.append((v * 255).astype(np.uint8)[:31])
    liquids.append(scene(1, 32, 1)[0, :31, :, 0])  # edges of every direction
    liquids = np.stack(liquids)
    np.save(out / "liquid.npy", liquids)
    np.save(out / "canny.npy", np.stack([cv2.Canny(v, 50, 150) for v in liquids]))
    np.save(out / "distance.npy", np.stack([cv2.distanceTransform(255 - cv2.Canny(v, 50, 150), cv2.DIST_L2, 5)
                                            for v in liquids]).astype(np.float32))
    np.save(out / "equalized.npy", np.stack([cv2.equalizeHist(v) for v in liquids]))
    np.save(out / "relief.npy", np.stack([reference.drop_relief(v) for v in liquids]))

    x = scene(1, 32, 3)[0]
    before = np.float32([[26, 26], [26, 6], [6, 6]])
    after = before + np.float32([[1.7, -2.1], [-0.6, 2.4], [2.2, 0.9]])
    field = np.float32(reference.smooth(rng.uniform(-1, 1, size=(2, 32, 32)), 0) * 3)
    np.save(out / "warp_points.npy", np.stack([before, after]))
    np.save(out / "warp.npy", np.stack([x / np.float32(255), reference.warp(
        x / np.float32(255), cv2.getAffineTransform(before, after))]).astype(np.float32))
    np.save(out / "displace_field.npy", field)
    np.save(out / "displace.npy", reference.displace(x / np.float32(255), field[0], field[1]).astype(np.float32))
    np.save(out / "frost_texture.npy", np.stack([reference.frost_texture(k, 0.2)[:63, :105] for k in range(5)]))


def magick_trail(image, radius, sigma, degrees):
    """Through PNG into ImageMagick and back, as the published generator does."""
    blur = wand.api.library.MagickMotionBlurImage
    blur.argtypes = (ctypes.c_void_p, ctypes.c_double, ctypes.c_double, ctypes.c_double)
    png = io.BytesIO()
    reference.pillow(image).save(png, "PNG")
    with wand.image.Image(blob=png.getvalue()) as magick:
        blur(magick.wand, radius, sigma, degrees)
        back = np.asarray(PIL.Image.open(io.BytesIO(magick.make_blob())).convert("L" if image.shape[-1] == 1 else "RGB"))
    return back.reshape(image.shape)


def magick():
    """Trails of ImageMagick for settings of motion blur and, from -135 degrees, of snow: a row each of radius, sigma, degrees."""
    settings = np.array([(6, 1, -37.3), (6, 1.5, 12.1), (8, 2, 44.9), (12, 3, -3.7), (8, 3, -100), (14, 12, -55.5)])
    np.save(out / "magick_settings.npy", settings)
    for suffix in ("1", "3"):
        image = np.load(out / f"images{suffix}.npy")[0]
        trails = np.stack([magick_trail(image, *s) for s in settings])
        assert (trails == np.stack([reference.trail(image, int(s[0]), s[1], s[2]) for s in settings])).all()
        np.save(out / f"magick_motion{suffix}.npy", trails)


def main():
    out.mkdir(parents=True, exist_ok=True)
    if sys.argv[1:] == ["magick"]:
        return magick()
    if sys.argv[1:] == ["224"]:
        return photographs()
    lines = ["# root mean square distance from the clean image, of 255, for severities 1 to 5"]
    corruptions("1", scene(2, 28, 1), lines)
    corruptions("3", scene(2, 32, 3), lines)
    corruptions("64", scene(1, 64, 3), lines)
    photographs()
    steps()
    magick()
    (out / "distances.txt").write_text("\n".join(lines) + "\n")
    (out / "VERSIONS").write_text(
        f"numpy {np.__version__}, scipy {scipy.__version__}, scikit-image {skimage.__version__}, OpenCV {cv2.__version__}, "
        f"Pillow {PIL.__version__}, {' '.join(wand.version.MAGICK_VERSION.split()[:3])}, Wand {wand.version.VERSION}; tools/golden/corruptions.py\n")


main()
