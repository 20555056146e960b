"""How much faster Kelvin corrupts than the Python reference, on the same images and the same cores.

    python tools/bench/corruptions.py $(tools/build.sh kelvin)/bin/kelvin [--images 500] [--size 32] [--wall]

The reference is tools/golden/corruption_reference.py (NumPy, SciPy, scikit-image, OpenCV, Pillow) in one process, each library on one
thread. Both sides make all five severities of every image on one core, and time is processor time, so that other work on the machine does not
decide the ratio; images are independent, so more cores serve both alike. With --wall both use every core (one process each on the reference's
side) and time is the wall's. "10,000 images" is the time of a whole test set at all severities by these rates, not measured.
"""
import argparse
import json
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import cv2
import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "golden"))
import corruption_reference as reference

NAMES = ["gaussian_noise", "shot_noise", "impulse_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow",
         "frost", "fog", "brightness", "contrast", "elastic_transform", "pixelate", "jpeg_compression", "speckle_noise",
         "gaussian_blur", "spatter", "saturate"]


def scenes(n, size):
    """Smooth colours with an edge and a little noise, a different one an image."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:size, 0:size, 0:3][:2] / size
    a, b, c, d = rng.uniform(-6, 6, (4, n, 1, 1, 3))
    v = 0.5 + 0.35 * np.sin(a * x + b * y + c) + 0.15 * np.sign(np.sin(d * (x + y))) + rng.normal(0, 0.02, (n, size, size, 3))
    return (v.clip(0, 1) * 255).astype(np.uint8)


def work(job):
    cv2.setNumThreads(1)
    name, images = job
    start = time.process_time()
    for image in images:
        for severity in range(5):
            reference.corrupt(name, image, severity)
    return time.process_time() - start


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kelvin")
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--wall", action="store_true")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=0.5, help="of Kelvin, a corruption")
    o = parser.parse_args()
    o.cores = os.cpu_count() if o.wall else 1
    images = scenes(o.images, o.size)
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/test_images.npy", images)
        np.save(f"{folder}/test_labels.npy", np.arange(o.images, dtype=np.int32) % 10)
        done = subprocess.run([o.kelvin, "bench", "--cases", ",".join("corrupt-" + n for n in NAMES), "--data", f"npy:{folder}",
                               "--threads", str(o.cores), "--seconds", str(o.seconds), "--json"],
                              check=True, stdout=subprocess.PIPE)
    ours = {row["case"][8:]: row["img_per_s" if o.wall else "img_per_cpu_s"] for row in json.loads(done.stdout)["rows"]}

    rows, total_ours, total_theirs = [], 0.0, 0.0
    with multiprocessing.Pool(o.cores) as pool:
        pool.map(work, [("frost", images[:2])] * o.cores)  # textures and imports are not part of the time
        chunks = np.array_split(images, o.cores * 4)
        for name in NAMES:
            best = 0.0
            for _ in range(2):
                start = time.perf_counter()
                processor = sum(pool.map(work, [(name, c) for c in chunks], chunksize=1))
                best = max(best, o.images * 5 / (time.perf_counter() - start if o.wall else processor))
            total_ours += 50000 / ours[name]
            total_theirs += 50000 / best
            rows.append({"corruption": name, "kelvin_img_per_s": ours[name], "python_img_per_s": best,
                         "ratio": ours[name] / best})
            print(f"{name:18} Kelvin {ours[name]:10.0f} img/s   Python {best:8.0f} img/s   ratio {ours[name] / best:6.1f}",
                  flush=True)
    print(f"10,000 images, 19 x 5, {o.size} pixels, {o.cores} core(s), "
          f"{'wall' if o.wall else 'processor'} time: Kelvin {total_ours:.0f} s, Python {total_theirs:.0f} s, "
          f"ratio {total_theirs / total_ours:.1f}")


if __name__ == "__main__":
    main()
