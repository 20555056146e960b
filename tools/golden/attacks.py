"""What torchattacks does to a model trained here: goldens for the tests, and the table that compares robust accuracies.

    kelvin train --data fashion-mnist --model resnet8 --epochs 2 --lr 0.1 --out RUN
    python tools/golden/attacks.py RUN --golden                      # writes tests/golden/attacks/
    python tools/golden/attacks.py RUN --compare KELVIN --n 500      # members one by one against the program KELVIN

The same weights run in PyTorch (the peer script's network with the run's normalisation), on the first N test images. Robust accuracy
counts clean errors as failures; each member attacks every correctly classified image. torchattacks carries the reference AutoAttack's
code for APGD, FAB and Square; Square runs without its rescaled schedule, as AutoAttack runs it.
"""
import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import safetensors.torch
import torch
import torchattacks
from safetensors import safe_open

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/bench/peers"))
from pytorch_peer import MODELS, ResNet, conv_norm  # noqa: E402
sys.path.insert(0, str(root / "tools/golden"))
from resnet8 import our_name, write_safetensors  # noqa: E402

out = root / "tests/golden/attacks"
EPS, STEP = 4 / 255, 1 / 255


class Normalized(torch.nn.Module):
    def __init__(self, net, mean, std):
        super().__init__()
        self.net, self.mean, self.std = net, mean, std

    def forward(self, x):
        return self.net((x - self.mean) / self.std)


def load(run):
    path = run / "checkpoint.safetensors"
    weights = safetensors.torch.load_file(path)
    with safe_open(path, "pt") as f:
        metadata = f.metadata()
    info = json.loads(metadata["kelvin"])
    net = ResNet(*MODELS["resnet8"])
    net.conv1, net.bn1 = conv_norm(weights["conv1.weight"].shape[1], 16, 3, 1)
    net.load_state_dict({k: weights[our_name(k)] for k in net.state_dict() if our_name(k) in weights}, strict=False)
    return net.eval(), weights, info


def fashion_mnist(n):
    for p in sorted(pathlib.Path("/usr/share/datasets/fashion-mnist").rglob("t10k-images*")):
        read = gzip.open if p.suffix == ".gz" else open
        with read(p, "rb") as f:
            images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28, 1)[:n]
        with read(str(p).replace("images", "labels").replace("idx3", "idx1"), "rb") as f:
            labels = np.frombuffer(f.read(), np.uint8, offset=8)[:n]
        return images, labels.astype(np.int64)
    raise SystemExit("fashion-mnist is not installed: apt-get install dataset-fashion-mnist")


def members(model):
    common = dict(norm="Linf", eps=EPS, seed=0)
    return {
        "mifgsm": torchattacks.MIFGSM(model, eps=EPS, alpha=STEP, steps=10),
        "apgd-ce": torchattacks.APGD(model, steps=100, loss="ce", **common),
        "apgd-dlr": torchattacks.APGD(model, steps=100, loss="dlr", **common),
        "apgd-t": torchattacks.APGDT(model, steps=100, n_classes=10, **common),
        "fab-t": torchattacks.FAB(model, steps=100, multi_targeted=True, n_classes=10, **common),
        "square": torchattacks.Square(model, n_queries=5000, resc_schedule=False, **common),
    }


def still_right(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).numpy()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("run", type=pathlib.Path)
    p.add_argument("--golden", action="store_true")
    p.add_argument("--compare", help="the program `kelvin`")
    p.add_argument("--n", type=int, default=500)
    p.add_argument("--only", default="", help="some of the members, by name")
    args = p.parse_args()
    net, weights, info = load(args.run)
    mean, std = (torch.tensor(info[k]).view(1, -1, 1, 1) for k in ("mean", "std"))
    model = Normalized(net, mean, std).eval()
    n = 100 if args.golden else args.n
    images, labels = fashion_mnist(n)
    x = torch.tensor(images.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous()
    y = torch.tensor(labels)
    right = still_right(model, x, y)
    print(f"clean {right.mean():.4f} on {n}", flush=True)

    if args.golden:
        out.mkdir(parents=True, exist_ok=True)
        write_safetensors(out / "weights.safetensors",
                          {k: v for k, v in weights.items() if not k.startswith("optimizer")})
        np.save(out / "images.npy", images)
        np.save(out / "labels.npy", labels.astype(np.int32))
        pgd = torchattacks.PGD(model, eps=EPS, alpha=STEP, steps=20, random_start=False)
        np.save(out / "pgd20.npy", pgd(x[:32], y[:32]).permute(0, 2, 3, 1).numpy())
        mi = torchattacks.MIFGSM(model, eps=EPS, alpha=STEP, steps=10)
        np.save(out / "mifgsm10.npy", mi(x[:32], y[:32]).permute(0, 2, 3, 1).numpy())
    rows, seconds, keep = {}, {}, torch.tensor(right)
    for name, attack in members(model).items():
        if args.only and name not in args.only.split(","):
            continue
        start = time.time()
        robust = right.copy()
        robust[right] = still_right(model, attack(x[keep], y[keep]), y[keep])
        rows[name], seconds[name] = robust, time.time() - start
        line = f"{name:10s} torchattacks {robust.mean():.4f} in {seconds[name]:.1f} s"
        if args.compare:
            with tempfile.TemporaryDirectory() as d:
                start = time.time()
                run = subprocess.run([args.compare, "attack", str(args.run), "--limit", str(n), "--attack", name, "--eps",
                                      f"{EPS}", "--step", f"{STEP}", "--json", "--quiet", "--device", "cpu",
                                      "--save-results", d + "/r.jsonl"], capture_output=True, text=True, check=True)
                ours = json.loads(run.stdout)
                each = np.array([json.loads(row)["robust"] for row in open(d + "/r.jsonl")])
            line += (f" | kelvin {ours['robust_accuracy']:.4f} in {time.time() - start:.1f} s | "
                     f"images that differ {(each != robust).sum()}")
        print(line, flush=True)
    together = np.logical_and.reduce([rows[k] for k in rows if k in ("apgd-ce", "apgd-t", "fab-t", "square")])
    print(f"per-image minimum of the members of AutoAttack standard: {together.mean():.4f}")
    if args.golden:
        (out / "reference.json").write_text(json.dumps(
            {"eps": EPS, "step": STEP, "mean": [float(v) for v in mean.flatten()], "std": [float(v) for v in std.flatten()],
             "clean": right.astype(int).tolist(), "robust": {k: v.astype(int).tolist() for k, v in rows.items()}}) + "\n")
        (out / "VERSIONS").write_text(f"torch {torch.__version__}, torchattacks {torchattacks.__version__}; "
                                      "tools/golden/attacks.py\n")


if __name__ == "__main__":
    main()
