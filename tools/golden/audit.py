"""Goldens of the audit: binomial tests by SciPy, and images without a gradient by PyTorch in float32 and in float64 from end to end.

    python tools/golden/audit.py        # writes tests/golden/audit/

Gradients: the trained network of tests/golden/attacks on its first 40 images, with its logits multiplied by 50 and by 100. In float64 the weights, every
layer, softmax and the backward pass are float64, so that only the format can make a difference.
"""
import json
import pathlib
import sys

import numpy as np
import safetensors.torch
import scipy
import scipy.stats
import torch

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/bench/peers"))
from pytorch_peer import MODELS, ResNet, conv_norm  # noqa: E402
sys.path.insert(0, str(root / "tools/golden"))
from resnet8 import our_name  # noqa: E402

out, attacks = root / "tests/golden/audit", root / "tests/golden/attacks"
IMAGES, SCALES, SIGNS = 40, (50, 100), 8


def binomial_rows():
    rows = [(k, n, p) for n, p in [(1, 0.5), (12, 0.5), (31, 0.5), (31, 0.62), (100, 0.02), (64, 0.02), (200, 0.1), (1000, 0.02)]
            for k in sorted({0, 1, n // 3, n // 2 + 1, n})]
    return [{"k": k, "n": n, "p": p, "tail": scipy.stats.binomtest(k, n, p, alternative="greater").pvalue} for k, n, p in rows]


def paired_rows():
    """b images broken by the other attack alone, c by plain PGD alone, of n: an honest share of `size` moves the probability from 1/2."""
    rows = [(8, 0, 200, 0.0), (9, 2, 200, 0.0), (0, 5, 200, 0.0), (13, 0, 200, 0.02), (20, 6, 200, 0.02), (3, 0, 200, 0.02),
            (40, 11, 1000, 0.02), (30, 2, 100, 0.1)]
    def p(b, c, n, size):
        share = min(1, 0.5 + size * n / (2 * (b + c)))
        return scipy.stats.binomtest(b, b + c, share, alternative="greater").pvalue
    return [{"b": b, "c": c, "n": n, "size": size, "p": p(b, c, n, size)} for b, c, n, size in rows]


def network(dtype, scale, info, weights):
    net = ResNet(*MODELS["resnet8"])
    net.conv1, net.bn1 = conv_norm(1, 16, 3, 1)
    net.load_state_dict({k: weights[our_name(k)].float() for k in net.state_dict() if our_name(k) in weights}, strict=False)
    net = net.eval().to(dtype)
    mean, std = (torch.tensor(info[k], dtype=dtype).view(1, -1, 1, 1) for k in ("mean", "std"))
    return lambda x: scale * net((x - mean) / std)


def gradients(dtype, scale, info, weights, images, labels):
    net = network(dtype, scale, info, weights)
    x = torch.from_numpy(images.astype(np.float64) / 255).permute(0, 3, 1, 2).to(dtype).requires_grad_(True)
    z = net(x)
    torch.nn.functional.cross_entropy(z, labels, reduction="sum").backward()
    others = z.detach().clone()
    others[torch.arange(len(labels)), labels] = -torch.inf
    lead = z.detach()[torch.arange(len(labels)), labels] - others.max(1).values
    return x.grad.permute(0, 2, 3, 1), lead


def main():
    out.mkdir(parents=True, exist_ok=True)
    info = json.loads((attacks / "reference.json").read_text())
    weights = safetensors.torch.load_file(attacks / "weights.safetensors")
    images = np.load(attacks / "images.npy")[:IMAGES]
    labels = torch.from_numpy(np.load(attacks / "labels.npy")[:IMAGES].astype(np.int64))

    def zero(g):
        return (g.flatten(1).abs().max(1).values == 0).int().tolist()

    reference = {"binomial": binomial_rows(), "paired": paired_rows(), "gradients": []}
    for scale in SCALES:
        g32, _ = gradients(torch.float32, scale, info, weights, images, labels)
        g64, lead = gradients(torch.float64, scale, info, weights, images, labels)
        reference["gradients"].append({"scale": scale, "lead": lead.tolist(), "zero_float32": zero(g32), "zero_float64": zero(g64)})
        if scale == SCALES[0]:  # images without a gradient in float32, with one in float64
            shown = [i for i in range(IMAGES) if zero(g32)[i] and not zero(g64)[i]][:SIGNS]
            np.save(out / "images.npy", np.array(shown, np.uint8))
            np.save(out / "signs.npy", (g64[shown].sign() + 1).numpy().astype(np.uint8))  # 0, 1, 2: negative, zero, positive
    (out / "reference.json").write_text(json.dumps(reference, indent=1) + "\n")
    (out / "VERSIONS").write_text(f"numpy {np.__version__}, scipy {scipy.__version__}, torch {torch.__version__}; tools/golden/audit.py\n")


if __name__ == "__main__":
    main()
