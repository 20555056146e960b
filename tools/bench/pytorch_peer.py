"""The PyTorch side of the speed comparison: the same models, batch and steps as `kelvin bench`.

    python pytorch_peer.py --cases train-resnet20,train-resnet18,pgd20-resnet20 --precision f32

Needs torch (any recent version; CPU or CUDA). PyTorch gets its best fair eager settings: channels_last model and inputs,
in-place ReLU, SGD with foreach, gradients set to None. bfloat16 is tried both as autocast and as a model of bfloat16 weights
(BatchNorm statistics float32 in the first, bfloat16 in the second); the faster one is the row. Prints one JSON object.
"""
import argparse
import json
import resource
import time

import torch
import torch.nn.functional as F
from torch import nn


def conv_norm(i, o, kernel, stride):
    return nn.Conv2d(i, o, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(o)


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(i, o, 3, stride)
        self.conv2, self.bn2 = conv_norm(o, o, 3, 1)
        self.shortcut = nn.Sequential(*conv_norm(i, o, 1, stride)) if stride != 1 or i != o else nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        y += self.shortcut(x)
        return F.relu(y, inplace=True)


class ResNet(nn.Module):
    def __init__(self, widths, blocks, classes=10):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(3, widths[0], 3, 1)
        layers, i = [], widths[0]
        for stage, o in enumerate(widths):
            for b in range(blocks):
                layers.append(Block(i, o, 2 if stage > 0 and b == 0 else 1))
                i = o
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(i, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.fc(self.layers(x).mean((2, 3)))


MODELS = {"resnet8": ([16, 32, 64], 1), "resnet20": ([16, 32, 64], 3), "resnet18": ([64, 128, 256, 512], 2)}


def train_step(model, x, y, cast):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, foreach=True)
    model.train()

    def step():
        optimizer.zero_grad(set_to_none=True)
        with cast():
            loss = F.cross_entropy(model(x).float(), y)
        loss.backward()
        optimizer.step()

    return step


def pgd(model, x0, y, steps, cast, eps=8 / 255, alpha=2 / 255):
    model.eval()
    for p in model.parameters():
        p.requires_grad_(False)

    def run():
        x = (x0 + torch.empty_like(x0).uniform_(-eps, eps)).clamp_(0, 1)
        for _ in range(steps):
            x.requires_grad_(True)
            with cast():
                loss = F.cross_entropy(model(x).float(), y, reduction="sum")
            (g,) = torch.autograd.grad(loss, x)
            x = x.detach() + alpha * g.sign()
            x = torch.min(torch.max(x, x0 - eps), x0 + eps).clamp_(0, 1)

    return run


def infer(model, x, cast):
    model.eval()

    def run():
        with torch.no_grad(), cast():
            model(x)

    return run


def rate(step, batch, seconds, device):
    def sync():
        if device == "cuda":
            torch.cuda.synchronize()

    step()
    sync()
    begin = time.perf_counter()
    step()
    sync()
    window = max(1, int(seconds / 12 / (time.perf_counter() - begin)))
    windows, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(windows) < 3:
        begin = time.perf_counter()
        for _ in range(window):
            step()
        sync()
        windows.append((time.perf_counter() - begin) / window)
    windows.sort()
    fastest = windows[: max(1, len(windows) // 3)]
    return batch * len(fastest) / sum(fastest)


def measure(case, a, variant):
    what, name = case.split("-", 1)
    torch.manual_seed(1)
    model = ResNet(*MODELS[name]).to(a.device, memory_format=torch.channels_last)
    x = torch.rand(a.batch, 3, 32, 32, device=a.device).contiguous(memory_format=torch.channels_last)
    y = torch.arange(a.batch, device=a.device) % 10
    cast = lambda: torch.autocast(a.device, enabled=False)
    if variant == "autocast":
        cast = lambda: torch.autocast(a.device, dtype=torch.bfloat16)
    elif variant == "bfloat16 model":
        model, x = model.to(torch.bfloat16), x.to(torch.bfloat16)
    if a.compile:
        model = torch.compile(model)
    step = train_step(model, x, y, cast) if what == "train" else infer(model, x, cast) if what == "infer" else pgd(model, x, y, int(what[3:]), cast)
    return rate(step, a.batch, a.seconds, a.device)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cases", default="train-resnet20,train-resnet18,pgd20-resnet20")
    p.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    p.add_argument("--device", default="cpu")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--seconds", type=float, default=5)
    p.add_argument("--compile", action="store_true", help="torch.compile instead of eager")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    rows = []
    for case in a.cases.split(","):
        variants = ["float32"] if a.precision == "f32" else ["autocast", "bfloat16 model"]
        rates = {v: measure(case, a, v) for v in variants}
        best = max(rates, key=rates.get)
        rows.append({"case": case, "device": a.device, "precision": a.precision, "batch": a.batch, "img_per_s": rates[best],
                     "variant": best, "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                     "framework": "pytorch", "version": torch.__version__})
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
