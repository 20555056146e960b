"""Goldens of one training step and one evaluation of resnet8, from PyTorch.

    python tools/golden/resnet8.py        # writes tests/golden/resnet8/

Random weights, eight random images of 12x12x3; the network is the peer script's. Filters are stored as PyTorch has them
([K, C, R, S]), which is also how checkpoints of Kelvin store them.
"""
import json
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/bench/peers"))
from pytorch_peer import MODELS, ResNet  # noqa: E402

out = root / "tests/golden/resnet8"
TAU = 3.0


def our_name(name):
    """layers.1.shortcut.0.weight -> layer2.0.downsample.0.weight"""
    parts = name.split(".")
    if parts[0] != "layers":
        return name
    rest = ".".join(parts[2:]).replace("shortcut", "downsample")
    return f"layer{int(parts[1]) + 1}.0.{rest}"


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, t in tensors.items():
        raw = t.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(t.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def save(name, t):
    np.save(out / f"{name}.npy", t.detach().numpy().astype(np.float32))


def main():
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(5)
    model = ResNet(*MODELS["resnet8"])
    for name, b in model.named_buffers():  # running statistics that are not 0 and 1
        if name.endswith("running_mean"):
            b.normal_(0, 0.2)
        elif name.endswith("running_var"):
            b.uniform_(0.5, 2)
    state = {our_name(k): v.clone() for k, v in model.state_dict().items() if v.dtype == torch.float32}
    write_safetensors(out / "weights.safetensors", state)

    images, labels = torch.rand(8, 12, 12, 3), torch.arange(8) % 10
    save("images", images)
    x = images.permute(0, 3, 1, 2).contiguous().requires_grad_(True)

    model.eval()
    logits = model(x)
    save("eval_logits", logits)
    F.cross_entropy(logits / TAU, labels, reduction="sum").backward()
    save("eval_image_gradient", x.grad.permute(0, 2, 3, 1))

    model.train()
    model.zero_grad()
    logits = model(x)
    save("train_logits", logits)
    F.cross_entropy(logits / TAU, labels).backward()
    write_safetensors(out / "gradients.safetensors", {our_name(k): p.grad for k, p in model.named_parameters()})
    with torch.no_grad():
        for _ in range(2):  # three steps of running statistics in all
            model(x)
    write_safetensors(out / "running.safetensors",
                      {our_name(k): v for k, v in model.state_dict().items() if "running" in k})
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, numpy {np.__version__}; tau {TAU}, tools/golden/resnet8.py\n")


if __name__ == "__main__":
    main()
