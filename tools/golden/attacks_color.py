"""Goldens of attacks on a colour network, in L-infinity and L2: tests/golden/attacks_color/.

    python tools/golden/attacks_color.py AUTO_ATTACK          # all of it
    python tools/golden/attacks_color.py AUTO_ATTACK --keep   # the network and the images stay as they are

AUTO_ATTACK is a checkout of the authors' repository fra31/auto-attack: torchattacks 3.5.1 carries an older Square, whose L2 windows are
measured over all channels together. APGD, FAB, Square and AutoAttack are the authors' code, FGSM, MI-FGSM and PGD without
chance torchattacks'; PGD from random starts, C&W's margin under PGD and C&W in L2 are written out below (PyTorch's Adam).

The networks are color_network.py's and a vision transformer. Where an attack draws random numbers, the reference gets those that Kelvin
draws (kelvin_draws.py): its start, or, image by image, its squares, corners and signs. So both walk the same path, and of each image that falls the golden holds what it looked like at that
moment: how long the change is, and its sum in each channel. `own` holds the robust images where the reference draws for itself.
"""
import argparse
import dataclasses
import json
import pathlib
import sys

import numpy as np
import timm
import torch
import torch.nn.functional as F
import torchattacks

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "tools/golden"))
from color_network import MEAN, SIZE, STD, read_network, to_torch, train, wrapped, write_network  # noqa: E402
from formula import fill, fnv1a  # noqa: E402
from kelvin_draws import Draws, start_inside, start_on_surface  # noqa: E402
from kelvin_run import network  # noqa: E402

out = root / "tests/golden/attacks_color"
FEW, FAB_STEPS, FAB_IMAGES, NARROW_IMAGES, NARROW = 4, 30, 20, 12, 14


@dataclasses.dataclass
class Settings:
    eps: dict
    steps: int
    queries: int
    targets: int = 3


RESNET = Settings({"Linf": 12 / 255, "L2": 0.8}, steps=100, queries=300)
VIT = Settings({"Linf": 4 / 255, "L2": 0.5}, steps=20, queries=100)
VIT_IMAGES, VIT_HEAD_SCALE = 6, 64


class Watched(torch.nn.Module):
    """A model that notes, of the images it is asked about, the first each that it takes for another class."""

    def __init__(self, model, y):
        super().__init__()
        self.model, self.y, self.found = model, y, [None] * len(y)
        self.eval()  # torchattacks gives back the mode that it found

    def forward(self, x):
        z = self.model(x)
        if len(x) == len(self.y):
            for i in (z.argmax(1) != self.y).nonzero().flatten().tolist():
                if self.found[i] is None:
                    self.found[i] = x[i].detach().clone()
        return z


def rows_of(x, found):
    """A row an image: null where none was found, else the length of the change and its sum in each channel."""
    def row(clean, moved):
        change = (moved - clean).double()
        return [round(v, 6) for v in [change.norm().item(), *change.sum((1, 2)).tolist()]]
    return [None if f is None else row(c, f) for c, f in zip(x, found)]


def apgd(model, x, y, right, norm, o, loss):
    from autoattack.autopgd_base import APGDAttack, APGDAttack_targeted

    found = [None] * len(x)
    for k in range(1, o.targets + 1) if loss == "t" else [0]:
        rows = [i for i in range(len(x)) if right[i] and found[i] is None]
        watched = Watched(model, y[rows])
        kind = APGDAttack_targeted if loss == "t" else APGDAttack
        attack = kind(watched, n_iter=o.steps, norm=norm, eps=o.eps[norm], device="cpu")
        attack.init_hyperparam(x)
        if loss == "t":
            attack.y_target = model(x[rows]).argsort(1)[:, -k - 1]
        else:
            attack.loss = loss
        stream = f"apgd_start/target{k}/0" if loss == "t" else f"apgd_start/{loss}/0"
        attack.attack_single_run(x[rows], y[rows], start_on_surface(x, rows, norm, o.eps[norm], stream))
        for i, f in zip(rows, watched.found):
            found[i] = f
    return rows_of(x, found)


def fab(model, x, y, norm, eps, targets):
    """The smallest distance found of each image, towards one target after another without regard to what was found before."""
    from autoattack.fab_pt import FABAttack_PT

    best = torch.full((len(x),), float("inf"))
    attack = FABAttack_PT(model, norm=norm, n_iter=FAB_STEPS, eps=eps, device="cpu", targeted=targets > 0)
    for k in range(max(1, targets)):
        attack.target_class = k + 2
        adv = attack.attack_single_run(x, y, is_targeted=targets > 0)
        distance = (adv - x).flatten(1).norm(dim=1, p=2 if norm == "L2" else torch.inf)
        best = torch.minimum(best, torch.where(model(adv).argmax(1) != y, distance, torch.inf))
    return [None if d == torch.inf else d.item() for d in best]


