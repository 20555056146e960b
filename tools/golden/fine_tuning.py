"""Goldens of what fine-tuning adds, from PyTorch and timm: tests/golden/fine_tuning/.

    python tools/golden/fine_tuning.py

Needs torch, timm and numpy. Gradient clipping, smoothed labels against softmax(z/tau), the moving average of weights, bilinear
resizing with its gradient, learning rates per layer, the cosine schedule.
"""
import json
import pathlib

import numpy as np
import timm
import torch
import torch.nn.functional as F
from timm.optim import param_groups_layer_decay
from timm.utils import ModelEmaV3

out = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/fine_tuning"
out.mkdir(parents=True, exist_ok=True)
torch.manual_seed(7)


def save(name, t):
    np.save(out / f"{name}.npy", t.detach().numpy().astype(np.float32))


# torch.nn.utils.clip_grad_norm_: one gradient above the limit, one below it.
g = torch.randn(37) * 3
save("gradient", g)
for name, limit in {"clipped": 1.5, "unclipped": 100.0}.items():
    p = torch.zeros(37, requires_grad=True)
    p.grad = g.clone()
    torch.nn.utils.clip_grad_norm_([p], limit)
    save(name, p.grad)

# F.cross_entropy(z / tau, y, label_smoothing): losses and the gradient of their mean.
z, y = torch.randn(9, 11) * 4, torch.arange(9) * 5 % 11
save("logits", z)
np.save(out / "labels.npy", y.numpy().astype(np.int32))
for tau in (0.5, 1.0, 20.0):
    x = z.clone().requires_grad_(True)
    loss = F.cross_entropy(x / tau, y, label_smoothing=0.15, reduction="none")
    loss.mean().backward()
    save(f"smoothed_losses_tau{tau:g}", loss)
    save(f"smoothed_gradient_tau{tau:g}", x.grad)

# timm's ModelEmaV3 over three updates of a module with a BatchNorm; without a step number, which would make the first two updates copies.
module = torch.nn.Sequential(torch.nn.Linear(5, 6), torch.nn.BatchNorm1d(6))
ema = ModelEmaV3(module, decay=0.9)
weights, statistics = [module[0].weight.detach().clone()], [module[1].running_mean.clone()]
for _ in range(3):
    with torch.no_grad():
        module[0].weight.add_(torch.randn(6, 5))
        module[1].running_mean.add_(torch.randn(6))
    ema.update(module)
    weights.append(module[0].weight.detach().clone())
    statistics.append(module[1].running_mean.clone())
save("ema_weights", torch.stack(weights))
save("ema_statistics", torch.stack(statistics))
save("ema_of_weights", ema.module[0].weight)
save("ema_of_statistics", ema.module[1].running_mean)

# interpolate(mode="bilinear", align_corners=False): growing, shrinking, and both at once; images as [N, H, W, C].
for name, (size, to) in {"grow": ((2, 7, 5, 3), (31, 33)), "shrink": ((1, 17, 13, 1), (6, 5)), "both": ((1, 4, 9, 3), (9, 4)),
                         "cifar": ((1, 32, 32, 3), (56, 56))}.items():
    x = torch.rand(size).requires_grad_(True)
    resized = F.interpolate(x.permute(0, 3, 1, 2), size=to, mode="bilinear", align_corners=False, antialias=False)
    dy = torch.randn(resized.shape)
    resized.backward(dy)
    save(f"resize_{name}_x", x)
    save(f"resize_{name}_y", resized.permute(0, 2, 3, 1))
    save(f"resize_{name}_dy", dy.permute(0, 2, 3, 1))
    save(f"resize_{name}_dx", x.grad)

# Learning-rate scales of timm's param_groups_layer_decay, by the parameter's name.
scales = {}
for name in ("vit_tiny_patch16_224", "resnet18"):
    model = timm.create_model(name, num_classes=10)
    names = {id(p): n for n, p in model.named_parameters()}
    scales[name] = {names[id(p)]: group["lr_scale"]
                    for group in param_groups_layer_decay(model, 0.05, (), layer_decay=0.75) for p in group["params"]}
(out / "layer_decay.json").write_text(json.dumps(scales, indent=0, sort_keys=True) + "\n")

# CosineAnnealingLR of 12 epochs from 0.1, one value an epoch.
optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
schedule, rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=12), []
for _ in range(12):
    rates.append(optimizer.param_groups[0]["lr"])
    optimizer.step()
    schedule.step()
np.save(out / "cosine.npy", np.array(rates, dtype=np.float64))

(out / "VERSIONS").write_text(f"torch {torch.__version__}, timm {timm.__version__}, numpy {np.__version__}; "
                              "tools/golden/fine_tuning.py\n")
