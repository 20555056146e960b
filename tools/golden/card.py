"""A stand-in for a published robust model, and the numbers that its card must have.

    python tools/golden/card.py        # writes tests/golden/card/

wrn_10_1 of pre_activation.py is trained adversarially for a few epochs on small coloured patterns of four classes, and saved as such files
are: float16, in a dictionary beside other things, names behind `module.`, mu and sigma among them. reference.json: what PyTorch predicts on the
test images in float32, with margins, and SciPy's exact intervals. Needs torch, numpy and scipy.
"""
import json
import pathlib

import numpy as np
import scipy
import scipy.stats
import torch
import torch.nn.functional as F

from pre_activation import Network

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/card"
CLASSES, SIDE, TRAIN, TEST, EPOCHS, EPS = 4, 8, 256, 32, 6, 8 / 255
MEAN, STD = (0.52, 0.5, 0.47), (0.2, 0.21, 0.22)


def patterns(count, draw):
    """A coloured wave for each class under noise."""
    labels = np.arange(count) % CLASSES
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    waves = np.stack([np.stack([np.sin(2 * np.pi * ((c + 1) * x / 2 + (3 - c) * y / 2) + k) for k in range(3)], -1) for c in range(CLASSES)])
    images = 0.5 + 0.1 * waves[labels] + draw.normal(0, 0.24, (count, SIDE, SIDE, 3))
    return np.clip(np.round(255 * images), 0, 255).astype(np.uint8), labels.astype(np.int64)


def tensor(images):
    return torch.from_numpy(images.astype(np.float32) / 255).permute(0, 3, 1, 2)


def normalised(model, x):
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    return model((x - mean) / std)


def train(model, x, y):
    # torch.optim imports the library statistics, which statistics.py of this folder hides.
    velocities = [torch.zeros_like(p) for p in model.parameters()]
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(64):
            model.eval()
            start = x[rows] + torch.empty_like(x[rows]).uniform_(-EPS, EPS)
            for _ in range(3):
                start.requires_grad_(True)
                g, = torch.autograd.grad(F.cross_entropy(normalised(model, start), y[rows]), start)
                start = (x[rows] + (start.detach() + EPS / 2 * g.sign() - x[rows]).clamp(-EPS, EPS)).clamp(0, 1)
            model.train()
            loss = F.cross_entropy(normalised(model, start), y[rows])
            with torch.no_grad():
                for p, v, g in zip(model.parameters(), velocities, torch.autograd.grad(loss, list(model.parameters()))):
                    p -= 0.05 * v.mul_(0.9).add_(g)
    return model.eval()


def intervals():
    rows = [(k, n) for n in (1, 12, 200, 1000, 10000) for k in sorted({0, 1, n // 3, n - 1, n})]
    rows += [(5342, 10000), (107, 200)]
    out = []
    for k, n in rows:
        i = scipy.stats.binomtest(k, n).proportion_ci(0.95, "exact")
        out.append({"k": k, "n": n, "low": i.low, "high": i.high})
    return out


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    draw = np.random.default_rng(1)
    out.mkdir(parents=True, exist_ok=True)
    images, labels = patterns(TRAIN, draw)
    model = train(Network("wrn", 10, 1, CLASSES), tensor(images), torch.from_numpy(labels)).half()
    state = {"module." + k: v for k, v in model.state_dict().items()}
    state["module.mu"], state["module.sigma"] = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    torch.save({"epoch": EPOCHS, "best_acc": 0.75, "state_dict": state}, out / "published.pt")
    images, labels = patterns(TEST, draw)
    np.save(out / "images.npy", images)
    np.save(out / "labels.npy", labels.astype(np.uint8))
    with torch.no_grad():
        z = normalised(model.float(), tensor(images))
    rows, y = torch.arange(TEST), torch.from_numpy(labels)
    others = z.clone()
    others[rows, y] = -torch.inf
    (out / "reference.json").write_text(json.dumps(
        {"predictions": z.argmax(1).tolist(), "margins": (z[rows, y] - others.max(1).values).tolist(),
         "parameters": sum(p.numel() for p in model.parameters()), "intervals": intervals()}, indent=1) + "\n")
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, numpy {np.__version__}, scipy {scipy.__version__}; tools/golden/card.py\n")
    print("clean", (z.argmax(1) == y).float().mean().item())


if __name__ == "__main__":
    main()
