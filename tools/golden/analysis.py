"""Goldens of the analysis: geometry and calibration by NumPy and SciPy, gradients by PyTorch's autograd in float64.

    python tools/golden/analysis.py        # writes tests/golden/analysis/

Geometry and calibration: 150 clustered features of dimension 13 in 6 classes (one without images) and random prototypes. Every formula
is written as its definition says (explicit scatter matrices and pseudo-inverse, one singular value decomposition), not as
Kelvin computes it. Gradients: the trained networks of tests/golden/attacks and, in colour, tests/golden/attacks_color on their first 20 images.
"""
import json
import pathlib
import sys

import numpy as np
import safetensors.torch
import scipy
import scipy.optimize
import scipy.special
import torch

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/bench/peers"))
from pytorch_peer import MODELS, ResNet, conv_norm  # noqa: E402
sys.path.insert(0, str(root / "tools/golden"))
from resnet8 import our_name  # noqa: E402

out = root / "tests/golden/analysis"
CLASSES, WIDTH, N, BINS, IMAGES = 6, 13, 150, 15, 20
TAUS = [0.5, 1.0, 10.0]


def geometry(f, labels, predictions, w):
    n, d = f.shape
    present = sorted(set(labels))
    c = len(present)
    mu = {k: f[labels == k].mean(0) for k in present}
    m = np.stack([mu[k] for k in present]) - np.mean([mu[k] for k in present], 0)
    within = sum(np.outer(x - mu[y], x - mu[y]) for x, y in zip(f, labels)) / n
    between = sum(np.outer(row, row) for row in m) / c
    norms = np.linalg.norm(m, axis=1)
    cosines = (m @ m.T / np.outer(norms, norms))[np.triu_indices(c, 1)]
    wp = w[present]
    nearest = np.array([present[np.argmin([np.linalg.norm(x - mu[k]) for k in present])] for x in f])
    sigma = np.linalg.svd(f - f.mean(0), compute_uv=False)
    share = sigma / sigma.sum()
    share = share[share > 0]
    return {
        "within_between": np.trace(within @ np.linalg.pinv(between, rcond=1e-9)) / c,
        "class_mean_norm_spread": norms.std() / norms.mean(),
        "class_mean_cosine_deviation": np.abs(cosines + 1 / (c - 1)).mean(),
        "class_mean_alignment": np.linalg.norm(wp / np.linalg.norm(wp) - m / np.linalg.norm(m)),
        "nearest_centre_agreement": (nearest == predictions).mean(),
        "numerical": int((sigma > sigma[0] * max(n, d) * np.finfo(np.float32).eps).sum()),
        "one_percent": int((sigma > sigma[0] / 100).sum()),
        "effective": np.exp(-(share * np.log(share)).sum()),
        "stable": (sigma**2).sum() / sigma[0] ** 2,
        "variance_shares": (sigma**2 / (sigma**2).sum()).tolist(),
    }


def nll(z, labels, tau):
    return -scipy.special.log_softmax(z / tau, axis=1)[np.arange(len(z)), labels].mean()


