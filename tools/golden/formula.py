"""Weights and images from one formula that Kelvin's tests make as well (tests/models/golden_model.h), so that goldens of networks with
millions of weights store none of them. Every step is exact in float32."""
import numpy as np
import torch


def fnv1a(name):
    value = 0xCBF29CE484222325
    for byte in name.encode():
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def philox(seed, stream, counters):
    """Philox4x32-10 (Salmon et al. 2011): counter (i, stream), key seed; [n, 4] words."""
    mask = np.uint64(0xFFFFFFFF)
    c = [counters & mask, counters >> np.uint64(32), np.full_like(counters, stream & 0xFFFFFFFF),
         np.full_like(counters, stream >> 32)]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(p1 >> np.uint64(32)) ^ c[1] ^ np.uint64(k0), p1 & mask, (p0 >> np.uint64(32)) ^ c[3] ^ np.uint64(k1), p0 & mask]
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return np.stack(c, 1)


def formula(name, n, scale, offset):
    """offset + scale * u with u a multiple of 2^-22 in [-1, 1)."""
    words = philox(11, fnv1a(name), np.arange((n + 3) // 4, dtype=np.uint64)).reshape(-1)[:n]
    u = (words >> np.uint64(9)).astype(np.float64) * 2.0**-22 - 1
    return (offset + scale * u).astype(np.float32)


def scale_of(shape):
    """The power of two next to Kaiming's uniform bound sqrt(6 / fan_in); class token and positions, [1, T, d], have a fan-in of 24."""
    fan_in = 24 if len(shape) == 3 else int(np.prod(shape[1:]))
    return 2.0 ** round(float(np.log2(np.sqrt(6 / fan_in))))


def fill(model):
    with torch.no_grad():
        for name, t in model.state_dict().items():
            if t.dtype != torch.float32:
                continue
            if name.endswith("running_mean"):
                values = formula(name, t.numel(), 0.25, 0)
            elif name.endswith("running_var"):
                values = formula(name, t.numel(), 0.5, 1)
            elif t.dim() > 1:
                values = formula(name, t.numel(), scale_of(t.shape), 0)
            elif name.endswith("bias"):
                values = formula(name, t.numel(), 0.125, 0.75)
            else:
                values = formula(name, t.numel(), 0.125, 0.25)
            t.copy_(torch.from_numpy(values).reshape(t.shape))


def gradient_rows(model, samples):
    """One row a parameter, sorted by name: the gradient's norm, then `samples` evenly spaced entries."""
    rows = []
    for name, p in sorted(model.named_parameters()):
        g = p.grad.flatten().double()
        at = torch.arange(samples) * g.numel() // samples
        rows.append(torch.cat([g.norm()[None], g[at]]))
    return torch.stack(rows)
