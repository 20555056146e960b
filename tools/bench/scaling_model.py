"""How fast data-parallel training is expected to be on n GPUs or machines: on paper, from a step's time and the sizes of its gradients.

    python tools/bench/scaling_model.py                                    # ResNet-50, bfloat16, H100: 1 to 32 GPUs
    python tools/bench/scaling_model.py --gpus 8 --json                    # one row, for several_gpus.py
    python tools/bench/scaling_model.py --gpus 16 --nodes 2 --bandwidth 45 --latency 60
    python tools/bench/scaling_model.py --model vit_small_patch16_224 --step-ms 20
    python tools/bench/scaling_model.py --no-overlap --gpus 2 --nodes 2 --gradient-mb 1.1 --step-ms 75 --bandwidth 0.117   # CPU ranks, 1 Gbit/s

The gradients are sent in buckets, the last layer's first, while the backward pass goes on with the layers before. Bucket i of S_i bytes is
complete after a share r_i of the backward pass and arrives at

    t_i = max(t_{i-1}, r_i T_backward) + 2 (n - 1)/n S_i / bandwidth + latency          (ring all-reduce; Patarasuk & Yuan 2009)

The step waits for what comes after the backward pass: efficiency = T_step / (T_step + t_last - T_backward). Without overlap all of it is
waited for. A layer's share of the backward pass is taken to be its share of the multiplications.

Measured: T_step (tools/bench/results, the newest figures of a GPU). Assumed: bandwidths of 300 GB/s between GPUs of one machine (NVLink) and
45 GB/s for each network adapter of 400 Gbit/s, latencies of 30 and 60 microseconds an exchange, 62 % of a step in the backward pass.
tools/bench/several_gpus.py prints the measured efficiency beside this prediction. Standard library only.
"""
import argparse
import json
import pathlib

BUCKET = 25e6  # bytes, as in engine/gradient_exchange.h


def resnet50():
    """(parameters, multiplications for an image) of the weights, in the order of the forward pass, and the parameters without weight decay.

    For images of 32 pixels and 10 classes, as measured; for larger images the shares of the layers are nearly the same.
    """
    layers, no_decay = [(3 * 64 * 9, 3 * 64 * 9 * 32 * 32)], 2 * 64
    inputs = 64
    for stage, (width, blocks, side) in enumerate([(64, 3, 32), (128, 4, 16), (256, 6, 8), (512, 3, 4)]):
        for block in range(blocks):
            reduced = side * (2 if stage > 0 and block == 0 else 1)  # the side before the stride of the 3x3 convolution
            convolutions = [(inputs * width, reduced), (9 * width * width, side), (4 * width * width, side)]
            if block == 0:
                convolutions.append((inputs * 4 * width, side))
            layers += [(n, n * s * s) for n, s in convolutions]
            no_decay += 2 * (2 * width + 4 * width) + (8 * width if block == 0 else 0)
            inputs = 4 * width
    return layers + [(2048 * 10, 2048 * 10)], no_decay + 10


def vit(width, blocks, tokens, patch):
    layers = [(3 * patch * patch * width, 3 * patch * patch * width * tokens)]
    for _ in range(blocks):
        attention = 2 * tokens * tokens * width  # no parameters: counted with the projection
        layers += [(3 * width * width, 3 * width * width * tokens), (width * width, width * width * tokens + attention),
                   (4 * width * width, 4 * width * width * tokens), (4 * width * width, 4 * width * width * tokens)]
    return layers + [(1000 * width, 1000 * width)], blocks * 13 * width + (tokens + 4) * width + 1000


MODELS = {"resnet50": resnet50, "vit_small_patch16_224": lambda: vit(384, 12, 197, 16)}


def buckets_of(model):
    """(bytes, share of the backward pass after which they are complete), in the order of sending."""
    layers, no_decay = MODELS[model]()
    total = sum(work for _, work in layers)
    buckets, size, done = [], 0, 0
    for parameters, work in reversed(layers):
        if size and size + 4 * parameters > BUCKET:
            buckets.append((size, done / total))
            size = 0
        size += 4 * parameters
        done += work
    return buckets + [(size, 1.0), (4 * no_decay, 1.0)]


def measured_step():
    """Milliseconds of a ResNet-50 step of 128 images in bfloat16, and the file that says so."""
    found = {}
    for path in sorted(pathlib.Path(__file__).parent.joinpath("results").glob("nvidia-*.json")):
        for row in json.loads(path.read_text()).get("comparison", {}).get("rows", []):
            if row.get("case") == "train-resnet50" and row.get("precision") == "bf16" and row.get("batch") == 128:
                found[path.name] = 128e3 / row["kelvin_img_per_s"]
    return min((ms, name) for name, ms in found.items()) if found else (6.5, "none: assumed")


def predict(options, gpus, nodes, bandwidth, latency):
    """Efficiency with and without overlap, and the milliseconds of an exchange that nothing hides."""
    backward = options.backward_share * options.step_ms
    buckets = [(1e6 * options.gradient_mb, 1.0)] if options.gradient_mb else buckets_of(options.model)
    if gpus == 1:
        return 1.0, 1.0, 0.0
    cost = [2 * (gpus - 1) / gpus * size / (1e6 * bandwidth) + 1e-3 * latency for size, _ in buckets]
    end = 0.0
    for (_, ready), ms in zip(buckets, cost):
        end = max(end, ready * backward) + ms
    step = options.step_ms
    return step / (step + end - backward), step / (step + sum(cost)), sum(cost)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="resnet50")
    parser.add_argument("--gpus", type=int, help="one row; default: a table")
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--step-ms", type=float, help="of one GPU; default: the newest measurement of ResNet-50")
    parser.add_argument("--backward-share", type=float, default=0.62)
    parser.add_argument("--bandwidth", type=float, help="GB/s; default 300 in one machine, 45 between machines")
    parser.add_argument("--latency", type=float, help="microseconds an exchange; default 30 and 60")
    parser.add_argument("--gradient-mb", type=float, help="all gradients in one bucket of this size, instead of the model's")
    parser.add_argument("--no-overlap", action="store_true", help="the efficiency of ranks that wait, as those of CPUs do")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    source = "given"
    if options.step_ms is None:
        options.step_ms, source = measured_step()

    def row(gpus, nodes, adapters=1):
        inside = nodes == 1
        bandwidth = options.bandwidth or (300 if inside else 45 * adapters)
        latency = options.latency if options.latency is not None else (30 if inside else 60)
        overlapped, waiting, exchange = predict(options, gpus, nodes, bandwidth, latency)
        return {"gpus": gpus, "nodes": nodes, "bandwidth_gb_s": bandwidth, "exchange_ms": exchange,
                "efficiency": waiting if options.no_overlap else overlapped, "efficiency_without_overlap": waiting}

    rows = ([row(options.gpus, options.nodes)] if options.gpus else
            [row(1, 1), row(2, 1), row(4, 1), row(8, 1), row(32, 4), row(32, 4, adapters=8)])
    if options.json:
        print(json.dumps(rows[0] if options.gpus else rows))
        return
    print(f"step of one GPU {options.step_ms:.2f} ms ({source}), backward {options.backward_share * options.step_ms:.2f} ms")
    print("GPUs  machines  GB/s  exchange ms  efficiency  without overlap")
    for r in rows:
        print(f"{r['gpus']:4d} {r['nodes']:9d} {r['bandwidth_gb_s']:5g} {r['exchange_ms']:12.2f} {100 * r['efficiency']:9.1f} % "
              f"{100 * r['efficiency_without_overlap']:14.1f} %")


main()
