"""Goldens of position embeddings at another image size: timm's resample_abs_pos_embed (bicubic, antialiased).

    python tools/golden/position_embeddings.py        # writes tests/golden/position_embeddings/

Needs torch, timm and numpy.
"""
import pathlib

import numpy as np
import timm
import torch
from timm.layers import resample_abs_pos_embed

from formula import formula

root = pathlib.Path(__file__).resolve().parents[2]
out = root / "tests/golden/position_embeddings"
WIDTH, SIDE = 3, 14


def main():
    out.mkdir(parents=True, exist_ok=True)
    x = torch.from_numpy(formula("positions", (1 + SIDE * SIDE) * WIDTH, 1, 0)).reshape(1, -1, WIDTH).double()
    for rows, cols in ((7, 7), (24, 24), (10, 13)):
        y = resample_abs_pos_embed(x, [rows, cols], num_prefix_tokens=1)
        np.save(out / f"{rows}x{cols}.npy", y[0].numpy().astype(np.float32))
    (out / "VERSIONS").write_text(f"torch {torch.__version__}, timm {timm.__version__}, numpy {np.__version__}; "
                                  "tools/golden/position_embeddings.py\n")


main()
