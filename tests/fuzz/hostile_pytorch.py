#!/usr/bin/env python3
"""Writes PyTorch files that must be refused, and a few small valid ones to begin fuzzing from:  tests/fuzz/hostile_pytorch.py

They go to tests/fuzz/corpus/pytorch/: hostile_*.pt is refused with exit code 2 and one line, seed_*.pt is read. Made by hand, byte by
byte; PyTorch takes no part. Members of the zip files have no checksums, so that what the fuzzer changes reaches the pickle reader.
"""
import pathlib
import struct
import zlib

MAGIC = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
VERSION = b"\x80\x02M\xe9\x03."


# Pickles.
def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return b"X" + struct.pack("<I", len(s)) + s


def number(n):
    return b"\x8a\x08" + struct.pack("<q", n)


def name(module, attribute):
    return b"c%s\n%s\n" % (module.encode(), attribute.encode())


def items(*values):
    return b"(" + b"".join(values) + b"t"


def numbers(*values):
    return items(*map(number, values))


def dictionary(pairs):
    return b"}(" + b"".join(text(k) + v for k, v in pairs) + b"u"


def storage(count=6, key="0", kind=name("torch", "FloatStorage"), view=b""):
    return items(text("storage"), kind, text(key), text("cpu"), number(count), view) + b"Q"


def tensor(shape=(2, 3), strides=(3, 1), offset=0, held=None, how="_rebuild_tensor_v2", more=b""):
    made = shape if isinstance(shape, bytes) else numbers(*shape)
    held = storage() if held is None else held
    return name("torch._utils", how) + items(held, number(offset), made, numbers(*strides), b"\x89", b"N", more) + b"R"


def pickle(value):
    return b"\x80\x02" + value + b"."


def state_dict(value):
    return pickle(dictionary([("a", value)]))


# Zip files without compression; "lie" changes what the directory says of a member.
def zip_file(members, lie=None, entries=None, end=b""):
    body, directory, size = [], [], 0
    for path, data in members:
        local = dict(method=0, flags=0, crc=0, packed=len(data), size=len(data), at=size, signature=b"PK\x03\x04")
        local.update((lie or {}).get(path, {}))
        fields = struct.pack("<HHHHHIIIHH", 20, local["flags"], local["method"], 0, 33, local["crc"], local["packed"],
                             local["size"], len(path), 0)
        directory += [b"PK\x01\x02\x14\x00", fields, struct.pack("<HHHII", 0, 0, 0, 0, local["at"]), path.encode()]
        body += [local["signature"], fields, path.encode(), data]
        size += 30 + len(path) + len(data)
    directory = b"".join(directory)
    count = len(members) if entries is None else entries
    last = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, count, count, len(directory), size, 0)
    return b"".join([*body, directory, end, last])


FLOATS = struct.pack("<6f", 1, 2, 3, 4, 5, 6)


def archive(data, storages=(("0", FLOATS),), more=(), **options):
    return zip_file([("x/data.pkl", data), *[(f"x/data/{key}", value) for key, value in storages],
                     ("x/version", b"3\n"), *more], **options)


def before_zip(data, keys=None, storages=None, version=VERSION, little=b"\x88"):
    keys = pickle(b"](" + text("0") + b"e") if keys is None else keys
    machine = pickle(dictionary([("protocol_version", number(1001)), ("little_endian", little)]))
    storages = struct.pack("<q", 6) + FLOATS if storages is None else storages
    return MAGIC + version + machine + data + keys + storages


def containers():
    good = state_dict(tensor())
    whole = archive(good)
    yield "zip_empty", zip_file([])
    yield "zip_cut", whole[: len(whole) // 2]
    yield "zip_start_alone", b"PK\x03\x04"
    yield "zip_without_pickle", zip_file([("x/data/0", FLOATS)])
    yield "zip_of_numpy", zip_file([("a.npy", b"\x93NUMPY")])
    yield "zip_pickle_beyond_the_file", archive(good, lie={"x/data.pkl": {"size": 1 << 30, "packed": 1 << 30}})
    yield "zip_storage_beyond_the_file", archive(good, lie={"x/data/0": {"size": 1 << 31, "packed": 1 << 31}})
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = squeeze.compress(bytes(10 << 20)) + squeeze.flush()
    bomb = {"method": 8, "size": 10 << 20, "packed": len(packed)}
    yield "zip_bomb_pickle", archive(packed, lie={"x/data.pkl": bomb})
    yield "zip_bomb_storage", archive(state_dict(tensor((10 << 18, 1), held=storage(10 << 18))), [("0", packed)], lie={"x/data/0": bomb})
    yield "zip_encrypted", archive(good, lie={"x/data.pkl": {"flags": 1}})
    yield "zip_sizes_differ", archive(good, lie={"x/data/0": {"size": 12}})
    yield "zip_wrong_checksum", archive(good, lie={"x/data.pkl": {"crc": 12345}})
    yield "zip_names_twice", archive(good, more=[("x/data/0", FLOATS)])
    yield "zip_local_header", archive(good, lie={"x/data.pkl": {"signature": b"PK\x03\x05"}}).replace(b"PK\x03\x05", b"PK\x03\x04PK", 1)
    yield "zip_member_at_the_end", archive(good, lie={"x/data.pkl": {"at": 0x7FFFFFFF}})
    yield "zip_counts_65534", archive(good, entries=65534)
    end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1 << 60, 1 << 60, 200, 0)
    yield "zip64_counts", archive(good, entries=0xFFFF, end=end + struct.pack("<IIQI", 0x07064B50, 0, 300, 1))
    yield "zip_big_endian", archive(good, more=[("x/byteorder", b"big")])
    yield "zip_torchscript", archive(good, more=[("x/constants.pkl", b"\x80\x02).")])
    yield "zip_storage_missing", archive(good, [])
    yield "zip_storage_short", archive(good, [("0", FLOATS[:20])])
    yield "zip_storage_long", archive(good, [("0", FLOATS * 2)])
    yield "zip_storage_elsewhere", archive(state_dict(tensor(held=storage(key="../../../etc/passwd"))))


