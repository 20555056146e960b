#!/usr/bin/env python3
"""Is it worth choosing the temperature, or should the whole budget go to the learning rate?

    tools/choosing_tau.py OUT [--kelvin kelvin] [--jobs 2] [--tasks NAME,...]

For each task, 24 trainings may be spent on a choice, judged on held-out images: either over six temperatures and four learning rates
each (lr times tau), or at tau = 1 over 24 learning rates. The chosen settings are trained with eight fresh seeds and measured on the test
half. The oracle is the temperature, at its chosen rate, with the best mean over seeds 0 to 3; everything is then compared on seeds 4 to 7,
which took no part in any choice. Regret: accuracy of the oracle less that of the choice, in points, with the standard error of the paired
difference over the four seeds. Continues after a kill, as kelvin sweep does.
"""
import argparse
import csv
import json
import pathlib
import statistics
import subprocess

TAUS = ["0.1", "0.5", "1", "10", "50", "100"]
JOINT_RATES = ["0.02", "0.06", "0.2", "0.6"]
RATES = [f"{0.005 * 1.25 ** i:.4g}" for i in range(24)]  # 0.005 to 0.85
TASKS = {
    "easy mlp": "--data synthetic:train=2500,test=2000,overlap=0.01 --model mlp --epochs 6 --validation 500",
    "hard mlp": "--data synthetic:train=2500,test=2000,overlap=0.15 --model mlp --epochs 6 --validation 500",
    "many classes": "--data synthetic:classes=50,train=5500,test=2000,overlap=0.05 --model mlp --epochs 6 --validation 500",
    "convolutions": "--data synthetic:channels=3,train=5500,test=2000,overlap=0.02 --model resnet8 --epochs 5 --validation 500",
    "fashion mlp": "--data fashion-mnist --train-limit 6000 --test-limit 2000 --model mlp --epochs 4 --validation 1000",
}


def sweep(args, out, task, taus, rates):
    command = [args.kelvin, "sweep", *TASKS[task].split(), "--lr-times-tau", "--weight-decay", "0", "--grid", "tau=" + ",".join(taus),
               "--grid", "lr=" + ",".join(rates), "--choose", "lr", "--choose-seeds", "100", "--seeds", "0,1,2,3,4,5,6,7",
               "--measure", "clean", "--jobs", str(args.jobs), "--out", str(out), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    choice = json.loads((out / "table.json").read_text())["choice"]["settings"]
    cells = {}
    for row in csv.DictReader((out / "cells.csv").open()):
        if row["clean"]:
            cells.setdefault(row["tau"], {})[int(row["seed"])] = 100 * float(row["clean"])
    return {s["values"][0]: {"held_out": s["held_out_accuracy"], "rate": s["chosen"], "seeds": cells.get(s["values"][0], {})} for s in choice}


def mean_over(setting, seeds):
    return statistics.mean(setting["seeds"][s] for s in seeds)


def regret(oracle, choice):
    differences = [oracle["seeds"][s] - choice["seeds"][s] for s in range(4, 8)]
    return f"{statistics.mean(differences):+.2f} ± {statistics.stdev(differences) / 2:.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--kelvin", default="kelvin")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tasks", default=",".join(TASKS))
    args = parser.parse_args()
    print("| task | oracle | chosen jointly | regret | τ = 1, all on the rate | regret | τ = 1 at one of four rates, regret |")
    print("|---|---|---|---:|---|---:|---:|")
    for task in args.tasks.split(","):
        folder = args.out / task.replace(" ", "-")
        joint = sweep(args, folder / "joint", task, TAUS, JOINT_RATES)
        alone = sweep(args, folder / "rate-alone", task, ["1"], RATES)["1"]
        best = max(joint, key=lambda tau: mean_over(joint[tau], range(4)))
        chosen = max(joint, key=lambda tau: joint[tau]["held_out"])

        def cell(tau, setting):
            return f"τ {tau}, x {setting['rate']}: {mean_over(setting, range(4, 8)):.1f} %"

        oracle = joint[best]
        print(f"| {task} | {cell(best, oracle)} | {cell(chosen, joint[chosen])} | {regret(oracle, joint[chosen])} | {cell('1', alone)} | "
              f"{regret(oracle, alone)} | {regret(oracle, joint['1'])} |", flush=True)


if __name__ == "__main__":
    main()
