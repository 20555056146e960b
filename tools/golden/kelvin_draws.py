"""Kelvin's random numbers of one image of a set, and the starts that attacks make of them (kernels/device/philox.h, apps/attacks/victim.h)."""
import numpy as np
import torch
from formula import fnv1a, philox


class Draws:
    def __init__(self, stream, image):
        self.stream, self.base = fnv1a(stream), image << 32

    def bits(self, i):
        i = np.asarray(i, dtype=np.uint64)
        words = philox(0, self.stream, np.uint64(self.base) + i.reshape(-1) // np.uint64(4))
        return words[np.arange(i.size), (i.reshape(-1) % np.uint64(4)).astype(int)].reshape(i.shape)

    def uniform(self, i):
        return ((self.bits(i) >> np.uint64(9)).astype(np.float32) + np.float32(0.5)) / np.float32(2 ** 23)

    def sign(self, i):
        return torch.tensor(np.where(self.bits(i) & np.uint64(1), 1.0, -1.0).astype(np.float32))

    def normal(self, n, first=0):
        u = self.uniform(first + np.arange(n + n % 2)).astype(np.float64).reshape(-1, 2)
        radius, angle = np.sqrt(-2 * np.log(u[:, 0])), 2 * np.pi * u[:, 1]
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:n]


def start_on_surface(x, rows, norm, eps, stream):
    """x + eps * direction for the images `rows` of the set."""
    starts = []
    for row in rows:
        draws = Draws(stream, int(row))
        n = x[row].numel()
        t = 2 * draws.uniform(np.arange(n)) - 1 if norm == "Linf" else draws.normal(n)
        t = torch.tensor(t.reshape(*x.shape[2:], 3), dtype=torch.float32).permute(2, 0, 1)
        starts.append(x[row] + eps * t / (t.abs().max() if norm == "Linf" else t.norm()))
    return torch.stack(starts).clamp(0, 1)


def start_inside(x, rows, norm, eps, stream):
    """Uniform in the cube, or a Gaussian direction with a uniform radius. PGD numbers an image's words in another way than the attacks that
    keep their images on the host."""
    starts = []
    for row in rows:
        draws, n, first = Draws(stream, 0), x[row].numel(), 4 * (int(row) << 24)
        if norm == "Linf":
            t = eps * (2 * draws.uniform(first + np.arange(n)) - 1)
        else:
            t = draws.normal(n, first + 4)
            t = t / np.sqrt((t ** 2).sum()) * eps * draws.uniform(first)
        starts.append(x[row] + torch.tensor(t.reshape(*x.shape[2:], 3), dtype=torch.float32).permute(2, 0, 1))
    return torch.stack(starts).clamp(0, 1)
