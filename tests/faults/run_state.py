"""The content of a run folder, to compare it after a fault with that of an undisturbed run, as run_state.h does."""

import json
import struct
from array import array

OF_THE_MOMENT = {"img_per_s", "seconds", "metrics_bytes", "kelvin.checksum", "ranks"}
# Of a tensor's largest number, between two numbers of ranks: sums in another order, and now and then a unit of a ReLU
# that switches. 2.7e-5 of the weights and 2e-4 of the momentum were seen; an epoch less in the middle changes the
# weights by 1.4e-2 and more.
ROUNDING = 2e-3


def without_the_moment(value):
    if isinstance(value, list):
        return [without_the_moment(v) for v in value]
    if isinstance(value, dict):
        return {k: without_the_moment(v) for k, v in value.items() if k not in OF_THE_MOMENT}
    return value


def tensors_of(path):
    """(metadata, {name: (type, bytes)}) of a safetensors file; ValueError where it is torn."""
    data = path.read_bytes()
    if len(data) < 8:
        raise ValueError("no header")
    size = struct.unpack("<Q", data[:8])[0]
    header, body = json.loads(data[8:8 + size]), data[8 + size:]
    metadata = header.pop("__metadata__", {})
    if body and len(body) != max(t["data_offsets"][1] for t in header.values()):
        raise ValueError("its length is not that of its tensors")
    return metadata, {name: (t["dtype"], body[slice(*t["data_offsets"])]) for name, t in header.items()}


def meaning_of(path):
    if path.suffix == ".safetensors":
        metadata, tensors = tensors_of(path)
        texts = {k: without_the_moment(json.loads(metadata[k])) for k in ("kelvin", "kelvin.position") if k in metadata}
        return texts, tensors
    if path.suffix == ".jsonl":
        return [without_the_moment(json.loads(line)) for line in path.read_text().splitlines()]
    if path.suffix == ".json":
        return without_the_moment(json.loads(path.read_text()))
    return path.read_text()


def files_of(folder):
    return {str(p.relative_to(folder)): p for p in sorted(folder.rglob("*")) if p.is_file() and p.name != "lock"}


def state_of(folder):
    return {name: meaning_of(path) for name, path in files_of(folder).items()}


def torn_files(folder):
    """The files under a final name that are incomplete. metrics.jsonl grows, so its last line may be."""
    torn = []
    for name, path in files_of(folder).items():
        if path.suffix not in {".safetensors", ".json", ".toml"}:
            continue
        try:
            if not meaning_of(path):
                torn.append(name)
        except (ValueError, KeyError):
            torn.append(name)
    return torn


def differences(expected, found, is_exact):
    """What differs between two states, in words. Unless exact, checkpoint.safetensors may differ by rounding, and of
    metrics only the positions are compared."""
    if is_exact:
        return [name for name in sorted(expected.keys() | found.keys()) if expected.get(name) != found.get(name)]
    if expected.keys() != found.keys():
        return sorted(expected.keys() ^ found.keys())
    far = ["metrics.jsonl"] if positions(expected) != positions(found) else []
    (_, a), (_, b) = expected["checkpoint.safetensors"], found["checkpoint.safetensors"]
    for name, (kind, content) in a.items():
        if kind != "F32":
            continue
        x, y = array("f", content), array("f", b[name][1])
        largest = max(map(abs, x), default=0)
        if any(abs(p - q) > ROUNDING * largest for p, q in zip(x, y)):
            far.append(f"{name} by {max(abs(p - q) for p, q in zip(x, y)) / largest:.1g} of its largest number")
    return far


def positions(state):
    return [{k: line.get(k) for k in ("kind", "epoch", "step", "lr")} for line in state["metrics.jsonl"]]
