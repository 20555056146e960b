"""What torchattacks does to a model trained here: goldens for the tests, and the table that compares robust accuracies.

    kelvin train --data fashion-mnist --model resnet8 --epochs 2 --lr 0.1 --out RUN
    python tools/golden/attacks.py RUN --golden                      # writes tests/golden/attacks/
    python tools/golden/attacks.py RUN --compare KELVIN --n 500      # members one by one against the program KELVIN

The same weights run in PyTorch (the peer script's residual network, or timm's vision transformer, with the run's normalisation), on the
first N test images. Robust accuracy counts clean errors as failures; each member attacks every correctly classified image, the whole
(`autoattack`) runs the members of AutoAttack standard in turn on what the ones before left. torchattacks carries the reference
AutoAttack's code for APGD, FAB and Square; Square runs without its rescaled schedule, as AutoAttack runs it. PGD is compared
pixel by pixel: 20 steps from the image itself, the last iterate.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torchattacks

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/golden"))
from kelvin_run import fashion_mnist, load, to_torch  # noqa: E402
from resnet8 import write_safetensors  # noqa: E402

out = root / "tests/golden/attacks"
STANDARD = ("apgd-ce", "apgd-t", "fab-t", "square")
PGD_STEPS, CHUNK = 20, 100


def members(model, eps):
    common = dict(norm="Linf", eps=eps, seed=0)
    return {
        "mifgsm": torchattacks.MIFGSM(model, eps=eps, alpha=eps / 4, steps=10),
        "apgd-ce": torchattacks.APGD(model, steps=100, loss="ce", **common),
        "apgd-dlr": torchattacks.APGD(model, steps=100, loss="dlr", **common),
        "apgd-t": torchattacks.APGDT(model, steps=100, n_classes=10, **common),
        "fab-t": torchattacks.FAB(model, steps=100, multi_targeted=True, n_classes=10, **common),
        "square": torchattacks.Square(model, n_queries=5000, resc_schedule=False, **common),
    }


def still_right(model, x, y):
    with torch.no_grad():
        return (model(x).argmax(1) == y).numpy()


def fraction(text):
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


def robust_after(model, attacks, x, y, right, batch=CHUNK):
    """Attacks in turn, each on the images that are still right."""
    robust = right.copy()
    for attack in attacks:
        for rows in np.array_split(np.flatnonzero(robust), max(1, -(-robust.sum() // batch))):
            if len(rows):
                robust[rows] = still_right(model, attack(x[rows], y[rows]), y[rows])
    return robust


def kelvin(program, run, name, n, eps, threads, *flags):
    """The program's answer, one flag an image, and the seconds it took."""
    with tempfile.TemporaryDirectory() as d:
        start = time.time()
        done = subprocess.run([program, "attack", str(run), "--limit", str(n), "--attack", name, "--eps", repr(eps),
                               "--json", "--quiet", "--device", "cpu", "--threads", str(threads), "--precision", "f32",
                               "--save-results", d + "/r.jsonl", "--label", "compare", *flags], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{program} attack --attack {name}: {done.stderr}")
        return json.loads(done.stdout), np.array([json.loads(row)["robust"] for row in open(d + "/r.jsonl")]), time.time() - start


def compare_pgd(model, args, x, y):
    with tempfile.TemporaryDirectory() as d:
        kelvin(args.compare, args.run, "pgd", args.n, args.eps, args.threads, "--no-random-start", "--last-iterate", "--steps",
               str(PGD_STEPS), "--save-adversarial", d + "/x.npy")
        ours = np.load(d + "/x.npy")
    attack = torchattacks.PGD(model, eps=args.eps, alpha=args.eps / 4, steps=PGD_STEPS, random_start=False)
    theirs = np.concatenate([attack(x[i:i + CHUNK], y[i:i + CHUNK]).permute(0, 2, 3, 1).numpy() for i in range(0, len(x), CHUNK)])
    difference = np.abs(ours.astype(np.float64) - theirs)
    print(f"pgd        {100 * (difference <= 1 / 255 + 1e-6).mean():.2f} % of pixels within 1/255 after {PGD_STEPS} steps, "
          f"mean difference {255 * difference.mean():.4f}/255", flush=True)


def compare(model, args, x, y, right):
    chosen = args.only.split(",") if args.only else []
    if not chosen or "pgd" in chosen:
        compare_pgd(model, args, x, y)
    attacks = members(model, args.eps)
    rows = {name: [attack] for name, attack in attacks.items()} | {"autoattack": [attacks[k] for k in STANDARD]}
    weaker = []
    for name, sequence in rows.items():
        if chosen and name not in chosen:
            continue
        start = time.time()
        theirs = robust_after(model, sequence, x, y, right)
        seconds = time.time() - start
        _, ours, our_seconds = kelvin(args.compare, args.run, name, args.n, args.eps, args.threads)
        difference = 100 * (ours.mean() - theirs.mean())
        if difference > 0.5:
            weaker.append(name)
        print(f"{name:10s} torchattacks {100 * theirs.mean():5.1f} % in {seconds:6.1f} s | kelvin {100 * ours.mean():5.1f} % in "
              f"{our_seconds:6.1f} s | {difference:+.1f} points, images that differ {(ours != theirs).sum()}", flush=True)
    print("weaker than the reference by more than 0.5 points: " + (", ".join(weaker) or "none"))


def write_golden(model, weights, info, args, images, labels, x, y, right):
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "weights.safetensors", {k: v for k, v in weights.items() if not k.startswith("optimizer")})
    np.save(out / "images.npy", images)
    np.save(out / "labels.npy", labels.astype(np.int32))
    pgd = torchattacks.PGD(model, eps=args.eps, alpha=args.eps / 4, steps=PGD_STEPS, random_start=False)
    np.save(out / "pgd20.npy", pgd(x[:32], y[:32]).permute(0, 2, 3, 1).numpy())
    mi = torchattacks.MIFGSM(model, eps=args.eps, alpha=args.eps / 4, steps=10)
    np.save(out / "mifgsm10.npy", mi(x[:32], y[:32]).permute(0, 2, 3, 1).numpy())
    rows = {name: robust_after(model, [attack], x, y, right) for name, attack in members(model, args.eps).items()}
    (out / "reference.json").write_text(json.dumps(
        {"eps": args.eps, "step": args.eps / 4, "mean": info["mean"], "std": info["std"], "clean": right.astype(int).tolist(),
         "robust": {k: v.astype(int).tolist() for k, v in rows.items()}}) + "\n")
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, torchattacks {torchattacks.__version__}; tools/golden/attacks.py\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("run", type=pathlib.Path)
    p.add_argument("--golden", action="store_true", help="of 100 images, for the tests")
    p.add_argument("--compare", help="the program `kelvin`")
    p.add_argument("--n", type=int, default=500)
    p.add_argument("--eps", type=fraction, default=4 / 255)
    p.add_argument("--only", default="", help="some of pgd, the members by name, and autoattack, separated by commas")
    p.add_argument("--threads", type=int, default=2)
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    model, weights, info = load(args.run)
    n = 100 if args.golden else args.n
    images, labels = fashion_mnist(n)
    x, y = to_torch(images), torch.tensor(labels)
    right = still_right(model, x, y)
    print(f"clean {100 * right.mean():.1f} % on {n}, eps {255 * args.eps:g}/255, {info['model']}, torchattacks "
          f"{torchattacks.__version__}", flush=True)
    if args.golden:
        write_golden(model, weights, info, args, images, labels, x, y, right)
    if args.compare:
        compare(model, args, x, y, right)


if __name__ == "__main__":
    main()
