"""Goldens of the wide residual networks of adversarial training, with ReLU and with SiLU, and of preactresnet18: evaluation, one
training step, running statistics.

    python tools/golden/pre_activation.py        # writes tests/golden/pre_activation/

Needs torch and numpy. The networks are written here from the papers (Zagoruyko & Komodakis 2016, 1605.07146; Gowal et al. 2020,
2010.03593; He et al. 2016, 1603.05027; Rice et al. 2020, 2002.11569; Wong et al. 2020, 2001.03994) and from what the authors say of their own form: where the shape
changes, the shortcut reads the activated input, in Wong et al.'s the input itself, and their last block has no norm behind it; the networks with SiLU pad as TensorFlow's SAME does, below and at the right alone
where the stride is 2. Parameters have the published names. Weights and images come from one formula on both sides (formula.py), and
everything is computed in float64, as in residual_networks.py. sizes.json holds counts, and for some names and shapes, of the large
networks, which are built on PyTorch's meta device.
"""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F

from formula import fill, formula, gradient_rows

root = pathlib.Path(__file__).resolve().parents[2]
out = root / "tests/golden/pre_activation"
BATCH, TAU, SAMPLES = 4, 2.0, 16


def conv(i, o, size, stride=1):
    return torch.nn.Conv2d(i, o, size, stride, size // 2, bias=False)


class Block(torch.nn.Module):
    """x + conv2(f(norm2(conv1(a)))) with a = f(norm1(x)), or a 1x1 convolution of a in the place of x."""

    def __init__(self, names, i, o, stride, f, pads_end, reads_x=False):
        super().__init__()
        self.names, self.f, self.reads_x = names, f, reads_x
        self.pads_end = pads_end and stride == 2
        modules = [torch.nn.BatchNorm2d(i), conv(i, o, 3, stride), torch.nn.BatchNorm2d(o), conv(o, o, 3)]
        for name, module in zip(names, modules):
            setattr(self, name, module)
        if self.pads_end:
            modules[1].padding = (0, 0)
        self.has_shortcut = i != o
        if self.has_shortcut:
            shortcut = conv(i, o, 1, stride)
            # "shortcut.0" is the first of a Sequential
            setattr(self, names[4].removesuffix(".0"),
                    torch.nn.Sequential(shortcut) if names[4].endswith(".0") else shortcut)

    def forward(self, x):
        norm1, conv1, norm2, conv2 = (getattr(self, n) for n in self.names[:4])
        a = self.f(norm1(x))
        h = conv2(self.f(norm2(conv1(F.pad(a, (0, 1, 0, 1)) if self.pads_end else a))))
        return h + (getattr(self, self.names[4].removesuffix(".0"))(x if self.reads_x else a) if self.has_shortcut else x)


class Stage(torch.nn.Module):
    """Blocks under a name of their own: block1.layer.0, layer.0.block.0."""

    def __init__(self, name, blocks):
        super().__init__()
        self.name = name
        setattr(self, name, blocks)

    def forward(self, x):
        return getattr(self, self.name)(x)


class Network(torch.nn.Module):
    def __init__(self, kind, depth, width, classes, channels=3):
        super().__init__()
        wide, silu, self.is_fast = "preactresnet" not in kind, kind == "dm_wrn", kind == "fast_preactresnet"
        self.kind, self.f = kind, F.silu if silu else F.relu
        if silu:
            block, (stem, norm, head) = (["batchnorm_0", "conv_0", "batchnorm_1", "conv_1", "shortcut"],
                                         ("init_conv", "batchnorm", "logits"))
        elif wide:
            block, (stem, norm, head) = ["bn1", "conv1", "bn2", "conv2", "convShortcut"], ("conv1", "bn1", "fc")
        else:
            block, (stem, norm, head) = ["bn1", "conv1", "bn2", "conv2", "shortcut.0"], ("conv1", "bn", "linear")
        self.own = stem, norm, head
        i = 16 if wide else 64
        widths = [16 * width, 32 * width, 64 * width] if wide else [64, 128, 256, 512]
        blocks = (depth - 4) // 6 if wide else 2
        setattr(self, stem, conv(channels, i, 3))
        stages = []
        for s, o in enumerate(widths):
            layers = torch.nn.Sequential(*(Block(block, i if k == 0 else o, o, 2 if s > 0 and k == 0 else 1, self.f, silu,
                                                 self.is_fast)
                                           for k in range(blocks)))
            i = o
            stages.append(layers if not wide else Stage("block" if silu else "layer", layers))
        if silu:
            self.layer = torch.nn.Sequential(*stages)
        else:
            for s, stage in enumerate(stages):
                setattr(self, f"{'block' if wide else 'layer'}{s + 1}", stage)
        self.count = len(stages)
        if not self.is_fast:
            setattr(self, norm, torch.nn.BatchNorm2d(i))
        setattr(self, head, torch.nn.Linear(i, classes))

    def forward(self, x):
        stem, norm, head = (getattr(self, n, None) for n in self.own)
        x = stem(x)
        for s in range(self.count):
            x = self.layer[s](x) if self.kind == "dm_wrn" else \
                getattr(self, f"{'block' if self.kind == 'wrn' else 'layer'}{s + 1}")(x)
        self.features = (x if self.is_fast else self.f(norm(x))).mean((2, 3))
        return head(self.features)


CASES = {"wrn_16_3": ("wrn", 16, 3, 10, 32, 3), "wrn_10_1": ("wrn", 10, 1, 100, 28, 1),
         "dm_wrn_16_2": ("dm_wrn", 16, 2, 100, 32, 3), "dm_wrn_10_1": ("dm_wrn", 10, 1, 10, 28, 1),
         "preactresnet18": ("preactresnet", 18, 0, 10, 32, 3), "fast_preactresnet18": ("fast_preactresnet", 18, 0, 10, 32, 3)}
LARGE = {"wrn_28_10": ("wrn", 28, 10), "wrn_34_10": ("wrn", 34, 10), "wrn_34_20": ("wrn", 34, 20),
         "wrn_70_16": ("wrn", 70, 16), "dm_wrn_28_10": ("dm_wrn", 28, 10), "dm_wrn_34_20": ("dm_wrn", 34, 20),
         "dm_wrn_70_16": ("dm_wrn", 70, 16), "preactresnet18": ("preactresnet", 18, 0)}


def save(case, name, t):
    np.save(out / f"{case}.{name}.npy", t.detach().numpy().astype(np.float32))


def make(case, kind, depth, width, classes, size, channels):
    model = Network(kind, depth, width, classes, channels)
    fill(model)
    model.double()
    count = BATCH * size * size * channels
    images = torch.from_numpy(formula("images", count, 0.5, 0.5)).reshape(BATCH, size, size, channels).double()
    x = images.permute(0, 3, 1, 2).contiguous().requires_grad_(True)
    labels = torch.arange(BATCH)
    for mode in ("eval", "train"):
        model.train(mode == "train")
        model.zero_grad()
        x.grad = None
        logits = model(x)
        save(case, f"{mode}_logits", logits)
        save(case, f"{mode}_features", model.features)
        F.cross_entropy(logits / TAU, labels).backward()
        save(case, f"{mode}_image_gradient", x.grad.permute(0, 2, 3, 1)[:1, ::4, ::4])
        save(case, f"{mode}_gradients", gradient_rows(model, SAMPLES))
    with torch.no_grad():
        for _ in range(2):  # three steps of running statistics in all
            model(x)
    state = {k: v for k, v in model.state_dict().items() if "running" in k}
    save(case, "running_norms", torch.stack([state[k].norm() for k in sorted(state)]))


def main():
    out.mkdir(parents=True, exist_ok=True)
    for case, settings in CASES.items():
        make(case, *settings)
    sizes = {}
    for name, (kind, depth, width) in LARGE.items():
        with torch.device("meta"):
            model = Network(kind, depth, width, 10)
        state = {k: v for k, v in model.state_dict().items() if not k.endswith("num_batches_tracked")}
        sizes[name] = {"parameters": sum(p.numel() for p in model.parameters()),
                       "tensors": len(state), "values": sum(v.numel() for v in state.values())}
        if name in ("wrn_28_10", "dm_wrn_28_10", "preactresnet18"):
            sizes[name]["shapes"] = {k: list(v.shape) for k, v in state.items()}
    (out / "sizes.json").write_text(json.dumps(sizes, sort_keys=True))
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, numpy {np.__version__}; tools/golden/pre_activation.py\n")


if __name__ == "__main__":
    main()
