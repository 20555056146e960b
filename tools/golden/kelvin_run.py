"""A model that Kelvin trained, as a PyTorch module, and the images it is tested on: what the scripts that compare attacks share.

    model, weights, info = load("runs/resnet20")     # logits of images [N, C, H, W] in [0, 1], normalisation inside
    images, labels = fashion_mnist(100)

Networks: the CIFAR residual networks of the peer script, and timm's vision transformers.
"""
import gzip
import json
import pathlib
import sys

import numpy as np
import safetensors.torch
import torch
from safetensors import safe_open

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/bench/peers"))
from pytorch_peer import MODELS, VITS, ResNet, conv_norm  # noqa: E402

VITS = VITS | {"vit_tiny_patch7": ("vit_tiny_patch16_224", {"patch_size": 7})}


class Normalized(torch.nn.Module):
    def __init__(self, net, mean, std):
        super().__init__()
        self.net = net
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)

    def forward(self, x):
        return self.net((x - self.mean) / self.std)


def residual_name(name, blocks):
    """layers.4.shortcut.0.weight -> layer2.1.downsample.0.weight, with three blocks a stage"""
    parts = name.split(".")
    if parts[0] != "layers":
        return name
    rest = ".".join(parts[2:]).replace("shortcut", "downsample")
    return f"layer{int(parts[1]) // blocks + 1}.{int(parts[1]) % blocks}.{rest}"


def network(name, channels, size):
    """The module, and what turns its parameter names into the checkpoint's."""
    if name in VITS:
        import timm

        base, options = VITS[name]
        return timm.create_model(base, num_classes=10, img_size=size, in_chans=channels, **options), lambda k: k
    widths, blocks = MODELS[name]
    net = ResNet(widths, blocks)
    net.conv1, net.bn1 = conv_norm(channels, widths[0], 3, 1)
    return net, lambda k: residual_name(k, blocks)


def load(run):
    path = pathlib.Path(run) / "checkpoint.safetensors"
    weights = safetensors.torch.load_file(path)
    with safe_open(path, "pt") as f:
        info = json.loads(f.metadata()["kelvin"])
    channels = len(info["mean"])
    net, name_of = network(info["model"], channels, info["height"])
    state = {k: weights[name_of(k)] for k in net.state_dict() if name_of(k) in weights}
    absent = [k for k in net.state_dict() if k not in state and not k.endswith("num_batches_tracked")]
    if absent:
        raise SystemExit(f"{path} lacks {absent[:4]}")
    net.load_state_dict(state, strict=False)
    mean, std = (torch.tensor(info[k]).view(1, -1, 1, 1) for k in ("mean", "std"))
    model = Normalized(net, mean, std).eval()
    for p in model.parameters():
        p.requires_grad_(False)  # gradients of the images only
    return model, weights, info


def fashion_mnist_part(part, n):
    """Images [n, 28, 28] and labels of `train` or `t10k`."""
    for p in sorted(pathlib.Path("/usr/share/datasets/fashion-mnist").rglob(f"{part}-images*")):
        read = gzip.open if p.suffix == ".gz" else open
        with read(p, "rb") as f:
            images = np.frombuffer(f.read(), np.uint8, offset=16).reshape(-1, 28, 28)[:n]
        with read(str(p).replace("images", "labels").replace("idx3", "idx1"), "rb") as f:
            labels = np.frombuffer(f.read(), np.uint8, offset=8)[:n]
        return images, labels.astype(np.int64)
    raise SystemExit("fashion-mnist is not installed: apt-get install dataset-fashion-mnist")


def fashion_mnist(n):
    images, labels = fashion_mnist_part("t10k", n)
    return images[..., None], labels


def to_torch(images):
    return torch.tensor(images.astype(np.float32) / 255).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
