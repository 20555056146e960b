"""Goldens of attacks beyond those of attacks.py, from torchattacks: the L2 members on the same small network, and a vision transformer.

    python tools/golden/attacks_more.py l2       # adds tests/golden/attacks/reference_l2.json
    python tools/golden/attacks_more.py targeted # adds tests/golden/attacks/reference_targeted.json
    python tools/golden/attacks_more.py vit      # writes tests/golden/attacks_vit/

The network of attacks.py is read from its golden, so that the run it came from need not exist any more. The vision transformer
(vit_tiny_patch7, one channel) takes its weights from formula.py and stores none; as these make every image the same class, the last
layer is scaled and its bias centres the logits over the images. Its labels are its own predictions.
"""
import argparse
import json
import pathlib
import sys

import numpy as np
import safetensors.torch
import timm
import torch
import torchattacks

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/golden"))
from attacks import robust_after, still_right  # noqa: E402
from formula import fill  # noqa: E402
from kelvin_run import Normalized, network, to_torch  # noqa: E402

folder = root / "tests/golden/attacks"
L2_EPS, L2_IMAGES, L2_QUERIES = 0.5, 60, 1000
TARGETED_EPS = 16 / 255
VIT_IMAGES, VIT_EPS, VIT_STEP, VIT_QUERIES, VIT_HEAD_SCALE = 16, 6 / 255, 1.5 / 255, 300, 64


def versions(path, *more):
    path.write_text(f"torch {torch.__version__}, torchattacks {torchattacks.__version__}{''.join(', ' + m for m in more)}; "
                    "tools/golden/attacks.py, tools/golden/attacks_more.py\n")


def golden_network():
    reference = json.loads((folder / "reference.json").read_text())
    weights = safetensors.torch.load_file(folder / "weights.safetensors")
    net, name_of = network("resnet8", 1, 28)
    net.load_state_dict({k: weights[name_of(k)] for k in net.state_dict() if name_of(k) in weights}, strict=False)
    return Normalized(net, torch.tensor(reference["mean"]).view(1, -1, 1, 1), torch.tensor(reference["std"]).view(1, -1, 1, 1)).eval()


def l2():
    model = golden_network()
    x, y = to_torch(np.load(folder / "images.npy")[:L2_IMAGES]), torch.tensor(np.load(folder / "labels.npy")[:L2_IMAGES]).long()
    right = still_right(model, x, y)
    common = dict(norm="L2", eps=L2_EPS, seed=0)
    attacks = {"apgd-ce": torchattacks.APGD(model, steps=100, loss="ce", **common),
               "apgd-t": torchattacks.APGDT(model, steps=100, n_classes=10, **common),
               "fab-t": torchattacks.FAB(model, steps=100, multi_targeted=True, n_classes=10, **common),
               "square": torchattacks.Square(model, n_queries=L2_QUERIES, resc_schedule=False, **common)}
    robust = {}
    for name, attack in attacks.items():
        robust[name] = robust_after(model, [attack], x, y, right).astype(int).tolist()
        print(name, right.mean(), np.mean(robust[name]), flush=True)
    (folder / "reference_l2.json").write_text(json.dumps(
        {"eps": L2_EPS, "queries": L2_QUERIES, "clean": right.astype(int).tolist(), "robust": robust}) + "\n")
    versions(folder / "VERSIONS")


def targeted():
    """Which of the 100 images reach their target, the least or the second most likely class of the clean image, at the last step."""
    model, eps, step = golden_network(), TARGETED_EPS, TARGETED_EPS / 4
    x, y = to_torch(np.load(folder / "images.npy")), torch.tensor(np.load(folder / "labels.npy")).long()
    rows = {}
    for name, attack in {"pgd": torchattacks.PGD(model, eps=eps, alpha=step, steps=20, random_start=False),
                         "mifgsm": torchattacks.MIFGSM(model, eps=eps, alpha=step, steps=10)}.items():
        for rule in ("second-most-likely", "least-likely"):
            with torch.no_grad():
                z = model(x)
            ranked = z.scatter(1, y[:, None], float("-inf") if rule[0] == "s" else float("inf")).sort(1)[1]
            target = ranked[:, -1 if rule[0] == "s" else 0]
            attack.set_mode_targeted_by_label(quiet=True)
            reached = still_right(model, attack(x, target), target)
            rows[f"{name} {rule}"] = {"target": target.tolist(), "reached": reached.astype(int).tolist()}
            print(name, rule, reached.mean(), flush=True)
    (folder / "reference_targeted.json").write_text(json.dumps({"eps": eps, "step": step, "rows": rows}) + "\n")
    versions(folder / "VERSIONS")


def vit():
    out = root / "tests/golden/attacks_vit"
    out.mkdir(parents=True, exist_ok=True)
    net, _ = network("vit_tiny_patch7", 1, 28)
    fill(net)
    model = Normalized(net, torch.tensor(0.25).view(1, 1, 1, 1), torch.tensor(0.5).view(1, 1, 1, 1)).eval()
    for p in model.parameters():
        p.requires_grad_(False)
    x = to_torch(np.load(folder / "images.npy")[:VIT_IMAGES])
    with torch.no_grad():
        net.head.bias -= model(x).mean(0)
        net.head.weight *= VIT_HEAD_SCALE
        net.head.bias *= VIT_HEAD_SCALE
        z = model(x)
    y = z.argmax(1)
    margins = (z.sort(1)[0][:, -1] - z.sort(1)[0][:, -2]).numpy()
    print("labels", y.tolist(), "margins", margins.round(3).tolist())
    pgd = torchattacks.PGD(model, eps=VIT_EPS, alpha=VIT_STEP, steps=20, random_start=False)(x, y)
    np.save(out / "pgd20.npy", pgd.permute(0, 2, 3, 1).contiguous().numpy())
    np.save(out / "labels.npy", y.numpy().astype(np.int32))
    common = dict(norm="Linf", eps=VIT_EPS, seed=0)
    attacks = {"mifgsm": torchattacks.MIFGSM(model, eps=VIT_EPS, alpha=VIT_STEP, steps=10),
               "apgd-ce": torchattacks.APGD(model, steps=100, loss="ce", **common),
               "apgd-dlr": torchattacks.APGD(model, steps=100, loss="dlr", **common),
               "square": torchattacks.Square(model, n_queries=VIT_QUERIES, resc_schedule=False, **common)}
    robust = {k: robust_after(model, [a], x, y, still_right(model, x, y)).astype(int).tolist() for k, a in attacks.items()}
    print("pgd", still_right(model, pgd, y).mean(), {k: np.mean(v) for k, v in robust.items()})
    (out / "reference.json").write_text(json.dumps(
        {"eps": VIT_EPS, "step": VIT_STEP, "queries": VIT_QUERIES, "mean": [0.25], "std": [0.5], "head_scale": VIT_HEAD_SCALE,
         "head_bias": net.head.bias.tolist(), "pgd_robust": still_right(model, pgd, y).astype(int).tolist(), "robust": robust}) + "\n")
    versions(out / "VERSIONS", f"timm {timm.__version__}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["l2", "targeted", "vit"])
    {"l2": l2, "targeted": targeted, "vit": vit}[p.parse_args().what]()


if __name__ == "__main__":
    main()
