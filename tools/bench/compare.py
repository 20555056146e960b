"""Kelvin against PyTorch on this machine, in one go.

    python tools/bench/compare.py                        # builds kelvin if need be; this python must have torch
    python tools/bench/compare.py --python ~/torch/bin/python --precision bf16 --rounds 5

Each case is measured in rounds; in each round both programs run one after the other, each in a process of its own, and the one
that starts changes with the round. The ratio is the median over rounds of the two rates of one round, so that a machine that
grows slower or busier slows both alike. In bfloat16 the first round finds PyTorch's faster variant, later rounds run only that.
Prints one table and writes tools/bench/results/<processor>-<n>-threads.json; `load` in it is the machine's load average at the
end: above the number of threads, other work was running.
"""
import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEER = HERE / "peers" / "pytorch_peer.py"
COMPILED = ["default", "reduce-overhead"]  # modes of torch.compile: as it comes, and replayed as a CUDA graph
UNSTEADY = 1.3  # rounds whose ratios lie further apart than this support no claim


class Failed(Exception):
    pass


def run_json(command):
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(f"exit code {done.returncode} from: {' '.join(str(c) for c in command)}")
    return json.loads(done.stdout)["rows"][0]


def run_compiled(commands):
    """Yields each command's row. They compile side by side, half a minute each, and are timed one after the other."""
    peers = [subprocess.Popen([str(c) for c in [*command, "--wait"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
             for command in commands]
    try:
        for peer in peers:
            peer.stdout.readline()
        for peer, command in zip(peers, commands):
            out, _ = peer.communicate("\n")
            if peer.returncode != 0:
                raise Failed(f"exit code {peer.returncode} from: {' '.join(str(c) for c in command)}")
            yield json.loads(out)["rows"][0]
    finally:
        for peer in peers:
            peer.kill()  # nothing to one that has ended
            peer.wait()


def processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def gpu():
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(query, stdout=subprocess.PIPE, text=True).stdout.splitlines()[0].strip()


def commit():
    packaged = ROOT / "COMMIT"  # tools/package.sh
    if packaged.exists():
        return packaged.read_text().strip()
    done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True)
    return done.stdout.strip() or "unknown"


def flags_for(case, a):
    return ["--cases", case, "--batch", a.batch, "--size", a.size, "--threads", a.threads, "--seconds", a.seconds, "--device", a.device]


def add_compiled(rows, case, precision, a):
    """torch.compile, once in each of its modes, beside what was measured of the case before."""
    row = next((r for r in rows if (r["case"], r["precision"]) == (case, precision)), None)
    if row is None:
        raise Failed(f"{case}:compile needs {case} {precision} before it")
    row["pytorch_compiled_img_per_s"] = {}
    peer = [a.python, PEER, *flags_for(case, a), "--precision", precision, "--variant", row["pytorch_variant"]]
    for mode, compiled in zip(COMPILED, run_compiled([[*peer, "--compile", mode] for mode in COMPILED])):
        row["pytorch_compiled_img_per_s"][mode] = compiled["img_per_s"]


def compare(case, precision, a):
    flags = flags_for(case, a)
    own = ["--precision", "f32", "--tf32"] if precision == "tf32" else ["--precision", precision]
    kelvin_command = [a.kelvin, "bench", *flags, *own, "--json"]
    peer_command = [a.python, PEER, *flags, "--precision", precision]
    kelvin, peer = [], []
    for index in range(a.rounds):
        # The faster variant is known after the first round, and its memory is then that of one variant alone.
        variant = ["--variant", peer[0]["variant"]] if peer else []
        runs = [(kelvin, kelvin_command), (peer, peer_command + variant)]
        for rows, command in runs if index % 2 == 0 else reversed(runs):
            rows.append(run_json(command))
    ratios = [k["img_per_s"] / p["img_per_s"] for k, p in zip(kelvin, peer)]
    return {
        "case": case, "precision": precision, "batch": a.batch, "size": a.size,
        "kelvin_img_per_s": statistics.median(r["img_per_s"] for r in kelvin),
        "pytorch_img_per_s": statistics.median(r["img_per_s"] for r in peer),
        "ratio": statistics.median(ratios), "ratios": ratios,
        "pytorch_compiled_img_per_s": None,
        "kelvin_peak_rss_mb": max(r["peak_rss_mb"] for r in kelvin),
        "pytorch_peak_rss_mb": max(r["peak_rss_mb"] for r in (peer[1:] or peer)),
        "kelvin_conv_share": statistics.median(r["conv_share"] for r in kelvin) if "conv_share" in kelvin[0] else None,
        "pytorch_variant": peer[-1]["variant"], "pytorch_version": peer[-1]["version"],
    }


def print_table(rows):
    print(f"{'case':<27} {'precision':<9} {'kelvin img/s':>12} {'pytorch img/s':>13} {'ratio':>6} "
          f"{'kelvin MB':>9} {'pytorch MB':>10}  pytorch variant")
    for r in rows:
        low, high = min(r["ratios"]), max(r["ratios"])
        remark = f"  unsteady, {low:.2f} to {high:.2f}: measure again" if high > UNSTEADY * low else ""
        for mode, rate in (r["pytorch_compiled_img_per_s"] or {}).items():
            remark += f"  torch.compile {mode}: {rate:.1f}"
        print(f"{r['case']:<27} {r['precision']:<9} {r['kelvin_img_per_s']:>12.1f} {r['pytorch_img_per_s']:>13.1f} "
              f"{r['ratio']:>6.2f} {r['kelvin_peak_rss_mb']:>9.0f} {r['pytorch_peak_rss_mb']:>10.0f}  "
              f"{r['pytorch_variant']}{remark}")


def write(path, result):
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "w") as f:
        json.dump(result, f, indent=2)
        f.write("\n")
        f.flush()
        os.fsync(f.fileno())
    temporary.replace(path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--kelvin", help="the program; by default tools/build.sh builds it")
    p.add_argument("--python", default=sys.executable, help="an interpreter that has torch")
    p.add_argument("--cases", default="train-resnet20,train-resnet18,pgd20-resnet20",
                   help="in order of importance, with commas; CASE:compile, after CASE, measures torch.compile too, once")
    p.add_argument("--precision", default="f32,bf16")
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--size", type=int, default=32, help="image side")
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--seconds", type=float, default=6, help="time a case, program and round")
    p.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    p.add_argument("--budget", type=float, default=float("inf"), help="after so many seconds no other case is begun; the file names those left out")
    p.add_argument("--output", type=Path, help="by default results/<processor>.json beside this script")
    a = p.parse_args()
    if not a.kelvin:
        a.kelvin = subprocess.check_output([ROOT / "tools" / "build.sh", "kelvin"], text=True).strip() + "/bin/kelvin"
    name = gpu() if a.device == "cuda" else processor()
    where = "" if a.device == "cuda" else f"-{a.threads}-threads"
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    output = a.output or HERE / "results" / f"{slug}{where}.json"
    begin, rows, left_out, failed = time.monotonic(), [], [], []
    for case in a.cases.split(","):  # in order of importance
        for precision in a.precision.split(","):
            what = {"case": case, "precision": precision}
            if time.monotonic() - begin > a.budget:
                left_out.append(what)
            else:
                print(f"compare: {case} {precision}", file=sys.stderr)
                try:
                    if case.endswith(":compile"):
                        add_compiled(rows, case.removesuffix(":compile"), precision, a)
                    else:
                        rows.append(compare(case, precision, a))
                except Failed as e:
                    print(f"compare: {e}", file=sys.stderr)
                    failed.append({**what, "error": str(e)})
            # After every case: whoever stops this has what was measured.
            write(output, {"processor": name, "threads": a.threads, "load": os.getloadavg()[0], "commit": commit(),
                           "rounds": a.rounds, "seconds": a.seconds, "rows": rows, "left_out": left_out, "failed": failed})
    print_table(rows)
    for what in left_out:
        print(f"left out for lack of time: {what['case']} {what['precision']}", file=sys.stderr)
    print(f"written to {output}", file=sys.stderr)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
