#!/usr/bin/env python3
"""Peak memory of the program for files that ask for much:  tests/fuzz/memory.py build/bin/kelvin

Makes each file, starts the program on it with six gigabytes of address space and a minute of the processor, and prints
a table: what it was given, the size of the file, how the program ended, its peak of resident memory. Needs GNU time and
50 MB of disk; files of gigabytes have holes.
"""
import gzip
import importlib.util
import json
import os
import pathlib
import resource
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
spec = importlib.util.spec_from_file_location("large_seeds", pathlib.Path(__file__).parent / "large_seeds.py")
seeds = importlib.util.module_from_spec(spec)
spec.loader.exec_module(seeds)

hostile = seeds.hostile

PROGRAM = os.path.abspath(sys.argv[1])
ADDRESS_SPACE, SECONDS = 6 << 30, 60  # of the processor
WEIGHTS = "evaluate --model mlp --data synthetic:train=32,test=12,size=8 --no-normalize --weights x.safetensors"
DEEP = b"[" * 200_000


def bracketed(text):
    return struct.pack("<Q", len(text)) + text


def idx(*sizes):
    return bytes([0, 0, 8, len(sizes)]) + b"".join(struct.pack(">I", n) for n in sizes)


def npy(shape):
    header = "{'descr': '|u1', 'fortran_order': False, 'shape': %s, }" % (shape,)
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def gzipped(start, size):
    return gzip.compress(start) + gzip.compress(bytes(1 << 20)) * (size >> 20)  # several members are one file


def directory_place(members):
    """Size and place of a zip file's list of members without content."""
    return sum(46 + len(name) for name, _ in members), sum(30 + len(name) for name, _ in members)


def with_holes(start, size):
    return start, size


