"""Goldens of the preparation of photographs: tests/golden/image_preparation/.

    python -P tools/golden/image_preparation.py    # needs torchvision, timm, Pillow; -P: statistics.py beside it is not the library's

Small image files as they occur in ImageNet – colour, grey, CMYK, progressive, with an EXIF rotation, a PNG by the name of a JPEG –, and what
torchvision's and timm's evaluation transforms make of them after the loader of torchvision's ImageFolder: uint8 [H, W, 3].

    NAME.bilinear.npy   torchvision: Resize(64, bilinear), CenterCrop(56)
    NAME.bicubic.npy    timm: crop_pct 0.9, bicubic, of an input of 56: Resize(62), CenterCrop(56)
    large.*             the same for an input of 224 (256 and 248), each fourth row and column
    cut.jpg             ends in the middle: Pillow refuses it
"""
import pathlib

import numpy as np
import PIL
import timm
import timm.data
import torch
import torchvision
from PIL import Image
from torchvision import transforms
from torchvision.datasets.folder import pil_loader

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/image_preparation"
rng = np.random.default_rng(7)


def photograph(height, width):
    """Smooth colours with edges and a little noise, uint8 [H, W, 3]."""
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    channels = []
    for _ in range(3):
        a, b, c, d = rng.uniform(-9, 9, 4)
        v = 0.5 + 0.4 * np.sin(a * x + b * y + c) + 0.25 * ((x - 0.4) ** 2 + (y - 0.3) ** 2 < 0.05) * np.sign(d)
        channels.append(v + rng.normal(0, 0.04, v.shape))
    return (np.clip(np.stack(channels, -1), 0, 1) * 255).astype(np.uint8)


def files():
    """Names and how each is written; sizes that the transforms shrink, enlarge and leave."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    yield "landscape.jpg", (91, 140), lambda i, p: i.save(p, quality=90)
    yield "portrait.jpg", (151, 83), lambda i, p: i.save(p, quality=75, subsampling=0)
    yield "tiny.jpg", (31, 40), lambda i, p: i.save(p, quality=90)
    yield "square.jpg", (64, 64), lambda i, p: i.save(p, quality=90)
    yield "wide.jpg", (70, 211), lambda i, p: i.save(p, quality=60)
    yield "grey.jpg", (101, 87), lambda i, p: i.convert("L").save(p, quality=90)
    yield "cmyk.jpg", (66, 95), lambda i, p: i.convert("CMYK").save(p, quality=90)
    yield "turned.jpg", (72, 108), lambda i, p: i.save(p, quality=90, exif=exif)
    yield "progressive.jpg", (99, 77), lambda i, p: i.save(p, quality=85, progressive=True)
    yield "png_inside.JPEG", (80, 67), lambda i, p: i.save(p, format="PNG")
    yield "alpha.png", (65, 90), lambda i, p: i.convert("RGBA").save(p)
    yield "palette.png", (75, 66), lambda i, p: i.quantize(64).save(p)
    yield "large.jpg", (375, 500), lambda i, p: i.save(p, quality=50)


def expected(path, side):
    image = pil_loader(path)
    bilinear = transforms.Compose([transforms.Resize(side * 8 // 7), transforms.CenterCrop(side)])
    bicubic = timm.data.create_transform((3, side, side), is_training=False, interpolation="bicubic", crop_pct=0.9,
                                         mean=(0, 0, 0), std=(1, 1, 1))
    pixels = (bicubic(image).permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()
    return {"bilinear": np.asarray(bilinear(image)), "bicubic": pixels}


out.mkdir(exist_ok=True)
for name, (height, width), write in files():
    path = out / name
    write(Image.fromarray(photograph(height, width)), path)
    is_large = path.stem == "large"
    for kind, pixels in expected(path, 224 if is_large else 56).items():
        np.save(out / f"{path.stem}.{kind}.npy", np.ascontiguousarray(pixels[::4, ::4] if is_large else pixels))
whole = (out / "landscape.jpg").read_bytes()
(out / "cut.jpg").write_bytes(whole[:len(whole) // 2])
try:
    pil_loader(out / "cut.jpg")
    raise SystemExit("Pillow reads cut.jpg")
except OSError:
    pass
(out / "VERSIONS").write_text(f"Pillow {PIL.__version__}, torch {torch.__version__}, torchvision {torchvision.__version__}, "
                              f"timm {timm.__version__}, NumPy {np.__version__}\n")
