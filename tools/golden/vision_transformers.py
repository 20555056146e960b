"""Goldens of the vision transformers from timm: logits, features, gradients of every parameter and of the images.

    python tools/golden/vision_transformers.py        # writes tests/golden/vision_transformers/

Needs torch, timm and numpy. Weights come from formula.py and are not stored; everything is computed in float64, so that what differs
is Kelvin's rounding and not also PyTorch's. Gradients are stored as their norm and sixteen entries a parameter.
"""
import pathlib

import numpy as np
import timm
import torch
import torch.nn.functional as F

from formula import fill, formula, gradient_rows

root = pathlib.Path(__file__).resolve().parents[2]
out = root / "tests/golden/vision_transformers"
SMALL = dict(patch_size=4, img_size=32)
GREY = dict(patch_size=7, img_size=28, in_chans=1)
CASES = {"vit_tiny_patch16_224": ("vit_tiny_patch16_224", 224, {}), "vit_small_patch16_224": ("vit_small_patch16_224", 224, {}),
         "vit_tiny_patch4": ("vit_tiny_patch16_224", 32, SMALL), "vit_small_patch4": ("vit_small_patch16_224", 32, SMALL),
         "vit_tiny_patch7": ("vit_tiny_patch16_224", 28, GREY)}
BATCH, TAU, SAMPLES = 2, 2.0, 16
FAINT = 2.0**-9  # of what writes to the stream of tokens: their variance is then about LayerNorm's epsilon
WRITERS = ("cls_token", "pos_embed", "patch_embed.proj", "attn.proj", "mlp.fc2")


def save(case, name, t):
    np.save(out / f"{case}.{name}.npy", t.detach().numpy().astype(np.float32))


def make(case, network, size, options):
    model = timm.create_model(network, pretrained=False, num_classes=10, **options)
    fill(model)
    model.double()
    shape = (BATCH, size, size, options.get("in_chans", 3))
    images = torch.from_numpy(formula("images", int(np.prod(shape)), 0.5, 0.5)).reshape(shape).double()
    x = images.permute(0, 3, 1, 2).contiguous().requires_grad_(True)
    labels = torch.arange(BATCH) % 10
    features = model.forward_head(model.forward_features(x), pre_logits=True)
    logits = model.head(features)
    assert torch.equal(logits, model.eval()(x))  # nothing is dropped by default: one golden serves both modes
    save(case, "logits", logits)
    save(case, "features", features)
    F.cross_entropy(logits / TAU, labels).backward()
    step = size // 8
    save(case, "image_gradient", x.grad.permute(0, 2, 3, 1)[:1, ::step, ::step])
    save(case, "gradients", gradient_rows(model, SAMPLES))


# Logits of a network whose tokens are so small that every LayerNorm's epsilon shows in them: with 1e-5 in place of 1e-6 they differ by 1.4 %.
def make_faint(case, network, size, options):
    model = timm.create_model(network, pretrained=False, num_classes=10, **options)
    fill(model)
    with torch.no_grad():
        for name, p in model.named_parameters():
            if any(writer in name for writer in WRITERS):
                p *= FAINT
    shape = (BATCH, size, size, 3)
    images = torch.from_numpy(formula("images", int(np.prod(shape)), 0.5, 0.5)).reshape(shape).double()
    with torch.no_grad():
        save(case, "faint_logits", model.double().eval()(images.permute(0, 3, 1, 2)))


def main():
    out.mkdir(parents=True, exist_ok=True)
    for case, (network, size, options) in CASES.items():
        make(case, network, size, options)
    make_faint("vit_tiny_patch4", *CASES["vit_tiny_patch4"])
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, timm {timm.__version__}, numpy {np.__version__}; "
                                  "tools/golden/vision_transformers.py\n")


main()