def cases():
    yield "200 KB of brackets: header of safetensors", "x.safetensors", bracketed(DEEP), WEIGHTS
    yield "the same: results/x.json", "run/results/x.json", DEEP, "report run --out r.html"
    yield "the same: a line of metrics.jsonl", "run/metrics.jsonl", DEEP + b"\n", "report run --out r.html"
    yield "the same: config.toml", "run/config.toml", b"[train]\nx = " + DEEP, "train --resume --out run"
    objects = b'{"a":[' + b'{"":0},' * 999_990 + b"0]}"
    yield "results of 2,000,000 values", "run/results/x.json", objects, "report run --out r.html"
    yield "metrics of 10,000,000 lines", "run/metrics.jsonl", b"1\n" * 10_000_000, "report run --out r.html"
    sections = list(seeds.toml())
    for command in "train --config x.toml --out y", "sweep --config x.toml --out y":
        yield f"40 KB of nested sections: {command.split()[0]}", "x.toml", sections[1][:40_000] + b"]\nx = 1\n", command
        yield f"1 MB, a long section: {command.split()[0]}", "x.toml", sections[3][:1_000_000], command
    image = "train --data folder:set --model mlp --out y"
    three = seeds.deflated_zeros(3 << 30)
    for side in 4, 4096, 4097, 65_535:
        yield f"PNG of 3 GB that says {side}x{side}", "set/train/a/x.png", seeds.png(side, side, 2, three), image
    bmp = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 0, 0, 0, 54, 40, 4096, 4096, 1, 24, 0, 0, 0, 0, 0, 0)
    yield "BMP that says 4096x4096, without pixels", "set/train/a/x.bmp", bmp, image
    fashion = "train --data fashion-mnist:set --model mlp --out y"
    name = "set/train-images-idx3-ubyte.gz"
    yield "gzip of 10 GB, header says 47 MB", name, gzipped(idx(60_000, 28, 28), 10 << 30), fashion
    yield "its header, nothing behind it", name, idx(60_000, 28, 28), fashion
    own = "train --data npy:set --model mlp --out y"
    name = "set/train_images.npy"
    yield ".npy of 8 GB of zeros", name, with_holes(b"", 8 << 30), own
    yield ".npy of 8 GB, header says 1 MB", name, with_holes(npy((1024, 32, 32, 1)), 8 << 30), own
    start = npy((1024, 2048, 4096, 1))
    yield ".npy of 8 GB, as its header says", name, with_holes(start, len(start) + (8 << 30)), own
    yield ".npy header of 8 GB, nothing behind it", name, start, own
    yield "safetensors of 8 GB of zeros", "x.safetensors", with_holes(b"", 8 << 30), WEIGHTS
    header = json.dumps({"a": {"dtype": "U8", "shape": [8 << 30], "data_offsets": [0, 8 << 30]}}).encode()
    whole = with_holes(bracketed(header), 8 + len(header) + (8 << 30))
    yield "safetensors of 8 GB, as its header says", "x.safetensors", whole, WEIGHTS
    yield "that header, nothing behind it", "x.safetensors", bracketed(header), WEIGHTS
    yield "safetensors, says a header of 90 MB", "x.safetensors", struct.pack("<Q", 90_000_000) + header, WEIGHTS
    inspect = "weights inspect x.pt"
    pickle = b"\x80\x02"
    values = b"]" + b"]a" * 1_999_000 + b"."
    yield "PyTorch: 4,000,000 operations", "x.pt", hostile.archive(pickle + values), inspect
    yield "the same, in the format before 1.6", "x.pt", hostile.before_zip(pickle + values), inspect
    memo = b"N" + b"".join(b"Nr" + struct.pack("<I", i) for i in range(1_990_000)) + b"."
    yield "a memo of 1,990,000 values", "x.pt", hostile.archive(pickle + memo), inspect
    one = hostile.text(b"a" * 16_000_000)
    yield "texts of 112 MB", "x.pt", hostile.archive(pickle + b"](" + one * 7 + b"e."), inspect
    yield "texts of 160 MB", "x.pt", hostile.archive(pickle + b"](" + one * 10 + b"e."), inspect
    made = b"}(" + b"".join(hostile.text(b"%0490d" % i) + hostile.tensor() for i in range(49_000)) + b"u."
    yield "49,000 tensors with names of 490 bytes", "x.pt", hostile.archive(pickle + made), inspect
    for count in 300_000, 900_000:
        members = [(f"x/data/{i}", b"") for i in range(count)]
        end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, *directory_place(members))
        end += struct.pack("<IIQI", 0x07064B50, 0, sum(directory_place(members)), 1)
        yield f"a zip file of {count:,} members", "x.pt", hostile.zip_file(members, entries=0xFFFF, end=end), inspect
    yield "PyTorch: 8 GB of zeros behind it", "x.pt", with_holes(hostile.archive(b"\x80\x02}."), 8 << 30), inspect
    yield "a file without harm: --version", "x", b"", "--version"


# What stands beside the file, so that the program gets as far as to read it.
BESIDE = {
    "run/results/y.json": b"{}",
    "set/train/a/z.png": seeds.png(4, 4, 2, seeds.deflated_zeros(0)),
    "set/train/b/z.png": seeds.png(4, 4, 2, seeds.deflated_zeros(0)),
    "set/train-labels-idx1-ubyte": idx(60_000) + bytes(60_000),
    "set/train_labels.npy": npy((1024,)) + bytes(1024),
}


def measure(place, file, content, command):
    for name, beside in BESIDE.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(beside)
    path = place / file
    start, size = content if isinstance(content, tuple) else (content, len(content))
    path.write_bytes(start)
    os.truncate(path, size)

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    # Started by a small process: what a child inherits of its parent's memory counts for its peak.
    timed = ["/usr/bin/time", "--quiet", "--format=%M", f"--output={place}/peak", PROGRAM, *command.split()]
    ended = subprocess.run(timed, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=limit)
    return size, ended.returncode, int((place / "peak").read_text().split()[-1]), ended.stdout


def in_words(size):
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size} B"


def main():
    print("| given | size | exit code | peak MB |\n|---|--:|--:|--:|")
    for title, file, content, command in cases():
        with tempfile.TemporaryDirectory() as place:
            size, code, peak, said = measure(pathlib.Path(place), file, content, command)
        print(f"| {title} | {in_words(size)} | {code} | {peak * 1024 / 1e6:.0f} |", flush=True)
        print("   ", said.decode(errors="replace")[:200].strip(), file=sys.stderr)


if __name__ == "__main__":
    main()