def calls():
    run = items(text("touch /tmp/executed"))
    yield "call_posix_system", name("posix", "system") + run + b"R"
    yield "call_nt_system_by_stack", b"\x8c\x02nt\x8c\x06system\x93" + run + b"R"
    yield "call_eval", name("__builtin__", "eval") + run + b"R"
    yield "call_exec", name("builtins", "exec") + run + b"R"
    yield "call_import", name("builtins", "__import__") + run + b"R"
    yield "call_getattr", name("builtins", "getattr") + run + b"R"
    yield "call_popen_object", name("subprocess", "Popen") + b")\x81}b"
    yield "call_load_from_bytes", name("torch.storage", "_load_from_bytes") + run + b"R"
    yield "call_hub", name("torch.hub", "load") + run + b"R"
    yield "call_numpy_load", name("numpy", "load") + run + b"R"
    yield "call_module", b"(" + text("module") + name("__main__", "Net") + text("net.py") + text("import os") + b"tQ"
    yield "call_inst", b"(" + text("touch /tmp/executed") + b"iposix\nsystem\n"
    yield "call_obj", b"(" + name("posix", "system") + text("x") + b"o"
    yield "call_extension", b"\x82\x01)R"
    yield "call_a_number", number(3) + b")R"
    yield "call_a_type", name("torch", "float32") + b")R"
    yield "call_with_a_number", name("collections", "OrderedDict") + number(1) + b"R"
    yield "call_dotted", name("collections", "OrderedDict.fromkeys") + b")R"
    yield "call_escape_codes", name("\x1b[2J\x1b[31m", "system") + b")R"
    yield "call_long_name", b"c" + b"a" * 5000 + b"\nb\n)R"


def machines():
    yield "machine_nothing", b""
    yield "machine_stop", b"."
    yield "machine_no_stop", b"}"
    yield "machine_pop", b"0"
    yield "machine_below_the_mark", b"N(0."
    yield "machine_no_mark", b"Nt."
    yield "machine_memo", b"h\x07."
    yield "machine_text_4gb", b"X\xff\xff\xff\xff"
    yield "machine_text_2_63", b"\x8d" + b"\xff" * 7 + b"\x7f"
    yield "machine_odd_items", b"}(NNNu."
    yield "machine_append_to_number", b"K\x01K\x02a."
    yield "machine_set_in_list", b"]K\x01K\x02s."
    yield "machine_unknown", b"\xff."
    yield "machine_protocol_0", b"(dp0\nS'a'\np1\nI1\ns."
    yield "machine_decimal", b"I12x\n."
    yield "machine_decimal_of_20_digits", b"I99999999999999999999\n."
    yield "machine_buffers", b"\x97\x98."


