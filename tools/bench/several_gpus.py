"""How training scales over the GPUs of one machine, beside what scaling_model.py predicts.

    python tools/bench/several_gpus.py --kelvin $(tools/build.sh kelvin)/bin/kelvin --ranks 1,2,4,8
    python tools/bench/several_gpus.py --kelvin ... --ranks 1,2 --device cpu --model resnet8 --batch 8 --steps 8   # tries the script

Each GPU has a batch of --batch images, so more GPUs train on more images in the same time if the exchange costs nothing:
efficiency = images/s of n GPUs / (n * images/s of one). The rate is that of the second epoch, after plans have been chosen and the step has
been recorded. Standard library only; needs mpirun.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile


def rate_of(options, ranks):
    """Images per second of all ranks together."""
    images = ranks * options.batch * options.steps
    with tempfile.TemporaryDirectory() as folder:
        command = [options.kelvin, "train", "--data", f"synthetic:train={images},test=8,size=32,channels=3", "--model",
                   options.model, "--precision", options.precision, "--device", options.device, "--batch-size",
                   str(ranks * options.batch), "--epochs", "2", "--eval-every", "2", "--quiet", "--out", folder + "/run"]
        if ranks > 1:
            command = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", str(ranks)] + command
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=options.limit)
        lines = [json.loads(line) for line in pathlib.Path(folder, "run", "metrics.jsonl").read_text().splitlines()]
    return [line["img_per_s"] for line in lines if line["kind"] == "epoch"][-1]


def predicted(ranks):
    """Efficiency by scaling_model.py, where it exists and knows such a machine."""
    script = pathlib.Path(__file__).with_name("scaling_model.py")
    if ranks == 1 or not script.exists():
        return None
    run = subprocess.run([sys.executable, str(script), "--gpus", str(ranks), "--json"], capture_output=True, text=True)
    try:
        return json.loads(run.stdout)["efficiency"]
    except (ValueError, KeyError):
        return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kelvin", required=True)
    parser.add_argument("--ranks", default="1,2")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--model", default="resnet50")
    parser.add_argument("--precision", default="bf16")
    parser.add_argument("--batch", type=int, default=128, help="of one rank")
    parser.add_argument("--steps", type=int, default=60, help="of an epoch")
    parser.add_argument("--limit", type=int, default=120, help="seconds of one training")
    parser.add_argument("--output", help="a file for the figures")
    options = parser.parse_args()
    rows = []
    print("ranks    images/s   efficiency   predicted")
    for ranks in map(int, options.ranks.split(",")):
        rate = rate_of(options, ranks)
        one = rows[0]["img_per_s"] / rows[0]["ranks"] if rows else rate / ranks
        row = {"ranks": ranks, "img_per_s": rate, "efficiency": rate / (ranks * one), "predicted": predicted(ranks)}
        rows.append(row)
        said = "-" if row["predicted"] is None else f"{row['predicted']:.3f}"
        print(f"{ranks:5d} {rate:11.1f} {row['efficiency']:12.3f} {said:>11}", flush=True)
    if options.output:
        figures = {key: getattr(options, key) for key in ("device", "model", "precision", "batch", "steps")}
        pathlib.Path(options.output).write_text(json.dumps({**figures, "rows": rows}, indent=1) + "\n")


main()
