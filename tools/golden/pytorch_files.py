"""Weight files that PyTorch wrote, and what torch.load reads from them: tests/golden/pytorch_files/.

    python tools/golden/pytorch_files.py

Needs torch, numpy and safetensors. NAME.pt is written by torch.save, NAME.safetensors holds the tensors of torch.load(NAME.pt) under
the names that stand before them (keys with dots between). Types that safetensors has no name for are kept as the bytes of their elements.
"""
import argparse
import collections
import pathlib
import platform

import numpy as np
import safetensors
import safetensors.torch
import torch

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/pytorch_files"
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(24)


def tensors_in(value, name=""):
    """The tensors in dictionaries and lists, by name."""
    if isinstance(value, torch.Tensor):
        yield name, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, part in items:
        yield from tensors_in(part, f"{name}.{key}" if name else str(key))


def save(name, value, **options):
    path = out / f"{name}.pt"
    torch.save(value, path, **options)
    loaded = torch.load(path, weights_only=False)
    expected = {key: t.detach().contiguous().clone() for key, t in tensors_in(loaded)}
    for key, t in expected.items():
        if t.dtype in (torch.complex128, torch.complex32):
            expected[key] = t.view(-1).view(torch.uint8)
    safetensors.torch.save_file(expected, out / f"{name}.safetensors")
    (out / f"{name}.safetensors").chmod(0o644)
    assert path.stat().st_size < 50_000, path


def network():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 5, 3), torch.nn.BatchNorm2d(5), torch.nn.Flatten(), torch.nn.Linear(7, 3))


class Own(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(2))


# Names of one tensor, parts of it, transposed and repeated ones, none and single elements.
base = torch.randn(6, 10)
image = torch.randn(4, 3, 5, 7)
layouts = {
    "whole": base,
    "tied": base,
    "row": base[2],
    "column": base[:, 3],
    "part": base[1:5, 2:9:3],
    "transposed": base.t(),
    "permuted": torch.randn(2, 3, 4, 5).permute(3, 1, 0, 2),
    "channels_last": image.to(memory_format=torch.channels_last),
    "filter_1x1": torch.randn(8, 6, 1, 1).to(memory_format=torch.channels_last),
    "diagonal": torch.diagonal(torch.randn(6, 6)),
    "expanded": torch.arange(5.0).expand(3, 5),
    "scalar": torch.tensor(2.5),
    "element": base[4, 4],
    "empty": torch.zeros(0, 4),
    "empty_part": base[3:3],
    "windows": torch.arange(9.0).unfold(0, 4, 2),
    "half_of_storage": torch.randn(12, dtype=torch.float64)[6:],
    "parameter": torch.nn.Parameter(torch.randn(3)),
}
types = {
    str(d).split(".")[1]: (torch.arange(-5, 9).to(d) if d.is_signed else torch.arange(14).to(d))
    for d in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
              torch.int8, torch.uint8, torch.complex64, torch.complex128)
}
types["bool"] = torch.arange(14) % 3 == 0
for d in (torch.float64, torch.float32, torch.float16, torch.bfloat16):
    types[f"special_{str(d).split('.')[1]}"] = torch.tensor(
        [0.0, -0.0, float("inf"), float("-inf"), float("nan"), torch.finfo(d).tiny / 2, torch.finfo(d).max], dtype=d)
new_types = {
    "uint16": torch.arange(9, dtype=torch.int32).to(torch.uint16),
    "uint32": torch.arange(9).to(torch.uint32),
    "uint64": torch.arange(9).to(torch.uint64),
    "float8_e4m3fn": torch.randn(9).to(torch.float8_e4m3fn),
    "float8_e5m2": torch.randn(9).to(torch.float8_e5m2),
}
for name, value in {"layouts": layouts, "types": types}.items():
    save(name, value)
    save(f"{name}_before_1_6", value, _use_new_zipfile_serialization=False)
save("new_types", new_types)
for protocol in (3, 4, 5):
    save(f"protocol_{protocol}", {"layouts": layouts, "n": 2**40}, pickle_protocol=protocol)
save("protocol_4_before_1_6", layouts, pickle_protocol=4, _use_new_zipfile_serialization=False)