def calibration(z, labels, tau):
    p = scipy.special.softmax(z / tau, axis=1)
    confidence, right = p.max(1), p.argmax(1) == labels
    gaps, ece = [], 0
    for m in range(BINS):
        inside = (confidence > m / BINS) & (confidence <= (m + 1) / BINS)
        if inside.any():
            gaps.append(abs(right[inside].mean() - confidence[inside].mean()))
            ece += inside.mean() * gaps[-1]
    order = np.argsort(confidence, kind="stable")
    edges = [m * len(z) // BINS for m in range(BINS + 1)]
    parts = [order[a:b] for a, b in zip(edges, edges[1:])]
    adaptive = sum(len(i) / len(z) * abs(right[i].mean() - confidence[i].mean()) for i in parts)
    return {"tau": tau, "nll": nll(z, labels, tau), "ece": ece, "mce": max(gaps), "adaptive_ece": adaptive,
            "brier": ((p - np.eye(z.shape[1])[labels]) ** 2).sum(1).mean()}


def cosine(a, b):
    return float((a * b).sum() / (a.norm() * b.norm()))


def gradients(folder):
    """Per image, by autograd, at every τ: then means over the images."""
    weights = safetensors.torch.load_file(folder / "weights.safetensors")
    info = json.loads((folder / "reference.json").read_text())
    images = torch.from_numpy(np.load(folder / "images.npy")[:IMAGES].astype(np.float64) / 255).permute(0, 3, 1, 2)
    labels = np.load(folder / "labels.npy")[:IMAGES].astype(np.int64)
    mean, std = (torch.tensor(info[k], dtype=torch.float64).view(1, -1, 1, 1) for k in ("mean", "std"))
    net = ResNet(*MODELS["resnet8"])
    net.conv1, net.bn1 = conv_norm(images.shape[1], 16, 3, 1)
    net.load_state_dict({k: weights[our_name(k)].float() for k in net.state_dict() if our_name(k) in weights}, strict=False)
    net = net.eval().double()
    caught = {}
    net.fc.register_forward_pre_hook(lambda _, inputs: caught.update(f=inputs[0]))
    rows, gradient, sums = [], {}, {}
    for tau in TAUS:
        row = {k: [] for k in ["true_prototype_l2", "negative_prototype_l2", "hardest_prototype_l2", "feature_l2", "input_l1",
                               "input_l2", "input_linf", "step_size", "shares", "prototype_cosine", "feature_cosine",
                               "input_cosine"]}
        for i, (image, label) in enumerate(zip(images, labels)):
            x = image[None].clone().requires_grad_(True)
            z = net((x - mean) / std)
            loss = torch.nn.functional.cross_entropy(z / tau, torch.tensor([label]))
            gw, gf, gx = torch.autograd.grad(loss, [net.fc.weight, caught["f"], x])
            gradient[tau, i] = gw, gf, gx
            sums[tau] = sums.get(tau, 0) + gw
            p = torch.softmax(z / tau, 1)[0].detach().numpy()
            negative = np.delete(p, label)
            norms = np.delete(gw.norm(dim=1).numpy(), label)
            row["true_prototype_l2"].append(float(gw[label].norm()))
            row["negative_prototype_l2"].append(norms.mean())
            row["hardest_prototype_l2"].append(norms.max())
            row["feature_l2"].append(float(gf.norm()))
            row["input_l1"].append(float(gx.abs().sum()))
            row["input_l2"].append(float(gx.norm()))
            row["input_linf"].append(float(gx.abs().max()))
            row["step_size"].append((1 - p[label]) / tau)
            row["shares"].append(np.sort(negative / negative.sum())[::-1])
        rows.append(row)
    for tau, row in zip(TAUS, rows):
        for i in range(IMAGES):
            for name, a, b in zip(["prototype_cosine", "feature_cosine", "input_cosine"], gradient[tau, i], gradient[1.0, i]):
                row[name].append(cosine(a, b))
        s = np.array(row["step_size"]) * tau
        participation = s.sum() ** 2 / (len(s) * (s**2).sum())
        shares = np.mean(row.pop("shares"), 0).tolist()
        for name in row:
            row[name] = float(np.mean(row[name]))
        row.update(tau=tau, alpha_shares=shares, image_participation=participation,
                   set_prototype_cosine=cosine(sums[tau], sums[1.0]))
    return rows


def main():
    out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(11)
    centres, w = random.normal(0, 2, (CLASSES, WIDTH)), random.normal(0, 1, (CLASSES, WIDTH)).astype(np.float32)
    labels = random.integers(0, CLASSES - 1, N)  # no image of the last class
    f = (centres[labels] + random.normal(0, 1.5, (N, WIDTH)) * random.uniform(0.2, 2, WIDTH)).astype(np.float32)
    logits = (2 * random.normal(0, 1, (N, CLASSES)) + 3 * np.eye(CLASSES)[labels]).astype(np.float32)
    predictions = logits.argmax(1)
    z = logits.astype(np.float64)
    best = scipy.optimize.minimize_scalar(lambda s: nll(z, labels, np.exp(s)), bounds=(-5, 5), method="bounded",
                                          options={"xatol": 1e-10})
    for name, array in dict(features=f, prototypes=w, logits=logits).items():
        np.save(out / f"{name}.npy", array)
    np.save(out / "labels.npy", labels.astype(np.int32))
    reference = {"geometry": geometry(f.astype(np.float64), labels, predictions, w.astype(np.float64)),
                 "calibration": [calibration(z, labels, tau) for tau in (1.0, 2.5)],
                 "fitted_tau": float(np.exp(best.x)), "gradients": gradients(root / "tests/golden/attacks"),
                 "gradients_color": gradients(root / "tests/golden/attacks_color")}
    (out / "reference.json").write_text(json.dumps(reference, indent=1, default=float) + "\n")
    (out / "VERSIONS").write_text(f"numpy {np.__version__}, scipy {scipy.__version__}, torch {torch.__version__}; tools/golden/analysis.py\n")


if __name__ == "__main__":
    main()
