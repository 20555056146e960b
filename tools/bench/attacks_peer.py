"""Attacks against torchattacks: the same weights, images, threads and budget, in turns; seconds, robust accuracy and peak memory.

    K=$(tools/build.sh kelvin)/bin/kelvin
    python tools/bench/attacks_peer.py --kelvin $K                     # resnet20: PGD-20 and AutoAttack standard
    python tools/bench/attacks_peer.py --kelvin $K --run runs/resnet20 --n 200 --rounds 3
    python tools/bench/attacks_peer.py --kelvin $K --model preactresnet18 --cases autoattack --n 64 --eps 2/255
    python tools/bench/attacks_peer.py --kelvin $K --model wrn_28_10 --cases apgd-ce,apgd-t --n 8 --eps 1/255

Needs torch, torchattacks 3.5 and safetensors. torchattacks stands in for the reference AutoAttack, whose APGD, FAB and Square it carries;
Square runs without its rescaled schedule, as AutoAttack runs it. The model is trained briefly first. preactresnet18 and wrn_28_10 see
Fashion-MNIST as 32x32x3 and are saved by torch.save in the layout of published checkpoints; both sides read that file.

PyTorch gets channels_last weights and activations, evaluation mode, no gradients of weights, and a warm-up; Kelvin none. Only the attack is
timed on either side: no start of a program, no loading of files. Each attack has a process of its own on either side, and the peak
memory is that of the whole process, libraries included. Speed that is bought with strength does not count, so robust accuracies stand
beside the seconds. The ratio is the median over rounds, and the side that starts alternates. About eight minutes for resnet20 on two
idle cores; what it measures is the machine's, so close other programs.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/golden"))

PUBLISHED = {"preactresnet18": ("preactresnet", 18, 0), "wrn_28_10": ("wrn", 28, 10)}


# What follows runs in processes of its own, so that PyTorch's memory is counted where PyTorch works, and only there.

def published_network(name):
    import torch
    from kelvin_run import Normalized
    from pre_activation import Network

    return Normalized(Network(*PUBLISHED[name], 10), torch.zeros(1, 3, 1, 1), torch.ones(1, 3, 1, 1))


def write_images(folder, train, test):
    """Fashion-MNIST as the data set npy:FOLDER of 32x32x3."""
    import numpy as np
    from kelvin_run import fashion_mnist_part

    for part, name, n in (("train", "train", train), ("t10k", "test", test)):
        images, labels = fashion_mnist_part(part, n)
        np.save(f"{folder}/{name}_images.npy", np.pad(images, ((0, 0), (2, 2), (2, 2)))[..., None].repeat(3, 3))
        np.save(f"{folder}/{name}_labels.npy", labels)


def save_as_published(name, run, out):
    """The weights of a run folder as published robust models are saved: nested, with the prefix of DataParallel and the normalisation."""
    import safetensors.torch
    import torch

    model, path = published_network(name), f"{run}/checkpoint.safetensors"
    trained = safetensors.torch.load_file(path)
    state = {k: trained.get(k, v) for k, v in model.net.state_dict().items()}
    absent = [k for k in state if k not in trained and not k.endswith("num_batches_tracked")]
    if absent:
        raise SystemExit(f"{run} lacks {absent[:4]}")
    with safetensors.safe_open(path, "pt") as f:
        info = json.loads(f.metadata()["kelvin"])
    state |= {k: torch.tensor(info[k]).view(1, 3, 1, 1) for k in ("mean", "std")}
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}, "epoch": 2}, out)


def read_published(name, path):
    import torch

    model = published_network(name)
    state = {k.removeprefix("module."): v for k, v in torch.load(path, weights_only=True)["state_dict"].items()}
    model.load_state_dict({k if k in ("mean", "std") else f"net.{k}": v for k, v in state.items()})
    for p in model.parameters():
        p.requires_grad_(False)  # gradients of the images only
    return model.eval()


def channels_last(model):
    """The model with channels_last inside and gradients of images in PyTorch's usual layout, which torchattacks' FAB needs."""
    import torch

    class ToChannelsLast(torch.autograd.Function):
        @staticmethod
        def forward(context, x):
            return x.contiguous(memory_format=torch.channels_last)

        @staticmethod
        def backward(context, gradient):
            return gradient.contiguous()

    class ChannelsLast(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(ToChannelsLast.apply(x))

    return ChannelsLast(model.to(memory_format=torch.channels_last)).eval()


def attack_with_torch(name, weights, images, case, n, eps, batch, threads):
    import resource
    import time

    import numpy as np
    import torch
    import torchattacks
    from attacks import STANDARD, members, robust_after, still_right
    from kelvin_run import fashion_mnist, load, to_torch

    torch.set_num_threads(threads)
    if name in PUBLISHED:
        model = read_published(name, weights)
        pixels, labels = (np.load(f"{images}/test_{k}.npy")[:n] for k in ("images", "labels"))
    else:
        model, _, _ = load(weights)
        pixels, labels = fashion_mnist(n)
    model = channels_last(model)
    x, y = to_torch(pixels).contiguous(), torch.tensor(labels.astype(np.int64))
    torchattacks.PGD(model, steps=2)(x[:batch], y[:batch])  # warm-up
    robust, seconds = still_right(model, x, y), {}
    attacks = members(model, eps) | {"pgd": torchattacks.PGD(model, eps=eps, alpha=eps / 4, steps=20)}
    for member in STANDARD if case == "autoattack" else [case]:
        start = time.perf_counter()
        robust = robust_after(model, [attacks[member]], x, y, robust, batch)
        seconds[member] = time.perf_counter() - start
    return {"seconds": sum(seconds.values()), "robust": int(robust.sum()), "members": seconds,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "versions": f"torch {torch.__version__}, torchattacks {torchattacks.__version__}"}


def in_process(function, *words):
    """A function of this script in a fresh Python."""
    words = [sys.executable, "-B", __file__, "--call", json.dumps([function.__name__, *words])]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{function.__name__}: {done.stderr}")
    return json.loads(done.stdout)


def program(args, *words):
    """Kelvin's answer, and its peak memory in MiB."""
    words = [args.kelvin, *words, "--device", "cpu", "--threads", str(args.threads), "--json", "--quiet"]
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(words, stdout=out, stderr=err, text=True)
        _, status, usage = os.wait4(process.pid, 0)
        out.seek(0), err.seek(0)
        if status:
            raise SystemExit(f"{' '.join(words)}: {err.read()}")
        return json.loads(out.read()), usage.ru_maxrss / 1024


