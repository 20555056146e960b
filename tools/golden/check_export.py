"""Weights between Kelvin and PyTorch in both directions, and the logits on both sides.

    python tools/golden/check_export.py PATH/TO/kelvin [MODEL ...]     # default: resnet50 vit_small_patch16_224

Needs torch, torchvision, timm, numpy and safetensors. No goldens are written. For each model: torchvision's or timm's network with random
weights goes to a safetensors file, `kelvin weights import` reads it, `kelvin predict` computes logits of random images (normalised by
the constants that belong to the weights), `kelvin weights export` writes a file that load_state_dict(strict=True) must take, in which
every tensor must have the bits that went in. The same once more in float16. Exit code 1 where anything differs.
"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file

CLASSES, BATCH, SIZE = 1000, 3, 224
CONSTANTS = {"resnet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), "vit": ([0.5] * 3, [0.5] * 3)}


def network(name):
    if name.startswith("vit"):
        return timm.create_model(name, pretrained=False, num_classes=CLASSES).eval()
    return torchvision.models.get_model(name, num_classes=CLASSES).eval()


def randomise(model):
    """Statistics and weights that are not where they start, so that a swapped or forgotten tensor shows."""
    with torch.no_grad():
        for key, t in model.state_dict().items():
            if key.endswith("running_mean"):
                t.normal_(0, 0.2)
            elif key.endswith("running_var"):
                t.uniform_(0.5, 2)
            elif t.dim() == 1 and t.is_floating_point():
                t.add_(torch.randn_like(t) * 0.1)


def logits_of(model, images, name):
    mean, std = (torch.tensor(c) for c in CONSTANTS["vit" if name.startswith("vit") else "resnet"])
    with torch.no_grad():
        return model(((images - mean) / std).permute(0, 3, 1, 2)).numpy()


def relative(a, b):
    return float(np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b))


def check(kelvin, name, folder):
    def run(*arguments):
        subprocess.run([kelvin, *map(str, arguments), "--quiet"], check=True, stdout=subprocess.DEVNULL)

    torch.manual_seed(0)
    model = network(name)
    randomise(model)
    images = torch.rand(BATCH, SIZE, SIZE, 3)
    np.save(folder / "images.npy", images.numpy())
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "theirs.safetensors")
    stem = [] if name.startswith("vit") else ["--stem", "imagenet"]
    run("weights", "import", folder / "theirs.safetensors", "--model", name, *stem, "--out", folder / "ours.safetensors")
    run("predict", "--weights", folder / "ours.safetensors", "--input", folder / "images.npy", "--output", folder / "logits.npy")
    error = relative(np.load(folder / "logits.npy"), logits_of(model, images, name))
    print(f"{name}: PyTorch -> Kelvin, relative difference of logits {error:.1e}")
    good = error < 1e-5

    for dtype in ("float32", "float16"):
        run("weights", "export", folder / "ours.safetensors", "--out", folder / "back.safetensors", "--dtype", dtype)
        state = load_file(folder / "back.safetensors")
        fresh = network(name)
        fresh.load_state_dict(state, strict=True)  # raises for a missing, unexpected or mis-shaped tensor
        expected = {k: v.to(getattr(torch, dtype)) if v.is_floating_point() else v for k, v in model.state_dict().items()}
        differing = [k for k, v in state.items() if not k.endswith("num_batches_tracked") and not torch.equal(v, expected[k])]
        error = relative(logits_of(fresh, images, name), logits_of(model, images, name))
        print(f"{name}: Kelvin -> PyTorch, {dtype}: strict=True takes {len(state)} tensors, {len(differing)} differ in a bit; "
              f"relative difference of logits {error:.1e}")
        good = good and not differing and error < (1e-6 if dtype == "float32" else 1e-2)
    return good


def main():
    kelvin, models = sys.argv[1], sys.argv[2:] or ["resnet50", "vit_small_patch16_224"]
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}")
    good = True
    for name in models:
        with tempfile.TemporaryDirectory() as folder:
            good = check(kelvin, name, pathlib.Path(folder)) and good
    sys.exit(0 if good else 1)


main()
