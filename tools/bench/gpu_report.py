"""Gathers what tools/gpu_check.sh measured into one file and holds it against the goals.

    python gpu_report.py --gpu NAME --parts FOLDER --output FILE.json

FOLDER holds what the checks left: <name>.tests.json (GoogleTest's report), <name>.lab.txt (a kernel laboratory's table), comparison.json
(compare.py), bench.json (kelvin bench, where there is no PyTorch), <precision>.profile.json (kelvin bench --profile), several_gpus.json
(several_gpus.py). Any of them may be missing: the file then says so. Standard library only.
"""
import argparse
import json
import os
import re
from pathlib import Path

# What the kernels are to reach on an H100, as ratios: see tools/bench/README.md.
LAB_SHARE = 85.0  # percent of copy bandwidth, production variant, inputs past the cache
EAGER, COMPILED = 2.0, 1.5
MOST_LINES = 15  # of a profile that are printed; the file has all


def tests_of(path):
    """{case: "passed" | "failed" | "skipped"} of one GoogleTest report."""
    cases = {}
    for suite in json.loads(path.read_text())["testsuites"]:
        for test in suite["testsuite"]:
            verdict = "failed" if test.get("failures") else "skipped" if test.get("result") == "SKIPPED" else "passed"
            cases[f"{suite['name']}.{test['name']}"] = verdict
    return cases


def lab_of(path):
    """{"copy_gb_per_s", "rows": [{"study", "variant", "ms", "gb_per_s", "percent_of_copy", "error"}]} of a laboratory's table."""
    rows, study, copy = [], "", None
    for line in path.read_text().splitlines():
        if found := re.search(r", copy (\d+) GB/s$", line):
            copy = float(found.group(1))
        elif found := re.match(r"(\d .{1,43}?) +([\d.]+) +(\d+) +([\d.]+)% (\S+)$", line):
            name, ms, rate, share, error = found.groups()
            rows.append({"study": study, "variant": name.strip(), "ms": float(ms), "gb_per_s": float(rate),
                         "percent_of_copy": float(share), "error": float(error)})
        elif line.strip() and copy is not None and not line.startswith("variant"):
            study = line.strip()
    return {"copy_gb_per_s": copy, "rows": rows}


def profiles_of(paths):
    """{"rows": those of all files}; TensorFloat-32, which kelvin bench calls float32 with a setting, by its name."""
    rows = []
    for path in paths:
        if path.stat().st_size:
            rows += [dict(row, precision=path.name.split(".")[0]) for row in json.loads(path.read_text())["rows"]]
    return {"rows": rows}


def goals(labs, comparison):
    """Each goal with what was measured and whether it is reached; None: not measured."""
    def goal(what, wanted, measured):
        return {"goal": what, "wanted": wanted, "measured": measured,
                "reached": None if measured is None else measured >= wanted}

    found = []
    for name, lab in labs.items():
        for row in lab["rows"]:
            if "tuned" in row["variant"] or ("production" in row["variant"] and name != "softmax_cross_entropy"):
                found.append(goal(f"{name}, {row['study']}: percent of copy bandwidth", LAB_SHARE, row["percent_of_copy"]))
    for row in comparison.get("rows", []):
        what = f"{row['case']} {row['precision']}"
        if row["case"] == "train-resnet50":
            found.append(goal(f"{what}: times PyTorch eager", EAGER, row["ratio"]))
            compiled = row.get("pytorch_compiled_img_per_s") or {"": None}
            for mode, rate in compiled.items():
                found.append(goal(f"{what}: times torch.compile {mode}".rstrip(), COMPILED, row["kelvin_img_per_s"] / rate if rate else None))
        elif row["case"].startswith("pgd20-"):
            found.append(goal(f"{what}: times PyTorch eager", EAGER, row["ratio"]))
    return found


def report(gpu, parts):
    tests = {p.name.removesuffix(".tests.json"): tests_of(p) for p in sorted(parts.glob("*.tests.json"))}
    labs = {p.name.removesuffix(".lab.txt"): lab_of(p) for p in sorted(parts.glob("*.lab.txt"))}
    optional = {}
    for name in ("comparison", "bench", "several_gpus"):
        path = parts / f"{name}.json"
        optional[name] = json.loads(path.read_text()) if path.exists() and path.stat().st_size else {}
    optional["profile"] = profiles_of(sorted(parts.glob("*.profile.json")))
    return {"gpu": gpu, "commit": optional["comparison"].get("commit"), "tests": tests, "kernel_lab": labs, **optional,
            "goals": goals(labs, optional["comparison"])}


def print_summary(result):
    for name, cases in result["tests"].items():
        count = {v: list(cases.values()).count(v) for v in ("passed", "failed", "skipped")}
        print(f"{name}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
        for case, verdict in cases.items():
            if verdict == "failed":
                print(f"  failed: {case}")
    for row in result["profile"].get("rows", []):
        total = sum(line["ms"] for line in row["profile"])
        print(f"{row['case']} {row['precision']}: {total:.2f} ms of kernels a step, {row['batch'] / row['img_per_s'] * 1000:.2f} ms replayed")
        for line in row["profile"][:MOST_LINES]:
            print(f"  {line['ms']:8.3f} ms {100 * line['ms'] / total:5.1f}% {line['calls']:6.0f} x {line['name']}")
    for row in result["several_gpus"].get("rows", []):
        said = "" if row["predicted"] is None else f", {row['predicted']:.2f} predicted"
        print(f"{row['ranks']} GPUs: {row['img_per_s']:.0f} images/s, efficiency {row['efficiency']:.2f}{said}")
    if not result["goals"]:
        print("goals: nothing measured that they speak of")
    for g in result["goals"]:
        verdict = {True: "reached", False: "MISSED", None: "not measured"}[g["reached"]]
        measured = "" if g["measured"] is None else f"{g['measured']:.2f} of "
        print(f"goal {verdict:<12} {g['goal']}: {measured}{g['wanted']}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--gpu", required=True)
    p.add_argument("--parts", type=Path, required=True)
    p.add_argument("--output", type=Path, required=True)
    a = p.parse_args()
    result = report(a.gpu, a.parts)
    temporary = a.output.with_name(a.output.name + ".tmp")
    with open(temporary, "w") as f:
        json.dump(result, f, indent=1)
        f.write("\n")
        f.flush()
        os.fsync(f.fileno())
    temporary.replace(a.output)
    print_summary(result)
    print(f"written to {a.output}")


if __name__ == "__main__":
    main()
