#!/usr/bin/env python3
"""How often does each check of `kelvin audit` fail on honest models, and how often on models where it has to?

    tools/audit_rates.py --honest runs/tau1 runs/trades --masked runs/tau50 [--weak runs/tau0.1] [--csv FILE]

A path is an `audit --json` file, a run folder (results/audit*.json), or a folder of run folders, such as that of a sweep. Prints a table:
for each check and for the verdict of the whole, false positives on the honest models (masked or weak attack; of these masked), how often
it calls the masked ones masked and those with a weak attack weak, with exact 95 % intervals (Clopper & Pearson 1934). --csv keeps one line
for each model.
"""
import argparse
import csv
import json
import math
import pathlib

KINDS = ["honest", "masked", "weak"]
FIGURES = ["n", "clean_accuracy", "paper_faithful", "sound", "worst_case", "attack_gap", "median_margin"]


def results_of(path):
    """(name, audit) of every audit that a path holds."""
    path = pathlib.Path(path)
    if path.is_file():
        return [(path.stem, json.loads(path.read_text()))]
    files = sorted(path.glob("results/audit*.json")) or sorted(path.glob("*/results/audit*.json"))
    if not files:
        raise SystemExit(f"{path}: no results/audit*.json in it; kelvin audit {path} makes one")
    return [(f.parent.parent.name + f.stem.removeprefix("audit"), json.loads(f.read_text())) for f in files]


def tail(k, n, p):
    """P(X >= k) for X ~ Binomial(n, p)."""
    return sum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k, n + 1))


def root_of(rises_through_zero):
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rises_through_zero(middle) > 0 else (middle, high)
    return (low + high) / 2


def interval(k, n, level=0.95):
    half = (1 - level) / 2
    low = 0.0 if k == 0 else root_of(lambda p: tail(k, n, p) - half)
    high = 1.0 if k == n else root_of(lambda p: half - (1 - tail(k + 1, n, p)))
    return low, high


def rate(k, n):
    if n == 0:
        return "–"
    low, high = interval(k, n)
    return f"{k}/{n} ({100 * low:.0f} to {100 * high:.0f} %)"


def verdicts(audit):
    """{check: verdict} of the checks that have a rule and ran, and of the whole."""
    found = {c["name"]: c["verdict"] for c in audit["checks"] if c["verdict"] not in ("figure", "not run")}
    return found | {"the whole": audit.get("verdict", "masked" if audit["masked"] else "no sign")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for kind in KINDS:
        parser.add_argument("--" + kind, nargs="+", default=[], metavar="PATH")
    parser.add_argument("--csv", type=pathlib.Path)
    args = parser.parse_args()
    audits = {kind: [r for path in getattr(args, kind) for r in results_of(path)] for kind in KINDS}
    named = {kind: [verdicts(audit) for _, audit in rows] for kind, rows in audits.items()}
    checks = [c for c in dict.fromkeys(c for rows in named.values() for v in rows for c in v) if c != "the whole"] + ["the whole"]

    print("| check | false positives | of these masked | masked: found masked | weak: found weak |")
    print("|---|---:|---:|---:|---:|")
    for check in checks:
        honest, masked, weak = ([v[check] for v in named[kind] if check in v] for kind in KINDS)
        print(f"| {check} | {rate(sum(v in ('masked', 'weak attack') for v in honest), len(honest))} | {honest.count('masked')} "
              f"| {rate(masked.count('masked'), len(masked))} | {rate(weak.count('weak attack'), len(weak))} |")
    failed = [f"{name}: {check}" for kind in audits for (name, _), v in zip(audits[kind], named[kind]) for check in v
              if v[check] == "harness failed"]
    if failed:
        print("\nharness failed: " + "; ".join(failed))

    if args.csv:
        with args.csv.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["model", "kind", *FIGURES, *checks])
            for kind, rows in audits.items():
                for (name, audit), found in zip(rows, named[kind]):
                    figures = [audit.get(f, audit["masking_gap"] if f == "attack_gap" else "") for f in FIGURES]
                    writer.writerow([name, kind, *(f"{x:.4g}" for x in figures), *(found.get(c, "") for c in checks)])


if __name__ == "__main__":
    main()