def tensors():
    yield "tensor_alone", pickle(tensor())
    yield "tensor_none", pickle(dictionary([("a", number(1))]))
    wrong = {
        "negative_stride": tensor(strides=(-3, 1)), "negative_shape": tensor((-2, -3)), "negative_offset": tensor(offset=-1),
        "offset": tensor(offset=1), "offset_2_62": tensor(offset=1 << 62), "stride_2_62": tensor(strides=(1 << 62, 1 << 62)),
        "overflow": tensor((1 << 62, 4), (0, 0)), "overflow_to_nothing": tensor((1 << 62, 8), (0, 0)),
        "expanded": tensor((1 << 20, 1 << 20), (0, 0)), "rank": tensor((2, 3), (1,)), "rank_100": tensor((1,) * 100, (1,) * 100),
        "shape_of_text": tensor(items(text("2"), text("3"))), "shape_is_number": tensor(number(6)),
        "storage_2_62": tensor(held=storage(1 << 62)), "storage_negative": tensor(held=storage(-1)),
        "storage_of_dtype": tensor(held=storage(kind=name("torch", "float32"))), "storage_of_text": tensor(held=storage(kind=text("f"))),
        "no_storage": tensor(held=b"N"), "tensor_as_storage": tensor(held=tensor()), "larger_type": tensor(
            how="_rebuild_tensor_v3", more=name("torch", "float64")), "negative_view": tensor(more=b"}(" + text("neg") + b"\x88u"),
        "of_too_few_parts": name("torch._utils", "_rebuild_tensor") + items(storage()) + b"R",
        "view_of_storage": tensor(held=storage(view=items(text("1"), number(4), number(3)))),
        "reference_to_text": text("storage") + b"Q",
    }
    for what, value in wrong.items():
        yield f"tensor_{what}", state_dict(value)
    yield "tensor_names_twice", pickle(dictionary([("a.b", tensor()), ("a", dictionary([("b", tensor())]))]))
    yield "tensor_name_no_utf8", pickle(dictionary([(b"\xff\xfe", tensor())]))
    yield "tensor_name_long", pickle(dictionary([("a" * 2000, tensor())]))
    deep = tensor()
    for _ in range(60):
        deep = dictionary([("a", deep)])
    yield "tensor_deep", pickle(deep)
    yield "tensor_in_itself", pickle(dictionary([("a", tensor()), ("b", b"]q\x01h\x01a")]))
    shared = b"}q\x00" + b"".join(b"}q%c(" % (i + 1) + (text("a") + b"h%c" % i) + text("b") + b"h%c" % i + b"u" for i in range(30))
    yield "tensor_billions_of_paths", pickle(b"(" + shared + b"t")
    wide = b"(" + b"N" * 200 + b"tq\x01" + (b"(" + b"h\x01" * 200 + b"tq\x01") * 20
    yield "tensor_wide_paths", pickle(dictionary([("a", tensor()), ("b", b"](" + wide + b"e")]))


def older():
    good = state_dict(tensor())
    keys = pickle(b"](" + text("0") + text("1") + b"e")
    yield "old_magic_alone", MAGIC
    yield "old_version", before_zip(good, version=b"\x80\x02M\xe8\x03.")
    yield "old_big_endian", before_zip(good, little=b"\x89")
    yield "old_without_keys", before_zip(good, keys=b"", storages=b"")
    yield "old_keys_are_a_number", before_zip(good, keys=pickle(number(1)))
    yield "old_unknown_key", before_zip(good, keys=keys)
    yield "old_no_storages", before_zip(good, keys=pickle(b"]"))
    yield "old_storage_cut", before_zip(good)[:-4]
    yield "old_storage_2_61", before_zip(good, storages=struct.pack("<q", 1 << 61) + FLOATS)
    yield "old_storage_negative", before_zip(good, storages=struct.pack("<q", -1) + FLOATS)
    yield "old_storage_short", before_zip(good, storages=struct.pack("<q", 5) + FLOATS)
    yield "old_call", before_zip(pickle(name("posix", "system") + items(text("id")) + b"R"))
    two = [("a", tensor()), ("b", tensor(held=storage(kind=name("torch", "DoubleStorage"))))]
    yield "old_two_types", before_zip(pickle(dictionary(two)))


def hostile():
    yield from containers()
    for what, value in calls():
        yield what, archive(pickle(dictionary([("a", tensor()), ("b", value)])))
    for what, value in machines():
        yield what, archive(b"\x80\x02" + value)
    for what, value in tensors():
        yield what, archive(value)
    yield from older()


def seeds():
    pairs = items(b"](" + items(text("b"), tensor((3, 2), (1, 3))) + b"e")
    value = dictionary([
        ("state_dict", name("collections", "OrderedDict") + pairs + b"R}b"),
        ("part", tensor((2,), (3,), offset=1)), ("none", tensor((0, 4), (4, 1))), ("all", tensor((4, 6), (0, 1))),
        ("bytes", tensor((3,), (1,), held=storage(24, "1", name("torch.storage", "UntypedStorage")),
                         how="_rebuild_tensor_v3", more=name("torch", "float64"))),
        ("args", name("argparse", "Namespace") + b")\x81}" + text("lr") + b"G" + bytes(8) + b"sb"),
        ("seen", name("__builtin__", "set") + items(b"](K\x01K\x02e") + b"R"),
    ])
    yield "zip", archive(pickle(value), [("0", FLOATS), ("1", FLOATS)])
    keys = pickle(b"](" + text("0") + text("1") + b"e")
    yield "before_zip", before_zip(pickle(value), keys, struct.pack("<q", 6) + FLOATS + struct.pack("<q", 24) + FLOATS)
    view = tensor(held=storage(view=items(text("1"), number(2), b"I4\n")), shape=(2, 2), strides=(2, 1))
    yield "view", before_zip(state_dict(view))
    frames = b"\x80\x04\x95" + bytes(8) + b"}\x94(\x8c\x01a\x94" + tensor() + b"\x94\x8c\x01b\x8f(K\x01K\x02\x90u."
    yield "protocol_4", archive(frames)


def main():
    folder = pathlib.Path(__file__).resolve().parent / "corpus/pytorch"
    folder.mkdir(exist_ok=True)
    for what, content in hostile():
        (folder / f"hostile_{what}.pt").write_bytes(content)
    for what, content in seeds():
        (folder / f"seed_{what}.pt").write_bytes(content)


if __name__ == "__main__":
    main()