def square(model, x, y, right, norm, o):
    from autoattack.square import SquareAttack

    class WithDraws(SquareAttack):
        image = 0

        def at(self, query, word=8):
            self.draws, self.corners, self.word = Draws(f"square/0/{query}", self.image), 0, word

        def p_selection(self, it):
            self.at(it)
            return super().p_selection(it)

        def random_int(self, low=0, high=1, shape=[1]):
            self.corners += 1
            return int(np.float32(self.draws.uniform(self.corners - 1)) * np.float32(high))

        def random_choice(self, shape):
            if shape[-1] > 1:  # stripes: a sign a column and channel
                return self.draws.sign(np.arange(shape[-1] * 3)).view(-1, 3).t().reshape(1, 3, 1, -1)
            if not self.is_start:
                return self.draws.sign(8 + np.arange(3)).view(*shape)
            self.word += 3
            return self.draws.sign(self.word - 3 + np.arange(3)).view(*shape)

        def eta(self, s):
            if self.is_start:
                self.word += 1
            word = self.word - 1 if self.is_start else 4
            halves = torch.cat([self.eta_rectangles(s // 2, s), -self.eta_rectangles(s - s // 2, s)])
            halves /= (halves ** 2).sum().sqrt()
            return halves.t() if self.draws.uniform(word) > 0.5 else halves

        @property
        def is_start(self):
            return self.draws.stream == fnv1a("square/0/-1")

    found = [None] * len(x)
    for i in np.flatnonzero(right):
        watched = Watched(model, y[i:i + 1])
        attack = WithDraws(watched, norm=norm, n_queries=o.queries, eps=o.eps[norm], device="cpu", resc_schedule=False)
        attack.image = int(i)
        attack.init_hyperparam(x)
        attack.at(-1)
        with torch.no_grad():
            attack.attack_single_run(x[i:i + 1], y[i:i + 1])
        found[i] = watched.found[0]
    return rows_of(x, found)


def own_draws(model, x, y, right, norm, o):
    """Robust images of AutoAttack standard and of Square on its own, with the reference's random numbers."""
    from autoattack import AutoAttack

    whole = AutoAttack(model, norm=norm, eps=o.eps[norm], device="cpu", seed=0, verbose=False)
    whole.apgd_targeted.n_target_classes = whole.fab.n_target_classes = o.targets
    whole.square.n_queries = o.queries
    rows = {"autoattack": model(whole.run_standard_evaluation(x, y)).argmax(1) == y}
    whole.square.seed = 0
    rows["square"] = (model(whole.square.perturb(x, y)).argmax(1) == y) & torch.tensor(right)
    return {k: v.int().tolist() for k, v in rows.items()}


def pgd(model, x, y, right, norm, eps, steps, loss, restarts):
    """PGD from random starts: what each image was when it first fell."""
    found = [None] * len(x)
    for restart in range(restarts):
        rows = [i for i in range(len(x)) if right[i] and found[i] is None]
        centre, watched = x[rows], Watched(model, y[rows])
        moved = start_inside(x, rows, norm, eps, f"random_start/{restart}")
        for _ in range(steps):
            moved.requires_grad_()
            g, = torch.autograd.grad(loss(watched(moved), y[rows]).sum(), moved)
            if norm == "Linf":
                change = (moved.detach() + eps / 4 * g.sign() - centre).clamp(-eps, eps)
            else:
                change = moved.detach() + eps / 4 * g / g.flatten(1).norm(dim=1).view(-1, 1, 1, 1) - centre
                change *= (eps / change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)).clamp(max=1)
            moved = (centre + change).clamp(0, 1)
        watched(moved)
        for i, f in zip(rows, watched.found):
            found[i] = f
    return rows_of(x, found)


def cross_entropy(z, y):
    return F.cross_entropy(z, y, reduction="none")


def margin(z, y):
    return z.masked_fill(F.one_hot(y, z.shape[1]).bool(), float("-inf")).max(1)[0] - z.gather(1, y[:, None])[:, 0]


def of_torchattacks(make, model, x, y, right):
    """What each image was when it first fell: the attack is asked again about its last iterate."""
    rows = np.flatnonzero(right)
    watched = Watched(model, y[rows])
    watched(make(watched)(x[rows], y[rows]))
    found = [None] * len(x)
    for i, f in zip(rows, watched.found):
        found[i] = f
    return rows_of(x, found)


def carlini_wagner(model, x, y, searches, steps, target=None):
    """Distances by the authors' algorithm: tanh, Adam from nothing for each constant, binary search for the constant. An image that has
    succeeded stops when its cost has not fallen by 0.01 % in a tenth of the steps."""
    goal, c, lower, upper = y if target is None else target, torch.full((len(x),), 1e-3), torch.zeros(len(x)), torch.full((len(x),), 1e10)
    best = torch.full((len(x),), float("inf"))
    for _ in range(searches):
        v = torch.atanh((2 * x - 1) * 0.999999).requires_grad_()
        adam = torch.optim.Adam([v], 1e-2)
        succeeded, active, before = torch.zeros(len(x), dtype=bool), torch.ones(len(x), dtype=bool), torch.full((len(x),), float("inf"))
        for step in range(steps + 1):
            moved = (torch.tanh(v) + 1) / 2
            z = model(moved)
            lead = margin(z, goal) * (-1 if target is None else 1)
            squares = ((moved - x) ** 2).flatten(1).sum(1)
            cost = squares + c * lead.clamp(min=0)
            is_success = active & (lead <= -1e-4 * z.abs().max(1)[0])
            succeeded |= is_success
            best = torch.where(is_success, torch.minimum(best, squares.detach().sqrt()), best)
            if step > 0 and step % max(1, steps // 10) == 0:
                active &= ~(succeeded & (cost > before * 0.9999))
                before = cost.detach()
            if step == steps:
                break
            adam.zero_grad()
            cost.sum().backward()
            adam.step()
        upper, lower = torch.where(succeeded, torch.minimum(upper, c), upper), torch.where(succeeded, lower, torch.maximum(lower, c))
        c = torch.where(upper < 1e10, (lower + upper) / 2, c * 10)
    return [None if d == float("inf") else d.item() for d in best]


def inner_attack(model, x, y, kind, steps=10):
    """What adversarial training attacks its batch with, BatchNorm in evaluation mode: TRADES on its KL term, the others on cross-entropy. And the
    mean of eps |g|_1 - <x' - x, g> at the last point whose gradient was taken."""
    draws, n = Draws("adversarial_start/0", 0), x.numel()
    if kind == "pgd":
        eps, step = 8 / 255, 2 / 255
        moved = start_inside(x, range(len(x)), "Linf", eps, "adversarial_start/0")
    else:
        eps, step = 0.031, 0.007
        noise = draws.normal(n).reshape(len(x), *x.shape[2:], x.shape[1])
        moved = x + torch.tensor(0.001 * noise, dtype=torch.float32).permute(0, 3, 1, 2)
    clean = model(x).log_softmax(1)
    for _ in range(steps):
        moved = moved.detach().requires_grad_()
        z = model(moved)
        loss = (clean.exp() * (clean - z.log_softmax(1))).sum() if kind == "trades" else F.cross_entropy(z, y, reduction="sum")
        g, = torch.autograd.grad(loss, moved)
        fosc = (eps * g.abs() - (moved.detach() - x) * g).flatten(1).sum(1).mean().item()
        moved = (x + (moved.detach() + step * g.sign() - x).clamp(-eps, eps)).clamp(0, 1)
    return {"steps": steps, "images": rows_of(x, list(moved)), "fosc": fosc}


def ranked(model, x, y, k):
    """The class other than the label that comes k-th."""
    with torch.no_grad():
        z = model(x)
    return z.masked_fill(F.one_hot(y, z.shape[1]).bool(), float("-inf")).argsort(1)[:, -k]


def paths(model, x, y, o, prefix=""):
    """Whole images after the last step of attacks without chance, float32 [FEW, 16, 16, 3]."""
    linf, l2 = o.eps["Linf"], o.eps["L2"]
    attacks = {"pgd_linf": torchattacks.PGD(model, linf, linf / 4, 20, random_start=False),
               "pgd_l2": torchattacks.PGDL2(model, l2, l2 / 4, 20, random_start=False),
               "pgd_l2_targeted": torchattacks.PGDL2(model, l2, l2 / 4, 20, random_start=False)}
    attacks["pgd_l2_targeted"].set_mode_targeted_by_label(quiet=True)
    for name, attack in attacks.items():
        adv = attack(x[:FEW], ranked(model, x[:FEW], y[:FEW], 9) if "targeted" in name else y[:FEW])
        np.save(out / f"{prefix}{name}.npy", adv.permute(0, 2, 3, 1).contiguous().numpy())


def report(name, right, rows):
    print(name, {k: round(float(np.mean([bool(r) and not f for r, f in zip(right, v)])), 3) for k, v in rows.items()}, flush=True)


def momentum(model, x, y, right, eps):
    return of_torchattacks(lambda m: torchattacks.MIFGSM(m, eps=eps, alpha=eps / 4, steps=10), model, x, y, right)


def resnet(model, x, y):
    o, right = RESNET, (model(x).argmax(1) == y).numpy()
    paths(model, x, y, o)
    reference = {"mean": MEAN, "narrow": NARROW, "std": STD, "steps": o.steps, "targets": o.targets, "queries": o.queries, "fab_steps": FAB_STEPS,
                 "clean": right.astype(int).tolist()}
    few = slice(0, FAB_IMAGES)
    for norm, eps in o.eps.items():
        rows = {f"apgd-{loss}": apgd(model, x, y, right, norm, o, loss) for loss in ("ce", "dlr", "t")}
        rows["square"] = square(model, x, y, right, norm, o)
        rows["pgd"] = pgd(model, x, y, right, norm, eps, 10, cross_entropy, 2)
        narrow, of_narrow = x[:NARROW_IMAGES, :, :, :NARROW].contiguous(), y[:NARROW_IMAGES]
        rows["square-narrow"] = square(model, narrow, of_narrow, (model(narrow).argmax(1) == of_narrow).numpy(), norm, o)
        if norm == "Linf":
            rows["cw"] = pgd(model, x, y, right, norm, eps, 30, margin, 1)
            rows["fgsm"] = of_torchattacks(lambda m: torchattacks.FGSM(m, eps=eps), model, x, y, right)
            rows["mifgsm"] = momentum(model, x, y, right, eps)
        report(norm, right, rows)
        own = own_draws(model, x, y, right, norm, o)
        report("own draws", right, {k: [not v for v in row] for k, row in own.items()})
        fabs = {name: fab(model, x[few], y[few], norm, eps, n) for name, n in (("fab", 0), ("fab-t", o.targets))}
        reference[norm] = {"eps": eps, "found": rows, "distance": fabs, "own": own}
    x, y = x[:8], y[:8]
    reference["cw"] = {"search_steps": 6, "steps": 60, "distance": carlini_wagner(model, x, y, 6, 60),
                       "targeted": carlini_wagner(model, x, y, 6, 60, ranked(model, x, y, 9))}
    reference["inner"] = {kind: inner_attack(model, x, y, kind) for kind in ("pgd", "trades", "mart")}
    print("cw", reference["cw"], "fosc", {k: v["fosc"] for k, v in reference["inner"].items()})
    (out / "reference.json").write_text(json.dumps(reference) + "\n")


def vit(x):
    """vit_tiny_patch4, its weights by formula.py, its last layer such that images fall into several classes, its labels its own predictions."""
    o, x = VIT, x[:VIT_IMAGES]
    net, _ = network("vit_tiny_patch4", 3, SIZE)
    fill(net)
    model = wrapped(net).eval()
    for p in model.parameters():
        p.requires_grad_(False)
    net.head.bias -= model(x).mean(0)
    net.head.weight *= VIT_HEAD_SCALE
    net.head.bias *= VIT_HEAD_SCALE
    y = model(x).argmax(1)
    print("labels", y.tolist(), "margins", (-margin(model(x), y)).tolist())
    right = np.ones(len(x), dtype=bool)
    paths(model, x, y, o, "vit_")
    reference = {"labels": y.tolist(), "head_scale": VIT_HEAD_SCALE, "head_bias": net.head.bias.tolist(), "steps": o.steps,
                 "queries": o.queries, "targets": o.targets}
    for norm, eps in o.eps.items():
        rows = {"apgd-ce": apgd(model, x, y, right, norm, o, "ce"), "square": square(model, x, y, right, norm, o)}
        if norm == "Linf":
            rows["mifgsm"] = momentum(model, x, y, right, eps)
        report("vit " + norm, right, rows)
        reference[norm] = {"eps": eps, "found": rows}
    (out / "vit_reference.json").write_text(json.dumps(reference) + "\n")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("auto_attack", help="folder that holds the package `autoattack`")
    p.add_argument("--keep", action="store_true")
    p.add_argument("--commit", default="a392200", help="of that checkout")
    args = p.parse_args()
    sys.path.insert(0, args.auto_attack)
    out.mkdir(parents=True, exist_ok=True)
    if not args.keep:
        write_network(out, *train())
    model = wrapped(read_network(out)).eval()
    for q in model.parameters():
        q.requires_grad_(False)
    x, y = to_torch(np.load(out / "images.npy")), torch.tensor(np.load(out / "labels.npy")).long()
    resnet(model, x, y)
    vit(x)
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, torchattacks {torchattacks.__version__}, timm {timm.__version__}, fra31/auto-attack {args.commit}; "
                                  "tools/golden/attacks_color.py\n")


if __name__ == "__main__":
    main()
