"""Goldens of ten steps of SGD, Nesterov, Adam and AdamW, from PyTorch: tests/golden/optimizers/.

    python tools/golden/optimizers.py
"""
import pathlib

import numpy as np
import torch

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/optimizers"
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(3)
start, gradients = torch.randn(37), torch.randn(10, 37)
np.save(out / "start.npy", start.numpy())
np.save(out / "gradients.npy", gradients.numpy())
optimizers = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=5e-4),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=5e-4, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=5e-4),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.05),
}
for name, make in optimizers.items():
    w = start.clone().requires_grad_(True)
    optimizer, trajectory = make([w]), []
    for g in gradients:
        w.grad = g.clone()
        optimizer.step()
        trajectory.append(w.detach().clone())
    np.save(out / f"{name}.npy", torch.stack(trajectory).numpy())
(out / "VERSIONS").write_text(f"torch {torch.__version__}, numpy {np.__version__}; tools/golden/optimizers.py\n")
