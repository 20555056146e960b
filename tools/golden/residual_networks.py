"""Goldens of resnet18, resnet34, resnet50 and resnet20 from torchvision and of mlp from torch.nn: evaluation, one training step, running
statistics.

    python tools/golden/residual_networks.py        # writes tests/golden/residual_networks/

Needs torch, torchvision and numpy. The networks have 11 to 24 million weights, so no weights are stored: both sides make them from
Philox by one formula whose every step is exact in float32 (formula.py and tests/models/golden_model.h). The CIFAR
stem is put in torchvision's place by replacing conv1 and leaving out the max pool; `imagenet` is torchvision's own. resnet20 is
torchvision's class with three stages of 16, 32 and 64 channels of its basic blocks; mlp reads its pixels as Kelvin does, channels last.
Norms shift activations away from ReLU's kink, where a rounding decides over a whole gradient, and the images are drawn until
no activation lies near it, so that the rounding of another algorithm of convolution flips none. Everything is computed in float64, so
that what differs is Kelvin's rounding and not also PyTorch's. Gradients are stored as their norm and sixteen entries a parameter.
"""
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
import torchvision

from formula import fill, formula, gradient_rows

root = pathlib.Path(__file__).resolve().parents[2]
out = root / "tests/golden/residual_networks"
CASES = {"resnet18-cifar": ("resnet18", 32), "resnet34-cifar": ("resnet34", 32), "resnet50-cifar": ("resnet50", 32),
         "resnet50-imagenet": ("resnet50", 96), "resnet20": ("resnet20", 32), "mlp": ("mlp", 10)}
BATCH, TAU, SAMPLES = 4, 2.0, 16


def save(case, name, t):
    np.save(out / f"{case}.{name}.npy", t.detach().numpy().astype(np.float32))


class Mlp(torch.nn.Module):
    def __init__(self, inputs, hidden=256):
        super().__init__()
        self.fc1, self.fc2 = torch.nn.Linear(inputs, hidden), torch.nn.Linear(hidden, hidden)
        self.fc = torch.nn.Linear(hidden, 10)

    def forward(self, x):
        return self.fc(self.fc2(self.fc1(x.permute(0, 2, 3, 1).flatten(1)).relu()).relu())


def resnet20():
    block = torchvision.models.resnet.BasicBlock
    model = torchvision.models.ResNet(block, [1, 1, 1, 1], num_classes=10)
    model.bn1, model.fc = torch.nn.BatchNorm2d(16), torch.nn.Linear(64, 10)
    model.inplanes = 16  # what _make_layer takes for the channels in front of a stage
    for stage, width in enumerate([16, 32, 64]):
        setattr(model, f"layer{stage + 1}", model._make_layer(block, width, 3, stride=2 if stage else 1))
    model.layer4 = torch.nn.Identity()
    return model


def build(case, network, size):
    if network == "mlp":
        return Mlp(size * size * 3)
    model = resnet20() if network == "resnet20" else torchvision.models.get_model(network, num_classes=10)
    if not case.endswith("imagenet"):
        model.conv1 = torch.nn.Conv2d(3, model.bn1.num_features, 3, 1, 1, bias=False)
        model.maxpool = torch.nn.Identity()
    return model


def distance_from_kinks(model, x):
    """The least |input| of a ReLU, in both modes, in units of the root mean square of all its inputs."""
    least = []

    def measure(module, inputs):
        v = inputs[0].abs()
        least.append((v.min() / v.square().mean().sqrt()).item())

    hooks = [m.register_forward_pre_hook(measure) for m in model.modules() if isinstance(m, torch.nn.ReLU)]
    state = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        for mode in (False, True):
            model.train(mode)(x)
    model.load_state_dict(state)
    for hook in hooks:
        hook.remove()
    return min(least, default=1)


def choose_images(case, model, size):
    """Of the first hundred draws the one that stays farthest from the kinks; the first that is far enough will do."""
    best = 0, -1, None
    for number in range(100):
        images = torch.from_numpy(formula(f"images{number}", BATCH * size * size * 3, 0.5, 0.5)).reshape(BATCH, size, size, 3)
        x = images.double().permute(0, 3, 1, 2).contiguous()
        best = max(best, (distance_from_kinks(model, x), number, x), key=lambda found: found[:2])
        if best[0] > 4e-6:
            break
    distance, number, x = best
    print(f"{case}: images{number}, {distance:.1e} from the nearest kink", flush=True)
    save(case, "images", torch.tensor([number]))
    return x.requires_grad_(True)


def make(case, network, size):
    model = build(case, network, size)
    fill(model)
    model.double()
    x = choose_images(case, model, size)
    labels = torch.arange(BATCH) % 10
    features = []
    model.fc.register_forward_pre_hook(lambda module, inputs: features.append(inputs[0]))

    model.eval()
    logits = model(x)
    save(case, "eval_logits", logits)
    save(case, "eval_features", features[-1])
    F.cross_entropy(logits / TAU, labels, reduction="sum").backward()
    save(case, "eval_image_gradient", x.grad.permute(0, 2, 3, 1)[:1, ::4, ::4])
    save(case, "eval_gradients", gradient_rows(model, SAMPLES))

    model.train()
    model.zero_grad()
    x.grad = None
    logits = model(x)
    save(case, "train_logits", logits)
    save(case, "train_features", features[-1])
    F.cross_entropy(logits / TAU, labels).backward()
    save(case, "train_image_gradient", x.grad.permute(0, 2, 3, 1)[:1, ::4, ::4])
    save(case, "gradients", gradient_rows(model, SAMPLES))
    with torch.no_grad():
        for _ in range(2):  # three steps of running statistics in all
            model(x)
    state = {k: v for k, v in model.state_dict().items() if "running" in k}
    if state:
        save(case, "running_norms", torch.stack([state[k].double().norm() for k in sorted(state)]))


def main():
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    for case, (network, size) in CASES.items():
        make(case, network, size)
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}; "
                                  "tools/golden/residual_networks.py\n")


main()
