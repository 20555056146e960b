#!/usr/bin/env python3
"""Seeds that reach the bounds of the parsers, too large to be committed:  tests/fuzz/large_seeds.py PARSER FOLDER

run.sh calls it. All are of one megabyte at most, which is what run.sh lets the fuzzer read.
"""
import pathlib
import struct
import sys
import zlib

import hostile_pytorch as hostile

MOST = 1 << 20


def json_texts():
    yield b"[" * 200_000
    yield b"[" * 60_000 + b"]" * 60_000
    yield b'{"a":' * 40_000
    yield b"[" * 63 + b"0," * 100_000 + b"0" + b"]" * 63
    yield b"1" * 1_000_000
    yield b"[0." + b"0" * 500_000 + b"1e400000]"
    yield b"[" + b"[]," * 300_000 + b"[]]"
    yield b"[" + b'{"":0},' * 120_000 + b"0]"
    yield b"{" + b",".join(b'"%d":%d' % (i, i) for i in range(60_000)) + b"}"
    yield b'["' + b"\\ud83d\\ude00" * 80_000 + b'"]'
    yield b'["' + b"\xff" * 1_000_000 + b'"]'
    yield b"1\n" * 500_000
    yield b'{"a":[]}\n' * 100_000


def safetensors():
    for text in json_texts():
        yield struct.pack("<Q", len(text)) + text
    entry = b'"dtype":"U8","shape":[0],"data_offsets":[0,0]'
    many = b"{" + b",".join(b'"%d":{%s}' % (i, entry) for i in range(15_000)) + b"}"
    yield struct.pack("<Q", len(many)) + many
    shape = b'{"a":{"dtype":"U8","data_offsets":[0,0],"shape":[%s0]}}' % (b"4294967296," * 60_000)
    yield struct.pack("<Q", len(shape)) + shape
    yield struct.pack("<Q", 100_000_000) + many
    strings = b'{"__metadata__":{%s}}' % b",".join(b'"%d":"%s"' % (i, b"x" * 20) for i in range(25_000))
    yield struct.pack("<Q", len(strings)) + strings


def toml():
    yield b"".join(b"[" + b".".join([b"a"] * n) + b"]\n" for n in range(1, 200))[:40_000]
    yield b"[" + b".".join([b"a"] * 20_000) + b"]\nx = 1\n"
    yield b"[train." + b"b" * 20_000 + b"]\n" + b"a\nc\n" * 5_000
    yield b"[" + b".".join([b"b" * 255] * 8) + b"]\n" + b"a\nc\n" * 200_000
    yield b"x = [" + b"1," * 500_000 + b"1]"
    yield b"x = " + b"[" * 200_000
    yield b"x = " + b"1 " * 400_000
    yield b"x = 1\n" * 150_000
    yield b'x = "' + b"\\u0041" * 150_000 + b'"'
    yield b"." * MOST
    yield b"#\n" * 500_000 + b"x"


def shards():
    yield from json_texts()
    for files in 1, 600:
        names = b",".join(b'"%d":"s%d"' % (i, i % files) for i in range(50_000))
        yield b'{"weight_map":{' + names + b"}}"


def metadata():
    yield from json_texts()
    kelvin = (
        b'{"model":"mlp","classes":%d,"channels":1,"height":8,"width":8,"mean":[%s],"std":[1],"precision":"f32",'
        b'"data":"synthetic","train_tau":1,"head_scale":1,"seed":0,"class_names":[%s],"epoch":1,"step":2,'
        b'"metrics_bytes":3,"flags":{%s}}'
    )
    names = b",".join([b'"a"'] * 60_000)
    flags = b",".join(b'"%d":"\\\\x41"' % i for i in range(20_000))
    yield kelvin % (60_000, b"0", names, flags)
    yield kelvin % (10, b",".join([b"1e308"] * 60_000), b"", flags)
    yield kelvin % (2**31, b"0", b"[" * 60_000, b"")


def names():
    for piece in b"\xff", b"\\x", b"\\x5C", "\u202e".encode(), b"\n", b"\xf0\x90\x80", b'"\\':
        yield (piece * MOST)[:MOST]
        yield (piece * MOST)[:60_000]


def npy():
    def file(version, header, data=b""):
        size = struct.pack("<H" if version == 1 else "<I", len(header))
        return b"\x93NUMPY" + bytes([version, 0]) + size + header + data

    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (%s), }"
    yield file(1, (text % ("1," * 4_900)).encode())
    yield file(1, (text % ("4294967296," * 900)).encode())
    yield file(1, (text % ("9" * 9_000)).encode())
    yield file(1, b"{" * 65_535)
    yield file(1, b"{" * 9_000)
    yield file(2, b"(" * 1_000_000)
    yield file(1, (text % "1000, 1000").encode(), bytes(1_000_000))
    yield b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(1000)


