#!/usr/bin/env python3
"""Faults of a parallel run: one rank of `mpirun kelvin train` is killed, stopped, ended or cut off at a random moment.

    python3 -B tests/faults/ranks.py --program build/bin/kelvin --preload build/lib/librank_faults.so --rounds 20

After each fault all processes of kelvin must end within the promised time, on all machines, with at most one line
"kelvin: ..." that names the rank, its machine and the cause. No file may be torn or left over, and `--resume` must end
as an undisturbed run: bit for bit with as many ranks, up to rounding with fewer. Prints a row for each fault. Exit
code 1: something did not hold; 77: there is no MPI.

The moments are random with a fixed seed: a time since the start, or a number of calls of operator new.
"""

import argparse
import contextlib
import dataclasses
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from parallel_runs import Machine, Run, TwoMachines, run_quietly
from run_state import differences, state_of, torn_files

# The promise: five times --hang-after during warm-up, and then a round of messages and the end by the launcher. On a
# busy machine that takes some seconds.
WARM_UP, GRACE = 5, 15
TRAIN = ("train --data synthetic:train=384,test=64,size=4,classes=4,overlap=0.3 --model mlp --batch-size 24 --lr 0.02 "
         "--threads 1 --quiet --log-every 4 --validation 24 --ema 0.9 --keep-checkpoints all --out run")
FEWER = {4: 3, 3: 2, 2: 1}


@dataclasses.dataclass
class Trial:
    folder: Path  # holds `run`
    machine: Machine
    ranks: int
    rank: int  # the one that is struck
    moment: float  # of an undisturbed run
    hang_after: float


def send(process, number):
    """Whether the process was there."""
    try:
        os.kill(process, number)
    except ProcessLookupError:
        return False
    return True


# A fault strikes a run, and returns whether the run was still there. `says`: words of kelvin's line; empty where mpirun
# says enough, and kelvin need not. `goes_on`: the run must not end.
class Fault:
    says, goes_on = "", False

    def named_rank(self, trial):
        return trial.rank


class Signal(Fault):
    """For one rank, or for mpirun."""

    def __init__(self, number, says="", to_launcher=False):
        self.number, self.says, self.to_launcher = number, says, to_launcher

    def strike(self, run, trial):
        target = run.mpirun.pid if self.to_launcher else run.rank(trial.rank)
        return target is not None and run.mpirun.poll() is None and send(target, self.number)


class Pause(Fault):
    """All ranks stand still for longer than --hang-after, as under a batch system that suspends jobs, and go on."""
    goes_on = True

    def strike(self, run, trial):
        if run.rank(trial.rank) is None:
            return False
        for number, seconds in ((signal.SIGSTOP, trial.hang_after + 2), (signal.SIGCONT, 0)):
            for process in run.ranks().values():
                send(process, number)
            time.sleep(seconds)
        return True


class Injected(Fault):
    """In a call of operator new of one rank (preload/rank_faults.cpp)."""

    def __init__(self, kind, says=""):
        self.kind, self.says = kind, says


