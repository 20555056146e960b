"""Goldens of adversarial training's outer step: TRADES' and MART's losses with their gradients, and one step of each objective under
adversarial weight perturbation, from PyTorch.

    python tools/golden/adversarial_training.py        # writes tests/golden/adversarial_training/

The losses are written out from the papers' formulas with the constants of their reference code. The network is the resnet8 of
tests/golden/resnet8 (run resnet8.py first); its adversarial images are the clean ones plus a fixed pattern, since it is the outer step
that is compared. BatchNorm is in train mode throughout; the perturbation's proxy is a copy of the model.
"""
import copy
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
from resnet8 import our_name  # noqa: E402

out = root / "tests/golden/adversarial_training"
BETA, LAMBDA, SAMPLES = 6.0, 5.0, 8


def kl(p_logits, q_logits, tau_p, tau_q):
    """Per row: sum p (log p - log q), both arguments with gradient."""
    log_p, log_q = F.log_softmax(p_logits / tau_p, 1), F.log_softmax(q_logits / tau_q, 1)
    return (log_p.exp() * (log_p - log_q)).sum(1)


def trades(clean, adversarial, y, tau, tau_p, tau_q):
    return F.cross_entropy(clean / tau, y) + BETA * kl(clean, adversarial, tau_p, tau_q).mean()


def mart(clean, adversarial, y, tau, tau_p, tau_q):
    u = F.softmax(adversarial / tau, 1)
    others = u.clone().scatter(1, y[:, None], -1)
    rival = others.argmax(1)
    bce = F.cross_entropy(adversarial / tau, y, reduction="none") + F.nll_loss(
        torch.log(1.0001 - u + 1e-12), rival, reduction="none")
    p, q = F.softmax(clean / tau_p, 1), F.softmax(adversarial / tau_q, 1)
    regulariser = F.kl_div(torch.log(q + 1e-12), p, reduction="none").sum(1)
    return (bce + LAMBDA * regulariser * (1.0000001 - p.gather(1, y[:, None]).squeeze(1))).mean()


def save(name, t):
    np.save(out / f"{name}.npy", np.asarray(t.detach().numpy(), dtype=np.float32))


def losses():
    torch.manual_seed(9)
    clean, adversarial, y = 4 * torch.randn(5, 7), 4 * torch.randn(5, 7), torch.tensor([0, 3, 6, 2, 3])
    # A row that both are sure of, where p_y and u_k come close to 1 and MART's constants count.
    clean[0, 0] = 40
    adversarial[1, 5] = 40
    for name, t in [("clean", clean), ("adversarial", adversarial), ("labels", y)]:
        save(name, t)
    for loss in (trades, mart):
        for taus in ((1, 1, 1), (2, 0.5, 3)):
            a, b = clean.clone().requires_grad_(True), adversarial.clone().requires_grad_(True)
            value = loss(a, b, y, *taus)
            value.backward()
            name = f"{loss.__name__}-{'one' if taus[0] == 1 else 'several'}"
            save(name + ".loss", value[None])
            save(name + ".dclean", a.grad)
            save(name + ".dadversarial", b.grad)


def read_safetensors(path):
    raw = path.read_bytes()
    n = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + n])
    return {k: torch.from_numpy(np.frombuffer(raw[8 + n + v["data_offsets"][0]:8 + n + v["data_offsets"][1]], "<f4")
                                .reshape(v["shape"]).copy()) for k, v in header.items() if k != "__metadata__"}


def rows(tensors):
    """One row a tensor, sorted by name: its norm, then evenly spaced elements."""
    all_rows = []
    for _, t in sorted(tensors.items()):
        flat = t.detach().flatten().double()
        at = torch.arange(SAMPLES) * flat.numel() // SAMPLES
        all_rows.append(torch.cat([flat.norm()[None], flat[at]]))
    return torch.stack(all_rows)


def step(kind, gamma):
    stored = read_safetensors(root / "tests/golden/resnet8/weights.safetensors")
    model = ResNet(*MODELS["resnet8"])
    model.load_state_dict({k: stored.get(our_name(k), v) for k, v in model.state_dict().items()})
    images = torch.from_numpy(np.load(root / "tests/golden/resnet8/images.npy")).permute(0, 3, 1, 2).contiguous()
    pattern = torch.cos(torch.arange(images.numel(), dtype=torch.float64)).float().reshape(8, 12, 12, 3).permute(0, 3, 1, 2)
    adversarial, y = (images + 0.05 * pattern).clamp(0, 1), torch.arange(8) % 10

    def loss_of(net):
        if kind == "pgd":
            return F.cross_entropy(net(adversarial), y)
        if kind == "mart":
            clean = net(images)
            return mart(clean, net(adversarial), y, 1, 1, 1)
        clean = net(images)  # three forward passes, as the reference code has them
        natural, q = F.cross_entropy(clean, y), net(adversarial)
        return natural + BETA * kl(net(images), q, 1, 1).mean()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    model.train()
    proxy = copy.deepcopy(model)
    ascent = torch.optim.SGD(proxy.parameters(), lr=0.01)
    (-loss_of(proxy)).backward()
    ascent.step()
    moves, after = {}, dict(proxy.named_parameters())
    with torch.no_grad():
        for name, w in model.named_parameters():
            if w.dim() <= 1 or "weight" not in name:
                continue
            v = after[name] - w
            moves[name] = gamma * v * (w.norm() / (v.norm() + 1e-20))
            w.add_(moves[name])
    optimizer.zero_grad()
    value = loss_of(model)
    value.backward()
    optimizer.step()
    with torch.no_grad():
        for name, w in model.named_parameters():
            if name in moves:
                w.sub_(moves[name])
    save(f"{kind}-awp.loss", value[None])
    save(f"{kind}-awp.moves", rows({our_name(k): v for k, v in moves.items()}))
    save(f"{kind}-awp.weights", rows({our_name(k): v for k, v in model.named_parameters()}))
    save(f"{kind}-awp.statistics", rows({our_name(k): v for k, v in model.state_dict().items() if "running" in k}))


def main():
    out.mkdir(parents=True, exist_ok=True)
    losses()
    for kind, gamma in (("pgd", 0.01), ("trades", 0.005), ("mart", 0.005)):
        step(kind, gamma)
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, tools/golden/adversarial_training.py\n")


if __name__ == "__main__":
    main()