def idx():
    def file(sizes, data=b""):
        return bytes([0, 0, 8, len(sizes)]) + b"".join(struct.pack(">I", n) for n in sizes) + data

    yield file([1_000_000], bytes(1_000_000))
    yield file([1000, 1000, 1], bytes(1_000_000))
    yield file([2**32 - 1] * 3)
    yield file([2**30])
    yield file([0, 2**32 - 1, 2**32 - 1])


def png(width, height, colour, *pixels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunk(b"IDAT", p) for p in pixels) + chunk(b"IEND", b"")


def deflated_zeros(size):
    """A zlib stream of zeros: one piece of a megabyte, compressed once and repeated."""
    raw = zlib.compressobj(9, wbits=-15)
    piece = raw.compress(bytes(1 << 20)) + raw.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", size % 65_521, 1)  # Adler-32 of zeros
    return b"\x78\xda" + piece * (size >> 20) + b"\x03\x00" + checksum


def image():
    yield png(4, 4, 2, deflated_zeros(256 << 20))
    yield png(65_535, 65_535, 2, deflated_zeros(16 << 20))
    yield png(65_535, 1, 6, deflated_zeros(1 << 20))
    pixels = deflated_zeros(1 << 20)
    yield png(500, 500, 0, *[b""] * 80_000, pixels)
    yield png(500, 500, 0, *[pixels[i : i + 1] for i in range(len(pixels))])
    bitmaps = (4096, 4096, 1, 62), (256, 256, 24, 54), (65_536, 1, 8, 1078), (1, 65_536, 4, 118)
    for width, height, bits, offset in bitmaps:
        row = (width * bits + 31) // 32 * 4
        head = struct.pack("<IHHIIiiHHIIiiII", 0, 0, 0, offset, 40, width, height, 1, bits, 0, 0, 0, 0, 0, 0)
        yield b"BM" + head + bytes(offset - 54) + bytes(min(row * height, MOST - offset))
    corpus = pathlib.Path(__file__).parent / "corpus" / "image"
    jpeg = (corpus / "progressive.jpg").read_bytes()
    first, end = jpeg.index(b"\xff\xda"), jpeg.rindex(b"\xff\xd9")
    scans = jpeg[first:end]
    yield jpeg[:end] + scans * (min(300_000, MOST - len(jpeg)) // len(scans)) + jpeg[end:]
    yield jpeg[:first] + b"\xff\xfe\x00\x02" * 200_000 + jpeg[first:]


def pytorch():
    pickles = [
        b"(" * 900_000,
        b"]" * 900_000,
        b"]q\x01" + b"h\x01a" * 250_000,
        b"N" * 400_000 + b"\x85" * 400_000,
        b"(" + b"N" * 900_000 + b"t",
        b"}(" + b"K\x01]" * 300_000 + b"u",
        b"}q\x01(" + b"X\x01\x00\x00\x00ah\x01" * 100_000 + b"u",
        b"}(" + b"".join(b"X\x07\x00\x00\x00%07d" % i + hostile.tensor() for i in range(3_000)) + b"u",
        b"N" + b"".join(b"r" + struct.pack("<I", i * 65_537 % 2**32) for i in range(180_000)),
        b"X" + struct.pack("<I", 900_000) + b"a" * 900_000,
        b"](" + b"(NNt" * 200_000 + b"e\x85q\x01" + (b"ccollections\nOrderedDict\nh\x01R") * 3_000,
    ]
    for pickle in pickles:
        yield hostile.archive(b"\x80\x02" + pickle + b".")
        yield hostile.before_zip(b"\x80\x02" + pickle + b".")
    yield hostile.archive(hostile.state_dict(hostile.tensor()), [(str(i), hostile.FLOATS) for i in range(7_000)])


def annotations():
    yield b"a\tb\n" * 200_000
    yield b"\n" * MOST
    yield b"a" * 1_000_000 + b"\tb\n"
    yield b"a\t" * 500_000


def main():
    parser, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    seeds = {"json": json_texts}.get(parser) or globals()[parser]
    for number, seed in enumerate(seeds()):
        assert len(seed) <= MOST, f"seed {number} of {parser} has {len(seed)} bytes"
        (folder / f"large_{number}").write_bytes(seed)


if __name__ == "__main__":
    main()
