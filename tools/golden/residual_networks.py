"""Goldens of resnet18, resnet34 and resnet50 from torchvision: evaluation, one training step, running statistics.

    python tools/golden/residual_networks.py        # writes tests/golden/residual_networks/

Needs torch, torchvision and numpy. The networks have 11 to 24 million weights, so no weights are stored: both sides make them from
Philox by one formula whose every step is exact in float32 (`formula` below and tests/models/residual_networks_test.cpp). The CIFAR
stem is put in torchvision's place by replacing conv1 and leaving out the max pool; `imagenet` is torchvision's own.
Norms shift activations away from ReLU's kink, where a rounding decides over a whole gradient. Everything is computed in float64, so
that what differs is Kelvin's rounding and not also PyTorch's. Gradients are stored as their norm and sixteen entries a parameter.
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

root = pathlib.Path(__file__).resolve().parents[2]
out = root / "tests/golden/residual_networks"
CASES = {"resnet18-cifar": ("resnet18", 32), "resnet34-cifar": ("resnet34", 32), "resnet50-cifar": ("resnet50", 32),
         "resnet50-imagenet": ("resnet50", 96)}
BATCH, TAU, SAMPLES = 4, 2.0, 16


def fnv1a(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def philox(seed, stream, counters):
    """Philox4x32-10 (Salmon et al. 2011): counter (i, stream), key seed; [n, 4] words."""
    mask = np.uint64(0xFFFFFFFF)
    c = [counters & mask, counters >> np.uint64(32), np.full_like(counters, stream & 0xFFFFFFFF),
         np.full_like(counters, stream >> 32)]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & mask, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1)


def formula(name, n, scale, offset):
    """offset + scale * u with u a multiple of 2^-22 in [-1, 1); exact for scale a power of two and offset 0, 1/2 or 1."""
    words = philox(11, fnv1a(name), np.arange((n + 3) // 4, dtype=np.uint64)).reshape(-1)[:n]
    u = (words >> np.uint64(9)).astype(np.float64) * 2.0**-22 - 1
    return (offset + scale * u).astype(np.float32)


def scale_of(shape):
    """The power of two next to Kaiming's uniform bound sqrt(6 / fan_in)."""
    fan_in = int(np.prod(shape[1:]))
    return 2.0 ** round(float(np.log2(np.sqrt(6 / fan_in))))


def fill(model):
    with torch.no_grad():
        for name, t in model.state_dict().items():
            if t.dtype != torch.float32:
                continue
            if name.endswith("running_mean"):
                values = formula(name, t.numel(), 0.25, 0)
            elif name.endswith("running_var"):
                values = formula(name, t.numel(), 0.5, 1)
            elif t.dim() > 1:
                values = formula(name, t.numel(), scale_of(t.shape), 0)
            elif name.endswith("bias"):
                values = formula(name, t.numel(), 0.125, 0.75)
            else:
                values = formula(name, t.numel(), 0.125, 0.25)
            t.copy_(torch.from_numpy(values).reshape(t.shape))


def save(case, name, t):
    np.save(out / f"{case}.{name}.npy", t.detach().numpy().astype(np.float32))


def make(case, network, size):
    model = torchvision.models.get_model(network, num_classes=10)
    if case.endswith("cifar"):
        model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    fill(model)
    model.double()
    images = torch.from_numpy(formula("images", BATCH * size * size * 3, 0.5, 0.5)).reshape(BATCH, size, size, 3).double()
    x = images.permute(0, 3, 1, 2).contiguous().requires_grad_(True)
    labels = torch.arange(BATCH) % 10
    features = []
    model.avgpool.register_forward_hook(lambda module, i, o: features.append(o.flatten(1)))

    model.eval()
    logits = model(x)
    save(case, "eval_logits", logits)
    save(case, "eval_features", features[-1])
    F.cross_entropy(logits / TAU, labels, reduction="sum").backward()
    save(case, "eval_image_gradient", x.grad.permute(0, 2, 3, 1)[:1, ::4, ::4])

    model.train()
    model.zero_grad()
    logits = model(x)
    save(case, "train_logits", logits)
    F.cross_entropy(logits / TAU, labels).backward()
    rows = []
    for name, p in sorted(model.named_parameters()):
        g = p.grad.flatten().double()
        at = torch.arange(SAMPLES) * g.numel() // SAMPLES
        rows.append(torch.cat([g.norm()[None], g[at]]))
    save(case, "gradients", torch.stack(rows))
    with torch.no_grad():
        for _ in range(2):  # three steps of running statistics in all
            model(x)
    state = {k: v for k, v in model.state_dict().items() if "running" in k}
    save(case, "running_norms", torch.stack([state[k].double().norm() for k in sorted(state)]))


def main():
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for case, (network, size) in CASES.items():
        make(case, network, size)
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}; "
                                  "tools/golden/residual_networks.py\n")


main()