def ours(args, target, case):
    r, peak = program(args, "attack", *target, "--attack", case, "--limit", str(args.n_of(case)), "--eps", repr(args.eps),
                      "--precision", "f32", "--batch-size", str(args.batch))
    return {"seconds": r["seconds"], "robust": round(r["robust_accuracy"] * args.n_of(case)), "peak": peak,
            "members": {m["name"]: m["seconds"] for m in r.get("members", [])}}


def prepare(args, d):
    """What both sides attack: Kelvin's words for it, the peer's weights and images."""
    if args.run:
        return [str(args.run), "--label", "bench"], str(args.run), ""
    run = f"{d}/run"
    is_there = os.path.exists(f"{run}/checkpoint.safetensors")
    if args.model not in PUBLISHED:
        if not is_there:
            program(args, "train", "--data", "fashion-mnist", "--model", args.model, "--epochs", "1", "--lr", "0.1", "--out", run)
        return [run], run, ""
    in_process(write_images, d, args.train_n, max(args.n, 1000))
    if not is_there:
        program(args, "train", "--data", f"npy:{d}", "--model", args.model, "--epochs", "2", "--batch-size", "64", "--lr", "0.05",
                "--precision", "bf16", "--out", run)
    in_process(save_as_published, args.model, run, f"{d}/published.pt")
    return ["--weights", f"{d}/published.pt", "--data", f"npy:{d}"], f"{d}/published.pt", d


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kelvin", help="the program")
    p.add_argument("--model", default="resnet20", help="resnet20, " + ", ".join(PUBLISHED))
    p.add_argument("--run", type=pathlib.Path, help="a run folder of a resnet or vit instead of brief training")
    p.add_argument("--folder", help="keeps the trained model, and takes the one that is there")
    p.add_argument("--train-n", type=int, default=4000, help="training images of preactresnet18 and wrn_28_10")
    p.add_argument("--n", type=int, default=100, help="images of each attack but PGD")
    p.add_argument("--pgd-n", type=int, default=500, help="images of PGD")
    p.add_argument("--eps", type=lambda t: float(t.partition("/")[0]) / float(t.partition("/")[2] or 1), default=4 / 255)
    p.add_argument("--batch", type=int, default=100)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--rounds", type=int, default=2, help="PGD takes twice as many")
    p.add_argument("--cases", default="pgd,autoattack", help="also apgd-ce, apgd-t, fab-t, square")
    p.add_argument("--call", help=argparse.SUPPRESS)
    args = p.parse_args()
    if args.call:
        function, *words = json.loads(args.call)
        print(json.dumps(globals()[function](*words)))
        return
    args.n_of = lambda case: args.pgd_n if case == "pgd" else args.n
    with tempfile.TemporaryDirectory() as temporary:
        target, weights, images = prepare(args, args.folder or temporary)
        print(f"{args.run or args.model}, eps {255 * args.eps:g}/255, batch {args.batch}, {args.threads} threads, "
              f"load {os.getloadavg()[0]:.1f}", flush=True)
        for case in args.cases.split(","):
            n, rounds = args.n_of(case), []
            sides = {"kelvin": lambda: ours(args, target, case),
                     "torchattacks": lambda: in_process(attack_with_torch, args.model, weights, images, case, n, args.eps, args.batch,
                                                        args.threads)}
            for i in range(2 * args.rounds if case == "pgd" else args.rounds):
                a, b = (r := {side: sides[side]() for side in sorted(sides, reverse=i % 2 == 1)})["kelvin"], r["torchattacks"]
                rounds.append((a, b))
                print(f"  {case} round {i + 1}: kelvin {a['seconds']:.1f} s, {a['robust']} of {n} withstand, {a['peak']:.0f} MiB; "
                      f"torchattacks {b['seconds']:.1f} s, {b['robust']}, {b['peak']:.0f} MiB; ratio {b['seconds'] / a['seconds']:.2f}",
                      flush=True)
            for k in rounds[0][0]["members"]:
                if k in rounds[0][1]["members"]:
                    mine, other = (statistics.median(r[side]["members"][k] for r in rounds) for side in (0, 1))
                    print(f"    {k:8s} kelvin {mine:6.1f} s, torchattacks {other:6.1f} s, ratio {other / mine:.2f}")
            ratio = statistics.median(b["seconds"] / a["seconds"] for a, b in rounds)
            print(f"{case}: {n} images, ratio {ratio:.2f} ({rounds[0][1]['versions']})", flush=True)


if __name__ == "__main__":
    main()
