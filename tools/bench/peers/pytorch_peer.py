"""The PyTorch side of the speed comparison: the same models, batch and steps as `kelvin bench`.

    python pytorch_peer.py --cases train-resnet20,train-resnet18,pgd20-resnet20 --precision f32

Needs torch 2.4 or later (CPU or CUDA), and timm for the vision transformers. PyTorch gets its best fair eager settings: channels_last model and inputs, in-place ReLU,
the fused SGD step, gradients set to None. bfloat16 has two variants: autocast over float32 weights, and a model whose weights
and BatchNorm statistics are bfloat16 themselves; both are measured and the faster one is the row, unless --variant names one.
Images stay float32 in both, as they do in Kelvin. Image size by --size.
Prints one JSON object {"rows": [...]}.
"""
import argparse
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

VARIANTS = {"f32": ["float32"], "tf32": ["float32"], "bf16": ["autocast", "bfloat16-model"]}


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


class Bottleneck(nn.Module):
    """torchvision's v1.5: the stride is in the 3x3 convolution."""

    def __init__(self, i, width, stride):
        super().__init__()
        o = 4 * width
        self.conv1, self.bn1 = conv_norm(i, width, 1, 1)
        self.conv2, self.bn2 = conv_norm(width, width, 3, stride)
        self.conv3, self.bn3 = conv_norm(width, o, 1, 1)
        self.shortcut = nn.Sequential(*conv_norm(i, o, 1, stride)) if stride != 1 or i != o else nn.Identity()

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        y += self.shortcut(x)
        return F.relu(y, inplace=True)


class ResNet(nn.Module):
    """3x3 stem without pooling, stages of basic blocks (the first block of each later stage halves the image), mean, linear."""

    def __init__(self, widths, blocks, classes=10, block=Block):
        super().__init__()
        self.conv1, self.bn1 = conv_norm(3, widths[0], 3, 1)
        layers, i = [], widths[0]
        for stage, o in enumerate(widths):
            for b in range(blocks[stage] if isinstance(blocks, list) else blocks):
                layers.append(block(i, o, 2 if stage > 0 and b == 0 else 1))
                i = 4 * o if block is Bottleneck else o
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(i, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        return self.fc(self.layers(x).mean((2, 3)))


MODELS = {"resnet8": ([16, 32, 64], 1), "resnet20": ([16, 32, 64], 3), "resnet18": ([64, 128, 256, 512], 2),
          "resnet34": ([64, 128, 256, 512], [3, 4, 6, 3]), "resnet50": ([64, 128, 256, 512], [3, 4, 6, 3], 10, Bottleneck)}


VITS = {"vit_tiny_patch16_224": ("vit_tiny_patch16_224", {}), "vit_small_patch16_224": ("vit_small_patch16_224", {}),
        "vit_tiny_patch4": ("vit_tiny_patch16_224", {"patch_size": 4}),
        "vit_small_patch4": ("vit_small_patch16_224", {"patch_size": 4})}


def make_model(name, size):
    if name in MODELS:
        return ResNet(*MODELS[name])
    import timm  # its blocks call scaled_dot_product_attention

    network, options = VITS[name]
    return timm.create_model(network, num_classes=10, img_size=size, **options)


def train_step(model, logits, x, y):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)
    model.train()

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(logits(x), y).backward()
        optimizer.step()

    return step


def pgd(model, logits, x0, y, steps, eps=8 / 255, alpha=2 / 255):
    model.eval()
    for p in model.parameters():
        p.requires_grad_(False)

    def run():
        low, high = (x0 - eps).clamp_(min=0), (x0 + eps).clamp_(max=1)
        x = (x0 + torch.empty_like(x0).uniform_(-eps, eps)).clamp_(0, 1)
        for _ in range(steps):
            x.requires_grad_(True)
            (g,) = torch.autograd.grad(F.cross_entropy(logits(x), y, reduction="sum"), x)
            x = torch.clamp(x.detach().add_(g.sign_(), alpha=alpha), low, high)

    return run


def infer(model, logits, x):
    model.eval()

    def run():
        with torch.no_grad():
            logits(x)

    return run


def rate(step, batch, seconds, device, wait):
    """Images a second over the fastest third of the windows, as `kelvin bench` counts: other work can only slow one down."""

    def timed(n):
        begin = time.perf_counter()
        for _ in range(n):
            step()
        if device == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - begin) / n

    timed(1)
    if wait:
        timed(2)  # torch.compile records its graphs in the first steps
        print("ready", flush=True)
        if not sys.stdin.readline():
            sys.exit("nobody asks for the rate any more")
    window = max(1, int(seconds / 12 / timed(1)))
    windows, start = [], time.perf_counter()
    while time.perf_counter() - start < seconds or len(windows) < 3:
        windows.append(timed(window))
    fastest = sorted(windows)[: max(1, len(windows) // 3)]
    return batch * len(fastest) / sum(fastest)


def measure(case, variant, a):
    what, name = case.split("-", 1)
    torch.manual_seed(1)
    dtype = torch.bfloat16 if variant == "bfloat16-model" else torch.float32
    model = make_model(name, a.size).to(a.device, dtype, memory_format=torch.channels_last)
    forward = torch.compile(model, mode=a.compile) if a.compile else model
    x = torch.rand(a.batch, 3, a.size, a.size, device=a.device).contiguous(memory_format=torch.channels_last)
    y = torch.arange(a.batch, device=a.device) % 10

    def logits(images):
        with torch.autocast(a.device, dtype=torch.bfloat16, enabled=variant == "autocast"):
            return forward(images.to(dtype)).float()

    if what == "train":
        step = train_step(model, logits, x, y)
    elif what == "infer":
        step = infer(model, logits, x)
    else:
        step = pgd(model, logits, x, y, int(what.removeprefix("pgd")))
    return rate(step, a.batch, a.seconds, a.device, a.wait)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cases", default="train-resnet20,train-resnet18,pgd20-resnet20")
    p.add_argument("--precision", choices=list(VARIANTS), default="f32")
    p.add_argument("--variant", choices=sum(VARIANTS.values(), []), help="only this way of computing in the precision")
    p.add_argument("--device", default="cpu")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--size", type=int, default=32, help="image side")
    p.add_argument("--threads", type=int, default=0, help="0: as many as PyTorch takes")
    p.add_argument("--seconds", type=float, default=5, help="time a case and variant")
    p.add_argument("--compile", nargs="?", const="default", metavar="MODE",
                   help="torch.compile in this mode instead of eager: default, reduce-overhead (CUDA graphs), max-autotune")
    p.add_argument("--wait", action="store_true",
                   help="after the first steps, which compile, print \"ready\" and go on at a line from standard input")
    a = p.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = a.precision == "tf32"
    torch.backends.cudnn.benchmark = True  # PyTorch's own choice of the fastest plans, as Kelvin times its own
    rows = []
    for case in a.cases.split(","):
        rates = {v: measure(case, v, a) for v in ([a.variant] if a.variant else VARIANTS[a.precision])}
        best = max(rates, key=rates.get)
        rows.append({"case": case, "device": a.device, "precision": a.precision, "batch": a.batch, "size": a.size, "img_per_s": rates[best],
                     "variant": best, "compiled": a.compile, "framework": "pytorch", "version": torch.__version__,
                     "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