# Checkpoints as training programs write them.
model = network()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
for p in model.parameters():
    p.grad = torch.randn_like(p)
optimizer.step()
parallel = torch.nn.DataParallel(model)
average = {key: t * 0.5 for key, t in model.state_dict().items()}
checkpoint = {
    "epoch": 7,
    "arch": "résnet",
    "state_dict": parallel.state_dict(),
    "ema": average,
    "optimizer": optimizer.state_dict(),
    "best_acc1": torch.tensor(93.5),
    "losses": [np.float64(0.5), np.float32(0.25), np.int64(3)],
    "confusion": np.arange(12).reshape(3, 4),
    "args": argparse.Namespace(lr=0.1, milestones=(30, 60), device=torch.device("cpu"), dtype=torch.float16, out=None),
    "seen": {1, "two", (3, 4)},
    "frozen": frozenset([1.5]),
    "counts": collections.Counter("aab"),
    "groups": collections.defaultdict(list, {"a": [1, 2]}),
    "order": collections.OrderedDict([("a", 1), ("b", -(2**70))]),
    "size": torch.Size([1, 2]),
    "rng": torch.get_rng_state()[:40].clone(),
    "complex": 1 + 2j,
    "bytes": b"\x00\xff",
    "flag": True,
}
save("checkpoint", checkpoint)
save("checkpoint_before_1_6", checkpoint, _use_new_zipfile_serialization=False)
save("checkpoint_protocol_4", checkpoint, pickle_protocol=4)
torch.serialization.set_crc32_options(False)
save("without_checksums", {"a": base})
torch.serialization.set_crc32_options(True)

# Kelvin's mlp for images of 4x4x1 and three classes, with its logits. Overlapping windows of a few numbers are its matrices, which keeps the
# file small.
class Mlp(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc = torch.nn.Linear(16, 256), torch.nn.Linear(256, 256), torch.nn.Linear(256, 3)

    def forward(self, x):
        return self.fc(torch.relu(self.fc2(torch.relu(self.fc1(x.flatten(1))))))


mlp = torch.nn.DataParallel(Mlp())
weights = mlp.state_dict()
for key, t in weights.items():
    if t.dim() == 2:
        weights[key] = (torch.randn(sum(t.shape) - 1) / t.shape[1] ** 0.5).unfold(0, t.shape[1], 1)
mlp.load_state_dict(weights)
training = {
    "epoch": 3,
    "state_dict": weights,
    "state_dict_ema": {key.removeprefix("module."): t * 0.5 for key, t in weights.items() if t.dim() == 1},
    "best_acc1": torch.tensor(93.5),
    "optimizer": torch.optim.SGD(mlp.parameters(), lr=0.1, momentum=0.9).state_dict(),
    "args": argparse.Namespace(lr=0.1),
}
images = np.random.default_rng(24).integers(0, 256, (9, 4, 4, 1), dtype=np.uint8)
np.save(out / "mlp_images.npy", images)
with torch.no_grad():
    np.save(out / "mlp_logits.npy", mlp(torch.tensor(images).float() / 255 * 2 - 1).numpy())
torch.save(training, out / "mlp.pt")
torch.save(training, out / "mlp_before_1_6.pt", _use_new_zipfile_serialization=False)

# What is refused.
torch.save(model, out / "refused_model.pt")
torch.save({"net": model, "acc": 1}, out / "refused_model_inside.pt")
torch.save(Own(), out / "refused_model_before_1_6.pt", _use_new_zipfile_serialization=False)
torch.save(base, out / "refused_tensor.pt")
torch.save({"epoch": 3}, out / "refused_nothing.pt")
torch.save({"conjugate": torch.randn(3, dtype=torch.complex64).conj().imag}, out / "refused_view.pt")
torch.save({"sparse": torch.eye(3).to_sparse()}, out / "refused_sparse.pt")
torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), out / "refused_torchscript.pt")

(out / "VERSIONS").write_text(
    f"python {platform.python_version()}\ntorch {torch.__version__}\nnumpy {np.__version__}\nsafetensors {safetensors.__version__}\n")
