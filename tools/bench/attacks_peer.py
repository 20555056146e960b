"""PGD-20 and AutoAttack standard against torchattacks: the same weights, images, threads and budget, in turns.

    python tools/bench/attacks_peer.py --kelvin $(tools/build.sh kelvin)/bin/kelvin                     # trains resnet20 for an epoch first
    python tools/bench/attacks_peer.py --kelvin $(tools/build.sh kelvin)/bin/kelvin --run runs/resnet20 --n 200 --rounds 3

Needs torch, torchattacks 3.5 and safetensors. torchattacks stands in for the reference AutoAttack, whose APGD, FAB and Square it carries;
Square runs without its rescaled schedule, as AutoAttack runs it. PyTorch gets channels_last weights and images, evaluation mode, no
gradients of weights, and a warm-up; Kelvin none. Only the attack is timed on either side: no start of a program, no loading of files.
Robust accuracies are printed beside the seconds: speed that is bought with strength does not count. The ratio is the median over
rounds, and the side that starts alternates. About eight minutes on two idle cores; what it measures is the machine's, so close
other programs.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torchattacks

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/golden"))
from attacks import fraction, members, STANDARD, robust_after, still_right  # noqa: E402
from kelvin_run import fashion_mnist, load, to_torch  # noqa: E402


def program(args, *words):
    done = subprocess.run([args.kelvin, *words, "--device", "cpu", "--threads", str(args.threads), "--json", "--quiet"],
                          capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"kelvin {' '.join(words)}: {done.stderr}")
    return json.loads(done.stdout)


def ours(args, run, name, n):
    r = program(args, "attack", str(run), "--attack", name, "--limit", str(n), "--eps", repr(args.eps),
                "--precision", "f32", "--batch-size", str(args.batch), "--label", "bench")
    return r["seconds"], r["robust_accuracy"], {m["name"]: m["seconds"] for m in r.get("members", [])}


def theirs(args, model, name, x, y, right):
    if name == "pgd":
        attack = torchattacks.PGD(model, eps=args.eps, alpha=args.eps / 4, steps=20)
        start = time.perf_counter()
        robust = right & torch.cat([torch.tensor(still_right(model, attack(x[i:i + args.batch], y[i:i + args.batch]),
                                                              y[i:i + args.batch])) for i in range(0, len(x), args.batch)]).numpy()
        return time.perf_counter() - start, robust.mean(), {}
    attacks, seconds, robust = members(model, args.eps), {}, right
    for member in STANDARD:
        start = time.perf_counter()
        robust = robust_after(model, [attacks[member]], x, y, robust, args.batch)
        seconds[member] = time.perf_counter() - start
    return sum(seconds.values()), robust.mean(), seconds


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kelvin", required=True, help="the program")
    p.add_argument("--run", type=pathlib.Path, help="a run folder; default: resnet20 is trained for an epoch")
    p.add_argument("--n", type=int, default=100, help="images of AutoAttack")
    p.add_argument("--pgd-n", type=int, default=500, help="images of PGD")
    p.add_argument("--eps", type=fraction, default=4 / 255)
    p.add_argument("--batch", type=int, default=100)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--rounds", type=int, default=2, help="of AutoAttack; PGD takes twice as many")
    p.add_argument("--cases", default="pgd,autoattack")
    args = p.parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as d:
        run = args.run or pathlib.Path(d) / "resnet20"
        if not args.run:
            program(args, "train", "--data", "fashion-mnist", "--model", "resnet20", "--epochs", "1", "--lr", "0.1", "--out", str(run))
        model, _, info = load(run)
        model = model.to(memory_format=torch.channels_last)
        print(f"{info['model']}, eps {255 * args.eps:g}/255, batch {args.batch}, {args.threads} threads, torch {torch.__version__}, "
              f"torchattacks {torchattacks.__version__}, load {os.getloadavg()[0]:.1f}", flush=True)
        for name in args.cases.split(","):
            n, rounds = (args.pgd_n, 2 * args.rounds) if name == "pgd" else (args.n, args.rounds)
            images, labels = fashion_mnist(n)
            x, y = to_torch(images), torch.tensor(labels)
            right = still_right(model, x, y)
            torchattacks.PGD(model, steps=2)(x[:args.batch], y[:args.batch])  # warm-up
            ratios, members_of_rounds = [], []
            for i in range(rounds):
                sides = {"kelvin": lambda: ours(args, run, name, n), "torchattacks": lambda: theirs(args, model, name, x, y, right)}
                done = {side: sides[side]() for side in sorted(sides, reverse=i % 2 == 1)}
                (a, robust_a, ms_a), (b, robust_b, ms_b) = done["kelvin"], done["torchattacks"]
                ratios.append(b / a)
                members_of_rounds.append({k: (s, ms_b[k]) for k, s in ms_a.items() if k in ms_b})
                print(f"  {name} round {i + 1}: kelvin {a:.1f} s ({100 * robust_a:.1f} % robust), torchattacks {b:.1f} s "
                      f"({100 * robust_b:.1f} %), ratio {b / a:.2f}", flush=True)
            for k in members_of_rounds[0]:
                rows = [r[k] for r in members_of_rounds]
                print(f"    {k:8s} kelvin {statistics.median(s for s, _ in rows):6.1f} s, torchattacks "
                      f"{statistics.median(t for _, t in rows):6.1f} s")
            print(f"{name}: {n} images, ratio {statistics.median(ratios):.2f}", flush=True)


if __name__ == "__main__":
    main()