class FullDisk(Fault):
    """A file takes what is left of the small file system of the run folder, to which the first rank writes."""
    says = "No space left"

    def strike(self, run, trial):
        run.rank(0)
        with contextlib.suppress(OSError), open(trial.folder / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(bytes(1 << 12))
        return run.mpirun.poll() is None

    def named_rank(self, trial):
        return 0


class Cable(Fault):
    """The link between the two machines goes down. The line of the far one has no way to get here."""
    says = "not answered"

    def strike(self, run, trial):
        if run.rank(trial.ranks - 1) is None:
            return False
        trial.machine.set_link("down")
        return run.mpirun.poll() is None

    def named_rank(self, trial):
        return trial.ranks - 1


FAULTS = {
    "kill": Signal(signal.SIGKILL),
    "stop": Signal(signal.SIGSTOP, "not answered"),
    "exit": Injected("exit"),
    "exception": Injected("throw", "an error of the program itself"),
    "memory": Injected("memory", "out of memory"),
    "disk": FullDisk(),
    "link": Cable(),
    "interrupt": Signal(signal.SIGINT, to_launcher=True),
    "terminate": Signal(signal.SIGTERM, to_launcher=True),
    "launcher": Signal(signal.SIGKILL, to_launcher=True),
    "pause": Pause(),
}
IN_MPI = ("MPI has not started", "the end of the run has not come")  # of a rank that is lost inside of MPI


class Campaign:
    def __init__(self, settings):
        self.settings = settings
        self.train = f"{TRAIN} --epochs {settings.epochs}"
        self.counter = settings.folder / "counter"
        self.measured, self.calls, self.failures = {}, {}, []

    def fresh(self, name):
        folder = self.settings.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def fail(self, what, run):
        self.failures.append(what)
        print(f"FAILED {what}\n    " + run.errors().replace("\n", "\n    "), flush=True)

    def measure(self, trial):
        """The state after an undisturbed run, and how long it takes."""
        if trial.ranks in self.undisturbed:
            return
        for _ in range(2):  # the second finds the program in memory
            folder = self.fresh("whole")
            run = Run(self.settings, trial.machine, folder, trial.ranks, self.train)
            if run.end(120) != 0:
                sys.exit("an undisturbed run failed: " + run.errors())
            seconds = time.monotonic() - run.started
        self.undisturbed[trial.ranks] = state_of(folder / "run"), seconds

    def counted(self):
        return struct.unpack("<q", self.counter.read_bytes())[0]

    def injection(self, trial, fault=""):
        """The environment that counts, and perhaps strikes."""
        self.counter.write_bytes(bytes(8))
        return {"LD_PRELOAD": self.settings.preload, "KELVIN_FAULT_RANK": str(trial.rank),
                "KELVIN_FAULT_COUNTER": str(self.counter), "KELVIN_FAULT": fault}

    def start_injected(self, fault, trial):
        """A run whose rank fails in a call of operator new; returns when it has come to that call, or has ended."""
        if trial.rank not in self.calls:
            counting = self.injection(trial)
            Run(self.settings, trial.machine, self.fresh("whole"), trial.ranks, self.train, counting).end(120)
            self.calls[trial.rank] = self.counted()
        call = int(trial.moment * self.calls[trial.rank])
        run = Run(self.settings, trial.machine, trial.folder, trial.ranks, self.train,
                  self.injection(trial, f"{fault.kind}:{call}"))
        while self.counted() <= call and run.mpirun.poll() is None:
            time.sleep(0.005)
        return run, True

    def start(self, fault, trial):
        if isinstance(fault, Injected):
            return self.start_injected(fault, trial)
        run = Run(self.settings, trial.machine, trial.folder, trial.ranks, self.train)
        time.sleep(trial.moment * self.undisturbed[trial.ranks][1])
        return run, fault.strike(run, trial)

    def strike(self, name, trial, resumed_ranks):
        """Returns the seconds until all ranks had gone, or None where the run had ended before the fault."""
        fault = FAULTS[name]
        self.measure(trial)
        when = f"{name}: rank {trial.rank} of {trial.ranks} at {trial.moment:.3f} of the run"
        run, was_there = self.start(fault, trial)
        struck = time.monotonic()
        if not was_there:
            run.end(60)
            return None
        are_gone = run.wait_until_gone(self.settings.hang_after * WARM_UP + GRACE)
        took = time.monotonic() - struck
        if not are_gone:
            self.fail(f"{when}: after {took:.0f} s ranks {sorted(run.ranks())} are still there", run)
        code = run.end(2 if isinstance(fault, Cable) else 10)  # mpirun may wait for its lost daemon for minutes
        if isinstance(fault, Cable):
            trial.machine.set_link("up")
        (trial.folder / "filler").unlink(missing_ok=True)
        if fault.goes_on:
            if code != 0:
                self.fail(f"{when}: exit code {code}", run)
        elif are_gone and code == 0:
            return None
        else:
            self.check_line(fault, trial, run, f"{when}: exit code {code}")
        if torn := torn_files(trial.folder / "run"):
            self.fail(f"{when}: torn: {torn}", run)
        self.go_on(trial, resumed_ranks, when)
        return took

    def check_line(self, fault, trial, run, when):
        lines = [line for line in run.errors().splitlines() if line.startswith("kelvin: ")]
        if len(lines) > 1 or (fault.says and not lines):
            self.fail(f"{when}, {len(lines)} lines of kelvin", run)
        elif fault.says and not any(text in lines[0] for text in IN_MPI):
            if fault.says not in lines[0] or f"rank {fault.named_rank(trial)} on " not in lines[0]:
                self.fail(f"{when}, another line than expected", run)

    def go_on(self, trial, ranks, when):
        folder = trial.folder / "run"
        has_begun = any((folder / name).exists() for name in ("checkpoint.safetensors", "config.toml"))
        again = "train --resume --quiet --threads 1 --out run" if has_begun else self.train
        run = Run(self.settings, trial.machine, trial.folder, ranks, again)
        if (code := run.end(180)) != 0:
            self.fail(f"{when}; then on {ranks} ranks, {again}: exit code {code}", run)
        elif different := differences(self.undisturbed[trial.ranks][0], state_of(folder), ranks == trial.ranks):
            self.fail(f"{when}; then on {ranks} ranks these differ: {different}", run)

    def round(self, name, number, machine, random_numbers):
        """One trial; again, at other moments, where the run had ended before."""
        ranks = 2 if name == "link" else self.settings.ranks
        resumed_ranks = FEWER.get(ranks, ranks) if number % 3 == 2 else ranks
        for _ in range(10):
            folder = self.fresh("trial")
            trial = Trial(folder, machine, ranks, random_numbers.randrange(ranks), random_numbers.random(),
                          self.settings.hang_after)
            with small_disk(folder) if name == "disk" else contextlib.nullcontext():
                took = self.strike(name, trial, resumed_ranks)
            if took is not None:
                return took
        sys.exit(f"{name}: the run ended ten times before the fault")

    def fault(self, name):
        random_numbers = random.Random(f"{self.settings.seed} {name}")
        before = len(self.failures)
        with TwoMachines(self.settings.folder) if name == "link" else Machine() as machine:
            self.undisturbed = self.measured.setdefault(type(machine), {})
            times = [self.round(name, i, machine, random_numbers) for i in range(self.settings.rounds)]
        print(f"| {name} | {len(times)} | {max(times):.1f} | {len(self.failures) - before} |", flush=True)


@contextlib.contextmanager
def small_disk(folder):
    run_quietly("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder))
    try:
        yield
    finally:
        run_quietly("umount", "--lazy", str(folder))


def can_mount(folder):
    """Root of a container may not."""
    try:
        with small_disk(folder):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=os.path.abspath)
    parser.add_argument("--preload", required=True, type=os.path.abspath)
    parser.add_argument("--rounds", type=int, default=1, help="moments of each fault")
    parser.add_argument("--faults", default=",".join(FAULTS))
    parser.add_argument("--ranks", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--hang-after", type=float, default=3)
    parser.add_argument("--seed", type=int, default=1)
    settings = parser.parse_args()
    has_plugin = (Path(settings.program).parent.parent / "lib/libkelvin_mpi.so").exists()
    if shutil.which("mpirun") is None or not has_plugin:
        print("skipped: no MPI here (Debian: openmpi-bin, libopenmpi-dev)")
        sys.exit(77)
    names = settings.faults.split(",")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was set up is removed
    with tempfile.TemporaryDirectory(prefix="kelvin-ranks-") as folder:
        settings.folder = Path(folder)
        if not can_mount(settings.folder):
            print("disk and link are left out: they need root")
            names = [name for name in names if name not in ("disk", "link")]
        campaign = Campaign(settings)
        print("| fault | moments | longest time until all ranks were gone (s) | failures |\n|---|--:|--:|--:|")
        for name in names:
            campaign.fault(name)
    sys.exit(1 if campaign.failures else 0)


if __name__ == "__main__":
    main()
